"""Messages on the machine: what a queue does with them, step by step; `messages` is the same on SimPy.

A message is an entity. Where it stands in line, `waits_at` says: the queue, or the shelf of the hidden or of the dead.
"""

import math

import numpy as np

from sdlib.components.messages import DEAD_SHELF, HIDDEN_SHELF
from sdlib.kernel.draws import PART_JITTER, uniform
from sdlib.kernel.errands import next_turn
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import free_entity, has_room, make_ready, new_entity, retreat, wake_at
from sdlib.kernel.retry import jittered_s
from sdlib.kernel.state import (
    DEAD,
    DELIVERED,
    DROPPED,
    EXPIRED,
    GO_ON,
    IN_PROGRESS,
    NONE,
    RESUME,
    WAIT,
    WAITING,
)
from sdlib.kernel.stations import account, join_queue, leave_queue
from sdlib.kernel.statuses import LOST
from sdlib.kernel.trace import DEAD_LETTERED, DELETED, PUBLISHED, RECEIVED, REDRIVEN, VISIBLE, WORK_FAILED, note
from sdlib.kernel.trace import DROPPED as NOTED_DROPPED
from sdlib.kernel.trace import EXPIRED as NOTED_EXPIRED

A_MESSAGE = 4  # room that sending or redriving one takes at most, in each array

# What a queue keeps for its messages. shelves: its parts; worker: the node of its workers.
OWN = (("idle_head", "i4"), ("idle_tail", "i4"), ("most_receives", "i4"), ("jitter", "i4"), ("has_retry", "i4"),
       ("delivers_once", "i4"), ("in_memory", "i4"), ("is_redriving", "i4"), ("clock", "i4"),
       ("outstanding", "i8"),
       ("dead_lettered", "i8"), ("visibility_s", "f8"), ("delay_s", "f8"), ("retention_s", "f8"), ("first_s", "f8"),
       ("most_s", "f8"))


@jit
def worker_of(m, at):
    return m.links[m.nodes[at].first_link].node


@jit
def send(m, who, at, b, x):
    """A new message, whose life begins at b; the clock that tells its age begins at x."""
    if not has_room(m, A_MESSAGE):
        return retreat(m, who)
    sender, row_number, own, now = m.entities[who], m.clock[0].rows, m.nodes[at].queue_state, m.clock[0].now
    message = new_entity(m, m.clock[0].next_number, sender.request, b)
    m.clock[0].next_number += 1
    m.clock[0].rows += 1
    entity, row = m.entities[message], m.messages[row_number]
    entity.turn, entity.place, entity.row, entity.left = sender.turn, sender.place, row_number, 0
    entity.partner_number, entity.delay_s = 0, 0.0
    row.sent_s, row.done_s, row.enqueued_s, row.channel, row.outcome = now, np.nan, now, at, WAITING
    row.request = sender.request
    own.outstanding += 1
    note(m, message, PUBLISHED, at, row_number)
    if own.in_memory and now < m.nodes[worker_of(m, at)].down_until_s:
        end(m, message, at, DROPPED)
        return GO_ON
    own.clock = int(x)
    start_clock(m, message, at)
    if own.delay_s > 0.0:
        hide(m, message, at, own.delay_s)
    else:
        make_ready(m, message, entity.token, RESUME)
    return GO_ON


@jit
def start_clock(m, message, at):
    """It expires so long after it was enqueued, unless it is hidden then; in that case when it reappears."""
    retention_s = m.nodes[at].queue_state.retention_s
    if retention_s == math.inf:
        return
    clock = new_entity(m, m.clock[0].next_number, m.entities[message].request, m.nodes[at].queue_state.clock)
    m.clock[0].next_number += 1
    m.entities[clock].partner, m.entities[clock].partner_number = message, m.entities[message].number
    wake_at(m, m.clock[0].now + retention_s, clock)


@jit
def look_at_age(m, who, at, b, x):
    """What the clock does."""
    clock = m.entities[who]
    message = m.entities[clock.partner]
    in_line = message.waits_at == at or message.waits_at == m.nodes[at].first_part + DEAD_SHELF
    if message.number == clock.partner_number and in_line and is_too_old(m, clock.partner, at):
        end(m, clock.partner, at, EXPIRED)
    free_entity(m, who)
    return WAIT


@jit
def is_too_old(m, message, at):
    enqueued_s = m.messages[m.entities[message].row].enqueued_s
    return m.clock[0].now >= enqueued_s + m.nodes[at].queue_state.retention_s


@jit
def hide(m, message, at, seconds):
    """Nobody sees it for so long; infinite: until the worker says what became of it."""
    shelf = m.nodes[at].first_part + HIDDEN_SHELF
    if m.entities[message].waits_at != shelf:
        account(m, shelf)
        join_queue(m, shelf, message)
    m.entities[message].token += 1
    if seconds != math.inf:
        wake_at(m, m.clock[0].now + seconds, message)


@jit
def appear(m, who, at, b, x):
    """The worker that is idle longest gets it, or it waits. If it is too old or was received too often: the end."""
    message, own = m.entities[who], m.nodes[at].queue_state
    message.pc -= 1
    leave_line(m, who)
    if is_too_old(m, who, at):
        end(m, who, at, EXPIRED)
        return WAIT
    if message.left >= own.most_receives:
        dead_letter(m, who, at)
        return WAIT
    m.messages[message.row].outcome = WAITING
    note(m, who, VISIBLE, at, message.row)
    worker = own.idle_head
    if worker == NONE:
        account(m, at)
        join_queue(m, at, who)
        return WAIT
    own.idle_head = m.entities[worker].next
    if own.idle_head == NONE:
        own.idle_tail = NONE
    give(m, at, who, worker)
    make_ready(m, worker, m.entities[worker].token, RESUME)
    return WAIT


