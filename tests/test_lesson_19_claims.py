"""What lesson 19 claims: who is full first, whose failure was first, and which designs the judge lets win."""

import pandas as pd
import pytest
from engine.compare import IS_NIGHTLY

import sdlib as sd
from sdlib.charts.fullest import fullest_parts, fullness
from sdlib.lessons.checking import MEASURES
from sdlib.lessons.contest import BUDGET_USD, KNOBS, TRIALS, contest, judged
from sdlib.lessons.incidents import BEGINS_S, FAULTS, WHYS, drawn, night
from sdlib.lessons.lesson_19 import FIRST_CHOICES, MEDIUM, failed_routes, fullest
from sdlib.lessons.oncall import incident
from sdlib.lessons.shop import PAGES, ROUTES, _knobs, whole_shop
from sdlib.theory import confidence_interval

SEEDS = range(10) if IS_NIGHTLY else (1,)   # a try of a design takes seconds
BIG_MACHINES = {"cpus": 32, "machines": {"user": 3, "product": 13, "order": 4, "payment": 3}, "machine_tries": 2}
SMALL_MACHINES = {"cpus": 16, "machines": {"user": 5, "product": 26, "order": 7, "payment": 5}, "machine_tries": 2}
PAGES_AT_THE_EDGE = {"cpus": 32, "machines": {"user": 3, "product": 9, "order": 4, "payment": 3}, "machine_tries": 2,
                     "page_s": 60.0, "stores": (), "edge_objects": 30_000}
NAIVE = {"cpus": 4, "machines": {"user": 2, "product": 3, "order": 2, "payment": 2}, "threads": 200, "workers": 20,
         "pace_per_s": 25.0}
WITHOUT_LIMIT = {"cpus": 64, "machines": {"user": 10, "product": 20, "order": 10, "payment": 10}, "machine_tries": 3,
                 "page_s": 60.0}


def crowd(users=1_000_000, **knobs):
    return sd.Clients(users=users, routes=PAGES, countries=sd.data.crowd(), **knobs)


# --- the contest ---

@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("design", [BIG_MACHINES, SMALL_MACHINES, PAGES_AT_THE_EDGE],
                         ids=["big machines", "small machines", "pages at the edge"])
def test_three_designs_win(design, seed):
    found = contest(design, seed)
    assert found.faults == () and found.is_won
    assert found.points > 100 and found.usd_per_month < BUDGET_USD
    assert str(found).startswith("✓ Won")


@pytest.mark.parametrize("seed", SEEDS)
def test_what_lesson_18_left_is_overrun_on_each_day(seed):
    found = contest(NAIVE, seed)
    assert not found.is_won and found.points == 0
    assert len(found.faults) == len(TRIALS) and all("of the requests failed" in fault for fault in found.faults)
    assert found.usd_per_month < BUDGET_USD / 10


@pytest.mark.parametrize("seed", SEEDS)
def test_who_spends_without_limit_loses_by_the_bill_alone(seed):
    found = contest(WITHOUT_LIMIT, seed)
    assert not found.is_won and found.points == 100
    assert [fault.split(":")[0] for fault in found.faults] == ["the bill"]


DAY, EDGE, MAIL, VIRAL, DEATH = range(len(TRIALS))


@pytest.mark.parametrize("change, days, says", [
    ({"machine_tries": 1}, [DAY, DEATH], "the busiest machine dies: .* of the requests failed"),
    ({"edges": ["Mumbai"]}, [DAY, EDGE], "the busiest edge is down: .* of the requests failed.* edge Mumbai was down"),
    ({"retries": 0}, [DAY, MAIL], "the mail provider is down: .* messages to customers were given up or lost"),
    ({"redis_s": 600.0}, [], "the pages: one may be 600 s old, and 120 s are allowed"),
    ({"stores": ()}, [DAY], "a real day.*The fullest part: product database"),
    ({"pace_per_s": 100.0}, [DAY], "messages were not taken up by the end: the queue only grows")])
def test_what_a_design_lacks_is_said(change, days, says):
    faults = judged(BIG_MACHINES | change, 1, [TRIALS[day] for day in days]).faults
    assert pd.Series(faults).str.contains(says).any(), faults


