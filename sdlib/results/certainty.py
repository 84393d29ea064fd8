"""How sure a figure is: intervals that stay within the possible, and the time a system needs to forget its start."""

import math
import warnings

import numpy as np

from sdlib.components.checks import check_number, complain
from sdlib.kernel.statuses import IN_FLIGHT, OK
from sdlib.results.run import check_run
from sdlib.theory import Interval, relaxation_s, student_t
from sdlib.theory.intervals import wilson_limits

SHARES_OF_REQUESTS = ("error_percent", "percent_answered")
SHARES_OF_TIME = ("utilization_percent",)
NEVER_NEGATIVE = ("throughput_per_s", "in_flight", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "latency_ms")
RELAXATIONS = 20  # a run or ten batches of it must be this much longer than the relaxation time
RELAXATIONS_A_BATCH = 10
BATCHED = ("latency_ms", "error_percent", "throughput_per_s")
FEWEST_IN_A_BATCH = 10


def interval_of(name, values, level, requests):
    """The `Interval` of a measure's mean; values: float64[runs], requests: those that a share of requests speaks of.

    Student's, except that no interval may hold what cannot be: a share has Wilson's, with as many requests as would
    vary as the runs do (so failures that come in bursts count as few), and all of them where the runs are equal; a
    measure that is never negative is taken on the logarithmic scale where Student's interval would reach below 0.
    """
    count, mean = len(values), float(np.mean(values))
    half = student_t(count - 1, level) * float(np.std(values, ddof=1)) / math.sqrt(count)
    low, high = mean - half, mean + half
    if _is_share(name) and np.all((values >= 0) & (values <= 100)):
        low, high = _share_limits(values, level, requests if name in SHARES_OF_REQUESTS else math.inf)
    elif name in NEVER_NEGATIVE and low < 0 < mean and np.all(values >= 0):
        factor = math.exp(min(half / mean, 700))
        low, high = mean / factor, mean * factor
    return Interval(mean, low, high, (high - low) / 2, count)


def difference_of(name, first, second, level, requests):
    """The `Interval` of the mean of second - first, pair by pair; both float64[pairs].

    Student's over the differences; for shares the limits of both put together (Newcombe 1998, method 10; Zou and
    Donner 2008), with the correlation of the pairs, so that it stays within -100 and 100 and never has no width.
    """
    mean = float(np.mean(second - first))
    if not _is_share(name):
        return interval_of("", second - first, level, requests)
    p, q = interval_of(name, first, level, requests), interval_of(name, second, level, requests)
    down, up = (p.mean - p.low, p.high - p.mean), (q.mean - q.low, q.high - q.mean)
    vary = np.std(first) > 0 and np.std(second) > 0
    together = float(np.corrcoef(first, second)[0, 1]) if vary else 0.0
    low = mean - _square_root(up[0]**2 - 2 * together * up[0] * down[1] + down[1]**2)
    high = mean + _square_root(down[0]**2 - 2 * together * down[0] * up[1] + up[1]**2)
    return Interval(mean, low, high, (high - low) / 2, len(first))


def _square_root(square):
    return math.sqrt(max(square, 0.0))  # the square of a number, but for the last digit


def _is_share(name):
    return name in SHARES_OF_REQUESTS or name in SHARES_OF_TIME


def _share_limits(percents, level, requests):
    share, count = float(np.mean(percents)) / 100, len(percents)
    variance = float(np.var(percents / 100, ddof=1)) / count
    trials = min(share * (1 - share) / variance if variance else math.inf, requests)
    if math.isinf(trials):
        return 100 * share, 100 * share
    low, high = wilson_limits(share, trials, student_t(count - 1, level)) if trials else (0.0, 1.0)
    return 100 * low, 100 * high


def relaxation_of(run):
    """Seconds that the slowest station of a run needs to forget how it began; inf where one is busy all the time."""
    slowest_s = 0.0
    stations = run.records.stations
    for capacity, served, busy_s in zip(stations["capacity"], stations["served"], stations["busy_area"], strict=True):
        if capacity and served and busy_s:
            utilization = busy_s / capacity / run.seconds
            service_ms = 1000 * busy_s / served
            slowest_s = max(slowest_s, relaxation_s(service_ms, int(capacity), min(utilization, 1.0)))
    return slowest_s


def batch_means(run, measure="latency_ms", batches=20, after_s=0.0, level=0.95):
    """Mean and interval of one long run, as an `sd.theory.Interval`.

    Neighbouring requests wait in the same queue, so an interval over single latencies is far too narrow. Here the run
    is cut into batches so long that their means hardly know of each other, and the interval is that of these means.
    measure: "latency_ms" (of answered requests, in the order of their ends), "error_percent" (of those that ended) or
    "throughput_per_s" (batches of equal time). after_s: leaves out what ended before. Warns when a batch is shorter
    than 10 relaxation times. Source: Law, Simulation Modeling and Analysis (2015), 9.5.3.
    """
    check_run("batch_means", run)
    if not isinstance(measure, str) or measure not in BATCHED:
        complain("batch_means", "measure", measure, "one of " + ", ".join(map(repr, BATCHED)), "latency_ms")
    batches = check_number("batch_means", "batches", batches, low=2, high=10_000, example=20, whole=True)
    after_s = check_number("batch_means", "after_s", after_s, low=0, high=run.seconds * 0.99, example=0, unit="s")
    level = check_number("batch_means", "level", level, low=0.5, high=0.9999, example=0.95)
    values, requests = _batched(run, measure, batches, after_s)
    _warn_if_batches_are_short(run, (run.seconds - after_s) / batches)
    return interval_of(measure, values, level, requests)


def _batched(run, measure, batches, after_s):
    """The mean of each batch, float64[batches], and how many requests they hold."""
    rows = run.records.requests
    ended = rows[(rows["status"] == OK) if measure != "error_percent" else (rows["status"] != IN_FLIGHT)]
    ended = ended[ended["finished_s"] >= after_s]
    if len(ended) < batches * FEWEST_IN_A_BATCH:
        fit = len(ended) // FEWEST_IN_A_BATCH
        complain("batch_means", "batches", batches, f"so few that each holds {FEWEST_IN_A_BATCH} requests: "
                 f"{len(ended):,} ended, enough for {fit:,}" + (", so simulate longer" if fit < 2 else ""), max(2, fit))
    if measure == "throughput_per_s":
        edges_s = np.linspace(after_s, run.seconds, batches + 1)
        return np.histogram(ended["finished_s"], edges_s)[0] / np.diff(edges_s), len(ended)
    ended = ended[np.argsort(ended["finished_s"], kind="stable")][len(ended) % batches:]
    latency_ms = 1000 * (ended["finished_s"] - ended["arrived_s"])
    each = latency_ms if measure == "latency_ms" else 100.0 * (ended["status"] != OK)
    return each.reshape(batches, -1).mean(axis=1), len(ended)


def _warn_if_batches_are_short(run, batch_s):
    needed_s = RELAXATIONS_A_BATCH * relaxation_of(run)
    if batch_s < needed_s:
        advice = (f"make them {needed_s:.3g} s long: fewer batches or a longer run" if needed_s < math.inf else
                  "a station is busy all the time, so nothing settles")
        warnings.warn(f"batch_means: batches of {batch_s:.3g} s depend on each other, and the interval is too narrow; "
                      f"{advice}", stacklevel=3)
