"""What lesson 06 claims, across seeds: which rule waits how long, what a dead machine does, and what loses nothing."""

from dataclasses import replace

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.balancing import RANKED, mean_wait_ms, wait_by_policy, waits_by_policy
from sdlib.charts.theme import figure
from sdlib.lessons import lesson_06

SEEDS = range(20)
FIVE = [sd.Server(cpus=4, ram_gb=4)] * 5
LEAST = {"policy": "least_connections"}
DIES = sd.at(10, "kill", "server 3", for_s=30)
EACH_MS = sd.theory.mmc(320, 10, 4).mean_wait_ms
ONE_MS = sd.theory.mmc(1600, 10, 20).mean_wait_ms


def waits(policy, machines=5, **knobs):
    balancer = sd.LoadBalancer(FIVE[:1] * machines, policy=policy, **knobs)
    return [mean_wait_ms(sd.simulate(balancer, sd.Clients(users=24_000), seconds=60, seed=seed)) for seed in SEEDS]


@pytest.fixture(scope="module")
def found():
    """Mean waits in ms of 20 crowds under each policy."""
    return {policy: waits(policy) for policy in RANKED}


def interval(values):
    return sd.theory.confidence_interval(values)


def failed_percent(balancer, seed, users=18_000):
    run = sd.simulate(balancer, sd.Clients(users=users), seconds=60, seed=seed, schedule=[DIES])
    assert run.conservation()["balanced"].all()
    return 100 * run.measures()["failed"] / run.measures()["sent"]


# The rule, and the wait

def test_from_random_to_one_queue_each_rule_waits_less_and_no_two_intervals_overlap(found):
    intervals = [interval(found[policy]) for policy in RANKED]
    assert all(worse.low > better.high for worse, better in zip(intervals, intervals[1:]))


@pytest.mark.parametrize(("policy", "formula_ms"), [("random", EACH_MS), ("pooled_queue", ONE_MS)])
def test_the_two_ends_are_what_the_formulas_say(found, policy, formula_ms):
    ends = interval(found[policy])
    assert ends.low <= formula_ms <= ends.high and ends.half_width < 0.06 * formula_ms


def test_counting_open_requests_leaves_about_a_fifth_of_round_robins_wait(found):
    assert np.mean(found["round_robin"]) == pytest.approx(3.5, abs=0.1)
    shares = [least / robin for least, robin in zip(found["least_connections"], found["round_robin"])]
    assert min(shares) > 0.15 and max(shares) < 0.3
    assert all(0.3 < wait < 1.2 for wait in found["least_connections"]), "the choice that the prediction calls right"


def test_two_choices_get_most_of_what_looking_at_all_gives(found):
    random, two, least = (np.mean(found[policy]) for policy in ("random", "two_choices", "least_connections"))
    assert (random - two) / (random - least) > 0.85


def test_another_rule_does_more_than_a_sixth_machine_or_a_larger_balancer(found):
    sixth = waits("round_robin", machines=6)
    assert all(least < six for least, six in zip(found["least_connections"], sixth)), "crowd by crowd"
    assert max(sixth) < min(found["round_robin"]) / 2 and np.mean(sixth) < np.mean(found["round_robin"]) / 3
    small, large = (np.array(waits("round_robin", work_ms=0.1, cpus=cpus)) for cpus in (2, 4))
    assert abs(small - large).max() < 0.05


# Who is alive

def test_a_list_of_addresses_loses_a_tenth_and_the_balanced_shop_nothing():
    for seed in SEEDS:
        assert failed_percent(sd.shop(5), seed) == pytest.approx(10, abs=0.4)
        assert failed_percent(sd.shop(6), seed) == 0


@pytest.mark.parametrize(("knobs", "percent", "within"), [
    ({}, 10, 0.2), (LEAST, 36, 1), (LEAST | {"health_check_s": 5}, 6, 0.5),
    (LEAST | {"max_fails": 1, "tries": 2}, 0, 0)])
def test_what_fails_while_one_of_five_is_dead(knobs, percent, within):
    for seed in SEEDS:
        assert failed_percent(sd.LoadBalancer(FIVE, **knobs), seed) == pytest.approx(percent, abs=within)


def test_a_dead_machine_draws_nearly_three_of_four_requests_to_itself():
    for seed in range(3):
        run = sd.simulate(sd.LoadBalancer(FIVE, **LEAST), sd.Clients(users=18_000), seconds=60, seed=seed,
                          schedule=[DIES])
        meanwhile = run.requests[run.requests["arrived_s"].between(10, 40)]
        assert 0.70 < (meanwhile["status"] == "refused").mean() < 0.75


# Machines that are not alike

def test_smooth_weights_of_5_1_and_1_give_a_a_b_a_c_a_a():
    balancer = sd.LoadBalancer([sd.Server(cpus=cpus, ram_gb=4) for cpus in (5, 1, 1)], policy="weighted_round_robin",
                               weights=(5, 1, 1))
    run = sd.simulate(balancer, sd.Clients(users=6_300), seconds=60, seed=1)
    letters = run.requests["served_by"].map({"server 1": "a", "server 2": "b", "server 3": "c"})
    assert "".join(letters[:70]) == "aabacaa" * 10


