"""How often a cache hits (Zipf popularity; Che's approximation of LRU, or a time to live), and how many fetch at
once when it does not.

Sources: Che, Tung, Wang (2002); Fricker, Robert, Roberts, "A versatile and accurate approximation for LRU cache
performance" (2012), arXiv:1202.3974; Vattani, Chierichetti, Lowenstein, "Optimal probabilistic cache stampede
prevention", PVLDB 8 (2015).
"""

import math

import numpy as np

from sdlib.theory.common import bisect, check


def zipf_shares(objects, skew):
    """Share of requests that ask for each object, the most popular first: array of shape (objects,), sum 1.

    Zipf's law: the object of rank i is asked for in proportion to i^-skew; skew 0 makes all equal.

    >>> zipf_shares(objects=3, skew=1).round(4).tolist()
    [0.5455, 0.2727, 0.1818]
    """
    objects, skew = check("zipf_shares", "objects", objects), check("zipf_shares", "skew", skew)
    weights = np.arange(1, objects + 1, dtype=float) ** -skew
    return weights / weights.sum()


def che_hit_ratio(objects, skew, capacity):
    """Share of requests that an LRU cache of `capacity` objects answers, under Zipf popularity (independent requests).

    Che: an object stays in the cache for a time T that is the same for all; T is where the expected number of
    objects inside, sum of 1 - exp(-p_i T), equals the capacity. A cache that holds everything hits always.

    >>> round(che_hit_ratio(objects=10_000, skew=0.8, capacity=1_000), 4)
    0.4367
    """
    objects, skew = check("che_hit_ratio", "objects", objects), check("che_hit_ratio", "skew", skew)
    capacity = check("che_hit_ratio", "capacity", capacity, "cached_objects")
    if capacity >= objects:
        return 1.0
    shares = zipf_shares(objects, skew)
    high = float(capacity)
    while _present(shares, high).sum() < capacity:
        high *= 2
    stay = bisect(lambda requests: _present(shares, requests).sum() - capacity, 0.0, high)
    return float(shares @ _present(shares, stay))


def ttl_hit_ratio(objects, skew, requests_per_s, ttl_s, fetch_ms=0.0):
    """Share of requests that a store with room for all answers, each answer kept for ttl_s, under Zipf popularity.

    An object asked for r times a second waits 1/r for its first request, is fetched, then kept: r x ttl of the
    1 + r x (fetch + ttl) requests of such a round find it there. Poisson arrivals, exact.

    >>> round(ttl_hit_ratio(objects=1_000, skew=0.8, requests_per_s=80, ttl_s=10), 4)
    0.5951
    """
    objects, skew = check("ttl_hit_ratio", "objects", objects), check("ttl_hit_ratio", "skew", skew)
    rates = zipf_shares(objects, skew) * check("ttl_hit_ratio", "requests_per_s", requests_per_s)
    kept = rates * check("ttl_hit_ratio", "ttl_s", ttl_s, "delay_s")
    fetched = rates * check("ttl_hit_ratio", "fetch_ms", fetch_ms, "latency_ms") / 1000
    return float(rates @ (kept / (1 + fetched + kept)) / rates.sum())


def stampede(requests_per_s, fetch_ms):
    """Mean number of requests that fetch the same key when it expires and nothing holds them back.

    The first one, and all that come during its fetch (a constant time, Poisson arrivals): rate times time, plus 1.

    >>> stampede(requests_per_s=500, fetch_ms=120)
    61.0
    """
    rate = check("stampede", "requests_per_s", requests_per_s)
    return rate * check("stampede", "fetch_ms", fetch_ms, "latency_ms") / 1000 + 1.0


def early_recomputations(beta):
    """Mean number of requests that fetch a key again before it expires, each time it would: e^(1/beta).

    A hit with s seconds left fetches with probability exp(-s / (beta fetch)), and then all that decide so until the
    first is back do the same. Their rate grows by e^(1/beta) during a fetch, and the first comes when 1 was expected.
    For many requests during a fetch, and a fetch much shorter than the time to live.

    >>> [round(early_recomputations(beta), 2) for beta in (1, 2)]
    [2.72, 1.65]
    """
    return math.exp(1 / check("early_recomputations", "beta", beta))


def _present(shares, requests):
    """Probability that each object was asked for within the last so many requests."""
    return -np.expm1(-shares * requests)
