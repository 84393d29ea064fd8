"""An API gateway: one address for many services; it asks who comes, how often, and where to."""

from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import complain, knob
from sdlib.kernel.attributes import route_of, token_of, user_of
from sdlib.kernel.here import Here
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON, NONE
from sdlib.kernel.statuses import NOT_FOUND, TOO_MANY, UNAUTHORIZED

EXAMPLE = '{"/user": sd.Server(cpus=4, ram_gb=4)}'
MOST_SERVICES = 1_000


class GatewayHere(Here):
    """What a gateway sees: for every path the service behind it, for every user a bucket of tokens."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        clients, gateway = simulation.clients, self.component
        self.accepted = [kind in gateway.accepts for kind, _ in clients.tokens]
        self.services = [gateway.service_for(path) for path, _ in clients.routes]
        self.buckets = {}

    def is_known(self, request):
        return self.accepted[self.simulation.attribute("tokens", request)]

    def service_of(self, request):
        """The index of the service that the path leads to; NONE for none."""
        return self.services[self.simulation.attribute("routes", request)]

    def may_pass(self, request):
        """Take a token from the user's bucket, which fills up with time."""
        gateway, user = self.component, self.simulation.user(request)
        tokens, filled_s = self.buckets.get(user, (gateway.burst, 0.0))
        tokens = min(gateway.burst, tokens + (self.world.now - filled_s) * gateway.per_user_per_s)
        passes = tokens >= 1.0
        self.buckets[user] = (tokens - 1.0 if passes else tokens, self.world.now)
        return passes


# On the machine the cells hold a row for each kind of token (one: 1 accepted), then for each path (one: the service's
# index), then for each user (amount: tokens in the bucket, time_s: when it was last filled).

@jit
def check_token(m, who, at, b, x):
    """A token that is not accepted ends the visit at b."""
    entity, cell = m.entities[who], m.nodes[at].cells_from + token_of(m, m.entities[who].request)
    if m.cells[cell].one == 0:
        entity.status, entity.pc = UNAUTHORIZED, b
    return GO_ON


@jit
def take_token(m, who, at, b, x):
    """A user whose bucket is empty ends the visit at b; it fills at x per second."""
    entity, node = m.entities[who], m.nodes[at]
    bucket = m.cells[node.cells_from + node.gateway.users_from + user_of(m, entity.request)]
    tokens = min(node.gateway.burst, bucket.amount + (m.clock[0].now - bucket.time_s) * x)
    bucket.time_s, bucket.amount = m.clock[0].now, tokens
    if tokens >= 1.0:
        bucket.amount = tokens - 1.0
    else:
        entity.status, entity.pc = TOO_MANY, b
    return GO_ON


@jit
def find_service(m, who, at, b, x):
    """The way to the service that the path leads to; none ends the visit at b."""
    entity, node = m.entities[who], m.nodes[at]
    service = m.cells[node.cells_from + node.gateway.paths_from + route_of(m, entity.request)].one
    entity.chosen = node.first_link + service
    if service == NONE:
        entity.status, entity.pc = NOT_FOUND, b
    return GO_ON


@dataclass(frozen=True, eq=False)
class Gateway(Component):
    """Routes each request to a service by its path, after a look at its token and at how often its user came.

    services: a dict of a path's beginning to the component behind it; the longest that fits counts, and a request that
    fits none is answered "not found". accepts: kinds of tokens that may pass (see `Clients.tokens`); others are
    "unauthorized". per_user_per_s, burst: a token bucket for each user; who finds it empty is answered "too many
    requests". Each of these is answered here, before a service works.
    """

    services: dict = knob(doc="components by the beginning of the path", kind="other", example=EXAMPLE)
    accepts: tuple = knob(("valid",), doc="kinds of tokens that may pass", kind="other", example=("valid",))
    per_user_per_s: float = knob(None, doc="requests of one user per second; None: no limit", unit="per second",
                                 low=0.001, high=1e6, optional=True, example=5)
    burst: float = knob(10.0, doc="requests that a user may send at once", unit="requests", low=1, high=1e6)
    check_ms: float = knob(0.5, doc="time that its own work takes", unit="ms", low=0.0, high=60_000)

    shape, shown, asks = "diamond", ("per_user_per_s",), ("routes", "tokens")
    Here = GatewayHere
    own_name, own = "gateway", (("paths_from", "i8"), ("users_from", "i8"), ("burst", "f8"))
    steps = (check_token, take_token, find_service)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "services", _services(self.services))
        good = isinstance(self.accepts, (list, tuple)) and all(isinstance(kind, str) for kind in self.accepts)
        if not good:
            complain("Gateway", "accepts", self.accepts, "a list of kinds of tokens", ("valid",))
        object.__setattr__(self, "accepts", tuple(self.accepts))

    def behind(self):
        return tuple(self.services.values())

    def service_for(self, path):
        """The index of the service with the longest beginning of this path; NONE for none."""
        fitting = [(len(begin), index) for index, begin in enumerate(self.services)
                   if path == begin or path.startswith(begin.rstrip("/") + "/")]
        return max(fitting)[1] if fitting else NONE

    def cells(self, clients):
        users = 0 if self.per_user_per_s is None else clients.users
        return len(clients.tokens) + len(clients.routes) + users

    def fill(self, own, cells, clients):
        kinds, paths = len(clients.tokens), len(clients.routes)
        own["paths_from"], own["users_from"], own["burst"] = kinds, kinds + paths, self.burst
        cells["one"][:kinds] = [kind in self.accepts for kind, _ in clients.tokens]
        cells["one"][kinds:kinds + paths] = [self.service_for(path) for path, _ in clients.routes]
        cells["amount"][kinds + paths:] = self.burst

    def process(self, here, request):
        """One request: who is it, may it come so often, where to?"""
        yield here.work(request, self.check_ms)
        if not here.is_known(request):
            return UNAUTHORIZED
        if self.per_user_per_s is not None and not here.may_pass(request):
            return TOO_MANY
        service = here.service_of(request)
        return NOT_FOUND if service == NONE else (yield from here.call(request, service))

    def program(self, write):
        """The same as instructions."""
        write.work(self.check_ms)
        checks = [write.do(check_token)]
        if self.per_user_per_s is not None:
            checks.append(write.do(take_token, x=self.per_user_per_s))
        checks.append(write.do(find_service))
        write.call_chosen()
        for check in checks:
            write.land(check)
        write.back()


def _services(services):
    good = isinstance(services, dict) and 1 <= len(services) <= MOST_SERVICES and all(
        isinstance(path, str) and path.startswith("/") and isinstance(service, Component)
        for path, service in services.items())
    if not good:
        complain("Gateway", "services", services, 'a dict of paths that begin with "/" to components', EXAMPLE)
    return dict(services)


