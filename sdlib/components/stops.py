"""Planned stops of a component: when it is down, known beforehand."""

from sdlib.components.checks import complain, pairs_of_numbers

EXAMPLE = ((60, 120),)


def stops(owner, down):
    """`down` as a tuple of (start_s, end_s), or a ValueError."""
    allowed = "a list of (start_s, end_s) pairs of numbers with 0 <= start_s < end_s, in order, not overlapping"
    pairs = pairs_of_numbers(down)
    if pairs is None:
        complain(owner, "down", down, allowed, EXAMPLE)
    edges = [edge for stop in pairs for edge in stop]
    in_order = all(before < after for before, after in zip(edges, edges[1:], strict=False))
    if not in_order or (edges and not 0 <= edges[0] <= edges[-1] < float("inf")):
        complain(owner, "down", down, allowed, EXAMPLE)
    return pairs


def planned_stops(down):
    """The same as planned changes."""
    return [(start_s, "kill", 0, end_s - start_s) for start_s, end_s in down]
