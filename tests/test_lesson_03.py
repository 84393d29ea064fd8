"""Lesson 03: what it claims holds across seeds, its predictions have the usual result, its goals can be reached."""

import math

import pytest

import sdlib as sd
from sdlib.charts.bigger import largest_with_a_price, prices, users_against_cores
from sdlib.charts.theme import figure
from sdlib.data import instances
from sdlib.lessons.buying import BUSY_DAY, busy_day, cheapest_that_will_do, real_list
from sdlib.lessons.lesson_03 import HARD, LONGEST_MEAN_MS, SHOPS
from sdlib.results.bill import for_sale
from sdlib.theory import confidence_interval

SEEDS = range(20)
MILLION = 1_000_000
START = {"users": 200_000, "cpus": 200, "ram_gb": 128, "connections": 16}
PER_S = MILLION * 4 / 60


def run_of(seed, users=MILLION, cpus=1000, ram_gb=128, connections=300, seconds=3, schedule=()):
    shop = sd.shop(3, cpus=cpus, ram_gb=ram_gb, connections=connections)
    return sd.simulate(shop, sd.Clients(users=users), seconds=seconds, seed=seed, schedule=schedule)


def summary(run):
    return run.summary().iloc[0]


def crashes(run):
    return int(run.stations["crashes"].sum())


# What the lesson claims

def test_a_million_users_keep_a_thousand_cores_two_thirds_busy_and_all_are_answered():
    seconds, shares = 6, []
    for seed in SEEDS:
        found = summary(run_of(seed, seconds=seconds))
        assert found["failed"] == 0 and found["p99_ms"] < 50
        shares.append(found["utilization_percent"])
    busy = confidence_interval(shares, level=0.99)
    filling_s = 0.010   # it starts empty, and fills as one work time passes
    assert busy.low <= 100 * PER_S * 0.010 / 1000 * (1 - filling_s / seconds) <= busy.high
    assert busy.half_width < 0.1


def test_the_small_machine_answers_next_to_nobody_of_them():
    for seed in SEEDS:
        assert summary(run_of(seed, cpus=4, ram_gb=4, connections=16))["error_percent"] > 99.8


@pytest.mark.parametrize("cpus", [1000, 4000])
def test_with_the_old_database_it_crashes_at_once_and_more_cores_change_nothing(cpus):
    full_after_s = 16_384 / (PER_S - 16_000)
    for seed in SEEDS:
        run = run_of(seed, cpus=cpus, connections=16)
        assert crashes(run) == 1 and run.incidents["time_s"].iloc[0] == pytest.approx(full_after_s, rel=0.05)
        assert summary(run)["error_percent"] > 97
        assert run.conservation()["balanced"].all()


def test_the_database_is_the_bottleneck_at_sixteen_thousand_queries_a_second():
    """Just below it the shop is quick; a tenth above, the queue in front of the database grows, and the cores idle."""
    for seed in SEEDS:
        below, above = (run_of(seed, users=users, connections=16) for users in (220_000, 264_000))
        assert summary(below)["failed"] == 0 and summary(below)["mean_ms"] < 13
        assert summary(above)["mean_ms"] > 50 and above.stations["utilization"].iloc[0] < 0.2


def test_while_the_one_machine_is_down_nobody_is_answered():
    stop = sd.at(0.5, "kill", "server", for_s=1.0)
    for seed in SEEDS:
        requests = run_of(seed, seconds=2, schedule=[stop]).requests
        away = requests[requests["arrived_s"].between(0.5, 1.499)]
        before, after = requests[requests["arrived_s"] < 0.3], requests[requests["arrived_s"].between(1.51, 1.7)]
        assert len(away) > 60_000 and set(away["status"]) == {"refused"}
        assert set(before["status"]) == set(after["status"]) == {"ok"}


