"""What lesson 04 claims, across seeds: what an upgrade loses, when it loses less, and what retries do afterwards."""

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.downtime import MONTH_S, lost_by_hour
from sdlib.lessons import lesson_04
from sdlib.lessons.lesson_04 import lost_in_each_stop

SEEDS = range(20)
RATE_PER_S = 3_000 * 4 / 60
HOURS = sd.data.elb_hours()["mean_requests_per_5min"]
BUSY = HOURS / HOURS.mean()


def small(**knobs):
    return sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()], **knobs)


def upgraded(seed, down_s=30, at_s=60, seconds=180, system=None, **knobs):
    system = system or small()
    upgrade = sd.at(at_s, "upgrade", system, down_s=down_s)
    return sd.simulate(system, sd.Clients(**{"users": 3_000} | knobs), seconds=seconds, seed=seed, schedule=[upgrade])


def failed(run):
    return int(run.measures()["failed"])


def crashes(run):
    return int(run.stations["crashes"].sum())


def interval(values):
    return sd.theory.confidence_interval(values, level=0.99)


@pytest.mark.parametrize("down_s", [1, 10, 30, 60, 90])
def test_an_upgrade_loses_rate_times_window_and_what_is_inside(down_s):
    latency_ms = sd.theory.mmc(RATE_PER_S, 10, 4).mean_latency_ms + 1
    runs = [upgraded(seed, down_s) for seed in SEEDS]
    found = interval([failed(run) for run in runs])
    assert found.low <= RATE_PER_S * (down_s + latency_ms / 1000) <= found.high
    assert found.half_width < max(0.02 * found.mean, 15)
    assert all(run.conservation()["balanced"].all() and crashes(run) == 0 for run in runs)


def test_without_an_upgrade_nothing_is_lost():
    assert all(failed(sd.simulate(small(), sd.Clients(users=3_000), seconds=180, seed=seed)) == 0 for seed in SEEDS)


def test_a_planned_stop_of_the_panel_loses_what_the_scheduled_upgrade_loses():
    for seed in SEEDS:
        stopped = sd.simulate(small(down=[(60, 90)]), sd.Clients(users=3_000), seconds=180, seed=seed)
        assert stopped.requests.equals(upgraded(seed).requests)


def test_the_large_machine_loses_half_of_a_minute_s_million_users():
    for seed in range(3):
        run = upgraded(seed, at_s=2, down_s=3, seconds=6, system=sd.shop(3), users=1_000_000)
        assert 100 * failed(run) / len(run.requests) == pytest.approx(50, abs=0.5)


def a_day(seed):
    system = small()
    crowd = sd.Clients(users=3_000, profile=[(60 * hour, BUSY[hour]) for hour in range(24)])
    stops = [sd.at(60 * hour + 15, "upgrade", system, down_s=30) for hour in (4, 17)]
    return sd.simulate(system, crowd, seconds=24 * 60, seed=seed, schedule=stops)


def test_four_o_clock_is_cheaper_and_not_free():
    days = [lost_in_each_stop(a_day(seed)) for seed in SEEDS]
    shares = interval([night / afternoon for night, afternoon in days])
    assert shares.low <= HOURS[4] / HOURS[17] <= shares.high
    assert shares.low > 0.5 and shares.high < 0.6
    assert min(night for night, _ in days) > 4_000


def test_what_a_day_loses_is_counted_stop_by_stop():
    day = a_day(1)
    assert sum(lost_in_each_stop(day)) == failed(day) and len(lost_in_each_stop(day)) == 2


def test_retries_return_as_a_spike_of_five_times_the_rate():
    peaks = []
    for seed in SEEDS:
        run = upgraded(seed, at_s=10, down_s=30, seconds=60, system=sd.shop(4), users=30_000,
                       retry=sd.Retry(times=10))
        answered = run.timeline(every_s=1)["answered"]
        assert failed(run) == 0 and crashes(run) == 0
        peaks.append(answered[40:42].mean() / answered[:10].mean())
        assert answered[57:].mean() / answered[:10].mean() == pytest.approx(1, abs=0.05), "and then it is over"
    found = interval(peaks)
    assert found.low <= 5 <= found.high and found.half_width < 0.1


def test_the_spike_crashes_the_small_server_again_and_again():
    for seed in SEEDS:
        alone, patient = (upgraded(seed, at_s=30, seconds=300, retry=sd.Retry(times=times)) for times in (0, 10))
        assert crashes(alone) == 0
        assert alone.measures()["answered"] / len(alone.requests) == pytest.approx(0.90, abs=0.01)
        assert crashes(patient) >= 7
        assert patient.measures()["answered"] < 0.2 * len(patient.requests)
        assert patient.incidents["time_s"].iloc[1] < 61, "within a second of the restart"


def test_retries_spread_over_two_minutes_lose_nothing():
    spread = sd.Retry(times=10, backoff="constant", first_s=110, most_s=110, jitter="full")
    for seed in SEEDS:
        run = upgraded(seed, at_s=30, seconds=300, retry=spread)
        assert crashes(run) == 0 and failed(run) == 0


