"""Runs a learner's function so that whatever it does, the notebook goes on."""

import contextlib
import io
import os
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from sdlib.teach.kinds import WrongKind
from sdlib.whole import whole

MOST_PRINTED = 10_000  # characters that are kept; what follows is dropped
_PACKAGE = str(Path(__file__).parents[1])


class TooLong(BaseException):
    """Time is up. Not an Exception, so that the learner's own `except Exception` does not swallow it."""


@dataclass(frozen=True)
class Attempt:
    """What came of it: a value, or the sentences that say why there is none; and what was printed."""

    value: object = None
    failure: str = ""
    printed: str = ""


def attempt(work, limit_s):
    """An `Attempt` at work(), for at most limit_s seconds.

    Where the system can fork, work() runs in a copy of this process that can be ended, whatever it does, and its
    value comes back by pickle; what it changes is gone with the copy. Elsewhere (Windows) it runs here: then a call
    that never returns to Python, such as summing an endless iterator, cannot be stopped.
    KeyboardInterrupt passes: stopping by hand must work.
    """
    if hasattr(os, "fork"):
        with whole():
            from sdlib.teach.child import attempt_in_a_child
        return attempt_in_a_child(work, limit_s)
    return attempt_here(work, limit_s)


def attempt_here(work, limit_s):
    """The same in this process; the clock is looked at on every line."""
    printed = Printed()
    try:
        with contextlib.redirect_stdout(printed), no_exit(), _time_limit(limit_s):
            return Attempt(value=work(), printed=printed.text())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # anything a learner's function may raise; it is shown, not hidden
        return Attempt(failure=failure_of(error, limit_s), printed=printed.text())


class Printed(io.TextIOBase):
    """Takes what is printed and keeps the beginning. Closing it does nothing: it is not the learner's to close."""

    def __init__(self):
        self._parts, self._room = [], MOST_PRINTED

    def write(self, text):
        if self._room > 0:
            self._parts.append(text[:self._room])
            self._room -= len(text)
        return len(text)

    def close(self):
        pass

    def text(self):
        return "".join(self._parts)


@contextlib.contextmanager
def no_exit():
    """A notebook's exit() and quit() ask the kernel to end; here they raise SystemExit, as everywhere else."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        yield
        return
    before = shell.ask_exit
    shell.ask_exit = sys.exit
    try:
        yield
    finally:
        shell.ask_exit = before


def failure_of(error, limit_s):
    """What ended the learner's function, in a sentence, with the line of it that did."""
    if isinstance(error, TooLong):
        return too_long(limit_s)
    if isinstance(error, WrongKind):
        return str(error)
    if isinstance(error, SystemExit):
        return f"It ended the program (exit, quit or sys.exit) instead of returning a value{_where(error)}"
    if isinstance(error, MemoryError):
        return f"It asked for more memory than a check may take (MemoryError){_where(error)}"
    return f"It stopped with {_words(error)}{_where(error)}"


def too_long(limit_s):
    """The sentence for a function that was stopped."""
    return f"It was stopped after {limit_s:g} seconds. Does a loop never end?"


def _words(error):
    try:
        return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1][:200]
    except Exception:  # the learner's own __str__
        return type(error).__name__


def _where(error):
    frames = traceback.extract_tb(error.__traceback__)
    own = next((frame for frame in frames if not frame.filename.startswith(_PACKAGE)), None)
    return f", in line {own.lineno} of its cell: {own.line}" if own and own.line else ""


@contextlib.contextmanager
def _time_limit(limit_s):
    end = time.monotonic() + limit_s

    def watch(_frame, _event, _argument):
        if time.monotonic() > end:
            raise TooLong
        return watch
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)
