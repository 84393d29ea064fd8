"""Providers: somebody else's service that sends a mail, a WhatsApp message or an SMS for us."""

from dataclasses import dataclass

from sdlib.components.base import Component, Machine
from sdlib.components.checks import knob
from sdlib.components.stops import planned_stops, stops
from sdlib.kernel.bucket import Buckets, take
from sdlib.kernel.chance import fail_some
from sdlib.kernel.draws import PART_ADDRESS, uniform
from sdlib.kernel.here import Here
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON
from sdlib.kernel.statuses import DISTRIBUTIONS, FAILED, NOT_FOUND, OK, TOO_MANY


class ProviderHere(Here):
    """What a provider sees: how often we may call, and which addresses exist."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.buckets = Buckets()

    def may_pass(self):
        return self.buckets.take("all", self.world.now, self.component.burst_size, self.component.per_s)

    def is_unknown(self, request):
        """Whether the address of this request does not exist, however often it is tried."""
        return uniform(self.simulation.seed, request.request, 0, 0, PART_ADDRESS) < self.component.unknown_share


# On the machine the one cell is the bucket.

@jit
def limit_rate(m, who, at, b, x):
    """Too many per second: it is turned away, and goes on at b. The bucket fills at x per second."""
    node = m.nodes[at]
    return take(m, who, node.cells_from, node.provider.burst, b, x)


@jit
def find_address(m, who, at, b, x):
    """A share x of all addresses does not exist."""
    entity = m.entities[who]
    if uniform(m.clock[0].seed, entity.request, 0, 0, PART_ADDRESS) < x:
        entity.status, entity.pc = NOT_FOUND, b
    return GO_ON


@dataclass(frozen=True, eq=False)
class MailProvider(Component):
    """Sends a mail, and answers when it has accepted it.

    per_s: how many it takes per second; more are "too many requests" (429). It counts as a token bucket does: `burst`
    may come at once (None: those of one second). failure_rate: share of attempts that end as "failed"; another attempt
    may go well. unknown_share: share of addresses that do not exist; they are "not found" at every attempt. down: its
    outages as (start_s, end_s); what is under way at the start is lost.
    No provider publishes a limit of 30 per second: that figure is the course document's own.
    """

    latency_ms: float = knob(300.0, doc="mean time until it has accepted a mail", unit="ms", low=0.0, high=3_600_000)
    distribution: str = knob("exponential", doc="how that time varies", kind="choice", choices=DISTRIBUTIONS)
    failure_rate: float = knob(0.0, doc="share of attempts that fail", low=0.0, high=1.0, example=0.1)
    per_s: float = knob(None, doc="attempts per second; None: no limit", unit="per second", low=0.001, high=1e6,
                        optional=True, example=30)
    burst: float = knob(None, doc="attempts that may come at once; None: those of one second", unit="attempts", low=1,
                        high=1e6, optional=True, example=30)
    unknown_share: float = knob(0.0, doc="share of addresses that do not exist", low=0.0, high=1.0, example=0.01)
    down: tuple = knob((), doc="outages, as (start_s, end_s)", unit="s", kind="other", example=((60, 120),))

    shape, shown = "box", ("latency_ms", "per_s")
    Here = ProviderHere
    own_name, own = "provider", (("burst", "f8"),)
    steps = (limit_rate, find_address)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "down", stops(type(self).__name__, self.down))

    @property
    def burst_size(self):
        """How many may come at once."""
        return max(1.0, self.per_s or 1.0) if self.burst is None else self.burst

    @property
    def service(self):
        return self.latency_ms, self.distribution

    def machine(self):
        return Machine(count=0)

    def planned(self):
        return planned_stops(self.down)

    def cells(self, clients):
        return 1

    def fill(self, own, cells, clients):
        own["burst"] = cells["amount"][0] = self.burst_size

    def process(self, here, request):
        """One mail: may it come now, does it go well, does the address exist?"""
        if self.per_s is not None and not here.may_pass():
            return TOO_MANY
        yield here.work(request, self.latency_ms, self.distribution)
        if here.fails(request, self.failure_rate):
            return FAILED
        return NOT_FOUND if here.is_unknown(request) else OK

    def program(self, write):
        """The same as instructions."""
        ends = [] if self.per_s is None else [write.do(limit_rate, x=self.per_s)]
        write.work(self.latency_ms, self.distribution)
        ends += [write.do(fail_some, x=self.failure_rate), write.do(find_address, x=self.unknown_share)]
        for end in ends:
            write.land(end)
        write.back()


@dataclass(frozen=True, eq=False)
class WhatsAppProvider(MailProvider):
    """The same for WhatsApp messages; by default with its published limit.

    Source: WhatsApp Business Cloud API, throughput: 80 messages per second per number (read 2026-05-21).
    """

    latency_ms: float = knob(500.0, doc="mean time until it has accepted a message", unit="ms", low=0.0, high=3_600_000)
    per_s: float = knob(80.0, doc="attempts per second; None: no limit", unit="per second", low=0.001, high=1e6,
                        optional=True, example=80)


@dataclass(frozen=True, eq=False)
class SmsProvider(MailProvider):
    """The same for SMS; by default with the limit of a US short code.

    Source: AWS End User Messaging, SMS limits: 100 message parts per second from a short code.
    """

    latency_ms: float = knob(800.0, doc="mean time until it has accepted an SMS", unit="ms", low=0.0, high=3_600_000)
    per_s: float = knob(100.0, doc="attempts per second; None: no limit", unit="per second", low=0.001, high=1e6,
                        optional=True, example=100)
