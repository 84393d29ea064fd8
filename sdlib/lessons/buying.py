"""A price list, and a policy that buys from it: the trial of lesson 03's medium exercise."""

from functools import cache
from typing import NamedTuple

from sdlib.components.clients import Clients
from sdlib.components.server import Server
from sdlib.data import instances
from sdlib.lessons.measures import figure, word
from sdlib.results.bill import for_sale
from sdlib.results.simulate import simulate

BUSY_DAY = 1.25          # times the usual crowd
LONGEST_P99_MS = 100
NONE = "none"
WORK_S = 0.010
REQUESTS_PER_USER_S = 4 / 60
MOST_REQUESTS, SHORTEST_S, LONGEST_S, SEED = 50_000, 2, 60, 1


class Machine(NamedTuple):
    """A row of a price list. usd_per_month: None where nobody lists a price."""

    name: str
    cores: int
    memory_gb: float
    usd_per_month: float | None


class Shop(NamedTuple):
    """A crowd, and the machines that can be had."""

    label: str
    users: int
    machines: tuple


class Purchase(NamedTuple):
    """What was bought, how it did on the busy day, and the cheapest that would have done; "" where there is none."""

    name: str
    usd_per_month: float | None
    failed_percent: float
    p99_ms: float
    cheapest: str
    least_usd: float


class Day(NamedTuple):
    """What the users of a busy day saw."""

    failed_percent: float
    p99_ms: float

    @property
    def is_good(self):
        return self.failed_percent == 0 and self.p99_ms <= LONGEST_P99_MS


def real_list():
    """The course's price list as machines, in its own order; the one without a price, too."""
    priced = for_sale(instances()).set_index("instance_type")["usd_per_month"]
    return tuple(Machine(name, int(row.vcpu), float(row.memory_gib),
                         round(float(priced[name])) if name in priced.index else None)
                 for name, row in instances().set_index("instance_type").iterrows())


def buy(choose, shop):
    """The purchase that choose(users, machines) makes for this shop."""
    by_name = {machine.name: machine for machine in shop.machines}
    name = word((*by_name, NONE), str)(choose(shop.users, list(shop.machines)))
    cheapest = cheapest_that_will_do(shop)
    wanted = (cheapest.name, cheapest.usd_per_month) if cheapest else ("", 0.0)
    if name == NONE:
        return Purchase(NONE, None, 0.0, 0.0, *wanted)
    day = busy_day(by_name[name], shop.users)
    return Purchase(name, by_name[name].usd_per_month, *day, *wanted)


@cache
def busy_day(machine, users):
    """A short run of the busy day on this machine; the database keeps up."""
    crowd = Clients(users=round(BUSY_DAY * users))
    seconds = min(LONGEST_S, max(SHORTEST_S, MOST_REQUESTS / crowd.requests_per_second))
    run = simulate(Server(machine.cores, machine.memory_gb), crowd, seconds=seconds, seed=SEED)
    return Day(float(figure(run, "error_percent")), float(figure(run, "p99_ms")))


@cache
def cheapest_that_will_do(shop):
    """The cheapest machine with a price that has a good busy day, or None. What cannot keep up is not tried."""
    busy_cores = BUSY_DAY * shop.users * REQUESTS_PER_USER_S * WORK_S
    for_sale_here = [machine for machine in shop.machines if machine.usd_per_month is not None
                     and machine.cores > busy_cores]
    by_price = sorted(for_sale_here, key=lambda machine: machine.usd_per_month)
    return next((machine for machine in by_price if busy_day(machine, shop.users).is_good), None)
