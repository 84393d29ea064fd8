"""Many runs: intervals over seeds, tables over settings, and the same tables from other processes."""

import math
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.results.certainty import difference_of, interval_of
from sdlib.results.experiments import MEASURES

# Two-sided Student t quantiles from published tables (Abramowitz and Stegun, table 26.10).
T_95_WITH_4, T_99_WITH_4 = 2.776, 4.604
REPLICATED = ["mean", "low", "high", "half_width", "seeds", "left_out", "in_flight_percent", "relaxation_s"]
SHARES = ("error_percent", "percent_answered", "utilization_percent")
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
    assert list(table.columns) == REPLICATED
    assert list(table.index) == list(MEASURES) and table.index.name == "measure"
    runs = pd.concat([sd.simulate(*build(), seconds=10, seed=seed).summary() for seed in range(5)])
    for name, row in table.drop(index=list(SHARES)).iterrows():
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
    with pytest.warns(UserWarning, match="of 6 runs some have no value .*: odd in 3, once in 5. .* in flight"):
        table = sd.replicate(build, seeds=6, seconds=1, measure=odd_seeds)
    assert table["left_out"].tolist() == [3, 5]
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


@pytest.fixture
def cluster(tmp_path):
    """The client of two worker processes on this machine, which joblib uses."""
    distributed = pytest.importorskip("distributed", reason='install it with: pip install "sdlib[cluster]"')
    import dask

    with (dask.config.set({"temporary-directory": str(tmp_path)}),
          distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
                                   dashboard_address=None) as workers,
          distributed.Client(workers) as client, joblib.parallel_config(backend="dask")):
        yield client


def test_a_cluster_gives_the_same_table(serial, cluster):
    """`build` is pickled by value, as that of a notebook is; a worker needs to find only sdlib."""
    def build_here(users=100, cpus=2):
        return sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)

    found = sd.sweep(build_here, GRID, seconds=10, seeds=3)
    workers = cluster.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(workers) == 2 and sum(workers.values()) > 0, "the cluster must have done the work"
    pd.testing.assert_frame_equal(found, serial, check_exact=True)


def test_a_worker_that_is_killed_costs_time_and_no_rows(serial, cluster, tmp_path):
    killed = tmp_path / "killed"

    def build_here(users=100, cpus=2):
        return sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)

    def mean_ms_or_death(run):
        if run.seed == 1 and not killed.exists():
            killed.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return {"mean_ms": run.summary()["mean_ms"].item()}

    before = set(cluster.run(os.getpid).values())
    found = sd.sweep(build_here, GRID, seconds=10, seeds=3, measure=mean_ms_or_death)
    assert int(killed.read_text()) in before
    pd.testing.assert_frame_equal(found, serial[found.columns], check_exact=True)


def test_an_interrupt_leaves_the_cluster_its_workers(tmp_path):
    """The stop button reaches the workers too, and they died of it."""
    pytest.importorskip("distributed", reason='install it with: pip install "sdlib[cluster]"')
    program = Path(__file__).with_name("interrupted_cluster.py")
    found = subprocess.run([sys.executable, program, tmp_path], cwd=Path(__file__).parents[2], capture_output=True,
                           text=True, start_new_session=True, timeout=300)
    assert found.stdout.split("\n")[:2] == ["interrupted", "2 rows"], found.stderr[-2_000:]


def one_queue(rho, cpus=1):
    return lambda: (sd.Server(cpus=cpus, ram_gb=100_000), sd.Clients(users=round(rho * cpus * 1_500)))


def test_slow_requests_that_did_not_end_are_told():
    """20 s of service seen for 20 s: a mean of the fast ones was given as if it were the mean of all."""
    def slow():
        return sd.Server(cpus=4, ram_gb=4, service_ms=20_000), sd.Clients(users=1)
    with pytest.warns(UserWarning, match="mean_ms in .* in flight at the end, so latencies are those of the fast ones"):
        table = sd.replicate(slow, seeds=20, seconds=20)
    row = table.loc["mean_ms"]
    assert row["mean"] < 15_000 and row["left_out"] > 0 and row["seeds"] + row["left_out"] == 20
    assert row["in_flight_percent"] > 30 and table.loc["in_flight", "mean"] > 0


