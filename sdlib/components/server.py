"""A server: cores, a first-come-first-served queue, and memory that can run out."""

from dataclasses import dataclass

from sdlib.components.base import DISTRIBUTIONS, LOST, Component, complain, knob, pairs_of_numbers

MB_PER_GB = 1024
MOST_CALLS = 1_008  # so many places behind one component can be told apart, and so their draws


@dataclass(frozen=True, eq=False)
class Server(Component):
    """One machine.

    A request occupies memory from entry to exit, a core only while it computes. When memory runs out the
    machine crashes: everything in flight is lost, and it refuses all until it has restarted.
    `down` lists planned stops as (start_s, end_s): what is in flight at the start is lost.
    """

    shape, shown = "box", ("cpus", "ram_gb")

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
    calls: tuple = knob((), doc="components that each request calls, one after another", kind="components",
                        example="[sd.Database()]")

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "down", _stops(self.down))
        if len(self.calls) > MOST_CALLS:
            raise ValueError(f"Server(calls=[{len(self.calls):,} components]): calls must be a list of at most "
                             f"{MOST_CALLS:,} components; for example calls=[sd.Database()].")
        if self.most_in_flight < 1:
            complain("Server", "ram_gb", self.ram_gb, f"enough for one request of {self.memory_mb:g} MB", 4)

    @property
    def most_in_flight(self):
        """Requests that fit into memory; one more crashes the machine."""
        return int(self.ram_gb * MB_PER_GB / self.memory_mb)

    @property
    def memory_cells(self):
        return self.most_in_flight

    @property
    def places(self):
        return self.cpus

    def behind(self):
        return self.calls

    def process(self, here, request):
        """One request on this machine."""
        if here.is_down():
            return here.refuse()
        if here.memory_is_full():
            return here.crash()
        # A crash ends this block, wherever it stands, and lets go of all it holds.
        with here.in_flight(request):
            with here.places.request() as core:
                yield core
                yield here.work(request, self.service_ms, self.distribution)
            return (yield from here.call_all(request))
        return LOST

    def program(self, write):
        """The same as instructions."""
        entered = write.enter()
        write.acquire()
        write.work(self.service_ms, self.distribution)
        write.release()
        write.call_all()
        write.leave_and_back(entered)


def _stops(down):
    example = ((60, 120),)
    allowed = "a list of (start_s, end_s) pairs of numbers with 0 <= start_s < end_s, in order, not overlapping"
    stops = pairs_of_numbers(down)
    if stops is None:
        complain("Server", "down", down, allowed, example)
    edges = [edge for stop in stops for edge in stop]
    in_order = all(before < after for before, after in zip(edges, edges[1:], strict=False))
    if not in_order or (edges and not 0 <= edges[0] <= edges[-1] < float("inf")):
        complain("Server", "down", down, allowed, example)
    return stops
