"""The panel's picture without the panel: the system beside the lesson's chart, at given settings."""

import math

import pandas as pd

from sdlib.charts.axes import HeldAxes
from sdlib.charts.diagram import diagram_plot
from sdlib.charts.latency import distribution_plot, latency_plot
from sdlib.charts.placing import layers
from sdlib.charts.theme import Plot, compose, stacked
from sdlib.charts.timeline import timeline_plots
from sdlib.components.base import check_number, complain
from sdlib.engine.arrivals import expected_requests
from sdlib.results.simulate import simulate
from sdlib.whole import whole

REQUESTS_PER_REDRAW = 200_000
WIDTH, HEIGHT, TALL, MOST_BESIDE = 840, 400, 640, 4
CHARTS = {"latency": latency_plot,
          "timeline": lambda run, settings: timeline_plots(run, rows=("traffic", "latency"), log=True),
          "distribution": lambda run, settings: distribution_plot(run)}


def still(build, settings, chart="latency", seconds=60, seed=0, highlight=None):
    """The panel's picture at these settings, as a `go.Figure`: what a reader without a kernel sees.

    build(**settings) -> (system, clients). chart: as in `sd.explore`. A run of more than 200,000 requests is
    shortened, as in the panel.
    """
    with whole():
        from plotly.graph_objects import Figure

    run = run_at(build, settings, seconds, seed)
    plots = chart_plots(chart, run, settings)
    HeldAxes().fit(plots)
    return Figure(picture(run, plots, highlight))


def settings_table(build, settings, seconds=60, seed=0):
    """One row for each of the settings (a list of dictionaries): the settings, and what the panel's tiles show."""
    rows = []
    for chosen in settings:
        run = run_at(build, chosen, seconds, seed)
        measured = run.summary().iloc[0]
        rows.append({**chosen, "served_per_s": round(measured["throughput_per_s"], 1),
                     "p50_ms": round(measured["p50_ms"], 1), "p99_ms": round(measured["p99_ms"], 1),
                     "error_percent": round(measured["error_percent"], 1), "busiest": measured["busiest"],
                     "utilization_percent": round(measured["utilization_percent"], 1),
                     "usd_per_month": _whole(measured["usd_per_month"]), "simulated_s": round(run.seconds, 1)})
    return pd.DataFrame(rows)


def _whole(usd):
    """Whole dollars; NaN, which no whole number is, where a machine has no known price."""
    return usd if math.isnan(usd) else round(usd)


def run_at(build, settings, seconds=60, seed=0):
    """The run at these settings, shortened so that about 200,000 requests arrive at most: it stays live."""
    seconds = check_number("explore", "seconds", seconds, low=0.001, high=86_400, example=60, unit="s")
    system, clients = build(**settings)
    shortened = min(1.0, REQUESTS_PER_REDRAW / max(expected_requests(clients, seconds), 1))
    return simulate(system, clients, seconds=seconds * shortened, seed=seed)


def chart_plots(chart, run, settings, trail=None):
    """The plots of a chart: one of the names in CHARTS, or a function (run, settings) -> plots or Plotly traces.

    trail: a list of the earlier points of the latency chart, which this run's point joins.
    """
    if isinstance(chart, str) and chart not in CHARTS:
        complain("explore", "chart", chart, "one of " + ", ".join(map(repr, CHARTS))
                 + ", or a function (run, settings) -> traces", "latency")
    if chart == "latency":
        return [latency_plot(run, trail=trail)]
    made = (CHARTS[chart] if isinstance(chart, str) else chart)(run, settings)
    made = made if isinstance(made, (list, tuple)) else [made]
    if all(isinstance(item, Plot) for item in made):
        return list(made)
    traces = [item if isinstance(item, dict) else item.to_plotly_json() for item in made]
    names = [trace["name"] for trace in traces if trace.get("name")]
    return [Plot(traces, f"Chart of {', '.join(names)}." if names else "Chart of this run.")]


def picture(run, plots, highlight=None):
    """The plain figure: system and chart side by side, or one below the other when the system is deep."""
    if max(layers(run.nodes)) + 2 <= MOST_BESIDE:
        height, system_at, chart_at, chart_top = HEIGHT, ((0, 0.48), (0, 1)), (0.6, 1), 1
    else:
        height, system_at, chart_at, chart_top = TALL, ((0, 1), (0.56, 1)), (0.08, 1), 0.44
    (left, right), (low, high) = system_at
    system = diagram_plot(run, highlight, (right - left) * (WIDTH - 28), (high - low) * (height - 118))
    cells = [(system, *system_at), *stacked(plots, chart_at, chart_top, 0.05)]
    return compose(cells, WIDTH, height, {"l": 8, "r": 20, "t": 34, "b": 84})
