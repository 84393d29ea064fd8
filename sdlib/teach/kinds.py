"""The kinds of values an answer may have, and how a value is shown to its author."""

import decimal
import dis
import math
import numbers
import types

import numpy as np

from sdlib.components import checks as base


class WrongKind(Exception):
    """The answer is not of the kind that was asked for. The text says what it is instead."""


def shown(value):
    """The value as its author would recognise it: its text, cut, and its kind."""
    return f"{base.shown(value)} ({kind_of(value)})"


def kind_of(value):
    """The kind of a value in plain words."""
    for kind, words in _KINDS:
        if isinstance(value, kind):
            return words
    return "a function" if callable(value) else f"of type {type(value).__name__}"


_KINDS = ((type(None), "nothing: did it return?"), (bool, "yes or no"), (str, "a text"),
          ((numbers.Real, decimal.Decimal), "a number"), (complex, "a complex number"),
          (types.GeneratorType, "a generator: use return, not yield"),
          (types.CoroutineType, "a coroutine: use def, not async def"), ((list, tuple, set), "a collection"),
          (dict, "a dictionary"))


def number(value):
    """The value as a float: any kind of real number, and tables that hold exactly one. Infinity is allowed."""
    if np.ma.is_masked(value):
        raise WrongKind("You gave a masked value, which is a missing one.")
    single = value.item() if getattr(value, "size", None) == 1 and hasattr(value, "item") else value
    if isinstance(single, bool) or not isinstance(single, (numbers.Real, decimal.Decimal)):
        raise WrongKind(_got(value))
    try:
        found = float(single)
    except OverflowError:
        raise WrongKind(f"You gave {shown(value)}. It is too large to be an answer.") from None
    except ValueError:  # a Decimal's signaling NaN
        found = math.nan
    if math.isnan(found):
        raise WrongKind("You gave nan: \"not a number\". It comes from 0/0, or from a missing value such as a "
                        "request that has not finished.")
    return found


def whole(value):
    """The value as an int; 3.0 is whole, 3.2 is not."""
    single = number(value)
    if not math.isfinite(single) or single != int(single):
        raise WrongKind(f"You gave {shown(value)}. It is not whole.")
    return int(single)


def yes_or_no(value):
    """The value as a bool: True or False, Python's or NumPy's."""
    single = value.item() if type(value).__module__ == "numpy" and getattr(value, "size", 0) == 1 else value
    if not isinstance(single, bool):
        raise WrongKind(_got(value))
    return single


def _got(value):
    if isinstance(value, types.CoroutineType):
        value.close()  # otherwise Python warns, later and elsewhere, that it was never awaited
    return f"You gave {shown(value)}."


def near(right, unit="", tolerance=0.01):
    """A fault for numbers: "" within the relative tolerance of `right`, else the learner's value and a direction."""
    def fault(value):
        if math.isclose(value, right, rel_tol=tolerance):
            return ""
        direction = "too high" if value > right else "too low"
        amount = f"{value:,.0f}" if 1000 <= abs(value) < math.inf else f"{value:.4g}"
        return f"You gave {amount}{unit and ' ' + unit}. That is {direction}."
    return fault


def counted(amount, thing):
    """The amount with its noun: "1 core", "2 cores"."""
    return f"{amount:,} {thing}{'' if amount == 1 else 's'}"


def is_untouched(answer):
    """True for `...`, None, and a function whose body is `...` or pass; `lambda: None` is an answer."""
    if answer is None or answer is ...:
        return True
    return isinstance(answer, types.FunctionType) and _does_nothing(answer.__code__)


def _does_nothing(code):
    """Compiled to nothing but returning None or `...`, whatever the docstring says."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP")]
    gives = steps[0].argval
    gives_nothing = gives is ... or (gives is None and code.co_name != "<lambda>")
    return len(steps) <= 2 and steps[0].opname in ("LOAD_CONST", "RETURN_CONST") and gives_nothing
