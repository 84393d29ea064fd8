"""What each instruction of a program means: one small function for each that is more than a line."""

from sdlib.components.base import IN_FLIGHT, OK, TIMED_OUT
from sdlib.components.clients import retry_delay_s as _retry_delay_s
from sdlib.components.load_balancer import POLICIES
from sdlib.components.load_balancer import first_with_room as _first_with_room
from sdlib.components.load_balancer import random_target as _random_target
from sdlib.components.load_balancer import round_robin as _round_robin
from sdlib.engine import program as do
from sdlib.engine.messages import carry_message
from sdlib.engine.stations import acquire, enter, pop_level
from sdlib.kernel.draws import (
    PART_JITTER,
    PART_PICK,
    child_place,
    duration,
    uniform,
    zipf_key,
)
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import free_entity, make_ready, push, spawn, wake_at
from sdlib.kernel.state import GO_ON, NONE, PICKED, RESUME, RETURN, SLEEP, WAIT, index

round_robin, random_target, first_with_room = jit(_round_robin), jit(_random_target), jit(_first_with_room)
ROUND_ROBIN, RANDOM = POLICIES.index("round_robin"), POLICIES.index("random")
retry_delay_s = jit(_retry_delay_s)




@jit(inline=True)
def walk(m, who):
    """Carry out the entity's instructions until it waits for something, or ends."""
    then = GO_ON
    while then == GO_ON:
        step = m.code[m.entities[who].pc]
        m.entities[who].pc += 1
        then = carry_out(m, who, step.op, index(step.a), step.b, step.x)
    if then == SLEEP:
        wake_at(m, m.clock[0].now + m.entities[who].delay_s, who)


@jit(inline=True)
def carry_out(m, who, op, a, b, x):
    """One instruction; returns GO_ON, WAIT, or SLEEP for the entity's delay_s."""
    entity = m.entities[who]
    if op <= do.UNPICK:
        close(m, who, op, a, b)
    elif op == do.CALL:
        call(m, who, a, b)
    elif op == do.WORK:
        entity.status = OK
        entity.delay_s = duration(x, b, m.clock[0].seed, entity.request, entity.place, entity.turn)
        return SLEEP
    elif op == do.ENTER:
        if not enter(m, a, who):
            entity.pc = b
    elif op == do.ACQUIRE:
        return GO_ON if acquire(m, a, who) else WAIT
    elif op == do.SKIP_IF_FAILED:
        if entity.status != OK:
            entity.pc = a
    elif op == do.TRY:
        return attempt(m, who, a, b, x)
    elif op == do.JUDGE:
        return judge(m, who, a)
    elif op == do.PICK:
        pick(m, who, a, b, int(x))
    elif op == do.LOOK_UP:
        if look_up(m, a, key_of(m, entity.request)):
            entity.status = OK
            entity.pc = b
    elif op == do.STORE:
        if entity.status == OK:
            store(m, a, key_of(m, entity.request))
    elif op == do.TELL:
        tell(m, who)
        return WAIT
    else:
        return carry_message(m, who, op, a, b, x)
    return GO_ON


@jit(inline=True)
def close(m, who, op, a, b):
    """The end of what the topmost level of the stack records."""
    entity = m.entities[who]
    if op == do.LEAVE:
        entity.server = a
        pop_level(m, who)
    elif op == do.BACK and a != do.KEEP_STATUS:
        entity.status = a
    if op <= do.BACK:
        m.nodes[b].served += entity.status == OK
    pop_level(m, who)


@jit(inline=True)
def call(m, who, address, index):
    entity = m.entities[who]
    level = push(m, who, RETURN, entity.pc)
    m.stack[level].place = entity.place
    entity.place = child_place(entity.place, index)
    entity.pc = address


# --- balancers and caches -------------------------------------------------------------------------------------------

@jit(inline=True)
def pick(m, who, at, first, policy):
    """Choose a target by the balancer's policy, and call it."""
    chosen = first + choose(m, who, m.nodes[at], first, policy)
    m.nodes[at].turn += 1
    m.targets[chosen].in_flight += 1
    push(m, who, PICKED, chosen)
    call(m, who, m.targets[chosen].entry, 0)