def test_intervals_stay_within_the_possible():
    def rare():  # now and then a crash
        return sd.Server(cpus=1, ram_gb=0.2, restart_s=0.5), sd.Clients(users=1_230)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = sd.replicate(rare, seeds=4, seconds=20)
        never = sd.replicate(build, seeds=4, seconds=20)
    for name in SHARES:
        assert 0 <= table.loc[name, "low"] <= table.loc[name, "mean"] <= table.loc[name, "high"] <= 100
    assert (table.loc["error_percent", ["mean", "low"]] > 0).all()
    row = never.loc["error_percent"]
    assert (row["mean"], row["low"]) == (0, 0) and 0 < row["high"] < 10, "that nothing failed is no proof for ever"
    assert never.loc["percent_answered", "high"] <= 100


def test_a_share_has_the_interval_of_wilson_with_the_requests_that_vary_as_the_runs_do():
    values = np.array([0.0, 0.0, 0.0, 8.0, 0.0])
    found = interval_of("error_percent", values, 0.95, 5_000)
    assert 0 < found.low < found.mean == 1.6 < found.high < 20
    assert interval_of("", values, 0.95, 0).low < 0, "Student's reaches below 0 here"
    assert interval_of("error_percent", np.zeros(5), 0.95, 1_000).high == pytest.approx(0.765, abs=0.005)
    assert interval_of("error_percent", np.full(5, 100.0), 0.95, 1_000).low > 99
    middle = 50 + np.array([-2.0, 1, 0, 2, -1])
    assert interval_of("error_percent", middle, 0.95, 10**9)[:3] == pytest.approx(
        interval_of("", middle, 0.95, 0)[:3], rel=0.002)
    assert 0 < interval_of("mean_ms", np.array([1.0, 50.0, 2.0]), 0.95, 0).low < 53 / 3


def test_shares_are_covered_as_often_as_said():
    draws = np.random.default_rng(5).binomial(400, 0.01, size=(1_000, 20)) / 4
    hits = [found.low <= 1 <= found.high for found in (interval_of("error_percent", row, 0.95, 8_000) for row in draws)]
    assert np.mean(hits) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 1_000))


def test_leaving_out_the_start_mends_the_bias():
    """M/M/1 at rho 0.95: 60 s are four relaxation times, and the mean of many seeds is 6 % too low."""
    with pytest.warns(UserWarning, match="20 of 20 runs are too short .* measure .* s after after_s="):
        early = sd.replicate(one_queue(0.95), seeds=20, seconds=60)
    assert early["relaxation_s"].iloc[0] > 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        late = sd.replicate(one_queue(0.8), seeds=20, seconds=100, after_s=10)
        sd.sweep(build, {"cpus": [1, 2]}, seconds=20, after_s=5)
    assert late.loc["mean_ms", "low"] < 50 < late.loc["mean_ms", "high"]
    runs = [sd.simulate(*one_queue(0.8)(), seconds=100, seed=seed).summary(10)["mean_ms"].item() for seed in range(20)]
    assert late.loc["mean_ms", "mean"] == pytest.approx(np.mean(runs), rel=1e-12)


def test_a_measure_of_ones_own_gets_after_s():
    table = sd.replicate(build, seeds=2, seconds=10, after_s=4,
                         measure=lambda run, after_s: {"sent": float(run.summary(after_s)["sent"].item())})
    whole = sd.replicate(build, seeds=2, seconds=10, measure=lambda run: {"sent": float(len(run.requests))})
    assert table.loc["sent", "mean"] < whole.loc["sent", "mean"]
    with pytest.raises(ValueError, match="after_s must be 0, or measure must have a parameter after_s"):
        sd.replicate(build, seeds=2, seconds=10, after_s=4, measure=only_seed)


