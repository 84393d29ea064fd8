"""Latency: against utilization (the hockey stick), and how it is spread over the requests."""

import math
from functools import lru_cache

import numpy as np
import pandas as pd

from sdlib.charts.placing import layers
from sdlib.charts.theme import BLUE, INK, ORANGE, VERMILION, Plot, duration_axis, figure, note, plain
from sdlib.charts.words import duration, number
from sdlib.components.base import complain
from sdlib.components.database import Database
from sdlib.components.server import Server
from sdlib.engine.arrivals import expected_requests
from sdlib.engine.blueprint import blueprint
from sdlib.theory import mmc

CURVE_LOADS = tuple(np.concatenate([np.arange(1, 90, 2), np.arange(90, 99.6, 0.5)]) / 100)
LONGEST_TRAIL = 100
# A run that was offered more than it can do, or that crashed, is drawn beyond the wall at 100 %, in a band of its own.
BEYOND, END = 105, 115
_BAND = {"type": "rect", "x0": 100, "x1": END, "y0": 0, "y1": 1, "yref": "y domain", "layer": "below",
         "fillcolor": "rgba(213,94,0,0.13)", "line": {"width": 0}}
_BAND_NAME = {"text": "over capacity", "x": 111.5, "y": 0.5, "yref": "y domain", "textangle": -90, "showarrow": False,
              "font": {"size": 11, "color": INK}}
QUANTILES = (("p50", 0.50, "circle"), ("p95", 0.95, "diamond"), ("p99", 0.99, "square"))


def latency_against_utilization(runs, theory="erlang_c", width=840, height=400):
    """Mean latency in ms against the busiest station's utilization, on a logarithmic axis.

    runs: a run, a list of runs, or a DataFrame with columns utilization_percent and mean_ms (a sweep); the last
    one is "you are here". A run that was offered more than it can do, or crashed, stands beyond the wall at 100 %.
    theory: "erlang_c" (the curve of the last run's system, see `erlang_curve`), a DataFrame with columns
    utilization (0..1) and mean_ms, or None.
    """
    return figure([latency_plot(runs, theory)], width, height)


def latency_plot(runs, theory="erlang_c", trail=None):
    """The same as a `Plot`. trail: a list that keeps the points of one curve from call to call."""
    points, last_run, why = _points(runs)
    curve = _curve(theory, last_run)
    if trail is not None:
        points = _joined(trail, points, curve)
    x, y = points.iloc[-1]
    where = why or f"{x:.1f} %"
    alt = (f"Mean latency against utilization, logarithmic: this run is at {where} with a mean latency of "
           f"{duration(y)}; {len(points)} run{'s'[:len(points) > 1]} drawn as points.")
    traces = []
    if curve is not None:
        traces.append(_line("theory (Erlang C)", curve.utilization * 100, curve.mean_ms))
        alt += " The theory line rises gently up to about 80 % and steeply beyond."
    marks = _marks("runs", points.utilization_percent, points.mean_ms, symbol="circle-open", size=7, color=ORANGE,
                   line={"width": 2})
    traces.append({**marks, "showlegend": len(points) > 1})
    if math.isfinite(x) and math.isfinite(y):
        traces.append(_marks("you are here", [x], [y], symbol="star-diamond", size=15, color=VERMILION,
                             line={"width": 1.5, "color": INK}))
    axis = {"title": {"text": "utilization of the busiest component (%)"}, "range": [-2, END],
            "tickvals": [0, 20, 40, 60, 80, 100]}
    return Plot(traces, alt, axis, duration_axis("mean latency"), shapes=[_BAND],
                notes=[*_here(x, y, why), _BAND_NAME])


def _here(x, y, why):
    """The label of the last point, where neither the curve nor the frame is: left above the point, or on top."""
    if why:
        what, *offered = why.split(", ")
        text = "<br>".join([f"<b>you are here: {what}</b>", *offered, f"mean of those answered: {duration(y)}"])
        return [note(text, 86, 1, yref="y domain", xanchor="right", yanchor="top")]
    if not (math.isfinite(x) and math.isfinite(y)):
        return []
    side = {"xanchor": "right", "xshift": -8} if x > 45 else {"xanchor": "left", "xshift": 4}
    return [note(f"<b>you are here</b><br>{x:.1f} %, {duration(y)}", x, _log(y), yshift=30, **side)]


def _beyond(run):
    """Why a run belongs beyond the wall, in words; "" where it does not."""
    load, crashed = offered_load(run), run.stations["crashes"].any()
    if not (crashed or load > 1):
        return ""
    offered = f", offered {number(load)} x its capacity" if math.isfinite(load) else ""
    return ("CRASHED" if crashed else "OVERLOADED") + offered


