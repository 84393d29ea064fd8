"""The event machine's moving parts: heap, ready queue, entities and what they hold.

An *entity* is whoever acts: a client with its request, an attempt that its client may abandon, a message, a worker.
Time order is (time, entity number). What continues without delay goes through one first-in-first-out queue.
Both rules hold in the SimPy engine too, so the two never part ways.
"""

from sdlib.kernel.jit import jit
from sdlib.kernel.state import NONE, RESUME, WAIT, index
from sdlib.kernel.trace import trace_has_room


@jit(inline=True)
def comes_first(time, number, other_time, other_number):
    return time < other_time or (time == other_time and number < other_number)


@jit(inline=True)
def wake_at(m, time, who):
    """Put the entity on the heap: it goes on at this time, unless its token changes meanwhile."""
    number, token = m.entities[who].number, m.entities[who].token
    hole = m.clock[0].heap_size
    m.clock[0].heap_size += 1
    while hole:
        above = (hole - 1) >> 1
        event = m.heap[index(above)]
        if not comes_first(time, number, event.time, event.number):
            break
        put(m, hole, event.time, event.number, event.who, event.token)
        hole = above
    put(m, hole, time, number, who, token)


@jit(inline=True)
def drop_first(m):
    """Remove the earliest event of the heap."""
    m.clock[0].heap_size -= 1
    size = m.clock[0].heap_size
    last = m.heap[index(size)]
    time, number, who, token = last.time, last.number, last.who, last.token
    hole, below = 0, 1
    while below < size:
        left, right = m.heap[index(below)], m.heap[index(below + 1)]
        if below + 1 < size and comes_first(right.time, right.number, left.time, left.number):
            below += 1
            left = right
        if not comes_first(left.time, left.number, time, number):
            break
        put(m, hole, left.time, left.number, left.who, left.token)
        hole, below = below, 2 * below + 1
    put(m, hole, time, number, who, token)


@jit(inline=True)
def put(m, hole, time, number, who, token):
    event = m.heap[index(hole)]
    event.time, event.number, event.who, event.token = time, number, who, token


@jit(inline=True)
def make_ready(m, who, token, kind):
    """Let it continue at this instant, after all that became ready before."""
    clock = m.clock[0]
    slot = m.ready[index((clock.ready_head + clock.ready_count) & (len(m.ready) - 1))]
    clock.ready_count += 1
    slot.who, slot.token, slot.kind = who, token, kind


# --- entities -------------------------------------------------------------------------------------------------------

@jit
def go_on_first(m, who):
    """Let it continue before all others, once there is more room."""
    clock = m.clock[0]
    clock.ready_head = (clock.ready_head - 1) & (len(m.ready) - 1)
    clock.ready_count += 1
    slot = m.ready[clock.ready_head]
    slot.who, slot.token, slot.kind = who, m.entities[who].token, RESUME


@jit
def retreat(m, who):
    """Once more from the start, when there is more room: the step has done nothing yet."""
    m.entities[who].pc -= 1
    go_on_first(m, who)
    return WAIT


@jit(inline=True)
def has_room(m, wanted):
    """Whether so many more entities, events, messages and incidents fit."""
    clock = m.clock[0]
    return (clock.free_count >= wanted and clock.heap_size + wanted <= len(m.heap)
            and clock.ready_count + wanted <= len(m.ready) and clock.rows + wanted <= len(m.messages)
            and clock.incidents + wanted <= len(m.incidents) and trace_has_room(m, wanted))


@jit(inline=True)
def new_entity(m, number, request, pc):
    clock = m.clock[0]
    who = index(clock.free)
    entity = m.entities[who]
    clock.free = entity.next
    clock.free_count -= 1
    entity.number, entity.request, entity.pc = number, request, pc
    entity.place, entity.top, entity.turn, entity.server = 0, 0, 1, NONE
    return who


@jit
def spawn(m, request, pc):
    """A new entity with the next number; it starts when all that is ready before it has gone on."""
    who = new_entity(m, m.clock[0].next_number, request, pc)
    m.clock[0].next_number += 1
    make_ready(m, who, m.entities[who].token, RESUME)
    return who


@jit(inline=True)
def free_entity(m, who):
    entity = m.entities[who]
    entity.token += 1
    entity.number, entity.awaits = NONE, NONE
    entity.next = m.clock[0].free
    m.clock[0].free = who
    m.clock[0].free_count += 1


@jit(inline=True)
def push(m, who, kind, value):
    """A new level on the entity's stack; returns its index."""
    entity = m.entities[who]
    at = index(who * m.clock[0].levels + entity.top)
    entity.top += 1
    level = m.stack[at]
    level.kind, level.value = kind, value
    return at
