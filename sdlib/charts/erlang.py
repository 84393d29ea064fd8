"""What theory says of a declared system: mean latency against utilization, and how much it is offered."""

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from sdlib.charts.placing import layers
from sdlib.components.database import Database
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.server import Server
from sdlib.engine.arrivals import expected_requests
from sdlib.engine.blueprint import blueprint
from sdlib.theory import mmc

CURVE_LOADS = tuple(np.concatenate([np.arange(1, 90, 2), np.arange(90, 99.6, 0.5)]) / 100)
# Theory is for these stations: what each works on at once is `places`, and this is how long one visit takes.
# What else a system holds has no curve, except a balancer, which only shares the visits out.
MEAN_MS = {Server: lambda server: server.service_ms, Database: lambda database: database.query_ms}


def erlang_curve(system):
    """Mean latency in ms over the busiest station's utilization: DataFrame(utilization, mean_ms); None without theory.

    Theory holds for servers and databases with exponential times and enough memory that call each other in
    turn: a request leaves one M/M/c as a Poisson stream into the next, so the mean latencies add (Burke 1956).
    """
    nodes = blueprint(system)
    if not all(type(node.component) in MEAN_MS and node.component.distribution == "exponential" for node in nodes):
        return None
    return pd.DataFrame({"utilization": CURVE_LOADS, "mean_ms": _mean_ms(_stations(nodes))})


def offered_load(run):
    """Work that the clients ask for over what the busiest component can do, from the declaration: 1 is full.

    NaN where more than the declaration decides how many requests reach a component, such as a cache's hits.
    """
    stations = _stations(run.nodes)
    per_ms = expected_requests(run.clients, run.seconds) / run.seconds / 1000
    return math.nan if stations is None else per_ms / _full_per_ms(stations)


def _stations(nodes):
    """(places, mean ms, visits per request) of each station; None for kinds whose visits only a run can tell."""
    visits, stations, layer = [1.0] + [0.0] * (len(nodes) - 1), [], layers(nodes)
    for node in sorted(nodes, key=lambda node: layer[node.index]):
        shares = isinstance(node.component, LoadBalancer)
        for child in node.children:
            visits[child] += visits[node.index] / (len(node.children) if shares else 1)
        mean_ms = MEAN_MS.get(type(node.component))
        if mean_ms is not None:
            stations.append((node.component.places, mean_ms(node.component), visits[node.index]))
        elif not shares:
            return None
    return tuple(station for station in stations if station[1] > 0)


def _full_per_ms(stations):
    """Requests per ms that fill the busiest station exactly."""
    return min((places / (mean_ms * visits) for places, mean_ms, visits in stations), default=math.inf)


@lru_cache(maxsize=256)
def _mean_ms(stations):
    full = _full_per_ms(stations)
    return [sum(visits * mmc(1000 * load * full * visits, mean_ms, places).mean_latency_ms
                for places, mean_ms, visits in stations) for load in CURVE_LOADS]
