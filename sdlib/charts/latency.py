"""Latency: against utilization (the hockey stick), and how it is spread over the requests."""

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from sdlib.charts.theme import BLUE, INK, ORANGE, VERMILION, Plot, duration_axis, figure, note, plain
from sdlib.charts.words import duration, number
from sdlib.components.base import complain
from sdlib.components.database import Database
from sdlib.components.server import Server
from sdlib.theory import mmc

CURVE_LOADS = tuple(np.concatenate([np.arange(1, 90, 2), np.arange(90, 99.6, 0.5)]) / 100)
LONGEST_TRAIL = 100
QUANTILES = (("p50", 0.50, "circle"), ("p95", 0.95, "diamond"), ("p99", 0.99, "square"))


def latency_against_utilization(runs, theory="erlang_c", width=880, height=400):
    """Mean latency in ms against the busiest station's utilization, on a logarithmic axis.

    runs: a run, a list of runs, or a DataFrame with columns utilization_percent and mean_ms (a sweep); the last
    one is "you are here". theory: "erlang_c" (the curve of the last run's system, see `erlang_curve`), a
    DataFrame with columns utilization (0..1) and mean_ms, or None.
    """
    return figure([latency_plot(runs, theory)], width, height)


def latency_plot(runs, theory="erlang_c", trail=None):
    """The same as a `Plot`. trail: a list that keeps the points of one curve from call to call."""
    points, last_run = _points(runs)
    curve = _curve(theory, last_run)
    if trail is not None:
        points = _joined(trail, points, curve)
    here = points.iloc[-1]
    here_x, here_y = plain(here)
    alt = (f"Mean latency against utilization, logarithmic: this run is {here.utilization_percent:.1f} % busy with a "
           f"mean latency of {duration(here.mean_ms)}; {len(points)} run{'s'[:len(points) > 1]} drawn as points.")
    traces = [] if curve is None else [_line("theory (Erlang C)", curve.utilization * 100, curve.mean_ms)]
    if curve is not None:
        alt += " The theory line rises gently up to about 80 % and steeply beyond."
    traces.append({"type": "scatter", "name": "runs", "mode": "markers", "x": plain(points.utilization_percent),
                   "y": plain(points.mean_ms), "marker": {"symbol": "circle-open", "size": 7, "color": ORANGE,
                                                           "line": {"width": 2}}})
    notes = []
    if here_x is not None and here_y:
        left = here.utilization_percent > 60
        traces.append({"type": "scatter", "name": "you are here", "mode": "markers", "x": [here_x], "y": [here_y],
                       "marker": {"symbol": "star-diamond", "size": 15, "color": VERMILION,
                                                       "line": {"width": 1.5, "color": INK}}})
        crashed = last_run is not None and last_run.stations["crashes"].any()
        notes.append(note(f"<b>you are here</b><br>{here.utilization_percent:.1f} %, {duration(here.mean_ms)}"
                          + "<br>(what was answered; it CRASHED)" * bool(crashed),
                          here_x, _log(here_y),
                          xanchor="right" if left else "left", xshift=-12 if left else 0, yshift=18 if left else 30))
    return Plot(traces, alt, {"title": {"text": "utilization of the busiest component (%)"}, "range": [-2, 103]},
                duration_axis("mean latency"), notes=notes)


def erlang_curve(system):
    """Mean latency in ms over the busiest station's utilization: DataFrame(utilization, mean_ms); None without theory.

    Theory holds for servers and databases with exponential times and enough memory that call each other in
    turn: a request leaves one M/M/c as a Poisson stream into the next, so the mean latencies add (Burke 1956).
    """
    stations = _stations(system, 1.0, {})
    if stations is None:
        return None
    mean_ms = _mean_ms(tuple(sorted(stations.values())))
    return pd.DataFrame({"utilization": CURVE_LOADS, "mean_ms": mean_ms})


def _stations(component, visits, found):
    if not isinstance(component, (Server, Database)) or component.distribution != "exponential":
        return None
    is_server = isinstance(component, Server)
    places = component.cpus if is_server else component.connections
    mean_ms = component.service_ms if is_server else component.query_ms
    known = found.get(id(component), (places, mean_ms, 0.0))
    found[id(component)] = (places, mean_ms, known[2] + visits)
    for child in component.behind():
        if _stations(child, visits, found) is None:
            return None
    return found


