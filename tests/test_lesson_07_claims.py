"""What lesson 07 claims, across seeds: what a split keeps apart, what ties the parts, and what overload leaves."""

from functools import cache

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.threads import OTHER_PAGES_MS, held_at_the_end, threads_held, threads_wanted
from sdlib.lessons import lesson_07
from sdlib.lessons.lesson_07 import SLOW_MS, THREADS, crowd, page_p99_ms, page_percent, website
from sdlib.lessons.shop import ROUTES
from sdlib.lessons.waiting import serve

SEEDS = range(20)
OTHERS = [page for page in ROUTES if page != "/payment"]
USERS = 6_000
PAYMENTS_PER_S = USERS * 4 / 60 * ROUTES["/payment"]


def interval(values):
    return sd.theory.confidence_interval(values, level=0.99)


def minute(system, seed, users=USERS, seconds=60, **more):
    return sd.simulate(system, crowd(users), seconds=seconds, seed=seed, **more)


def other_pages_failed(run):
    requests = run.requests
    return int((requests["route"].isin(OTHERS) & ~requests["status"].isin(["ok", "in flight"])).sum())


def crashes(run):
    return int(run.stations["crashes"].sum())


@cache
def behind_the_website(seed, timeout_s, cpus=4):
    return minute(website(sd.shop(7, cpus=cpus, payment_ms=SLOW_MS), timeout_s), seed)


# --- what a split keeps apart -----------------------------------------------------------------------------------------

def test_a_slow_page_takes_one_program_down_and_a_split_shop_not():
    for seed in SEEDS:
        well, stuck = (minute(sd.shop(6, service_ms=0.97 * 10 + 0.03 * payment_ms), seed)
                       for payment_ms in (10, SLOW_MS))
        split = minute(sd.shop(7, payment_ms=SLOW_MS), seed)
        assert crashes(well) == 0 and well.measures()["failed"] == 0
        assert crashes(stuck) >= 5 and stuck.measures()["answered"] < 0.5 * len(stuck.requests)
        assert crashes(split) == 0 and other_pages_failed(split) == 0 and page_p99_ms(split) < 60
        assert lesson_07.SPLIT.right(split) == 1, "all but most payments, 95 to 99 %"
        assert page_percent(split, "/payment") < 50, "most of them"


def test_the_split_shop_has_no_room_for_the_crowd_of_lesson_6():
    for seed in range(3):
        crowded, calm = (minute(sd.shop(7), seed, users, seconds=30) for users in (24_000, 10_000))
        down = crowded.incidents.query("what == 'crashed'")["station"]
        assert crashes(crowded) > 0 and down.str.startswith("product").all()
        assert crashes(calm) == 0 and calm.measures()["failed"] == 0


def test_a_service_that_is_down_is_not_the_shop_down():
    needs = {"user": ["/user", "/order", "/payment"], "order": ["/order", "/payment"], "notification": ["/payment"],
             "payment": ["/payment"]}
    for seed in range(5):
        for service, pages in needs.items():
            run = minute(sd.shop(7), seed, seconds=30, schedule=[sd.at(0, "kill", service)])
            failing = [page for page in ROUTES if page_percent(run, page) < 50]
            assert failing == [page for page in ROUTES if page in pages]
            assert all(page_percent(run, page) > 99 for page in ROUTES if page not in pages)


# --- threads ----------------------------------------------------------------------------------------------------------

def test_a_slow_payment_eats_the_threads_of_its_caller():
    until_full_s = []
    for seed in SEEDS:
        run = behind_the_website(seed, None)
        assert lesson_07.THREADS_HELD.right(run) == 3, "few, under 40 %"
        assert run.stations.loc["website", "crashes"] == 2
        assert run.stations.loc["website", "utilization"] < 0.15, "cores with next to nothing to do"
        seen = run.samples[run.samples["station"] == "website threads"]
        full_s = seen.loc[seen["busy"] == THREADS, "second"].iloc[0]
        crashed_s = run.incidents["time_s"].iloc[0]
        assert 1.5 < crashed_s - full_s < 6
        until_full_s.append(full_s)
    assert interval(until_full_s).mean == pytest.approx(5, abs=0.6), "about five seconds"


def test_with_a_timeout_only_payments_fail():
    for seed in SEEDS:
        run = behind_the_website(seed, 1)
        assert crashes(run) == 0 and other_pages_failed(run) == 0 and page_p99_ms(run) < 60
        assert page_percent(run, "/payment") < 5


