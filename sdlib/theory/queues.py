"""Queues in the long run: how busy, how long the wait, how many are inside.

Sources: Erlang (1917) for B and C; Kleinrock, Queueing Systems I (1975) for M/M/c, M/M/1/K and M/G/1
(Pollaczek-Khinchine); Little (1961); Mitzenmacher (2001) for the power of choices.
"""

import math
from dataclasses import dataclass

import numpy as np

from sdlib.components.checks import complain
from sdlib.components.server import MB_PER_GB
from sdlib.theory.common import bisect, check

MS_PER_S = 1000


@dataclass(frozen=True)
class SteadyState:
    """Long-run means of a queue. Past capacity nothing settles: the waits and counts are then infinite.

    utilization: work that arrives / work that can be done; 1 or more is overload. wait_probability: share of the
    requests let in that must wait. mean_queue: waiting requests; mean_in_system: waiting or in service.
    blocking_probability: share turned away, 0 where the queue has no limit.
    """

    utilization: float
    wait_probability: float
    mean_wait_ms: float
    mean_latency_ms: float
    mean_queue: float
    mean_in_system: float
    blocking_probability: float = 0.0


@dataclass(frozen=True)
class ManyServers(SteadyState):
    """M/M/c: the means, and the quantiles of wait and latency."""

    service_ms: float = 0.0
    drain_per_ms: float = 0.0

    def wait_quantile_ms(self, q):
        """The wait in ms that a share q of the requests does not exceed: P(wait > t) = C exp(-(c mu - lambda) t)."""
        q = check("wait_quantile_ms", "q", q, "quantile")
        if self.drain_per_ms <= 0:
            return math.inf
        if self.wait_probability <= 1 - q:
            return 0.0
        return math.log(self.wait_probability / (1 - q)) / self.drain_per_ms

    def latency_quantile_ms(self, q):
        """The latency in ms (wait + service) that a share q of the requests does not exceed, by bisection."""
        q = check("latency_quantile_ms", "q", q, "quantile")
        if self.drain_per_ms <= 0:
            return math.inf
        high = self.service_ms
        while self._share_slower_than(high) > 1 - q:
            high *= 2
        return bisect(lambda latency_ms: 1 - q - self._share_slower_than(latency_ms), 0.0, high)

    def _share_slower_than(self, latency_ms):
        # Service plus, with probability C, an exponential wait. The form with `gap` keeps its digits when the
        # two rates are almost equal.
        served_per_ms = 1 / self.service_ms
        slow, gap = min(served_per_ms, self.drain_per_ms), abs(served_per_ms - self.drain_per_ms)
        spread = -math.expm1(-gap * latency_ms) / gap if gap else latency_ms
        waited = self.wait_probability * served_per_ms * math.exp(-slow * latency_ms) * spread
        return math.exp(-served_per_ms * latency_ms) + waited


def erlang_b(servers, offered_load):
    """Share of requests turned away by `servers` without a queue (Erlang's loss formula).

    offered_load: arrival rate x service time, the servers that would be busy on average.
    Computed by the recursion B(k) = a B(k-1) / (k + a B(k-1)), which overflows for no number of servers.

    >>> round(erlang_b(servers=4, offered_load=3.2), 6)
    0.228145
    """
    servers, offered_load = check("erlang_b", "servers", servers), check("erlang_b", "offered_load", offered_load)
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered_load * blocked / (count + offered_load * blocked)
    return blocked


def erlang_c(servers, offered_load):
    """Share of requests that must wait for one of `servers` with an endless queue; 1 from full load on.

    C = B / (1 - rho (1 - B)), with B of `erlang_b` and rho = offered_load / servers.

    >>> round(erlang_c(servers=4, offered_load=3.2), 6)
    0.596432
    """
    servers, offered_load = check("erlang_c", "servers", servers), check("erlang_c", "offered_load", offered_load)
    if offered_load >= servers:
        return 1.0
    blocked = erlang_b(servers, offered_load)
    return blocked / (1 - offered_load / servers * (1 - blocked))


