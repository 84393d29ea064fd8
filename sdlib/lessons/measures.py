"""What predictions and goals read off a run, and kinds of answers that lessons share."""

import types
from dataclasses import replace

from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown


def figure(run, name):
    """One number of a run's summary."""
    return run.summary()[name].iloc[0]


def crashes(run):
    """How many times servers crashed in the run."""
    return int(run.stations["crashes"].sum())


def band(value, edges):
    """How many of the ascending edges lie below the value: which choice of a prediction it belongs to."""
    return sum(value > edge for edge in edges)


def times(count):
    """A number of times in words."""
    return "once" if count == 1 else f"{count:,} times"


def again(run, users=None, **knobs):
    """The same run, seed and length, with another crowd or with other knobs of the first component."""
    clients = run.clients if users is None else replace(run.clients, users=users)
    return simulate(replace(run.system, **knobs), clients, seconds=run.seconds, seed=run.seed)


def letter(letters):
    """A kind of answer: one of these letters, in either case."""
    return word(letters, str.upper)


def word(words, tidy=str.lower):
    """A kind of answer: one of these texts, whatever its case and the blanks around it."""
    def read(value):
        if isinstance(value, types.CoroutineType):
            value.close()   # otherwise Python warns, later and elsewhere, that it was never awaited
        said = tidy(value.strip()) if isinstance(value, str) else ""
        if said not in tuple(words):
            raise WrongKind(f"You gave {shown(value)}.")
        return said
    return read


def is_letter(right, because):
    """A fault for letters. because: dict of a wrong letter to a sentence on what that choice would bring."""
    return lambda value: "" if value == right else f"You gave {value}. {because[value]}"


def answered_percent(run):
    """The share of the requests that ended which was answered."""
    return 100 - figure(run, "error_percent")