@jit
def give(m, at, who, worker):
    """The message goes to the worker, and is hidden until its visibility timeout ends. The worker's cells say what it
    holds: a cell for itself (one: how many, other: how many of them it has begun), then two for each: the receipt (one:
    the message, amount: its number, other: its row, time_s: the receipt's number), and what the draws of its work
    depend on (amount: place, one: turn)."""
    own, message, place = m.nodes[at].queue_state, m.entities[who], m.entities[worker].row
    message.left += 1
    message.partner_number += 1
    row = m.messages[message.row]
    row.receives += 1
    row.outcome = IN_PROGRESS
    note(m, who, RECEIVED, at, row.receives)
    hide(m, who, at, math.inf if own.delivers_once else own.visibility_s)
    held = place + 1 + 2 * m.cells[place].one
    m.cells[place].one += 1
    receipt, draws = m.cells[held], m.cells[held + 1]
    receipt.one, receipt.amount, receipt.other = who, message.number, message.row
    receipt.time_s = message.partner_number
    draws.amount, draws.one = message.place, next_turn(message.turn, row.receives)


@jit
def holds(m, receipt):
    """Whether the receipt still counts."""
    message = m.entities[receipt.one]
    return message.number == receipt.amount and message.partner_number == receipt.time_s


@jit
def done(m, receipt, at):
    """The work is done: the message goes, unless the receipt is void."""
    if holds(m, receipt):
        end(m, receipt.one, at, DELIVERED)


@jit
def fail(m, worker, receipt, at):
    """The work failed. The message comes back when its retry says, else when its visibility timeout ends. One that has
    come back already is left where it is, as SQS does."""
    if not holds(m, receipt) or m.entities[receipt.one].waits_at != m.nodes[at].first_part + HIDDEN_SHELF:
        return
    own, entity, message = m.nodes[at].queue_state, m.entities[worker], m.entities[receipt.one]
    note(m, receipt.one, WORK_FAILED, at, entity.status)
    if own.delivers_once:
        end(m, receipt.one, at, DROPPED)
    elif entity.status != LOST and gives_up(m, at, message.left, entity.status):
        dead_letter(m, receipt.one, at)
    elif entity.status != LOST and own.has_retry:
        m.messages[receipt.other].outcome = WAITING
        draw = uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_JITTER)
        wait_s = m.cells[m.nodes[at].cells_from + message.left - 1].amount
        message.delay_s = jittered_s(own.jitter, wait_s, own.first_s, own.most_s, message.delay_s, draw)
        hide(m, receipt.one, at, message.delay_s)


@jit
def gives_up(m, at, receives, status):
    """What the queue's rule says after so many receives; bit `status` of the cell's `one`."""
    return (m.cells[m.nodes[at].cells_from + receives - 1].one >> status) & 1 == 1


@jit
def dead_letter(m, who, at):
    """It was received too often: it moves to the dead letters."""
    own, row, shelf = m.nodes[at].queue_state, m.messages[m.entities[who].row], m.nodes[at].first_part + DEAD_SHELF
    step_out(m, who)
    own.outstanding -= 1
    own.dead_lettered += 1
    row.outcome, row.done_s = DEAD, m.clock[0].now
    account(m, shelf)
    join_queue(m, shelf, who)
    note(m, who, DEAD_LETTERED, at, m.entities[who].row)


@jit
def end(m, who, at, outcome):
    """It is gone for good."""
    own, message = m.nodes[at].queue_state, m.entities[who]
    if message.waits_at == m.nodes[at].first_part + DEAD_SHELF:
        own.dead_lettered -= 1
    else:
        own.outstanding -= 1
    step_out(m, who)
    row = m.messages[message.row]
    row.outcome, row.done_s = outcome, m.clock[0].now
    what = DELETED if outcome == DELIVERED else NOTED_EXPIRED if outcome == EXPIRED else NOTED_DROPPED
    note(m, who, what, at, message.row)
    free_entity(m, who)


@jit
def step_out(m, who):
    """Out of its line; nothing that was under way for it counts any more."""
    m.entities[who].token += 1
    m.entities[who].partner_number += 1
    leave_line(m, who)


@jit
def leave_line(m, who):
    line = m.entities[who].waits_at
    if line != NONE:
        account(m, line)
        leave_queue(m, who)


@jit
def revive(m, at):
    """The dead letter that lies longest becomes a message again, as if it were new."""
    own, who = m.nodes[at].queue_state, m.nodes[m.nodes[at].first_part + DEAD_SHELF].head
    message = m.entities[who]
    step_out(m, who)
    own.dead_lettered -= 1
    own.outstanding += 1
    message.left, message.delay_s = 0, 0.0
    row = m.messages[message.row]
    row.outcome, row.done_s, row.enqueued_s = WAITING, np.nan, m.clock[0].now
    note(m, who, REDRIVEN, at, message.row)
    start_clock(m, who, at)
    make_ready(m, who, message.token, RESUME)
