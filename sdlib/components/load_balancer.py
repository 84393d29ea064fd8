"""A load balancer: one address in front of many machines."""

from dataclasses import dataclass

from sdlib.components.base import Component, Machine, Pool
from sdlib.components.checks import check_number, complain, is_number, knob
from sdlib.components.own_policy import OwnPolicy, PolicyFailed, call_policy, next_in_use, stretch
from sdlib.components.policies import POLICIES
from sdlib.kernel.attributes import user_of
from sdlib.kernel.draws import PART_PICK, uniform
from sdlib.kernel.errands import next_turn
from sdlib.kernel.here import Here
from sdlib.kernel.incidents import ADDED, REMOVED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import push
from sdlib.kernel.retry import next_turn as turn_of
from sdlib.kernel.state import GO_ON, NONE, SLEEP, TRIES, index
from sdlib.kernel.stations import pop_level
from sdlib.kernel.statuses import LOST, REFUSED

TAKEN_OUT, SICK, RESTING = 1, 2, 4  # why a target is not in use: the schedule, a health check, its failures
OWN = len(POLICIES)  # a learner's own
_ROUND_ROBIN, _WEIGHTED, _RANDOM, _LEAST, _TWO, _USER_HASH, _CONSISTENT, _BOUNDED, _POOLED = POLICIES.values()


class Target:
    """What a balancer knows of one of its targets."""

    def __init__(self, cores, weight):
        self.cores, self.weight = cores, weight
        self.in_flight, self.credit, self.out, self.fails, self.rest_until_s = 0, 0.0, 0, 0, 0.0

    def mark(self, why, is_out):
        self.out = self.out | why if is_out else self.out & ~why


