"""Lesson 18's chart: what each edge of a CDN answers itself, against how much it is asked."""

import numpy as np

from sdlib.charts.theme import INK, SKY, Plot, above, line, marks, note
from sdlib.charts.words import duration, number, percentage
from sdlib.components.cdn import CDN
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import OK
from sdlib.results.run import check_run
from sdlib.theory import ttl_hit_ratio

RATES = np.logspace(-1, 4, 41)  # requests per second at an edge
TICKS = (0.1, 1, 10, 100, 1_000, 10_000)
NAME_ROOM_PERCENT = 10  # of the axis: what a name takes in height
SETTLED = 0.5  # share of the run in which the stores fill


def how_warm_each_edge_is(run, settings):
    """A mark per edge: what it is asked per second, and the share of it that its own store answers.

    The line: what a store of that rate answers if an answer is kept for the CDN's time to live (`ttl_hit_ratio`).
    Counted in the second half of the run. In words: what all edges answer together, what the origin is asked, and how
    long a request takes on average.
    """
    check_run("how_warm_each_edge_is", run)
    edges, cdn = edges_of(run), run.system
    names, rates, shares = zip(*edges, strict=True) if edges else ((), (), ())
    ttl_s, fetch_ms = max(cdn.caches.values()), float(np.median([store.target.rtt_ms for store in cdn.stores]))
    expected = [100 * ttl_hit_ratio(run.clients.objects, run.clients.skew, rate, ttl_s, fetch_ms) for rate in RATES]
    traces = [line("formula", RATES, expected),
              {**marks("an edge of this run", rates, shares, size=10, color=SKY, line={"width": 1, "color": INK}),
               "hovertext": list(names), "hoverinfo": "text+x+y"}]
    count = len(cdn.stores)
    said = f"{number(count)} edge{'s' * (count > 1)}: {percentage(answered_at_the_edge_percent(run))} % answered there"
    more = f"{number(asked_per_s(run))} a second reach the origin; mean latency {duration(mean_latency_ms(run))}"
    return Plot(traces, f"What each edge answers itself, against what it is asked. {said}, {more}.",
                {"title": {"text": "requests a second at an edge"}, "type": "log", "range": [-1.1, 4.3],
                 "tickvals": TICKS, "ticktext": [number(tick) for tick in TICKS]},
                {"title": {"text": "answered by its own store (%)"}, "range": [-4, 108]},
                notes=[above(f"<b>{said}</b><br>{more}"), *_names(edges)])


def edges_of(run):
    """[(city, requests per second, share answered by its own store in %)] of the edges that were asked, the most
    asked first; ValueError where the run has no CDN."""
    if not isinstance(run.system, CDN):
        raise ValueError("how_warm_each_edge_is(run=<Run>): run must be of a sd.CDN; for example "
                         "run=sd.simulate(sd.shop(18), sd.Clients(users=100)).")
    seen, edge = late(run), _edge_of_each(run)
    own = _own(seen)
    asked = np.bincount(edge, minlength=len(run.system.stores))
    hits = np.bincount(edge, own, minlength=len(asked))
    rows = [(store.city, count / ((1 - SETTLED) * run.seconds), 100 * hit / count)
            for store, count, hit in zip(run.system.stores, asked, hits, strict=True) if count]
    return sorted(rows, key=lambda row: -row[1])


def late(run):
    """The rows of the requests of the settled part of the run."""
    rows = run.records.requests
    return rows[rows["arrived_s"] >= SETTLED * run.seconds]


def answered_at_the_edge_percent(run):
    """Of the requests of the settled part, those that an edge's own store answered."""
    rows = late(run)
    return 100 * float(_own(rows).mean()) if len(rows) else 0.0


def asked_per_s(run):
    """Requests per second of the settled part that reached the origin."""
    rows = late(run)
    return float((len(rows) - _own(rows).sum()) / ((1 - SETTLED) * run.seconds))


def mean_latency_ms(run):
    """Of what was answered in the settled part."""
    rows = late(run)
    answered = rows[rows["status"] == OK]
    return 1000 * float((answered["finished_s"] - answered["arrived_s"]).mean()) if len(answered) else float("nan")


def _own(rows):
    return (rows["status"] == OK) & (rows["served_by"] == NONE)


def _edge_of_each(run):
    """The number of the edge that each request of the settled part is nearest to."""
    nearest = np.array([order[0] for order in run.system.order(run.clients)])
    countries = run.plan.attributes.column("countries", run.seed, len(run.records.requests))
    return nearest[countries[len(countries) - len(late(run)):]]


def _names(edges):
    """The busiest edge, some less busy ones and the one that is asked least, by name, where the line leaves room."""
    if len(edges) < 2:
        return []
    (*others, (idle, idle_per_s, idle_share)), named = edges, []
    for city, per_s, share in others:
        if not named or share <= named[-1]["y"] - NAME_ROOM_PERCENT:
            named.append(note(city, float(np.log10(per_s)), share, xanchor="left", yanchor="top", xshift=6, yshift=-4))
    return [*named, note(idle, float(np.log10(idle_per_s)), idle_share, xanchor="right", yanchor="bottom", xshift=-6,
                         yshift=4)]
