"""What each lesson claims, across seeds: the old failure is there, and it is no accident of one crowd."""

import numpy as np
import pytest

import sdlib as sd

SEEDS = range(20)


def first_system():
    return sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()])


def runs(users, seconds, **knobs):
    return [sd.simulate(first_system(), sd.Clients(users=users, **knobs), seconds=seconds, seed=seed) for seed in SEEDS]


def interval(values):
    """A 99 % interval: the lessons are five claims, and all of them must hold."""
    return sd.theory.confidence_interval(values, level=0.99)


def measured(all_runs, measure):
    return [run.summary()[measure].iloc[0] for run in all_runs]


def crashes(run):
    return int(run.stations["crashes"].sum())


# Lesson 0

def test_a_million_users_get_almost_no_answer_from_the_first_system():
    for run in runs(1_000_000, seconds=5):
        assert crashes(run) == 1
        assert run.summary()["error_percent"].iloc[0] > 99.9
        assert run.conservation()["balanced"].all()


def test_a_hundred_users_all_get_an_answer():
    for run in runs(100, seconds=60):
        assert run.summary()["failed"].iloc[0] == 0


# Lesson 1

def test_a_hundred_users_keep_four_cores_under_two_percent_busy():
    hours = runs(100, seconds=3600)
    busy = interval(measured(hours, "utilization_percent"))
    assert busy.low <= 100 * 4 / 60 * 0.010 / 4 * 100 <= busy.high
    assert busy.half_width < 0.02
    rate = interval(measured(hours, "throughput_per_s"))
    assert rate.low <= 100 * 4 / 60 <= rate.high
    latency = interval(measured(hours, "mean_ms"))
    assert latency.low <= 11 <= latency.high


def test_little_s_law_is_exact():
    run = sd.simulate(first_system(), sd.Clients(users=3_000), seconds=300, seed=1)
    done = run.requests.dropna()
    moments = np.concatenate([done["arrived_s"], done["finished_s"]])
    steps = np.repeat([1, -1], len(done))
    order = np.argsort(moments, kind="stable")
    inside = np.sum(np.cumsum(steps[order])[:-1] * np.diff(moments[order])) / run.seconds
    assert inside == pytest.approx(len(done) / run.seconds * done["latency_ms"].mean() / 1000, rel=1e-9)


# Lesson 2

@pytest.mark.parametrize("users", [1_500, 3_000, 4_800, 5_400])
def test_latency_lies_on_erlang_s_curve(users):
    def alone():
        return sd.Server(cpus=4, ram_gb=64), sd.Clients(users=users)
    found = sd.replicate(alone, seeds=20, seconds=1_200, level=0.99).loc["mean_ms"]
    assert found["low"] <= sd.theory.mmc(users * 4 / 60, 10, 4).mean_latency_ms <= found["high"]
    assert found["half_width"] < 0.05 * found["mean"]


def test_past_capacity_the_queue_grows_by_arrivals_minus_capacity():
    growth = []
    for seed in SEEDS:
        roomy = sd.Server(cpus=4, ram_gb=400)
        run = sd.simulate(roomy, sd.Clients(users=8_000), seconds=60, seed=seed)
        inside = run.samples.groupby("second")["in_flight"].sum()
        growth.append((inside.iloc[-1] - inside.iloc[100]) / (inside.index[-1] - inside.index[100]))
    found = interval(growth)
    assert found.low <= 8_000 * 4 / 60 - 400 <= found.high
    assert found.half_width < 10


def test_memory_runs_out_when_predicted_and_the_server_crashes_again():
    predicted_s = sd.theory.seconds_until_memory_is_full(8_000 * 4 / 60, 10, 4, 4, 8)
    first = []
    for run in runs(8_000, seconds=60):
        assert crashes(run) == 2, "crash, restart, crash"
        lost = run.requests["status"] == "lost"
        first.append(run.requests.loc[lost, "finished_s"].min())
        assert lost.sum() == 2 * 513
        assert run.conservation()["balanced"].all()
    found = interval(first)
    assert found.low <= predicted_s <= found.high


def test_a_day_that_is_a_third_full_on_average_still_crashes_the_server():
    per_second = sd.data.epa_requests()["requests"] / 300 * 350
    assert per_second.mean() / 400 < 0.35
    profile = [(15 * step, rate / 400) for step, rate in enumerate(per_second)]
    for seed in SEEDS:
        day = sd.simulate(first_system(), sd.Clients(users=6_000, profile=profile), seconds=15 * 144, seed=seed)
        assert crashes(day) >= 1


def test_what_the_explanations_of_lesson_2_say():
    """The chance of having to wait at 50 % and 95 %; the longest answer of 8,000 users with 128 GB."""
    chances = [sd.theory.mmc(users * 4 / 60, 10, 4).wait_probability for users in (3_000, 5_700)]
    assert [round(100 * chance) for chance in chances] == [17, 89]
    roomy = sd.Server(cpus=4, ram_gb=128, calls=[sd.Database()])
    run = sd.simulate(roomy, sd.Clients(users=8_000), seconds=200, seed=1)
    assert crashes(run) == 1
    assert run.requests.loc[run.requests["status"] == "ok", "latency_ms"].max() / 1000 == pytest.approx(31, abs=1.5)
