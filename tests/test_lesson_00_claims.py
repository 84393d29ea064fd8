"""Lesson 0: of a million users the first system answers next to none, the last system all."""

import numpy as np
import pytest

import sdlib as sd
from sdlib.lessons.shop import PAGES, PICTURES

MILLION, SEEDS = 1_000_000, range(1, 4)


def run_of(lesson, users=MILLION, seconds=15, seed=1):
    crowd = sd.Clients(users=users, routes=PAGES, countries=sd.data.crowd())
    return sd.simulate(sd.shop(lesson), crowd, seconds=seconds, seed=seed)


@pytest.fixture(scope="module")
def last():
    return {seed: run_of(19, seed=seed) for seed in SEEDS}


@pytest.mark.parametrize("seed", range(20))
def test_the_first_system_loses_nearly_all(seed):
    run = run_of(1, seconds=5, seed=seed)
    now = run.measures()
    assert run.stations["crashes"].sum() >= 1 and now["answered"] < 20 and now["failed"] > 0.9999 * now["sent"]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_last_system_fails_nobody_and_answers_all_who_came_early_enough(seed, last):
    now, rows = last[seed].measures(), last[seed].requests
    assert now["failed"] == 0 and now["answered"] > 0.99 * now["sent"] and now["sent"] > 990_000
    assert (rows.loc[rows["arrived_s"] < 13, "status"] == "ok").all(), "what is still inside has come just now"


def test_the_figures_of_the_prose(last):
    """The panel's and the table's crowd are the same one; the two costs stand in the journey."""
    first, end = run_of(1).measures(), last[1].measures()
    assert first["sent"] == end["sent"]
    assert (round(first["usd_per_month"]), round(end["usd_per_month"])) == (199, 40_574)
    assert len(sd.data.crowd()) == 48 and PICTURES > 0.5


def test_both_get_the_same_crowd(last):
    first = run_of(1)
    assert np.array_equal(first.records.requests["arrived_s"], last[1].records.requests["arrived_s"])


@pytest.mark.parametrize("users", [100, 3_000])
def test_a_small_crowd_is_served_by_both(users):
    assert [run_of(lesson, users, seconds=2).measures()["failed"] for lesson in (1, 19)] == [0, 0]
