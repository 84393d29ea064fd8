"""Sliders from what `explore` is given: short forms as in ipywidgets' interact, or a component's knob of that name."""

import inspect
import math
import numbers
from dataclasses import dataclass, fields

import ipywidgets

from sdlib.charts.words import number, said
from sdlib.components import cache, clients, database, load_balancer, queue, server
from sdlib.components.base import complain

MOST_SLIDERS = 4
STEPS_PER_DECADE = 20
SLIDERS = (ipywidgets.IntSlider, ipywidgets.FloatSlider, ipywidgets.FloatLogSlider)
# Useful ranges for learners: a knob's own range only says what is allowed. (low, high, names of the two ends)
RANGES = {"users": (10, 1_000_000, "a club", "a big city"), "cpus": (1, 1000, "a small machine", "the biggest"),
          "ram_gb": (0.5, 128, "a phone", "a big machine"), "retries": (0, 10, "give up", "stubborn"),
          "machines": (1, 20, "one", "many")}


@dataclass
class Slider:
    """A control of the panel: its widget, its unit, its ends in words, its start value."""

    name: str
    widget: ipywidgets.Widget
    unit: str = ""
    ends: tuple = ("", "")
    whole: bool = False

    def __post_init__(self):
        self.start = self._put = self.widget.value
        self._readout = ipywidgets.Label()
        self._readout.add_class("sdlib-value")

    @property
    def value(self):
        """The setting: a whole number where the knob is one."""
        value = self.widget.value
        if isinstance(self.widget, SLIDERS) and self._stop(value) == self._stop(self._put):
            value = self._put
        if not isinstance(value, float):
            return value
        return round(value) if self.whole else float(f"{value:.6g}")

    def put(self, value):
        """Move the slider by code. It stays exactly there, though in the browser the handle can only be at a stop."""
        self.widget.value = self._put = value

    def _stop(self, value):
        at = math.log(value, self.widget.base) if isinstance(self.widget, ipywidgets.FloatLogSlider) else value
        return round((at - self.widget.min) / self.widget.step)

    @property
    def bounds(self):
        """[low, high] of a range; None where one of a few choices is made."""
        if not hasattr(self.widget, "max"):
            return None
        bounds = self.widget.min, self.widget.max
        if isinstance(self.widget, ipywidgets.FloatLogSlider):
            bounds = [float(f"{self.widget.base**bound:.12g}") for bound in bounds]
        return [round(bound) if self.whole else bound for bound in bounds]

    def end_values(self):
        """The two ends of a range, or all choices."""
        return self.bounds or list(getattr(self.widget, "_options_values", (False, True)))

    @property
    def range_text(self):
        """What can be chosen, in words; the same in every session."""
        if not self.bounds:
            return "one of " + ", ".join(map(str, self.end_values()))
        scale = ", logarithmic" if isinstance(self.widget, ipywidgets.FloatLogSlider) else ""
        return " to ".join(map(number, self.bounds)) + f" {self.unit}".rstrip() + scale

    def row(self):
        """The slider as the panel shows it: the setting with its unit beside it, the named ends below."""
        self.tell()
        ends = "".join(f"<span>{end}</span>" for end in self.ends_text())
        below = [ipywidgets.HTML(f'<div class="sdlib-ends">{ends}</div>')] if ends else []
        row = ipywidgets.VBox([ipywidgets.HBox([self.widget, self._readout]), *below])
        row.add_class("sdlib-slider")
        return row

    def value_text(self):
        """The setting of a range, with its unit."""
        return f"{said(self.value) if self.bounds else ''} {one_or_many(self.value, self.unit)}".strip()

    def tell(self):
        """Show the setting beside the slider."""
        self._readout.value = self.value_text()

    def ends_text(self):
        """The named ends of a range: what is at the left and what at the right."""
        return [f"{number(bound)} {name or one_or_many(bound, self.unit)}".strip()
                for bound, name in zip(self.bounds or (), self.ends)]

    def check(self, value):
        """ValueError unless the slider could stand at this value."""
        if self.bounds:
            is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            fits = (is_number and self.bounds[0] <= value <= self.bounds[1]
                    and (not self.whole or value == int(value)))
        else:
            fits = any(type(value) is type(known) and value == known for known in self.end_values())
        if not fits:
            complain("explore", self.name, value, ("a whole number, " if self.whole else "") + self.range_text,
                     self.start)