def mmc(arrivals_per_s, service_ms, servers):
    """M/M/c: Poisson arrivals, exponential service, `servers` cores, one queue. Returns `ManyServers`.

    Mean wait = C x service / (c - offered load); queue and number inside follow from Little's law.

    >>> shop = mmc(arrivals_per_s=320, service_ms=10, servers=4)
    >>> round(shop.utilization, 3), round(shop.mean_wait_ms, 3), round(shop.wait_quantile_ms(0.99), 2)
    (0.8, 7.455, 51.1)
    """
    arrivals_per_s = check("mmc", "arrivals_per_s", arrivals_per_s)
    service_ms, servers = check("mmc", "service_ms", service_ms), check("mmc", "servers", servers)
    offered_load = arrivals_per_s * service_ms / MS_PER_S
    waits = erlang_c(servers, offered_load)
    spare = servers - offered_load
    mean_wait_ms = waits * service_ms / spare if spare > 0 else math.inf
    return ManyServers(**_means(arrivals_per_s, service_ms, offered_load / servers, waits, mean_wait_ms),
                       service_ms=service_ms, drain_per_ms=spare / service_ms)


def mm1(arrivals_per_s, service_ms):
    """M/M/1, the queue with one server: mean latency = service / (1 - utilization). Returns `ManyServers`.

    >>> round(mm1(arrivals_per_s=80, service_ms=10).mean_latency_ms, 6)
    50.0
    """
    return mmc(check("mm1", "arrivals_per_s", arrivals_per_s), check("mm1", "service_ms", service_ms), 1)


def mg1(arrivals_per_s, service_ms, squared_cv):
    """M/G/1: one server, any service time with this mean and squared coefficient of variation. `SteadyState`.

    Pollaczek-Khinchine: mean wait = rho / (1 - rho) x (1 + squared_cv) / 2 x service.
    squared_cv (variance / mean squared): 0 constant, 1/4 Erlang-4, 1 exponential, 4 hyperexponential-4.

    >>> round(mg1(arrivals_per_s=80, service_ms=10, squared_cv=0).mean_wait_ms, 6)
    20.0
    """
    arrivals_per_s = check("mg1", "arrivals_per_s", arrivals_per_s)
    service_ms, squared_cv = check("mg1", "service_ms", service_ms), check("mg1", "squared_cv", squared_cv)
    load = arrivals_per_s * service_ms / MS_PER_S
    mean_wait_ms = load / (1 - load) * (1 + squared_cv) / 2 * service_ms if load < 1 else math.inf
    return SteadyState(**_means(arrivals_per_s, service_ms, load, min(load, 1.0), mean_wait_ms))


def _means(arrivals_per_s, service_ms, utilization, wait_probability, mean_wait_ms):
    mean_latency_ms = mean_wait_ms + service_ms
    return {"utilization": utilization, "wait_probability": wait_probability, "mean_wait_ms": mean_wait_ms,
            "mean_latency_ms": mean_latency_ms, "mean_queue": arrivals_per_s * mean_wait_ms / MS_PER_S,
            "mean_in_system": arrivals_per_s * mean_latency_ms / MS_PER_S}


def mm1k(arrivals_per_s, service_ms, capacity):
    """M/M/1/K: one server and room for `capacity` requests, the one in service included. `SteadyState`.

    A request that finds no room is turned away, so overload has a steady state too. Waits and latency are those
    of the requests let in. utilization is here the share of time that the server is busy. P(n inside) ~ rho^n.

    >>> round(mm1k(arrivals_per_s=100, service_ms=10, capacity=4).blocking_probability, 6)
    0.2
    """
    arrivals_per_s = check("mm1k", "arrivals_per_s", arrivals_per_s)
    service_ms, capacity = check("mm1k", "service_ms", service_ms), check("mm1k", "capacity", capacity, "places")
    load = arrivals_per_s * service_ms / MS_PER_S
    inside = np.arange(capacity + 1)
    # Powers of the smaller of rho and 1/rho, so that a large capacity never overflows.
    weights = load ** inside if load <= 1 else (1 / load) ** (capacity - inside)
    shares = weights / weights.sum()
    busy, has_room, mean_in_system = float(shares[1:].sum()), float(shares[:-1].sum()), float(shares @ inside)
    mean_latency_ms = mean_in_system / busy * service_ms if busy else service_ms
    return SteadyState(utilization=busy, wait_probability=float(shares[1:-1].sum()) / has_room,
                       mean_wait_ms=mean_latency_ms - service_ms, mean_latency_ms=mean_latency_ms,
                       mean_queue=mean_in_system - busy, mean_in_system=mean_in_system,
                       blocking_probability=float(shares[-1]))


