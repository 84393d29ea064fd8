"""The event machine: who is next, and what each instruction on the path of every request means."""

from sdlib.engine.dispatch import carry_out_step
from sdlib.kernel import writer as do
from sdlib.kernel.draws import duration
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import comes_first, drop_first, free_entity, has_room, make_ready, new_entity, push, wake_at
from sdlib.kernel.state import CRASH, GO_ON, NONE, PICKED, RESUME, SLEEP, index
from sdlib.kernel.stations import acquire, back, call, lose, put_back, release
from sdlib.kernel.statuses import OK
from sdlib.kernel.trace import DONE, SENT, note
from sdlib.kernel.view import view

ENDED, MORE_ROOM, PAUSE = range(3)
NOBODY, SKIP = -1, -2


@jit(entry=True)
def advance(state, most_events):
    """Run until the end, until more room is needed, or for so many events."""
    m = view(state)
    clock = m.clock[0]
    for _ in range(most_events):
        if not has_room(m, clock.margin):
            return MORE_ROOM
        who = next_ready(m) if clock.ready_count else next_event(m)
        if who == NOBODY:
            return ENDED
        if who != SKIP:
            walk(m, index(who))
    return PAUSE


@jit(inline=True)
def next_ready(m):
    """Who goes on at this instant; SKIP when that was cancelled."""
    clock = m.clock[0]
    slot = m.ready[index(clock.ready_head)]
    if slot.kind == CRASH:
        victim = m.nodes[slot.who].first_in
        if victim != NONE and m.stack[victim].doomed:
            return lose(m, victim)  # the crash stays first in line until all that was inside is lost
    clock.ready_head = (clock.ready_head + 1) & (len(m.ready) - 1)
    clock.ready_count -= 1
    is_valid = slot.kind == RESUME and m.entities[index(slot.who)].token == slot.token
    return slot.who if is_valid else SKIP


@jit(inline=True)
def next_event(m):
    """Who the earliest arrival or event concerns; NOBODY when none is left before the end."""
    clock = m.clock[0]
    time, is_arrival = clock.end_s, clock.arrival < len(m.requests)
    if is_arrival:
        time = m.requests[index(clock.arrival)].arrived_s
    if clock.heap_size:
        first = m.heap[0]
        if not is_arrival or comes_first(first.time, first.number, time, clock.arrival):
            time, is_arrival = first.time, False
    if clock.next_sample_s <= time:
        sample_until(m, min(time, clock.end_s))
    if time >= clock.end_s:
        return NOBODY
    clock.now = time
    if is_arrival:
        clock.arrival += 1
        who = new_entity(m, clock.arrival - 1, clock.arrival - 1, clock.start)
        note(m, who, SENT, NONE, 1)
        return who
    who, token = m.heap[0].who, m.heap[0].token
    drop_first(m)
    return who if m.entities[index(who)].token == token else SKIP


@jit
def sample_until(m, time):
    clock = m.clock[0]
    while clock.next_sample_s <= time and clock.sample * len(m.nodes) < len(m.samples):
        for at in range(len(m.nodes)):
            node, sample = m.nodes[at], m.samples[clock.sample * len(m.nodes) + at]
            sample.queue, sample.busy, sample.inside = node.queue, node.busy, node.inside
        clock.sample += 1
        clock.next_sample_s = clock.sample * clock.sample_every_s


@jit(inline=True)
def walk(m, who):
    """Carry out the entity's instructions until it waits for something, or ends."""
    entity = m.entities[who]
    while True:
        step = m.code[index(entity.pc)]
        op, at, b, x = step.op, index(step.at), step.b, step.x
        entity.pc += 1
        if op == do.RELEASE:  # at: the pool
            release(m, at, who)
        elif op == do.BACK:  # at: the node it leaves; b: status, NONE keeps it; x: 1 where the machine serves
            back(m, who, at, b, x > 0.0)
        elif op == do.CALL:  # b: the link
            call(m, who, b)
        elif op == do.WORK:  # b: distribution; x: mean in s
            entity.status = OK
            work_s = duration(x, b, m.clock[0].seed, entity.request, entity.place, entity.turn)
            return wake_at(m, m.clock[0].now + work_s, who)
        elif op == do.ACQUIRE:  # at: the pool
            if not acquire(m, at, who):
                return None
        elif op == do.SKIP_IF_FAILED:  # b: where to go
            if entity.status != OK:
                entity.pc = b
        elif op == do.CALL_CHOSEN:
            call_chosen(m, who)
        elif op == do.PUT_BACK:
            put_back(m, who)
        elif op == do.FINISH:
            return finish(m, who)
        elif op == do.END:
            return free_entity(m, who)
        else:
            then = carry_out_step(m, op, who, at, b, x)
            if then == SLEEP:
                wake_at(m, m.clock[0].now + entity.delay_s, who)
            if then != GO_ON:
                return None


@jit(inline=True)
def call_chosen(m, who):
    """Along the link that a policy chose, and counted there until the answer; NONE: past the PUT_BACK."""
    entity = m.entities[who]
    if entity.chosen == NONE:
        entity.pc += 1
        return
    m.links[entity.chosen].in_flight += 1
    push(m, who, PICKED, entity.chosen)
    call(m, who, entity.chosen)


@jit(inline=True)
def finish(m, who):
    """The client has its final answer."""
    client = m.entities[who]
    request = m.requests[index(client.request)]
    request.finished_s, request.status = m.clock[0].now, client.status
    request.served_by = client.server if client.status == OK else NONE
    note(m, who, DONE, NONE, client.status)
    free_entity(m, who)


@jit(entry=True)
def start(state, early):
    """Who acts from the start (early[:, 0]: where its program begins) at once, planned changes at their time.

    early[:, 1]: NaN for at once. Their numbers are negative: they go first.
    """
    m = view(state)
    for row in range(len(early)):
        who = new_entity(m, row - 1 - len(early), 0, int(early[row, 0]))
        if early[row, 1] == early[row, 1]:
            wake_at(m, early[row, 1], who)
        else:
            make_ready(m, who, m.entities[who].token, RESUME)
