"""Mean latency against utilization: the hockey stick."""

import math
from dataclasses import dataclass

import pandas as pd

from sdlib.charts.axes import round_up
from sdlib.charts.erlang import CURVE_LOADS, curve_ms, offered_load
from sdlib.charts.theme import INK, ORANGE, VERMILION, Plot, above, duration_axis, figure, line, marks
from sdlib.charts.words import duration, number
from sdlib.components.checks import complain
from sdlib.results.run import check_run

LONGEST_TRAIL = 100
# Past the wall at 100 % a run that was offered L times its capacity stands at 100 + PAST (1 - 1/L): the more the
# further right, and however much it is, before the end.
PAST, END = 30, 131
_BAND = {"type": "rect", "x0": 100, "x1": END, "y0": 0, "y1": 1, "yref": "y domain", "layer": "below",
         "fillcolor": "rgba(213,94,0,0.13)", "line": {"width": 0}}
_BAND_NAME = {"text": "over capacity", "x": END - 4, "y": 0.03, "yref": "y domain", "yanchor": "bottom",
              "textangle": -90, "showarrow": False, "font": {"size": 11, "color": INK}}
# A linear axis shows so many times the latency of an idle system: flat, then steep, and what is above is marked so.
TIMES_IDLE = 12
NOTHING_ANSWERED_MS = 100.0  # the axis of an empty plot
HERE, CRASHED = "you are here", "crashed: not to scale"


@dataclass(frozen=True)
class Point:
    """Where a run is drawn. y: mean latency in ms; a crashed run stands at the upper edge whatever its y is."""

    x: float
    y: float
    crashed: bool = False


def latency_against_utilization(runs, theory="erlang_c", width=840, height=400, log=False):
    """Mean latency in ms against the busiest station's utilization.

    runs: a run, a list of runs, or a DataFrame with columns utilization_percent and mean_ms (a sweep); the last
    one is "you are here". A run that was offered more than it can do stands past the wall at 100 %, the further the
    more it was offered; one that crashed is a cross at the upper edge: its few answers say nothing about the others.
    theory: "erlang_c" (the curve of the last run's system, see `erlang_curve`), a DataFrame with columns
    utilization (0..1) and mean_ms, or None. log: a logarithmic axis, which makes the steep part look gentle.
    """
    return figure([latency_plot(runs, theory, log=log)], width, height)


def latency_plot(runs, theory="erlang_c", trail=None, log=False):
    """The same as a `Plot`. trail: a list that keeps the points of one curve from call to call.

    With a trail the linear axis holds still, whatever the points are; those above it are arrows at its top.
    """
    points, last_run, why = _points(runs)
    curve = _curve(theory, last_run)
    if trail is not None:
        points = _joined(trail, points, curve)
    here = points[-1]
    top = None if log else _top_ms(points, curve, holds=trail is not None)
    traces = [] if curve is None else [line("theory (Erlang C)", *curve)]
    traces += [_runs([point for point in points if not point.crashed], top, len(points) > 1)]
    traces += [*_crashes([point for point in points if point.crashed]), *_here(here, top)]
    axis = {"title": {"text": "utilization of the busiest component (%)"}, "range": [-2, END],
            "tickvals": [0, 20, 40, 60, 80, 100, past(2)], "ticktext": ["0", "20", "40", "60", "80", "100", "2 x"]}
    return Plot(traces, _alt(here, why, len(points), curve is not None, log), axis, _latency_axis(top),
                shapes=[_BAND], notes=[above(_label(here, why)), _BAND_NAME],
                at_top=(CRASHED, HERE) if here.crashed else (CRASHED,))


def past(load):
    """Where on the axis a run stands that was offered `load` times its capacity."""
    return 100 + PAST * (1 - 1 / load) if load > 1 else 100 * load


def _latency_axis(top):
    if top is None:
        return duration_axis("mean latency")
    step = round_up(top / 6)
    ticks = [step * count for count in range(int(top / step + 1e-9) + 1)]
    return {"title": {"text": "mean latency"}, "range": [0, top], "tickvals": ticks,
            "ticktext": [duration(tick) for tick in ticks]}


def _top_ms(points, curve, holds):
    found = [point.y for point in points if not point.crashed and math.isfinite(point.y)]
    idle = min(found, default=math.nan) if curve is None else curve[1][0]
    below = [1.1 * point.y for point in points if point.y in found and point.x <= 100]
    most = TIMES_IDLE * idle if holds else max([TIMES_IDLE * idle, *below])
    return round_up(most) if math.isfinite(most) else NOTHING_ANSWERED_MS


