"""The shop after each lesson: it runs, it grows by one thing at a time, and its knobs are told when they are wrong."""

import inspect

import pytest

import sdlib as sd
from sdlib.lessons.shop import FIRST, LAST, ROUTES

CROWD = sd.Clients(users=1_000, routes=ROUTES)


@pytest.mark.parametrize("lesson", range(FIRST, LAST + 1))
def test_it_serves_a_crowd_of_a_thousand(lesson):
    run = sd.simulate(sd.shop(lesson), CROWD, seconds=60)
    assert set(run.requests["status"]) <= {"ok", "in flight"} and len(run.requests) > 3_000
    assert run.summary()["usd_per_month"].iloc[0] > 0 or lesson in (3, 4)  # no listed machine has 1,000 cores


def test_each_lesson_adds_one_thing():
    kinds = [set(sd.simulate(sd.shop(lesson), CROWD, seconds=1).stations["kind"]) for lesson in range(FIRST, LAST + 1)]
    assert kinds[0] == kinds[3] == {"Server", "Database"}
    assert kinds[4] - kinds[3] == {"LoadBalancer"}
    assert kinds[6] - kinds[5] >= {"Service", "Gateway"}


def test_an_order_asks_user_and_product_and_a_payment_asks_order_and_notifies():
    run = sd.simulate(sd.shop(8), sd.Clients(users=1_000, routes={"/payment": 1}), seconds=60)
    served = run.stations["served"]
    assert served["payment"] == pytest.approx(served["order"], abs=3)
    assert served["notification"] == pytest.approx(served["user"], abs=3)
    assert served["product 1"] > 0


def test_lessons_9_to_13_tell_the_customer_one_thing_better_each():
    crowd = sd.Clients(users=1_000, routes={"/payment": 1}, requests_per_minute=0.6)
    runs = {lesson: sd.simulate(sd.shop(lesson), crowd, seconds=120, seed=1) for lesson in range(9, 14)}
    kinds = {lesson: set(run.stations["kind"]) for lesson, run in runs.items()}
    assert kinds[9] - kinds[10] == set() and kinds[10] - kinds[9] == {"Queue", "Worker", "Shelf"}
    assert kinds[12] - kinds[11] == {"WhatsAppProvider", "SmsProvider"} and kinds[13] - kinds[12] == {"Topic"}
    p99_ms = {lesson: run.summary()["p99_ms"].iloc[0] for lesson, run in runs.items()}
    assert p99_ms[9] > 3 * p99_ms[10], "the mail is in the request"
    assert p99_ms[12] > p99_ms[13], "three sends, one publish"
    for lesson in range(10, 14):
        told = runs[lesson].messages["outcome"].value_counts()
        assert told["delivered"] > 1_000 and told["lost"] == told["dead-lettered"] == 0
        assert runs[lesson].conservation()["balanced"].all()


def test_large_numbers_of_the_document():
    run = sd.simulate(sd.shop(3), sd.Clients(users=1_000_000), seconds=5)
    assert run.summary(after_s=1)["utilization_percent"].iloc[0] == pytest.approx(66.7, abs=2)


@pytest.mark.parametrize("wrong, says", [
    (lambda: sd.shop(0), "lesson must be a whole number from 1 to 19"),
    (lambda: sd.shop("last"), "lesson must be a whole number"),
    (lambda: sd.shop(2, edges=5), "knob must be one of 'cpus'")])
def test_what_it_refuses(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()


@pytest.mark.parametrize("knob", ["cpus", "machines", "machine_tries", "stores", "balancers", "edges", "policy",
                                  "page_s", "threads", "retries", "home", "redis_objects"])
@pytest.mark.parametrize("wrong", [-1, 1.5, [], "x", {"moon": 2}, {"product": 0}, object(), [[1]], float("nan")],
                         ids=["negative", "half", "none of them", "text", "no service", "no machine", "object",
                              "lists", "not a number"])
def test_a_wrong_knob_of_the_last_shop_is_told_before_anything_runs(knob, wrong):
    if (knob, repr(wrong)) in {("stores", "[]"), ("page_s", "1.5")}:  # these make sense
        sd.shop(19, **{knob: wrong})
        return
    with pytest.raises(ValueError, match="must be|for example"):
        sd.shop(19, **{knob: wrong})


def test_help_lists_the_knobs_of_every_lesson():
    told = inspect.getdoc(sd.shop)
    for knob in ("cpus=64", "machine_tries=1", "page_s=None", "redis_objects=10000"):
        assert knob in told
    assert "edge_s, page_s: how long an edge keeps" in told and "Lesson 1, 2. Steps 1 to 5" in told
