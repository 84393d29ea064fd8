"""sd.goals: tasks for the panel that tick themselves. sd.explore calls update(run, settings) after every run."""

from sdlib.lessons import lesson
from sdlib.teach.book import book
from sdlib.teach.view import Card, bundle


def goals(number):
    """The goals of a lesson, such as "01". ValueError names the known ones."""
    return Goals(lesson("goals", number))


class Goals:
    """Three tasks. texts: what to reach; ticked: a bool each, kept in the progress file once True."""

    def __init__(self, lesson):
        self.lesson = lesson
        self.texts = [goal.text for goal in lesson.goals]
        self.ticked = [bool(book().entries("goals", self._key(place))) for place in range(len(lesson.goals))]

    def update(self, run, settings):
        """Tick the goals that this run reaches. settings: the panel's values by slider name. Returns `ticked`.

        A condition that raises is a fault of the lesson and is not hidden.
        """
        for place, goal in enumerate(self.lesson.goals):
            said = not self.ticked[place] and goal.reached(run, settings)
            if said and not isinstance(said, str):
                self.ticked[place] = True
                book().record("goals", self._key(place))
        return list(self.ticked)

    def _key(self, place):
        return f"{self.lesson.number}-{place + 1}"

    def _card(self, marks):
        lines = [f"{'☑' if mark else '☐'} {text}" for mark, text in zip(marks, self.texts, strict=True)]
        return Card("note", "Goals for the panel; they tick themselves", tuple(lines))

    def __str__(self):
        return str(self._card(self.ticked))

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self._card([False] * len(self.texts)))
