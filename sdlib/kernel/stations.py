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
        m.entities[index(node.tail)].next = who
    node.tail = who
    node.queue += 1
    node.longest_queue = max(node.longest_queue, node.queue)


@jit
def join_queue_behind(m, at, who, last):
    """In the middle of a queue, behind somebody who is in it."""
    node, entity, before = m.nodes[at], m.entities[who], m.entities[index(last)]
    entity.waits_at, entity.previous, entity.next = at, last, before.next
    if before.next == NONE:
        node.tail = who
    else:
        m.entities[index(before.next)].previous = who
    before.next = who
    node.queue += 1
    node.longest_queue = max(node.longest_queue, node.queue)


@jit(inline=True)
def leave_queue(m, who):
    entity = m.entities[who]
    node = m.nodes[index(entity.waits_at)]
    if entity.previous == NONE:
        node.head = entity.next
    else:
        m.entities[index(entity.previous)].next = entity.next
    if entity.next == NONE:
        node.tail = entity.previous
    else:
        m.entities[index(entity.next)].previous = entity.previous
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
    """Give back the place that the topmost level of the stack records, and let whoever waits longest have it."""
    m.entities[who].top -= 1
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
    link, entity = m.links[index(number)], m.entities[who]
    at = index(link.node)
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
        m.stack[index(node.last_in)].next = visit
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
def leave(m, at, who):
    """Out of the node, which the topmost level of the stack records, and on in the caller's program."""
    entity, node = m.entities[who], m.nodes[at]
    entity.top -= 1
    level = m.stack[index(who * m.clock[0].levels + entity.top)]
    if level.previous == NONE:
        node.first_in = level.next
    else:
        m.stack[index(level.previous)].next = level.next
    if level.next == NONE:
        node.last_in = level.previous
    else:
        m.stack[index(level.next)].previous = level.previous
    node.inside -= 1
    entity.pc, entity.place = level.value, level.place


@jit(inline=True)
def put_back(m, who):
    """The way that a policy chose is free again: the topmost level of the stack records it."""
    entity = m.entities[who]
    entity.top -= 1
    entity.chosen = m.stack[index(who * m.clock[0].levels + entity.top)].value
    m.links[index(entity.chosen)].in_flight -= 1


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
    leave(m, at, who)


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


@jit
def pop_level(m, who):
    """Undo the topmost level of the entity's stack, whatever it records."""
    entity = m.entities[who]
    level = m.stack[index(who * m.clock[0].levels + entity.top - 1)]
    if level.kind == HELD:
        release(m, level.value, who)
    elif level.kind == RETURN:
        leave(m, level.about, who)
    elif level.kind == PICKED:
        put_back(m, who)
    else:
        entity.top -= 1
        if level.kind == TRIES:
            entity.turn = level.about


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
