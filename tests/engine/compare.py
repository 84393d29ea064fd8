"""Two engines, one answer: run both and compare every record, bit for bit."""

import os

import numpy as np
from hypothesis import HealthCheck, settings

import sdlib as sd

NIGHTLY = 3_000  # random systems per test, with HYPOTHESIS_PROFILE=nightly
IS_NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def run_both(system, clients, seconds, seed=0, schedule=()):
    """The compiled engine's run, after its records were found equal to the reference engine's."""
    compiled = sd.simulate(system, clients, seconds=seconds, seed=seed, schedule=schedule)
    reference = sd.simulate(system, clients, seconds=seconds, seed=seed, engine="reference", schedule=schedule)
    assert_same(compiled.records, reference.records)
    return compiled


def assert_same(one, other):
    for table in ("requests", "messages", "incidents"):
        assert_equal_rows(getattr(one, table), getattr(other, table), table)
    assert one.stations.keys() == other.stations.keys()
    for measure, values in one.stations.items():
        assert np.array_equal(values, other.stations[measure]), f"{measure}: {values} != {other.stations[measure]}"
    assert np.array_equal(one.calls, other.calls), f"calls: {one.calls} != {other.calls}"
    differ = np.argwhere(one.samples != other.samples)
    assert one.samples.shape == other.samples.shape
    assert not len(differ), f"samples differ first at (sample, node, measure) {differ[0]}"


def assert_equal_rows(rows, others, table):
    assert rows.dtype == others.dtype
    assert len(rows) == len(others), f"{table}: {len(rows)} and {len(others)} rows"
    for column in rows.dtype.names:
        is_time = rows[column].dtype.kind == "f"
        same = np.array_equal(rows[column], others[column], equal_nan=is_time)
        assert same, f"{table}.{column}: {rows[column]} != {others[column]}"


def examples(count):
    """Hypothesis settings for so many random systems; for 3,000 where HYPOTHESIS_PROFILE=nightly."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=NIGHTLY if IS_NIGHTLY else count, deadline=None, database=None, print_blob=True,
                    suppress_health_check=slow)
