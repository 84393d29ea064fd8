"""Token buckets: what a rate limit lets pass."""

import math

import numpy as np

from sdlib.theory.common import check


def bucket_passes(requests_per_s, limit_per_s, burst):
    """Share of requests that a token bucket lets pass when they come at random moments (a Poisson process).

    The bucket holds `burst` tokens and gets limit_per_s new ones a second; each request takes one or is refused.
    The tokens that are missing are a queue: each refill serves one. So the share refused is that of M/D/1/K, a server
    with constant service and room for K = burst requests: 1 - 1 / (p + rho), with p the share of departures that
    leave it empty (Takagi, Queueing Analysis 2, 1993).

    >>> bucket_passes(requests_per_s=1, limit_per_s=1, burst=1)
    0.5
    """
    load = (check("bucket_passes", "requests_per_s", requests_per_s)
            / check("bucket_passes", "limit_per_s", limit_per_s))
    burst = check("bucket_passes", "burst", burst)
    return float(1 / (_left_empty(load, burst) + load))


def _left_empty(load, burst):
    """Of M/D/1/K, looked at whenever somebody leaves: how often nobody stays behind."""
    arriving = np.array([math.exp(count * math.log(load) - load - math.lgamma(count + 1)) for count in range(burst)])
    step = np.zeros((burst, burst))
    for inside in range(burst):
        first = max(inside - 1, 0)
        step[inside, first:] = arriving[:burst - first]
        step[inside, -1] += 1 - step[inside].sum()
    balance = np.vstack([(step.T - np.eye(burst))[:-1], np.ones(burst)])
    return np.linalg.solve(balance, np.eye(burst)[-1])[0]