def test_batch_means_cover_the_truth_of_one_long_run():
    """200 runs of M/M/1 at rho 0.8. An interval over single latencies, as if they were independent, covers 1 in 10."""
    system, clients = one_queue(0.8)()
    hits = naive = 0
    for seed in range(200):
        run = sd.simulate(system, clients, seconds=600, seed=seed)
        found = sd.batch_means(run, batches=20, after_s=10)
        hits += found.low <= 50 <= found.high
        if seed < 50:
            alone = sd.theory.confidence_interval(run.requests["latency_ms"].dropna())
            naive += alone.low <= 50 <= alone.high
    print(f"batch means cover {hits / 2:.1f} %, single latencies {naive * 2} %")
    assert abs(hits / 200 - 0.95) < 4 * math.sqrt(0.95 * 0.05 / 200)
    assert naive / 50 < 0.4


def test_batch_means_of_other_measures():
    run = sd.simulate(*one_queue(0.5)(), seconds=200)
    found = sd.batch_means(run, "throughput_per_s", batches=10)
    assert found.low < 50 < found.high and found.count == 10
    errors = sd.batch_means(run, "error_percent")
    assert errors[:2] == (0, 0) and 0 < errors.high < 0.1
    with pytest.warns(UserWarning, match="batches of 0.25 s depend on each other.* make them"):
        sd.batch_means(run, batches=800)


def test_compare_sees_what_two_separate_intervals_do_not():
    one, other = one_queue(0.8, 4), lambda: (sd.Server(cpus=4, ram_gb=100_000, service_ms=9.9), one_queue(0.8, 4)()[1])
    found = sd.compare(one, other, seeds=10, seconds=60)
    assert list(found.columns) == ["a_mean", "b_mean", "difference", "low", "high", "seeds", "left_out"]
    row = found.loc["mean_ms"]
    assert row["difference"] == pytest.approx(row["b_mean"] - row["a_mean"]) and row["high"] < 0
    alone = [sd.replicate(build, seeds=10, seconds=60).loc["mean_ms"] for build in (one, other)]
    assert alone[1]["high"] > alone[0]["low"], "the same difference is hidden when each has its own interval"
    assert row["high"] - row["low"] < alone[0]["high"] - alone[0]["low"]
    errors = found.loc["error_percent"]
    assert errors["difference"] == 0 and -1 < errors["low"] < 0 < errors["high"] < 1
    same = sd.compare(one, one, seeds=3, seconds=5)
    assert (same["difference"] == 0).all() and same.loc["mean_ms", ["low", "high"]].tolist() == [0, 0]


def test_a_difference_of_shares_stays_within_the_possible():
    assert difference_of("error_percent", np.zeros(4), np.full(4, 100.0), 0.95, 4_000).high <= 100
    first, second = np.array([40.0, 50, 60, 45]), np.array([45.0, 54, 66, 50])
    assert difference_of("error_percent", first, second, 0.95, 10**9)[:3] == pytest.approx(
        difference_of("mean_ms", first, second, 0.95, 0)[:3], rel=0.5)


@pytest.mark.parametrize("values", [range(10**9), range(10**20), range(-5, 10**6, 3)])
def test_a_sweep_too_large_is_refused_before_it_is_made(values):
    begun_s = time.perf_counter()
    with pytest.raises(ValueError, match="grid must make at most 100,000 runs, but has"):
        sd.sweep(build, {"users": values})
    with pytest.raises(ValueError, match="10000 x 10000 combinations, each with 3 seeds"):
        sd.sweep(build, {"users": range(1, 10_001), "cpus": list(range(1, 10_001))}, seeds=3)
    assert time.perf_counter() - begun_s < 2
