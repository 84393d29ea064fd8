"""A run over time: what was answered and failed, how long it took, how much was inside, and when a machine was down."""

import math

import numpy as np

from sdlib.charts.theme import BLUE, INK, ORANGE, PURPLE, VERMILION, Plot, above, duration_axis, figure, plain
from sdlib.charts.words import duration, number
from sdlib.kernel.incidents import CRASHED, STOPPED
from sdlib.kernel.statuses import IN_FLIGHT, OK
from sdlib.results.run import check_run

OUTAGES = {CRASHED: "CRASHED", STOPPED: "DOWN"}
MOST_BINS = 60
A_MOMENT_S = 1e-6
HATCH = {"shape": "/", "fillmode": "overlay", "fgcolor": INK, "fgopacity": 1, "size": 6, "solidity": 0.15}
LABEL_ROOM, LEAST_BAR = 0.16, 0.15  # shares of the run, of a bin
BAND = "rgba(90,90,90,0.28)"


def timeline(run, every_s=None, width=840, height=560):
    """Throughput and failures, latency of what was answered, and requests inside over time, below each other.

    A time in which a machine was down is a grey band with its name, in every plot. every_s: length of a bin in s;
    by default a sixtieth of the run.
    """
    check_run("timeline", run)
    return figure(timeline_plots(run, every_s), width, height)


def timeline_plots(run, every_s=None, rows=("traffic", "latency", "inside"), log=False, latency_log=True):
    """The same as a list of `Plot`, one for each of the rows. log: traffic on a logarithmic axis; latency_log:
    latency on one."""
    bins = _Bins(run, every_s)
    downs = outages(run)
    makers = {"traffic": _traffic, "latency": _latency if latency_log else _linear_latency, "inside": _inside}
    plots = [makers[row](bins, run) for row in rows]
    for plot in plots:
        plot.x = {"range": plain([0, run.seconds]), "showticklabels": plot is plots[-1]}
        plot.shapes = [{"type": "rect", "x0": round(start, 3), "x1": round(min(end, run.seconds), 3), "y0": 0, "y1": 1,
                        "yref": "y domain", "fillcolor": BAND, "line": {"width": 1.5, "color": INK, "dash": "dot"},
                        "layer": "below"} for start, end, _, _ in downs]
    if log:
        plots[0].y |= {"type": "log", "dtick": 1, "tickformat": ","}
    plots[-1].x["title"] = {"text": "simulated time (s)"}
    plots[0].notes = _labels(downs, run.seconds)
    plots[0].alt += _said(downs)
    return plots


class _Bins:
    """The columns of the run's timeline, and where each bin is drawn: at its middle."""

    def __init__(self, run, every_s):
        self.every_s = max(run.seconds / MOST_BINS, 1e-6) if every_s is None else every_s
        self.table = run.bins(self.every_s)
        self.starts_s = self.table["second"]
        self.ends_s = np.minimum(self.starts_s + self.every_s, run.seconds)
        self.middles_s = (self.starts_s + self.ends_s) / 2


def outages(run):
    """When machines were down: (start_s, end_s, machine, "CRASHED" or "DOWN"), in order of time."""
    check_run("outages", run)
    rows, names = run.records.incidents, [node.name for node in run.nodes]
    return [(float(row["time_s"]), float(row["until_s"]), names[row["node"]], OUTAGES[row["what"]]) for row in rows
            if row["what"] in OUTAGES]


def _labels(downs, seconds):
    """Above the plot, where no data is; of outages that follow closely only the first is named."""
    labels, last = [], -1.0
    for start, _, machine, what in downs:
        if last < 0 or (start - last) / seconds > LABEL_ROOM:
            last = start
            side = "right" if start > (1 - LABEL_ROOM) * seconds else "left"
            text = f"<b>{what.lower()}</b><br>{machine}"
            labels.append({**above(text), "xref": "x", "x": round(start, 3), "xanchor": side, "align": side})
    return labels


def _said(downs):
    if not downs:
        return " No machine was down."
    words = [f"{machine} {what.lower()} at {start:.1f} s, "
             + (f"to be back at {end:.1f} s" if math.isfinite(end) else "not to come back")
             for start, end, machine, what in downs]
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return f" Down: {'; '.join(words[:5])}{more}."


