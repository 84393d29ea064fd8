"""The controls of the panel: a range with a slider and a field, or one of a few choices. Each holds one setting."""

from bisect import bisect_left
from html import escape

import ipywidgets

from sdlib.charts.words import number, said
from sdlib.components.checks import complain, is_number
from sdlib.teach.panel_stops import is_logarithmic, stops


class Control:
    """One setting of the panel: name, unit, start, value. `moved` is called when a hand has changed the value."""

    whole = False

    def __init__(self, name, unit, start):
        self.name, self.unit, self.start, self.value = name, unit, start, start
        self.moved = lambda: None

    def check(self, value):
        """ValueError unless the setting may have this value."""
        if not self.allows(value):
            complain("explore", self.name, value, ("a whole number, " if self.whole else "") + self.range_text,
                     self.start)


class RangeControl(Control):
    """A number from low to high: a slider that walks over `stops`, and a field that takes any exact value."""

    def __init__(self, name, low, high, *, start, unit="", ends=("", ""), whole=False, step=None, fine=None):
        super().__init__(name, unit, start)
        self.low, self.high, self.ends, self.whole, self.fine = low, high, ends, whole, fine
        self.is_logarithmic = is_logarithmic(low, high, step)
        self.stops = stops(low, high, whole=whole, step=step, fine=fine, start=start)
        self.slider = ipywidgets.IntSlider(value=self._nearest(start), min=0, max=len(self.stops) - 1, readout=False,
                                           tooltip=f"{name}: {self.range_text}")
        self.field = ipywidgets.Text(value=said(start), continuous_update=False,
                                     tooltip=f"{name}: type an exact value, {self.range_text}")
        self.answer = ipywidgets.HTML()
        self.slider.observe(self._slid, names="value")
        self.field.observe(self._typed, names="value")

    @property
    def range_text(self):
        """What can be chosen, in words; the same in every session."""
        scale = ", logarithmic" if self.is_logarithmic else ""
        return f"{number(self.low)} to {number(self.high)} {self.unit}".strip() + scale

    def allows(self, value):
        """Whether this is a number in the range, whole where the setting is."""
        return is_number(value) and self.low <= value <= self.high and (not self.whole or value == int(value))

    def put(self, value):
        """Take a value by code: exactly this one, though the handle stands at the nearest stop."""
        self.value = int(value) if self.whole else float(value)
        self.slider.value = self._nearest(self.value)
        self._tell()

    def row(self):
        """The control as the panel shows it."""
        ends = f"<span>{self._end(0)}</span><span>{self._end(1)}</span>"
        below = [ipywidgets.HTML(f'<div class="sdlib-ends">{ends}</div>'), self.answer]
        line = [_label(self.name, self.unit), self.slider, self.field, _unit(self.unit)]
        return _classed(ipywidgets.VBox([_classed(ipywidgets.HBox(line), "sdlib-line"), *below]), "sdlib-slider")

    def _end(self, side):
        bound, name = (self.low, self.high)[side], self.ends[side]
        return escape(f"{number(bound)}{f' ({name})' if name else ''}")

    def _nearest(self, value):
        place = bisect_left(self.stops, value)
        near = [at for at in (place - 1, place) if 0 <= at < len(self.stops)]
        return min(near, key=lambda at: abs(self.stops[at] - value))

    def _slid(self, change):
        if change["new"] != self._nearest(self.value):
            self.value = self.stops[change["new"]]
            self._tell()
            self.moved()

    def _typed(self, change):
        if change["new"] == said(self.value):
            return
        value = _parsed(change["new"])
        if not self.allows(value):
            kind = "a whole number" if self.whole else "a number"
            self._say(f"{change['new'][:20]!r} is not {kind} from {number(self.low)} to {number(self.high)}. "
                      f"Still {said(self.value)}.")
            return
        self.put(value)
        self.moved()

    def _tell(self):
        self.field.value = said(self.value)
        self._say("")

    def _say(self, text):
        self.answer.value = f'<div class="sdlib-answer" role="status">{escape(text)}</div>' if text else ""


class ChoiceControl(Control):
    """One of a few: a list, a box to tick, or a widget that was given."""

    def __init__(self, name, widget, unit=""):
        super().__init__(name, unit, widget.value)
        self.widget = widget
        widget.tooltip = f"{name}: {self.range_text}"
        widget.observe(self._chosen, names="value")

    @property
    def range_text(self):
        """What can be chosen, in words."""
        return "one of " + ", ".join(map(str, self.choices()))

    def choices(self):
        """All values that the widget offers."""
        return [value for _, value in _pairs(self.widget)] or [False, True]

    def allows(self, value):
        """Whether the widget offers this value."""
        return any(type(value) is type(known) and value == known for known in self.choices())

    def put(self, value):
        """Choose by code."""
        self.value = self.widget.value = value

    def row(self):
        """The control as the panel shows it."""
        line = _classed(ipywidgets.HBox([_label(self.name, self.unit), self.widget, _unit(self.unit)]), "sdlib-line")
        return _classed(ipywidgets.VBox([line]), "sdlib-slider")

    def _chosen(self, change):
        if change["new"] != self.value:
            self.value = change["new"]
            self.moved()


def _pairs(widget):
    if not widget.has_trait("options"):
        return []
    options = widget.options
    pairs = options.items() if isinstance(options, dict) else options
    return [pair if isinstance(pair, tuple) and len(pair) == 2 else (str(pair), pair) for pair in pairs]


def _parsed(text):
    """The number that was typed, with or without commas and blanks; None where it is none."""
    try:
        value = float(text.replace(",", "").replace(" ", ""))
    except ValueError:
        return None
    return value


def _label(name, unit):
    """"ram_gb" is said as "ram": its unit stands at the end of the line."""
    words = name.split("_")
    words = words[:-1] if len(words) > 1 and words[-1] == unit.lower() else words
    return _classed(ipywidgets.Label(" ".join(words)), "sdlib-name")


def _unit(unit):
    return _classed(ipywidgets.Label(unit), "sdlib-unit")


def _classed(widget, name):
    widget.add_class(name)
    return widget
