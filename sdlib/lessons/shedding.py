"""A server whose door a learner's policy keeps, on the reference engine: the trial of lesson 02's medium exercise."""

from dataclasses import dataclass
from typing import NamedTuple

from sdlib.components.checks import knob
from sdlib.components.clients import Clients
from sdlib.components.server import MB_PER_GB, Server
from sdlib.lessons.policy import Policy, profile, run_with
from sdlib.teach.kinds import yes_or_no

SERVICE_S = 0.010
MEMORY_MB = 8
EMPTY_S = 10.0           # when nobody comes any more, the server answers what is inside
LONGEST_S = 1.0


class Wave(NamedTuple):
    """Requests per second, before and after the spike and in it, on one machine."""

    label: str
    cpus: int
    slots: int             # requests that fit into memory; one more crashes the machine
    calm_per_s: float
    spike_per_s: float
    spike_s: float


class Night(NamedTuple):
    """What became of the requests."""

    sent: int
    answered: int
    refused: int           # at the door: by the policy, or by a server that is down
    crashes: int
    p99_ms: float


@dataclass(frozen=True, eq=False)
class Doorman(Server):
    """A server whose door asks a policy about each request that arrives while it is up."""

    admit: Policy = knob(None, doc="(in_flight, cpus, slots) -> whether to let one in", kind="other", optional=True)

    def door(self, here):
        """The policy is asked first; what it lets in meets the server's own door."""
        if not here.is_down() and not yes_or_no(self.admit(here.inside(), self.cpus, self.most_in_flight)):
            return here.refuse()
        return super().door(here)


def serve(admit, wave, seed=1):
    """A calm second, the spike and two calm seconds on a server that lets in whom admit lets in."""
    policy = Policy(admit)
    server = Doorman(cpus=wave.cpus, ram_gb=wave.slots * MEMORY_MB / MB_PER_GB, memory_mb=MEMORY_MB, admit=policy)
    crowd = Clients(users=round(wave.calm_per_s), requests_per_minute=60,
                    profile=profile(wave.calm_per_s, wave.spike_per_s, 1, wave.spike_s, 2))
    run = run_with(policy, server, crowd, wave.spike_s + 3 + EMPTY_S, seed)
    statuses, all_of_it = run.requests["status"].value_counts(), run.summary().iloc[0]
    answered = int(statuses["ok"])
    return Night(len(run.requests), answered, int(statuses["refused"]), int(run.stations["crashes"].sum()),
                 float(all_of_it["p99_ms"]) if answered else 0.0)


def within_a_second(in_flight, cpus, slots):
    """The policy that the learner's is measured against: memory is respected, and so is a wait of 0.8 s."""
    return in_flight < min(slots, 0.8 * cpus / SERVICE_S)
