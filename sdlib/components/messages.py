"""Messages: work that outlives the request that asked for it. What a queue, its workers and its dead letters share.

A message is visible (it stands in the queue), hidden (a worker has it, or it waits for its turn) or dead (it was
received too often). Each of the three is a line in which it stands; the hidden and the dead have a `Shelf`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import simpy

from sdlib.components.base import Component
from sdlib.kernel.draws import PART_JITTER, uniform
from sdlib.kernel.errands import next_turn
from sdlib.kernel.here import Here
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
from sdlib.kernel.world import Entity

A_MESSAGE = 4  # room that sending or redriving one takes at most, in each array
HIDDEN_SHELF, DEAD_SHELF = range(2)  # the parts of a queue


# --- on SimPy

class Message(Entity):
    """A message; `receives` counts how often a worker got it since it was sent or redriven. A worker that received it
    holds a receipt, which is void as soon as somebody else receives it or it is moved away."""

    def __init__(self, number, sender, row):
        super().__init__(number, sender.request, sender.place, sender.turn)
        self.row, self.receives, self.receipt, self.last_s = row, 0, 0, 0.0
        self.line, self.timer = None, None


class Receipt(NamedTuple):
    """What a worker holds for a message; receives: for how many times it was received then."""

    message: Message
    number: int
    receives: int


class Line(list):
    """Messages in the order in which they came, measured as a queue is. One leaves from anywhere in it."""

    def __init__(self, here):
        super().__init__()
        self.here = here

    def join(self, message):
        self.here.account()
        message.line = self
        self.append(message)
        areas = self.here.places.areas
        areas.longest_queue = max(areas.longest_queue, len(self))

    def leave(self, message):
        self.here.account()
        self.remove(message)
        message.line = None


class ShelfHere(Here):
    """Messages that lie here, in order."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.line = Line(self)

    def looked_at(self):
        return len(self.line), 0, 0


@dataclass(frozen=True, eq=False)
class Shelf(Component):
    """Where a queue keeps messages that nobody can receive now. It is a part of the queue; nobody calls it."""

    takes_requests = False
    actions = {}
    Here = ShelfHere

    def program(self, write):
        """It has none of its own."""

    def machine(self):
        return None