def _traffic(bins, run):
    answered, failed = bins.table["throughput_per_s"], bins.table["failed"] / bins.every_s
    traces = [_failures(bins, failed, run), _line("answered per s", bins, answered, BLUE, "solid", "circle")]
    alt = (f"Over {number(run.seconds)} simulated seconds at most {number(answered.max())} requests "
           f"per second were answered and at most {number(failed.max())} failed.")
    return Plot(traces, alt, y={"title": {"text": "requests / s"}, "tickformat": ","})


def _failures(bins, failed, run):
    """A bar for each bin with failures, from its first failure on: none is drawn before the crash that caused it."""
    status = run.records.requests["status"]
    failed_s = run.records.requests["finished_s"][(status != OK) & (status != IN_FLIGHT)]
    first_s = np.full(len(bins.starts_s), np.inf)
    np.minimum.at(first_s, np.searchsorted(bins.starts_s, failed_s, "right") - 1, failed_s)
    some = np.isfinite(first_s)
    widths_s = np.maximum(bins.ends_s[some] - first_s[some], LEAST_BAR * bins.every_s)
    return {"type": "bar", "name": "failed per s", "x": plain(first_s[some]), "y": plain(failed[some]), "offset": 0,
            "width": plain(widths_s), "marker": {"color": VERMILION, "pattern": HATCH}}


def _latency(bins, run):
    traces = [_line("median (p50)", bins, bins.table["p50_ms"], ORANGE, "solid", "diamond"),
              _line("p99", bins, bins.table["p99_ms"], PURPLE, "dash", "square")]
    return Plot(traces, f"The p99 of the answered reached {duration(_highest(bins.table['p99_ms']))}.",
                y=duration_axis("latency of answered"))


def _linear_latency(bins, run):
    plot = _latency(bins, run)
    plot.y = {"title": {"text": "latency of answered (ms)"}, "tickformat": ","}
    return plot


def _highest(values):
    """The largest of the numbers; NaN where there is none."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else math.nan


def _inside(bins, run):
    seconds, inside = in_system(run, len(bins.starts_s))
    # A client between two tries has no answer yet, and holds no memory: the line may cross that of the memory.
    tries_again = run.clients.retry.times > 0
    name = "inside, or waiting for the next try" if tries_again else "requests inside"
    full = "memory holds" if tries_again else "memory is full:"
    traces = [{"type": "scatter", "name": name, "mode": "lines", "x": plain(seconds), "y": plain(inside),
               "line": {"color": INK, "width": 2}}]
    where = "inside or between two tries" if tries_again else "inside"
    alt = f"At most {number(inside.max())} requests were {where} at once."
    cells = run.nodes[0].component.memory_cells
    if cells and inside.max() > cells / 4:
        traces.append({"type": "scatter", "name": f"{full} {number(cells)}", "mode": "lines",
                       "x": plain([0, run.seconds]), "y": [cells] * 2,
                       "line": {"color": VERMILION, "width": 2, "dash": "longdashdot"}})
        alt += f" Memory holds {number(cells)}."
    return Plot(traces, alt, y={"title": {"text": "requests" if tries_again else name}, "tickformat": ","})


def in_system(run, bins):
    """How many requests were inside, at the ends of the bins and right before and after each outage began."""
    begins_s = np.array([start for start, *_ in outages(run)])
    seconds = np.unique(np.concatenate([np.linspace(0, run.seconds, 2 * bins + 1), begins_s, begins_s - A_MOMENT_S]))
    seconds = seconds[seconds >= 0]
    arrived_s, finished_s = run.records.requests["arrived_s"], np.sort(run.records.requests["finished_s"])
    return seconds, np.searchsorted(arrived_s, seconds, "right") - np.searchsorted(finished_s, seconds, "right")


def _line(name, bins, ys, color, dash, symbol):
    return {"type": "scatter", "name": name, "mode": "lines+markers", "x": plain(bins.middles_s), "y": plain(ys),
            "connectgaps": False, "line": {"color": color, "width": 2, "dash": dash},
            "marker": {"symbol": symbol, "size": 5, "color": color}}
