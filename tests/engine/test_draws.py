"""The random numbers: uniform, independent, the same on every machine, and what is made of them."""

import math
from itertools import product

import numba
import numpy as np
import pytest

import sdlib as sd
from sdlib.engine.arrivals import arrival_times, expected_requests
from sdlib.kernel.attributes import Attributes
from sdlib.kernel.draws import alias_table, child_place, duration, log, uniform, zipf_shares
from sdlib.kernel.statuses import DISTRIBUTIONS

DRAWS, BINS = 100_000, 100
LIMIT = 5.0  # standard deviations: with these fixed seeds a test fails always or never, by chance once in a million
START = {"seed": 1, "request": 7, "place": 1, "turn": 1, "part": 0}


@numba.njit
def draw_along(seed, request, place, turn, part, axis, step, count):
    """Draws whose arguments are equal except for the one at `axis`, which counts up."""
    drawn = np.empty(count)
    for number in range(count):
        along = number * step
        drawn[number] = uniform(seed + along * (axis == 0), request + along * (axis == 1), place + along * (axis == 2),
                                turn + along * (axis == 3), part + along * (axis == 4))
    return drawn


@numba.njit
def durations(kind, count):
    drawn = np.empty(count)
    for request in range(count):
        drawn[request] = duration(1.0, kind, 3, request, 1, 1)
    return drawn


@numba.njit
def logs(values):
    found = np.empty_like(values)
    for at in range(len(values)):
        found[at] = log(values[at])
    return found


def along(axis, step=1, count=DRAWS, **start):
    return draw_along(*(START | start).values(), list(START).index(axis), step, count)


def assert_uniform(drawn):
    counts = np.bincount((drawn * BINS).astype(int), minlength=BINS)
    chi_square = np.sum((counts - len(drawn) / BINS) ** 2) / (len(drawn) / BINS)
    assert abs(chi_square - (BINS - 1)) < LIMIT * math.sqrt(2 * (BINS - 1))
    assert drawn.min() > 0 and drawn.max() < 1


def assert_uncorrelated(one, other):
    assert abs(np.corrcoef(one, other)[0, 1]) * math.sqrt(len(one)) < LIMIT


@pytest.mark.parametrize("axis, step", [(axis, step) for axis in START for step in (1, 1009)])
def test_draws_along_each_argument_are_uniform_and_independent(axis, step):
    drawn = along(axis, step)
    assert_uniform(drawn)
    assert len(np.unique(drawn)) == DRAWS
    for lag in (1, 2, 3, 7):
        assert_uncorrelated(drawn[:-lag], drawn[lag:])
    pairs = (drawn[::2] * 10).astype(int) * 10 + (drawn[1::2] * 10).astype(int)
    assert_uniform((pairs + 0.5) / 100)


@pytest.mark.parametrize("axis", [axis for axis in START if axis != "request"])
def test_the_same_request_elsewhere_is_another_draw(axis):
    base = along("request")
    for shift in (1, 2, 5):
        assert_uncorrelated(base, along("request", **{axis: START[axis] + shift}))


def test_nearby_arguments_never_give_the_same_draw():
    seen = {uniform(*arguments) for arguments in product((0, 1, 2), range(20), range(6), range(4), range(9))}
    assert len(seen) == 3 * 20 * 6 * 4 * 9


def test_places_of_a_system_are_all_different():
    places, level = {0}, [0]
    for _ in range(3):
        level = [child_place(place, index) for place in level for index in range(20)]
        places |= set(level)
    assert len(places) == 1 + 20 + 20**2 + 20**3


@pytest.mark.parametrize("arguments, expected", [
    ((0, 0, 0, 0, 0), "0x1.0000000000000p-53"),
    ((1, 0, 1, 1, 0), "0x1.796628988164ap-2"),
    ((1, 123_456, 1010, 2, 8), "0x1.c921113027fdcp-3"),
    ((2**63 - 1, 2**31 - 1, 2**40 - 1, 100_999, 7), "0x1.8abd467e14223p-1")])
def test_golden_draws(arguments, expected):
    """Another machine, compiler or library that differs in one bit is noticed here."""
    assert uniform(*arguments).hex() == expected


