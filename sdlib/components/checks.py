"""The check of every argument: a value in its plain type, or one kind of error that names what was wrong."""

import datetime
import decimal
import fractions
import inspect
import numbers
import reprlib
import types
from dataclasses import MISSING, field

import numpy as np

LARGEST_WHOLE, MOST_BITS_SHOWN, MOST_SHOWN = 2**1000, 10_000, 60


def knob(default=MISSING, *, doc, unit="", kind="number", low=None, high=None, choices=(), or_function=False,
         example=None, optional=False, kw_only=False):
    """A dataclass field that describes itself.

    kind: "number", "whole", "choice", "flag", "text", "component", "components" or "other" (checked by its owner).
    or_function: a choice may be a function instead. low, high: the allowed range, both ends included. optional: None is
    allowed as well.
    Sliders, the parameter table and the check of arguments all read this metadata.
    """
    shown = example if example is not None else None if default is MISSING else default
    about = {"doc": doc, "unit": unit, "kind": kind, "low": low, "high": high, "choices": tuple(choices),
             "or_function": or_function, "example": shown, "optional": optional}
    return field(default=default, metadata=about, kw_only=kw_only)


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


def takes(function, *arguments, **named):
    """Whether it is a function that can be called so."""
    if not callable(function):  # asked first: `signature` would write out what is none, and its repr may never end
        return False
    try:
        inspect.signature(function).bind(*arguments, **named)
    except (TypeError, ValueError):  # other arguments, or a built-in function that does not say what it takes
        return False
    return True


def pairs_of_numbers(pairs):
    """The pairs as a tuple of (float, float), or None when it is no list of pairs of numbers."""
    pairs = pairs.tolist() if isinstance(pairs, np.ndarray) else pairs
    if not isinstance(pairs, (list, tuple)):
        return None
    pairs = [pair.tolist() if isinstance(pair, np.ndarray) else pair for pair in pairs]
    are_good = all(isinstance(pair, (list, tuple)) and len(pair) == 2 and all(map(is_storable, pair)) for pair in pairs)
    return tuple((float(first), float(second)) for first, second in pairs) if are_good else None


def number(owner, name, value, about):
    return check_number(owner, name, value, low=about["low"], high=about["high"], example=about["example"],
                        whole=about["kind"] == "whole", unit=about["unit"])


def choice(owner, name, value, about):
    if about["or_function"] and callable(value):
        return value
    if not isinstance(value, str) or value not in about["choices"]:
        allowed = ("a function, or " if about["or_function"] else "") + "one of "
        complain(owner, name, value, allowed + ", ".join(map(repr, about["choices"])), about["example"])
    return value


def flag(owner, name, value, about):
    if not isinstance(value, (bool, np.bool_)):
        complain(owner, name, value, "True or False", about["example"])
    return bool(value)


def text(owner, name, value, about):
    if not isinstance(value, str) or not value.strip():
        complain(owner, name, value, "a text that is not empty", about["example"])
    return value
