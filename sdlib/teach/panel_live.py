"""Live redrawing: the newest wish wins, a long run says that it runs, and what is slow waits until the hand rests."""

import asyncio
import threading
from collections import deque
from contextlib import contextmanager


class NewestOnly:
    """Does one piece of work at a time; of the wishes that come meanwhile only the newest is done.

    Wishes may come from the work itself and from other threads (JupyterLab can deliver a slider's moves in one).
    `ask` returns when its wish, or a newer one, is done; inside the work it returns at once.
    """

    def __init__(self, work):
        self._work, self._wish, self._lock, self._worker = work, deque(maxlen=1), threading.Lock(), None

    def ask(self, wish):
        self._wish.append(wish)
        if self._worker == threading.get_ident():
            return
        with self._lock:
            self._worker = threading.get_ident()
            try:
                while (newest := self._take()) is not None:
                    self._work(newest)
            finally:
                self._worker = None

    def _take(self):
        try:
            return self._wish.pop()
        except IndexError:
            return None


class Notice:
    """Calls `say` when a piece of work takes longer than `after_s`, and never once it is over."""

    def __init__(self, say, after_s=0.3):
        self._say, self._after_s, self._lock, self._over = say, after_s, threading.Lock(), True

    @contextmanager
    def while_it_runs(self):
        self._over = False
        timer = threading.Timer(self._after_s, self._speak)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._over = True

    def _speak(self):
        with self._lock:
            if not self._over:
                self._say()


class AfterRest:
    """Does a piece of work once the hand has rested for `rest_s`; a newer wish replaces one that still waits.

    In a kernel the work runs between two messages, in the event loop of the thread that took the move; the kernel has
    more than one such thread, so they take turns, and the newest wish is done last. Where no loop runs (a script, a
    test) there is no hand either, and the work is done at once.
    """

    def __init__(self, work, rest_s=0.15):
        self._work, self._rest_s, self._lock, self._newest = work, rest_s, threading.Lock(), None

    def ask(self, *wish):
        self._newest = number = object()    # one assignment, which no other thread can cut in two
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._if_newest(number, wish)
        else:
            loop.call_later(self._rest_s, self._if_newest, number, wish)

    def _if_newest(self, number, wish):
        with self._lock:
            if number is self._newest:
                self._work(*wish)