def littles_law(*, arrivals_per_s=None, latency_ms=None, in_system=None):
    """Little's law, in_system = arrivals_per_s x latency: give two of the three, get the third.

    >>> littles_law(arrivals_per_s=400, latency_ms=25)
    10.0
    """
    given = {"arrivals_per_s": arrivals_per_s, "latency_ms": latency_ms, "in_system": in_system}
    given = {name: check("littles_law", name, value) for name, value in given.items() if value is not None}
    if len(given) != 2:
        complain("littles_law", "given", sorted(given), "two of arrivals_per_s, latency_ms, in_system",
                 ["arrivals_per_s", "latency_ms"])
    if "in_system" not in given:
        return given["arrivals_per_s"] * given["latency_ms"] / MS_PER_S
    known = "latency_ms" if "latency_ms" in given else "arrivals_per_s"
    if given[known] == 0:
        complain("littles_law", known, 0, "more than 0 when it divides", 10)
    return given["in_system"] * MS_PER_S / given[known]


def seconds_until_memory_is_full(arrivals_per_s, service_ms, cpus, ram_gb, memory_mb):
    """Seconds from an empty server to the request that no longer fits into memory; inf when all fit.

    Fluid model, without chance: first the cores fill, then the queue grows by arrivals - capacity.
    memory_mb: held by each request in flight.

    >>> round(seconds_until_memory_is_full(arrivals_per_s=500, service_ms=10, cpus=4, ram_gb=4, memory_mb=8), 2)
    5.11
    """
    owner = "seconds_until_memory_is_full"
    arrivals_per_s, cpus = check(owner, "arrivals_per_s", arrivals_per_s), check(owner, "cpus", cpus)
    ram_gb, memory_mb = check(owner, "ram_gb", ram_gb), check(owner, "memory_mb", memory_mb)
    service_s = check(owner, "service_ms", service_ms) / MS_PER_S
    too_many = int(ram_gb * MB_PER_GB / memory_mb) + 1
    computing = min(cpus, too_many)
    offered_load = arrivals_per_s * service_s
    if offered_load <= computing:
        return math.inf
    filling_s = -service_s * math.log1p(-computing / offered_load)
    waiting = too_many - computing
    return filling_s + (waiting / (arrivals_per_s - cpus / service_s) if waiting else 0.0)


def relaxation_s(service_ms, servers, utilization):
    """Seconds in which a queue forgets how it began: 1 / (c mu (1 - sqrt(rho))^2); inf from full load on.

    What is measured over a few relaxation times says more about the start than about the long run.
    Source: Morse, Queues, Inventories and Maintenance (1958), for one server; c servers count as one c times as fast.

    >>> round(relaxation_s(service_ms=10, servers=1, utilization=0.95), 1)
    15.6
    """
    service_ms, servers = check("relaxation_s", "service_ms", service_ms), check("relaxation_s", "servers", servers)
    utilization = check("relaxation_s", "utilization", utilization)
    gap = (1 - math.sqrt(utilization))**2
    return service_ms / MS_PER_S / servers / gap if gap else math.inf


def power_of_choices(load, choices):
    """Mean latency over mean service when each request joins the shortest of `choices` random queues.

    For many M/M/1 servers at utilization `load`: the sum over i >= 1 of load^((d^i - d) / (d - 1)); inf at overload.

    >>> round(power_of_choices(load=0.9, choices=1), 4), round(power_of_choices(load=0.9, choices=2), 4)
    (10.0, 2.6141)
    """
    load, choices = check("power_of_choices", "load", load), check("power_of_choices", "choices", choices)
    if load >= 1:
        return math.inf
    if choices == 1:
        return 1 / (1 - load)
    total, term, power = 0.0, 1.0, 0
    while term > 1e-17 * total:
        total += term
        power = choices * (power + 1)
        term = load ** power
    return total
