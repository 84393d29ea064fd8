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


def test_no_crowd_gets_more_than_the_formula_allows_and_past_the_limit_all_get_far_less():
    for users in (100, 1_000, 4_000, 6_000, 8_000, 20_000, 100_000):
        most = min(100, 100 * 400 / (users * 4 / 60))
        best = max(100 - percent for percent in measured(runs(users, seconds=60), "error_percent"))
        assert best <= most
        assert best < most / 2 if users > 6_000 else best > 99.9


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


def test_the_number_inside_that_a_run_counts_is_what_little_s_law_says():
    run = sd.simulate(first_system(), sd.Clients(users=3_000), seconds=300, seed=1)
    parts, done = run.stations, run.requests.dropna()
    counted = (parts["mean_queue"] + parts["utilization"] * parts["capacity"]).sum()
    assert counted == pytest.approx(len(done) / run.seconds * done["latency_ms"].mean() / 1000, rel=1e-3)


def test_twice_the_cores_take_away_the_waiting_and_leave_the_work():
    def half_busy(cpus):
        return lambda: (sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=3_000))
    four, eight = (sd.replicate(half_busy(cpus), seeds=20, seconds=600, level=0.99) for cpus in (4, 8))
    assert four.loc["mean_ms", "low"] > 11.6 and four.loc["mean_ms", "high"] < 12.1
    assert eight.loc["mean_ms", "low"] > 10.9 and eight.loc["mean_ms", "high"] < 11.1
    assert four.loc["throughput_per_s", "mean"] == pytest.approx(eight.loc["throughput_per_s", "mean"], rel=1e-4)


def test_what_the_explanations_of_lesson_1_say():
    """The fewest cores for a mean of 15 ms, and how busy they are; 100, 700 and a million users."""
    def fewest(users):
        return next(cpus for cpus in range(1, 10_000)
                    if sd.theory.mmc(users * 4 / 60, 10, cpus).mean_latency_ms <= 15)
    sizes = {users: fewest(users) for users in (100, 700, 1_000_000)}
    assert sizes == {100: 1, 700: 2, 1_000_000: 669}
    quarter = 700 * 4 / 60 * 0.010 / 2
    assert quarter == pytest.approx(0.25, abs=0.02)
    assert 1_000_000 * 4 / 60 * 0.010 / 669 > 0.99


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
    assert round(100 * per_second.mean() / 400) == 32, "as the quiz says"
    profile = [(15 * step, rate / 400) for step, rate in enumerate(per_second)]
    for seed in SEEDS:
        day = sd.simulate(first_system(), sd.Clients(users=6_000, profile=profile), seconds=15 * 144, seed=seed)
        assert crashes(day) >= 1


def test_what_the_explanations_of_lesson_2_say():
    """The chance of having to wait at 50 % and 95 %; the mean at 98 %; six cores; the longest answer with 128 GB."""
    chances = [sd.theory.mmc(users * 4 / 60, 10, 4).wait_probability for users in (3_000, 5_700)]
    assert [round(100 * chance) for chance in chances] == [17, 89]
    assert 90 < sd.theory.mmc(0.98 * 400, 10, 4).mean_latency_ms < 180
    six = sd.theory.mmc(5_700 * 4 / 60, 10, 6)
    assert round(100 * six.utilization) == 63 and six.mean_wait_ms < 1.5
    roomy = sd.Server(cpus=4, ram_gb=128, calls=[sd.Database()])
    run = sd.simulate(roomy, sd.Clients(users=8_000), seconds=200, seed=1)
    assert crashes(run) == 1
    assert run.requests.loc[run.requests["status"] == "ok", "latency_ms"].max() / 1000 == pytest.approx(31, abs=1.5)