def test_with_a_timeout_fewer_payments_are_answered_though_more_are_finished():
    for seed in SEEDS:
        patient, hasty = (behind_the_website(seed, timeout_s) for timeout_s in (None, 1))
        assert page_percent(hasty, "/payment") < page_percent(patient, "/payment")
        in_time = (hasty.requests.query("route == '/payment'")["status"] == "ok").sum()
        finished = hasty.stations.loc["payment", "served"]
        assert finished > patient.stations.loc["payment", "served"] and in_time < 0.1 * finished


@pytest.mark.parametrize("timeout_s", [0.3, 1, 3])
def test_threads_held_are_rate_times_time(timeout_s):
    found = interval([held_at_the_end(behind_the_website(seed, timeout_s)) for seed in SEEDS])
    wanted = threads_wanted(behind_the_website(0, timeout_s), timeout_s)
    assert found.low <= wanted <= found.high and found.half_width < 0.06 * found.mean


def test_when_more_threads_are_wanted_than_there_are_all_are_held():
    for seed in SEEDS:
        run = behind_the_website(seed, 10)
        assert threads_wanted(run, 10) > THREADS
        assert held_at_the_end(run) > 0.95 * THREADS


def test_payment_with_cores_enough_holds_what_its_own_time_takes():
    found = interval([held_at_the_end(behind_the_website(seed, 3, cpus=64)) for seed in SEEDS])
    assert found.low <= threads_wanted(behind_the_website(0, 3, cpus=64), 3) <= found.high


@pytest.mark.parametrize("cpus", [24, 28])
def test_payment_is_the_busiest_when_payments_are_answered_too(cpus):
    for seed in range(3):
        assert behind_the_website(seed, 30, cpus=cpus).measures()["busiest"] == "payment"


def test_the_other_pages_take_what_the_chart_says():
    requests = minute(website(sd.shop(7)), 1).requests
    for page, said_ms in OTHER_PAGES_MS.items():
        assert requests.loc[requests["route"] == page, "latency_ms"].mean() == pytest.approx(said_ms, rel=0.1)
    others = requests.loc[requests["route"] != "/payment", "latency_ms"].mean()
    assert 10 < others < 15, "about 14 ms for a page"


# --- hops, availability, cost -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("hops", [1, 3, 5])
def test_each_hop_adds_its_latency(hops):
    def row(left):
        calls = [row(left - 1)] if left > 1 else []
        return sd.Service(cpus=4, ram_gb=8, service_ms=10, calls=calls)
    expected_ms = hops * sd.theory.mmc(200, service_ms=10, servers=4).mean_latency_ms
    found = interval([sd.simulate(row(hops), sd.Clients(users=3_000), seconds=60, seed=seed).measures()["mean_ms"]
                      for seed in SEEDS])
    assert found.low <= expected_ms <= found.high and found.half_width < 0.02 * found.mean


def stops(seed, number, seconds, up_s=9.0, down_s=1.0):
    """A service's own stops: it is up 90 % of the time, whatever the others do."""
    random, now, found = np.random.default_rng([seed, number]), 0.0, []
    while now < seconds:
        start_s = now + random.exponential(up_s)
        now = start_s + random.exponential(down_s)
        found.append((start_s, now))
    return found


def share_answered(seed, put_together, seconds=400):
    def service(number, calls=()):
        return sd.Service(1_000, 1_000, 0.1, down=stops(seed, number, seconds), calls=calls)
    run = sd.simulate(put_together(service), sd.Clients(users=300), seconds=seconds, seed=seed)
    return run.measures()["answered"] / len(run.requests)


@pytest.mark.parametrize(("put_together", "expected"), [
    (lambda service: service(0, [service(1), service(2)]), sd.theory.availability(0.9, 0.9, 0.9)),
    (lambda service: service(0, [[service(1), service(2)]]), sd.theory.availability(0.9, 0.9, 0.9)),
    (lambda service: service(0, [service(1, [service(2, [service(3)])])]), sd.theory.availability(*[0.9] * 4)),
    (lambda service: sd.LoadBalancer([service(0), service(1)], tries=2), sd.theory.redundant(0.9, copies=2)),
], ids=["one after another", "at the same time", "in a row", "with a fallback"])
def test_availabilities_multiply(put_together, expected):
    found = interval([share_answered(seed, put_together) for seed in SEEDS])
    assert found.low <= expected <= found.high and found.half_width < 0.03


