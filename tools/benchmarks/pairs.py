"""Compare two programs on a machine that is never quite quiet: A B A B ..., and the ratio of each pair."""

import gc
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One simulation: seconds of computing, how many requests, and their mean time in the system."""

    seconds: float
    requests: int
    mean_s: float

    @property
    def per_request_s(self):
        return self.seconds / self.requests


@dataclass(frozen=True)
class Spread:
    """Smallest, median and largest of some figures."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values):
        return cls(min(values), statistics.median(values), max(values))

    def text(self, unit, digits=2):
        return f"{self.median:,.{digits}f} {unit} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"


def timed(action):
    """(seconds, result), with the garbage of what ran before out of the way."""
    gc.collect()
    begin = time.perf_counter()
    result = action()
    return time.perf_counter() - begin, result


def compare(ours, theirs, pairs):
    """How many times the time of `ours` does `theirs` take per request: Spread of the ratios, and all of ours.

    ours, theirs: functions without arguments that return Measured. The first pair warms up and does not count.
    """
    both = [(ours(), theirs()) for _ in range(pairs + 1)][1:]
    ratios = [their.per_request_s / our.per_request_s for our, their in both]
    return Spread.of(ratios), [our for our, _ in both]
