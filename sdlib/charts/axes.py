"""Axes with round ends that hold still from picture to picture; when they must grow, they say so in words."""

import math

from sdlib.charts.words import duration, number

MARK_ROOM = 1.4


class HeldAxes:
    """The ranges of a chart's axes, by (plot, "x" or "y"). An axis that the chart itself fixes is left alone."""

    def __init__(self):
        self.ranges = {}
        self._start = {}

    def learn(self, plots):
        """Widen the ranges so that these plots fit; returns the axes that had to change, in words."""
        changes = []
        for place, plot in enumerate(plots):
            for letter in "xy":
                axis = getattr(plot, letter)
                extent = None if "range" in axis and (place, letter) not in self.ranges else _extent(plot, letter)
                if extent is None:
                    continue
                old = self.ranges.get((place, letter))
                wide = _round(extent, axis, old)
                if wide != old:
                    self.ranges[place, letter] = wide
                    changes.append(_change(axis, letter, wide))
        return changes

    def apply(self, plots):
        """Give the plots the held ranges, in the form that Plotly wants (logarithms on a logarithmic axis)."""
        for (place, letter), (low, high) in self.ranges.items():
            if place < len(plots):
                axis = getattr(plots[place], letter)
                is_log = axis.get("type") == "log"
                setattr(plots[place], letter,
                        {**axis, "range": [math.log10(low), math.log10(high)] if is_log else [low, high]})

    def fit(self, plots):
        """`learn` and `apply`: the changes in words."""
        changes = self.learn(plots)
        self.apply(plots)
        return changes

    def remember(self):
        """Keep the ranges of now as those to which a reset returns."""
        self._start = dict(self.ranges)

    def reset(self):
        self.ranges = dict(self._start)


def _extent(plot, letter):
    is_log = getattr(plot, letter).get("type") == "log"
    low, high = math.inf, -math.inf
    for trace in plot.traces:
        values = [value for value in (trace.get(letter) if trace.get(letter) is not None else [])
                  if isinstance(value, (int, float)) and math.isfinite(value) and (value > 0 or not is_log)]
        # A mark has a size: at the edge of the axis it would be cut.
        room = MARK_ROOM if is_log and trace.get("mode") == "markers" else 1.0
        if values:
            low, high = min(low, min(values) / room), max(high, max(values) * room)
    return (low, high) if low <= high else None


def _round(extent, axis, old):
    low, high = extent
    if old is not None:
        if old[0] <= low and high <= old[1]:
            return old
        low, high = min(low, old[0]), max(high, old[1])
    if axis.get("type") == "log":
        low, high = 10.0**math.floor(math.log10(low)), 10.0**math.ceil(math.log10(high))
        return (low, high if high > low else low * 10)
    if low >= 0:
        low = 0.0 if low < high / 2 or low == high else low
    room = (high - low) or 1.0
    unit = 10.0**math.floor(math.log10(room))
    return (math.floor(low / unit) * unit, math.ceil(high * 1.02 / (unit / 2)) * unit / 2)


def _change(axis, letter, wide):
    title = axis.get("title", {})
    title = (title.get("text") if isinstance(title, dict) else title) or letter
    say = duration if axis.get("ticktext") and any("ms" in text for text in axis["ticktext"]) else number
    return f"The axis \"{title}\" now goes from {say(wide[0])} to {say(wide[1])}."
