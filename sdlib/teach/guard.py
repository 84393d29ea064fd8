"""Runs a learner's function so that whatever it does, the notebook goes on: errors, endless loops, much printing."""

import contextlib
import io
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from sdlib.teach.kinds import WrongKind

_PACKAGE = str(Path(__file__).parents[1])
AGAIN_S = 0.05  # an alarm swallowed by the learner's bare `except:` comes back until one gets through


class TooLong(BaseException):
    """Time is up. Not an Exception, so that the learner's own `except Exception` does not swallow it."""


@dataclass(frozen=True)
class Attempt:
    """What came of it: a value, or the sentences that say why there is none; and what was printed."""

    value: object = None
    failure: str = ""
    printed: str = ""


def attempt(work, limit_s):
    """Call work() for at most limit_s seconds. KeyboardInterrupt passes: stopping by hand must work.

    A call that never returns to Python (such as summing an endless iterator) cannot be stopped from here.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), _time_limit(limit_s):
            value = work()
    except TooLong:
        return Attempt(failure=f"It was stopped after {limit_s:g} seconds. Does a loop never end?",
                       printed=printed.getvalue())
    except WrongKind as wrong:
        return Attempt(failure=str(wrong), printed=printed.getvalue())
    except (Exception, SystemExit) as error:  # anything a learner's function may raise; it is shown, not hidden
        return Attempt(failure=_describe(error), printed=printed.getvalue())
    return Attempt(value=value, printed=printed.getvalue())


def _describe(error):
    """The error in one line, with the line of the learner's code that raised it."""
    words = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    frames = traceback.extract_tb(error.__traceback__)
    own = next((frame for frame in frames if not frame.filename.startswith(_PACKAGE)), None)
    where = f", in line {own.lineno} of its cell: {own.line}" if own and own.line else ""
    return f"It stopped with {words}{where}"


def _time_limit(limit_s):
    in_main_thread = threading.current_thread() is threading.main_thread()
    return _by_alarm(limit_s) if in_main_thread and hasattr(signal, "setitimer") else _by_trace(limit_s)


@contextlib.contextmanager
def _by_alarm(limit_s):
    running = True

    def stop(_signal, _frame):
        if running:
            raise TooLong
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit_s, AGAIN_S)
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _by_trace(limit_s):
    """Where no alarm exists (Windows, another thread): look at the clock on every line."""
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