def test_the_notebooks_design_leaves_two_days_to_mend():
    found = contest({"cpus": 32, "machines": {"product": 10}, "edges": 10})
    assert str(found).count("$") == 1    # JupyterLab sets what stands between two of them as a formula
    assert [bool(verdict.fault) for verdict in found.verdicts] == [False, False, False, True, True]
    assert found.points == 60


@pytest.mark.parametrize("design, says", [
    (None, "design must be a dict"), ([], "design must be a dict"), ({"service_ms": 0.1}, "must be knobs among 'cpus'"),
    ({"connections": 10_000}, "must be knobs among"), ({"cpus": 0}, "cpus must be"), ({"edges": 0}, "edges")])
def test_a_design_that_is_none_is_told_before_anything_runs(design, says):
    with pytest.raises(ValueError, match=says):
        contest(design)


def test_every_knob_of_the_contest_is_one_of_the_shop_and_none_makes_its_work_lighter():
    assert set(KNOBS) <= set(_knobs(whole_shop))
    assert not set(KNOBS) & {"payment_ms", "redis_ms", "publish_ms", "mail_ms", "per_s", "product_query_ms",
                             "product_connections", "channels", "redis_down", "down", "others"}


# --- the incident ---

@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.part)
def test_the_solution_of_the_medium_exercise_finds_every_fault(fault):
    solution = {}
    exec(MEDIUM.solution, solution)
    for seed in (1, 2):
        seen = night(fault, seed)
        assert solution["first_to_fail"](seen.parts, seen.behind) == fault.part


def test_every_kind_of_fault_is_drawn():
    found = {(drawn(seed).part, drawn(seed).why) for seed in range(200)}
    assert found == {(fault.part, fault.why) for fault in FAULTS}


def test_a_night_shift_is_told_right_and_wrong():
    seen = incident(5)
    fault = seen.fault
    assert (fault.part, fault.why) == ("product database", "it can do less than before")
    assert seen.answer(fault.part, fault.why).tone == "right"
    assert seen.answer(fault.part, WHYS[0]).tone == "wrong"
    assert "stands in front" in str(seen.answer("product machines", WHYS[2]))
    assert "do not need" in str(seen.answer("user Redis", WHYS[0]))
    assert seen.answer(..., ...).tone == "not attempted yet"
    assert fault.part in str(seen.solution()) and fault.why not in str(seen)


def test_the_part_behind_a_dead_redis_sends_one_to_look_in_front():
    seed = next(seed for seed in range(100) if drawn(seed).part == "product Redis")
    assert "Look in front of it" in str(incident(seed).answer("product database", WHYS[2]))


@pytest.mark.parametrize("part, why, says", [
    ("the moon", WHYS[0], "part must be one of"), (3, WHYS[0], "part must be"), ("CDN", "it is old", "why must be"),
    ([], WHYS[0], "part must be"), ("CDN", None, "why must be")])
def test_an_answer_that_is_none(part, why, says):
    with pytest.raises(ValueError, match=says):
        incident(5).answer(part, why)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True])
