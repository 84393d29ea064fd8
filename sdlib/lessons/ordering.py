"""A server whose line a learner's policy orders, on the reference engine: the trial of lesson 01's medium exercise."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import simpy

from sdlib.components.checks import knob
from sdlib.components.clients import Clients
from sdlib.components.server import Server, ServerHere
from sdlib.kernel.statuses import OK
from sdlib.lessons.policy import Policy, profile, run_with
from sdlib.teach.kinds import WrongKind, shown, whole

PAGE_MS, REPORT_MS = 5, 105
REPORTS = 0.05           # share of the requests: 0.95 x 5 ms + 0.05 x 105 ms = 10 ms on average
LONGEST_WAIT_MS = 1_800
PART_KIND = 13           # of the draws: whether a request is a page or a report
ENOUGH_GB = 1_000
EMPTY_S = 20.0           # when nobody comes any more, the cores work off what waits
OF_FIRST_COME = 2 / 3    # the mean latency may be this share of what first come, first served gives


class Rush(NamedTuple):
    """Requests per second before, in and after a busy time, on one machine."""

    label: str
    cpus: int
    calm_per_s: float
    busy_per_s: float
    busy_s: float
    seed: int


class Hour(NamedTuple):
    """What the users saw."""

    mean_ms: float
    longest_wait_ms: float


class LineHere(ServerHere):
    """What the server sees: its own line of (request, when it came, its work), and how many cores are promised."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.line, self.taken = [], 0

    def work_ms_of(self, request):
        return REPORT_MS if self.die(request, PART_KIND) < REPORTS else PAGE_MS

    def stand_in_line(self, request):
        """The event that comes when the policy has called this request."""
        called = simpy.Event(self.world)
        self.line.append((called, self.world.now, self.work_ms_of(request)))
        self.call_next()
        return called

    def call_next(self):
        """While a core is free, ask the policy who gets it."""
        while self.line and self.taken < self.capacity:
            seen = [(1000 * (self.world.now - came_s), work_ms) for _, came_s, work_ms in self.line]
            called, came_s, _ = self.line.pop(_place(self.component.choose, seen))
            self.component.waits_ms.append(1000 * (self.world.now - came_s))
            self.taken += 1
            called.succeed()

    def leave(self):
        self.taken -= 1
        self.call_next()


@dataclass(frozen=True, eq=False)
class Chooser(Server):
    """A server whose policy says, whenever a core is free, who of the waiting is next. Pages and reports come."""

    choose: Policy = knob(None, doc="waiting -> the place in it of who is next", kind="other", optional=True)
    waits_ms: list = knob(None, doc="takes how long each waited for a core", kind="other", optional=True)

    Here = LineHere

    def process(self, here, request):
        """One request: it waits until it is called, and computes."""
        yield here.stand_in_line(request)
        with here.places.request() as core:
            yield core
            yield here.work(request, here.work_ms_of(request))
        here.leave()
        return OK


def serve(choose, rush):
    """Two calm seconds, the rush and four calm seconds; choose(waiting): waiting holds (waited_ms, work_ms)."""
    policy, waits_ms = Policy(choose), []
    server = Chooser(cpus=rush.cpus, ram_gb=ENOUGH_GB, choose=policy, waits_ms=waits_ms)
    crowd = Clients(users=round(rush.calm_per_s), requests_per_minute=60,
                    profile=profile(rush.calm_per_s, rush.busy_per_s, 2, rush.busy_s, 4))
    run = run_with(policy, server, crowd, rush.busy_s + 6 + EMPTY_S, rush.seed)
    return Hour(float(run.summary()["mean_ms"].iloc[0]), max(waits_ms))


def _place(choose, seen):
    place = whole(choose(seen))
    if not 0 <= place < len(seen):
        raise WrongKind(f"You gave {shown(place)}, and {len(seen)} requests were waiting: the first is number 0.")
    return place


def in_order(waiting):
    """First come, first served."""
    return 0


def shortest(waiting):
    """The least work first, whoever waits."""
    return min(range(len(waiting)), key=lambda place: waiting[place][1])


def shortest_until_somebody_waits_long(waiting):
    """The policy that the exercise looks for."""
    longest_wait_ms, _ = waiting[0]
    return 0 if longest_wait_ms > 1_300 else shortest(waiting)


@cache
def longest_mean_ms(rush):
    """What the mean latency of this rush may be."""
    return OF_FIRST_COME * serve(in_order, rush).mean_ms
