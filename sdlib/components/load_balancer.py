"""A load balancer: one address in front of many machines."""

from dataclasses import dataclass

from sdlib.components.base import Component, check_number, knob
from sdlib.components.server import Server

POLICIES = ("round_robin", "random", "pooled_queue")


def round_robin(turn, machines):
    """One after the other."""
    return turn % machines


def random_target(draw, machines):
    """By a die; draw is a number in (0, 1)."""
    return int(draw * machines)


def first_with_room(in_flight, capacity):
    """The first machine with a free core; both arguments have one number per machine."""
    for machine in range(len(capacity)):
        if in_flight[machine] < capacity[machine]:
            return machine
    return 0


@dataclass(frozen=True, eq=False)
class LoadBalancer(Component):
    """Hands each request to one of its targets.

    Every entry of `targets` is a machine of its own, so `[sd.Server(4, 4)] * 5` means five machines.
    policy: "round_robin" goes round; "random" throws a die; "pooled_queue" keeps one queue for all and hands
    a request on when some target has a free core (its targets are servers). A core counts as taken until the target
    has answered, its calls included. A target that is down answers at once, so it looks free.
    """

    targets: tuple = knob(doc="the machines that share the work", kind="components", low=1,
                          example="[sd.Server(cpus=4, ram_gb=4)] * 5")
    copies_what_is_behind = True
    shape, shown = "diamond", ("policy",)

    policy: str = knob("round_robin", doc="who gets the next request", kind="choice", choices=POLICIES)

    def behind(self):
        return self.targets

    def __post_init__(self):
        super().__post_init__()
        if self.policy == "pooled_queue" and not all(isinstance(target, Server) for target in self.targets):
            raise ValueError("LoadBalancer(policy='pooled_queue'): targets must all be servers, whose free cores it "
                             "counts; for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5.")
        check_number("LoadBalancer", "cores of all targets", self.places, low=0, high=2**31 - 1, example=20, whole=True)

    @property
    def places(self):
        return sum(target.places for target in self.targets) if self.policy == "pooled_queue" else 0

    def process(self, here, request):
        """One request: wait for a free core if there is one queue for all, pick a machine, pass the request on."""
        if self.policy == "pooled_queue":
            with here.places.request() as core:
                yield core
                return (yield from here.pick_and_call(request, self.pick))
        return (yield from here.pick_and_call(request, self.pick))

    def pick(self, turn, draw, in_flight, capacity):
        """The index of the target that gets the next request."""
        if self.policy == "round_robin":
            return round_robin(turn, len(self.targets))
        if self.policy == "random":
            return random_target(draw, len(self.targets))
        return first_with_room(in_flight, capacity)

    def program(self, write):
        """The same as instructions."""
        is_pooled = self.policy == "pooled_queue"
        if is_pooled:
            write.acquire()
        write.pick_and_call(POLICIES.index(self.policy))
        if is_pooled:
            write.release()
        write.back()
