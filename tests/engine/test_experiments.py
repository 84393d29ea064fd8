"""Many runs: intervals over seeds, tables over settings, and the same tables from other processes."""

import math

import joblib
import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.results.experiments import MEASURES

# Two-sided Student t quantiles from published tables (Abramowitz and Stegun, table 26.10).
T_95_WITH_4, T_99_WITH_4 = 2.776, 4.604
GRID = {"users": [200, 2_000], "cpus": (1, 4)}


def build(users=100, cpus=2):
    return sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)


def only_seed(run):
    return {"seed of the run": float(run.seed)}


def means(run):
    return {"mean_ms": run.summary()["mean_ms"].item()}


@pytest.fixture(scope="module")
def serial():
    return sd.sweep(build, GRID, seconds=10, seeds=3)


def test_replicate_gives_the_students_interval():
    table = sd.replicate(build, seeds=5, seconds=10)
    assert list(table.columns) == ["mean", "low", "high", "half_width", "seeds"]
    assert list(table.index) == list(MEASURES) and table.index.name == "measure"
    runs = pd.concat([sd.simulate(*build(), seconds=10, seed=seed).summary() for seed in range(5)])
    for name, row in table.iterrows():
        values = runs[name].to_numpy()
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert row["half_width"] == pytest.approx(T_95_WITH_4 * values.std(ddof=1) / math.sqrt(5), rel=3e-4)
        assert (row["low"], row["high"]) == pytest.approx((row["mean"] - row["half_width"],
                                                           row["mean"] + row["half_width"]))
        assert row["seeds"] == 5


def test_replicate_with_another_level_and_first_seed():
    usual, sure = (sd.replicate(build, seeds=5, seconds=10, level=level).loc["mean_ms"] for level in (0.95, 0.99))
    assert sure["half_width"] / usual["half_width"] == pytest.approx(T_99_WITH_4 / T_95_WITH_4, rel=5e-4)
    seeds = sd.replicate(build, seeds=3, seconds=1, measure=only_seed, first_seed=7)
    assert seeds.loc["seed of the run", "mean"] == 8.0


def test_more_seeds_make_the_interval_narrower():
    few, many = (sd.replicate(build, seeds=seeds, seconds=20, measure=means) for seeds in (10, 160))
    assert many.loc["mean_ms", "half_width"] < few.loc["mean_ms", "half_width"] / 2


def test_a_measure_that_is_nan_in_some_runs_is_averaged_over_the_others():
    def odd_seeds(run):
        return {"odd": float(run.seed) if run.seed % 2 else np.nan, "once": 1.0 if run.seed == 2 else np.nan}
    table = sd.replicate(build, seeds=6, seconds=1, measure=odd_seeds)
    assert table.loc["odd", ["mean", "seeds"]].tolist() == [3.0, 3.0]
    assert table.loc["once", ["mean", "low", "high", "half_width"]].isna().all() and table.loc["once", "seeds"] == 1


def test_sweep_is_a_tidy_table(serial):
    assert list(serial.columns) == ["users", "cpus", "seed", *MEASURES]
    expected = [(users, cpus, seed) for users in GRID["users"] for cpus in GRID["cpus"] for seed in range(3)]
    assert list(serial[["users", "cpus", "seed"]].itertuples(index=False, name=None)) == expected
    row = serial.iloc[-1]
    alone = sd.simulate(*build(2_000, 4), seconds=10, seed=2).summary().iloc[0]
    assert all(row[name] == alone[name] for name in MEASURES)


@pytest.mark.parametrize("values", [[1, 4], (1, 4), range(1, 5, 3), np.array([1, 4])])
def test_sweep_takes_any_list(values):
    assert sd.sweep(build, {"cpus": values}, seconds=1, measure=means)["cpus"].tolist() == [1, 4]


def test_sweep_without_settings_is_one_run_per_seed():
    assert sd.sweep(build, {}, seconds=1, seeds=2, measure=only_seed).to_dict("list") == {
        "seed": [0, 1], "seed of the run": [0.0, 1.0]}


def test_sweep_on_the_reference_engine_gives_the_same_table(serial):
    pd.testing.assert_frame_equal(sd.sweep(build, GRID, seconds=10, seeds=3, engine="reference"), serial,
                                  check_exact=True)


@pytest.fixture
def two_processes():
    """Workers of joblib, which are gone afterwards."""
    yield 2
    from joblib.externals.loky import get_reusable_executor
    get_reusable_executor().shutdown(wait=True)


def test_two_processes_give_the_same_table(serial, two_processes):
    found = sd.sweep(build, GRID, seconds=10, seeds=3, n_jobs=two_processes)
    pd.testing.assert_frame_equal(found, serial, check_exact=True)
    alone, shared = (sd.replicate(build, seeds=4, seconds=5, n_jobs=jobs) for jobs in (1, two_processes))
    pd.testing.assert_frame_equal(alone, shared, check_exact=True)


def test_a_cluster_gives_the_same_table(serial, tmp_path):
    """`build` is pickled by value, as that of a notebook is; a worker needs to find only sdlib."""
    distributed = pytest.importorskip("distributed", reason='install it with: pip install "sdlib[cluster]"')
    import dask

    def build_here(users=100, cpus=2):
        return sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)

    with (dask.config.set({"temporary-directory": str(tmp_path)}),
          distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
                                   dashboard_address=None) as cluster,
          distributed.Client(cluster) as client):
        with joblib.parallel_config(backend="dask"):
            found = sd.sweep(build_here, GRID, seconds=10, seeds=3)
        workers = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(workers) == 2 and sum(workers.values()) > 0, "the cluster must have done the work"
    pd.testing.assert_frame_equal(found, serial, check_exact=True)
