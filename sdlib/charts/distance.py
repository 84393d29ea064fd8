"""Lesson 17's chart: how long each country waits against how far it is."""

from math import sqrt

from sdlib.charts.theme import BLUE, GREEN, INK, ORANGE, VERMILION, Plot, above, held_end, line, marks, note
from sdlib.charts.words import duration, number
from sdlib.components.geography import MEASURED, MODEL, hub_of, way_to_region
from sdlib.components.region import Region
from sdlib.data import countries
from sdlib.results.run import check_run
from sdlib.theory.network import expected_rtt_ms, fibre_rtt_ms, round_trips

LONGEST_KM, FIRST_HEIGHT_MS = 20_000, 500
SMALLEST_PX, PX_PER_ROOT = 6, 60     # a mark's size: its area grows with the share of the crowd
NAMED, SHORT_KM = 2, 500             # so many outliers have a name; a way over so few km is none
UP_TO, EDGE_KM = 0.88, 1_500
STORY = ("IN", "US")
LOOKS = {MEASURED: ("way measured", ORANGE), MODEL: ("way modelled", "rgba(0,0,0,0)")}


def latency_by_distance(run, settings):
    """The p95 of each country against its distance from the region, a mark each, the larger the more people.

    Full marks: the round trip was measured; empty ones: it is the model's. The lines are a request without its work:
    one round trip in a straight fibre, and as the model expects it on a kept and on a new connection. Named are the
    slowest, and those whose measured way is worst for its distance.
    """
    check_run("latency_by_distance", run)
    table = ways(run)
    greets = round_trips(1, run.system.tls)
    traces = [_line("straight fibre", fibre_rtt_ms, BLUE, "dot"),
              _line("kept connection, as modelled", expected_rtt_ms, GREEN, "dash"),
              _line("new connection, as modelled", lambda km: greets * expected_rtt_ms(km), VERMILION, "dashdot")]
    traces += [_marks(table[table["basis"] == basis], *look) for basis, look in LOOKS.items()]
    seen = table.dropna(subset="p95_ms")
    top = held_end(FIRST_HEIGHT_MS, seen["p95_ms"].max() if len(seen) else 0)
    said = "nobody was answered" if seen.empty else _said(seen)
    return Plot(traces, f"The p95 latency of {len(seen)} countries against their distance from {run.system.home}. "
                f"{said}.",
                {"title": {"text": "km to the region, great circle"}, "range": [-900, LONGEST_KM], "tickformat": ","},
                {"title": {"text": "p95 of the country (ms)"}, "range": [0, top], "tickformat": ","},
                notes=[above(f"<b>{said}</b><br>lines: the way alone; a large mark: many people"), *_names(seen, top)])


def ways(run):
    """`Run.by_country` of a region's run, with called (its name), km, rtt_ms, basis and the share of the crowd."""
    if not isinstance(run.system, Region):
        raise ValueError("latency_by_distance(run=<Run>): run must be of a region; for example "
                         "run=sd.simulate(sd.shop(17), clients).")
    table, everybody = run.by_country(), sum(share for _, share in run.clients.countries)
    for column, values in zip(("km", "rtt_ms", "basis"), zip(*(
            way_to_region(hub_of("Region", code), run.system.home) for code in table["country"]), strict=True)):
        table[column] = values
    table["share"] = [share / everybody for _, share in run.clients.countries]
    table["called"] = table["country"].map(dict(zip(countries()["iso2"], countries()["country"], strict=True)))
    return table


def _line(name, formula, colour, dash):
    return line(name, [0, LONGEST_KM], [formula(0), formula(LONGEST_KM)], colour, dash)


def _marks(table, name, colour):
    sizes = [_size(share) for share in table["share"]]
    texts = [f"{called}<br>p95 {duration(p95_ms)}<br>{number(km)} km, round trip {duration(rtt_ms)}"
             for called, p95_ms, km, rtt_ms in table[["called", "p95_ms", "km", "rtt_ms"]].itertuples(index=False)]
    return {**marks(name, table["km"], table["p95_ms"], size=sizes, color=colour, symbol="circle",
                    line={"width": 1.5, "color": INK}), "hovertext": texts, "hoverinfo": "text"}


def _said(seen):
    quick, slow = seen.loc[seen["p95_ms"].idxmin()], seen.loc[seen["p95_ms"].idxmax()]
    return (f"p95 from {duration(round(quick['p95_ms']))} in {quick['called']} to {duration(round(slow['p95_ms']))} in "
            f"{slow['called']}")


def _names(seen, top):
    """The slowest, the measured ways that are longest for their distance, and the countries of the story."""
    measured = seen[seen["basis"] == MEASURED]
    worst = (measured["rtt_ms"] / measured["km"].map(expected_rtt_ms))[measured["km"] > SHORT_KM]
    rows = {*seen.nlargest(1, "p95_ms").index, *worst.nlargest(NAMED).index, *seen[seen["country"].isin(STORY)].index}
    return [note(row.called, row.km, row.p95_ms, bgcolor="rgba(0,0,0,0)", **_beside(row, top))
            for row in seen.loc[sorted(rows)].itertuples()]


def _beside(row, top):
    """Above its mark; left of it where the plot ends; from the mark on at the left end."""
    radius = 0.5 * _size(row.share)
    if row.p95_ms > UP_TO * top:
        return {"xanchor": "right", "xshift": -radius - 3}
    return {"xanchor": "left" if row.km < EDGE_KM else "center", "xshift": -radius if row.km < EDGE_KM else 0,
            "yanchor": "bottom", "yshift": radius + 2}


def _size(share):
    return SMALLEST_PX + PX_PER_ROOT * sqrt(share)