def test_round_robin_crashes_the_small_ones_and_the_others_lose_nothing():
    unequal = [sd.Server(cpus=cpus, ram_gb=4) for cpus in (5, 1, 1)]
    for seed in SEEDS:
        runs = {policy: sd.simulate(sd.LoadBalancer(unequal, policy=policy, weights=weights),
                                    sd.Clients(users=6_300), seconds=60, seed=seed)
                for policy, weights in (("round_robin", None), ("weighted_round_robin", (5, 1, 1)),
                                        ("least_connections", None))}
        crashes = runs["round_robin"].stations["crashes"]
        assert crashes["server 1"] == 0 and crashes[["server 2", "server 3"]].min() >= 1
        assert runs["round_robin"].measures()["failed"] > 0.3 * runs["round_robin"].measures()["sent"]
        assert all(runs[policy].measures()["failed"] == 0 for policy in list(runs)[1:])
        weighted_ms, least_ms = (runs[policy].measures()["mean_ms"] for policy in list(runs)[1:])
        assert 11.5 < weighted_ms < 13 and 18 < least_ms < 21


# A rolling upgrade

@pytest.mark.parametrize("seed", SEEDS)
def test_a_rolling_upgrade_loses_nothing(seed):
    shop = sd.shop(6)
    run = sd.simulate(shop, sd.Clients(users=18_000), seconds=200, seed=seed,
                      schedule=[sd.at(10, "rolling_upgrade", shop, down_s=30)])
    assert run.incidents["what"].eq("stopped").sum() == 5 and run.measures()["failed"] == 0
    assert run.conservation()["balanced"].all()


def test_an_upgrade_without_a_balancer_or_without_draining_loses_some():
    one = sd.shop(1)
    run = sd.simulate(one, sd.Clients(users=3_000), seconds=60, seed=1, schedule=[sd.at(10, "upgrade", one, down_s=30)])
    assert run.measures()["failed"] > 5_000
    shop = replace(sd.shop(6), tries=1)
    run = sd.simulate(shop, sd.Clients(users=18_000), seconds=200, seed=1,
                      schedule=[sd.at(10, "rolling_upgrade", shop, down_s=30, drain_s=0)])
    assert run.measures()["failed"] > 0, "what is inside when it stops"


def test_without_a_machine_to_spare_a_rolling_upgrade_makes_everybody_wait():
    shop = sd.shop(6)
    run = sd.simulate(shop, sd.Clients(users=24_000), seconds=200, seed=1,
                      schedule=[sd.at(10, "rolling_upgrade", shop, down_s=30)])
    assert run.measures()["p99_ms"] > 150 and run.measures()["failed"] == 0


# The exercises' figures

def test_the_hard_exercise_counts_machines_that_a_run_agrees_with():
    count = lesson_06._fewest(1_600, 4, 5)
    assert count == 7
    with_one_away = np.mean(waits("random", machines=count - 1))
    assert with_one_away < 5 < np.mean(waits("random", machines=count - 2))


# The panel

def build(users=24_000, machines=5, policy="random", cpus=4):
    server = sd.Server(cpus=cpus, ram_gb=4)
    return (sd.LoadBalancer([server] * machines, policy=policy, work_ms=0.1, cpus=2), sd.Clients(users=users))


def panel(**settings):
    found = sd.explore(build, users=(10, 1_000_000), machines=(1, 20), policy=list(RANKED), cpus=(1, 64),
                       seconds=30, chart=wait_by_policy, goals=sd.goals("06"))
    found.set(**settings)
    return found.try_goals()


LARGE = {"machines": 20, "cpus": 64}


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({"users": 30_000, "machines": 11, "cpus": 2, **LEAST}, [True, False, False], "Keep 24,000 users"),
    ({"users": 30_000, "machines": 11, "cpus": 2, "policy": "two_choices"}, [False] * 3, "The p99 is 6"),
    ({"users": 30_000, "machines": 12, "cpus": 2, **LEAST}, [False] * 3, "$442 a month: it can be done for less."),
    ({"users": 30_000, "machines": 6, "cpus": 4, **LEAST}, [False] * 3, "it can be done for less"),
    ({"users": 295_000, **LARGE}, [False, True, False], "Keep 30,000 users"),
    ({"users": 320_000, **LARGE}, [False] * 3, "The balancer is 100 % busy, with 320,000 users."),
    ({"users": 295_000, **LARGE, "policy": "pooled_queue"}, [False] * 3, "Take another policy"),
    ({"users": 295_000, "machines": 19, "cpus": 64}, [False] * 3, "Take 20 machines of 64 cores"),
    ({"machines": 1, "cpus": 20}, [False, False, True], "Keep 30,000 users"),
    ({"machines": 2, "cpus": 10}, [False] * 3, "The wait is 1.9 ms."),
    ({"machines": 4, "cpus": 4}, [False] * 3, "4 x 4 are 16 cores. Use 20."),
    (LEAST, [False] * 3, "Keep 24,000 users and the policy random.")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