def test_a_seed_that_is_none(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        incident(seed)


def test_a_night_is_the_same_up_to_the_fault():
    fault = next(fault for fault in FAULTS if fault.schedule)
    assert all(change.at_s == BEGINS_S for change in fault.schedule)
    for figures in night(fault, 1).parts.values():
        assert all(value >= 0 for both in figures.values() for value in both)


# --- what is full first ---

@pytest.mark.parametrize("seed", range(3))
def test_the_mails_are_full_first_and_nobody_notices(seed):
    run = sd.simulate(sd.shop(19), crowd(1_500_000), seconds=6, seed=seed)
    shares = fullness(run)
    assert fullest(run)[0] == FIRST_CHOICES[3] == "mail worker" and shares["mail worker"] > 1.1
    assert 0.85 < shares["product"] < 1 and shares["product balancer"] < shares["product"]
    assert shares["product database"] < 0.5 and run.measures()["failed"] == 0


def test_the_figures_of_the_first_prediction():
    payments_per_s, pages_per_s = (round(share * 100_000) for share in (
        PAGES["/payment"], PAGES["/product"] + PAGES["/order"] + PAGES["/payment"]))
    assert payments_per_s == 1_200 and pages_per_s == 36_000
    assert 6 * 64 * 1000 / 10 == 38_400 and round(2 / 3 * payments_per_s) == 800 and round(800 / 900, 2) == 0.89


@pytest.mark.parametrize("seed", range(2))
def test_a_dead_redis_takes_orders_and_payments_with_it_and_nothing_else(seed):
    run = sd.simulate(sd.shop(19), crowd(), seconds=13, seed=seed, schedule=[sd.at(3, "kill", "product Redis")])
    assert failed_routes(run) == {"/order", "/payment"}
    per_s = run.requests["arrived_s"].gt(3).sum() / 10
    to_product = PAGES["/product"] + PAGES["/order"] + PAGES["/payment"]
    assert per_s * to_product == pytest.approx(24_000, rel=0.01) and 100 * 1000 / 5 == 20_000


def test_product_machines_are_as_busy_as_the_law_says():
    def build(users):
        return sd.shop(19, edges=5), sd.Clients(users=users, routes=ROUTES, countries=sd.data.crowd())

    found = sd.sweep(build, {"users": [100_000]}, seconds=3, seeds=20, measure=lambda run: {
        "percent": MEASURES["product machines busy (%)"](run)})["percent"]
    between = confidence_interval(found.tolist(), level=0.99)
    assert between.low <= 100 * 100_000 * 4 / 60 * 0.9 / 38_400 <= between.high


# --- the chart ---

def test_the_chart_puts_the_fullest_part_first_and_says_when_it_is_full():
    run = sd.simulate(sd.Server(1, 64, 10, calls=[sd.Database(1)]), sd.Clients(users=6_000), seconds=5, seed=1)
    plot = fullest_parts(run, {})
    assert plot.y["ticktext"][0] == "server" and "server" in plot.alt
    assert fullness(run)["server"] == pytest.approx(run.measures()["sent"] / 5 * 0.010, rel=0.1)
    assert percent(plot) == pytest.approx(100 * fullness(run)["server"], rel=0.001)
    assert run.stations.loc["server", "utilization"] == pytest.approx(1, abs=0.01), "busy cannot say it"
    assert f"half of {run.measures()['answered']:,} answers in" in plot.notes[0]["text"]


def percent(plot):
    """What the first bar shows."""
    return max(trace["x"][0] for trace in plot.traces if trace["type"] == "bar")


def test_where_nothing_waits_a_part_is_as_full_as_it_is_busy():
    run = sd.simulate(sd.Server(4, 4, 10), sd.Clients(users=60), seconds=50, seed=1)
    assert fullness(run) == {"server": pytest.approx(run.stations.loc["server", "utilization"])}


def test_who_waits_for_a_thread_waits_for_its_machine():
    run = sd.simulate(sd.Service(4, 64, 10, threads=8), sd.Clients(users=12_000), seconds=2, seed=1)
    assert fullness(run) == {"service": pytest.approx(2, rel=0.1)}


def test_a_name_of_two_words_stands_in_two_lines_beside_its_bar():
    queue = sd.Queue(sd.Worker(50, 5.0, per_s=10.0, name="whatsapp worker"))
    run = sd.simulate(sd.Server(4, 4, 1, calls=[queue]), sd.Clients(users=60), seconds=5, seed=1)
    assert "whatsapp<br>worker" in fullest_parts(run, {}).y["ticktext"]


def test_a_worker_with_a_pace_is_as_full_as_messages_come():
    queue = sd.Queue(sd.Worker(50, 5.0, per_s=10.0, name="worker"))
    run = sd.simulate(sd.Server(4, 4, 1, calls=[queue]), sd.Clients(users=300), seconds=50, seed=1)
    assert fullness(run)["worker"] == pytest.approx(len(run.messages) / 50 / 10)


def test_a_system_of_nothing_to_fill_is_told():
    run = sd.simulate(sd.MailProvider(), sd.Clients(users=60), seconds=5)
    with pytest.raises(ValueError, match="machines or databases"):
        fullest_parts(run, {})
