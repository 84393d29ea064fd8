"""The panel's picture without the panel: the system beside the lesson's chart, at given settings."""

import inspect
import math

import pandas as pd

from sdlib.charts.axes import HeldAxes
from sdlib.charts.diagram import diagram
from sdlib.charts.distribution import distribution_plot
from sdlib.charts.latency import latency_plot
from sdlib.charts.side_by_side import side_by_side
from sdlib.charts.theme import Plot, compose, picture, stacked
from sdlib.charts.timeline import timeline_plots
from sdlib.components.checks import check_number, complain, takes
from sdlib.engine.arrivals import expected_requests
from sdlib.results.simulate import simulate

REQUESTS_PER_REDRAW = 200_000
CHART_SIZE, CHART_MARGIN = (450, 350), {"l": 78, "r": 14, "t": 40, "b": 72}
STARTS_LOGARITHMIC = ("distribution",)
EXAMPLE = {"users": 100}


def _latency(run, log, trail):
    return latency_plot(run, log=log, trail=trail)


def _timeline(run, log, _trail):
    return timeline_plots(run, rows=("traffic", "latency"), log=log, latency_log=log)


def _distribution(run, log, _trail):
    return distribution_plot(run, log=log)


CHARTS = {"latency": _latency, "timeline": _timeline, "distribution": _distribution}


def still(build, settings, chart="latency", seconds=60, seed=0, highlight=None):
    """The panel's picture at these settings, as a `go.Figure`: what a reader without a kernel sees.

    build(**settings) -> (system, clients). chart: as in `sd.explore`. A run of more than 200,000 requests is
    shortened, as in the panel.
    """
    _check_settings("still", build, settings)
    run = run_at(build, settings, seconds, seed)
    return side_by_side(diagram(run, highlight, *CHART_SIZE), chart_figure(chart_plots(chart, run, settings)))


def settings_table(build, settings, seconds=60, seed=0):
    """One row for each of the settings (a list of dictionaries): the settings, and what the panel's tiles show.

    p50_ms and p99_ms are those of answered requests: read them beside error_percent.
    """
    if not isinstance(settings, (list, tuple)) or not settings:
        complain("settings_table", "settings", settings, "a list of dictionaries", [EXAMPLE])
    rows = []
    for chosen in settings:
        _check_settings("settings_table", build, chosen)
        run = run_at(build, chosen, seconds, seed)
        measured = run.measures()
        rows.append({**chosen, "served_per_s": round(measured["throughput_per_s"], 1),
                     "p50_ms": round(measured["p50_ms"], 1), "p99_ms": round(measured["p99_ms"], 1),
                     "error_percent": round(measured["error_percent"], 1), "busiest": measured["busiest"],
                     "utilization_percent": round(measured["utilization_percent"], 1),
                     "usd_per_month": _whole(measured["usd_per_month"]), "simulated_s": round(run.seconds, 1)})
    return pd.DataFrame(rows)


def _check_settings(owner, build, settings):
    if not callable(build):
        complain(owner, "build", build, "a function that returns (system, clients)", "build")
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings) or not takes(
            build, **settings):
        complain(owner, "settings", settings, "a dictionary of settings that build takes", EXAMPLE)


def _whole(usd):
    """Whole dollars; NaN, which no whole number is, where a machine has no known price."""
    return usd if math.isnan(usd) else round(usd)


def run_at(build, settings, seconds=60, seed=0):
    """The run at these settings, shortened so that about 200,000 requests arrive at most: it stays live.

    A third thing that build returns is the run's schedule."""
    seconds = check_number("explore", "seconds", seconds, low=0.001, high=86_400, example=60, unit="s")
    system, clients, *schedule = build(**settings)
    shortened = min(1.0, REQUESTS_PER_REDRAW / max(expected_requests(clients, seconds), 1))
    return simulate(system, clients, seconds=seconds * shortened, seed=seed, schedule=sum(schedule, []))


def check_chart(chart):
    """ValueError unless it is the name of a chart or a function."""
    if not (isinstance(chart, str) and chart in CHARTS) and not takes(chart, None, None):
        complain("explore", "chart", chart, "one of " + ", ".join(map(repr, CHARTS))
                 + ", or a function (run, settings) -> traces", "latency")


def chart_plots(chart, run, settings, log=None, trail=None):
    """The plots of a chart: one of the names in CHARTS, or a function (run, settings) -> plots or Plotly traces.

    log: logarithmic axes; by default as the chart starts. trail: a list that keeps earlier points; a function with a
    parameter of that name gets it.
    """
    check_chart(chart)
    if isinstance(chart, str):
        log = chart in STARTS_LOGARITHMIC if log is None else log
        return _as_plots(CHARTS[chart](run, log, trail))
    keeps = {"trail": trail} if "trail" in inspect.signature(chart).parameters else {}
    plots = _as_plots(chart(run, settings, **keeps))
    for plot in plots if log else ():
        plot.y = {key: value for key, value in plot.y.items() if key not in ("range", "rangemode")} | {"type": "log"}
    return plots


def has_axis_of_its_own(chart, plots):
    """Whether a function has said how the upright axis of its chart runs: then there is no choice to offer."""
    return callable(chart) and any({"type", "range", "rangemode"} & plot.y.keys() for plot in plots)


def chart_figure(plots):
    """A `go.Figure` of the size that the chart has in the panel."""
    HeldAxes().fit(plots)
    return picture(chart_picture(plots))


def chart_picture(plots):
    """The same as a plain dictionary."""
    return compose(stacked(plots, (0, 1), 1, 0.1), *CHART_SIZE, CHART_MARGIN)


def _as_plots(made):
    made = made if isinstance(made, (list, tuple)) else [made]
    if all(isinstance(item, Plot) for item in made):
        return list(made)
    traces = [item if isinstance(item, dict) else item.to_plotly_json() for item in made]
    names = [trace["name"] for trace in traces if trace.get("name")]
    return [Plot(traces, f"Chart of {', '.join(names)}." if names else "Chart of this run.")]