@pytest.mark.parametrize("x, expected", [
    (0.5, "-0x1.62e42fefa39efp-1"),
    (1 / 3, "-0x1.193ea7aad030bp+0"),
    (1e-300, "-0x1.5963447f87fb5p+9"),
    (0.99, "-0x1.495453e6fd4bcp-7")])
def test_golden_logarithms(x, expected):
    assert log(x).hex() == expected


@pytest.mark.parametrize("distribution, expected", list(zip(DISTRIBUTIONS, [
    "0x1.47ae147ae147bp-7", "0x1.0dfa3055af447p-7", "0x1.378faf77c5a07p-8", "0x1.5f227e67c8406p-9"])))
def test_golden_durations(distribution, expected):
    assert duration(0.01, DISTRIBUTIONS.index(distribution), 1, 42, 1010, 1).hex() == expected


def test_log_is_exact_to_a_few_bits():
    """Near 1 the error is absolute: 2e-16 of a mean service time is nothing. Elsewhere it is relative."""
    random = np.random.default_rng(1)
    near_1 = np.concatenate([1 - 10 ** random.uniform(-15, -1, 100_000), [1 - 2**-53, 1 + 2**-52]])
    far = np.concatenate([0.9 * random.random(100_000), 2.0 ** -np.arange(1, 1_000, 7), 10 ** random.uniform(
        -300, -1, 20_000), 1.5 + 10 ** random.uniform(-5, 300, 20_000)])
    for values, absolute, relative in ((near_1, 2e-16, 2e-16), (far, 0, 1e-15)):
        expected = np.array([math.log(value) for value in values])
        assert (np.abs(logs(values) - expected) <= absolute + relative * np.abs(expected)).all()
    assert log(1.0) == 0.0


def test_no_length_of_time_is_negative():
    """log must be below 0 for all that is below 1, however little, or time would run backwards."""
    below_1 = 1 - np.arange(1, 300_000) * 2.0**-53
    assert (logs(below_1) < 0).all()
    assert (np.diff(logs(below_1)) <= 0).all()


@pytest.mark.parametrize("distribution, squared_cv", list(zip(DISTRIBUTIONS, (0, 0.25, 1, 4))))
def test_durations_have_their_mean_and_variation(distribution, squared_cv):
    drawn = durations(DISTRIBUTIONS.index(distribution), 1_000_000)
    assert drawn.min() > 0
    assert drawn.mean() == pytest.approx(1, abs=LIMIT * math.sqrt(squared_cv / 1e6) + 1e-15)
    assert drawn.var() == pytest.approx(squared_cv, rel=0.03, abs=1e-15)


@pytest.mark.parametrize("objects, skew", [(1, 1.0), (2, 0.0), (7, 0.5), (1_000, 0.8), (10_000, 1.2), (5_000, 10.0)])
def test_the_alias_table_holds_the_zipf_shares(objects, skew):
    shares = sd.theory.zipf_shares(objects, skew)
    threshold, alias = alias_table(shares)
    assert ((threshold >= 0) & (threshold <= 1)).all()
    summed = threshold + np.bincount(alias, weights=1 - threshold, minlength=objects)
    assert summed / objects == pytest.approx(shares, abs=1e-13)


def test_keys_are_as_popular_as_zipf_says():
    crowd = Attributes(sd.Clients(users=1, objects=10, skew=1.0), {"keys"})
    counts = np.bincount([crowd.draw("keys", 5, request) for request in range(50_000)], minlength=10)
    expected = 50_000 * sd.theory.zipf_shares(10, 1.0)
    assert np.sum((counts - expected) ** 2 / expected) < 9 + LIMIT * math.sqrt(18)


def crowd(profile=(), per_s=100):
    return sd.Clients(users=per_s, requests_per_minute=60, profile=profile)


def counts_within(clients, windows, seconds, seeds):
    """Arrivals in each window for each seed: int[seeds, windows]."""
    return np.array([[np.sum((start <= times) & (times < end)) for start, end in windows]
                     for times in (arrival_times(clients, seconds, seed) for seed in range(seeds))])


