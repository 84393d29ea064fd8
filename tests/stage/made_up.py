"""Trace rows for trying the stage: written down by hooks in the reference engine while it simulates."""

from contextlib import contextmanager

import numpy as np

from sdlib.engine import reference, world
from sdlib.engine.arrivals import arrival_times
from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import LOST

HERE, TICKET, SIMULATION = reference.Here, world.Ticket, reference.Simulation


def rows_of(run, until_s):
    """TRACE rows of the run from 0 to until_s."""
    written = []
    with _hooks(written):
        arrived_s = arrival_times(run.clients, run.seconds, run.seed)
        simulation = Recording(run.system, run.clients, arrived_s, until_s, run.seed)
        simulation.written = written
        simulation.run()
    return np.array(written, codes.TRACE)


class Recording(SIMULATION):
    """The reference simulation, which notes who acts in which process."""

    written = None

    def note(self, entity, node, what, value=0):
        number, request = (-1, -1) if entity is None else (entity.number, entity.request)
        self.written.append((self.world.now, number, request, node, what, value))


class NotingHere(HERE):
    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.places.here, self.inside = self, {}

    def _walk(self, there, request, index):
        note, node = self.simulation.note, there.node.index
        note(request, node, codes.CALLED, self.node.index)
        there.inside[self.world.active_process] = request
        status = LOST
        try:
            status = yield from super()._walk(there, request, index)
        finally:
            there.inside.pop(self.world.active_process, None)
            note(request, node, codes.RETURNED, status)
        return status

    def bring_down(self, until_s):
        was_down = self.is_down()
        super().bring_down(until_s)
        if not was_down:
            self.simulation.note(None, self.node.index, codes.CRASHED, 0)
            up = self.world.wake_at(self.down_until_s, -1)
            up.callbacks.append(lambda _: self.simulation.note(None, self.node.index, codes.UP))

    def begin_attempt(self, client):
        super().begin_attempt(client)
        self.simulation.note(client, -1, codes.SENT, client.attempt)

    def finish(self, client, status):
        super().finish(client, status)
        self.simulation.note(client, -1, codes.DONE, status)


class NotingTicket(TICKET):
    def __init__(self, resource):
        here = resource.here
        self.who = here.inside.get(here.world.active_process)
        self.started = False
        super().__init__(resource)
        if not self.triggered:
            here.simulation.note(self.who, here.node.index, codes.QUEUED)

    def succeed(self, value=None):
        self.started = True
        here = self.resource.here
        here.simulation.note(self.who, here.node.index, codes.STARTED)
        return super().succeed(value)

    def __exit__(self, kind, error, traceback):
        here = self.resource.here
        if self.started and kind is not GeneratorExit:
            here.simulation.note(self.who, here.node.index, codes.FREED)
        return super().__exit__(kind, error, traceback)


@contextmanager
def _hooks(written):
    reference.Here, world.Ticket = NotingHere, NotingTicket
    try:
        yield
    finally:
        reference.Here, world.Ticket = HERE, TICKET
