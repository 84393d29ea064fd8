"""The event machine's state and its moving parts: heap, ready queue, entities, places, memory, messages.

An *entity* is whoever acts: a client with its request, an attempt that its client may abandon, a message, a worker.
Time order is (time, entity number). What continues without delay goes through one first-in-first-out queue.
Both rules hold in the SimPy engine too, so the two never part ways.
"""

from typing import NamedTuple

import numpy as np

from sdlib.components.base import LOST, REFUSED
from sdlib.engine.jit import jit

NONE = -1
HELD, INSIDE, PICKED, RETURN = range(4)  # what a level of an entity's stack records
RESUME, CRASH = range(2)  # what waits in the ready queue
DELIVERED, DEAD, WAITING, IN_PROGRESS = range(4)  # a message's outcome

ENTITY = np.dtype([
    ("number", "i8"), ("place", "i8"), ("awaits", "i8"), ("parent_number", "i8"), ("delay_s", "f8"),
    ("retry_delay_s", "f8"),
    ("request", "i4"), ("turn", "i4"), ("attempt", "i4"), ("pc", "i4"), ("top", "i4"), ("status", "i4"),
    ("token", "i4"), ("previous", "i4"), ("next", "i4"), ("waits_at", "i4"), ("parent", "i4"), ("server", "i4"),
    ("row", "i4"), ("holds", "i4")], align=True)
LEVEL = np.dtype([("place", "i8"), ("kind", "i4"), ("value", "i4"), ("previous", "i4"), ("next", "i4"),
                  ("doomed", "i4")], align=True)
NODE = np.dtype([
    ("changed_s", "f8"), ("busy_area", "f8"), ("queue_area", "f8"), ("down_until_s", "f8"), ("restart_s", "f8"),
    ("timeout_s", "f8"), ("ttl_s", "f8"), ("served", "i8"), ("refused", "i8"), ("lost", "i8"), ("crashes", "i8"),
    ("hits", "i8"), ("misses", "i8"), ("turn", "i8"), ("capacity", "i4"), ("busy", "i4"), ("queue", "i4"),
    ("longest_queue", "i4"), ("head", "i4"), ("tail", "i4"), ("limit", "i4"), ("inside", "i4"), ("first_in", "i4"),
    ("last_in", "i4"), ("idle_head", "i4"), ("idle_tail", "i4"), ("keys_from", "i8"), ("newest", "i4"),
    ("oldest", "i4"), ("stored", "i4"), ("kind", "i4")], align=True)
CLOCK = np.dtype([
    ("now", "f8"), ("end_s", "f8"), ("next_sample_s", "f8"), ("sample_every_s", "f8"), ("next_number", "i8"),
    ("seed", "i8"), ("arrival", "i8"), ("free", "i4"), ("free_count", "i4"), ("heap_size", "i4"), ("ready_head", "i4"),
    ("ready_count", "i4"), ("rows", "i4"), ("sample", "i4"), ("levels", "i4"), ("margin", "i4"), ("start", "i4"),
    ("retries", "i4"), ("backoff", "i4"), ("jitter", "i4"), ("first_delay_s", "f8"), ("max_delay_s", "f8")],
    align=True)


EVENT = np.dtype([("time", "f8"), ("number", "i8"), ("who", "i4"), ("token", "i4")], align=True)
READY = np.dtype([("who", "i4"), ("token", "i4"), ("kind", "i4")], align=True)
TARGET = np.dtype([("entry", "i4"), ("in_flight", "i4"), ("room", "i4")], align=True)
REQUEST = np.dtype([("arrived_s", "f8"), ("finished_s", "f8"), ("served_by", "i4"), ("attempts", "i2"),
                    ("status", "i1")], align=True)
MESSAGE = np.dtype([("sent_s", "f8"), ("done_s", "f8"), ("channel", "i4"), ("receives", "i4"), ("outcome", "i4")],
                   align=True)
KEY = np.dtype([("expires_s", "f8"), ("newer", "i4"), ("older", "i4")], align=True)
COLUMN = np.dtype([("threshold", "f8"), ("alias", "i8")], align=True)


class State(NamedTuple):
    """All that the machine knows; every member an array of records."""

    code: np.ndarray
    targets: np.ndarray
    nodes: np.ndarray
    clock: np.ndarray
    entities: np.ndarray
    stack: np.ndarray
    heap: np.ndarray
    ready: np.ndarray
    requests: np.ndarray
    messages: np.ndarray
    samples: np.ndarray
    keys: np.ndarray
    popularity: np.ndarray


index = np.uint32  # an index that is surely not negative spares the machine the question

# --- time -----------------------------------------------------------------------------------------------------------

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
    slot = m.ready[(clock.ready_head + clock.ready_count) & (len(m.ready) - 1)]
    clock.ready_count += 1
    slot.who, slot.token, slot.kind = who, token, kind


# --- entities -------------------------------------------------------------------------------------------------------

@jit(inline=True)
def new_entity(m, number, request, pc):
    clock = m.clock[0]
    who = clock.free
    entity = m.entities[who]
    clock.free = entity.next
    clock.free_count -= 1
    entity.number, entity.request, entity.pc = number, request, pc
    entity.place, entity.attempt, entity.top, entity.retry_delay_s = 0, 0, 0, 0.0
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
    entity.number = NONE
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


# --- places of a node: cores, connections ---------------------------------------------------------------------------

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


# --- memory of a server ---------------------------------------------------------------------------------------------

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


# --- messages -------------------------------------------------------------------------------------------------------

@jit
def appear(m, at, message):
    """The message is visible: the worker that is idle longest gets it, or it waits."""
    account(m, at)
    node = m.nodes[at]
    worker = node.idle_head
    if worker == NONE:
        join_queue(m, at, message)
        return
    node.idle_head = m.entities[worker].next
    if node.idle_head == NONE:
        node.idle_tail = NONE
    give(m, at, message, worker)
    make_ready(m, worker, m.entities[worker].token, RESUME)


@jit
def give(m, at, message, worker):
    """The worker receives the message, which hides until its visibility timeout ends."""
    sent, receiver = m.entities[message], m.entities[worker]
    row = m.messages[sent.row]
    row.receives += 1
    row.outcome = IN_PROGRESS
    receiver.holds, receiver.parent_number = message, sent.number
    receiver.request, receiver.place = sent.request, sent.place
    receiver.turn = sent.turn * 1000 + row.receives
    wake_at(m, m.clock[0].now + m.nodes[at].timeout_s, message)


@jit
def receive(m, at, worker):
    """Take the first visible message. False when there is none: the worker is idle until one appears."""
    node = m.nodes[at]
    message = node.head
    if message == NONE:
        m.entities[worker].next = NONE
        if node.idle_tail == NONE:
            node.idle_head = worker
        else:
            m.entities[node.idle_tail].next = worker
        node.idle_tail = worker
        return False
    account(m, at)
    leave_queue(m, message)
    give(m, at, message, worker)
    if m.clock[0].ready_count == 0:
        return True
    make_ready(m, worker, m.entities[worker].token, RESUME)
    return False


@jit
def end_message(m, message, outcome):
    entity = m.entities[message]
    if entity.waits_at != NONE:
        account(m, entity.waits_at)
        leave_queue(m, message)
    row = m.messages[entity.row]
    row.outcome, row.done_s = outcome, m.clock[0].now
    free_entity(m, message)
