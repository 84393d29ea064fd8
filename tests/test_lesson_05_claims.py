"""What lesson 05 claims, across seeds: growth without a stop, what one death takes, and what a spare is for."""

import math

import pytest

import sdlib as sd
from sdlib.charts.horizontal import answered_meanwhile, answered_while_one_is_down, attempts, fewest_that_keep_up
from sdlib.charts.theme import figure
from sdlib.lessons.keeping import MOST_MACHINES, PER_MACHINE_S, Rush, keep
from sdlib.lessons.lesson_05 import HARD, MEDIUM, RUSHES, failed_meanwhile_percent
from sdlib.teach.kinds import WrongKind

SEEDS = range(20)
PER_MACHINE_USERS = 6_000


def interval(values):
    return sd.theory.confidence_interval(values, level=0.99)


def crashes(run):
    return int(run.stations["crashes"].sum())


def failed_percent(run):
    return float(run.measures()["error_percent"])


def run_of(shop, users, seed, schedule=(), seconds=60, **knobs):
    return sd.simulate(shop, sd.Clients(users=users, **knobs), seconds=seconds, seed=seed, schedule=schedule)


# Growth

def growth(seed, users, times, shop):
    joins = [sd.at(0, "remove", shop, target=number) for number in (1, 2, 3, 4)]
    joins += [sd.at(20, "add", shop, target=number) for number in (1, 2, 3, 4)]
    return run_of(shop, users, seed, joins, profile=[(0, 1), (20, times)])


@pytest.mark.parametrize(("users", "times"), [(100, 10), (4_800, 5)])
def test_machines_are_added_while_it_runs_and_nothing_is_lost(users, times):
    shop = sd.shop(5)
    for seed in SEEDS:
        run = growth(seed, users, times, shop)
        assert run.measures()["failed"] == 0 and run.conservation()["balanced"].all()
        added = run.incidents[run.incidents["what"] == "added"]
        assert len(added) == 4 and set(added["time_s"]) == {20}
        served = run.requests[run.requests["arrived_s"] > 20]["served_by"].value_counts()
        assert (served[[f"server {number}" for number in range(1, 6)]] > 0.5 * len(run.requests) / 10).all()


def test_without_the_four_others_the_larger_crowd_crashes_the_one_and_an_upgrade_loses_half_a_minute():
    for seed in SEEDS:
        alone = sd.simulate(sd.shop(1), sd.Clients(users=4_800, profile=[(0, 1), (20, 5)]), seconds=60, seed=seed)
        assert crashes(alone) >= 1 and failed_percent(alone) > 30
        one = sd.shop(1)
        upgraded = run_of(one, 100, seed, [sd.at(20, "upgrade", one, cpus=20, down_s=30)], profile=[(0, 1), (20, 10)])
        assert failed_percent(upgraded) == pytest.approx(100 * 300 / 420, abs=4)


def test_a_thousand_users_keep_one_machine_a_sixth_busy():
    assert pytest.approx(1 / 6) == 1_000 / PER_MACHINE_USERS
    run = run_of(sd.shop(1), 1_000, seed=1, seconds=600)
    assert run.measures()["utilization_percent"] == pytest.approx(100 / 6, rel=0.05)


# One dies

@pytest.mark.parametrize("machines", [1, 2, 3, 5, 10, 20])
def test_one_of_n_takes_one_request_in_n_while_it_is_away_and_no_more(machines):
    shop = sd.shop(5, machines=machines, down=[(20, 50)])
    runs = [run_of(shop, 3_000, seed) for seed in SEEDS]
    found = interval([100 - failed_percent(run) for run in runs])
    assert found.low <= 50 + 50 * sd.theory.redundant(1 - 1 / machines, copies=1) <= found.high
    assert found.half_width < 1
    assert all(crashes(run) == 0 and run.conservation()["balanced"].all() for run in runs)


