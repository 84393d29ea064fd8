"""A gateway whose limit per user a learner's policy sets, on the reference engine: the trial of lesson 08's medium
exercise."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sdlib.components.checks import knob
from sdlib.components.clients import Clients
from sdlib.components.gateway import Gateway, GatewayHere
from sdlib.components.server import Server
from sdlib.lessons.policy import Policy, run_with
from sdlib.teach.kinds import yes_or_no

PER_S, AT_ONCE = 5, 20               # what each user was promised
MOST_IN_A_SECOND, MOST_IN_A_MINUTE = AT_ONCE + PER_S, AT_ONCE + 60 * PER_S
VISITORS, PAGE = 6, 18              # people who open a page of so many requests every 7 to 11 s
LASTS_S, EMPTY_S = 75.0, 5.0
CPUS, SERVICE_MS, ENOUGH_GB = 4, 10.0, 64
GREEDY = VISITORS                    # the number of the one client beside the visitors


class Guest(NamedTuple):
    """A client beside the visitors: spells of requests, as (start_s, end_s, how many), evenly spaced."""

    label: str
    spells: tuple


class Evening(NamedTuple):
    """What became of the requests."""

    visitors_refused: int
    visitors_sent: int
    most_in_a_second: int            # requests of the guest that passed within one second, wherever it begins
    most_in_a_minute: int
    guest_passed: int


class AskingHere(GatewayHere):
    """What the gateway sees: when earlier requests of each user passed."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.passed_s = {}

    def user_may_pass(self, request):
        gateway, now_s = self.component, self.world.now
        passed_s = self.passed_s.setdefault(gateway.senders[request.request], [])
        passes = yes_or_no(gateway.allow(now_s, list(passed_s)))
        if passes:
            passed_s.append(now_s)
        return passes


@dataclass(frozen=True, eq=False)
class Asking(Gateway):
    """A gateway that asks a policy whether a user's request may pass."""

    allow: Policy = knob(None, doc="(now_s, passed_s) -> whether this one may pass", kind="other", optional=True)
    senders: tuple = knob((), doc="who sends each request", kind="other", example=(0, 1))

    Here = AskingHere


def serve(allow, guest, seed=1):
    """A minute and a quarter of visitors, and the guest."""
    policy, (times_s, senders) = Policy(allow), _arrivals(guest, seed)
    service = Server(CPUS, ENOUGH_GB, SERVICE_MS)
    gateway = Asking({"/": service}, per_user_per_s=PER_S, allow=policy, senders=senders)
    run = run_with(policy, gateway, Clients(users=VISITORS + 1, arrivals_s=times_s), LASTS_S + EMPTY_S, seed)
    passed, sent_by_guest = (run.requests["status"] != "too many requests").to_numpy(), np.array(senders) == GREEDY
    guest_s = np.array(times_s)[passed & sent_by_guest]
    return Evening(int((~passed & ~sent_by_guest).sum()), int((~sent_by_guest).sum()), _most_within(guest_s, 1.0),
                   _most_within(guest_s, 60.0), len(guest_s))


def _arrivals(guest, seed):
    """All requests in order of time: when, and whose."""
    random = np.random.default_rng(seed)
    sent = [(time_s, GREEDY) for start_s, end_s, count in guest.spells
            for time_s in np.linspace(start_s, end_s, count)]
    for visitor in range(VISITORS):
        page_s = random.uniform(0, 7)
        while page_s < LASTS_S:
            sent += [(page_s + 0.005 * number, visitor) for number in range(PAGE)]
            page_s += random.uniform(7, 11)
    sent.sort()
    return [time_s for time_s, _ in sent], tuple(whose for _, whose in sent)


def _most_within(times_s, seconds):
    """The most that fall into any stretch of so many seconds."""
    ends = np.searchsorted(times_s, times_s + seconds, side="left")
    return int((ends - np.arange(len(times_s))).max()) if len(times_s) else 0
