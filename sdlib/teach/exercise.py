"""sd.exercise: check(answer), hint(1), hint(2), solution(). Whatever the answer is, no check raises."""

import math
import numbers
import types
from dataclasses import dataclass

from sdlib.components.checks import check_number, complain
from sdlib.lessons import find
from sdlib.teach.book import book
from sdlib.teach.content import Exercise
from sdlib.teach.guard import attempt
from sdlib.teach.kinds import is_untouched, shown
from sdlib.teach.view import Card, Code, bundle

FAULTS_SHOWN = 3
PRINTED_SHOWN = 5
_NO_ANSWER = Card("not attempted yet", "Not attempted yet",
                  ("Put your answer in the place of the three dots, run that cell, then run this one again.",))


def exercise(key):
    """The exercise with this key, such as "01-easy". ValueError names the known ones."""
    return Task(find("exercise", "exercises", key))


@dataclass(frozen=True, repr=False)
class Task:
    """An exercise as the learner meets it."""

    content: Exercise

    def check(self, answer=None, limit_s=5.0):
        """A card with one of four tones: "not attempted yet", "right", "wrong", "misconception".

        A function is called with arguments that the notebook does not show, for at most limit_s seconds in all, in
        a process of its own: what it prints is shown, what it changes is not kept.
        """
        limit_s = check_number("check", "limit_s", limit_s, low=0.01, high=600, example=5, unit="s")
        if is_untouched(answer):
            return _NO_ANSWER
        card = self._judged(answer, limit_s)
        book().attempted.add(self.content.key)
        book().record("exercises", self.content.key, outcome=card.tone)
        return card

    def hint(self, number=1):
        """The first or the second hint."""
        if type(number) is not int or number not in (1, 2):
            return Card("note", "There are two hints: hint(1) and hint(2)",
                        ("After them comes .solution().",))
        return Card("note", f"Hint {number} of 2", (self.content.hints[number - 1],))

    def solution(self, really=False):
        """The code that solves it, once it was tried since the kernel started, or with really=True."""
        if not isinstance(really, bool):
            complain("solution", "really", really, "True or False", True)
        if not really and self.content.key not in book().attempted:
            return Card("not attempted yet", "Try it first",
                        ("A wrong try teaches more than a solution read. .hint(1) helps to begin.",
                         "To see it all the same: .solution(really=True)"))
        return Card("note", "One solution", (Code(self.content.solution), self.content.because))

    def _judged(self, answer, limit_s):
        content = self.content
        mismatch = _mismatch(content, answer)
        if mismatch:
            return Card("wrong", "Not of the kind asked for", (mismatch, self._wanted()))
        if isinstance(answer, types.CoroutineType):
            answer.close()  # otherwise Python warns, later and elsewhere, that it was never awaited
        tried = attempt(lambda: [scenario.play(answer) for scenario in content.scenarios], limit_s)
        printed = tuple(f"It printed: {line}" for line in tried.printed.splitlines()[:PRINTED_SHOWN])
        if tried.failure:
            return Card("wrong", "No answer came out", (tried.failure, self._wanted(), *printed))
        faults = [(scenario, fault) for scenario, value in zip(content.scenarios, tried.value, strict=True)
                  if (fault := scenario.fault(value))]
        if not faults:
            return Card("right", "Right", (*self._passed(), content.because, *printed))
        lines = tuple(_line(scenario, fault) for scenario, fault in faults[:FAULTS_SHOWN])
        known = _recognised(content, tried.value)
        if known:
            return Card("misconception", f"This looks like: {known.name}", (*lines, known.says, *printed))
        return Card("wrong", "Not yet", (*lines, *self._missed(faults), self._wanted(), *printed))

    def _wanted(self):
        return f"Asked for: {self.content.wants}."

    def _passed(self):
        count = len(self.content.scenarios)
        return (f"It met the objective in all {count} scenarios.",) if self.content.is_function else ()

    def _missed(self, faults):
        count = len(self.content.scenarios)
        return (f"{count - len(faults)} of {count} scenarios met the objective.",) if self.content.is_function else ()

    def _card(self):
        content = self.content
        how = f"Write {content.answer}, then .check({content.answer}) it. If stuck: .hint(1), .hint(2), .solution()."
        return Card("not attempted yet", f"Exercise {content.key}: {content.title}",
                    (content.ask, f"Asked for: {content.wants}.", how))

    def __str__(self):
        return str(self._card())

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self._card())


def _mismatch(content, answer):
    """Why the answer cannot be tried at all, or ""."""
    if content.is_function and not callable(answer):
        return (f"You gave {shown(answer)}, and a function is needed. Give the function itself, without calling it: "
                f".check({content.answer})")
    if not content.is_function and callable(answer):
        return f"You gave {shown(answer)}, and a value is needed. Call the function and give what it returns."
    return ""


def _line(scenario, fault):
    return f"{scenario.label}: {fault}" if scenario.label else fault


def _recognised(content, values):
    """The first misconception that leads to these values, or None."""
    for misconception in content.misconceptions:
        if misconception.looks_like:
            found = misconception.looks_like(values)
        else:
            theirs = [scenario.play(misconception.sample) for scenario in content.scenarios]
            pairs = zip(values, theirs, strict=True)
            found = all(_same(mine, other, content.tolerance) for mine, other in pairs)
        if found:
            return misconception
    return None


def _same(value, other, tolerance):
    both_numbers = isinstance(value, numbers.Real) and isinstance(other, numbers.Real)
    return math.isclose(value, other, rel_tol=tolerance) if both_numbers else value == other
