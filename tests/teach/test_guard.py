"""The guard: whatever a learner's function does, a sentence comes back, in time, and nothing is left behind."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from types import SimpleNamespace

import psutil
import pytest

from sdlib.teach.child import PATIENCE, may_go_on
from sdlib.teach.guard import MOST_PRINTED, attempt, attempt_here


class Own(BaseException):
    def __str__(self):
        raise ValueError


def raises(error):
    def work():
        raise error
    return work


def endless():
    while True:
        pass


def swallows():
    while True:
        with contextlib.suppress(BaseException):
            endless()


def prints_without_end():
    while True:
        print("x" * 1000)


def grows():
    kept = []
    while True:
        kept.append(bytearray(10**7))


def closes_the_output():
    sys.stdout.close()
    print("still here")
    return 7


def recurses_in_c():
    sys.setrecursionlimit(10**8)
    return recurses_in_c()


class Unpackable:
    def __reduce__(self):
        raise KeyboardInterrupt


ENDED = {"own": (raises(Own()), "Own"), "generator": (raises(GeneratorExit()), "GeneratorExit"),
         "interrupt": (raises(KeyboardInterrupt()), "KeyboardInterrupt"), "sys.exit": (sys.exit, "ended the program"),
         "os._exit": (lambda: os._exit(0), "exit code 0"), "abort": (os.abort, "SIGABRT"),
         "crash": (lambda: ctypes.string_at(0), "SIGSEGV"), "kill": (lambda: os.kill(os.getpid(), 9), "SIGKILL"),
         "huge": (lambda: [0] * 10**12, "more memory"), "grows": (grows, "more memory"),
         "input": (lambda: input("?"), "asks nobody"), "generator value": (lambda: (n for n in ()), "use return"),
         "function value": (lambda: endless.__get__(1), "cannot be handed over"),
         "own value": (lambda: type("Thing", (), {})(), "of type Thing"),
         "large value": (lambda: bytes(10**8), "95 MB of data; 64 MB are the most")}
STOPPED = {"endless": endless, "swallows": swallows, "in C": lambda: sum(iter(int, 1)), "prints": prints_without_end,
           "sleeps": lambda: time.sleep(60)}


@pytest.mark.parametrize("what", ENDED)
def test_what_ends_a_function_is_told_in_a_sentence(what):
    work, says = ENDED[what]
    tried = attempt(work, 20)
    assert says in tried.failure and tried.value is None


@pytest.mark.parametrize("what", STOPPED)
def test_what_never_ends_is_stopped_in_time_and_in_little_memory(what):
    begin, memory = time.monotonic(), psutil.Process().memory_info().rss
    tried = attempt(STOPPED[what], 0.3)
    assert tried.failure == "It was stopped after 0.3 seconds. Does a loop never end?"
    assert time.monotonic() - begin < 5 and len(tried.printed) <= MOST_PRINTED
    assert psutil.Process().memory_info().rss - memory < 100 * 2**20


def test_a_stack_that_is_used_up_ends_the_child_only():
    assert attempt(recurses_in_c, 2).failure


def test_what_was_printed_before_the_end_is_told():
    def work():
        print("hello")
        os._exit(3)
    assert attempt(work, 5).printed == "hello\n"


def test_closing_the_output_harms_nobody():
    tried = attempt(closes_the_output, 5)
    assert (tried.value, tried.printed) == (7, "still here\n") and not sys.stdout.closed


def children():
    """Of this process, those of another file's tests, too: a pool of workers that waits for more to do."""
    return set(psutil.Process().children())


def test_nothing_is_left_behind():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)]
    files, others = psutil.Process().num_fds(), children()
    for work in (lambda: 7, endless, lambda: os._exit(1)):
        attempt(work, 0.1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)] == handlers
    assert children() <= others and psutil.Process().num_fds() == files


def test_it_works_in_another_thread_too():
    found = []
    thread = threading.Thread(target=lambda: found.extend(attempt(work, 0.2) for work in (endless, lambda: 7)))
    thread.start()
    thread.join()
    assert found[0].failure.startswith("It was stopped") and found[1].value == 7


@pytest.mark.parametrize("guard", [attempt, attempt_here])
def test_stopping_by_hand_passes_through(guard):
    others = children()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        guard(lambda: time.sleep(30), 30)
    assert children() <= others


@pytest.mark.parametrize("guard", [attempt, attempt_here])
def test_exit_in_a_notebook_does_not_end_the_kernel(guard, monkeypatch):
    asked = []
    shell = SimpleNamespace(ask_exit=lambda: asked.append(True))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    before = shell.ask_exit
    assert guard(lambda: shell.ask_exit(), 5).failure.startswith("It ended the program (exit, quit or sys.exit)")
    assert asked == [] and shell.ask_exit is before


@pytest.mark.parametrize("guard", [attempt, attempt_here])
def test_a_value_and_what_was_printed(guard):
    def work():
        print("hello")
        return 7
    tried = guard(work, 5)
    assert (tried.value, tried.failure, tried.printed) == (7, "", "hello\n")


@pytest.mark.parametrize("work, says", [(endless, "stopped after 0.2"), (raises(Own()), "Own"),
                                        (raises(GeneratorExit()), "GeneratorExit"), (prints_without_end, "stopped")])
def test_where_nothing_can_fork_most_is_caught_too(work, says):
    before = sys.gettrace()
    tried = attempt_here(work, 0.2)
    assert says in tried.failure and len(tried.printed) <= MOST_PRINTED and sys.gettrace() is before


@contextlib.contextmanager
def a_process_that(works):
    child = os.fork()
    if child == 0:
        try:
            works()
        finally:
            os._exit(0)
    try:
        time.sleep(0.3)
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_only_who_computes_and_was_kept_from_the_processor_may_take_longer():
    """On a busy machine a check was stopped after 5 s of which it had computed one."""
    with a_process_that(endless) as busy:
        assert may_go_on(busy, took_s=4.9, limit_s=5) and may_go_on(busy, took_s=5.1, limit_s=5)
        assert not may_go_on(busy, took_s=0.3, limit_s=0.01), "it had its time of the processor"
        assert not may_go_on(busy, took_s=5 * PATIENCE, limit_s=5)
    with a_process_that(lambda: time.sleep(60)) as asleep:
        assert may_go_on(asleep, took_s=4.9, limit_s=5) and not may_go_on(asleep, took_s=5.1, limit_s=5)
