"""Lesson 11's chart: messages over time, as they wait, are hidden, or lie among the dead letters."""

from sdlib.charts.theme import BLUE, INK, ORANGE, VERMILION, Plot, above, held_end, line, plain
from sdlib.charts.timeline import BAND, outages
from sdlib.charts.words import number
from sdlib.kernel.incidents import INCIDENTS, REDRIVEN
from sdlib.results.run import check_run

LINES = {"": ("waiting", BLUE, "solid"), " hidden": ("hidden", ORANGE, "dash"),
         " dead letters": ("dead letters", VERMILION, "dashdot")}
FIRST_HEIGHT = 1_000  # messages


def messages_over_time(run, settings=None):
    """How many messages of the queue wait, are hidden and lie dead, over time; outages shaded, a redrive marked."""
    check_run("messages_over_time", run)
    queue = next(node.name for node in run.nodes if node.kind == "Queue")
    counts = {part: counts_over_time(run, f"{queue}{part}") for part in LINES}
    traces = [line(name, counts[part].index / 60, counts[part], color, dash)
              for part, (name, color, dash) in LINES.items()]
    most = {part: int(run.stations.loc[f"{queue}{part}", "max_queue"]) for part in LINES}
    ends = ", ".join(f"{number(counts[part].iloc[-1])} {name}" for part, (name, _, _) in LINES.items())
    said = f"at most {number(most[''])} waiting, {number(most[' dead letters'])} dead"
    plot = Plot(traces, f"Messages over time: {said} letters; at the end {ends}.",
                {"title": {"text": "simulated time (minutes)"}, "range": plain([0, run.seconds / 60])},
                {"title": {"text": "messages"}, "tickformat": ",",
                 "range": [0, held_end(FIRST_HEIGHT, max(most.values()))]},
                notes=[above(f"<b>{said}</b><br>at the end: {ends}")])
    _mark(plot, run)
    return plot


def counts_over_time(run, station):
    """A Series: how many messages stood there, by second."""
    seen = run.samples
    rows = seen[seen["station"] == station]
    return rows.set_index("second")["queue"]


def _mark(plot, run):
    """A grey band where something was down, a line where the dead letters were redriven; each says so in words."""
    for start_s, end_s, station, _ in outages(run):
        end_s = min(end_s, run.seconds)
        plot.shapes.append({"type": "rect", "x0": round(start_s / 60, 3), "x1": round(end_s / 60, 3), "y0": 0, "y1": 1,
                            "yref": "y domain", "fillcolor": BAND, "line": {"width": 1.5, "color": INK, "dash": "dot"},
                            "layer": "below"})
        plot.notes.append(_label(f"{station}<br>down", start_s))
        plot.alt += f" The {station} was down from {number(start_s)} s to {number(end_s)} s."
    redriven = run.incidents
    for time_s in redriven.loc[redriven["what"] == INCIDENTS[REDRIVEN], "time_s"]:
        plot.shapes.append({"type": "line", "x0": round(time_s / 60, 3), "x1": round(time_s / 60, 3), "y0": 0, "y1": 1,
                            "yref": "y domain", "line": {"width": 2, "color": INK, "dash": "dash"}})
        plot.notes.append(_label("redrive", time_s))
        plot.alt += f" The dead letters were redriven at {number(time_s)} s."


def _label(text, time_s):
    return {"text": text, "x": round(time_s / 60, 3), "y": 1, "xref": "x", "yref": "y domain", "xanchor": "left",
            "yanchor": "top", "align": "left", "showarrow": False, "font": {"size": 11, "color": INK}}
