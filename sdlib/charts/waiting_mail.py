"""Lesson 11's chart: messages over time, as they wait, are hidden, or lie among the dead letters."""

from sdlib.charts.theme import BLUE, INK, PURPLE, VERMILION, Plot, above, held_end, line, plain
from sdlib.charts.timeline import BAND, outages
from sdlib.charts.words import number
from sdlib.kernel.incidents import INCIDENTS, REDRIVEN
from sdlib.results.run import check_messages

LINES = {"visible": ("waiting", BLUE, "solid"), "hidden": ("hidden", PURPLE, "dash"),
         "dead": ("dead letters", VERMILION, "dashdot")}
FIRST_HEIGHT = 1_000  # messages


def messages_over_time(run, settings=None):
    """How many messages of the first queue wait, are hidden and lie dead; outages are shaded, a redrive is marked."""
    check_messages("messages_over_time", run)
    backlog = run.backlog()
    backlog = backlog[backlog["channel"] == backlog["channel"].cat.categories[0]]
    minutes = backlog["second"] / 60
    traces = [line(name, minutes, backlog[part], color, dash) for part, (name, color, dash) in LINES.items()]
    most = {part: number(backlog[part].max()) for part in LINES}
    ends = ", ".join(f"{number(backlog[part].iloc[-1])} {name}" for part, (name, _, _) in LINES.items())
    said = f"at most {most['visible']} waiting, {most['dead']} dead letters"
    plot = Plot(traces, f"Messages over time: {said}; at the end {ends}.",
                {"title": {"text": "simulated time (minutes)"}, "range": plain([0, run.seconds / 60])},
                {"title": {"text": "messages"}, "tickformat": ",",
                 "range": [0, held_end(FIRST_HEIGHT, backlog[list(LINES)].to_numpy().max())]},
                notes=[{**above(f"<b>{said}</b><br>at the end: {ends}"), "yshift": 0}])
    _mark(plot, run)
    return plot


def _mark(plot, run):
    """A grey band where something was down, a line where the dead letters were redriven; each says so in words."""
    for start_s, end_s, station, _ in outages(run):
        end_s = min(end_s, run.seconds)
        plot.shapes.append({"type": "rect", "x0": round(start_s / 60, 3), "x1": round(end_s / 60, 3), "y0": 0, "y1": 1,
                            "yref": "y domain", "fillcolor": BAND, "line": {"width": 1.5, "color": INK, "dash": "dot"},
                            "layer": "below"})
        plot.notes.append(_label("down", start_s))
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
