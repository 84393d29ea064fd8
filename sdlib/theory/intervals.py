"""How sure a mean is: Student's t interval (Student, 1908)."""

import math
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from sdlib.components.base import complain
from sdlib.theory.common import bisect, check

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
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.ndim != 1 or len(numbers) < 2 or not np.isfinite(numbers).all():
        complain("confidence_interval", "values", values, "at least two finite numbers", [9.5, 10.1, 10.4])
    count, mean = len(numbers), float(numbers.mean())
    half_width = student_t(count - 1, level) * float(numbers.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - half_width, mean + half_width, half_width, count)


@cache
def student_t(freedom, level=0.95):
    """The t for which a share `level` of Student's distribution with `freedom` degrees lies within -t and t.

    Source: Abramowitz and Stegun 26.7.3, 26.7.4 (finite series), 26.7.5 (expansion, for many degrees).

    >>> round(student_t(19), 4)
    2.093
    """
    freedom, level = check("student_t", "freedom", freedom), check("student_t", "level", level)
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
