"""The guard: time limits in the main thread and elsewhere; nothing is left behind."""

import signal
import sys
import threading

import pytest

from sdlib.teach.guard import attempt


def endless():
    while True:
        pass


def test_the_alarm_is_put_back():
    before = signal.getsignal(signal.SIGALRM)
    assert attempt(endless, 0.1).failure.startswith("It was stopped after 0.1 seconds")
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_alarm_that_was_swallowed_comes_back():
    def swallows():
        try:
            endless()
        except BaseException:
            endless()
    assert attempt(swallows, 0.1).failure.startswith("It was stopped")


def test_it_stops_in_another_thread_too_and_puts_the_tracer_back():
    found = []

    def work():
        before = sys.gettrace()
        found.append(attempt(endless, 0.1))
        found.append(attempt(lambda: 7, 0.1).value)
        found.append(sys.gettrace() is before)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found[0].failure.startswith("It was stopped") and found[1:] == [7, True]


def test_stopping_by_hand_passes_through():
    def interrupted():
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted, 1)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_value_and_what_was_printed():
    def work():
        print("hello")
        return 7
    tried = attempt(work, 1)
    assert (tried.value, tried.failure, tried.printed) == (7, "", "hello\n")
