"""What all components share: knobs that know their unit and range, and the check of every argument."""

import numbers
from dataclasses import MISSING, dataclass, field, fields

import numpy as np

STATUSES = ("in flight", "ok", "refused", "lost", "timed out")
IN_FLIGHT, OK, REFUSED, LOST, TIMED_OUT = range(len(STATUSES))

LARGEST_WHOLE, MOST_BITS_SHOWN = 2**1000, 10_000
DISTRIBUTIONS = ("constant", "erlang-4", "exponential", "hyperexponential-4")


def knob(default=MISSING, *, doc, unit="", kind="number", low=None, high=None, choices=(), example=None,
         optional=False, kw_only=False):
    """A dataclass field that describes itself.

    kind: "number", "whole", "choice", "text", "component", "components" or "other" (checked by its owner).
    low, high: the allowed range, both ends included. optional: None is allowed as well.
    Sliders, the parameter table and the check of arguments all read this metadata.
    """
    shown = example if example is not None else None if default is MISSING else default
    about = {"doc": doc, "unit": unit, "kind": kind, "low": low, "high": high, "choices": tuple(choices),
             "example": shown, "optional": optional}
    return field(default=default, metadata=about, kw_only=kw_only)


@dataclass(frozen=True, eq=False)
class Component:
    """A part of a system. Immutable; compared by identity: two equal servers are still two machines."""

    name: str = knob(None, doc="what tables and diagrams call it", kind="text", optional=True, example="shop",
                     kw_only=True)

    takes_requests = True  # False: it works for another component and cannot be called
    copies_what_is_behind = False  # True: the same object twice behind this component is two machines
    shape = "box"  # its outline in pictures
    shown = ()  # names of the knobs that pictures print under its name
    is_asynchronous = False  # True: who calls it does not wait for the work; lines to it are dashed

    def __post_init__(self):
        for knob_field in fields(self):
            value = checked(type(self).__name__, knob_field, getattr(self, knob_field.name))
            object.__setattr__(self, knob_field.name, value)

    @property
    def label(self):
        """The name given, or the kind of component in plain words ("load balancer")."""
        return self.name or "".join(" " + letter.lower() if letter.isupper() else letter
                                    for letter in type(self).__name__).strip()

    @property
    def places(self):
        """How many requests it works on at the same time; 0 where nothing is limited."""
        return 0

    @property
    def memory_cells(self):
        """How many requests fit into its memory; 0 where nothing is counted."""
        return 0

    def behind(self):
        """The components that this one calls, in order."""
        return ()


def complain(owner, name, value, allowed, example):
    """Raise the one kind of error that a wrong argument gives."""
    is_endless = isinstance(value, int) and value.bit_length() > MOST_BITS_SHOWN
    shown = "a number of thousands of digits" if is_endless else repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise ValueError(f"{owner}({name}={shown}): {name} must be {allowed}; for example {name}={example!r}.")


def checked(owner, knob_field, value):
    """The value in its plain Python type, or a ValueError that names parameter, value, range and an example."""
    about = knob_field.metadata
    if value is None and about["optional"]:
        return None
    check = _CHECKS.get(about["kind"])
    return check(owner, knob_field.name, value, about) if check else value


def check_number(owner, name, value, *, low, high, example, whole=False, unit=""):
    """A finite number within [low, high], as int or float; otherwise the ValueError of `complain`."""
    words = "a whole number" if whole else "a number"
    allowed = f"{words} from {low:,} to {high:,}" + (f" ({unit})" if unit else "")
    if not is_number(value) or not low <= value <= high or (whole and value != int(value)):
        complain(owner, name, value, allowed, example)
    return int(value) if whole else float(value)


def is_number(value):
    """A real number, of Python's own or NumPy's; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))


def is_storable(value):
    """A number that a float can hold; infinite and NaN are left to the caller."""
    return is_number(value) and not (isinstance(value, int) and abs(value) > LARGEST_WHOLE)


def pairs_of_numbers(pairs):
    """The pairs as a tuple of (float, float), or None when it is no list of pairs of numbers."""
    pairs = pairs.tolist() if isinstance(pairs, np.ndarray) else pairs
    if not isinstance(pairs, (list, tuple)):
        return None
    pairs = [pair.tolist() if isinstance(pair, np.ndarray) else pair for pair in pairs]
    are_good = all(isinstance(pair, (list, tuple)) and len(pair) == 2 and all(map(is_storable, pair)) for pair in pairs)
    return tuple((float(first), float(second)) for first, second in pairs) if are_good else None


def _number(owner, name, value, about):
    return check_number(owner, name, value, low=about["low"], high=about["high"], example=about["example"],
                        whole=about["kind"] == "whole", unit=about["unit"])


def _choice(owner, name, value, about):
    if not isinstance(value, str) or value not in about["choices"]:
        complain(owner, name, value, "one of " + ", ".join(map(repr, about["choices"])), about["example"])
    return value


def _text(owner, name, value, about):
    if not isinstance(value, str) or not value.strip():
        complain(owner, name, value, "a text that is not empty", about["example"])
    return value


def _component(owner, name, value, about):
    if not isinstance(value, Component):
        raise ValueError(f"{owner}({name}={value!r:.60}): {name} must be a component of a system; "
                         f"for example {name}={about['example']}.")
    return value


def _components(owner, name, value, about):
    is_list = isinstance(value, (list, tuple))
    if not is_list or not all(isinstance(item, Component) for item in value) or (about["low"] and not value):
        least = "at least one component" if about["low"] else "components"
        raise ValueError(f"{owner}({name}={value!r:.60}): {name} must be a list of {least}; "
                         f"for example {name}={about['example']}.")
    return tuple(value)


_CHECKS = {"number": _number, "whole": _number, "choice": _choice, "text": _text, "component": _component,
           "components": _components}
