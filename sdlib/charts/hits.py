"""Lesson 16's chart: how often a cache has the answer, and what keeps it from having it more often: room or time."""

from functools import lru_cache
from math import log10

from sdlib.charts.parts import kept
from sdlib.charts.theme import GREEN, Plot, above, line, runs_so_far, this_run
from sdlib.charts.words import number, percentage
from sdlib.components.cache import Cache
from sdlib.components.database import Database
from sdlib.results.run import check_run
from sdlib.results.simulate import simulate
from sdlib.theory import che_hit_ratio, ttl_hit_ratio

SMALLEST, SIZES = 10, 25
TICKS = [first * 10**zeros for zeros in range(1, 8) for first in (1, 3)]
TICK_ROOM = 1.5  # times a tick: so near to the end of the axis there is room for one number
HALF = 0.5  # of the run, in which the cache fills


def hits_against_room(run, settings, trail=None):
    """The share of hits, in the second half of the run, against how many answers a cache has room for.

    The rising line is Che's formula: what so much room allows, if nothing expires. The level line is what the time to
    live allows, with room for all. In words: what reaches the database behind, and how busy it is. trail: a list that
    keeps the points of earlier runs.
    """
    check_run("hits_against_room", run)
    cache, clients = _cache_of(run), run.clients
    most = clients.objects
    room, found = min(cache.capacity, most), settled_hits_percent(run)
    sizes, by_room = _what_room_allows(most, clients.skew)
    ticks = [*(tick for tick in TICKS if tick < most / TICK_ROOM), most]
    points = kept([] if trail is None else trail, (clients.users, clients.skew, cache.ttl_s), (room, found))
    traces = [line("what the room allows (Che)", sizes, by_room)]
    if cache.ttl_s is not None:
        by_time = 100 * ttl_hit_ratio(most, clients.skew, clients.requests_per_second, cache.ttl_s)
        traces.append(line("what the time allows", [sizes[0], sizes[-1]], [by_time] * 2, GREEN, "dot"))
    traces += [runs_so_far(points), this_run(room, found)]
    said = f"{percentage(found)} % hits with room for {number(room)}"
    more = f"{number(queries_per_s(run))} queries a second; database {percentage(database_busy_percent(run))} % busy"
    return Plot(traces, f"Hits against the room of the cache: {said}; {more}.",
                {"title": {"text": "answers that fit into the cache"}, "type": "log",
                 "range": [0.95, log10(1.15 * max(most, SMALLEST))], "tickvals": ticks,
                 "ticktext": [number(tick) for tick in ticks]},
                {"title": {"text": "hits (%)"}, "range": [-4, 108]},
                notes=[above(f"<b>you are here:</b> {said}<br>{more}".replace("< 0", "&lt; 0"))])


@lru_cache(maxsize=64)  # the line stays while users or time are moved
def _what_room_allows(objects, skew):
    """Sizes of the cache, and the hits in percent that each allows."""
    sizes = sorted({round(SMALLEST * (objects / SMALLEST) ** (step / SIZES)) for step in range(SIZES + 1)})
    return sizes, [100 * che_hit_ratio(objects, skew, size) for size in sizes]


def settled_hits_percent(run):
    """Of the look-ups in the second half of the run, when the cache is warm, those that found the answer.

    The first half is run once more: with the same seed it is the same, request by request. Changes that a schedule made
    are not made again.
    """
    first = simulate(run.system, run.clients, seconds=HALF * run.seconds, seed=run.seed)
    hits, misses = (float(run.stations[what].sum() - first.stations[what].sum()) for what in ("hits", "misses"))
    return 100 * hits / (hits + misses) if hits + misses else 0.0


def queries_per_s(run):
    """Queries that the database behind the cache has answered, per second."""
    return float(run.stations["served"].iloc[_database_of(run)] / run.seconds)


def database_busy_percent(run):
    """How busy the connections of the database are."""
    return 100 * float(run.stations["utilization"].iloc[_database_of(run)])


def _cache_of(run):
    found = [node.component for node in run.nodes if isinstance(node.component, Cache)]
    return found[0] if found else _without("a sd.Cache")


def _database_of(run):
    found = [node.index for node in run.nodes if isinstance(node.component, Database)]
    return found[0] if found else _without("a sd.Database")


def _without(what):
    raise ValueError(f"hits_against_room(run=<Run>): run must be of a system with {what}; for example "
                     "run=sd.simulate(sd.shop(16), clients).")
