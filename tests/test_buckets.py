"""The token bucket's closed form, against limits that are known without it."""

import doctest
import math

import pytest

import sdlib.theory.buckets
from sdlib import theory


def test_the_example_in_the_docstring():
    result = doctest.testmod(sdlib.theory.buckets)
    assert result.attempted == 1 and result.failed == 0


@pytest.mark.parametrize("load", [0.01, 0.5, 1, 2, 50])
def test_a_bucket_of_one_is_a_line_without_a_queue(load):
    refused = 1 - theory.bucket_passes(load, 1, 1)
    assert refused == pytest.approx(theory.erlang_b(1, load), rel=1e-12)


@pytest.mark.parametrize("load", [0.3, 1, 1.7])
def test_a_bucket_of_two_by_hand(load):
    """Of M/D/1/2 the embedded chain has two states: nobody stays behind with probability exp(-load)."""
    refused = 1 - 1 / (math.exp(-load) + load)
    assert 1 - theory.bucket_passes(load, 1, 2) == pytest.approx(refused, rel=1e-12)


@pytest.mark.parametrize("load", [2, 5, 100])
def test_a_large_bucket_lets_its_limit_pass_and_no_more(load):
    assert load * theory.bucket_passes(load, 1, 200) == pytest.approx(1, rel=1e-9)


def test_below_the_limit_a_large_bucket_refuses_next_to_nothing():
    passes = [theory.bucket_passes(0.8, 1, burst) for burst in (1, 2, 5, 20, 100)]
    assert passes == sorted(passes) and passes[-1] > 1 - 1e-12


def test_only_the_ratio_counts():
    assert theory.bucket_passes(6, 5, 7) == pytest.approx(theory.bucket_passes(1.2, 1, 7), rel=1e-12)


@pytest.mark.parametrize("wrong", [{"requests_per_s": 0}, {"limit_per_s": -1}, {"burst": 1.5}, {"burst": 0},
                                   {"burst": "many"}])
def test_what_is_no_bucket_is_told(wrong):
    with pytest.raises(ValueError, match=rf"bucket_passes\({next(iter(wrong))}="):
        theory.bucket_passes(**{"requests_per_s": 1, "limit_per_s": 1, "burst": 1} | wrong)
