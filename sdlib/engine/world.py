"""The small world in which the SimPy processes run.

Two rules make it agree with the compiled engine bit for bit. What continues without delay goes in the order in
which it was caused; what is due at the same time goes in the order of the entities' numbers.
"""

from heapq import heappush

import simpy

from sdlib.kernel.state import NONE

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

    def __init__(self, number, request, place=0, turn=0):
        self.number, self.request, self.place, self.turn = number, request, place, turn
        self.attempt, self.delay_s, self.server, self.process = 0, 0.0, NONE, None


class Message(Entity):
    """A message; `receives` counts how often a worker got it."""

    def __init__(self, number, sender, row):
        super().__init__(number, sender.request, sender.place, sender.turn)
        self.row, self.receives, self.gone, self.hidden = row, 0, False, None


class Crash(Exception):
    """Thrown into every process that is on a server when it goes down; `visit` is its stay there."""

    def __init__(self, visit):
        self.visit = visit


class Visit:
    """A request's stay on a server. It ends with its block, whether the request leaves or a crash ends it."""

    def __init__(self, server, request):
        self.server, self.request = server, request

    def __enter__(self):
        self.server.visits[self] = True

    def __exit__(self, kind, error, traceback):
        del self.server.visits[self]
        self.request.server = self.server.node.index
        return kind is Crash and error.visit is self

    def end(self, _event):
        """Throw the crash into the process, at whatever it waits for; unless it has left meanwhile."""
        if self in self.server.visits:
            self.server.lost += 1
            process = self.request.process
            process.target.callbacks.remove(process._resume)
            crash = simpy.Event(process.env)
            crash._ok, crash._value, crash._defused = False, Crash(self), True
            process._resume(crash)


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


class Ticket(simpy.resources.resource.Request):
    """A place, or the wait for one; given back when its block ends."""

    def __exit__(self, kind, error, traceback):
        self.resource.areas.account(self.resource.count, len(self.resource.queue))
        return super().__exit__(kind, error, traceback)


class Areas:
    """The areas under the busy and the queue curve."""

    def __init__(self, world):
        self.world, self.changed_s, self.busy, self.queue, self.longest_queue = world, 0.0, 0.0, 0.0, 0

    def account(self, busy, queue):
        now = self.world.now
        self.busy += (now - self.changed_s) * busy
        self.queue += (now - self.changed_s) * queue
        self.changed_s = now
