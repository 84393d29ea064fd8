"""A reverse proxy: one address in front of the servers; what it may keep, it answers itself."""

from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import complain, is_number, knob
from sdlib.components.gateway import longest_fit
from sdlib.components.store import COALESCES_ABSENT, COALESCES_NONE, NOT_STORED, StoreHere
from sdlib.components.store_steps import OWN, OWN_NAME, STEPS, fill_store, invalidate, write_look_up
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import OK

EXAMPLE = {"/static": 3600.0}
LONGEST_S = 31_536_000.0


class ReverseProxyHere(StoreHere):
    """What a reverse proxy's process sees: which routes it may keep, and which of them are private."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.rules = self.component.rules(simulation.clients)

    def rule(self, request):
        return self.rules[self.simulation.attribute("routes", request)]

    def key(self, request):
        """Route and key; None where the answer is not stored."""
        if self.rule(request) is None:
            return None
        return self.simulation.attribute("routes", request), super().key(request)

    def kept_s(self, key):
        return self.rules[key[0]].ttl_s

    def settle(self, request, key, status):
        """Somebody else's private answer is a leak."""
        status = super().settle(request, key, status)
        if key is not None and status == OK and self.rule(request).is_private:
            self.leaks += self.fetched_for.get(key, 0) != self.simulation.user(request)
        return status


@dataclass(frozen=True)
class Rule:
    """How long the answers of a route are kept, and whether they are private and kept all the same."""

    ttl_s: float
    is_private: bool


@dataclass(frozen=True, eq=False)
class ReverseProxy(Component):
    """Stands in front of the servers, as NGINX does, and hides them: nothing from outside can call past it.

    caches: a dict of a path's beginning to how long its answers are kept, in s; the longest that fits counts. An answer
    is stored under its route and key; what fits none is passed on. To balance, let the target be a sd.LoadBalancer.
    private: paths whose answers say "Cache-Control: private". With respects_private they are never stored. Without,
    they are stored without regard to the user, and each that another user gets is counted as a leak.
    coalesce: requests for an answer that is not stored at all wait for the first of them. For one that has expired all
    are let through, as with NGINX's proxy_cache_lock. stale_s: an expired answer is kept so much longer, and given when
    the fetch ends in an error. while_updating: it is also given at once while one request fetches the new one, as with
    "proxy_cache_use_stale updating". What it keeps lies on its disk, and is still there when it comes back.
    Hits, misses and `passed` (paths that are not kept) add up to all requests; for the other counts see `Cache`.
    """

    target: Component = knob(doc="what stands behind it", kind="component", example="sd.Server(cpus=4, ram_gb=4)")
    caches: dict = knob(None, doc="time that answers are kept, by the beginning of the path; None: /static for an hour",
                        unit="s", kind="other", optional=True, example=EXAMPLE)
    private: tuple = knob(("/user",), doc="paths whose answers are private", kind="other", example=("/user",))
    respects_private: bool = knob(True, doc="whether private answers are never stored", kind="flag")
    capacity: int = knob(10_000, doc="answers that fit", unit="objects", kind="whole", low=1, high=10_000_000)
    coalesce: bool = knob(False, doc="whether one fetch does for all who ask for what is not stored", kind="flag")
    stale_s: float = knob(None, doc="time that an expired answer is kept for errors; None: off", unit="s", low=0.001,
                          high=LONGEST_S, optional=True, example=30)
    while_updating: bool = knob(False, doc="whether it is also given while another fetches the new one", kind="flag")
    proxy_ms: float = knob(0.2, doc="time that its own work takes", unit="ms", low=0.0, high=60_000)

    shape, shown, asks = "diamond", ("capacity",), ("keys", "routes")
    Here = ReverseProxyHere
    own_name, own, steps = OWN_NAME, OWN, STEPS
    counts = ("hits", "misses", "passed", "stale", "coalesced", "leaks")
    actions = Component.actions | {"invalidate": invalidate}
    negative_s, beta, kept_s = NOT_STORED, 0.0, 0.0

    def __post_init__(self):
        super().__post_init__()
        keep_rules(self)
        if self.while_updating and self.stale_s is None:
            complain("ReverseProxy", "while_updating", True, "False as long as stale_s is None", False)

    def behind(self):
        return (self.target,)

    @property
    def spare_s(self):
        """How long after its end an answer would still do."""
        return self.stale_s or 0.0

    @property
    def coalesces(self):
        return COALESCES_ABSENT if self.coalesce else COALESCES_NONE

    @property
    def keeps_old(self):
        """Whether a good answer may still be there after an error."""
        return self.stale_s is not None

    @property
    def leaks(self):
        """Whether a user may get another's private answer."""
        return not self.respects_private

    def rules(self, clients):
        """For each route its `Rule`; None where answers are not stored."""
        return [self._rule(path) for path, _ in clients.routes]

    def _rule(self, path):
        fits, is_private = longest_fit(path, self.caches), longest_fit(path, self.private) != NONE
        if fits == NONE or (is_private and self.respects_private):
            return None
        return Rule(list(self.caches.values())[fits], is_private)

    def cells(self, clients):
        stored = sum(rule is not None for rule in self.rules(clients))
        return len(clients.routes) + 2 * stored * clients.objects

    def fill(self, own, cells, clients):
        rules, blocks = self.rules(clients), 0
        for row, rule in zip(cells, rules):
            row["one"] = NONE if rule is None else blocks
            if rule is not None:
                row["amount"], row["other"], blocks = rule.ttl_s, rule.is_private, blocks + 1
        fill_store(own, cells, self, len(rules), blocks * clients.objects)

    def process(self, here, request):
        """Its own work, and where it has no answer the way to what stands behind."""
        yield here.work(request, self.proxy_ms)
        return (yield from here.answer(request))

    def program(self, write):
        """The same as instructions."""
        write.work(self.proxy_ms)
        write_look_up(write, self)


def keep_rules(component):
    """Check and settle its `caches` and `private`."""
    owner, caches, private = type(component).__name__, component.caches, component.private
    object.__setattr__(component, "caches", _caches(owner, EXAMPLE if caches is None else caches))
    good = isinstance(private, (list, tuple)) and all(map(_is_path, private))
    if not good:
        complain(owner, "private", private, 'a list of paths that begin with "/"', ("/user",))
    object.__setattr__(component, "private", tuple(private))


def _is_path(path):
    return isinstance(path, str) and path.startswith("/")


def _caches(owner, caches):
    good = isinstance(caches, dict) and all(
        _is_path(path) and is_number(ttl_s) and 0.0 < ttl_s <= LONGEST_S for path, ttl_s in caches.items())
    if not good:
        complain(owner, "caches", caches,
                 'a dict of paths that begin with "/" to seconds, above 0 and at most a year', EXAMPLE)
    return {path: float(ttl_s) for path, ttl_s in caches.items()}