def assert_poisson(counts, mean):
    """Mean and variance of Poisson counts; the variance of their variance is (mean + 2 mean^2) / n."""
    assert abs(counts.mean() - mean) < LIMIT * math.sqrt(mean / counts.size)
    assert abs(counts.var(ddof=1) - mean) < LIMIT * math.sqrt((mean + 2 * mean**2) / counts.size)


def test_arrivals_are_poisson():
    seconds = [(second, second + 1) for second in range(20)]
    assert_poisson(counts_within(crowd(), seconds, 20, seeds=100), 100)
    gaps_s = np.diff(arrival_times(crowd(), 1_000, 1))
    assert (gaps_s > 0).all()
    assert gaps_s.var() == pytest.approx(gaps_s.mean() ** 2, rel=0.03)
    assert_uncorrelated(gaps_s[:-1], gaps_s[1:])


def test_neighbouring_seeds_bring_independent_crowds():
    """Theirs is the interval of twenty seeds: were neighbours alike, it would be too narrow or too wide."""
    counts = counts_within(crowd(), [(2, 8)], 9, seeds=4_000)[:, 0]
    off = (counts - 600) / math.sqrt(600)
    for lag in (1, 2, 3, 4, 5, 10, 19):
        assert abs(np.mean(off[lag:] * off[:-lag])) < LIMIT / math.sqrt(len(off) - lag), lag
    of_twenty = off.reshape(-1, 20).mean(axis=1) * math.sqrt(20)
    assert np.var(of_twenty) == pytest.approx(1, abs=LIMIT * math.sqrt(2 / len(of_twenty)))


def test_no_gap_is_dropped_at_the_edges_of_many_short_windows():
    """A generator that starts anew at each edge would send more than one request per second here, or fewer."""
    profile = [(0.25 * number, 0.9 + 0.2 * (number % 2)) for number in range(800)]
    counts = counts_within(crowd(profile, per_s=1), [(0, 200)], 200, seeds=500)
    assert_poisson(counts, 200)


def test_rates_are_exact_at_the_edges_of_a_spike():
    clients = crowd(sd.spike(at_s=10, seconds=5, times=4))
    windows = {(9, 10): 100, (10, 11): 400, (14, 15): 400, (15, 16): 100, (10, 15): 2_000, (0, 20): 3_500}
    counts = counts_within(clients, windows, 20, seeds=400)
    for column, mean in zip(counts.T, windows.values()):
        assert_poisson(column, mean)
    assert expected_requests(clients, 20) == 3_500
    assert expected_requests(clients, 12.5) == 2_000


def test_no_one_comes_where_the_rate_is_0():
    clients = crowd([(0, 0), (2, 1), (5, 0), (7, 2), (8, 0)])
    times = np.concatenate([arrival_times(clients, 100, seed) for seed in range(50)])
    inside = ((times >= 2) & (times < 5)) | ((times >= 7) & (times < 8))
    assert inside.all() and len(times) == pytest.approx(50 * 500, abs=LIMIT * math.sqrt(50 * 500))


@pytest.mark.parametrize("seconds", [0.001, 0.5, 3, 1_000])
def test_arrivals_are_in_order_and_within_the_run(seconds):
    times = arrival_times(crowd([(1, 0.5), (2, 3)]), seconds, 9)
    assert (np.diff(times) >= 0).all() and (times < seconds).all() and (times >= 0).all()


def test_a_replay_is_replayed():
    times = [0.0, 0.0, 0.5, 2.0, 3.0]
    clients = sd.Clients(users=1, arrivals_s=times)
    assert arrival_times(clients, 3, 1).tolist() == times[:4], "the end itself is outside"
    assert expected_requests(clients, 3) == 4


@pytest.mark.parametrize("skew", [0.0, 0.64, 0.8, 1.0, 2.5, 10.0])
def test_zipf_shares_are_those_of_the_formula(skew):
    expected = np.arange(1, 10_001, dtype=float) ** -skew
    assert zipf_shares(10_000, skew) == pytest.approx(expected / expected.sum(), rel=1e-12)
