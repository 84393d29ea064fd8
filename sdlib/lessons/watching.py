"""Health checks that a learner's rule reads, and machines that die and do not: the trial of lesson 15's exercise."""

from typing import NamedTuple

from sdlib.components.clients import Clients
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.server import Server
from sdlib.engine.schedule import at
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown, whole

MACHINES, CHECKS, CPUS, SERVICE_MS, RAM_GB = 3, 40, 1, 10.0, 10_000   # no machine of these runs out of memory


class Day(NamedTuple):
    """What befalls the machines: who is down when, and which checks get no answer although the machine is well."""

    label: str
    busy: float            # the share of what all machines can do
    down: tuple = ((), (), ())
    missed: tuple = ((), (), ())
    seed: int = 1


class Outcome(NamedTuple):
    """What became of the requests."""

    sent: int
    failed: int
    p99_ms: float


def watch(machines_in_use, day):
    """The day, a check of each machine in every second; requests go by turn to those that the rule names."""
    machines = [Server(CPUS, RAM_GB, SERVICE_MS, down=down, name=f"machine {number}")
                for number, down in enumerate(day.down)]
    balancer = LoadBalancer(machines, policy="round_robin")
    crowd = Clients(users=round(day.busy * MACHINES * CPUS * 1000 / SERVICE_MS), requests_per_minute=60)
    changes = _changes(machines_in_use, day, balancer)
    run = simulate(balancer, crowd, seconds=CHECKS + 1, seed=day.seed, schedule=changes)
    figures = run.measures()
    return Outcome(int(figures["sent"]), int(figures["failed"]), float(figures["p99_ms"]))


def _changes(machines_in_use, day, balancer):
    """Who is taken out and who comes back, check by check."""
    used, changes = set(range(MACHINES)), []
    for second in range(1, CHECKS + 1):
        checks = [[answers(day, number, when) for when in range(1, second + 1)] for number in range(MACHINES)]
        wanted = _numbers(machines_in_use(checks))
        changes += [at(second, "remove", balancer, target=number) for number in sorted(used - wanted)]
        changes += [at(second, "add", balancer, target=number) for number in sorted(wanted - used)]
        used = wanted
    return changes


def answers(day, number, second):
    """Whether a machine answered the check of this second."""
    is_down = any(start_s <= second < end_s for start_s, end_s in day.down[number])
    return not is_down and second not in day.missed[number]


def _numbers(answer):
    """The machines that the rule named."""
    if not isinstance(answer, (list, tuple, set)):
        raise WrongKind(f"You gave {shown(answer)}.")
    numbers = {whole(number) for number in answer}
    if any(not 0 <= number < MACHINES for number in numbers):
        raise WrongKind(f"You gave {shown(answer)}. The machines have the numbers 0 to {MACHINES - 1}.")
    return numbers
