"""sd.predict: asks before anything is revealed, and later puts the prediction beside the learner's own run."""

from dataclasses import dataclass

from sdlib.components.checks import shown
from sdlib.lessons import find
from sdlib.teach.book import book
from sdlib.teach.content import Prediction
from sdlib.teach.view import Card, bundle, card_widget, choice_form, numbered, pick


def predict(key):
    """The prediction with this key, such as "01-utilization". ValueError names the known ones."""
    return Asked(find("predict", "predictions", key))


@dataclass(frozen=True, repr=False)
class Asked:
    """A question with choices. Shown, it is a form; by code, answer it with choose(number) or leave it with skip()."""

    prediction: Prediction

    def choose(self, number):
        """Record the choice with this number, counted from 1."""
        asked = self.prediction
        choice = pick(f"{self._call}.choose", asked.choices, number)
        is_late = asked.key in book().revealed or bool(book().entries("reveals", asked.key))
        book().record("predictions", asked.key, choice=number, late=is_late)
        lines = (f"{number}. {choice.text}",
                 "The result was shown before, so this one does not count." if is_late else "Now run the cells below.")
        return Card("note", "Your prediction is recorded", (*lines, *_notice()))

    def skip(self):
        """Record that there is no prediction."""
        book().record("predictions", self.prediction.key, choice=0)
        return Card("note", "Skipped", ("Read on. You can still predict until you run the reveal.", *_notice()))

    def reveal(self, run):
        """The result of `run` (from sd.simulate), the reason, and the prediction beside it."""
        if not _is_run(run):
            raise ValueError(f"{self._call}.reveal({shown(run)}): run must be what sd.simulate returned; "
                             f"for example {self._call}.reveal(run).")
        book().revealed.add(self.prediction.key)
        right = int(self.prediction.right(run))
        first = _first(self.prediction)
        if first and not book().entries("reveals", self.prediction.key):
            off = first - (right + 1)
            book().record("reveals", self.prediction.key, right=off == 0, off=off)
        return Revealed(self.prediction, right, self.prediction.result(run), _latest(self.prediction), first)

    @property
    def _call(self):
        return f'sd.predict("{self.prediction.key}")'

    def _card(self):
        asked = self.prediction
        how = f"Choose before you run on, or skip. Without the form: {self._call}.choose(number)"
        return Card("not attempted yet", f"Predict: {asked.ask}", (*numbered(asked.choices), how))

    def widget(self):
        """The form."""
        asked = self.prediction
        question = Card("not attempted yet", "Predict", (asked.ask,))
        return choice_form(question, [choice.text for choice in asked.choices], self.choose, self.skip)

    def __str__(self):
        return str(self._card())

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self._card(), self.widget)


@dataclass(frozen=True, repr=False)
class Revealed:
    """The result beside the prediction. Saved outputs hold the impersonal form; print() gives the personal one."""

    prediction: Prediction
    right: int             # index of the choice that the run proved
    result: str
    chosen: int            # number of the latest choice; 0 for skipped, None for none
    first: int | None      # number of the first choice made before the result was known

    def impersonal(self):
        """The same card for everybody: the result, the reason, and a word on every other choice."""
        choices = self.prediction.choices
        others = tuple(f"If you thought \"{choice.text}\": {choice.why}"
                       for number, choice in enumerate(choices) if number != self.right)
        return Card("note", self.result, (*self._answer(), *others, "No prediction was recorded here."))

    def personal(self):
        """The card for the one who predicted."""
        if not self.chosen:
            word = "You skipped the prediction." if self.chosen == 0 else "No prediction was recorded."
            return Card("note", self.result, (word, *self._answer()))
        choice = self.prediction.choices[self.chosen - 1]
        is_right = self.chosen == self.right + 1
        lines = [f"You predicted: {choice.text}."]
        if self.first and self.first != self.chosen:
            lines.append(f"Your first prediction was: {self.prediction.choices[self.first - 1].text}.")
        lines += [self.prediction.because] if is_right else [choice.why, *self._answer()]
        title = f"{'As predicted' if is_right else 'Not as predicted'}. {self.result}"
        return Card("right" if is_right else "misconception", title, tuple(lines))

    def _answer(self):
        return f"The answer: {self.prediction.choices[self.right].text.rstrip('.')}.", self.prediction.because

    def __str__(self):
        return str(self.personal())

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return bundle(self.impersonal(), lambda: card_widget(self.personal()))


def _is_run(value):
    """What looks like a `Run`. An object of the learner's own may raise whatever it likes when it is asked."""
    try:
        return not isinstance(value, type) and callable(value.summary) and hasattr(value, "stations")
    except Exception:
        return False


def _made(prediction):
    """The entries of a prediction; a file with a choice that does not exist was edited and is set aside."""
    made = book().entries("predictions", prediction.key)
    if all(entry["choice"] <= len(prediction.choices) for entry in made):
        return made
    book().set_aside()
    return []


def _latest(prediction):
    made = _made(prediction)
    return made[-1]["choice"] if made else None


def _first(prediction):
    return next((entry["choice"] for entry in _made(prediction) if entry["choice"] and not entry.get("late")), None)


def _notice():
    return (book().notice,) if book().notice else ()
