"""Machines that come and go as a learner's policy wants them: the trial of lesson 05's medium exercise."""

from typing import NamedTuple

import numpy as np

from sdlib.components.clients import Clients
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.server import Server
from sdlib.engine.arrivals import arrival_times
from sdlib.engine.schedule import at
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown, whole

CORES, SERVICE_MS = 4, 100.0
PER_MACHINE_S = 1000 * CORES / SERVICE_MS
STEP_S = 30.0            # so often the policy is asked, and so long a new machine takes to start
NOTICED_S = 10.0         # after that a dead machine is off the list
LONGEST_P99_MS = 1_000
MOST_MACHINES = 30
MOST_PAID = (1.6, 2)     # machines that may be paid for: so many times those that are busy, and so many more


class Rush(NamedTuple):
    """Requests per second in each half minute."""

    label: str
    rates_per_s: tuple
    seed: int
    dies_s: float | None = None


class Shift(NamedTuple):
    """What the users saw, and what was paid for."""

    p99_ms: float
    crashes: int
    machines: float        # paid for, on average
    busy_machines: float   # that the load alone keeps busy, on average

    @property
    def most(self):
        """Machines that may be paid for, on average."""
        times, more = MOST_PAID
        return times * self.busy_machines + more

    @property
    def is_dear(self):
        return self.machines > self.most


def keep(machines_wanted, rush):
    """The shift of machines that machines_wanted(requests_per_s, machines) keeps."""
    seconds = STEP_S * len(rush.rates_per_s)
    crowd = Clients(users=60, requests_per_minute=60,
                    profile=[(STEP_S * step, rate / 60) for step, rate in enumerate(rush.rates_per_s)])
    seen_per_s = np.histogram(arrival_times(crowd, seconds, rush.seed), np.arange(0, seconds + 1, STEP_S))[0] / STEP_S
    staff = Staff(first=whole_number_of_machines(machines_wanted, rush.rates_per_s[0], 0))
    for step, per_s in enumerate(seen_per_s[:-1], start=1):
        staff.let_die(rush.dies_s, before_s=STEP_S * step)
        staff.become(whole_number_of_machines(machines_wanted, float(per_s), len(staff.kept)), STEP_S * step)
    run = simulate(staff.system, crowd, seconds=seconds, seed=rush.seed, schedule=staff.changes)
    found = run.measures()
    busy = len(run.requests) * SERVICE_MS / 1000 / CORES / seconds
    return Shift(float(found["p99_ms"]) if found["answered"] else np.inf, int(run.stations["crashes"].sum()),
                 staff.paid_s(seconds) / seconds, busy)


class Staff:
    """Which machines there are at a time, as changes for `simulate`."""

    def __init__(self, first):
        self.system = LoadBalancer([Server(CORES, 4, SERVICE_MS, name="server")] * MOST_MACHINES, policy="random")
        self.kept, self.dead, self.changes = list(range(first)), set(), []
        self.since_s, self.paid = dict.fromkeys(self.kept, 0.0), 0.0
        self.changes += [at(0, "remove", self.system, target=number) for number in range(first, MOST_MACHINES)]

    def become(self, count, now_s):
        """So many from now on; new ones serve when they have started."""
        while len(self.kept) > count:
            self._pay(gone := self.kept.pop(), now_s)
            self.changes.append(at(now_s, "remove", self.system, target=gone))
        fresh = [number for number in range(MOST_MACHINES) if number not in self.kept and number not in self.dead]
        for number in fresh[:max(0, count - len(self.kept))]:
            self.kept.append(number)
            self.since_s[number] = now_s
            self.changes.append(at(now_s + STEP_S, "add", self.system, target=number))

    def let_die(self, dies_s, before_s):
        """The oldest machine dies, if it is time."""
        if dies_s is None or self.dead or dies_s >= before_s:
            return
        gone = self.kept.pop(0)
        self._pay(gone, dies_s)
        self.dead.add(gone)
        self.changes += [at(dies_s, "kill", f"server {gone + 1}"),
                         at(dies_s + NOTICED_S, "remove", self.system, target=gone)]

    def paid_s(self, now_s):
        for number in list(self.kept):
            self._pay(number, now_s)
        return self.paid

    def _pay(self, number, until_s):
        self.paid += until_s - self.since_s.pop(number)


def whole_number_of_machines(machines_wanted, requests_per_s, machines):
    """What the policy wants, or WrongKind."""
    count = whole(machines_wanted(requests_per_s, machines))
    if not 1 <= count <= MOST_MACHINES:
        raise WrongKind(f"You gave {shown(count)}. There are from 1 to {MOST_MACHINES} machines.")
    return count