@lru_cache(maxsize=256)
def _mean_ms(stations):
    # Arrivals per ms that fill the busiest station exactly; a station without work costs no time.
    stations = [station for station in stations if station[1] > 0]
    if not stations:
        return [0.0] * len(CURVE_LOADS)
    full_per_ms = min(places / (mean_ms * visits) for places, mean_ms, visits in stations)
    return [sum(visits * mmc(1000 * load * full_per_ms * visits, mean_ms, places).mean_latency_ms
                for places, mean_ms, visits in stations) for load in CURVE_LOADS]


def _curve(theory, last_run):
    if isinstance(theory, str):
        if theory != "erlang_c":
            complain("latency_against_utilization", "theory", theory,
                     "'erlang_c', a DataFrame with columns utilization and mean_ms, or None", "erlang_c")
        return None if last_run is None else erlang_curve(last_run.system)
    return theory


def _points(runs):
    if isinstance(runs, pd.DataFrame):
        return runs[["utilization_percent", "mean_ms"]].reset_index(drop=True), None
    runs = runs if isinstance(runs, (list, tuple)) else [runs]
    if not runs:
        complain("latency_against_utilization", "runs", runs, "a run, at least one run in a list, or a table", "run")
    rows = pd.concat([run.summary() for run in runs], ignore_index=True)
    return rows[["utilization_percent", "mean_ms"]].astype(float), runs[-1]


def _joined(trail, points, curve):
    # Points of another curve (other cores) would only mislead beside this one.
    key = None if curve is None else curve.mean_ms.iloc[-1]
    trail[:] = [*(old for old in trail if old[0] == key), (key, points)][-LONGEST_TRAIL:]
    return pd.concat([old for _, old in trail], ignore_index=True)


def latency_distribution(run, theory=None, width=880, height=400):
    """Share of the answered requests that were slower than x, both axes logarithmic, with p50, p95 and p99.

    theory: a function quantile -> latency in ms (such as `sd.theory.mmc(...).latency_quantile_ms`), or None.
    """
    return figure([distribution_plot(run, theory)], width, height)


def distribution_plot(run, theory=None):
    """The same as a `Plot`."""
    latency = np.sort(run.requests["latency_ms"].to_numpy()[run.requests["status"].to_numpy() == "ok"])
    axes = (duration_axis("latency"), {"type": "log", "title": {"text": "share of requests slower"},
                                       "tickvals": [1, 0.5, 0.1, 0.05, 0.01, 0.001, 1e-4, 1e-5],
                                       "ticktext": ["100 %", "50 %", "10 %", "5 %", "1 %", "0.1 %", "0.01 %", ""]})
    if not len(latency):
        empty = note("<b>no request was answered</b>", 0.5, 0.5, xref="x domain", yref="y domain")
        return Plot([], "Latency distribution: no request was answered.", *axes, notes=[empty])
    slower = np.logspace(np.log10(0.99), -min(np.log10(max(len(latency), 2)), 4), 160)
    traces = [_line("this run", np.quantile(latency, 1 - slower), slower, color=ORANGE, dash="solid")]
    if theory is not None:
        traces.insert(0, _line("theory", [theory(1 - share) for share in slower],
                               slower))
    notes = []
    for label, quantile, symbol in QUANTILES:
        value = float(np.quantile(latency, quantile))
        traces.append({"type": "scatter", "name": label, "mode": "markers", "x": plain([value]),
                       "y": plain([1 - quantile]), "showlegend": False,
                       "marker": {"symbol": symbol, "size": 11, "color": INK}})
        notes.append(note(f"<b>{label}</b> {duration(value)}", _log(value), _log(1 - quantile),
                          xanchor="right", xshift=-10, yshift=-9))
    alt = "Latency distribution: " + ", ".join(
        f"{label} is {duration(float(np.quantile(latency, quantile)))}" for label, quantile, _ in QUANTILES
    ) + f", of {number(len(latency))} answered requests."
    return Plot(traces, alt, *axes, notes=notes)


def _line(name, xs, ys, color=BLUE, dash="dash"):
    return {"type": "scatter", "name": name, "mode": "lines", "x": plain(xs), "y": plain(ys),
            "line": {"color": color, "width": 2.5, "dash": dash}}


def _log(value):
    return round(math.log10(value), 4) if value > 0 else -3.0
