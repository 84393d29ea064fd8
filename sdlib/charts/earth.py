"""The earth on paper: a projection that keeps areas true, and the land as its outlines. Nothing is fetched."""

from functools import cache

import numpy as np

from sdlib import data

# Equal Earth: Savric, Patterson and Jenny, "The Equal Earth map projection", IJGIS 33 (2019).
A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
HALF_ROOT_3 = np.sqrt(3) / 2
MIDDLE = 11.0  # degrees east: the map is cut in the Bering Strait, where it parts no land
ROUND_THE_LAND = 0.05  # radii of the earth
PASSES = 80


def project(longitude, latitude):
    """Degrees to (x, y) on the map, in radii of the earth: x from the map's middle, y upwards from the equator.

    >>> tuple(round(float(value), 3) for value in project(191.0, 0.0))
    (2.707, 0.0)
    """
    turned = np.asarray(longitude, float) - MIDDLE
    east = np.radians(np.where(turned < -180, turned + 360, turned))
    theta = np.arcsin(HALF_ROOT_3 * np.sin(np.radians(np.asarray(latitude, float))))
    stretch = A1 + 3 * A2 * theta**2 + theta**6 * (7 * A3 + 9 * A4 * theta**2)
    y = theta * (A1 + A2 * theta**2 + theta**6 * (A3 + A4 * theta**2))
    return east * np.cos(theta) / (HALF_ROOT_3 * stretch), y


@cache
def land_outlines():
    """The rings of the land as ((x, ...), (y, ...)) on the map, each closed, the largest first."""
    found = []
    for _, ring in data.land().groupby("ring"):
        longitude = ring["longitude"].to_numpy()
        # A ring at the date line that lies east of the cut belongs to the map's right end.
        x, y = project(longitude + 360 * (longitude.mean() < MIDDLE - 180), ring["latitude"])
        closed = [np.round(np.append(column, column[0]), 3).tolist() for column in (x, y)]
        found.append(tuple(map(tuple, closed)))
    return tuple(found)


@cache
def extent():
    """((left, right), (bottom, top)) of what the map shows, in radii of the earth: all land but the Antarctic."""
    columns = zip(*land_outlines(), strict=True)
    ends = ([value for part in column for value in part] for column in columns)
    return tuple((min(values) - ROUND_THE_LAND, max(values) + ROUND_THE_LAND) for values in ends)


def moved_apart(x, y, least):
    """Places moved as little as needed until any two are `least` apart, or nearly: marks that cover each other cannot
    be read. No chance is in it: equal places move equally."""
    places = np.stack([np.asarray(x, float), np.asarray(y, float)], axis=1)
    places[:, 0] += 1e-6 * least * np.arange(len(places))  # two at the very same place part sideways
    for _ in range(PASSES):
        between = places[:, None] - places[None, :]
        far = np.hypot(between[..., 0], between[..., 1]) + np.diag(np.full(len(places), np.inf))
        if far.min(initial=np.inf) >= 0.98 * least:
            break
        push = np.clip(least - far, 0, None) / far / 2
        places += np.clip((between * push[..., None]).sum(axis=1), -least / 2, least / 2)
    return places[:, 0], places[:, 1]