def test_a_fifth_of_a_busy_crowd_fails_and_the_four_others_are_as_busy_as_before():
    shop = sd.shop(5)
    shares, busy = [], []
    for seed in SEEDS:
        run = run_of(shop, 24_000, seed, [sd.at(20, "kill", "server 3", for_s=30)])
        shares.append(100 - answered_meanwhile(run))
        assert failed_meanwhile_percent(run) == pytest.approx(shares[-1], abs=1), "what the prediction reads off"
        busy.append(run.stations["utilization"][["server 1", "server 2", "server 4", "server 5"]].mean())
        assert crashes(run) == 0 and sd.predict("05-dies").reveal(run).right == 1
    fifth, others = interval(shares), interval(busy)
    assert fifth.low <= 20 <= fifth.high and fifth.half_width < 0.3
    assert others.low <= 0.80 <= others.high and others.half_width < 0.01


@pytest.mark.parametrize("tries", [1, 2, 4])
def test_with_retries_a_request_fails_that_finds_the_dead_one_each_time(tries):
    shop = sd.shop(5, machines=4, down=[(10, 30)])
    found = interval([answered_meanwhile(run_of(shop, 12_000, seed, seconds=30, retry=sd.Retry(
        times=tries - 1, backoff="none"))) for seed in SEEDS])
    assert found.low <= 100 * sd.theory.redundant(3 / 4, copies=tries) <= found.high


# The list

def off_the_list(seed, machines=5, off=True):
    shop = sd.shop(5, machines=machines)
    schedule = [sd.at(20, "kill", "server 3"), *([sd.at(25, "remove", shop, target=2)] if off else [])]
    return run_of(shop, 27_000, seed, schedule)


def test_taken_off_the_list_a_dead_machine_takes_the_others_with_it_unless_there_is_a_spare():
    for seed in SEEDS:
        left, taken, spare = off_the_list(seed, off=False), off_the_list(seed), off_the_list(seed, machines=6)
        assert failed_percent(left) == pytest.approx(100 * 40 / 60 / 5, abs=0.5) and crashes(left) == 0
        assert failed_percent(taken) > 35 and crashes(taken) == 4
        assert failed_percent(spare) == pytest.approx(100 * 5 / 60 / 6, abs=0.4) and crashes(spare) == 0
        assert sd.predict("05-list").reveal(taken).right == 3


def test_the_four_crash_about_ten_seconds_after_that_and_within_seconds_of_each_other():
    firsts, lasts = [], []
    for seed in SEEDS:
        incidents = off_the_list(seed).incidents
        crashed_s = incidents.loc[incidents["what"] == "crashed", "time_s"]
        firsts.append(crashed_s.min() - 25)
        lasts.append(crashed_s.max() - 25)
    assert min(firsts) > 5 and max(lasts) < 17
    assert sum(firsts + lasts) / (2 * len(firsts)) == pytest.approx(4 * 512 / 200, abs=1.5)


# Money and waits

def test_what_the_prose_says_of_prices_and_waits():
    def usd(cores):
        return sd.cost(sd.Server(cpus=cores, ram_gb=cores))["usd_per_month"].iloc[0]
    assert round(96 * usd(4)) == 11_661 and round(usd(384)) == 13_134
    assert all(cores / 4 * usd(4) <= usd(cores) for cores in (4, 20, 96, 384, 896)), "in no row dearer"
    assert 5 * usd(4) == pytest.approx(usd(20) / 2, rel=0.02) and usd(20) == usd(32), "half, for 32 cores are paid"
    rebate = 96 * (131.05 - usd(4))
    assert rebate > (usd(384) - 96 * usd(4)) / 2, "most of the difference"
    assert math.isnan(usd(1000)) and 4 * 250 == 1000
    sizes = sorted(set(sd.data.instances()["vcpu"]))
    assert not [cores for cores in sizes if 16 < cores < 32] and {16, 32} <= set(sizes)
    assert usd(896) / 896 > 2 * usd(384) / 384, "above 384 cores they become dear"


