"""Outlines of the boxes and the polygons inside them, as points in pixels."""

import math


def _arc(centre, radius, first, last, steps=10):
    return [(centre[0] + radius[0] * math.cos(first + (last - first) * step / steps),
             centre[1] + radius[1] * math.sin(first + (last - first) * step / steps)) for step in range(steps + 1)]


_BOX = [(0, 0), (1, 0), (1, 1), (0, 1)]
_DIAMOND = [(0, 0), (1, 0), (1.09, 0.5), (1, 1), (0, 1), (-0.09, 0.5)]
_CYLINDER = _arc((0.5, 0), (0.5, 0.07), math.pi, 2 * math.pi) + _arc((0.5, 1), (0.5, 0.07), 0, math.pi)
_STACK = [(0, 0), (0.96, 0), (0.96, -0.05), (1.04, -0.05), (1.04, 0.95), (1, 0.95), (1, 1), (0, 1)]
_ENVELOPE = [(0, 0), (1, 0), (1, 1), (0.5, 1.09), (0, 1)]
_GEAR = [(0.06, 0), (0.94, 0), (1, 0.12), (1, 0.88), (0.94, 1), (0.06, 1), (0, 0.88), (0, 0.12)]

# A box's outline in units of its sides, y upwards; it may stand out a little, so that its inside stays free.
OUTLINES = {"box": _BOX, "diamond": _DIAMOND, "cylinder": _CYLINDER, "stack": _STACK, "envelope": _ENVELOPE,
            "gear": _GEAR}


def outline_of(shape):
    """The outline of a shape as [[x, y], ...]; a box for a shape that is not known."""
    return [[round(x, 3), round(y, 3)] for x, y in OUTLINES.get(shape, _BOX)]


def outline(shape, centre, box):
    """The closed outline inside a box: a list of (x, y)."""
    points = OUTLINES.get(shape, _BOX)
    left, right, bottom, top = sides(points)
    points = [(centre[0] + ((x - left) / (right - left) - 0.5) * box[0],
               centre[1] + ((y - bottom) / (top - bottom) - 0.5) * box[1]) for x, y in points]
    return [*points, points[0]]


def filled(points, share):
    """The part of an outline that lies under the fill level: its height is `share` of the outline's height."""
    _, _, bottom, top = sides(points)
    level = bottom + min(max(share, 0.0), 1.0) * (top - bottom)
    below = []
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if y0 <= level:
            below.append((x0, y0))
        if (y0 - level) * (y1 - level) < 0:
            below.append((x0 + (x1 - x0) * (level - y0) / (y1 - y0), level))
    return [*below, below[0]] if below else []


def sides(points):
    """(left, right, bottom, top) of the box around these points."""
    xs, ys = zip(*points)
    return min(xs), max(xs), min(ys), max(ys)


def rectangle(left, right, bottom, top):
    """A closed rectangle."""
    return [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]


def hatch(points, step=9):
    """Slanted lines across the box around these points, as pairs of points."""
    left, right, bottom, top = sides(points)
    lines, offset = [], bottom - (right - left) + step
    while offset < top:
        x0, x1 = left + max(0, bottom - offset), min(right, left + top - offset)
        lines.append([(x0, offset + x0 - left), (x1, offset + x1 - left)])
        offset += step
    return lines


def ribbon(start, end, width):
    """A line with a width in pixels, as a closed polygon."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    x, y = -dy / length * width / 2, dx / length * width / 2
    return [(start[0] + x, start[1] + y), (end[0] + x, end[1] + y), (end[0] - x, end[1] - y),
            (start[0] - x, start[1] - y), (start[0] + x, start[1] + y)]


def people(centre, size):
    """Three persons, as closed polygons: the clients."""
    x, y = centre
    persons = []
    for shift, scale in ((-0.62, 0.8), (0.62, 0.8), (0, 1.0)):
        at, unit = x + shift * size, size * scale
        persons.append(_arc((at, y + 0.62 * unit), (0.3 * unit, 0.3 * unit), 0, 2 * math.pi, 16))
        persons.append([*_arc((at, y - 0.5 * unit), (0.5 * unit, 0.75 * unit), 0, math.pi, 12),
                        (at + 0.5 * unit, y - 0.5 * unit)])
    return persons


def joined(polygons):
    """x and y of many polygons in one trace, with gaps between them."""
    xs, ys = [], []
    for polygon in polygons:
        xs += [round(x, 1) for x, _ in polygon] + [None]
        ys += [round(y, 1) for _, y in polygon] + [None]
    return xs, ys
