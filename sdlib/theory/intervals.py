"""How sure a mean is (Student, 1908), and a share (Wilson, 1927)."""

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from sdlib.components.checks import check_number, complain
from sdlib.theory.common import bisect, check, real_numbers

LARGEST = 1e150  # its square is a float too
MANY = 1_000  # degrees of freedom from which the expansion is exact to ten digits


class Interval(NamedTuple):
    """A mean of `count` values and the interval that holds the true mean with the asked level."""

    mean: float
    low: float
    high: float
    half_width: float
    count: int


def confidence_interval(values, level=0.95):
    """Mean and two-sided Student t interval of at least two independent finite values, as an `Interval`.

    Half width = t x standard deviation / sqrt(n), with n - 1 degrees of freedom.

    >>> interval = confidence_interval([9, 10, 11])
    >>> interval.mean, round(interval.half_width, 4)
    (10.0, 2.4841)
    """
    level = check("confidence_interval", "level", level)
    numbers = real_numbers(values)
    if numbers is None or len(numbers) < 2 or not (np.abs(numbers) <= LARGEST).all():
        complain("confidence_interval", "values", values, "at least two finite numbers in a list", [9.5, 10.1, 10.4])
    count, mean = len(numbers), float(numbers.mean())
    half_width = student_t(count - 1, level) * float(numbers.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - half_width, mean + half_width, half_width, count)


def share_interval(successes, trials, level=0.95):
    """Share of successes in independent trials (0 to 1) with Wilson's score interval, as an `Interval`.

    It stays within 0 and 1, and keeps a width when nothing or everything succeeded: of 0 in n trials the true share
    is below about 3.84 / n with 95 % (3 / n one-sided, the rule of three).

    >>> interval = share_interval(successes=0, trials=1_000)
    >>> interval.mean, interval.low, round(interval.high, 5)
    (0.0, 0.0, 0.00383)
    """
    trials = check("share_interval", "trials", trials)
    successes = check_number("share_interval", "successes", successes, low=0, high=trials, example=3, whole=True)
    level = check("share_interval", "level", level)
    low, high = wilson_limits(successes / trials, trials, NormalDist().inv_cdf((1 + level) / 2))
    return Interval(successes / trials, low, high, (high - low) / 2, trials)


def wilson_limits(share, trials, quantile):
    """Wilson's (low, high) for a share of so many trials; quantile: of the normal or Student's distribution."""
    spread = quantile**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half_width = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    low = 0.0 if share == 0 else middle - half_width
    return max(low, 0.0), 1.0 if share == 1 else min(middle + half_width, 1.0)


def student_t(freedom, level=0.95):
    """The t for which a share `level` of Student's distribution with `freedom` degrees lies within -t and t.

    Source: Abramowitz and Stegun 26.7.3, 26.7.4 (finite series), 26.7.5 (expansion, for many degrees).

    >>> round(student_t(19), 4)
    2.093
    """
    return _student_t(check("student_t", "freedom", freedom), check("student_t", "level", level))


@cache
def _student_t(freedom, level):
    if freedom > MANY:
        return _expanded(freedom, NormalDist().inv_cdf((1 + level) / 2))
    angle = bisect(lambda angle: _share_within(angle, freedom) - level, 0.0, math.pi / 2)
    return math.sqrt(freedom) * math.tan(angle)


def _share_within(angle, freedom):
    """P(|T| < t) as a finite series in the angle atan(t / sqrt(freedom))."""
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for power in range(odd, freedom - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * math.cos(angle) ** 2
    total *= math.sin(angle)
    return (angle + total) * 2 / math.pi if odd else total


def _expanded(freedom, z):
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
