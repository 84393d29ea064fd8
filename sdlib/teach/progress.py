"""sd.progress: what was predicted, checked, answered and reached so far, lesson by lesson."""

from sdlib import lessons
from sdlib.teach.book import FILE_NAME, book
from sdlib.teach.rows import as_html, as_text
from sdlib.teach.view import Card, bundle, widgets

COLUMNS = ("lesson", "predictions", "easy", "medium", "hard", "quiz", "goals")


def progress(lesson=None):
    """Progress in all lessons, or in one such as "01". ValueError names the known ones."""
    chosen = lessons.numbers() if lesson is None else [lessons.lesson("progress", lesson).number]
    return Progress([lessons.lesson("progress", number) for number in chosen])


class Progress:
    """A table, a row per lesson. Saved outputs hold only where it is kept; print() and the widget show the table."""

    def __init__(self, of_lessons):
        self.lessons = of_lessons

    def rows(self):
        """A tuple per lesson, in the order of COLUMNS."""
        return [_row(lesson) for lesson in self.lessons]

    def __str__(self):
        return as_text(COLUMNS, self.rows(), (book().notice,))

    __repr__ = __str__

    def html(self):
        """The table as HTML."""
        return as_html("Your progress", COLUMNS, self.rows(), (book().notice,))

    def widget(self):
        """The table as a widget."""
        return widgets().HTML(self.html())

    def _repr_mimebundle_(self, include=None, exclude=None):
        lines = (f"It is kept on this machine only, in {FILE_NAME} beside the notebook. Delete the file to begin anew.",
                 "As text: print(sd.progress())")
        return bundle(Card("note", "Your progress", lines), self.widget)


def _row(lesson):
    exercises = (_exercise(exercise.key) for exercise in lesson.exercises)
    return (f"{lesson.number} {lesson.title}", _predictions(lesson), *exercises, _quiz(lesson), _goals(lesson))


def _predictions(lesson):
    keys = [prediction.key for prediction in lesson.predictions]
    made = sum(any(entry.get("choice") for entry in book().entries("predictions", key)) for key in keys)
    scored = [entry.get("right") for key in keys for entry in book().entries("reveals", key)]
    right = f", {sum(map(bool, scored))} of {len(keys)} right at first" if scored else ""
    return f"{made} of {len(keys)} made{right}"


def _exercise(key):
    outcomes = [entry.get("outcome") for entry in book().entries("exercises", key)]
    if not outcomes:
        return "○ never checked"
    if "right" not in outcomes:
        return f"✗ not yet, {_tries(len(outcomes))}"
    return f"✓ right, {_tries(outcomes.index('right') + 1)}"


def _tries(count):
    return "1 try" if count == 1 else f"{count} tries"


def _quiz(lesson):
    keys = [f"{lesson.number}-{place}" for place, _ in enumerate(lesson.quiz, start=1)]
    answers = [book().entries("quiz", key) for key in keys]
    words = f"{sum(map(bool, answers))} of {len(keys)} answered"
    first = [entries[0].get("right") for entries in answers if entries]
    with_a_right_side = sum(not question.is_trade_off for question in lesson.quiz)
    return words + (f", {first.count(True)} of {with_a_right_side} right at first" if first else "")


def _goals(lesson):
    keys = [f"{lesson.number}-{place}" for place, _ in enumerate(lesson.goals, start=1)]
    return f"{sum(bool(book().entries('goals', key)) for key in keys)} of {len(keys)} reached"
