"""What a lesson file is made of. Lesson files hold the texts; the tools hold the behaviour."""

from collections.abc import Callable
from dataclasses import dataclass

ABOUT = ("averages", "tails", "losses", "loads", "counts", "costs")  # what a prediction can be about


@dataclass(frozen=True)
class Choice:
    """One answer to a prediction or a question, and what to say to somebody who picked it.

    right: used by quiz questions only; None where no single side is right (a trade-off).
    """

    text: str
    why: str
    right: bool | None = False


@dataclass(frozen=True)
class Prediction:
    """A question asked before a run. What is right is read off the learner's own run.

    about: one of `ABOUT`. rises: whether what it is about grows from the first choice to the last; False: it
    shrinks; None: the choices have no order.
    """

    key: str
    ask: str
    choices: tuple[Choice, ...]
    right: Callable        # run -> index of the choice that the run proved
    result: Callable       # run -> one sentence with the measured number
    because: str           # the reasoning that leads to the usual result
    answer_shown_as: tuple[str, ...] = ()    # patterns: how the usual result would look in prose or in an output
    about: str = ""
    rises: bool | None = None


@dataclass(frozen=True)
class Scenario:
    """One trial of an answer. `play` makes a value of the answer, `fault` says what is wrong with the value."""

    label: str
    play: Callable         # answer -> value; may raise kinds.WrongKind
    fault: Callable        # value -> "" when the objective is met, else sentences that show the learner's value


@dataclass(frozen=True)
class Misconception:
    """A wrong way of thinking, recognised by what it leads to.

    sample: an answer made this way. looks_like: values of all scenarios -> bool; None means "the same values as
    the sample's".
    """

    name: str
    says: str
    sample: object
    looks_like: Callable | None = None


@dataclass(frozen=True)
class Exercise:
    """A task with an answer that can be tried out.

    starter: the learner's cell as it stands in the notebook. solution: the code that takes its place.
    answer: the name that both define. wants: the kind of answer, in words. tolerance: relative, for numbers.
    """

    key: str
    title: str
    ask: str
    starter: str
    answer: str
    wants: str
    scenarios: tuple[Scenario, ...]
    misconceptions: tuple[Misconception, ...]
    hints: tuple[str, str]
    solution: str
    because: str
    tolerance: float = 0.01

    @property
    def is_function(self):
        """Whether the learner writes a function (a policy) rather than a value."""
        return self.starter.startswith("def ")


@dataclass(frozen=True)
class Question:
    """A quiz question. In a trade-off no single side is right, and each choice is told when it is."""

    ask: str
    choices: tuple[Choice, ...]

    @property
    def is_trade_off(self):
        return all(choice.right is None for choice in self.choices)


@dataclass(frozen=True)
class Goal:
    """A task on the panel. `reached` takes the run and the panel's settings by slider name.

    It gives True, or a sentence that says why not yet, with the learner's own figures (False gives a general one).
    """

    text: str
    reached: Callable      # (run, settings) -> True, or a sentence
    answer_shown_as: tuple[str, ...] = ()    # patterns: how its answer would look in prose or in an output


@dataclass(frozen=True)
class Stage:
    """The shop as it stands after a lesson, and the crowd that it meets: a row of the course's one table of costs."""

    what: str
    build: Callable        # () -> (system, clients)


@dataclass(frozen=True)
class Lesson:
    """All that the teaching tools know about one lesson."""

    number: str
    title: str
    predictions: tuple[Prediction, ...]
    exercises: tuple[Exercise, ...]
    quiz: tuple[Question, ...]
    goals: tuple[Goal, ...]
    stages: tuple[Stage, ...] = ()
