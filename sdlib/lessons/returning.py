"""Clients whose retries a learner's policy times, on the reference engine: the trial of lesson 04's medium exercise."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sdlib.components.checks import knob
from sdlib.components.clients import Clients
from sdlib.components.server import MB_PER_GB, Server
from sdlib.kernel.draws import PART_JITTER
from sdlib.kernel.retry import next_turn
from sdlib.kernel.statuses import OK
from sdlib.lessons.policy import Policy, run_with
from sdlib.teach.kinds import WrongKind, number, shown

CPUS, SERVICE_MS, MEMORY_MB = 2, 100.0, 8
MOST_RETRIES = 10
STOPS_AT_S = 5.0
LONGEST_WAIT_S = 120.0   # nine of ten of those who had to try again must be answered so soon
WATCHED_S = 130.0        # after the restart
LONGEST_DELAY_S = 86_400.0


class Restart(NamedTuple):
    """A planned restart of a server of 2 cores that finishes 20 requests a second."""

    label: str
    down_s: float
    per_s: float           # requests that arrive
    slots: int             # that fit into memory; one more crashes the server
    seed: int


class Evening(NamedTuple):
    """What became of the requests."""

    sent: int
    gave_up: int           # failed with their last retry
    crashes: int           # beside the planned restart
    wait_s: float          # from the restart until nine of ten who came while it was down were answered; inf: never


@dataclass(frozen=True, eq=False)
class Returning(Clients):
    """Clients that ask a policy how long to wait before each retry."""

    next_delay_s: Policy = knob(None, doc="(attempt, draw) -> seconds until the next attempt", kind="other",
                                optional=True)

    def process(self, here, request):
        """One client with one request: it tries until it is answered, or has tried often enough."""
        turn = request.turn
        for attempt in range(1, MOST_RETRIES + 2):
            request.turn = next_turn(turn, attempt)
            here.attempts(request, attempt)
            status = yield from here.call(request)
            if status == OK or attempt > MOST_RETRIES:
                break
            yield here.sleep(request, _delay(self.next_delay_s(attempt, here.die(request, PART_JITTER))))
        here.finish(request, status)


def serve(next_delay_s, restart):
    """Five calm seconds, the restart, and two minutes."""
    policy = Policy(next_delay_s)
    up_s = STOPS_AT_S + restart.down_s
    server = Server(CPUS, restart.slots * MEMORY_MB / MB_PER_GB, SERVICE_MS, memory_mb=MEMORY_MB,
                    restart_s=restart.down_s, down=((STOPS_AT_S, up_s),))
    crowd = Returning(users=round(restart.per_s), requests_per_minute=60, next_delay_s=policy)
    run = run_with(policy, server, crowd, up_s + WATCHED_S, restart.seed)
    table = run.requests
    met_a_closed_door = table[(table["arrived_s"] >= STOPS_AT_S) & (table["arrived_s"] < up_s)]
    ended_s = np.where(met_a_closed_door["status"] == "ok", met_a_closed_door["finished_s"], np.inf)
    waits_s = np.sort(ended_s) - up_s
    counts = table["status"].value_counts()
    return Evening(len(table), int(counts["refused"] + counts["lost"]), int(run.stations["crashes"].sum()),
                   float(waits_s[int(0.9 * len(waits_s))]))


def _delay(value):
    delay_s = number(value)
    if not 0 <= delay_s <= LONGEST_DELAY_S:
        raise WrongKind(f"You gave {shown(value)}. A wait is from 0 to {LONGEST_DELAY_S:,.0f} seconds.")
    return delay_s