def test_the_same_cores_in_small_machines_let_requests_wait_longer():
    def farm():
        return sd.shop(5), sd.Clients(users=24_000)

    def large():
        return sd.Server(cpus=20, ram_gb=20, calls=[sd.Database(64)]), sd.Clients(users=24_000)
    for build, cores, others in ((farm, 4, 1), (large, 20, 1)):
        theory = sd.theory.mmc(80 * cores, service_ms=10, servers=cores).mean_latency_ms + others
        found = sd.replicate(build, seeds=20, seconds=60, level=0.99).loc["mean_ms"]
        assert found["low"] <= theory * 1.005 and theory * 0.995 <= found["high"]


def test_what_the_explanations_say():
    minutes_away = solved(HARD)
    assert round(minutes_away(0.995, 1, 1, 1.0)) == 219 and round(minutes_away(0.995, 5, 4, 1.0)) == 11
    assert minutes_away(0.995, 5, 4, 0.999) > 4 * minutes_away(0.995, 5, 4, 1.0), "then the database decides"
    assert 27_000 * 4 / 60 == 1_800 and 4 * 400 == 1_600
    assert 16 / 20 == 0.8 and 5 * 4 == 20 and 6 * 4 - 4 == 20 and 21 - 1 == 20, "the quiz's three purchases"


# The panel

def panel_run(users, machines, retries, seed=0):
    shop = sd.shop(5, machines=machines, down=[(10, 30)])
    return run_of(shop, users, seed, seconds=30, retry=sd.Retry(times=retries, backoff="none"))


def tried(place, users, machines, retries, seed=0):
    settings = {"users": users, "machines": machines, "retries": retries}
    return sd.goals("05").lesson.goals[place].reached(panel_run(seed=seed, **settings), settings)


@pytest.mark.parametrize("seed", range(3))
def test_the_first_two_goals_have_one_answer(seed):
    found = [machines for machines in range(8, 13) if tried(0, 48_000, machines, 0, seed) is True]
    assert found == [10]
    found = [machines for machines in range(5, 10) if tried(1, 30_000, machines, 3, seed) is True]
    assert found == [7]


@pytest.mark.parametrize("seed", range(3))
def test_the_third_goal_is_reached_by_searching(seed):
    reached = [users for users in range(36_000, 43_000, 1_000) if tried(2, users, 8, 3, seed) is True]
    assert len(reached) >= 1 and set(reached) <= {38_000, 39_000, 40_000, 41_000}


@pytest.mark.parametrize(("place", "settings", "says"), [
    (0, (24_000, 5, 0), "Set 48,000 users"), (0, (48_000, 10, 1), "no retries"), (0, (48_000, 9, 0), "92"),
    (0, (48_000, 11, 0), "One machine less would do"), (1, (24_000, 5, 0), "Set 30,000 users"),
    (1, (30_000, 7, 0), "% of the requests failed"), (1, (30_000, 6, 3), "p99 was"),
    (1, (30_000, 9, 3), "One machine less would do"), (2, (38_500, 8, 3), "no full step"),
    (2, (38_000, 9, 3), "The bill is $1,248 a month"), (2, (42_000, 8, 3), "p99 was"),
    (2, (38_000, 8, 0), "% of the requests failed"), (2, (20_000, 8, 3), "More users could be served"),
    (2, (24_000, 7, 3), "More users could be served")])
def test_a_goal_says_what_is_missing(place, settings, says):
    assert says in tried(place, *settings)


@pytest.mark.parametrize(("machines", "retries"), [(1, 0), (5, 0), (20, 3)])
def test_the_chart_shows_what_is_answered_meanwhile_and_what_theory_says(machines, retries):
    run = panel_run(12_000, machines, retries)
    plot = answered_while_one_is_down(run, {"machines": machines, "retries": retries})
    theory, runs, here = plot.traces
    assert theory["y"] == pytest.approx([100 * (1 - count ** -(1.0 + retries)) for count in range(1, 21)], rel=1e-4)
    assert here["x"] == [machines] and here["y"] == pytest.approx([answered_meanwhile(run)], abs=0.01)
    assert runs["showlegend"] is False and f"12,000 users, {machines} machine" in plot.alt
    assert figure([plot]).layout.meta["alt"] == plot.alt


