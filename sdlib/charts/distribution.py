"""How latency is spread over the requests of one run."""

import math

import numpy as np

from sdlib.charts.axes import round_up
from sdlib.charts.theme import INK, ORANGE, Plot, duration_axis, figure, line, marks, note
from sdlib.charts.words import duration, number
from sdlib.components.checks import complain, takes
from sdlib.results.run import check_run, quantiles

QUANTILES = (("p50", 0.50, "circle"), ("p95", 0.95, "diamond"), ("p99", 0.99, "square"))
POINTS, LEAST_SHARE = 160, 1e-4
_SHARES = {"type": "log", "title": {"text": "share of requests slower"},
           "tickvals": [1, 0.5, 0.1, 0.05, 0.01, 0.001, 1e-4, 1e-5],
           "ticktext": ["100 %", "50 %", "10 %", "5 %", "1 %", "0.1 %", "0.01 %", ""]}
_PLAIN_SHARES = {"title": {"text": "share of requests slower"}, "range": [0, 1.03], "tickformat": ".0%"}


def latency_distribution(run, theory=None, width=840, height=400, log=True):
    """Share of the answered requests that were slower than x, with p50, p95 and p99; log: both axes logarithmic.

    theory: a function quantile -> latency in ms (such as `sd.theory.mmc(...).latency_quantile_ms`), or None.
    """
    check_run("latency_distribution", run)
    if theory is not None and not takes(theory, 0.5):
        complain("latency_distribution", "theory", theory, "a function of a quantile that gives ms, or None",
                 "sd.theory.mmc(60, 10, 1).latency_quantile_ms")
    return figure([distribution_plot(run, theory, log)], width, height)


def distribution_plot(run, theory=None, log=True):
    """The same as a `Plot`."""
    latency = run.ascending_ms
    if not len(latency):
        empty = note("<b>no request was answered</b>", 0.5, 0.5, xref="x domain", yref="y domain")
        return Plot([], "Latency distribution: no request was answered.", *_axes(1.0, log), notes=[empty])
    slower = _shares(len(latency), log)
    times, marked = np.split(quantiles(latency, [*(1 - slower), *(share for _, share, _ in QUANTILES)]), [len(slower)])
    traces = [line("this run", times, slower, color=ORANGE, dash="solid")]
    if theory is not None:
        traces.insert(0, line("theory", [theory(1 - share) for share in slower], slower))
    found = [(*one, float(value)) for one, value in zip(QUANTILES, marked, strict=True)]
    traces += [_mark(*one) for one in found]
    said = ", ".join(f"{label} is {duration(value)}" for label, _, _, value in found)
    return Plot(traces, f"Latency distribution: {said}, of {number(len(latency))} answered requests.",
                *_axes(times.max(), log), notes=[_name(*one, log) for one in found])


def _axes(longest_ms, log):
    if log:
        return duration_axis("latency"), dict(_SHARES)
    return {"title": {"text": "latency (ms)"}, "range": [0, round_up(1.02 * longest_ms)]}, dict(_PLAIN_SHARES)


def _shares(answered, log):
    least = max(1 / max(answered, 2), LEAST_SHARE)
    if log:
        return np.logspace(np.log10(0.99), np.log10(least), POINTS)
    return np.linspace(0.999, max(least, 0.001), POINTS)


def _mark(label, share, symbol, value):
    return {**marks(label, [value], [1 - share], symbol=symbol, size=11, color=INK), "showlegend": False}


def _name(label, share, _symbol, value, log):
    """The line falls from left to right, so that a logarithmic plot is free below and a linear one above it."""
    side = {"xanchor": "right", "xshift": -10, "yshift": -9} if log else {"xanchor": "left", "xshift": 8, "yshift": 12}
    x, y = (_log(value), _log(1 - share)) if log else (value, 1 - share)
    return note(f"<b>{label}</b> {duration(value)}", x, y, **side)


def _log(value):
    return round(math.log10(value), 4) if value > 0 else -3.0