class BalancerHere(Here):
    """What a balancer sees: how many of its requests are at each target, and which targets are in use."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.targets = [Target(simulation.nodes[child].component.places, self.component.weight_of(number))
                        for number, child in enumerate(node.children)]

    def in_use(self):
        """How many targets are in use now."""
        for target in self.targets:
            if target.out & RESTING and self.world.now >= target.rest_until_s:
                target.mark(RESTING, False)
        return sum(target.out == 0 for target in self.targets)

    def pick(self, request, policy):
        """The number of the target that the policy chooses."""
        self.turn += 1
        return policy(self.targets, self.in_use(), self.turn - 1, self.die(request, PART_PICK),
                      self.simulation.user(request))

    def call_target(self, request, number):
        self.targets[number].in_flight += 1
        try:
            return (yield from self.visit(request, number))
        finally:
            self.targets[number].in_flight -= 1

    def hear(self, number, status):
        """Of too many failures in a row the target has a rest."""
        target = self.targets[number]
        target.fails = target.fails + 1 if status in (REFUSED, LOST) else 0
        if target.fails >= self.component.max_fails:
            target.fails, target.rest_until_s = 0, self.world.now + self.component.fail_timeout_s
            target.mark(RESTING, True)

    def probe(self):
        """Ask every target whether it is up."""
        for target, child in zip(self.targets, self.node.children):
            target.mark(SICK, self.simulation.here[child].is_down())

    def add(self, entity, b, x):
        self.targets[b].mark(TAKEN_OUT, False)
        self.note_incident(ADDED, self.world.now)

    def remove(self, entity, b, x):
        self.targets[b].mark(TAKEN_OUT, True)
        self.note_incident(REMOVED, self.world.now)


# --- on the machine: a target is its link -----------------------------------------------------------------------------

@jit
def mark(m, at, link, why, is_out):
    """Take a target out of use for this reason, or let that reason go."""
    target = m.links[link]
    was_out = target.out != 0
    target.out = target.out | why if is_out else target.out & ~why
    m.nodes[at].load_balancer.out += int(target.out != 0) - int(was_out)


@jit
def end_rests(m, at):
    first = m.nodes[at].first_link
    for link in range(first, first + m.nodes[at].links):
        if m.links[link].out & RESTING and m.clock[0].now >= m.links[link].rest_until_s:
            mark(m, at, link, RESTING, False)


@jit
def pick(m, who, at, b, x):
    """Choose one of the targets in use; without any, the request is refused."""
    balancer, entity = m.nodes[at], m.entities[who]
    own = balancer.load_balancer
    if own.out:
        end_rests(m, at)
    in_use = balancer.links - own.out
    if in_use == 0:
        entity.status, entity.chosen = REFUSED, NONE
        return GO_ON
    draw = uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_PICK)
    machines, user = stretch(m.links, int(balancer.first_link), int(balancer.links)), user_of(m, entity.request)
    if b == OWN:
        number = call_policy(own.policy, machines, int(in_use), int(own.turn), draw, int(user))
        if number < 0 or number >= balancer.links:
            own.failed, entity.status, entity.chosen = 1, REFUSED, NONE
            return GO_ON
        number = next_in_use(machines, number)
    else:
        number = choose(machines, in_use, own.turn, draw, user, b)
    own.turn += 1
    entity.chosen = balancer.first_link + number
    return GO_ON


@jit
def choose(machines, in_use, turn, draw, user, policy):
    if policy == 0:
        return _ROUND_ROBIN(machines, in_use, turn, draw, user)
    if policy == 1:
        return _WEIGHTED(machines, in_use, turn, draw, user)
    if policy == 2:
        return _RANDOM(machines, in_use, turn, draw, user)
    if policy == 3:
        return _LEAST(machines, in_use, turn, draw, user)
    if policy == 4:
        return _TWO(machines, in_use, turn, draw, user)
    if policy == 5:
        return _USER_HASH(machines, in_use, turn, draw, user)
    if policy == 6:
        return _CONSISTENT(machines, in_use, turn, draw, user)
    if policy == 7:
        return _BOUNDED(machines, in_use, turn, draw, user)
    return _POOLED(machines, in_use, turn, draw, user)


@jit
def hear(m, who, at, b, x):
    """Of b failures in a row the target that answered has a rest of x seconds."""
    entity = m.entities[who]
    if entity.chosen == NONE:
        return GO_ON
    target = m.links[entity.chosen]
    target.fails = target.fails + 1 if entity.status == REFUSED or entity.status == LOST else 0
    if target.fails >= b:
        target.fails, target.rest_until_s = 0, m.clock[0].now + x
        mark(m, at, entity.chosen, RESTING, True)
    return GO_ON


@jit
def begin_picks(m, who, at, b, x):
    """Before the first of several tries."""
    m.stack[push(m, who, TRIES, 0)].about = m.entities[who].turn
    return GO_ON


@jit
def next_pick(m, who, at, b, x):
    """One more try: its draws are its own."""
    entity = m.entities[who]
    level = m.stack[index(who * m.clock[0].levels + entity.top - 1)]
    level.value += 1
    entity.turn = next_turn(level.about, level.value)
    return GO_ON


@jit
def pick_again(m, who, at, b, x):
    """Refused or lost there: once more at b, at most x times in all."""
    entity = m.entities[who]
    level = m.stack[index(who * m.clock[0].levels + entity.top - 1)]
    if (entity.status == REFUSED or entity.status == LOST) and level.value < x and entity.chosen != NONE:
        entity.pc = b
    else:
        pop_level(m, who)
    return GO_ON


@jit
def probe(m, who, at, b, x):
    """Ask every target whether it is up; again in x seconds, at b."""
    first, entity = m.nodes[at].first_link, m.entities[who]
    for link in range(first, first + m.nodes[at].links):
        mark(m, at, link, SICK, m.clock[0].now < m.nodes[m.links[link].node].down_until_s)
    entity.pc, entity.delay_s = b, x
    return SLEEP


@jit
def add(m, who, at, b, x):
    """Target b is in use from now on."""
    mark(m, at, m.nodes[at].first_link + b, TAKEN_OUT, False)
    write_incident(m, at, ADDED, m.clock[0].now)
    return GO_ON


@jit
def remove(m, who, at, b, x):
    """Target b gets no more requests; those that are there are answered."""
    mark(m, at, m.nodes[at].first_link + b, TAKEN_OUT, True)
    write_incident(m, at, REMOVED, m.clock[0].now)
    return GO_ON


@dataclass(frozen=True, eq=False)
class LoadBalancer(Component):
    """Hands each request to one of its targets.

    Every entry of `targets` is a machine of its own, so `[sd.Server(4, 4)] * 5` means five machines.
    policy: see `sdlib.components.policies`, or a function of your own (see `OwnPolicy`). "pooled_queue" keeps one queue
    for all and hands a request on when some target has a free core (its targets have cores). A core counts as taken
    until the target has answered, its calls included. weights: for "weighted_round_robin", one number per target.
    A target that is down answers at once, with a refusal, so it looks free. Two things take it out of use:
    health_check_s asks each target so often whether it is up; with max_fails, a target that refused or lost so many
    requests in a row gets none for fail_timeout_s. tries: a request that was refused or lost is tried at the next
    target that the policy picks, so often in all. work_ms, cpus: what the balancer itself can do.
    """

    targets: tuple = knob(doc="the machines that share the work", kind="components", low=1,
                          example="[sd.Server(cpus=4, ram_gb=4)] * 5")
    policy: str = knob("round_robin", doc="who gets the next request", kind="choice", choices=tuple(POLICIES),
                       or_function=True)
    weights: tuple = knob(None, doc="each target's share, for weighted round robin", kind="other", optional=True,
                          example=(5, 1, 1))
    health_check_s: float = knob(None, doc="time between two looks at each target; None: it never looks", unit="s",
                                 low=0.01, high=86_400, optional=True, example=5)
    max_fails: int = knob(None, doc="failures in a row after which a target rests; None: never", unit="failures",
                          kind="whole", low=1, high=1_000_000, optional=True, example=1)
    fail_timeout_s: float = knob(10.0, doc="how long it rests", unit="s", low=0.0, high=86_400)
    tries: int = knob(1, doc="targets that a refused or lost request is tried at", unit="targets", kind="whole", low=1,
                      high=100)
    work_ms: float = knob(0.0, doc="its own work on a request", unit="ms", low=0.0, high=60_000)
    cpus: int = knob(None, doc="its own cores; None: no limit", unit="cores", kind="whole", low=1, high=100_000,
                     optional=True, example=2)
    is_list: bool = knob(False, doc="a list of addresses that its callers have: no machine, costs nothing", kind="flag")

    copies_what_is_behind = calls_one_of_them = True
    shape, shown = "diamond", ("policy",)
    Here = BalancerHere
    own_name, own = "load_balancer", (("turn", "i8"), ("out", "i8"), ("policy", "i8"), ("failed", "i8"))
    steps = (pick, hear, begin_picks, next_pick, pick_again, probe)
    actions = Component.actions | {"add": add, "remove": remove, "rolling_upgrade": None}

    def behind(self):
        return self.targets

    def place_of(self, index):
        """The same for every target: whoever gets a request has the same work with it."""
        return 0

    def weight_of(self, index):
        return 1.0 if self.weights is None else self.weights[index]

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "weights", _weights(self.weights, len(self.targets)))
        object.__setattr__(self, "choose", _policy(self.policy))
        if self.policy == "pooled_queue" and not all(target.places for target in self.targets):
            raise ValueError("LoadBalancer(policy='pooled_queue'): targets must all have cores, which it counts; "
                             "for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5.")
        check_number("LoadBalancer", "cores of all targets", self.places, low=0, high=2**31 - 1, example=20, whole=True)

    @property
    def places(self):
        return sum(target.places for target in self.targets) if self.policy == "pooled_queue" else 0

    def parts(self):
        return () if self.cpus is None else (("cores", Pool(self.cpus)),)

    @property
    def is_only_a_way(self):
        return self.is_list

    def machine(self):
        return Machine(count=0) if self.is_list else super().machine()

    @property
    def needs_reference(self):
        return self.choose.problem if self.is_own else None

    @property
    def is_own(self):
        return isinstance(self.choose, OwnPolicy)

    def fill(self, own, cells, clients):
        own["policy"] = self.choose.address if self.is_own else 0

    def look_back(self, own):
        if own["failed"]:
            raise PolicyFailed(self.label)

    def actors(self):
        return 0 if self.health_check_s is None else 1

    def plan(self, action, settings):
        if action == "rolling_upgrade":
            return self._one_after_another(settings)
        if action not in ("add", "remove"):
            return super().plan(action, settings)
        target = check_number("at", "target", settings.pop("target", None), low=0, high=len(self.targets) - 1,
                              example=0, whole=True)
        return [(0.0, action, target, 0.0)]

    def _one_after_another(self, settings):
        """Each target in its turn: no more requests, time to finish what is there, the upgrade, back in use."""
        drain_s = check_number("at", "drain_s", settings.pop("drain_s", 5.0), low=0.0, high=86_400, example=5, unit="s")
        changes, begin_s = [], 0.0
        for number, target in enumerate(self.targets):
            if "upgrade" not in target.actions:
                raise ValueError(f"at(action='rolling_upgrade'): target {number} is a {target.label}, which cannot be "
                                 "upgraded; for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5.")
            taken = dict(settings)
            upgrade = target.plan("upgrade", taken)
            changes.append((begin_s, "remove", number, 0.0))
            changes += [(begin_s + drain_s + after_s, step, b, x, number) for after_s, step, b, x in upgrade]
            begin_s += drain_s + max(after_s for after_s, *_ in upgrade)
            changes.append((begin_s, "add", number, 0.0))
        settings.clear()
        settings.update(taken)
        return changes

    def process(self, here, request):
        """One request: the balancer's own work; a wait for a free core if there is one queue for all; a machine."""
        if self.cpus is None:
            yield from self.work(here, request)
        else:
            with here.pool(0).request() as core:
                yield core
                yield from self.work(here, request)
        if self.policy != "pooled_queue":
            return (yield from self.pass_on(here, request))
        with here.places.request() as core:
            yield core
            return (yield from self.pass_on(here, request))

    def work(self, here, request):
        if self.work_ms:
            yield here.work(request, self.work_ms)

    def pass_on(self, here, request):
        """To the machine that the policy picks, and to others while it fails; refused where no machine is in use."""
        turn = request.turn
        try:
            for number in range(1, self.tries + 1):
                if self.tries > 1:
                    request.turn = turn_of(turn, number)
                if not here.in_use():
                    return REFUSED
                target = here.pick(request, self.choose)
                status = yield from here.call_target(request, target)
                if self.max_fails is not None:
                    here.hear(target, status)
                if status not in (REFUSED, LOST):
                    break
            return status
        finally:
            request.turn = turn

    def act(self, here, actor):
        """The health check, for ever."""
        while True:
            here.probe()
            yield here.sleep(actor, self.health_check_s)

    def program(self, write):
        """The same as instructions."""
        if self.cpus is not None:
            write.acquire(part=0)
        if self.work_ms:
            write.work(self.work_ms)
        if self.cpus is not None:
            write.release(part=0)
        if self.policy == "pooled_queue":
            write.acquire()
        self._write_picks(write)
        if self.policy == "pooled_queue":
            write.release()
        write.back()

    def _write_picks(self, write):
        again = None
        if self.tries > 1:
            write.holds(1)
            write.do(begin_picks)
            again = write.do(next_pick)
        write.do(pick, OWN if self.is_own else list(POLICIES).index(self.policy))
        write.call_chosen()
        if self.max_fails is not None:
            write.do(hear, self.max_fails, self.fail_timeout_s)
        if self.tries > 1:
            write.do(pick_again, again, self.tries)
            write.holds(-1)

    def act_program(self, write):
        begin = write.here()
        write.do(probe, begin, self.health_check_s or 0.0)
        return begin


def _policy(policy):
    return OwnPolicy("LoadBalancer", policy) if callable(policy) else POLICIES[policy]


def _weights(weights, targets):
    if weights is None:
        return None
    good = (isinstance(weights, (list, tuple)) and len(weights) == targets
            and all(is_number(weight) and 0 < weight < 1e6 for weight in weights))
    if not good:
        complain("LoadBalancer", "weights", weights, f"a list of {targets} positive numbers, one for each target",
                 (5, 1, 1))
    return tuple(map(float, weights))