@pytest.mark.parametrize("seed", range(3))
def test_no_cheaper_shop_keeps_the_first_goal(seed):
    """The machines that cost least a core have 2 cores; ten of them are full, and eleven need the best rules."""
    crowd = sd.Clients(users=30_000)
    usd = {cpus: sd.cost(sd.Server(cpus=cpus, ram_gb=4))["usd_per_month"].iloc[0] for cpus in (1, 2, 4, 8, 16, 32, 64)}
    assert min(usd, key=lambda cpus: usd[cpus] / cpus) == 2
    assert usd[2] == pytest.approx(usd[4] / 4, rel=0.01), "half of the cores may cost a quarter"
    assert usd[4] * 5 > usd[2] * 11 and usd[8] * 2 > usd[2] * 11 and usd[16] > usd[2] * 11
    ten = sd.simulate(build(30_000, 10, "pooled_queue", 2)[0], crowd, seconds=60, seed=seed).measures()
    eleven = sd.simulate(build(30_000, 11, "least_connections", 2)[0], crowd, seconds=60, seed=seed).measures()
    assert ten["p99_ms"] > lesson_06.MOST_P99_MS > eleven["p99_ms"]
    assert eleven["usd_per_month"] <= lesson_06.SMALLEST_USD < ten["usd_per_month"] + 2 * usd[2]


# The chart

def test_the_chart_shows_the_policies_that_were_tried_between_two_formulas():
    settings, trail = {"users": 24_000, "machines": 5, "policy": "random", "cpus": 4}, []
    run = sd.simulate(*build(), seconds=60, seed=1)
    each, one, runs, here = wait_by_policy(run, settings, trail).traces
    assert each["y"] == pytest.approx([EACH_MS] * 2, rel=1e-3) and one["y"] == pytest.approx([ONE_MS] * 2, rel=1e-3)
    assert here["x"] == [0] and here["y"] == pytest.approx([mean_wait_ms(run)], rel=1e-3)
    assert runs["showlegend"] is False
    other = sd.simulate(*build(policy="two_choices"), seconds=60, seed=1)
    plot = wait_by_policy(other, settings | {"policy": "two_choices"}, trail)
    assert plot.traces[2]["x"] == [0, 2] and "two choices, a wait of 1." in plot.alt
    assert figure([plot]).layout.meta["alt"] == plot.alt
    larger = sd.simulate(*build(machines=6), seconds=10, seed=1)
    assert wait_by_policy(larger, settings | {"machines": 6}, trail).traces[2]["x"] == [0], "other machines"


def test_what_is_no_wait_is_drawn_as_none():
    settings = {"users": 10, "machines": 5, "policy": "random", "cpus": 4}
    plot = wait_by_policy(sd.simulate(*build(users=10), seconds=10, seed=1), settings)
    assert all(value == 0 for trace in plot.traces for value in trace["y"]) and "a wait of 0 ms" in plot.alt


def test_a_full_pooled_queue_fills_the_first_machine_before_the_others():
    run = sd.simulate(*build(policy="pooled_queue"), seconds=30, seed=1)
    busy = run.stations["utilization"][[f"server {number}" for number in range(1, 6)]]
    assert busy.is_monotonic_decreasing and busy.iloc[0] > 0.93 > 0.81 > busy.mean()


def test_no_formula_holds_past_capacity():
    settings = {"users": 60_000, "machines": 5, "policy": "random", "cpus": 4}
    plot = wait_by_policy(sd.simulate(*build(users=60_000), seconds=10, seed=1), settings)
    assert [trace["name"] for trace in plot.traces] == ["runs", "this run"] and "no formula holds" in plot.alt


def test_the_wait_is_what_the_latency_has_beyond_the_work():
    balancer = sd.LoadBalancer(FIVE, policy="pooled_queue")
    run = sd.simulate(balancer, sd.Clients(users=24_000), seconds=60, seed=1)
    assert mean_wait_ms(run) == pytest.approx(run.measures()["mean_ms"] - 10, abs=0.2)


def test_the_picture_of_many_runs_says_whether_they_stand_apart(found):
    shown = waits_by_policy(found, EACH_MS, ONE_MS)
    assert "No two intervals overlap. Both formulas lie in the interval" in shown.layout.meta["alt"]
    assert list(shown.data[-1].y) == pytest.approx([np.mean(found[policy]) for policy in RANKED], rel=1e-3)
    blurred = waits_by_policy({"random": [1.0, 9.0], "pooled_queue": [1.0, 8.0]}, EACH_MS, 99)
    assert "Some intervals overlap. Not both formulas" in blurred.layout.meta["alt"]
    with pytest.raises(ValueError, match=r"waits_by_policy\(waits=.*for example"):
        waits_by_policy({"fair": [1, 2]}, EACH_MS, ONE_MS)
