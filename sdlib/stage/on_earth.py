"""The stage as a map: where components and countries stand, for a system whose components have places on the earth.

Any component with a `place` = (longitude, latitude) is drawn there, and so is all that stands behind it and has none.
"""

import numpy as np

from sdlib import data
from sdlib.charts.earth import extent, land_outlines, project

WIDTH, LEGEND_ROOM = 860, 8  # design units
FEW_SPOTS, NAME_ROOM = 8, (80, 28)  # with so many spots small ones have names; design units that a name takes
MAP_BYTES = 40_000  # of what a window may weigh, for land, places and countries
JOURNEY_ON_SCREEN_S = 3.0


def has_places(run):
    """Whether some component of the run stands at a place of the earth."""
    return any(node.component.place is not None for node in run.nodes)


def map_of(run, requests):
    """What the browser needs to draw the run on a map; None where no component has a place.

    requests: rows of the run's requests, those that are shown. land: rings as flat lists x0, y0, x1, y1, ... in tenths
    of design units. spots: {x, y, name, nodes, is_large, is_named}, where components stand; is_large: others stand
    behind it; is_named: its name is shown. spot_of: for each node its spot, -1: with whoever asks. homes: {x, y, name}
    of the countries; home_of: for each of the requests its home, -1 where its country is not known.
    """
    if not has_places(run):
        return None
    spots, spot_of = spots_of(run.nodes)
    homes, home_of = homes_of(run, requests)
    return {"width": WIDTH, "height": height(), "land": _land(), "spots": spots, "spot_of": spot_of, "homes": homes,
            "home_of": home_of}


def height():
    """Of the map, in design units."""
    (left, right), (bottom, top) = extent()
    return round(WIDTH * (top - bottom) / (right - left)) + LEGEND_ROOM


def design(longitude, latitude):
    """Degrees to design units, y downwards."""
    x, y = project(longitude, latitude)
    return _to_design(x, y)


def spots_of(nodes):
    """(spots as `map_of` gives them, for each node its spot)."""
    where, spots = {}, []
    places = [_place_of(node, nodes) for node in nodes]
    for node, place in zip(nodes, places, strict=True):
        if node.component.place is not None and place not in where:
            where[place] = len(spots)
            x, y = design(*place)
            name = node.component.place_name or node.name
            spots.append({"x": round(float(x), 1), "y": round(float(y), 1), "name": name, "nodes": [],
                          "is_large": False})
    spot_of = [where.get(place, -1) for place in places]
    for node, spot in zip(nodes, spot_of, strict=True):
        if spot >= 0:
            spots[spot]["nodes"].append(node.index)
            spots[spot]["is_large"] |= node.component.place is None
    for spot in spots:
        spot["is_named"] = _is_named(spot, spots)
    return spots, spot_of


def _is_named(spot, spots):
    """A large spot is; of a few spots a small one, too, unless it is so near to a large one that their names meet."""
    (across, down), large = NAME_ROOM, [other for other in spots if other["is_large"]]
    is_covered = any(abs(spot["x"] - other["x"]) < across and abs(spot["y"] - other["y"]) < down for other in large)
    return spot["is_large"] or (len(spots) <= FEW_SPOTS and not is_covered)


def homes_of(run, requests):
    """(the countries of the crowd that are known, for each request its place among them or -1)."""
    hubs = data.countries().set_index("iso2")
    codes = [code for code, _ in run.clients.countries]
    known = [code for code in codes if code in hubs.index]
    place = np.array([known.index(code) if code in hubs.index else -1 for code in codes])
    drawn = run.plan.attributes.column("countries", run.seed, len(run.records.requests))
    xs, ys = design(hubs.loc[known, "lon"], hubs.loc[known, "lat"])
    homes = [{"x": round(float(x), 1), "y": round(float(y), 1), "name": name}
             for x, y, name in zip(xs, ys, hubs.loc[known, "country"], strict=True)]
    return homes, place[drawn[np.asarray(requests, int)]].tolist()


def journey_s(run):
    """How long the middle one of the answered requests took: the time to show on a map."""
    rows = run.records.requests
    took_s = (rows["finished_s"] - rows["arrived_s"])[np.isfinite(rows["finished_s"])]
    return float(np.median(took_s)) if len(took_s) else 0.0


def _place_of(node, nodes):
    """Its own place, or that of the nearest in front of it that has one; None: nobody has."""
    while node.component.place is None and node.parent >= 0:
        node = nodes[node.parent]
    place = node.component.place
    return None if place is None else tuple(map(float, place))


def _to_design(x, y):
    (left, right), (_, top) = extent()
    scale = WIDTH / (right - left)
    return (np.asarray(x) - left) * scale, (top - np.asarray(y)) * scale


def _land():
    rings = []
    for ring in land_outlines():
        columns = np.round(10 * np.stack(_to_design(*ring), axis=1)).astype(int)
        rings.append(columns[:-1].ravel().tolist())
    return rings
