"""Places that requests wait for, the door of a component, and what happens when it goes down."""

from sdlib.kernel.draws import child_place
from sdlib.kernel.incidents import CRASHED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import make_ready, push
from sdlib.kernel.state import CRASH, HELD, NONE, PICKED, RESUME, RETURN, TRIES, index
from sdlib.kernel.statuses import LOST, OK, REFUSED
from sdlib.kernel.trace import CALLED, FREED, QUEUED, RETURNED, STARTED, note


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
    if node.busy >= node.capacity:
        join_queue(m, at, who)
        note(m, who, QUEUED, at, 0)
        return False
    take_place(m, at, who)
    if m.clock[0].ready_count == 0:
        return True
    make_ready(m, who, m.entities[who].token, RESUME)
    return False


@jit(inline=True)
def take_place(m, at, who):
    m.nodes[at].busy += 1
    push(m, who, HELD, at)
    note(m, who, STARTED, at, 0)


@jit(inline=True)
def release(m, at, who):
    """Give the place back, and let whoever waits longest have it."""
    account(m, at)
    note(m, who, FREED, at, 0)
    m.nodes[at].busy -= 1
    admit_waiting(m, at)


@jit(inline=True)
def admit_waiting(m, at):
    """Hand out free places in the order of the queue; the areas are up to date."""
    node = m.nodes[at]
    while node.head != NONE and node.busy < node.capacity:
        heir = index(node.head)
        leave_queue(m, heir)
        take_place(m, at, heir)
        make_ready(m, heir, m.entities[heir].token, RESUME)


@jit(inline=True)
def call(m, who, number):
    """Along a link into the node where it leads; or past it, when the request is turned away at the door."""
    link, entity = m.links[number], m.entities[who]
    at = link.node
    node = m.nodes[at]
    link.calls += 1
    note(m, who, CALLED, at, link.origin)
    if m.clock[0].now < node.down_until_s or node.inside >= node.limit:
        turn_away(m, at, who)
        return
    visit = push(m, who, RETURN, entity.pc)
    level = m.stack[visit]
    level.place, level.about, level.doomed = entity.place, at, 0
    level.previous, level.next = node.last_in, NONE
    if node.last_in == NONE:
        node.first_in = visit
    else:
        m.stack[node.last_in].next = visit
    node.last_in = visit
    node.inside += 1
    entity.place = child_place(entity.place, link.place)
    entity.pc = link.entry


@jit
def turn_away(m, at, who):
    """Refuse; or, when the machine is up and its memory full, crash."""
    node, entity = m.nodes[at], m.entities[who]
    if m.clock[0].now < node.down_until_s or node.inside < node.memory:
        node.refused += 1
        entity.status = REFUSED
    else:
        node.lost += 1
        node.crashes += 1
        bring_down(m, at, m.clock[0].now + node.restart_s, CRASHED)
        entity.status = LOST
    note(m, who, RETURNED, at, entity.status)


@jit(inline=True)
def leave(m, visit):
    """Out of the node that this level of a stack records."""
    level = m.stack[visit]
    node = m.nodes[index(level.about)]
    if level.previous == NONE:
        node.first_in = level.next
    else:
        m.stack[level.previous].next = level.next
    if level.next == NONE:
        node.last_in = level.previous
    else:
        m.stack[level.next].previous = level.previous
    node.inside -= 1


@jit(inline=True)
def back(m, who, at, status_wanted, serves):
    """The end of a visit: served or failed, and on in the caller's program."""
    entity = m.entities[who]
    if status_wanted != NONE:
        entity.status = status_wanted
    if serves:
        entity.server = at
    if entity.status == OK:
        m.nodes[at].served += 1
    else:
        m.nodes[at].failed += 1
    note(m, who, RETURNED, at, entity.status)
    pop_level(m, who)


@jit
def bring_down(m, at, until_s, why):
    """Down until then; all that is inside is doomed, and ends at this instant in order of entry."""
    node = m.nodes[at]
    node.down_until_s = max(node.down_until_s, until_s)
    write_incident(m, at, why, node.down_until_s)
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
        release(m, value, who)
    elif kind == RETURN:
        leave(m, at)
        entity.pc = value
        entity.place = m.stack[at].place
    elif kind == PICKED:
        m.links[value].in_flight -= 1
    elif kind == TRIES:
        entity.turn = m.stack[at].about


@jit
def lose(m, visit):
    """End the visit that this level records: undo all above it; the caller gets the status LOST."""
    who = index(visit // m.clock[0].levels)
    entity = m.entities[who]
    m.nodes[m.stack[visit].about].lost += 1
    entity.token += 1
    entity.awaits = NONE
    entity.status = LOST
    if entity.waits_at != NONE:
        account(m, entity.waits_at)
        leave_queue(m, who)
    while who * m.clock[0].levels + entity.top > visit + 1:
        above = m.stack[index(who * m.clock[0].levels + entity.top - 1)]
        if above.kind == RETURN:
            m.nodes[above.about].failed += 1
            note(m, who, RETURNED, above.about, LOST)
        pop_level(m, who)
    note(m, who, RETURNED, m.stack[visit].about, LOST)
    pop_level(m, who)
    return who
