"""What all components share: knobs that know their unit and range, and the check of every argument."""

import datetime
import decimal
import fractions
import math
import numbers
import reprlib
import types
from dataclasses import MISSING, dataclass, field, fields

import numpy as np

from sdlib.kernel.changes import kill, restore
from sdlib.kernel.here import Here

NO_LIMIT = 2**31 - 1
LARGEST_WHOLE, MOST_BITS_SHOWN, MOST_SHOWN = 2**1000, 10_000, 60


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


@dataclass(frozen=True)
class Machine:
    """What a component runs on: `count` machines, each with at least these cores and this memory.

    assumed: the component has no knob for its size, so the bill assumes a usual machine, and says so.
    """

    cpus: int = 1
    ram_gb: float = 1.0
    count: int = 1
    assumed: bool = False


@dataclass(frozen=True, eq=False)
class Component:
    """A part of a system. Immutable; compared by identity: two equal servers are still two machines.

    A component's file shows all its faces: knobs; `process` (what a request does, on SimPy) with what it sees around it
    (`Here`); and the same for the event machine, `program` with its `steps` and its `own` state.
    """

    name: str = knob(None, doc="what tables and diagrams call it", kind="text", optional=True, example="shop",
                     kw_only=True)

    takes_requests = True  # False: it works for another component and cannot be called
    copies_what_is_behind = False  # True: the same object twice behind this component is two machines
    is_asynchronous = False  # True: who calls it does not wait for what stands behind it
    serves = False  # True: a request that was answered here was served by this machine
    shape = "box"  # its outline in pictures
    shown = ()  # its knobs in pictures
    asks = ()  # which attributes of a request it looks at: "keys", "routes", "countries", "tokens"

    Here = Here  # what its process sees around it
    own_name, own = "", ()  # its state on the machine: a record m.nodes[at].<own_name> with these fields
    counts = ()  # those of them that the table of stations shows; `Here` has attributes of the same names
    steps = ()  # its own instructions: functions (m, who, at, b, x)
    actions = {"kill": kill, "restore": restore}  # what the schedule may do to it

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
        """How many requests fit into its memory, one more crashes it; 0 where memory is not looked at."""
        return 0

    @property
    def most_inside(self):
        """How many requests it lets in; one more is refused."""
        return NO_LIMIT

    @property
    def crash_s(self):
        """How long it takes to come back from a crash."""
        return 0.0

    def behind(self):
        """The components that this one calls, in order."""
        return ()

    def place_of(self, index):
        """Which place of the system that is, for the draws; equal places make equal draws."""
        return index

    def patience(self, index):
        """How patiently it calls what stands behind at this index: a `Call`; None: it waits, and tries once."""
        return None

    def parts(self):
        """Further pools of places inside it: (name, places)."""
        return ()

    def actors(self):
        """How many entities act by themselves here from the start."""
        return 0

    def planned(self):
        """Its own planned changes: (at_s, action, b, x)."""
        return ()

    def plan(self, action, settings):
        """What a scheduled action does here: (after_s, action, b, x), one after another."""
        if action == "kill":
            for_s = settings.pop("for_s", None)
            for_s = math.inf if for_s is None else check_number("at", "for_s", for_s, low=0.0, high=1e9, example=30,
                                                                unit="s")
            return [(0.0, "kill", 0, for_s)]
        if action == "resize":
            places = check_number("at", "places", settings.pop("places", None), low=1, high=100_000, example=8,
                                  whole=True)
            return [(0.0, "resize", places, 0.0)]
        return [(0.0, action, 0, 0.0)]

    def cells(self, clients):
        """How many cells of shared storage it needs under these clients."""
        return 0

    def fill(self, own, cells, clients):
        """The start state: `own` is its record, `cells` CELL[cells(clients)]."""

    def machine(self):
        """What it costs: a `Machine`, or None where no price is known."""
        return Machine(assumed=True)

    def door(self, here):
        """At the door: None for come in, else the status of a request that is turned away."""
        return here.refuse() if here.is_down() or here.inside() >= self.most_inside else None


@dataclass(frozen=True, eq=False)
class Pool(Component):
    """A pool of places inside another component, such as a server's threads. Nobody calls it."""

    places: int = knob(1, doc="requests that hold a place at the same time", kind="whole", low=1, high=1_000_000)

    takes_requests = False
    actions = {}

    def program(self, write):
        """It has none of its own."""

    def machine(self):
        return None


def complain(owner, name, value, allowed, example):
    """Raise the one kind of error that a wrong argument gives."""
    raise ValueError(f"{owner}({name}={shown(value)}): {name} must be {allowed}; for example {name}={example!r}.")


def shown(value):
    """The value as its author would recognise it, in at most 60 characters, whatever the value is.

    Only Python's and NumPy's own values describe themselves; of any other object the kind is named, as in <Thing>:
    its own __repr__ may raise, or never end.
    """
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # a class of Python's own that holds a foreign object
        text = f"<{type(value).__name__}>"
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN - 3] + "..."


class _Short(reprlib.Repr):
    """Cuts what is long or deep before it is written out."""

    def repr1(self, value, level):
        if type(value) in (tuple, list, set, frozenset, dict, str):
            return super().repr1(value, level)
        if isinstance(value, types.FunctionType):
            return f"<function {value.__name__}>"
        if type(value) is int and value.bit_length() > MOST_BITS_SHOWN:
            return "a number of thousands of digits"
        is_small_array = type(value) is np.ndarray and value.size <= MOST_SHOWN and not value.dtype.hasobject
        return repr(value) if type(value) in _PLAIN or is_small_array else f"<{type(value).__name__}>"


_SHORT = _Short()
_SHORT.maxstring = MOST_SHOWN
_PLAIN = {bool, int, float, complex, bytes, range, slice, type, type(None), type(...), types.BuiltinFunctionType,
          types.ModuleType, decimal.Decimal, fractions.Fraction, datetime.date, datetime.datetime, datetime.timedelta,
          *np.sctypeDict.values()} - {np.object_, np.void}


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
        raise ValueError(f"{owner}({name}={shown(value)}): {name} must be a component of a system; "
                         f"for example {name}={about['example']}.")
    return value


def _components(owner, name, value, about):
    is_list = isinstance(value, (list, tuple))
    if not is_list or not all(isinstance(item, Component) for item in value) or (about["low"] and not value):
        least = "at least one component" if about["low"] else "components"
        raise ValueError(f"{owner}({name}={shown(value)}): {name} must be a list of {least}; "
                         f"for example {name}={about['example']}.")
    return tuple(value)


_CHECKS = {"number": _number, "whole": _number, "choice": _choice, "text": _text, "component": _component,
           "components": _components}