def test_scaling_only_what_is_hot_serves_as_many_for_less():
    double = {name: 2 * count for name, count in
              {"user": 1, "product": 3, "order": 1, "payment": 1, "notification": 1}.items()}
    shops = {"as it was": sd.shop(7), "all": sd.shop(7, machines=double), "hot": sd.shop(7, machines={"product": 5}),
             "whole": sd.shop(6, machines=6)}
    usd = {name: sd.cost(shop)["usd_per_month"].sum() for name, shop in shops.items()}
    assert usd["whole"] < usd["as it was"] < usd["hot"] < 0.65 * usd["all"]
    for seed in range(5):
        runs = {name: minute(shop, seed, users=30_000, seconds=15) for name, shop in shops.items()}
        failed = {name: run.measures()["failed"] for name, run in runs.items()}
        assert failed["as it was"] > 0.3 * len(runs["as it was"].requests)
        assert failed["all"] == failed["hot"] == failed["whole"] == 0
        assert page_p99_ms(runs["hot"]) < 1.3 * page_p99_ms(runs["all"]), "and as quickly"


# --- the slowest of many ----------------------------------------------------------------------------------------------

def share_of_slow(seed, calls=100, **patience):
    leaf = sd.Service(100_000, 100_000, 10, threads=None)
    page = sd.Service(1_000, 1_000, 0, calls=[[sd.Call(leaf, **patience)] * calls])
    latency_ms = sd.simulate(page, sd.Clients(users=300), seconds=25, seed=seed).requests["latency_ms"].dropna()
    return (latency_ms > 10 * np.log(100)).mean()


def test_of_100_calls_that_are_slow_in_1_percent_63_4_percent_of_the_pages_wait_for_one():
    found = interval([share_of_slow(seed) for seed in SEEDS])
    assert found.low <= 1 - 0.99**100 <= found.high and found.half_width < 0.03
    assert round(100 * (1 - 0.99**100), 1) == 63.4


def test_a_hedged_call_brings_it_down():
    hedged = interval([share_of_slow(seed, hedge_s=0.010 * np.log(20)) for seed in SEEDS])
    both_slow = 0.01 * 0.01 * 20  # the first is slow, and so is the second in what is left
    assert hedged.low <= 1 - (1 - both_slow)**100 <= hedged.high and hedged.high < 0.25


# --- overload that stays after its cause has gone ---------------------------------------------------------------------

CAPACITY_PER_S, BLIP_S = 300, (30, 40)
TRIES_AGAIN = sd.Retry(times=1, backoff="none")
WITHIN_BUDGET = sd.Retry(times=1, backoff="none", budget=0.02)


def after_a_blip(rate_per_s, seed, retry, blip=BLIP_S, seconds=300):
    """The share of the last minute's requests that was answered."""
    server = sd.Server(cpus=3, ram_gb=1_000, service_ms=10)
    begin_s, end_s = blip
    changes = [sd.at(begin_s, "resize", server, places=1), sd.at(end_s, "resize", server, places=3)]
    clients = sd.Clients(users=15 * rate_per_s, timeout_s=0.5, retry=retry)
    requests = sd.simulate(server, clients, seconds=seconds, seed=seed, schedule=changes).requests
    last = requests[requests["arrived_s"].between(seconds - 60, seconds - 5)]
    return float((last["status"] == "ok").mean())


def test_a_blip_of_10_s_ends_the_service_for_good():
    for seed in SEEDS:
        assert after_a_blip(280, seed, TRIES_AGAIN, blip=(98, 99), seconds=100) > 0.95, "without it, all is well"
        assert after_a_blip(280, seed, TRIES_AGAIN, seconds=150) < 0.05


def test_a_retry_budget_mends_it():
    for seed in SEEDS:
        assert after_a_blip(280, seed, WITHIN_BUDGET) > 0.95


@pytest.mark.parametrize(("rate_per_s", "stays"), [(130, False), (140, False), (160, True), (200, True)])
def test_the_vulnerable_range_begins_at_half_the_capacity(rate_per_s, stays):
    assert (2 * rate_per_s > CAPACITY_PER_S) == stays
    for seed in SEEDS:
        share = after_a_blip(rate_per_s, seed, TRIES_AGAIN)
        assert share < 0.05 if stays else share > 0.99
    assert after_a_blip(rate_per_s, 0, sd.Retry(times=0)) > 0.99, "without a second try it goes away by itself"


# --- texts, goals, chart ----------------------------------------------------------------------------------------------

