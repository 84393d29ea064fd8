"""The charts of single lessons: (run, settings) -> Plot, as `sd.explore` takes them."""


import numpy as np

from sdlib.charts.erlang import offered_load
from sdlib.charts.latency import LONGEST_TRAIL
from sdlib.charts.theme import (
    GREEN,
    INK,
    ON_COLOUR,
    SKY,
    VERMILION,
    Plot,
    above,
    hatched,
    held_end,
    line,
    note,
    plain,
    runs_so_far,
    this_run,
)
from sdlib.charts.words import duration, number, percentage
from sdlib.results.run import check_run
from sdlib.theory import mmc

CROWDS = np.logspace(1, 6, 101)
FIRST_WIDTH_MS = 15
OVERLOADED = "<b>overloaded:</b> the wait grows, and no formula holds"
CRASHED = "<b>crashed:</b> the bar counts the wait of the lost, too"
LOOKS = {"waiting for a core": (VERMILION, "/"), "computing": (SKY, ""), "in the database": (GREEN, ".")}


def answered_against_users(run, settings, trail=None):
    """Lesson 0: the share of the requests that was answered, below the most that the machine could answer.

    trail: a list that keeps the points of the same machine from call to call.
    """
    check_run("answered_against_users", run)
    users, measured = run.clients.users, run.measures()
    answered, full_at = 100 - measured["error_percent"], float(f"{users / offered_load(run):.6g}")
    crowds = np.sort([*CROWDS, full_at])    # with the very place where the line bends
    points = kept([] if trail is None else trail, full_at, (users, answered))
    traces = [line("the most it could answer", crowds, np.minimum(1, full_at / crowds) * 100),
              runs_so_far(points),
              this_run(users, answered)]
    said = f"{number(users)} users, {percentage(answered)} % answered of those that ended"
    label = above(f"<b>you are here:</b> {said.replace('<', '&lt;').replace(', ', '<br>')}")
    axis = {"type": "log", "title": {"text": "users"}, "range": [0.9, 6.25], "tickvals": [10, 100, 1e3, 1e4, 1e5, 1e6],
            "ticktext": ["10", "100", "1,000", "10,000", "100,000", "1 million"]}
    tried = f" {len(points)} crowds were tried." if len(points) > 1 else ""
    return Plot(traces, f"Answered share against users: {said}.{tried}", axis,
                {"title": {"text": "requests answered (%)"}, "range": [-4, 108]}, notes=[label])


def kept(trail, key, point):
    """The points of one key so far, such as one machine, and this one; those of another are dropped."""
    trail[:] = [*[old for old in trail if old[0] == key and old[1] != point], (key, point)][-LONGEST_TRAIL:]
    return [point for _, point in trail]


def where_the_time_goes(run, settings):
    """Lesson 1: the mean latency of a request, taken apart, as computed and as simulated."""
    check_run("where_the_time_goes", run)
    bars = {"this run": _measured(run)}
    if (computed := _computed(run)) is not None:
        bars = {"formula": computed, **bars}
    widest = max(sum(parts.values()) for parts in bars.values())
    width = held_end(FIRST_WIDTH_MS, widest)
    traces = [_bar(name, bars, width) for name in LOOKS]
    totals = [note(f"<b>{duration(sum(parts.values()))}</b>", sum(parts.values()), name, xanchor="left", xshift=4)
              for name, parts in bars.items()]
    if computed is None:
        why = CRASHED if run.records.stations["crashes"].any() else OVERLOADED
        totals.append(note(why, 0.5, 1, xref="x domain", yref="y domain", yanchor="top"))
    said = ", ".join(f"{duration(value)} {name}" for name, value in bars["this run"].items())
    return Plot(traces, f"Where the time of a request goes, on average: {said}.",
                {"title": {"text": "mean latency (ms)"}, "range": [0, width * 1.12]}, {"range": [-0.6, 1.6]},
                notes=totals)


def _bar(name, bars, width):
    """One part in every bar. Stacked by its start: a picture of several plots has no one mode for all its bars."""
    colour, shape = LOOKS[name]
    lengths = [parts[name] for parts in bars.values()]
    return {"type": "bar", "orientation": "h", "name": name, "y": list(bars), "offsetgroup": "one",
            "base": plain([_before(parts, name) for parts in bars.values()]), "x": plain(lengths),
            "text": [duration(length) if length > width / 12 else "" for length in lengths],
            "textposition": "inside", "insidetextanchor": "middle", "insidetextfont": {"color": ON_COLOUR},
            "marker": {"color": colour, "pattern": hatched(shape), "line": {"color": INK, "width": 1}}}


def _before(parts, name):
    """The parts that come before this one, added up."""
    return sum(list(parts.values())[:list(parts).index(name)])


def _measured(run):
    """Each part's mean, by Little's law: the mean number there over the rate of requests that were there."""
    seen = run.records.stations

    def part(place, area_s):
        return float(1000 * area_s[place] / seen["served"][place]) if seen["served"][place] else 0.0
    return {"waiting for a core": part(0, seen["queue_area"]), "computing": part(0, seen["busy_area"]),
            "in the database": part(1, seen["queue_area"] + seen["busy_area"])}


def _computed(run):
    if offered_load(run) >= 1:
        return None
    first, second = run.nodes[0].component, run.nodes[1].component
    theory = mmc(run.clients.requests_per_second, first.service[0], first.places)
    return {"waiting for a core": theory.mean_wait_ms, "computing": first.service[0],
            "in the database": second.service[0]}
