"""The cases of the labs of caches, simulated: how many requests reach what is behind the cache."""

import numpy as np

from sdlib.components.cache import Cache
from sdlib.components.clients import Clients
from sdlib.components.database import Database
from sdlib.components.server import Server
from sdlib.results.simulate import simulate

FETCH_MS = 300


def crowd_fetches(count, coalesce=False, is_down=False):
    """How many of a crowd that asks at once for an absent answer reach what is behind.

    coalesce: whether one fetches for all. is_down: whether the cache is.
    """
    return _fetches(np.zeros(count), coalesce=coalesce, down=((0, 3_600),) if is_down else ())


def twice_fetches(paths):
    """How many requests reach what is behind when each of so many paths is asked for twice, one after the other."""
    return paths * _fetches(np.array([0.0, 10.0]))                 # the paths do not touch each other


def stream_fetches(capacity, objects, skew, requests, full_after, per_s, seed):
    """How many of a stream of requests reach what is behind a store with room for `capacity` objects.

    Counted from the request `full_after` on. objects, skew: what is asked for, as for `sd.Clients`.
    """
    def fetches(count):
        clients = Clients(users=count, arrivals_s=np.arange(count) / per_s, objects=objects, skew=skew)
        run = simulate(Cache(Database(), capacity=capacity), clients, seconds=count / per_s + 1, seed=seed)
        return int(run.stations["misses"].dropna().sum())
    return fetches(requests) - fetches(full_after)


def _fetches(arrivals_s, **knobs):
    """Requests for one key at these times."""
    behind = Server(cpus=64, ram_gb=16, service_ms=FETCH_MS, distribution="constant")
    clients = Clients(users=len(arrivals_s), arrivals_s=arrivals_s, objects=1)
    run = simulate(Cache(behind, **knobs), clients, seconds=float(arrivals_s.max()) + 60)
    return int(run.stations.loc["cache", "misses"] - run.stations.loc["cache", "coalesced"])