def test_the_chart_keeps_the_machines_that_were_tried_with_one_crowd():
    trail = []
    for users, machines in ((12_000, 5), (12_000, 9), (24_000, 9)):
        run = panel_run(users, machines, 0)
        runs = answered_while_one_is_down(run, {"machines": machines, "retries": 0}, trail).traces[1]
    assert runs["x"] == [9]
    runs = answered_while_one_is_down(panel_run(24_000, 7, 0), {"machines": 7, "retries": 0}, trail).traces[1]
    assert runs["x"] == [9, 7] and runs["showlegend"] is True


@pytest.mark.parametrize(("users", "tries", "fewest"), [(24_000, 1, 5), (25_000, 4, 6), (100, 1, 2), (49_000, 4, 10)])
def test_the_fewest_that_keep_up_do_and_one_less_does_not(users, tries, fewest):
    assert fewest_that_keep_up(panel_run(users, 5, tries - 1), tries) == fewest
    assert users * attempts(fewest, tries) / fewest < PER_MACHINE_USERS
    if fewest > 2:
        assert users * attempts(fewest - 1, tries) / (fewest - 1) >= PER_MACHINE_USERS


@pytest.mark.parametrize("wrong", [None, 5, "run", {}])
def test_a_chart_of_no_run_is_refused(wrong):
    with pytest.raises(ValueError, match=r"answered_while_one_is_down\(run=.*for example"):
        answered_while_one_is_down(wrong, {"machines": 5, "retries": 0})


# The trial of the medium exercise

def solved(exercise):
    space = {}
    exec(exercise.solution, space)
    return space[exercise.answer]


@pytest.mark.parametrize("seed", range(5, 10))
def test_the_solution_holds_for_other_crowds_too(seed):
    for rush in RUSHES:
        shift = keep(solved(MEDIUM), rush._replace(seed=seed))
        assert shift.crashes == 0 and shift.p99_ms < 1_000 and not shift.is_dear


def test_a_policy_is_told_the_rate_that_came_and_the_machines_that_there_are():
    seen = []
    keep(lambda *asked: seen.append(asked) or 3, Rush("", (60, 60, 120, 120), seed=1))
    assert [machines for _, machines in seen] == [0, 3, 3, 3]
    rates = [rate for rate, _ in seen]
    assert rates[0] == 60 and rates[1] == pytest.approx(60, rel=0.15) and rates[3] == pytest.approx(120, rel=0.15)


def test_machines_are_paid_from_the_asking_to_the_giving_back_or_the_death():
    four_two = iter((4, 2, 2, 2)).__next__
    assert keep(lambda rate, machines: four_two(), Rush("", (20,) * 4, seed=1)).machines == (4 * 30 + 2 * 90) / 120
    two_four = iter((2, 2, 4, 4)).__next__
    assert keep(lambda rate, machines: two_four(), Rush("", (20,) * 4, seed=1)).machines == (2 * 60 + 4 * 60) / 120
    dies = Rush("", (20,) * 4, seed=1, dies_s=45)
    told = []
    shift = keep(lambda rate, machines: told.append(machines) or (2 if len(told) < 3 else 1), dies)
    assert told == [0, 2, 1, 1] and shift.machines == (45 + 120) / 120


def test_a_new_machine_helps_half_a_minute_after_it_was_asked_for():
    """One machine at 1.5 times its load: whoever asks at 30 s for another waits until 60 s."""
    rush = Rush("", (1.5 * PER_MACHINE_S,) * 6, seed=1)
    late, later = (keep(lambda rate, machines, asks=asks: next(asks), rush)
                   for asks in (iter((1, 3, 3, 3, 3, 3)), iter((1, 1, 3, 3, 3, 3))))
    assert 5_000 < late.p99_ms < later.p99_ms or later.crashes > late.crashes


@pytest.mark.parametrize(("value", "says"), [(0, "from 1 to 30 machines"), (MOST_MACHINES + 1, "from 1 to 30 machines"),
                                             (2.5, "not whole"), (None, "did it return"), (math.inf, "not whole")])
def test_what_is_no_number_of_machines_is_told(value, says):
    with pytest.raises(WrongKind, match=says):
        keep(lambda requests_per_s, machines: value, RUSHES[0])