@jit(inline=True)
def choose(m, who, balancer, first, policy):
    """The index of the target that the policy names."""
    if policy == ROUND_ROBIN:
        return round_robin(balancer.turn, balancer.limit)
    if policy == RANDOM:
        entity = m.entities[who]
        draw = uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_PICK)
        return random_target(draw, balancer.limit)
    targets = m.targets[first:first + balancer.limit]
    return first_with_room(targets.in_flight, targets.room)


@jit(inline=True)
def key_of(m, request):
    return zipf_key(m.clock[0].seed, request, m.popularity)


@jit(inline=True)
def look_up(m, at, key):
    """True on a hit, which makes the key the newest."""
    node = m.nodes[at]
    slot = node.keys_from + key
    if not m.clock[0].now < m.keys[slot].expires_s:
        node.misses += 1
        return False
    node.hits += 1
    unlink(m, node, slot)
    link_newest(m, node, slot)
    return True


@jit(inline=True)
def store(m, at, key):
    """Keep the answer; the key that was used longest ago makes room."""
    node = m.nodes[at]
    slot = node.keys_from + key
    if m.keys[slot].expires_s >= 0.0:
        unlink(m, node, slot)
    elif node.stored == node.limit:
        oldest = node.oldest
        unlink(m, node, oldest)
        m.keys[oldest].expires_s = -1.0
    else:
        node.stored += 1
    link_newest(m, node, slot)
    m.keys[slot].expires_s = m.clock[0].now + node.ttl_s


@jit(inline=True)
def unlink(m, node, slot):
    newer, older = m.keys[slot].newer, m.keys[slot].older
    if newer == NONE:
        node.newest = older
    else:
        m.keys[newer].older = older
    if older == NONE:
        node.oldest = newer
    else:
        m.keys[older].newer = newer


@jit(inline=True)
def link_newest(m, node, slot):
    m.keys[slot].newer, m.keys[slot].older = NONE, node.newest
    if node.newest == NONE:
        node.oldest = slot
    else:
        m.keys[node.newest].newer = slot
    node.newest = slot


# --- clients --------------------------------------------------------------------------------------------------------

@jit(inline=True)
def attempt(m, who, root, apart, timeout_s):
    """One more attempt. A patient client makes it itself; an impatient one sends it off and waits for either the
    answer or the timeout."""
    client = m.entities[who]
    client.attempt += 1
    client.turn = client.attempt
    client.server = NONE
    m.requests[client.request].attempts = client.attempt
    if apart == 0:
        call(m, who, root, 0)
        return GO_ON
    send_off(m, who, apart)
    client.delay_s = timeout_s
    return SLEEP


@jit
def send_off(m, who, apart):
    """The attempt as an entity of its own, which the client may abandon."""
    client = m.entities[who]
    child = spawn(m, client.request, apart)
    errand = m.entities[child]
    errand.turn, errand.place, errand.server = client.turn, client.place, NONE
    errand.parent, errand.parent_number = who, client.number
    client.awaits = errand.number
    client.status = TIMED_OUT  # what it is if the timer ends the wait


@jit
def tell(m, who):
    """Bring the answer to the client, if it still waits for this attempt."""
    errand = m.entities[who]
    client = m.entities[errand.parent]
    if client.number == errand.parent_number and client.awaits == errand.number:
        client.awaits = NONE
        client.status, client.server = errand.status, errand.server
        client.token += 1
        make_ready(m, errand.parent, client.token, RESUME)
    free_entity(m, who)


@jit(inline=True)
def judge(m, who, again):
    """Done when it went well or patience is over; else wait, and try again."""
    client, clock = m.entities[who], m.clock[0]
    client.awaits = NONE
    if client.status == OK or client.attempt > clock.retries:
        request = m.requests[client.request]
        request.finished_s, request.status = clock.now, client.status
        request.served_by = client.server if client.status == OK else NONE
        free_entity(m, who)
        return WAIT
    client.pc = again
    return wait_before_retry(m, who)


@jit
def wait_before_retry(m, who):
    client, clock = m.entities[who], m.clock[0]
    draw = uniform(clock.seed, client.request, 0, client.attempt, PART_JITTER)
    client.retry_delay_s = retry_delay_s(clock.backoff, clock.jitter, client.attempt, clock.first_delay_s,
                                         clock.max_delay_s, client.retry_delay_s, draw)
    client.delay_s = client.retry_delay_s
    client.status = IN_FLIGHT
    return SLEEP
