"""Latency by country on a world map: colour, shape and size of a mark say its class. Drawn without the network."""

import math

import numpy as np
import pandas as pd

from sdlib import data
from sdlib.charts.earth import extent, land_outlines, moved_apart, project
from sdlib.charts.theme import (
    BLUE,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    VERMILION,
    WHITE,
    Plot,
    above,
    figure,
    marks,
    note,
    plain,
)
from sdlib.charts.words import duration, number
from sdlib.components.checks import check_number, complain

WIDTH, MARGIN, HEADING, LEGEND = 840, 8, 44, 52  # pixels
OF_SEVERAL = 0.78  # as large, so that a screen shows two of them
# (up to ms, name, colour, shape, size): told apart without colours, too, and the slower the larger.
CLASSES = ((100, "under 100 ms", BLUE, "circle", 9), (200, "100 to 200 ms", GREEN, "square", 9),
           (400, "200 to 400 ms", ORANGE, "triangle-up", 12), (math.inf, "over 400 ms", VERMILION, "diamond", 13))
SILENT = ("no answer", WHITE, "x", 9)
SLOW_MS = 200
PIXEL = 1 / 185  # radii of the earth, on one map in a page of full width
APART = 12  # pixels, so that no mark covers another
LETTER, LINE, BESIDE = 6.2, 16, 14  # pixels, of words beside a mark
NARROWER = 1.4  # a page of 600 pixels is still looked at
HOME = "ap-south-1"
MEASURES = {"p95_ms": "p95", "rtt_ms": "round trip"}  # columns, and how each is called in a heading
SAID = {"p95": "p95 latency", "round trip": "round-trip time"}


def world_map(values, home=HOME, edges=None, width=WIDTH, shows="p95_ms"):
    """The p95 latency of each country as a mark at its largest city, on a map of the world.

    values: a DataFrame with the columns country (as `iso2` in `sd.data.countries()`) and p95_ms; or two or three of
    them, {"before": table, "after": table}: a map each, one below the other. p95_ms is NaN where nobody got an answer.
    shows: "p95_ms" or "rtt_ms", the column in ms that is drawn; rtt_ms is that of `Region.table()`.
    home: the region of the origin, as in `sd.data.regions()`. edges: a DataFrame with the columns longitude and
    latitude, such as `sd.data.edges()`, shown on the last map; None: there are none.
    The figure's `table` says the same in rows: country, km to the origin, and the times of each map. ValueError for a
    country or region that is not known.
    """
    tables = _checked(values, shows)
    width = check_number("world_map", "width", width, low=300, high=4_000, example=WIDTH, whole=True)
    place, points = _home(home), _edges(edges)
    names = list(tables)
    share = OF_SEVERAL if len(names) > 1 else 1
    plots = [map_plot(table, place, points if name == names[-1] else None, name, name == names[0], PIXEL / share,
                      MEASURES[shows]) for name, table in tables.items()]
    (left, right), (bottom, top) = extent()
    high = round(share * (width - 2 * MARGIN) * (top - bottom) / (right - left))
    drawing = len(plots) * high + (len(plots) - 1) * HEADING
    made = figure(plots, width, HEADING + drawing + LEGEND, gap=HEADING / drawing)
    made.update_layout(margin={"l": MARGIN, "r": MARGIN, "t": HEADING, "b": LEGEND})
    made.table = _as_table(tables, place, shows)
    return made


def map_plot(table, home, edges=None, name="", in_legend=True, pixel=PIXEL, measure="p95"):
    """One map as a `Plot`. table: `placed` countries; home: a row of `sd.data.regions()`; edges: (longitudes,
    latitudes) or None; pixel: of the screen, in radii of the earth; measure: what its times are called."""
    x, y = moved_apart(*project(table["lon"], table["lat"]), APART * pixel)
    at = table.assign(x=x, y=y, km=_km_to(home, table))
    traces = [_land(), *([] if edges is None else [_edge_marks(edges)])]
    traces += [{**_class_marks(at[at["place"] == number_], look, home, measure), "showlegend": in_legend}
               for number_, (_, *look) in enumerate(CLASSES)]
    silent = at[at["place"] == len(CLASSES)]
    traces += [_class_marks(silent, SILENT, home, measure)] if len(silent) else []
    traces.insert(1, {**_home_mark(home), "showlegend": in_legend})
    said = in_words(table, name, measure)
    axis = {"visible": False, "showgrid": False, "constrain": "domain"}
    across, upwards = extent()
    return Plot(traces, alt(table, home, name, measure), {**axis, "range": list(across)},
                {**axis, "range": list(upwards), "scaleanchor": "x"},
                notes=[above(said), *_names(at, home, pixel)])


