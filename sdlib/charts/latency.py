"""Mean latency against utilization: the hockey stick."""

import math

import pandas as pd

from sdlib.charts.axes import round_up
from sdlib.charts.erlang import erlang_curve, offered_load
from sdlib.charts.theme import INK, ORANGE, VERMILION, Plot, above, duration_axis, figure, line, marks
from sdlib.charts.words import duration, number
from sdlib.components.checks import complain
from sdlib.results.run import check_run

LONGEST_TRAIL = 100
# A run that was offered more than it can do, or that crashed, is drawn beyond the wall at 100 %, in a band of its own.
BEYOND, END = 104.5, 116
_BAND = {"type": "rect", "x0": 100, "x1": END, "y0": 0, "y1": 1, "yref": "y domain", "layer": "below",
         "fillcolor": "rgba(213,94,0,0.13)", "line": {"width": 0}}
_BAND_NAME = {"text": "over capacity", "x": 112.5, "y": 0.5, "yref": "y domain", "textangle": -90, "showarrow": False,
              "font": {"size": 11, "color": INK}}
# A linear axis shows so many times the latency of an idle system: flat, then steep, and what is above is marked so.
TIMES_IDLE = 12
NOTHING_ANSWERED_MS = 100.0  # the axis of an empty plot


def latency_against_utilization(runs, theory="erlang_c", width=840, height=400, log=False):
    """Mean latency in ms against the busiest station's utilization.

    runs: a run, a list of runs, or a DataFrame with columns utilization_percent and mean_ms (a sweep); the last
    one is "you are here". A run that was offered more than it can do, or crashed, stands beyond the wall at 100 %.
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
    x, y = points.iloc[-1]
    top = None if log else _top_ms(points, curve, holds=trail is not None)
    traces = [] if curve is None else [line("theory (Erlang C)", curve.utilization * 100, curve.mean_ms)]
    traces += [_runs(points, top), *_here(x, y, top)]
    axis = {"title": {"text": "utilization of the busiest component (%)"}, "range": [-2, END],
            "tickvals": [0, 20, 40, 60, 80, 100]}
    return Plot(traces, _alt(x, y, why, len(points), curve is not None, log), axis, _latency_axis(top),
                shapes=[_BAND], notes=[above(_label(x, y, why)), _BAND_NAME])


def _latency_axis(top):
    if top is None:
        return duration_axis("mean latency")
    step = round_up(top / 6)
    ticks = [step * count for count in range(int(top / step + 1e-9) + 1)]
    return {"title": {"text": "mean latency"}, "range": [0, top], "tickvals": ticks,
            "ticktext": [duration(tick) for tick in ticks]}


def _top_ms(points, curve, holds):
    below = points.mean_ms[(points.utilization_percent <= 100) & points.mean_ms.notna()]
    idle = points.mean_ms.min() if curve is None else curve.mean_ms.iloc[0]
    most = TIMES_IDLE * idle if holds else max([TIMES_IDLE * idle, *(1.1 * below)])
    return round_up(most) if math.isfinite(most) else NOTHING_ANSWERED_MS


def _runs(points, top):
    is_above = points.mean_ms > (math.inf if top is None else top)
    drawn = marks("runs", points.utilization_percent, points.mean_ms.clip(upper=top), size=7, color=ORANGE,
                  symbol=["triangle-up-open" if high else "circle-open" for high in is_above], line={"width": 2})
    return {**drawn, "showlegend": len(points) > 1, "cliponaxis": False}


def _here(x, y, top):
    if not (math.isfinite(x) and math.isfinite(y)):
        return []
    is_above = top is not None and y > top
    here = marks("you are here", [x], [top if is_above else y], symbol="triangle-up" if is_above else "star-diamond",
                 size=15, color=VERMILION, line={"width": 1.5, "color": INK})
    return [{**here, "cliponaxis": False}]


def _label(x, y, why):
    """Where the last run is, in words; it stands above the plot, where no data is."""
    if why:
        what, *offered = why.split(", ")
        return f"<b>you are here: {what}</b>{', '.join(['', *offered])}<br>mean of those answered: {duration(y)}"
    if not (math.isfinite(x) and math.isfinite(y)):
        return "<b>nothing was answered</b>"
    return f"<b>you are here:</b> {x:.1f} % busy, mean latency {duration(y)}"


def _alt(x, y, why, count, has_curve, log):
    alt = (f"Mean latency against utilization{', logarithmic' if log else ''}: this run is at {why or f'{x:.1f} %'} "
           f"with a mean latency of {duration(y)}; {count} run{'s'[:count > 1]} drawn as points.")
    return alt + " The theory line rises gently up to about 80 % and steeply beyond." * has_curve


def _beyond(run):
    """Why a run belongs beyond the wall, in words; "" where it does not."""
    load, crashed = offered_load(run), run.stations["crashes"].any()
    if not (crashed or load > 1):
        return ""
    offered = f", offered {number(load)} x its capacity" if math.isfinite(load) else ""
    return ("CRASHED" if crashed else "OVERLOADED") + offered


def _curve(theory, last_run):
    is_table = isinstance(theory, pd.DataFrame) and {"utilization", "mean_ms"} <= set(theory)
    if theory is None or is_table:
        return theory
    if not isinstance(theory, str) or theory != "erlang_c":
        complain("latency_against_utilization", "theory", theory,
                 "'erlang_c', a DataFrame with columns utilization and mean_ms, or None", "erlang_c")
    return None if last_run is None else erlang_curve(last_run.system)


def _points(runs):
    """(utilization_percent, mean_ms) of each run, where it is drawn; the last run; why that is beyond the wall."""
    columns = ["utilization_percent", "mean_ms"]
    if isinstance(runs, pd.DataFrame):
        if not set(columns) <= set(runs):
            complain("latency_against_utilization", "runs", runs, "a table with the columns " + ", ".join(columns),
                     "sd.sweep(build, grid)")
        return runs[columns].reset_index(drop=True).astype(float), None, ""
    runs = runs if isinstance(runs, (list, tuple)) else [runs]
    if not runs:
        complain("latency_against_utilization", "runs", runs, "a run, at least one run in a list, or a table", "run")
    for run in runs:
        check_run("latency_against_utilization", run, "runs")
    rows = pd.concat([run.summary() for run in runs], ignore_index=True)[columns].astype(float)
    reasons = [_beyond(run) for run in runs]
    rows.loc[[bool(why) for why in reasons], "utilization_percent"] = BEYOND
    return rows, runs[-1], reasons[-1]


def _joined(trail, points, curve):
    # Points of another curve (other cores) would only mislead beside this one.
    key = None if curve is None else curve.mean_ms.iloc[-1]
    known = [old for old in trail if old[0] == key and not old[1].equals(points)]
    trail[:] = [*known, (key, points)][-LONGEST_TRAIL:]
    return pd.concat([old for _, old in trail], ignore_index=True)