def test_what_the_explanations_of_lesson_4_say():
    orders = sd.data.orders_by_hour()["orders_total"]
    assert orders.sum() == 22_064 and orders[[21, 22, 23, 0, 1, 2, 3, 4, 5]].sum() == 0
    assert HOURS.idxmax() == 17 and round(100 * HOURS[4] / HOURS[17]) == 54
    assert HOURS.min() / HOURS.max() > 2 / 5
    assert BUSY[17] == pytest.approx(1.5, abs=0.05)
    assert sd.data.elb_hours()["max_requests_per_5min"][4] / HOURS[4] == pytest.approx(4, abs=0.1)
    assert sd.theory.nines(1 - 3600 / MONTH_S) < 3, "an hour's maintenance"
    assert pytest.approx(26, abs=0.5) == MONTH_S * 1e-5
    delays_s = sd.Retry(times=5).delays_s()
    assert list(np.cumsum(delays_s)) == [1, 3, 7, 15, 31]


def test_the_goals_have_an_answer():
    best = HOURS.idxmin()
    assert 4 * 65 <= 1e-4 * MONTH_S < 4 * 66
    lost = RATE_PER_S * BUSY[best] * 60
    assert 12 * lost < 0.99 * lesson_04.MOST_LOST and 13 * lost > 1.01 * lesson_04.MOST_LOST
    assert 11 * RATE_PER_S * BUSY[4] * 60 > lesson_04.MOST_LOST, "at 4:00 it cannot be reached"
    assert best != 4 and round(30 * HOURS[17] / HOURS[best]) == 67


def panel(**settings):
    def build(restart_s=30, upgrades=4, hour=17):
        return (small(down=[(60, 60 + restart_s)]),
                sd.Clients(users=3_000, requests_per_minute=4 * BUSY[hour]))
    found = sd.explore(build, restart_s=(1, 300), upgrades=(1, 30), hour=(0, 23), seconds=600, chart=lost_by_hour,
                       goals=sd.goals("04"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({"restart_s": 65}, [True, False, False], "Keep a restart of 60 s"),
    ({"restart_s": 66}, [False, False, False], "too long for four nines"),
    ({"restart_s": 60}, [False, False, False], "61 s also keep"),
    ({"restart_s": 60, "hour": 6, "upgrades": 12}, [False, True, False], "Keep four upgrades"),
    ({"restart_s": 60, "hour": 6, "upgrades": 11}, [False, False, False], "there is a way to do more"),
    ({"restart_s": 60, "hour": 4, "upgrades": 10}, [False, False, False], "there is a way to do more"),
    ({"restart_s": 67, "hour": 6, "upgrades": 8}, [False, False, True], "Keep four upgrades"),
    ({"restart_s": 30, "hour": 6}, [False, False, False], "One upgrade loses 4,"),
    ({"restart_s": 53, "hour": 5}, [False, False, False], "There is a quieter hour")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


def test_the_chart_draws_rate_times_restart_times_upgrades_and_the_run():
    settings = {"restart_s": 30, "upgrades": 4, "hour": 17}
    crowd = sd.Clients(users=3_000, requests_per_minute=4 * BUSY[17])
    run = sd.simulate(small(down=[(60, 90)]), crowd, seconds=600, seed=1)
    trail = []
    theory, earlier, here = lost_by_hour(run, settings, trail).traces
    assert theory["y"] == pytest.approx(list(RATE_PER_S * BUSY * 30 * 4), rel=1e-3)
    assert here["x"] == [17] and here["y"] == pytest.approx([4 * failed(run)], rel=1e-3)
    quiet = sd.simulate(small(down=[(60, 90)]), sd.Clients(users=3_000, requests_per_minute=4 * BUSY[4]), seconds=600)
    plot = lost_by_hour(quiet, settings | {"hour": 4}, trail)
    assert plot.traces[1]["x"] == [17, 4], "the hours that were tried"
    assert plot.traces[0]["y"] == pytest.approx(theory["y"], rel=1e-3), "one curve for all hours"
    assert "4:00" in plot.alt and "4.3 nines" in plot.alt
    assert len(plot.traces) == 3 and "of the start" not in plot.alt
    doubled = lost_by_hour(quiet, settings | {"hour": 4, "upgrades": 8}, trail)
    assert doubled.traces[1]["x"] == [4], "another curve"
    assert doubled.traces[0]["y"] == pytest.approx([2 * lost for lost in theory["y"]], rel=1e-3)
    assert doubled.traces[3]["y"] == pytest.approx(theory["y"], rel=1e-3), "the curve of the start stays"
    assert "stands at 50 % of this one" in doubled.alt
    as_much = settings | {"hour": 4, "upgrades": 8, "restart_s": 15}
    assert len(lost_by_hour(quiet, as_much, trail).traces) == 3, "the same curve"
