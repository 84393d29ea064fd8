"""Controls from what `explore` is given: short forms as in ipywidgets' interact, or a declared component's knob."""

import inspect
import math
import numbers
from dataclasses import fields

import ipywidgets

from sdlib.components.base import Component
from sdlib.components.checks import complain, is_number, is_storable, shown
from sdlib.components.clients import Clients
from sdlib.engine.blueprint import blueprint
from sdlib.teach.panel_controls import ChoiceControl, RangeControl

MOST_SLIDERS = 4
# Useful ranges for learners: a knob's own range only says what is allowed. (low, high, names of the two ends)
RANGES = {"users": (10, 1_000_000, "a club", "a big city"), "cpus": (1, 1000, "the smallest", "the biggest"),
          "ram_gb": (0.5, 128, "a phone", "a big machine"), "retries": (0, 10, "give up", "stubborn"),
          "machines": (1, 20, "alone", "a rack")}
UNITS = {"machines": "machines", "ttl_s": "s"}
NO_KNOB = {"unit": "", "kind": "number", "choices": (), "low": None, "high": None}
PAIR = "a pair (system, clients) of a component and sd.Clients, or with a schedule behind"


def make_sliders(build, given, fine=None):
    """The controls: those that are given, or all parameters of `build` that have the name of a known knob.

    Raises ValueError for a parameter that build does not have, for more than four besides boxes to tick, for a start
    out of range.
    """
    parameters = _parameters(build)
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name in given:
        if name not in parameters and not takes_any:
            complain("explore", name, given[name], "a parameter of build, one of "
                     + (", ".join(map(repr, parameters)) or "none"), (1, 100))
    _check_missing(parameters, given)
    defaults = {name: one.default for name, one in parameters.items() if one.default is not one.empty}
    known = _knobs(build, {**defaults, **{name: _probe(name, spec) for name, spec in given.items()
                                          if name not in defaults}})
    wanted = given or {name: None for name in parameters if name in RANGES or name in known}
    sliders = [name for name, spec in wanted.items() if not isinstance(spec, bool)]
    if not wanted or len(sliders) > MOST_SLIDERS:
        complain("explore", "sliders", list(wanted), f"from 1 to {MOST_SLIDERS} names", ["users", "cpus"])
    fine = _checked_fine(fine, wanted)
    return [_control(name, spec, defaults.get(name), known.get(name, NO_KNOB), fine.get(name))
            for name, spec in wanted.items()]


def _parameters(build):
    try:
        return inspect.signature(build).parameters if callable(build) else _wrong_build(build)
    except ValueError:  # a built-in function that does not say what it takes
        return _wrong_build(build)


def _wrong_build(build):
    complain("explore", "build", build, "a function that returns " + PAIR, "build")


def _check_missing(parameters, given):
    for name, one in parameters.items():
        if one.default is one.empty and name not in given and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            complain("explore", name, None, "given a slider, or a default value by build", (1, 100))


def _checked_fine(fine, wanted):
    if not isinstance(fine, (dict, type(None))):
        complain("explore", "fine", fine, "a dictionary of slider name: (low, high)", {"users": (5000, 6500)})
    for name, stretch in (fine or {}).items():
        is_stretch = isinstance(stretch, tuple) and len(stretch) == 2 and all(map(is_number, stretch))
        if name not in wanted or not is_stretch or not stretch[0] < stretch[1]:
            complain("explore", "fine", fine, "a (low, high) with low < high for names of sliders",
                     {"users": (5000, 6500)})
    return fine or {}


def _probe(name, spec):
    """A value to build with once, to learn which components there are."""
    if isinstance(spec, ipywidgets.Widget):
        return spec.value
    if isinstance(spec, dict) and spec:
        return next(iter(spec.values()))
    if isinstance(spec, (tuple, list)) and len(spec):
        return spec[0]
    if spec is None or isinstance(spec, (str, tuple, list, dict)):
        return RANGES[name][0] if spec is None and name in RANGES else _wrong(name, spec)
    return spec