def make_sliders(build, given):
    """The sliders: those that are given, or all parameters of `build` that have the name of a known knob.

    Raises ValueError for a parameter that build does not have, for more than four, for a start out of range.
    """
    parameters = inspect.signature(build).parameters
    for name in given:
        if name not in parameters and not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            complain("explore", name, given[name], "a parameter of build, one of "
                     + (", ".join(map(repr, parameters)) or "none"), (1, 100))
    known = _knobs()
    wanted = given or {name: None for name in parameters if name in RANGES or name in known}
    if not 1 <= len(wanted) <= MOST_SLIDERS:
        complain("explore", "sliders", list(wanted), f"from 1 to {MOST_SLIDERS} names", ["users", "cpus"])
    missing = [name for name, one in parameters.items() if one.default is one.empty and name not in wanted
               and one.kind is not one.VAR_KEYWORD]
    if missing:
        complain("explore", missing[0], None, "given a slider, or a default value by build", (1, 100))
    starts = {name: parameters[name].default for name in wanted
              if name in parameters and parameters[name].default is not inspect.Parameter.empty}
    return [_slider(name, spec, starts.get(name), known.get(name)) for name, spec in wanted.items()]


def _knobs():
    kinds = (clients.Clients, server.Server, database.Database, load_balancer.LoadBalancer, cache.Cache, queue.Queue,
             queue.Worker)
    return {knob.name: knob.metadata for kind in kinds for knob in fields(kind) if "kind" in knob.metadata
            and knob.metadata["kind"] in ("number", "whole", "choice")}


def _slider(name, spec, start, knob):
    about = knob or {"unit": "", "kind": "number", "choices": (), "low": None, "high": None}
    is_single = isinstance(spec, numbers.Real) and not isinstance(spec, bool)
    if is_single:
        start, spec = spec, None
    if spec is None:
        spec = list(about["choices"]) or _usual_range(name, start, about)
    if isinstance(spec, ipywidgets.Widget):
        made = Slider(name, spec, about["unit"], whole=isinstance(spec.value, int))
    elif isinstance(spec, bool):
        made = Slider(name, ipywidgets.Checkbox(value=spec, indent=False))
    elif _is_range(spec):
        made = _number_slider(name, spec, start, about)
    elif isinstance(spec, (list, dict, tuple)) and len(spec):
        made = Slider(name, ipywidgets.Dropdown(options=spec), about["unit"])
    else:
        complain("explore", name, spec, "(low, high), (low, high, step), a list, bool, number or widget", (1, 100))
    if start is not None:
        made.check(start)
        made.put(start)
    made.start = made.value
    made.widget.description, made.widget.tooltip = name, f"{name}: {made.range_text}"
    return made


def _is_range(spec):
    numeric = isinstance(spec, tuple) and all(isinstance(x, numbers.Real) and not isinstance(x, bool) for x in spec)
    return numeric and len(spec) in (2, 3)


def _usual_range(name, start, about):
    if name in RANGES:
        return RANGES[name][:2]
    if not start or isinstance(start, (str, bool)):
        complain("explore", name, start, "given a range, because its name says none", (1, 100))
    low, high = start / 10, start * 10
    low = low if about["low"] is None else max(low, about["low"])
    high = high if about["high"] is None else min(high, about["high"])
    return (max(1, round(low)), round(high)) if isinstance(start, int) else (low, high)


def _number_slider(name, spec, start, about):
    low, high, *step = spec
    if not (math.isfinite(low) and math.isfinite(high)) or not low < high or (step and not 0 < step[0] <= high - low):
        complain("explore", name, spec, "finite with low < high and 0 < step <= high - low", (1, 100))
    whole = about["kind"] == "whole" or all(isinstance(bound, numbers.Integral) for bound in spec)
    ends = RANGES[name][2:] if name in RANGES and RANGES[name][:2] == (low, high) else ("", "")
    value = start if start is not None and low <= start <= high else low
    if not step and low > 0 and high / low >= 100:
        decades = math.log10(high / low)
        # A whole number of steps, or the hand could never reach the upper end.
        steps = math.ceil(decades * (STEPS_PER_DECADE if decades >= 4 else STEPS_PER_DECADE / 2))
        kind, low, high, stop = ipywidgets.FloatLogSlider, math.log10(low), math.log10(high), decades / steps
    elif whole:
        kind, low, high, stop = ipywidgets.IntSlider, int(low), int(high), int(step[0]) if step else 1
    else:
        kind, stop = ipywidgets.FloatSlider, step[0] if step else (high - low) / 100
    widget = kind(value=int(value) if kind is ipywidgets.IntSlider else value, min=low, max=high, step=stop,
                  readout=False)
    return Slider(name, widget, about["unit"], ends, whole)


def one_or_many(value, unit):
    """The unit as it is said with this value: "cores", but one "core"; "s" and "ms" stay."""
    return unit[:-1] if value == 1 and len(unit) > 2 and unit.endswith("s") else unit
