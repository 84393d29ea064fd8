"""A database: a pool of connections, each running one query at a time."""

from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import knob
from sdlib.kernel.changes import resize
from sdlib.kernel.statuses import DISTRIBUTIONS, OK


@dataclass(frozen=True, eq=False)
class Database(Component):
    """A pool of connections with one first-come-first-served queue in front of it."""

    connections: int = knob(16, doc="queries that run at the same time", unit="connections", kind="whole", low=1,
                            high=100_000)
    query_ms: float = knob(1.0, doc="mean time of one query", unit="ms", low=0.0, high=3_600_000)
    distribution: str = knob("exponential", doc="how the query time varies", kind="choice", choices=DISTRIBUTIONS)

    shape, shown = "cylinder", ("connections", "query_ms")
    actions = Component.actions | {"resize": resize}

    @property
    def places(self):
        return self.connections

    @property
    def service(self):
        return self.query_ms, self.distribution

    def process(self, here, request):
        """One query."""
        with here.places.request() as connection:
            yield connection
            yield here.work(request, self.query_ms, self.distribution)
        return OK

    def program(self, write):
        """The same as instructions."""
        write.acquire()
        write.work(self.query_ms, self.distribution)
        write.release()
        write.back(OK)