def test_equally_busy_a_larger_machine_makes_requests_wait_less():
    def alone(cores):
        return lambda: (sd.Server(cpus=cores, ram_gb=64), sd.Clients(users=1000 * cores))
    found = {cores: sd.replicate(alone(cores), seeds=20, seconds=200, level=0.99).loc["mean_ms"]
             for cores in (1, 4, 64)}
    for cores, mean_ms in found.items():
        theory = sd.theory.mmc(1000 * cores * 4 / 60, 10, cores).mean_latency_ms
        assert mean_ms["low"] <= theory <= mean_ms["high"]
    assert found[1]["low"] > 20, "on one core it waits longer than it works"
    assert found[4]["high"] < found[1]["low"] and found[64]["high"] < found[4]["low"] < 14


def test_the_price_list_ends_below_a_thousand_cores():
    listed = for_sale(instances())
    assert listed["vcpu"].max() == largest_with_a_price() == 896
    assert math.isnan(sd.cost(sd.Server(cpus=897, ram_gb=128))["usd_per_month"].iloc[0])
    family = listed[listed["instance_type"].str.startswith("m8i")]
    per_core = family["usd_per_month"] / family["vcpu"]
    assert len(family) > 5 and per_core.max() - per_core.min() < 0.01, "the same to the cent"
    usd = {cores: sd.cost(sd.Server(cpus=cores, ram_gb=4))["usd_per_month"].iloc[0] for cores in (4, 384, 896)}
    assert [round(usd[cores] / cores) for cores in (4, 384)] == [30, 34]
    assert round(usd[896] / usd[384]) == 7 and round(896 / 384, 1) == 2.3


def test_what_the_explanations_say():
    assert round(PER_S) == 66_667 and round(PER_S) - 16_000 == 50_667
    assert sd.Server(cpus=1000, ram_gb=128).most_in_flight == 16_384
    assert round(50_667 * 8 / 1024, -1) == 400, "GB a second"
    most = solved(HARD)
    assert round(most(1000, 128, 300) / 1e6, 1) == 1.5 and round(most(1000, 128, 16)) == 240_000
    assert round(most(10**6, 128, 10**6) / 1e6) == 22
    assert 0.6 * 1.1**5 < 1 < 0.6 * 1.1**6, "full within half a year"


def solved(exercise):
    space = {}
    exec(exercise.solution, space)
    return space[exercise.answer]


@pytest.mark.parametrize("system", [(1000, 4, 300), (384, 128, 300), (64, 128, 16), (200, 128, 8)])
def test_the_limit_of_the_hard_exercise_is_that_of_the_simulation(system):
    most = solved(HARD)(*system)
    names = dict(zip(("cpus", "ram_gb", "connections"), system, strict=True))
    below, above = (summary(run_of(1, users=round(share * most), seconds=5, **names)) for share in (0.8, 1.15))
    assert below["failed"] == 0 and below["mean_ms"] < 12
    assert above["failed"] or above["mean_ms"] > 100


# Predictions and goals

def test_the_usual_result_of_the_predictions():
    for seed in SEEDS:
        run = run_of(seed, connections=16, seconds=30)
        assert sd.predict("03-database").reveal(run).right + 1 == 4
    server = sd.Server(cpus=384, ram_gb=128)
    run = sd.simulate(server, sd.Clients(users=100), seconds=1, seed=1)
    assert sd.predict("03-price").reveal(run).right + 1 == 2
    small = sd.cost(sd.Server(cpus=4, ram_gb=4))["usd_per_month"].iloc[0]
    assert round(small) == 121
    too_large = sd.simulate(sd.Server(cpus=1000, ram_gb=128), sd.Clients(users=100), seconds=1, seed=1)
    assert "has no listed price" in sd.predict("03-price").reveal(too_large).result


def said(place, run, settings):
    return sd.goals("03").lesson.goals[place].reached(run, settings)


@pytest.mark.parametrize("settings", [START, START | {"users": MILLION, "cpus": 1000},
                                      {"users": MILLION, "cpus": 1000, "ram_gb": 128, "connections": 512},
                                      {"users": 10, "cpus": 1, "ram_gb": 1, "connections": 8}])
def test_no_goal_is_reached_at_the_start_nor_at_an_end_and_each_says_why(settings):
    for seed in range(3):
        for place in range(3):
            answer = said(place, run_of(seed, **settings), settings)
            assert isinstance(answer, str) and answer.endswith(".")