def placed(values, shows="p95_ms"):
    """Each country's row of `sd.data.countries()`, its time in ms, its class: 0 to 3, 4 where nobody was answered."""
    known = data.countries().set_index("iso2")
    table = known.join(values.set_index("country")[shows].astype(float).rename("ms"), how="right")
    latest = [limit for limit, *_ in CLASSES[:-1]]
    table["place"] = np.where(table["ms"].isna(), len(CLASSES),
                              np.searchsorted(latest, table["ms"], side="right"))
    return table


def in_words(table, name="", measure="p95"):
    """The heading: from where it is fast to where it is slow, and how many countries are."""
    known = table.dropna(subset="ms")
    before = f"<b>{name}:</b> " if name else ""
    if known.empty:
        return f"{before}nobody was answered"
    fast, slow = known.loc[known["ms"].idxmin()], known.loc[known["ms"].idxmax()]
    many = int((known["ms"] >= SLOW_MS).sum())
    return (f"{before}{measure} from {duration(_whole(fast['ms']))} in {fast['country']} to "
            f"{duration(_whole(slow['ms']))} in {slow['country']}<br>"
            f"{number(many)} of {number(len(table))} countries wait {SLOW_MS} ms or longer")


def alt(table, home, name="", measure="p95"):
    """What is to be seen, in a sentence: the nearest country, the farthest, the slowest, and how many of each class."""
    km, ms = _km_to(home, table), table["ms"]
    near, far = (f"{table.loc[one, 'country']} {number(km[one])} km away with {duration(_whole(ms[one]))}"
                 for one in (km.idxmin(), km.idxmax()))
    counts = [f"{(table['place'] == place).sum()} {name_}" for place, (_, name_, *_) in enumerate(CLASSES)]
    counts += [f"{silent} without an answer"] if (silent := ms.isna().sum()) else []
    return (f"World map{f' ({name})' if name else ''} of the {SAID[measure]} by country, origin "
            f"{home['nearest_city']}: nearest is {near}, farthest is {far}; countries: {', '.join(counts)}.")


def _whole(ms):
    """Four figures in a heading would say more than such a time knows."""
    return round(ms) if math.isfinite(ms) and ms >= 10 else ms


def _land():
    xs, ys = [], []
    for x, y in land_outlines():
        xs += [*x, None]
        ys += [*y, None]
    return {"type": "scatter", "mode": "lines", "name": "land", "x": xs[:-1], "y": ys[:-1], "fill": "toself",
            "fillcolor": GRID, "line": {"color": GRID, "width": 0.5}, "hoverinfo": "skip", "showlegend": False}


def _class_marks(table, look, home, measure):
    name, colour, shape, size = look
    texts = [f"{row.country} ({row.hub_city})<br>{measure} {duration(row.ms)}, {number(row.km)} km to "
             f"{home['nearest_city']}" for row in table.itertuples()]
    drawn = marks(name, table["x"], table["y"], color=colour, symbol=shape, size=size,
                  line={"width": 1, "color": INK})
    return {**_never_empty(drawn), "hovertext": texts, "hoverinfo": "text"}


def _never_empty(trace):
    """The legend names a class that no country is in, too: a second map has the same one."""
    return trace if trace["x"] else {**trace, "x": [None], "y": [None]}


def _edge_marks(edges):
    x, y = project(*edges)
    return {**marks("edge", x, y, symbol="cross-thin", size=7, line={"width": 1.2, "color": INK}),
            "hoverinfo": "skip"}


def _home_mark(home):
    """A ring: the mark of a country in it stays to be seen."""
    x, y = project([home["lon"]], [home["lat"]])
    drawn = marks("origin", x, y, color=PURPLE, symbol="circle-open", size=24, line={"width": 4, "color": PURPLE})
    return {**drawn, "hovertext": [f"origin: {home['nearest_city']}"], "hoverinfo": "text"}


