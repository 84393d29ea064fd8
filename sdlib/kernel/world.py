"""The small world in which the SimPy processes run.

Two rules make it agree with the compiled engine bit for bit. What continues without delay goes in the order in
which it was caused; what is due at the same time goes in the order of the entities' numbers.
"""

from heapq import heappush

import simpy

from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import OK

AT_ONCE = 0


class World(simpy.Environment):
    """SimPy's environment with the two rules of order."""

    def __init__(self, lowest_number):
        super().__init__()
        self.first_priority = AT_ONCE + 1 - lowest_number

    def schedule(self, event, priority=AT_ONCE, delay=0):
        """SimPy's own events (granted, started, ended) all go through one line, in the order of their causes."""
        super().schedule(event, AT_ONCE, delay)

    def wake_at(self, time, number):
        """An event at this time; at equal times the lower number goes first."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (time, self.first_priority + number, next(self._eid), event))
        return event


class Entity:
    """Who acts: a client with its request, an attempt, a message, a worker."""

    def __init__(self, number, request, place=0, turn=1):
        self.number, self.request, self.place, self.turn = number, request, place, turn
        self.server, self.process = NONE, None


class Crash(Exception):
    """Thrown into every process that is on a component when it goes down; `visit` is its stay there."""

    def __init__(self, visit):
        self.visit = visit


class Visit:
    """A request's stay at a component. It ends with its block, whether the request leaves or a crash ends it."""

    def __init__(self, there, request):
        self.there, self.request = there, request

    def __enter__(self):
        self.there.visits[self] = True

    def __exit__(self, kind, error, traceback):
        del self.there.visits[self]
        is_mine = kind is Crash and error.visit is self
        self.there.failed += kind is Crash and not is_mine
        return is_mine

    def end(self, _event):
        """Throw the crash into the process, at whatever it waits for; unless it has left meanwhile."""
        if self in self.there.visits:
            self.there.lost += 1
            process = self.request.process
            process.target.callbacks.remove(process._resume)
            crash = simpy.Event(process.env)
            crash._ok, crash._value, crash._defused = False, Crash(self), True
            process._resume(crash)


class Gathering:
    """Errands that are out, and their sender, who waits until all are back, or until something else ends it."""

    def __init__(self, world, sender, count):
        self.sender, self.left, self.answer, self.over = sender, count, OK, simpy.Event(world)

    def wait(self):
        try:
            return (yield self.over)
        finally:
            self.left = 0

    def tell(self, errand, status):
        """An errand is back. The first failure counts."""
        if self.left and not self.over.triggered:
            self.left -= 1
            self.sender.server = errand.server
            if self.answer == OK:
                self.answer = status
            if not self.left:
                self.end(self.answer)

    def end(self, status):
        if not self.over.triggered:
            self.over.succeed(status)


class Places(simpy.Resource):
    """A SimPy resource that measures its queue and how busy it is."""

    def __init__(self, world, capacity):
        super().__init__(world, max(capacity, 1))
        self.areas = Areas(world)

    def request(self):
        self.areas.account(self.count, len(self.queue))
        ticket = Ticket(self)
        self.areas.longest_queue = max(self.areas.longest_queue, len(self.queue))
        return ticket

    def resize(self, capacity):
        """From now on so many places; who waits longest comes first."""
        self.areas.account(self.count, len(self.queue))
        self._capacity = capacity
        for _ in range(len(self.queue)):
            self._trigger_put(None)  # lets one in, if there is room


class Ticket(simpy.resources.resource.Request):
    """A place, or the wait for one; given back when its block ends."""

    def __exit__(self, kind, error, traceback):
        self.resource.areas.account(self.resource.count, len(self.resource.queue))
        super().__exit__(kind, error, traceback)
        if kind is not GeneratorExit:
            self.resource._trigger_put(None)  # the heir has the place at once


class Areas:
    """The areas under the busy and the queue curve."""

    def __init__(self, world):
        self.world, self.changed_s, self.busy, self.queue, self.longest_queue = world, 0.0, 0.0, 0.0, 0

    def account(self, busy, queue):
        now = self.world.now
        self.busy += (now - self.changed_s) * busy
        self.queue += (now - self.changed_s) * queue
        self.changed_s = now
