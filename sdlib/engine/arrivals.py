"""When the clients ask: a Poisson process whose rate may change over time, or a replay."""

import math

import numpy as np

from sdlib.kernel.draws import PART_ARRIVAL, log, uniform
from sdlib.kernel.jit import jit


def arrival_times(clients, seconds, seed):
    """Arrival times in [0, seconds), ascending: float64[requests].

    Request i of a seed comes at the same *expected* count of arrivals whatever the rate, so another number of
    users squeezes or stretches the same crowd.
    """
    if clients.arrivals_s is not None:
        return clients.arrivals_s[clients.arrivals_s < seconds].copy()
    starts_s, rates = rate_steps(clients, seconds)
    gaps_s = 1 / np.where(rates > 0, rates, np.inf)
    expected = expected_requests(clients, seconds)
    room = int(expected + 10 * math.sqrt(expected) + 100)
    while True:
        times = np.empty(room)
        count = _fill(times, seed, starts_s, rates, gaps_s, seconds)
        if count < room:
            return times[:count].copy() if count < room // 2 else times[:count]
        room *= 2


def rate_steps(clients, seconds):
    """The rate as steps: starts_s (first 0) and requests per second, both float64[steps]."""
    steps = clients.profile or ((0.0, 1.0),)
    if steps[0][0] > 0:
        steps = ((0.0, 1.0), *steps)
    inside = [step for step in steps if step[0] < seconds]
    starts_s, factors = np.array(inside, float).T
    return np.ascontiguousarray(starts_s), factors * clients.requests_per_second


def expected_requests(clients, seconds):
    """The mean number of requests in [0, seconds); exact for a replay."""
    if clients.arrivals_s is not None:
        return int(np.searchsorted(clients.arrivals_s, seconds))
    starts_s, rates = rate_steps(clients, seconds)
    return float(np.sum(np.diff(np.append(starts_s, seconds)) * rates))


@jit(entry=True)
def _fill(times, seed, starts_s, rates, gaps_s, seconds):
    """Invert the expected count of arrivals: exact for a stepwise rate, no gap is dropped at an edge."""
    step, base, target = 0, 0.0, 0.0
    for request in range(len(times)):
        target -= log(uniform(seed, request, 0, 0, PART_ARRIVAL))
        while True:
            end_s = starts_s[step + 1] if step + 1 < len(starts_s) else seconds
            in_step = (end_s - starts_s[step]) * rates[step]
            if target < base + in_step:
                break
            if step + 1 == len(starts_s):
                return request
            base += in_step
            step += 1
        times[request] = min(starts_s[step] + (target - base) * gaps_s[step], seconds)
        if times[request] >= seconds:
            return request
    return len(times)
