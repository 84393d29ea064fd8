"""Lesson 17's chart: how long each country waits against how far it is."""

from math import sqrt

from sdlib.charts.theme import BLUE, GREEN, INK, ORANGE, VERMILION, Plot, above, held_end, line, marks, note
from sdlib.charts.words import duration, number
from sdlib.components.geography import MEASURED, MODEL, hub_of, way_to_region
from sdlib.components.region import Region
from sdlib.data import countries
from sdlib.results.run import check_run
from sdlib.theory.network import expected_rtt_ms, fibre_rtt_ms, round_trips

LEAST_KM, LONGEST_KM, END_KM, FIRST_HEIGHT_MS = -900, 20_000, 20_900, 500  # the last tick has room for its number
SMALLEST_PX, PX_PER_ROOT = 6, 60     # a mark's size: its area grows with the share of the crowd
NAMED, SHORT_KM, LONG_WAY = 2, 500, 1.3  # so many outliers have a name; a way over so few km is none; times the model
PLOT_PX, LETTER_PX, LINE_PX = (385, 190), 6.2, 15
HEADING_LETTERS = 47     # of bold type above the plot, in a panel of two columns
STORY = ("IN", "US")
LOOKS = {MEASURED: ("measured", ORANGE), MODEL: ("modelled", "rgba(0,0,0,0)")}


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
              _line("kept, modelled", expected_rtt_ms, GREEN, "dash"),
              _line("new, modelled", lambda km: greets * expected_rtt_ms(km), VERMILION, "dashdot")]
    traces += [_marks(table[table["basis"] == basis], *look) for basis, look in LOOKS.items()]
    seen = table.dropna(subset="p95_ms")
    top = held_end(FIRST_HEIGHT_MS, seen["p95_ms"].max() if len(seen) else 0)
    mean = duration(run.measures()["mean_ms"])
    said = "nobody was answered" if seen.empty else _said(seen)
    told = said if len(said) <= HEADING_LETTERS else _said_shortly(seen)
    heading = above(f"<b>{told}</b><br>mean of all requests {mean}; lines: the way alone")
    return Plot(traces, f"The p95 latency of {len(seen)} countries against their distance from {run.system.home}. "
                f"{said}; the mean of all requests is {mean}.",
                {"title": {"text": "km to the region"}, "range": [LEAST_KM, END_KM], "tickformat": ","},
                {"title": {"text": "p95 of the country (ms)"}, "range": [0, top], "tickformat": ","},
                notes=[heading, *_names(seen, top)])


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
    quick, slow = _ends(seen)
    return f"p95 from {quick} to {slow}"


def _said_shortly(seen):
    """As `_said`, in as many letters as there is room for."""
    quick, slow = _ends(seen)
    both = f"p95 {quick}, {slow}"
    return both if len(both) <= HEADING_LETTERS else f"p95 up to {slow}"


def _ends(seen):
    """The quickest country and the slowest, in words."""
    rows = seen.loc[[seen["p95_ms"].idxmin(), seen["p95_ms"].idxmax()]]
    return [f"{duration(round(row.p95_ms))} in {row.called}" for row in rows.itertuples()]


def _names(seen, top):
    """The countries of the story, the slowest, and the measured ways that are longest for their distance; a name for
    which there is no room is left out."""
    measured = seen[(seen["basis"] == MEASURED) & (seen["km"] > SHORT_KM)]
    times = measured["rtt_ms"] / measured["km"].map(expected_rtt_ms)
    rows = dict.fromkeys([*seen[seen["country"].isin(STORY)].index, *seen.nlargest(1, "p95_ms").index,
                          *times[times > LONG_WAY].nlargest(NAMED).index])
    names, taken = [], []
    for row in seen.loc[[*rows]].itertuples():
        sides = [found for found in _sides(row, top) if _has_room(found[1], top, taken)]
        if sides:
            side, box = min(sides, key=lambda found: _marks_in(found[1], seen))
            taken.append(box)
            names.append(note(row.called, row.km, row.p95_ms, bgcolor="rgba(0,0,0,0)", **side))
    return names


def _sides(row, top):
    """(how a name stands beside its mark, the box (left, right, bottom, top) in the plot's units) for each side."""
    km_per_px, ms_per_px = (END_KM - LEAST_KM) / PLOT_PX[0], top / PLOT_PX[1]
    radius = 0.5 * _size(row.share) + 2
    wide, high = LETTER_PX * len(row.called) * km_per_px, LINE_PX * ms_per_px
    for across, upwards in ((0, 1), (1, 0), (-1, 0), (0, -1)):
        x = row.km + across * (radius * km_per_px + wide / 2)
        y = row.p95_ms + upwards * (radius * ms_per_px + high / 2)
        side = {"xanchor": ("right", "center", "left")[across + 1], "xshift": across * radius,
                "yanchor": ("top", "middle", "bottom")[upwards + 1], "yshift": upwards * radius}
        yield side, (x - wide / 2, x + wide / 2, y - high / 2, y + high / 2)


def _has_room(box, top, taken):
    left, right, bottom, upper = box
    is_inside = left >= LEAST_KM and right <= LONGEST_KM and bottom >= 0 and upper <= top
    return is_inside and not any(left < other[1] and other[0] < right and bottom < other[3] and other[2] < upper
                                 for other in taken)


def _marks_in(box, seen):
    """How many marks a name would cover."""
    left, right, bottom, upper = box
    return int((seen["km"].between(left, right) & seen["p95_ms"].between(bottom, upper)).sum())


def _size(share):
    return SMALLEST_PX + PX_PER_ROOT * sqrt(share)
