"""Places that requests wait for, servers' memory, and what happens when a server goes down."""

from sdlib.components.base import LOST, REFUSED
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import make_ready, push
from sdlib.kernel.state import CRASH, HELD, INSIDE, NONE, PICKED, RESUME, index


@jit(inline=True)
def account(m, at):
    """Add what has passed since the last change to the areas under the busy and the queue curve."""
    node, now = m.nodes[at], m.clock[0].now
    node.busy_area += (now - node.changed_s) * node.busy
    node.queue_area += (now - node.changed_s) * node.queue
    node.changed_s = now


@jit(inline=True)
def join_queue(m, at, who):
    node, entity = m.nodes[at], m.entities[who]
    entity.waits_at, entity.previous, entity.next = at, node.tail, NONE
    if node.tail == NONE:
        node.head = who
    else:
        m.entities[node.tail].next = who
    node.tail = who
    node.queue += 1
    node.longest_queue = max(node.longest_queue, node.queue)


@jit(inline=True)
def leave_queue(m, who):
    entity = m.entities[who]
    node = m.nodes[entity.waits_at]
    if entity.previous == NONE:
        node.head = entity.next
    else:
        m.entities[entity.previous].next = entity.next
    if entity.next == NONE:
        node.tail = entity.previous
    else:
        m.entities[entity.next].previous = entity.previous
    node.queue -= 1
    entity.waits_at = NONE


@jit(inline=True)
def acquire(m, at, who):
    """Take a place, or wait for one. True when the entity may go on now."""
    account(m, at)
    node = m.nodes[at]
    if node.busy == node.capacity:
        join_queue(m, at, who)
        return False
    node.busy += 1
    push(m, who, HELD, at)
    if m.clock[0].ready_count == 0:
        return True
    make_ready(m, who, m.entities[who].token, RESUME)
    return False


@jit(inline=True)
def release(m, at):
    """Hand the place to whoever waits longest, or leave it free."""
    account(m, at)
    node = m.nodes[at]
    if node.head == NONE:
        node.busy -= 1
        return
    heir = index(node.head)
    leave_queue(m, heir)
    push(m, heir, HELD, at)
    make_ready(m, heir, m.entities[heir].token, RESUME)


@jit(inline=True)
def enter(m, at, who):
    """Into the server's memory. False when it is down (refused) or runs out of memory (crash)."""
    node = m.nodes[at]
    if m.clock[0].now < node.down_until_s or node.inside == node.limit:
        turn_away(m, at, who)
        return False
    visit = push(m, who, INSIDE, at)
    level = m.stack[visit]
    level.doomed, level.previous, level.next = 0, node.last_in, NONE
    if node.last_in == NONE:
        node.first_in = visit
    else:
        m.stack[node.last_in].next = visit
    node.last_in = visit
    node.inside += 1
    return True


@jit
def turn_away(m, at, who):
    """Refuse; or, when the machine is up and its memory full, crash."""
    node, entity = m.nodes[at], m.entities[who]
    if m.clock[0].now < node.down_until_s:
        node.refused += 1
        entity.status = REFUSED
        return
    node.lost += 1
    node.crashes += 1
    bring_down(m, at, m.clock[0].now + node.restart_s)
    entity.status = LOST


@jit(inline=True)
def leave(m, visit):
    """Out of the memory that this level of a stack records."""
    level = m.stack[visit]
    node = m.nodes[index(level.value)]
    if level.previous == NONE:
        node.first_in = level.next
    else:
        m.stack[level.previous].next = level.next
    if level.next == NONE:
        node.last_in = level.previous
    else:
        m.stack[level.next].previous = level.previous
    node.inside -= 1


@jit
def bring_down(m, at, until_s):
    """The server is down until then; all that is inside is doomed, and ends at this instant in order of entry."""
    node = m.nodes[at]
    node.down_until_s = max(node.down_until_s, until_s)
    visit = node.first_in
    while visit != NONE:
        m.stack[visit].doomed = 1
        visit = m.stack[visit].next
    make_ready(m, at, 0, CRASH)


@jit(inline=True)
def pop_level(m, who):
    """Undo the topmost level of the entity's stack, whatever it records."""
    entity = m.entities[who]
    entity.top -= 1
    at = index(who * m.clock[0].levels + entity.top)
    kind, value = m.stack[at].kind, index(m.stack[at].value)
    if kind == HELD:
        release(m, value)
    elif kind == INSIDE:
        leave(m, at)
    elif kind == PICKED:
        m.targets[value].in_flight -= 1
    else:
        entity.pc = value
        entity.place = m.stack[at].place


@jit
def lose(m, visit):
    """End the visit that this level records: undo all above it; the caller gets the status LOST."""
    who = index(visit // m.clock[0].levels)
    entity = m.entities[who]
    m.nodes[m.stack[visit].value].lost += 1
    entity.token += 1
    entity.awaits = NONE
    if entity.waits_at != NONE:
        account(m, entity.waits_at)
        leave_queue(m, who)
    while who * m.clock[0].levels + entity.top > visit:
        pop_level(m, who)
    pop_level(m, who)
    entity.status = LOST
    return who
