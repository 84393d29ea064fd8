"""The charts of single lessons: (run, settings) -> Plot, as `sd.explore` takes them."""

import math

import numpy as np

from sdlib.charts.latency import offered_load
from sdlib.charts.theme import BLUE, GREEN, INK, VERMILION, WHITE, Plot, note, plain
from sdlib.charts.words import duration, number
from sdlib.results.run import check_run
from sdlib.theory import mmc

CROWDS = np.logspace(1, 6, 101)
FIRST_WIDTH_MS = 15
LOOKS = {"waiting for a core": (VERMILION, "/"), "computing": (BLUE, ""), "in the database": (GREEN, ".")}


def answered_against_users(run, settings):
    """Lesson 0: the share of the requests that was answered, below the most that the machine could answer."""
    check_run("answered_against_users", run)
    users, answered = run.clients.users, 100 - float(run.summary()["error_percent"].iloc[0])
    full_at = users / offered_load(run)
    crowds = np.sort([*CROWDS, full_at])    # with the very place where the line bends
    most = {"type": "scatter", "mode": "lines", "name": "the most it could answer", "x": plain(crowds),
            "y": plain(np.minimum(1, full_at / crowds) * 100), "line": {"color": BLUE, "width": 2.5, "dash": "dash"}}
    here = {"type": "scatter", "mode": "markers", "name": "this run", "x": [users], "y": plain([answered]),
            "marker": {"color": VERMILION, "size": 15, "symbol": "star-diamond", "line": {"width": 1.5, "color": INK}}}
    side = {"xanchor": "left", "xshift": 10} if users < 3_000 else {"xanchor": "right", "xshift": -10}
    label = note(f"<b>{number(answered)} % answered</b>", round(math.log10(users), 4), answered, **side)
    axis = {"type": "log", "title": {"text": "users"}, "range": [0.9, 6.1], "tickvals": [10, 100, 1e3, 1e4, 1e5, 1e6],
            "ticktext": ["10", "100", "1,000", "10,000", "100,000", "1,000,000"]}
    return Plot([most, here], f"Answered share against users: {number(users)} users, {number(answered)} % answered.",
                axis, {"title": {"text": "requests answered (%)"}, "range": [-4, 108]}, notes=[label])


def where_the_time_goes(run, settings):
    """Lesson 1: the mean latency of a request, taken apart, as computed and as simulated."""
    check_run("where_the_time_goes", run)
    bars = {"this run": _measured(run)}
    if (computed := _computed(run)) is not None:
        bars = {"formula": computed, **bars}
    widest = max(sum(parts.values()) for parts in bars.values())
    width = FIRST_WIDTH_MS * 2 ** max(0, math.ceil(math.log2(max(widest, 1e-9) * 1.05 / FIRST_WIDTH_MS)))
    traces = [_bar(name, bars, width) for name in LOOKS]
    totals = [note(f"<b>{duration(sum(parts.values()))}</b>", sum(parts.values()), name, xanchor="left", xshift=4)
              for name, parts in bars.items()]
    if computed is None:
        totals.append(note("<b>overloaded:</b> the wait grows, and no formula holds", 0.5, 1, xref="x domain",
                           yref="y domain", yanchor="top"))
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
            "textposition": "inside", "insidetextanchor": "middle", "insidetextfont": {"color": WHITE},
            "marker": {"color": colour, "pattern": _hatched(shape), "line": {"color": INK, "width": 1}}}


def _hatched(shape):
    return {"shape": shape, "fillmode": "overlay", "fgcolor": INK, "fgopacity": 0.35, "solidity": 0.15, "size": 10}


def _before(parts, name):
    """The parts that come before this one, added up."""
    return sum(list(parts.values())[:list(parts).index(name)])


def _measured(run):
    """Each part's mean, by Little's law: the mean number there over the rate of requests that were there."""
    server, database = run.stations.iloc[0], run.stations.iloc[1]

    def part(place, inside):
        return 1000 * inside * run.seconds / place["served"] if place["served"] else 0.0
    return {"waiting for a core": part(server, server["mean_queue"]),
            "computing": part(server, server["utilization"] * server["capacity"]),
            "in the database": part(database, database["mean_queue"] + database["utilization"] * database["capacity"])}


def _computed(run):
    if offered_load(run) >= 1:
        return None
    server, database = run.nodes[0].component, run.nodes[1].component
    theory = mmc(run.clients.requests_per_second, server.service_ms, server.cpus)
    return {"waiting for a core": theory.mean_wait_ms, "computing": server.service_ms,
            "in the database": database.query_ms}
