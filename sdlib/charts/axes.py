"""Axes with round ends that hold still from picture to picture; when they must change, they say so in words."""

import math

from sdlib.charts.words import duration, number

MARK_ROOM = 1.4
# A linear axis that the data fills to less than this is made shorter, or one wild run would flatten all later ones.
LEAST_FILLED = 0.25
ROUND_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class HeldAxes:
    """The ranges of a chart's axes, by (plot, "x" or "y"). An axis that the chart itself fixes is left alone."""

    def __init__(self):
        self.ranges = {}

    def fit(self, plots):
        """Give the plots the held ranges, changed where they do not fit; returns the changes in words."""
        changes = []
        for place, plot in enumerate(plots):
            for letter in "xy":
                axis = getattr(plot, letter)
                extent = None if "range" in axis else _extent(plot, letter)
                if extent is None:
                    continue
                old = self.ranges.get((place, letter))
                new = self.ranges[place, letter] = _round(extent, axis, old)
                if old is not None and new != old:
                    changes.append(_change(axis, letter, new))
                setattr(plot, letter, {**axis, "range": _as_plotly_wants(new, axis)})
            _put_at_top(plot)
        return changes

    def reset(self):
        """Forget the ranges: the next picture sets them."""
        self.ranges.clear()


def round_up(value):
    """The next round number: 1, 1.2, 1.5, 2, 2.5, ... times a power of ten."""
    unit = 10.0**math.floor(math.log10(value))
    return next(step * unit for step in ROUND_STEPS if step * unit >= value * (1 - 1e-9))


def _extent(plot, letter):
    is_log = getattr(plot, letter).get("type") == "log"
    low, high = math.inf, -math.inf
    for trace in plot.traces:
        if letter == "y" and trace.get("name") in plot.at_top:
            continue
        values = [value for value in (trace.get(letter) if trace.get(letter) is not None else [])
                  if isinstance(value, (int, float)) and math.isfinite(value) and (value > 0 or not is_log)]
        # A mark has a size: at the edge of the axis it would be cut.
        room = MARK_ROOM if is_log and trace.get("mode") == "markers" else 1.0
        if values:
            low, high = min(low, min(values) / room), max(high, max(values) * room)
    return (low, high) if low <= high else None


def _put_at_top(plot):
    """What stands at the upper edge goes there, now that it is known where that is."""
    for trace in plot.traces:
        if trace.get("name") in plot.at_top:
            top = plot.y.get("range", (0, 1))[1]
            trace["y"] = [10.0**top if plot.y.get("type") == "log" else top] * len(trace["x"])


def _round(extent, axis, old):
    return _decades(extent, old) if axis.get("type") == "log" else _linear(extent, old)


def _decades(extent, old):
    low, high = extent if old is None else (min(extent[0], old[0]), max(extent[1], old[1]))
    low, high = 10.0**math.floor(math.log10(low)), 10.0**math.ceil(math.log10(high))
    return (low, high if high > low else low * 10)


def _linear(extent, old):
    low, high = extent
    if old is not None and old[0] <= low and high <= old[1] and high - old[0] >= LEAST_FILLED * (old[1] - old[0]):
        return old
    if low >= 0 and (low < high / 2 or low == high):
        return (0.0, round_up(high * 1.02) if high > 0 else 1.0)
    unit = 10.0**math.floor(math.log10((high - low) or abs(high) or 1.0))
    return (math.floor(low / unit) * unit, math.ceil(high / unit) * unit)


def _as_plotly_wants(ends, axis):
    return [math.log10(end) for end in ends] if axis.get("type") == "log" else list(ends)


def _change(axis, letter, ends):
    title = axis.get("title", {})
    title = (title.get("text") if isinstance(title, dict) else title) or letter
    say = duration if axis.get("ticktext") and any("ms" in text for text in axis["ticktext"]) else number
    return f"The axis \"{title}\" now goes from {say(ends[0])} to {say(ends[1])}."
