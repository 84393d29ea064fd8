"""Imports that an interrupt cannot cut in half."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def whole():
    """Hold an interrupt (Ctrl-C, the stop button) back until the block is done, then let it through.

    A package that is interrupted while it loads stays half loaded until the kernel is restarted: Python forgets the
    package and remembers its parts. Short blocks only: for so long nobody can stop them.
    Signals reach Python in the main thread, so elsewhere there is nothing to hold back.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    held_back = []
    signal.signal(signal.SIGINT, lambda number, frame: held_back.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held_back:
            before(*held_back[0])