def test_what_the_explanations_of_lesson_7_say():
    assert pytest.approx(12) == PAYMENTS_PER_S and 4 / (SLOW_MS / 1000) == 2
    assert round(400 * 0.014) == 6 and (THREADS - 6) / (12 - 2) < 6
    assert round(100 * 0.99**10) == 90 and pytest.approx(0.1, abs=0.005) == 0.99**230


def test_the_policy_of_the_medium_exercise_has_two_walls():
    for site in lesson_07.WEBSITES:
        for factor in (1.0, 1.3):
            days = serve(lambda threads, payments_per_s, usual_p99_s, by=factor: by * usual_p99_s, site)
            assert lesson_07.MEDIUM.scenarios[0].fault(days) == ""
        late = serve(lambda threads, payments_per_s, usual_p99_s: 1.1 * threads / payments_per_s, site)
        assert "while payment hung" in lesson_07.MEDIUM.scenarios[0].fault(late)
        soon = serve(lambda threads, payments_per_s, usual_p99_s: 0.4 * usual_p99_s, site)
        assert "on a good day" in lesson_07.MEDIUM.scenarios[0].fault(soon)


def test_a_timeout_below_zero_is_no_timeout():
    with pytest.raises(lesson_07.WrongKind, match="A timeout is from"):
        serve(lambda *given: -1, lesson_07.WEBSITES[0])


def build(users=USERS, cpus=4, product=0.8, timeout_s=30.0):
    return website(sd.shop(7, cpus=cpus, payment_ms=SLOW_MS), timeout_s), crowd(users, product)


def panel(seed=0, **settings):
    found = sd.explore(build, users=(100, 50_000), cpus=(1, 64), product=(0.5, 0.99), timeout_s=(0.1, 30),
                       seconds=30, chart=threads_held, goals=sd.goals("07"))
    found.set(seed=seed, **settings)
    return found.try_goals()


SALE = {"users": 12_000, "product": 0.9, "timeout_s": 3}
MANY = {"users": 30_000, "product": 0.95, "timeout_s": 1}


@pytest.mark.parametrize(("settings", "reached", "says"), [
    (SALE, [True, False, False], "This one is about 30,000 users, 0.95 product share, 1 s of timeout."),
    (SALE | {"timeout_s": 2}, [False] * 3, "3 s would do, too"),
    (SALE | {"timeout_s": 2.5}, [False] * 3, "Whole seconds"),
    (SALE | {"timeout_s": 6}, [False] * 3, "requests for other pages than payment failed"),
    (MANY | {"cpus": 7}, [False, True, False], "This one is about 12,000 users"),
    (MANY | {"cpus": 8}, [False] * 3, "7 cores would do, too"),
    (MANY | {"cpus": 5}, [False] * 3, "requests for other pages than payment failed"),
    ({"cpus": 24}, [False, False, True], "This one is about"),
    ({"cpus": 40}, [False] * 3, "36 cores would do, too"),
    ({"timeout_s": 1}, [False] * 3, "% of the payments were answered")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_goals_can_be_reached_with_other_crowds(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, tries in enumerate(([SALE | {"timeout_s": timeout_s} for timeout_s in (2, 3, 4)],
                                   [MANY | {"cpus": cpus} for cpus in (6, 7, 8)],
                                   [{"cpus": cpus} for cpus in (24, 26, 28)])):
        assert any(panel(seed, **settings)["reached"][place] for settings in tries)


def test_the_chart_draws_the_law_the_threads_and_the_run():
    settings, trail = {"users": USERS, "cpus": 4, "product": 0.8, "timeout_s": 1}, []
    run = behind_the_website(0, 1)
    law, there_are, _, here = threads_held(run, settings, trail).traces
    assert np.interp(3, law["x"], law["y"]) == pytest.approx(threads_wanted(run, 3), rel=0.01)
    assert set(there_are["y"]) == {THREADS}
    assert here["x"] == [1] and here["y"] == pytest.approx([held_at_the_end(run)], rel=1e-3)
    longer = threads_held(behind_the_website(0, 3), settings | {"timeout_s": 3}, trail)
    assert longer.traces[2]["x"] == [1, 3] and "timeout 3 s" in longer.alt and "of 64 threads held" in longer.alt
    other = threads_held(run, settings | {"users": 100}, trail)
    assert other.traces[2]["x"] == [1], "another crowd, another line"


def test_the_diagram_has_no_boxes_for_threads():
    alt = sd.charts.diagram(minute(sd.shop(7), 1, seconds=5)).layout.meta["alt"]
    assert "threads" not in alt and "notification" in alt