def _wrong(name, spec):
    complain("explore", name, spec, "(low, high), (low, high, step), a list, bool, number or widget", (1, 100))


def _knobs(build, settings):
    """What is known of each knob of the components that build declares: unit, range, choices; by name."""
    made = build(**settings)
    is_pair = isinstance(made, (tuple, list)) and len(made) in (2, 3)
    if not is_pair or not isinstance(made[0], Component) or not isinstance(made[1], Clients):
        raise ValueError(f"explore(build={shown(build)}): build must return {PAIR}, and it returned {shown(made)}; "
                         "for example return sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100).")
    return {knob.name: knob.metadata for component in (made[1], *(node.component for node in blueprint(made[0])))
            for knob in fields(component) if knob.metadata.get("kind") in ("number", "whole", "choice")}


def _control(name, spec, start, knob, fine):
    unit = knob["unit"] or UNITS.get(name, "")
    if is_number(spec):
        start, spec = spec, None
    if isinstance(spec, bool):
        made = ChoiceControl(name, ipywidgets.Checkbox(value=spec, indent=False))
    elif isinstance(spec, (ipywidgets.IntSlider, ipywidgets.FloatSlider)):
        made = _range(name, (spec.min, spec.max, spec.step), spec.value, knob, unit, fine)
    elif isinstance(spec, ipywidgets.FloatLogSlider):
        made = _range(name, (spec.base**spec.min, spec.base**spec.max), spec.value, knob, unit, fine)
    elif isinstance(spec, ipywidgets.Widget):
        made = ChoiceControl(name, spec, unit)
    elif spec is None and not knob["choices"]:
        made = _range(name, _usual_range(name, start, knob), start, knob, unit, fine)
    elif _is_range(spec):
        made = _range(name, spec, start, knob, unit, fine)
    elif spec is None or (isinstance(spec, (list, dict, tuple)) and len(spec) and all(map(_is_option, spec))):
        made = ChoiceControl(name, ipywidgets.Dropdown(options=spec or knob["choices"]), unit)
    else:
        _wrong(name, spec)
    if start is not None:
        made.check(start)
        made.put(start)
        made.start = made.value
    return made


def _is_option(item):
    """What a list of choices may show: texts, numbers, yes and no, or a label with a value."""
    is_labelled = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
    return isinstance(item, (str, bool)) or is_storable(item) or is_labelled


def _is_range(spec):
    numeric = isinstance(spec, tuple) and all(isinstance(x, numbers.Real) and not isinstance(x, bool) for x in spec)
    return numeric and len(spec) in (2, 3)


def _usual_range(name, start, knob):
    if name in RANGES:
        return RANGES[name][:2]
    if not start or isinstance(start, (str, bool)):
        complain("explore", name, start, "given a range, because its name says none", (1, 100))
    low, high = start / 10, start * 10
    low = low if knob["low"] is None else max(low, knob["low"])
    high = high if knob["high"] is None else min(high, knob["high"])
    return (max(1, round(low)), round(high)) if isinstance(start, int) else (low, high)


def _range(name, spec, start, knob, unit, fine):
    low, high, *step = spec
    if not (math.isfinite(low) and math.isfinite(high)) or not low < high or (step and not 0 < step[0] <= high - low):
        complain("explore", name, spec, "finite with low < high and 0 < step <= high - low", (1, 100))
    if fine is not None and not low <= fine[0] < fine[1] <= high:
        allowed = f"within the slider's range, {low:,} to {high:,}"
        complain("explore", "fine", {name: fine}, allowed, {name: (low, high)})
    whole = knob["kind"] == "whole" or knob is NO_KNOB and all(isinstance(bound, numbers.Integral) for bound in spec)
    ends = RANGES[name][2:] if name in RANGES and RANGES[name][:2] == (low, high) else ("", "")
    inside = is_number(start) and low <= start <= high and (not whole or start == int(start))
    return RangeControl(name, low, high, start=start if inside else low, unit=unit, ends=ends, whole=whole,
                        step=step[0] if step else None, fine=fine)