SEARCHED = [
    [{"users": MILLION, "cpus": 1000, "ram_gb": 128, "connections": count} for count in range(66, 73)],
    [{"users": MILLION, "cpus": 1000, "ram_gb": gb, "connections": 300} for gb in (6.4, 6.6, 6.8, 7, 7.2)],
    [{"users": users, "cpus": 384, "ram_gb": 128, "connections": 300} for users in range(540_000, 580_000, 10_000)],
]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_goal_can_be_reached_by_searching_where_it_lies(place, seed):
    reached = [said(place, run_of(seed, **settings), settings) is True for settings in SEARCHED[place]]
    assert any(reached) and not all(reached)


@pytest.mark.parametrize(("seconds", "seeds"), [(3, range(3)), (60, range(1))])
def test_the_panel_s_seconds_and_a_whole_minute_need_the_same_connections(seconds, seeds):
    for seed in seeds:
        too_few, enough = (summary(run_of(seed, connections=count, seconds=seconds)) for count in (67, 68))
        assert too_few["failed"] == enough["failed"] == 0
        assert too_few["mean_ms"] > LONGEST_MEAN_MS > enough["mean_ms"]


@pytest.mark.parametrize("seconds", [5, 60])
def test_the_panel_s_seconds_and_a_whole_minute_serve_the_same_crowd_for_the_money(seconds):
    most, too_many = (summary(run_of(0, users=users, cpus=384, seconds=seconds)) for users in (560_000, 570_000))
    assert most["mean_ms"] <= LONGEST_MEAN_MS < too_many["mean_ms"]


# The trial of the medium exercise

def test_the_machines_of_the_exercise_are_those_of_the_price_list():
    machines = {machine.name: machine for machine in real_list()}
    assert len(machines) == len(sd.data.instances())
    assert [name for name, machine in machines.items() if machine.usd_per_month is None] == ["u7inh-32tb.480xlarge"]
    assert machines["c8i.96xlarge"][1:] == (384, 768.0, 13_134)


@pytest.mark.parametrize("shop", SHOPS, ids=lambda shop: shop.label)
def test_the_cheapest_that_will_do_is_found_by_trying_every_machine(shop):
    good = [machine for machine in shop.machines
            if machine.usd_per_month is not None and busy_day(machine, shop.users).is_good]
    cheapest = cheapest_that_will_do(shop)
    assert cheapest == min(good, key=lambda machine: machine.usd_per_month, default=None)
    assert (cheapest is None) == (shop.users == 1_300_000)


def test_a_busy_day_has_a_quarter_more_users():
    assert BUSY_DAY == 1.25
    day = busy_day(real_list()[5], 100_000)
    assert day.is_good and day.p99_ms == pytest.approx(46, abs=2), "plenty of cores: the work alone"


# Charts

def test_the_chart_of_the_panel_shows_the_smallest_limit():
    plot = users_against_cores(run_of(0, **START), START)
    assert "200,000 users; the database would be full first, at 240,000" in plot.alt
    cores, database, *_, here = plot.traces
    assert here["x"] == [200] and here["y"] == [200_000]
    assert database["y"] == [240_000] * 2 and cores["y"][0] == 1_500
    assert figure([plot]).layout.meta["alt"] == plot.alt
    assert "the cores would be full first, at 300,000" in users_against_cores(
        run_of(0, **START | {"connections": 64}), START).alt
    assert "mean latency 11 ms" in plot.alt and "mean latency 11 ms" in plot.notes[0]["text"]
    crashed = users_against_cores(run_of(0, **START | {"users": MILLION}), START)
    assert "mean of the answered" in crashed.notes[0]["text"]


def test_every_part_of_the_panel_s_largest_system_is_in_the_chart():
    plot = users_against_cores(run_of(0, connections=512), START)
    ends = [10**end for end in plot.y["range"]]
    drawn = {trace["name"]: trace["y"] for trace in plot.traces}
    for part in ("the database", "the memory"):
        assert ends[0] < max(drawn[part]) < ends[1]


def test_the_chart_of_prices_holds_the_list():
    shown = prices()
    step, listed, _ = shown.data
    assert len(listed.x) == 28 and max(listed.x) == 896
    assert list(step.y) == sorted(step.y) and "no machine with a price" in shown.layout.meta["alt"]
