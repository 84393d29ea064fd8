"""The quantile of a sum, against sums whose distribution is known."""

import doctest
import math

import numpy as np
import pytest

import sdlib.theory.sums
from sdlib import theory


def test_the_examples_in_the_docstring():
    result = doctest.testmod(sdlib.theory.sums)
    assert result.attempted == 2 and result.failed == 0


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("time_ms", [0.0, 70.0])
def test_after_one_and_the_same_time_it_is_that_time_later(time_ms, quantile):
    found = theory.quantile_of_sum([time_ms] * 3, 100, quantile)
    assert found == pytest.approx(time_ms - 100 * math.log(1 - quantile), rel=1e-9, abs=1e-9)


def test_an_exponential_time_after_an_exponential_time_is_erlang():
    """P(S > t) = (1 + t / m) exp(-t / m) for two with the same mean m; the first is given by its quantiles."""
    places = (np.arange(200_000) + 0.5) / 200_000
    found = theory.quantile_of_sum(-50 * np.log1p(-places), 50, 0.99)
    assert (1 + found / 50) * math.exp(-found / 50) == pytest.approx(0.01, rel=1e-3)


def test_a_p99_of_a_sum_lies_above_each_part_s_and_below_their_sum():
    times_ms = np.random.default_rng(1).gamma(3, 20, 10_000)
    own, other = np.quantile(times_ms, 0.99), -60 * math.log(0.01)
    assert max(own, other) < theory.quantile_of_sum(times_ms, 60) < 0.9 * (own + other)


def test_it_is_the_quantile_of_drawn_sums():
    random = np.random.default_rng(2)
    times_ms = random.gamma(3, 20, 200_000)
    drawn = np.quantile(times_ms + random.exponential(80, times_ms.size), [0.5, 0.99])
    computed = [theory.quantile_of_sum(times_ms, 80, share) for share in (0.5, 0.99)]
    assert computed == pytest.approx(drawn, rel=0.01)


@pytest.mark.parametrize("times_ms", [None, [], "text", [1, -1], [math.nan], [[1, 2]], [True], 5, [math.inf]])
def test_a_bad_list_of_times_gets_one_clear_sentence(times_ms):
    with pytest.raises(ValueError, match=r"quantile_of_sum\(times_ms=.*must.*for example"):
        theory.quantile_of_sum(times_ms, 10)


@pytest.mark.parametrize(("name", "value"), [("mean_ms", 0), ("mean_ms", None), ("mean_ms", "x"), ("quantile", 1),
                                             ("quantile", -0.1), ("quantile", math.nan)])
def test_a_bad_number_gets_one_clear_sentence(name, value):
    with pytest.raises(ValueError, match=rf"quantile_of_sum\({name}=.*must.*for example"):
        theory.quantile_of_sum([10], **{"mean_ms": 10, name: value})
