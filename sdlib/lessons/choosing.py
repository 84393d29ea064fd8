"""A balancer that asks a learner's policy, on the reference engine: the trial of lesson 06's medium exercise."""

from typing import NamedTuple

from sdlib.components.clients import Clients
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.server import Server
from sdlib.engine.schedule import at
from sdlib.lessons.policy import Policy, run_with
from sdlib.teach.kinds import WrongKind, shown, whole

SERVICE_MS = 10.0
RAM_GB = 10_000          # a policy is judged by the waits that it makes; no machine runs out of memory


class Farm(NamedTuple):
    """Machines behind one balancer, and how busy they are together."""

    label: str
    cores: tuple
    slower: tuple         # how many times 10 ms a request takes on each
    busy: float           # share of what the machines in use can do
    removed: tuple = ()   # the machines that the balancer has taken out of use
    seconds: float = 4.0
    seed: int = 1


class Shift(NamedTuple):
    """What became of the requests."""

    mean_ms: float        # from arrival to answer
    served: tuple         # how many by each machine


def serve(choose_server, farm):
    """A short shift of the farm under the policy choose_server(machines, in_use, turn, draw, user)."""
    policy = Policy(lambda *seen: _number(choose_server(*seen), len(farm.cores)))

    def asked(machines, in_use, turn, draw, user):
        return policy(machines, in_use, turn, draw, user)
    machines = [Server(cores, RAM_GB, SERVICE_MS * slower, name=f"server {number}")
                for number, (cores, slower) in enumerate(zip(farm.cores, farm.slower, strict=True), start=1)]
    balancer = LoadBalancer(machines, policy=asked)
    removals = [at(0, "remove", balancer, target=number) for number in farm.removed]
    crowd = Clients(users=round(farm.busy * capacity_per_s(farm)), requests_per_minute=60)
    run = run_with(policy, balancer, crowd, farm.seconds, farm.seed, removals)
    answered = run.requests[run.requests["status"] == "ok"]
    counts = answered["served_by"].value_counts()
    return Shift(float(answered["latency_ms"].mean()), tuple(int(counts.get(one.name, 0)) for one in machines))


def capacity_per_s(farm):
    """Requests per second that the machines in use can finish."""
    return sum(1000 * cores / (SERVICE_MS * slower)
               for number, (cores, slower) in enumerate(zip(farm.cores, farm.slower, strict=True))
               if number not in farm.removed)


def _number(value, machines):
    number = whole(value)
    if not 0 <= number < machines:
        raise WrongKind(f"You gave {shown(value)}. It must be the number of a machine, from 0 to {machines - 1}.")
    return number