def offered_load(run):
    """Work that the clients ask for over what the busiest component can do, from the declaration: 1 is full.

    NaN where more than the declaration decides how many requests reach a component, such as a cache's hits.
    """
    stations = _stations(run.nodes)
    per_ms = expected_requests(run.clients, run.seconds) / run.seconds / 1000
    return math.nan if stations is None else per_ms / _full_per_ms(stations)


def erlang_curve(system):
    """Mean latency in ms over the busiest station's utilization: DataFrame(utilization, mean_ms); None without theory.

    Theory holds for servers and databases with exponential times and enough memory that call each other in
    turn: a request leaves one M/M/c as a Poisson stream into the next, so the mean latencies add (Burke 1956).
    """
    nodes = blueprint(system)
    if any(getattr(node.component, "distribution", "") != "exponential" for node in nodes):
        return None
    stations = _stations(nodes)
    return None if stations is None else pd.DataFrame({"utilization": CURVE_LOADS, "mean_ms": _mean_ms(stations)})


def _stations(nodes):
    """(places, mean ms, visits per request) of each station; None for kinds whose visits only a run can tell."""
    visits, stations, layer = [1.0] + [0.0] * (len(nodes) - 1), [], layers(nodes)
    for node in sorted(nodes, key=lambda node: layer[node.index]):
        component, is_balancer = node.component, node.kind == "LoadBalancer"
        for child in node.children:
            visits[child] += visits[node.index] / (len(node.children) if is_balancer else 1)
        if isinstance(component, Server):
            stations.append((component.cpus, component.service_ms, visits[node.index]))
        elif isinstance(component, Database):
            stations.append((component.connections, component.query_ms, visits[node.index]))
        elif not is_balancer:
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


def _curve(theory, last_run):
    if isinstance(theory, str):
        if theory != "erlang_c":
            complain("latency_against_utilization", "theory", theory,
                     "'erlang_c', a DataFrame with columns utilization and mean_ms, or None", "erlang_c")
        return None if last_run is None else erlang_curve(last_run.system)
    return theory


def _points(runs):
    """(utilization_percent, mean_ms) of each run, where it is drawn; the last run; why that is beyond the wall."""
    columns = ["utilization_percent", "mean_ms"]
    if isinstance(runs, pd.DataFrame):
        return runs[columns].reset_index(drop=True).astype(float), None, ""
    runs = runs if isinstance(runs, (list, tuple)) else [runs]
    if not runs:
        complain("latency_against_utilization", "runs", runs, "a run, at least one run in a list, or a table", "run")
    rows = pd.concat([run.summary() for run in runs], ignore_index=True)[columns].astype(float)
    reasons = [_beyond(run) for run in runs]
    rows.loc[[bool(why) for why in reasons], "utilization_percent"] = BEYOND
    return rows, runs[-1], reasons[-1]


def _joined(trail, points, curve):
    # Points of another curve (other cores) would only mislead beside this one.
    key = None if curve is None else curve.mean_ms.iloc[-1]
    trail[:] = [*(old for old in trail if old[0] == key), (key, points)][-LONGEST_TRAIL:]
    return pd.concat([old for _, old in trail], ignore_index=True)


def latency_distribution(run, theory=None, width=840, height=400):
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
        traces.insert(0, _line("theory", [theory(1 - share) for share in slower], slower))
    notes, said = [], []
    for label, quantile, symbol in QUANTILES:
        value = float(np.quantile(latency, quantile))
        traces.append({**_marks(label, [value], [1 - quantile], symbol=symbol, size=11, color=INK),
                       "showlegend": False})
        notes.append(note(f"<b>{label}</b> {duration(value)}", _log(value), _log(1 - quantile),
                          xanchor="right", xshift=-10, yshift=-9))
        said.append(f"{label} is {duration(value)}")
    alt = f"Latency distribution: {', '.join(said)}, of {number(len(latency))} answered requests."
    return Plot(traces, alt, *axes, notes=notes)


def _line(name, xs, ys, color=BLUE, dash="dash"):
    return {"type": "scatter", "name": name, "mode": "lines", "x": plain(xs), "y": plain(ys),
            "line": {"color": color, "width": 2.5, "dash": dash}}


def _marks(name, xs, ys, **marker):
    return {"type": "scatter", "name": name, "mode": "markers", "x": plain(xs), "y": plain(ys), "marker": marker}


def _log(value):
    return round(math.log10(value), 4) if value > 0 else -3.0
