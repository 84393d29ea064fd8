"""A load balancer: one address in front of many machines."""

from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import check_number, knob
from sdlib.kernel.draws import PART_PICK, uniform
from sdlib.kernel.here import Here
from sdlib.kernel.incidents import ADDED, REMOVED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON, NONE
from sdlib.kernel.statuses import REFUSED

POLICIES = ("round_robin", "random", "pooled_queue")
ROUND_ROBIN, RANDOM, POOLED_QUEUE = range(len(POLICIES))


def round_robin(turn, machines):
    """One after the other."""
    return turn % machines


def random_target(draw, machines):
    """By a die; draw is a number in (0, 1)."""
    return int(draw * machines)


def first_with_room(in_flight, cores, machines):
    """The first machine with a free core; both arguments have one number per machine."""
    for machine in range(machines):
        if in_flight[machine] < cores[machine]:
            return machine
    return 0


class BalancerHere(Here):
    """What a balancer sees: how many of its requests are at each target, and which targets are in use."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.cores = [simulation.nodes[child].component.places for child in node.children]
        self.in_flight, self.in_use = [0] * len(node.children), list(range(len(node.children)))

    def call_target(self, request, number):
        """Call the target with this number among those in use."""
        target = self.in_use[number]
        self.turn += 1
        self.in_flight[target] += 1
        try:
            return (yield from self.visit(request, target))
        finally:
            self.in_flight[target] -= 1

    def add(self, b, x):
        self.in_use = sorted({*self.in_use, b})
        self.note_incident(ADDED, self.world.now)

    def remove(self, b, x):
        self.in_use = [target for target in self.in_use if target != b]
        self.note_incident(REMOVED, self.world.now)


@jit
def pick(m, who, at, b, x):
    """Choose one of the targets in use; without any, the request is refused."""
    balancer, entity = m.nodes[at], m.entities[who]
    own = balancer.load_balancer
    if own.in_use == 0:
        entity.status, entity.chosen = REFUSED, NONE
        return GO_ON
    if b == ROUND_ROBIN:
        number = _round_robin(own.turn, own.in_use)
    elif b == RANDOM:
        draw = uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_PICK)
        number = _random_target(draw, own.in_use)
    else:
        number = first_free(m, balancer)
    own.turn += 1
    entity.chosen = nth_in_use(m, balancer, own.in_use, number)
    return GO_ON


_round_robin, _random_target = jit(round_robin), jit(random_target)


@jit
def first_free(m, balancer):
    """The first target in use with a free core, counted among those in use."""
    number = 0
    for link in range(balancer.first_link, balancer.first_link + balancer.links):
        if m.links[link].off == 0:
            if m.links[link].in_flight < m.links[link].room:
                return number
            number += 1
    return 0


@jit
def nth_in_use(m, balancer, in_use, number):
    """The link of the target with this number among those in use."""
    link = balancer.first_link + number
    if in_use == balancer.links:
        return link
    link = balancer.first_link - 1
    while number >= 0:
        link += 1
        number -= m.links[link].off == 0
    return link


@jit
def add(m, who, at, b, x):
    """Target b is in use from now on."""
    link = m.links[m.nodes[at].first_link + b]
    m.nodes[at].load_balancer.in_use += link.off
    link.off = 0
    write_incident(m, at, ADDED, m.clock[0].now)
    return GO_ON


@jit
def remove(m, who, at, b, x):
    """Target b gets no more requests; those that are there are answered."""
    link = m.links[m.nodes[at].first_link + b]
    m.nodes[at].load_balancer.in_use -= 1 - link.off
    link.off = 1
    write_incident(m, at, REMOVED, m.clock[0].now)
    return GO_ON


@dataclass(frozen=True, eq=False)
class LoadBalancer(Component):
    """Hands each request to one of its targets.

    Every entry of `targets` is a machine of its own, so `[sd.Server(4, 4)] * 5` means five machines.
    policy: "round_robin" goes round; "random" throws a die; "pooled_queue" keeps one queue for all and hands
    a request on when some target has a free core (its targets have cores). A core counts as taken until the target
    has answered, its calls included. A target that is down answers at once, so it looks free.
    """

    targets: tuple = knob(doc="the machines that share the work", kind="components", low=1,
                          example="[sd.Server(cpus=4, ram_gb=4)] * 5")
    policy: str = knob("round_robin", doc="who gets the next request", kind="choice", choices=POLICIES)

    copies_what_is_behind = calls_one_of_them = True
    shape, shown = "diamond", ("policy",)
    Here = BalancerHere
    own_name, own = "load_balancer", (("turn", "i8"), ("in_use", "i8"))
    steps = (pick,)
    actions = Component.actions | {"add": add, "remove": remove}

    def behind(self):
        return self.targets

    def place_of(self, index):
        """The same for every target: whoever gets a request has the same work with it."""
        return 0

    def __post_init__(self):
        super().__post_init__()
        if self.policy == "pooled_queue" and not all(target.places for target in self.targets):
            raise ValueError("LoadBalancer(policy='pooled_queue'): targets must all have cores, which it counts; "
                             "for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5.")
        check_number("LoadBalancer", "cores of all targets", self.places, low=0, high=2**31 - 1, example=20, whole=True)

    @property
    def places(self):
        return sum(target.places for target in self.targets) if self.policy == "pooled_queue" else 0

    def fill(self, own, cells, clients):
        own["in_use"] = len(self.targets)

    def plan(self, action, settings):
        if action not in ("add", "remove"):
            return super().plan(action, settings)
        target = check_number("at", "target", settings.pop("target", None), low=0, high=len(self.targets) - 1,
                              example=0, whole=True)
        return [(0.0, action, target, 0.0)]

    def process(self, here, request):
        """One request: wait for a free core if there is one queue for all, pick a machine, pass the request on."""
        if self.policy != "pooled_queue":
            return (yield from self.pass_on(here, request))
        with here.places.request() as core:
            yield core
            return (yield from self.pass_on(here, request))

    def pass_on(self, here, request):
        """To the machine that the policy picks; refused where no machine is in use."""
        if not here.in_use:
            return REFUSED
        return (yield from here.call_target(request, self.pick(here, request, len(here.in_use))))

    def pick(self, here, request, machines):
        """The number of the target that gets the request, among those in use."""
        if self.policy == "round_robin":
            return round_robin(here.turn, machines)
        if self.policy == "random":
            return random_target(here.die(request, PART_PICK), machines)
        return first_with_room([here.in_flight[target] for target in here.in_use],
                               [here.cores[target] for target in here.in_use], machines)

    def program(self, write):
        """The same as instructions."""
        is_pooled = self.policy == "pooled_queue"
        if is_pooled:
            write.acquire()
        write.do(pick, POLICIES.index(self.policy))
        write.call_chosen()
        if is_pooled:
            write.release()
        write.back()
