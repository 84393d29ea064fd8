"""Times that follow one another: a quantile of the sum is not the sum of the quantiles."""

import numpy as np

from sdlib.components.checks import complain
from sdlib.theory.common import bisect, check, real_numbers


def quantile_of_sum(times_ms, mean_ms, quantile=0.99):
    """Within how many ms so large a share is done, when an exponential time with this mean follows each of times_ms.

    times_ms: measured times, each as likely as the other; the time that follows does not depend on them. After t ms
    the share done is the mean of 1 - exp(-(t - time) / mean_ms) over the times below t: the convolution of the two
    distributions (Feller, An Introduction to Probability Theory and Its Applications 2, V.4).

    >>> round(quantile_of_sum([0.0], mean_ms=100), 1)
    460.5
    >>> round(quantile_of_sum([0.0, 50.0], mean_ms=100), 1)
    488.6
    """
    times_ms = _checked(times_ms)
    mean_ms = check("quantile_of_sum", "mean_ms", mean_ms, "service_ms")
    quantile = check("quantile_of_sum", "quantile", quantile)

    def missing(until_ms):
        left_ms = np.maximum(until_ms - times_ms, 0.0)
        return -np.expm1(-left_ms / mean_ms).mean() - quantile
    return float(bisect(missing, 0.0, times_ms.max() - mean_ms * np.log1p(-quantile)))


def _checked(times_ms):
    found = real_numbers(times_ms)
    if found is None or not len(found) or not np.isfinite(found).all() or found.min() < 0:
        complain("quantile_of_sum", "times_ms", times_ms, "a list of times in ms, none below 0", [50.0, 80.0])
    return found
