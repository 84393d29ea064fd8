"""A learner's function in a child process: it has its own memory, and it can be ended."""

import builtins
import contextlib
import faulthandler
import os
import pickle
import resource
import selectors
import signal
import sys
import time
import traceback
import warnings
from dataclasses import replace

import psutil

from sdlib.teach.guard import Attempt, Printed, failure_of, no_exit, too_long
from sdlib.teach.kinds import kind_of
from sdlib.whole import whole

MEMORY_MB = 1024            # that a check may take beside what the kernel has already
LARGEST_ANSWER_MB = 64
PATIENCE = 4                # where others keep the processor from it, a check may take so many times its time
GRACE_S = 1                 # a child whose parent is gone ends by itself so long after its time
_MB = 2**20


def attempt_in_a_child(work, limit_s):
    """An `Attempt` at work() in a fork of this process. An interrupt ends the child and passes."""
    said, answered = os.pipe(), os.pipe()
    with whole():
        child = _fork(work, limit_s, said, answered)
        os.close(said[1]), os.close(answered[1])
    try:
        is_in_time, printed, answer = _read(said[0], answered[0], child, limit_s)
    finally:
        with whole():
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            os.close(said[0]), os.close(answered[0])
    found = _unpacked(answer) if is_in_time else Attempt(failure=too_long(limit_s))
    return replace(found or Attempt(failure=_end(status)), printed=printed.decode(errors="replace"))


def _fork(work, limit_s, said, answered):
    parent = os.getpid()
    try:
        with warnings.catch_warnings():
            # The child runs work() and writes; it takes no lock that another thread of the parent could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _be_the_child(work, limit_s, said[1], answered[1])
        return child
    finally:
        if os.getpid() != parent:
            os._exit(1)


def _be_the_child(work, limit_s, said, answered):
    """Run work(), write what came of it, and end without waking anything that belongs to the parent."""
    _limit(limit_s)
    sys.stdout = sys.stderr = _Told(said)
    with no_exit():
        try:
            packed = _packed(work())
        except BaseException as error:  # anything a learner's function may raise; it is told, not hidden
            packed = _told_failure(error, limit_s)
    with contextlib.suppress(OSError):  # the parent has stopped reading
        while packed:
            packed = packed[os.write(answered, packed):]
    os._exit(0)


def _limit(limit_s):
    """Stopping by hand is for the parent; an alarm ends a forgotten child; memory and input have an end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * limit_s + GRACE_S)
    faulthandler.disable()
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    builtins.input = _no_input
    most = psutil.Process().memory_info().vms + MEMORY_MB * _MB
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _no_input(*_):
    raise RuntimeError("input() asks nobody here: use the arguments of the function")


class _Told(Printed):
    """Passes on to the parent what is printed, while it is printed: an ended child has said it already."""

    def __init__(self, said):
        super().__init__()
        self._said = said

    def write(self, text):
        kept = text[:max(self._room, 0)].encode(errors="replace")
        self._room -= len(text)
        while kept:
            kept = kept[os.write(self._said, kept):]
        return len(text)


def _packed(value):
    try:
        packed = pickle.dumps(Attempt(value=value))
        pickle.loads(packed)  # what can be packed is not always what can be built anew
    except MemoryError:
        raise
    except Exception:
        return pickle.dumps(Attempt(failure=f"It gave a value that cannot be handed over: {kind_of(value)}."))
    if len(packed) > LARGEST_ANSWER_MB * _MB:
        words = f"It gave {len(packed) // _MB:,} MB of data; {LARGEST_ANSWER_MB} MB are the most."
        packed = pickle.dumps(Attempt(failure=words))
    return packed


def _told_failure(error, limit_s):
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)  # lets go of what filled the memory, so that there is room to tell
    return pickle.dumps(Attempt(failure=failure_of(error, limit_s)))


def _read(said, answered, child, limit_s):
    """(whether the child ended in time, what it printed, its packed answer), as they come through both pipes."""
    found, begun_s = {said: bytearray(), answered: bytearray()}, time.monotonic()
    with selectors.DefaultSelector() as selector:
        for pipe in found:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and may_go_on(child, took_s := time.monotonic() - begun_s, limit_s):
            for key, _ in selector.select(max(limit_s - took_s, 0.1)):
                piece = os.read(key.fd, _MB)
                found[key.fd] += piece
                if not piece:
                    selector.unregister(key.fd)
        is_in_time = answered not in selector.get_map()
    return is_in_time, bytes(found[said]), bytes(found[answered])


def may_go_on(child, took_s, limit_s):
    """Whether a check may take longer than it took: while it computes, and has not had its time of the processor."""
    if took_s < limit_s or took_s >= PATIENCE * limit_s:
        return took_s < limit_s
    process = psutil.Process(child)
    used = process.cpu_times()
    return process.status() == psutil.STATUS_RUNNING and used.user + used.system < limit_s


def _unpacked(answer):
    """The Attempt, or None when the child ended before it had told all."""
    try:
        found = pickle.loads(answer)
    except Exception:  # cut short
        return None
    return found if isinstance(found, Attempt) else None


def _end(status):
    code = os.waitstatus_to_exitcode(status)
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return (f"Its process ended {how}, without an answer. Does it call os._exit, or use up the memory or the stack?")