class MessagesHere(Here):
    """What becomes of messages in a queue: the verbs of its process."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.visible, self.idle = Line(self), []
        self.outstanding = self.dead_lettered = 0
        self.is_redriving = False

    def row(self, message):
        return self.simulation.messages[message.row]

    @property
    def hidden(self):
        return self.simulation.here[self.node.parts[HIDDEN_SHELF]].line

    @property
    def dead(self):
        return self.simulation.here[self.node.parts[DEAD_SHELF]].line

    @property
    def workers(self):
        return self.simulation.here[self.node.children[0]]

    def send(self, request):
        """A new message. Its life goes on by itself."""
        simulation, queue = self.simulation, self.component
        message = Message(simulation.next_number(), request, len(simulation.messages))
        simulation.messages.append({"sent_s": self.world.now, "done_s": np.nan, "enqueued_s": self.world.now,
                                    "request": request.request, "channel": self.node.index, "receives": 0,
                                    "times_done": 0, "outcome": WAITING})
        self.outstanding += 1
        if queue.in_memory and self.workers.is_down():
            self.end(message, DROPPED)
            return
        self.start_clock(message)
        if queue.delay_s:
            self.hide(message, queue.delay_s)
        else:
            self.later(message)

    def later(self, message):
        """Visible when all that is ready before it has gone on."""
        ready = simpy.Event(self.world)
        ready.callbacks.append(lambda _: self.appear(message))
        ready.succeed()

    def start_clock(self, message):
        """It expires so long after it was enqueued, unless it is hidden then; in that case when it reappears."""
        if self.component.retention_s is None:
            return
        clock = Entity(self.simulation.next_number(), message.request)
        self.sleep(clock, self.component.retention_s).callbacks.append(lambda _: self.look_at_age(message))

    def look_at_age(self, message):
        if message.line in (self.visible, self.dead) and self.is_too_old(message):
            self.end(message, EXPIRED)

    def is_too_old(self, message):
        age = self.component.retention_s
        return age is not None and self.world.now >= self.row(message)["enqueued_s"] + age

    def hide(self, message, seconds):
        """Nobody sees it for so long; None: until the worker says what became of it."""
        if message.line is not self.hidden:
            self.hidden.join(message)
        message.timer = None
        if seconds is not None:
            timer = message.timer = self.sleep(message, seconds)
            timer.callbacks.append(lambda _: message.timer is timer and self.appear(message))

    def appear(self, message):
        """The worker that is idle longest gets it, or it waits. If it is too old or was received too often: the end."""
        if message.line is not None:
            message.line.leave(message)
        message.timer = None
        if self.is_too_old(message):
            self.end(message, EXPIRED)
        elif message.receives >= self.component.most_receives:
            self.dead_letter(message)
        else:
            self.row(message)["outcome"] = WAITING
            if self.idle:
                self.idle.pop(0).succeed([self.give(message)])
            else:
                self.visible.join(message)

    def take(self):
        """The receipt for the first visible message."""
        message = self.visible[0]
        self.visible.leave(message)
        return self.give(message)

    def give(self, message):
        """The receipt for a message, which is hidden until its visibility timeout ends."""
        message.receives += 1
        message.receipt += 1
        row = self.row(message)
        row["receives"] += 1
        row["outcome"] = IN_PROGRESS
        self.hide(message, None if self.component.delivers_once else self.component.visibility_timeout_s)
        return Receipt(message, message.receipt, row["receives"])

    def holds(self, receipt):
        """Whether the receipt still counts."""
        return receipt.message.receipt == receipt.number

    def done(self, receipt):
        """The work is done: the message goes, unless the receipt is void."""
        if self.holds(receipt):
            self.end(receipt.message, DELIVERED)

    def fail(self, worker, receipt, status):
        """The work failed. The message comes back when its retry says, else when its visibility timeout ends. One that
        has come back already is left where it is, as SQS does."""
        message, queue = receipt.message, self.component
        if not self.holds(receipt) or message.line is not self.hidden:
            return
        if queue.delivers_once:
            self.end(message, DROPPED)
        elif status != LOST and queue.gives_up(message.receives, status):
            self.dead_letter(message)
        elif status != LOST and queue.retry is not None:
            self.row(message)["outcome"] = WAITING
            message.last_s = jittered_s(queue.retry.jitter_number, queue.waits_s[message.receives - 1],
                                        queue.retry.first_s, queue.retry.most_s, message.last_s,
                                        self.die(worker, PART_JITTER))
            self.hide(message, message.last_s)

    def dead_letter(self, message):
        """It was received too often: it moves to the dead letters."""
        self.step_out(message)
        self.outstanding -= 1
        self.dead_lettered += 1
        row = self.row(message)
        row["outcome"], row["done_s"] = DEAD, self.world.now
        self.dead.join(message)

    def end(self, message, outcome):
        """It is gone for good."""
        if message.line is self.dead:
            self.dead_lettered -= 1
        else:
            self.outstanding -= 1
        self.step_out(message)
        row = self.row(message)
        row["outcome"], row["done_s"] = outcome, self.world.now

    def step_out(self, message):
        """Out of its line; nothing that was under way for it counts any more."""
        message.timer = None
        message.receipt += 1
        if message.line is not None:
            message.line.leave(message)

    def revive(self):
        """The dead letter that lies longest becomes a message again, as if it were new."""
        message = self.dead[0]
        self.step_out(message)
        self.dead_lettered -= 1
        self.outstanding += 1
        message.receives, message.last_s = 0, 0.0
        row = self.row(message)
        row["outcome"], row["done_s"], row["enqueued_s"] = WAITING, np.nan, self.world.now
        self.start_clock(message)
        self.later(message)

    def looked_at(self):
        return len(self.visible), 0, len(self.visits)


# --- on the machine: a message is an entity; where it stands in line, `waits_at` says

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