def _names(at, home, pixel):
    """The origin and the slowest country, by name."""
    origin = f"origin: {home['nearest_city']}"
    names = [_beside(origin, *map(float, project(home["lon"], home["lat"])), at, [], pixel)]
    if at["ms"].notna().any():
        slow = at.loc[at["ms"].idxmax()]
        names.append(_beside(f"{slow['country']}: {duration(_whole(slow['ms']))}", slow["x"], slow["y"], at,
                             names, pixel))
    return names


def _beside(text, x, y, at, others, pixel):
    """A name on the side of its mark where it covers fewest marks and names, and stays on the map; so, too, where the
    page is narrow."""
    pixel *= NARROWER
    wide, high = (LETTER * len(text) + BESIDE) * pixel, LINE * pixel
    (left, right), _ = extent()
    sides = []
    for across, upwards in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        middle_x = x + across * (wide / 2 + BESIDE / 2 * pixel)
        middle_y = y + upwards * (high / 2 + BESIDE * pixel)
        covered = ((at["x"] - middle_x).abs() < wide / 2) & ((at["y"] - middle_y).abs() < high)
        near = sum(abs(other["y"] - middle_y) < 2 * high and abs(other["x"] - middle_x) < wide for other in others)
        is_cut = not left < middle_x - wide / 2 < middle_x + wide / 2 < right
        sides.append((int(covered.sum()) + near + 100 * is_cut, across, upwards))
    _, across, upwards = min(sides, key=lambda side: side[0])
    return note(text, *plain([x, y]), xshift=across * BESIDE, yshift=upwards * BESIDE,
                xanchor=("right", "center", "left")[across + 1], yanchor=("top", "middle", "bottom")[upwards + 1])


def _km_to(home, table):
    """Great-circle distances in km from the origin to each country's largest city."""
    here, there = (np.radians(place[["lat", "lon"]].astype(float)) for place in (home, table))
    half = (np.sin((there["lat"] - here["lat"]) / 2) ** 2
            + np.cos(there["lat"]) * np.cos(here["lat"]) * np.sin((there["lon"] - here["lon"]) / 2) ** 2)
    return (2 * 6371.0088 * np.arcsin(np.sqrt(half))).round()


def _as_table(tables, home, shows):
    """For reading without the picture: the nearest country first."""
    first = next(iter(tables.values()))
    rows = pd.DataFrame({"country": first["country"], "km": _km_to(home, first).astype(int)})
    for name, table in tables.items():
        rows[f"{shows} {name}".strip()] = table["ms"].round(1)
    return rows.sort_values("km").reset_index(drop=True)


def _checked(values, shows):
    """{name: placed table}; without a name for one table."""
    if not isinstance(shows, str) or shows not in MEASURES:
        complain("world_map", "shows", shows, "one of " + ", ".join(map(repr, MEASURES)), "p95_ms")
    many = values if isinstance(values, dict) else {"": values}
    named = all(isinstance(name, str) for name in many)
    if not (1 <= len(many) <= 3 and named and all(_is_table(one, shows) for one in many.values())):
        complain("world_map", "values", values, "a table with the columns country (codes as in sd.data.countries()), "
                 f"each once, and {shows}, or a dict of one to three names to such tables", "run.by_country()")
    return {name: placed(one, shows) for name, one in many.items()}


def _is_table(one, shows):
    if not isinstance(one, pd.DataFrame) or not {"country", shows} <= set(one) or one.empty:
        return False
    is_numeric = pd.api.types.is_numeric_dtype(one[shows]) and not pd.api.types.is_bool_dtype(one[shows])
    return (is_numeric and bool((one[shows].dropna() >= 0).all()) and not np.isinf(one[shows]).any()
            and one["country"].is_unique and bool(one["country"].isin(data.countries()["iso2"]).all()))


def _home(code):
    regions = data.regions().set_index("region")
    if not isinstance(code, str) or code not in regions.index:
        complain("world_map", "home", code, "the code of a region in sd.data.regions()", HOME)
    return regions.loc[code]


def _edges(edges):
    if edges is None:
        return None
    columns = ["longitude", "latitude"]
    if not isinstance(edges, pd.DataFrame) or not {*columns} <= set(edges):
        complain("world_map", "edges", edges, "a table with the columns longitude and latitude, or None",
                 "sd.data.edges()")
    return tuple(edges[column].to_numpy(float) for column in columns)
