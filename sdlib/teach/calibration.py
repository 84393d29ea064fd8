"""sd.calibration: how well the learner's first predictions did over the whole course, by what they were about."""

from dataclasses import dataclass

from sdlib import lessons
from sdlib.teach.book import FILE_NAME, book
from sdlib.teach.content import ABOUT
from sdlib.teach.rows import as_html, as_text
from sdlib.teach.view import Card, bundle, widgets

COLUMNS = ("about", "predicted", "right at first", "too low", "too high")
RIGHT, TOO_LOW, TOO_HIGH, NO_SIDE = "right", "too low", "too high", "no side"
ENOUGH, ONE_SIDE = 3, 2 / 3  # predictions of a kind, and the share of them on one side, before anything is said of it
NOTHING = ("No prediction has been scored yet. Each lesson asks for one or two; choose before you run the reveal, and "
           "they are counted here.")


def calibration():
    """How the learner's first predictions did: right, too low or too high, by what they were about.

    Only predictions made before their result was shown count.
    """
    return Calibration()


@dataclass(frozen=True)
class Tally:
    """First predictions about one thing: how many were scored, and on which side the wrong ones were.

    A wrong one counts on no side where the choices have no order, or where an older version of the course scored it.
    """

    about: str
    right: int
    too_low: int
    too_high: int
    predicted: int

    def cells(self):
        """Its row, in the order of COLUMNS."""
        return self.about, *map(str, (self.predicted, self.right, self.too_low, self.too_high))

    def leans(self):
        """The share of the fuller side; 0 where there is not enough to say so."""
        share = max(self.too_low, self.too_high) / self.predicted
        return share if self.predicted >= ENOUGH and share >= ONE_SIDE else 0.0


class Calibration:
    """A table, a row for each thing predicted. Saved outputs hold no figures; print() and the widget show them."""

    def tallies(self):
        """A `Tally` for each of `ABOUT` of which a prediction was scored."""
        scored = [(asked, entries[0]) for asked in _all_predictions() if (entries := _reveals(asked))]
        if not all(_is_possible(asked, entry) for asked, entry in scored):
            book().set_aside()
            return []
        sides = {about: [_side(asked, entry) for asked, entry in scored if asked.about == about] for about in ABOUT}
        return [Tally(about, *map(found.count, (RIGHT, TOO_LOW, TOO_HIGH)), len(found))
                for about, found in sides.items() if found]

    def __str__(self):
        tallies = self.tallies()
        says = *_says(tallies), book().notice
        return as_text(COLUMNS, _rows(tallies), says) if tallies else "\n".join(filter(None, says))

    __repr__ = __str__

    def html(self):
        """The table as HTML, or why there is none."""
        tallies = self.tallies()
        says = *_says(tallies), book().notice
        if not tallies:
            return Card("note", "Your predictions", tuple(filter(None, says))).html()
        return as_html("Your first predictions", COLUMNS, _rows(tallies), says)

    def widget(self):
        """The table as a widget."""
        return widgets().HTML(self.html())

    def _repr_mimebundle_(self, include=None, exclude=None):
        lines = (f"How your first predictions did, from {FILE_NAME} on this machine.",
                 "As text: print(sd.calibration())")
        return bundle(Card("note", "Your predictions", lines), self.widget)


def _all_predictions():
    return [asked for number in lessons.numbers() for asked in lessons.lesson("calibration", number).predictions]


def _reveals(asked):
    return book().entries("reveals", asked.key)


def _is_possible(asked, entry):
    """Whether a reveal can have written this entry; a file where it cannot was edited."""
    off = entry.get("off")
    return off is None or abs(off) < len(asked.choices) and entry["right"] == (off == 0)


def _side(asked, entry):
    if entry["right"]:
        return RIGHT
    if "off" not in entry or asked.rises is None:
        return NO_SIDE
    return TOO_LOW if (entry["off"] < 0) == asked.rises else TOO_HIGH


def _rows(tallies):
    return [tally.cells() for tally in tallies]


def _says(tallies):
    """How many were right, and the one thing that stands out."""
    if not tallies:
        return (NOTHING,)
    right, predicted = sum(tally.right for tally in tallies), sum(tally.predicted for tally in tallies)
    return f"{right} of {predicted} were right at first.", _what_stands_out(tallies)


def _what_stands_out(tallies):
    most = max(tallies, key=lambda tally: (tally.leans(), tally.predicted))
    if not most.leans():
        few = max(tally.predicted for tally in tallies) < ENOUGH
        return f"Too few of a kind to say more: it takes {ENOUGH}." if few else "They lean to no side."
    is_low = most.too_low > most.too_high
    return (f"You {'underestimate' if is_low else 'overestimate'} {most.about}: {max(most.too_low, most.too_high)} of "
            f"{most.predicted} of your predictions about them were too {'low' if is_low else 'high'}.")
