"""A server: cores, a first-come-first-served queue, and memory that can run out."""

from dataclasses import dataclass

from sdlib.components.base import NO_LIMIT, Component, Machine, Pool
from sdlib.components.calls import Caller, as_groups
from sdlib.components.checks import check_number, complain, knob
from sdlib.components.stops import planned_stops, stops
from sdlib.kernel.changes import resize, set_limits
from sdlib.kernel.here import Here
from sdlib.kernel.statuses import DISTRIBUTIONS

MB_PER_GB = 1024


class ServerHere(Here):
    """What a server's process sees: its memory, beside what every component sees."""

    def memory_is_full(self):
        return self.inside() >= self.memory

    def is_full(self):
        return self.inside() >= self.limit

    def set_limits(self, entity, b, x):
        self.limit, self.memory = b, int(x)


@dataclass(frozen=True, eq=False)
class Server(Caller, Component):
    """One machine.

    A request occupies memory from entry to exit, a core only while it computes. When memory runs out the
    machine crashes: everything in flight is lost, and it refuses all until it has restarted. With threads, a request
    needs one of them from its first work to its answer, also while it waits for what it calls. With most_inside, one
    more request than that is refused. `down` lists planned stops as (start_s, end_s): what is in flight at the start is
    lost. calls: what each request calls, one after another; a list among them is called at the same time.
    """

    cpus: int = knob(doc="cores that compute at the same time", unit="cores", kind="whole", low=1, high=100_000,
                     example=4)
    ram_gb: float = knob(doc="memory for requests in flight", unit="GB", low=0.01, high=100_000, example=4)
    service_ms: float = knob(10.0, doc="mean CPU time of one request", unit="ms", low=0.0, high=3_600_000)
    distribution: str = knob("exponential", doc="how the CPU time varies", kind="choice", choices=DISTRIBUTIONS)
    memory_mb: float = knob(8.0, doc="memory that one request holds while it is in flight", unit="MB", low=0.001,
                            high=1_000_000)
    restart_s: float = knob(30.0, doc="time from a crash until the machine serves again", unit="s", low=0.0,
                            high=86_400)
    down: tuple = knob((), doc="planned stops, as (start_s, end_s)", unit="s", kind="other", example=((60, 120),))
    calls: tuple = knob((), doc="what each request calls, one after another", kind="other",
                        example="[sd.Database()]")
    threads: int = knob(None, doc="requests that are worked on or wait for a call; None: no limit", unit="threads",
                        kind="whole", low=1, high=1_000_000, optional=True, example=100)
    admits: int = knob(None, doc="requests that are let in, one more is refused; None: no limit", unit="requests",
                       kind="whole", low=1, high=1_000_000_000, optional=True, example=200)

    serves, shown = True, ("cpus", "ram_gb")
    Here = ServerHere
    actions = Component.actions | {"resize": resize, "set_limits": set_limits, "upgrade": None}

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "down", stops(type(self).__name__, self.down))
        object.__setattr__(self, "groups", as_groups(type(self).__name__, self.calls))
        object.__setattr__(self, "calls", tuple(self.calls))
        if self.most_in_flight < 1:
            complain("Server", "ram_gb", self.ram_gb, f"enough for one request of {self.memory_mb:g} MB", 4)

    @property
    def most_in_flight(self):
        """Requests that fit into memory; one more crashes the machine."""
        return fitting(self.ram_gb, self.memory_mb)

    @property
    def places(self):
        return self.cpus

    @property
    def service(self):
        return self.service_ms, self.distribution

    @property
    def memory_cells(self):
        return self.most_in_flight

    @property
    def most_inside(self):
        return NO_LIMIT if self.admits is None else self.admits

    @property
    def crash_s(self):
        return self.restart_s

    def parts(self):
        return () if self.threads is None else (("threads", Pool(self.threads)),)

    def machine(self):
        return Machine(self.cpus, self.ram_gb)

    def planned(self):
        return planned_stops(self.down)

    def plan(self, action, settings):
        """An upgrade is a stop, after which the machine has other cores and other memory."""
        if action != "upgrade":
            return super().plan(action, settings)
        cpus = check_number("at", "cpus", settings.pop("cpus", self.cpus), low=1, high=100_000, example=8, whole=True)
        ram_gb = check_number("at", "ram_gb", settings.pop("ram_gb", self.ram_gb), low=0.01, high=100_000, example=8,
                              unit="GB")
        down_s = check_number("at", "down_s", settings.pop("down_s", self.restart_s), low=0.0, high=86_400, example=30,
                              unit="s")
        memory = fitting(ram_gb, self.memory_mb)
        return [(0.0, "kill", 0, down_s), (down_s, "resize", cpus, 0.0),
                (down_s, "set_limits", min(self.most_inside, memory), float(memory))]

    def door(self, here):
        """Two questions: is the machine down, is its memory full? If it is full, it crashes."""
        if here.is_down():
            return here.refuse()
        if here.memory_is_full():
            return here.crash()
        if here.is_full():
            return here.refuse()

    def process(self, here, request):
        """One request, past the door. A crash ends it wherever it stands, and lets go of all it holds."""
        if self.threads is None:
            return (yield from self.work_and_call(here, request))
        with here.pool(0).request() as thread:
            yield thread
            return (yield from self.work_and_call(here, request))

    def work_and_call(self, here, request):
        """A core for the computing, then the calls."""
        with here.places.request() as core:
            yield core
            yield here.work(request, self.service_ms, self.distribution)
        return (yield from here.call_all(request, self.indices()))

    def program(self, write):
        """The same as instructions."""
        if self.threads is not None:
            write.acquire(part=0)
        write.acquire()
        write.work(self.service_ms, self.distribution)
        write.release()
        write.call_all(self.indices())
        if self.threads is not None:
            write.release(part=0)
        write.back()


def fitting(ram_gb, memory_mb):
    """Requests of so many MB that fit."""
    return min(int(ram_gb * MB_PER_GB / memory_mb), NO_LIMIT)

