"""Every public parameter of the teaching tools with every class of bad value: a card, or one sentence."""

import decimal
import fractions
import math
import warnings

import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.components.checks import MOST_SHOWN, complain, shown


class Broken:
    """Nothing that is asked of it works."""

    def fails(self, *_):
        raise RuntimeError("broken")
    __repr__ = __str__ = __eq__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = fails
    __hash__ = object.__hash__

    def __getattr__(self, name):
        raise RuntimeError("broken")


class Endless(list):
    def __repr__(self):
        while True:
            pass


BAD = {"None": None, "true": True, "text": "x", "empty": "", "long text": "x" * 10**6, "nan": math.nan,
       "infinite": math.inf, "negative": -1, "zero": 0, "fraction": 1.5, "huge": 10**5000, "huge inside": [10**5000],
       "list": [1, 2], "deep": [[[[[[[[]]]]]]]], "dict": {"a": 1}, "set": {1}, "bytes": b"\xff", "complex": 1j,
       "array": np.array([1.0, 2.0]), "array of none": np.array([]), "masked": np.ma.masked, "frame": pd.DataFrame(),
       "series": pd.Series([1, 2]), "NA": pd.NA, "NaT": pd.NaT, "decimal": decimal.Decimal("sNaN"),
       "third": fractions.Fraction(1, 3), "object": object(), "broken": Broken(), "broken inside": [Broken()],
       "endless": Endless(), "class": int, "broken class": Broken, "module": math, "simulate": sd.simulate,
       "run class": sd.Run, "generator": (n for n in ()), "range": range(10**12)}
PARAMETERS = {
    "predict(key)": lambda bad: sd.predict(bad),
    "choose(number)": lambda bad: sd.predict("01-utilization").choose(bad),
    "reveal(run)": lambda bad: sd.predict("01-utilization").reveal(bad),
    "exercise(key)": lambda bad: sd.exercise(bad),
    "check(answer), a value": lambda bad: sd.exercise("01-easy").check(bad),
    "check(answer), a function": lambda bad: sd.exercise("01-medium").check(bad),
    "check(what a function gives)": lambda bad: sd.exercise("01-medium").check(lambda users: bad),
    "check(limit_s)": lambda bad: sd.exercise("01-easy").check(1, limit_s=bad),
    "hint(number)": lambda bad: sd.exercise("01-easy").hint(bad),
    "solution(really)": lambda bad: sd.exercise("01-easy").solution(bad),
    "quiz(number)": lambda bad: sd.quiz(bad),
    "answer(question)": lambda bad: sd.quiz("01").answer(bad, 1),
    "answer(choice)": lambda bad: sd.quiz("01").answer(1, bad),
    "progress(lesson)": lambda bad: sd.progress(bad),
    "goals(number)": lambda bad: sd.goals(bad),
    "ledger(upto)": lambda bad: sd.ledger(bad),
}
POSSIBLE = {("check(what a function gives)", "zero")}  # the first in line: a policy, though a bad one
CARDS = {"check(answer), a value", "check(answer), a function", "check(what a function gives)", "hint(number)"}
ALLOWED = {("solution(really)", "true"), ("progress(lesson)", "None"), ("check(limit_s)", "fraction"),
           ("check(limit_s)", "third")}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_bad_value_gets_a_card_or_a_sentence(parameter, bad):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if (parameter, bad) in ALLOWED or parameter in CARDS:
            given = PARAMETERS[parameter](BAD[bad])
            tones = ("misconception",) if (parameter, bad) in POSSIBLE else ("wrong", "not attempted yet", "note")
            assert str(given) and (parameter not in CARDS or given.tone in tones)
            return
        with pytest.raises(ValueError, match="for example") as refused:
            PARAMETERS[parameter](BAD[bad])
    sentence = str(refused.value)
    assert len(sentence) < 400 and "\n" not in sentence
    assert refused.traceback[-1].path.name in ("checks.py", "view.py", "predict.py", "__init__.py")


@pytest.mark.parametrize("bad", BAD)
def test_a_value_is_shown_in_a_line_whatever_it_is(bad):
    assert 0 < len(shown(BAD[bad])) <= MOST_SHOWN and "\n" not in shown(BAD[bad])
    with pytest.raises(ValueError, match=r"^Server\(cpus=.*\): cpus must be many; for example cpus=4\.$"):
        complain("Server", "cpus", BAD[bad], "many", 4)


@pytest.mark.parametrize("value, text", [
    (7, "7"), ("a b", "'a b'"), ([1, 2], "[1, 2]"), (10**5000, "a number of thousands of digits"), (None, "None"),
    (list(range(100)), "[0, 1, 2, 3, 4, 5, ...]"), (Broken(), "<Broken>"), ({"a": Broken()}, "{'a': <Broken>}"),
    (np.float64(0.5), "np.float64(0.5)"), (np.zeros(1000), "<ndarray>"), (decimal.Decimal("0.1"), "Decimal('0.1')")],
    ids=range(11))
def test_how_a_value_is_shown(value, text):
    assert shown(value) == text
