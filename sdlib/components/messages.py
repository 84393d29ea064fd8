"""Messages on SimPy: work that outlives the request that asked for it. What a queue does with them; `message_steps` is
the same on the machine.

A message is visible (it stands in the queue), hidden (a worker has it, or it waits for its turn) or dead (it was
received too often). Each of the three is a line in which it stands; the hidden and the dead have a `Shelf`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import simpy

from sdlib.components.base import Component
from sdlib.kernel.draws import PART_JITTER
from sdlib.kernel.here import Here
from sdlib.kernel.retry import jittered_s
from sdlib.kernel.state import DEAD, DELIVERED, DROPPED, EXPIRED, IN_PROGRESS, WAITING
from sdlib.kernel.statuses import LOST
from sdlib.kernel.world import Entity

HIDDEN_SHELF, DEAD_SHELF = range(2)  # the parts of a queue


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
