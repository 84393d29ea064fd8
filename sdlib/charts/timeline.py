"""A run over time: what was answered and failed, how long it took, how much was inside, and when a machine was down."""

import numpy as np

from sdlib.charts.theme import BLUE, INK, ORANGE, PURPLE, VERMILION, Plot, duration_axis, figure, note, plain
from sdlib.charts.words import duration, number

MOST_BINS = 60
A_MOMENT_S = 1e-6
BAND = "rgba(90,90,90,0.28)"


def timeline(run, every_s=None, width=840, height=560):
    """Throughput and failures, latency and requests in the system over time, below each other.

    A time in which a machine was down is a grey band with its name, in every plot. every_s: length of a bin in s;
    by default a sixtieth of the run.
    """
    return figure(timeline_plots(run, every_s), width, height)


def timeline_plots(run, every_s=None, rows=("traffic", "latency", "inside"), log=False):
    """The same as a list of `Plot`, one for each of the rows. log: traffic on a logarithmic axis."""
    bins = run.timeline(every_s or max(run.seconds / MOST_BINS, 1e-6))
    downs = outages(run)
    makers = {"traffic": _traffic, "latency": _latency, "inside": _inside}
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


def outages(run):
    """When machines were down: (start_s, end_s, machine, "CRASHED" or "DOWN"), in order of time.

    A crash loses all that is in flight at one instant, which is how it is found; the machine is back `restart_s`
    later. Where clients try again, only crashes that lost a request for good are found.
    """
    servers = {node.name: node.component for node in run.nodes if node.kind == "Server"}
    found = [(start, end, name, "DOWN") for name, server in servers.items() for start, end in server.down
             if start < run.seconds]
    crashed = [name for name in servers if run.stations.loc[name, "crashes"]]
    if crashed:
        lost = np.unique(run.requests["finished_s"][run.requests["status"].to_numpy() == "lost"])
        for at in lost[~np.isin(lost, [start for start, *_ in found])].tolist():
            name = crashed[0] if len(crashed) == 1 else _emptied(run, crashed, at)
            found.append((at, at + servers[name].restart_s, name, "CRASHED"))
    return sorted(found)


def _emptied(run, names, at_s):
    """The station whose requests in flight fell most around this time."""
    inside = run.samples.pivot(index="second", columns="station", values="in_flight")
    before, after = inside[inside.index < at_s].tail(1), inside[inside.index >= at_s].head(1)
    drop = before.iloc[0] - after.iloc[0] if len(before) and len(after) else inside[names].max()
    return str(drop[names].idxmax())


def _labels(downs, seconds):
    labels, last = [], -1.0
    for start, end, machine, what in downs:
        middle = (start + min(end, seconds)) / 2
        if (middle - last) / seconds > 0.16 or last < 0:
            labels.append(note(f"<b>{what}</b><br>{machine}", round(middle, 3), 0.5, yref="y domain"))
            last = middle
    return labels


def _said(downs):
    if not downs:
        return " No machine was down."
    words = [f"{machine} {what.lower()} at {start:.1f} s, to be back at {end:.1f} s"
             for start, end, machine, what in downs]
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return f" Down: {'; '.join(words[:5])}{more}."


def _traffic(bins, run):
    length = bins["second"].diff().median() if len(bins) > 1 else run.seconds
    failed = bins["failed"] / length
    traces = [_step("answered per s", bins["second"], bins["throughput_per_s"], BLUE, "solid", "circle"),
              _step("failed per s", bins["second"], failed, VERMILION, "dot", "x")]
    alt = (f"Over {number(run.seconds)} simulated seconds at most {number(bins['throughput_per_s'].max())} requests "
           f"per second were answered and at most {number(failed.max())} failed.")
    return Plot(traces, alt, y={"title": {"text": "requests / s"}, "rangemode": "tozero"})


def _latency(bins, run):
    traces = [_step("p50", bins["second"], bins["p50_ms"], ORANGE, "solid", "diamond"),
              _step("p99", bins["second"], bins["p99_ms"], PURPLE, "dash", "square")]
    return Plot(traces, f"The p99 latency reached {duration(bins['p99_ms'].max())}.", y=duration_axis("latency"))


def _inside(bins, run):
    seconds, inside = in_system(run, len(bins))
    traces = [{**_step("in the system", seconds, inside, INK, "solid", "circle"), "mode": "lines"}]
    alt = f"At most {number(inside.max())} requests were in the system at once."
    root = run.nodes[0].component
    if hasattr(root, "most_in_flight") and inside.max() > root.most_in_flight / 4:
        traces.append({"type": "scatter", "name": f"memory is full: {number(root.most_in_flight)}", "mode": "lines",
                       "x": plain([0, run.seconds]), "y": [root.most_in_flight] * 2,
                       "line": {"color": VERMILION, "width": 2, "dash": "longdashdot"}})
        alt += f" Memory holds {number(root.most_in_flight)}."
    return Plot(traces, alt, y={"title": {"text": "in the system"}, "rangemode": "tozero"})


def in_system(run, bins):
    """How many requests were in the system, at the ends of the bins and right before and after each outage began."""
    begins_s = np.array([start for start, *_ in outages(run)])
    seconds = np.unique(np.concatenate([np.linspace(0, run.seconds, 2 * bins + 1), begins_s, begins_s - A_MOMENT_S]))
    seconds = seconds[seconds >= 0]
    arrived_s, finished_s = run.requests["arrived_s"].to_numpy(), np.sort(run.requests["finished_s"].to_numpy())
    return seconds, np.searchsorted(arrived_s, seconds, "right") - np.searchsorted(finished_s, seconds, "right")


def _step(name, xs, ys, color, dash, symbol):
    return {"type": "scatter", "name": name, "mode": "lines+markers", "x": plain(xs), "y": plain(ys),
            "connectgaps": False, "line": {"color": color, "width": 2, "dash": dash},
            "marker": {"symbol": symbol, "size": 5, "color": color}}
