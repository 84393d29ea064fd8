"""An API gateway: one address for many services; it asks who comes, how often, and where to."""

from dataclasses import dataclass

import numpy as np

from sdlib.components.base import Component
from sdlib.components.checks import complain, knob
from sdlib.kernel.attributes import route_of, token_of, user_of
from sdlib.kernel.bucket import Buckets, take
from sdlib.kernel.here import Here
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON, NONE
from sdlib.kernel.statuses import FORBIDDEN, NOT_FOUND, TOO_MANY, UNAUTHORIZED

EXAMPLE = '{"/user": sd.Server(cpus=4, ram_gb=4)}'
NOT_ALLOWED = -2  # in place of a service: this kind of token may not go there
MOST_SERVICES = 1_000


class GatewayHere(Here):
    """What a gateway sees: for every path the service behind it, for every user a bucket of tokens."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        clients, gateway = simulation.clients, self.component
        self.accepted = [kind in gateway.accepts for kind, _ in clients.tokens]
        self.services = _services_by_route_and_token(gateway, clients)
        self.buckets = Buckets()

    def is_known(self, request):
        return self.accepted[self.simulation.attribute("tokens", request)]

    def service_of(self, request):
        """The index of the service that the path leads to; NONE for none, NOT_ALLOWED where this token may not go."""
        return self.services[self.simulation.attribute("routes", request), self.simulation.attribute("tokens", request)]

    def user_may_pass(self, request):
        return self.buckets.take(self.simulation.user(request), self.world.now, self.component.burst,
                                 self.component.per_user_per_s)

    def all_may_pass(self):
        return self.buckets.take("all", self.world.now, self.component.burst_of_all, self.component.per_s)


# On the machine the cells hold a row for each kind of token (one: 1 accepted), then for each path and kind of token
# (one: the service's index), then for all together and for each user (amount: tokens in the bucket, time_s: when it was
# last filled).

@jit
def check_token(m, who, at, b, x):
    """A token that is not accepted ends the visit at b."""
    entity, cell = m.entities[who], m.nodes[at].cells_from + token_of(m, m.entities[who].request)
    if m.cells[cell].one == 0:
        entity.status, entity.pc = UNAUTHORIZED, b
    return GO_ON


@jit
def take_from_all(m, who, at, b, x):
    """The bucket of all together, when it is empty, ends the visit at b; it fills at x per second."""
    node = m.nodes[at]
    return take(m, who, node.cells_from + node.gateway.buckets_from, node.gateway.burst_of_all, b, x)


@jit
def take_from_user(m, who, at, b, x):
    """A user whose bucket is empty ends the visit at b; it fills at x per second."""
    node = m.nodes[at]
    bucket = node.cells_from + node.gateway.buckets_from + 1 + user_of(m, m.entities[who].request)
    return take(m, who, bucket, node.gateway.burst, b, x)


@jit
def find_service(m, who, at, b, x):
    """The way to the service that the path leads to; none, or one where the token may not go, ends the visit at b."""
    entity, node, kinds = m.entities[who], m.nodes[at], m.clock[0].tokens
    cell = node.cells_from + kinds + route_of(m, entity.request) * kinds + token_of(m, entity.request)
    service = m.cells[cell].one
    entity.chosen = node.first_link + service
    if service < 0:
        entity.status, entity.pc = NOT_FOUND if service == NONE else FORBIDDEN, b
    return GO_ON


@dataclass(frozen=True, eq=False)
class Gateway(Component):
    """Routes each request to a service by its path, after a look at its token and at how often its user came.

    services: a dict of a path's beginning to the component behind it; the longest that fits counts, and a request that
    fits none is answered "not found" (404). accepts: kinds of tokens that may pass (see `Clients.tokens`); others, such
    as one that has expired, are "unauthorized" (401). allows: for some of the services the kinds of tokens that may use
    them, {"/order": ["customer"]}; others are "forbidden" there (403). per_user_per_s, burst: a token bucket for each
    user; per_s, burst_of_all: one for all together; who finds it empty is answered "too many requests" (429). A full
    bucket lets `burst` requests pass at once; NGINX's limit_req lets one more, since its burst counts those after the
    first. Each of these is answered here, before a service works.
    """

    services: dict = knob(doc="components by the beginning of the path", kind="other", example=EXAMPLE)
    accepts: tuple = knob(("valid",), doc="kinds of tokens that may pass", kind="other", example=("valid",))
    allows: dict = knob(None, doc="kinds of tokens that may use a service; None: all", kind="other", optional=True,
                        example={"/order": ["valid"]})
    per_user_per_s: float = knob(None, doc="requests of one user per second; None: no limit", unit="per second",
                                 low=0.001, high=1e6, optional=True, example=5)
    burst: float = knob(10.0, doc="requests that a user may send at once", unit="requests", low=1, high=1e6)
    per_s: float = knob(None, doc="requests of all users per second; None: no limit", unit="per second", low=0.001,
                        high=1e9, optional=True, example=500)
    burst_of_all: float = knob(100.0, doc="requests that may come at once", unit="requests", low=1, high=1e9)
    check_ms: float = knob(0.5, doc="time that its own work takes", unit="ms", low=0.0, high=60_000)

    shape, shown, asks = "diamond", ("per_user_per_s",), ("routes", "tokens")
    Here = GatewayHere
    own_name, own = "gateway", (("buckets_from", "i8"), ("burst", "f8"), ("burst_of_all", "f8"))
    steps = (check_token, take_from_all, take_from_user, find_service)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "services", _services(self.services))
        good = isinstance(self.accepts, (list, tuple)) and all(isinstance(kind, str) for kind in self.accepts)
        if not good:
            complain("Gateway", "accepts", self.accepts, "a list of kinds of tokens", ("valid",))
        object.__setattr__(self, "accepts", tuple(self.accepts))
        object.__setattr__(self, "allows", _allows(self.allows, self.services))

    def behind(self):
        return tuple(self.services.values())

    def service_for(self, path):
        """The index of the service with the longest beginning of this path; NONE for none."""
        return longest_fit(path, self.services)

    def may_use(self, service, kind):
        """Whether this kind of token may use the service with this index."""
        path = list(self.services)[service]
        return self.allows is None or path not in self.allows or kind in self.allows[path]

    def cells(self, clients):
        users = 0 if self.per_user_per_s is None else clients.users
        return len(clients.tokens) * (1 + len(clients.routes)) + 1 + users

    def fill(self, own, cells, clients):
        kinds = len(clients.tokens)
        begin = own["buckets_from"] = kinds * (1 + len(clients.routes))
        own["burst"], own["burst_of_all"] = self.burst, self.burst_of_all
        cells["one"][:kinds] = [kind in self.accepts for kind, _ in clients.tokens]
        cells["one"][kinds:begin] = _services_by_route_and_token(self, clients).ravel()
        cells["amount"][begin], cells["amount"][begin + 1:] = self.burst_of_all, self.burst

    def process(self, here, request):
        """One request: who is it, may it come so often, where to?"""
        yield here.work(request, self.check_ms)
        if not here.is_known(request):
            return UNAUTHORIZED
        if self.per_s is not None and not here.all_may_pass():
            return TOO_MANY
        if self.per_user_per_s is not None and not here.user_may_pass(request):
            return TOO_MANY
        service = here.service_of(request)
        if service < 0:
            return NOT_FOUND if service == NONE else FORBIDDEN
        return (yield from here.call(request, service))

    def program(self, write):
        """The same as instructions."""
        write.work(self.check_ms)
        checks = [write.do(check_token)]
        if self.per_s is not None:
            checks.append(write.do(take_from_all, x=self.per_s))
        if self.per_user_per_s is not None:
            checks.append(write.do(take_from_user, x=self.per_user_per_s))
        checks.append(write.do(find_service))
        write.call_chosen()
        for check in checks:
            write.land(check)
        write.back()


def longest_fit(path, begins):
    """The index of the longest beginning that fits this path; NONE for none."""
    fitting = [(len(begin), index) for index, begin in enumerate(begins)
               if path == begin or path.startswith(begin.rstrip("/") + "/")]
    return max(fitting)[1] if fitting else NONE


def _services_by_route_and_token(gateway, clients):
    """The index of the service for each route and kind of token: int32[routes, kinds]; NONE, NOT_ALLOWED."""
    services = [gateway.service_for(path) for path, _ in clients.routes]
    return np.array([[NOT_ALLOWED if service != NONE and not gateway.may_use(service, kind) else service
                      for kind, _ in clients.tokens] for service in services], np.int32)


def _allows(allows, services):
    if allows is None:
        return None
    good = isinstance(allows, dict) and all(
        path in services and isinstance(kinds, (list, tuple)) and all(isinstance(kind, str) for kind in kinds)
        for path, kinds in allows.items())
    if not good:
        complain("Gateway", "allows", allows, "a dict of paths that services stand behind to lists of kinds of tokens",
                 {"/order": ["valid"]})
    return {path: tuple(kinds) for path, kinds in allows.items()}


def _services(services):
    good = isinstance(services, dict) and 1 <= len(services) <= MOST_SERVICES and all(
        isinstance(path, str) and path.startswith("/") and isinstance(service, Component)
        for path, service in services.items())
    if not good:
        complain("Gateway", "services", services, 'a dict of paths that begin with "/" to components', EXAMPLE)
    return dict(services)