def _runs(points, top, in_legend):
    highest = math.inf if top is None else top
    drawn = marks("runs", [point.x for point in points], [min(point.y, highest) for point in points], size=7,
                  color=ORANGE, symbol=["triangle-up-open" if point.y > highest else "circle-open" for point in points],
                  line={"width": 2})
    return {**drawn, "showlegend": in_legend and bool(points), "cliponaxis": False}


def _crashes(points):
    drawn = marks(CRASHED, [point.x for point in points], [math.nan] * len(points), size=10, color=INK, symbol="x")
    return [{**drawn, "showlegend": True, "cliponaxis": False}] if points else []


def _here(point, top):
    if point.crashed:
        symbol = "x"
    elif math.isfinite(point.x) and math.isfinite(point.y):
        symbol = "triangle-up" if top is not None and point.y > top else "star-diamond"
    else:
        return []
    y = point.y if top is None else min(point.y, top)
    here = marks(HERE, [point.x], [y], symbol=symbol, size=15, color=VERMILION, line={"width": 1.5, "color": INK})
    return [{**here, "cliponaxis": False}]


def _label(here, why):
    """Where the last run is, in words; it stands above the plot, where no data is."""
    if why:
        what, *offered = why.split(", ")
        load = "".join(f", {one.removeprefix('offered ')}" for one in offered)    # so short that the panel can hold it
        return f"<b>you are here: {what}</b>{load}<br>mean of those answered: {duration(here.y)}"
    if not (math.isfinite(here.x) and math.isfinite(here.y)):
        return "<b>nothing was answered</b>"
    return f"<b>you are here:</b> {here.x:.1f} % busy<br>mean latency {duration(here.y)}"


def _alt(here, why, count, has_curve, log):
    alt = (f"Mean latency against utilization{', logarithmic' if log else ''}: this run is at "
           f"{why or f'{here.x:.1f} %'} with a mean latency of {duration(here.y)}; {count} run{'s'[:count > 1]} drawn "
           "as points.")
    return alt + " The theory line rises gently up to about 80 % and steeply beyond." * has_curve


def _curve(theory, last_run):
    """The line as (percents, ms), or None."""
    if theory is None:
        return None
    if isinstance(theory, pd.DataFrame) and {"utilization", "mean_ms"} <= set(theory):
        return theory["utilization"] * 100, theory["mean_ms"].to_list()
    if not isinstance(theory, str) or theory != "erlang_c":
        complain("latency_against_utilization", "theory", theory,
                 "'erlang_c', a DataFrame with columns utilization and mean_ms, or None", "erlang_c")
    mean_ms = None if last_run is None else curve_ms(last_run.nodes)
    return None if mean_ms is None else ([100 * load for load in CURVE_LOADS], mean_ms)


def _points(runs):
    """A `Point` for each run; the last run; why that one is past the wall or at the upper edge, in words."""
    if isinstance(runs, pd.DataFrame):
        if not {"utilization_percent", "mean_ms"} <= set(runs):
            complain("latency_against_utilization", "runs", runs,
                     "a table with the columns utilization_percent, mean_ms", "sd.sweep(build, grid)")
        rows = zip(runs["utilization_percent"].astype(float), runs["mean_ms"].astype(float), strict=True)
        return [Point(x, y) for x, y in rows], None, ""
    runs = runs if isinstance(runs, (list, tuple)) else [runs]
    if not runs:
        complain("latency_against_utilization", "runs", runs, "a run, at least one run in a list, or a table", "run")
    for run in runs:
        check_run("latency_against_utilization", run, "runs")
    placed = [_placed(run) for run in runs]
    return [point for point, _ in placed], runs[-1], placed[-1][1]


def _placed(run):
    """The run's point, and in words what went wrong; "" where nothing did."""
    measured, load = run.measures(), offered_load(run)
    crashed = bool(run.records.stations["crashes"].any())
    if not (crashed or load > 1):
        return Point(measured["utilization_percent"], measured["mean_ms"]), ""
    is_known = math.isfinite(load)
    offered = f", offered {number(load)} x its capacity" if is_known else ""
    return (Point(past(load if is_known else 2), measured["mean_ms"], crashed),
            ("CRASHED" if crashed else "OVERLOADED") + offered)


def _joined(trail, points, curve):
    # Points of another curve (other cores) would only mislead beside this one.
    key = None if curve is None else curve[1][-1]
    known = [old for old in trail if old[0] == key and old[1] != points]
    trail[:] = [*known, (key, points)][-LONGEST_TRAIL:]
    return [point for _, points in trail for point in points]
