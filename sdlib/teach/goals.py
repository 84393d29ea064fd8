"""sd.goals: tasks for the panel. The learner sets the sliders and tries; only then a goal is checked, on that run."""

from dataclasses import dataclass

from sdlib.lessons import lesson
from sdlib.teach.book import book
from sdlib.teach.view import Card, bundle

NOT_YET = "Hold each part of the goal against the tiles: which one is missing?"


def goals(number):
    """The goals of a lesson, such as "01". ValueError names the known ones."""
    return Goals(lesson("goals", number))


@dataclass(frozen=True)
class Verdict:
    """What a try gave: reached or not, and the sentence that says why not ("" when reached)."""

    goal: str
    reached: bool
    why: str


class Goals:
    """Three tasks. texts: what to reach; ticked: a bool each, kept in the progress file once a try has reached it."""

    def __init__(self, lesson):
        self.lesson = lesson
        self.texts = [goal.text for goal in lesson.goals]
        self.ticked = [bool(book().entries("goals", self._key(place))) for place in range(len(lesson.goals))]

    def attempt(self, place, run, settings):
        """Try goal number `place` (from 0) on this run: a Verdict. settings: the panel's values by slider name.

        A check that raises is a fault of the lesson and is not hidden.
        """
        goal = self.lesson.goals[place]
        said = goal.reached(run, settings)
        if isinstance(said, str):
            return Verdict(goal.text, False, said)
        if not said:
            return Verdict(goal.text, False, NOT_YET)
        if not self.ticked[place]:
            self.ticked[place] = True
            book().record("goals", self._key(place))
        return Verdict(goal.text, True, "")

    def update(self, run, settings):
        """Try every goal on this run; returns `ticked`."""
        for place in range(len(self.texts)):
            self.attempt(place, run, settings)
        return list(self.ticked)

    def _key(self, place):
        return f"{self.lesson.number}-{place + 1}"

    def _card(self, marks):
        lines = [f"{'☑' if mark else '☐'} {text}" for mark, text in zip(marks, self.texts, strict=True)]
        return Card("note", "Goals for the panel: set the sliders, then press try", tuple(lines))

    def __str__(self):
        return str(self._card(self.ticked))

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self._card([False] * len(self.texts)))
