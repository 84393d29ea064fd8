"""The cases of the labs of caches, simulated: how many requests reach what is behind the cache."""

import numpy as np

from sdlib.components.cache import Cache
from sdlib.components.clients import Clients
from sdlib.components.server import Server
from sdlib.results.simulate import simulate

FETCH_MS = 300


def crowd_fetches(count):
    """How many of a crowd that asks at once for an absent answer reach what is behind."""
    return _fetches(np.zeros(count))


def twice_fetches(paths):
    """How many requests reach what is behind when each of so many paths is asked for twice, one after the other."""
    return paths * _fetches(np.array([0.0, 10.0]))                 # the paths do not touch each other


def _fetches(arrivals_s):
    """Requests for one key at these times."""
    behind = Server(cpus=64, ram_gb=16, service_ms=FETCH_MS, distribution="constant")
    clients = Clients(users=len(arrivals_s), arrivals_s=arrivals_s, objects=1)
    cache = Cache(behind)
    run = simulate(cache, clients, seconds=float(arrivals_s.max()) + 60)
    return int(run.stations["misses"].dropna().sum())
