"""What theory says of a declared system: mean latency against utilization, and how much it is offered."""

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from sdlib.charts.placing import layers
from sdlib.engine.arrivals import expected_requests
from sdlib.engine.blueprint import blueprint
from sdlib.theory import mmc

CURVE_LOADS = tuple(np.concatenate([np.arange(1, 90), np.arange(90, 99.6, 0.25)]) / 100)


def erlang_curve(system):
    """Mean latency in ms over the busiest station's utilization: DataFrame(utilization, mean_ms); None without theory.

    Theory holds for stations with exponential times and enough memory that call each other in turn: a request leaves
    one M/M/c as a Poisson stream into the next, so the mean latencies add (Burke 1956).
    """
    mean_ms = curve_ms(blueprint(system))
    return None if mean_ms is None else pd.DataFrame({"utilization": CURVE_LOADS, "mean_ms": mean_ms})


def curve_ms(nodes):
    """The same curve of a system's nodes as a list, a latency for each of CURVE_LOADS; None without theory."""
    if not all(node.component.service and node.component.service[1] == "exponential" for node in nodes):
        return None
    return _mean_ms(_stations(nodes))


def offered_load(run):
    """Work that the clients ask for over what the busiest component can do, from the declaration: 1 is full.

    NaN where more than the declaration decides how many requests reach a component, such as a cache's hits.
    """
    stations = _stations(run.nodes)
    per_ms = expected_requests(run.clients, run.seconds) / run.seconds / 1000
    return math.nan if stations is None else per_ms / _full_per_ms(stations)


def _stations(nodes):
    """(places, mean ms, visits per request) of each station; None where only a run can tell how often one is visited.

    What only shares the visits out takes no time of its own.
    """
    visits, stations, layer = [1.0] + [0.0] * (len(nodes) - 1), [], layers(nodes)
    for node in sorted(nodes, key=lambda node: layer[node.index]):
        component = node.component
        for child in node.children:
            visits[child] += visits[node.index] / (len(node.children) if component.calls_one_of_them else 1)
        if component.service is not None:
            stations.append((component.places, component.service[0], visits[node.index]))
        elif not component.calls_one_of_them:
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
