"""Lesson 11's chart: messages over time, as they wait, are hidden, or lie among the dead letters."""

from sdlib.charts.theme import BLUE, INK, PURPLE, VERMILION, Plot, above, held_end, line, plain
from sdlib.charts.timeline import BAND, outages
from sdlib.charts.words import number
from sdlib.kernel.incidents import INCIDENTS, REDRIVEN
from sdlib.results.run import check_messages

LIVE = {"visible": ("waiting", BLUE, "solid"), "hidden": ("hidden", PURPLE, "dash")}
DEAD = {"dead": ("dead letters", VERMILION, "dashdot")}
LINES = LIVE | DEAD
FIRST_HEIGHT, FIRST_DEAD = 1_000, 10  # messages


def messages_over_time(run, settings=None):
    """Two plots: how many messages of the first queue wait or are hidden, and how many lie dead, on a scale of its own.

    Outages are shaded, a redrive is marked.
    """
    check_messages("messages_over_time", run)
    backlog = run.backlog()
    backlog = backlog[backlog["channel"] == backlog["channel"].cat.categories[0]]
    most = {part: number(backlog[part].max()) for part in LINES}
    ends = ", ".join(f"{number(backlog[part].iloc[-1])} {name}" for part, (name, *_) in LINES.items())
    said = f"at most {most['visible']} waiting, {most['dead']} dead letters"
    live = _plot(run, backlog, LIVE, FIRST_HEIGHT, "messages")
    dead = _plot(run, backlog, DEAD, FIRST_DEAD, "dead letters")
    live.alt = f"Messages over time: {said}; at the end {ends}.{_told(run)}"
    live.notes.append({**above(f"<b>{said}</b><br>at the end: {ends}"), "yshift": 0})
    live.notes += [_label("down", start_s) for start_s, *_ in outages(run)]
    dead.notes += [_label("redrive", time_s) for time_s in _redrives_s(run)]
    live.x["showticklabels"] = False
    dead.x["title"] = {"text": "simulated time (minutes)"}
    return [live, dead]


def _plot(run, backlog, lines, first_height, title):
    """These lines of the backlog, with a grey band where something was down and a line at each redrive."""
    minutes = backlog["second"] / 60
    traces = [line(name, minutes, backlog[part], colour, dash) for part, (name, colour, dash) in lines.items()]
    end = held_end(first_height, backlog[list(lines)].to_numpy().max())
    bands = [{"type": "rect", **_across(start_s, min(end_s, run.seconds)), "fillcolor": BAND, "layer": "below",
              "line": {"width": 1.5, "color": INK, "dash": "dot"}} for start_s, end_s, *_ in outages(run)]
    redrives = [{"type": "line", **_across(time_s, time_s), "line": {"width": 2, "color": INK, "dash": "dash"}}
                for time_s in _redrives_s(run)]
    return Plot(traces, "", {"range": plain([0, run.seconds / 60])},
                {"title": {"text": title}, "tickformat": ",", "range": [0, end]}, shapes=bands + redrives)


def _told(run):
    """The outages and the redrives in words."""
    downs = [f" The {station} was down from {number(start_s)} s to {number(min(end_s, run.seconds))} s."
             for start_s, end_s, station, _ in outages(run)]
    redrives = [f" The dead letters were redriven at {number(time_s)} s." for time_s in _redrives_s(run)]
    return "".join(downs + redrives)


def _redrives_s(run):
    incidents = run.incidents
    return incidents.loc[incidents["what"] == INCIDENTS[REDRIVEN], "time_s"].tolist()


def _across(from_s, to_s):
    """The whole height of a plot, between two times."""
    return {"x0": round(from_s / 60, 3), "x1": round(to_s / 60, 3), "y0": 0, "y1": 1, "yref": "y domain"}


def _label(text, time_s):
    return {"text": text, "x": round(time_s / 60, 3), "y": 1, "xref": "x", "yref": "y domain", "xanchor": "left",
            "yanchor": "top", "align": "left", "showarrow": False, "font": {"size": 11, "color": INK}}
