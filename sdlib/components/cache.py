"""A cache: answers what was asked recently, passes on what was not."""

from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import complain, knob
from sdlib.components.stops import planned_stops, stops
from sdlib.components.store import (
    COALESCES_ALL,
    COALESCES_NONE,
    NOT_STORED,
    OWN,
    OWN_NAME,
    STEPS,
    StoreHere,
    fill_store,
    forget_all,
    invalidate,
    write_look_up,
)
from sdlib.kernel.incidents import RESTORED, STOPPED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON


class CacheHere(StoreHere):
    """What a cache's process sees. When it is down, requests go past it."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.off_until_s = 0.0

    def is_off(self):
        return self.world.now < self.off_until_s

    def pass_by(self, request):
        """The cache does not answer: to what stands behind."""
        self.misses += 1
        yield self.sleep(request, self.component.lookup_timeout_ms / 1000)
        status = yield from self.fetch(request, self.key(request))
        return self.settle(request, self.key(request), status)

    def kill(self, entity, b, x):
        self.stored.clear()
        self.off_until_s = max(self.off_until_s, self.world.now + x)
        self.note_incident(STOPPED, self.off_until_s)

    def restore(self, entity, b, x):
        self.off_until_s = self.world.now
        self.note_incident(RESTORED, self.world.now)


@jit
def kill(m, who, at, b, x):
    """Down for x seconds, or until it is restored: all that is stored is gone, and requests go past it."""
    own = m.nodes[at].cache
    forget_all(m, at)
    own.down_until_s = max(own.down_until_s, m.clock[0].now + x)
    write_incident(m, at, STOPPED, own.down_until_s)
    return GO_ON


@jit
def restore(m, who, at, b, x):
    """Up again, now."""
    m.nodes[at].cache.down_until_s = m.clock[0].now
    write_incident(m, at, RESTORED, m.clock[0].now)
    return GO_ON


@dataclass(frozen=True, eq=False)
class Cache(Component):
    """Least-recently-used cache in front of another component, as an application keeps one in Redis (cache-aside).

    A request asks for one of `Clients.objects` keys. A hit is answered here; a miss is fetched from behind and
    stored. When full, the key that was used longest ago goes. With ttl_s, a stored answer expires.
    coalesce: who asks for a key that is being fetched waits for that answer, and gets its status if the fetch fails.
    early: a hit whose end is near is fetched again before, with a chance that grows; 1 is the beta of its inventors.
    stale_s: an expired answer is kept so much longer, and given when the fetch ends in an error (refused, lost, timed
    out, failed). while_updating: it is also given at once, while one request fetches the new one and waits for it.
    negative_ttl_s: how long "not found" and "failed" are kept; a good answer that may still be given stays instead.
    When the cache is down, requests go past it, each after lookup_timeout_ms more (0: the connection is refused at
    once); it comes back empty. A fetch does not end with who sent it off.
    Of all look-ups, hits and misses add up. Hits: the stored answer was given, even an expired one. Among the misses are
    `coalesced`, who waited for another's fetch, and `early`. `stale` counts expired answers, also after an error.
    """

    target: Component = knob(doc="what a miss is fetched from", kind="component", example="sd.Database()")
    capacity: int = knob(1_000, doc="objects that fit", unit="objects", kind="whole", low=1, high=10_000_000)
    ttl_s: float = knob(None, doc="time until a stored answer expires; None: never", unit="s", low=0.001,
                        high=31_536_000, optional=True, example=60)
    lookup_ms: float = knob(0.5, doc="time of one look-up", unit="ms", low=0.0, high=60_000)
    coalesce: bool = knob(False, doc="whether one fetch does for all who ask meanwhile", kind="flag")
    early: float = knob(None, doc="beta of early recomputation; None: off", low=0.01, high=100, optional=True, example=1)
    stale_s: float = knob(None, doc="time that an expired answer is kept for errors; None: off", unit="s", low=0.001,
                          high=31_536_000, optional=True, example=30)
    while_updating: bool = knob(False, doc="whether it is also given while another fetches the new one", kind="flag")
    negative_ttl_s: float = knob(None, doc="time that \"not found\" and \"failed\" are kept; None: off", unit="s",
                                 low=0.001, high=31_536_000, optional=True, example=5)
    lookup_timeout_ms: float = knob(0.0, doc="time until a look-up gives up when the cache is down", unit="ms", low=0.0,
                                    high=60_000, example=50)
    down: tuple = knob((), doc="when it is down, as (start_s, end_s)", unit="s", kind="other", example=((60, 120),))

    shape, shown, asks = "stack", ("capacity", "ttl_s"), ("keys",)
    Here = CacheHere
    own_name, own, steps = OWN_NAME, OWN, STEPS
    counts = ("hits", "misses", "stale", "coalesced", "early")
    actions = Component.actions | {"kill": kill, "restore": restore, "invalidate": invalidate}

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "down", stops("Cache", self.down))
        if self.while_updating and self.stale_s is None:
            complain("Cache", "while_updating", True, "False as long as stale_s is None", False)

    def behind(self):
        return (self.target,)

    def planned(self):
        return planned_stops(self.down)

    @property
    def kept_s(self):
        """How long an answer is kept."""
        return float("inf") if self.ttl_s is None else self.ttl_s

    @property
    def spare_s(self):
        """How long after its end an answer would still do."""
        return self.stale_s or 0.0

    @property
    def negative_s(self):
        return self.negative_ttl_s or NOT_STORED

    @property
    def beta(self):
        return self.early or 0.0

    @property
    def coalesces(self):
        return COALESCES_ALL if self.coalesce else COALESCES_NONE

    @property
    def settles(self):
        """Whether a good answer may be there after an error."""
        return self.stale_s is not None or self.early is not None

    def cells(self, clients):
        return 2 * clients.objects

    def fill(self, own, cells, clients):
        fill_store(own, cells, self, 0, clients.objects)
        own["timeout_s"] = self.lookup_timeout_ms / 1000

    def process(self, here, request):
        """One look-up, and on a miss the way to what stands behind."""
        yield here.work(request, self.lookup_ms)
        return (yield from here.pass_by(request) if here.is_off() else here.answer(request))

    def program(self, write):
        """The same as instructions."""
        write.work(self.lookup_ms)
        write_look_up(write, self)
