"""What lesson 08 claims, across seeds: who starves without a gateway, who is refused with one, and what a bucket lets
pass."""

import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.charts.senders import LOOKS, asked_per_s, passed_per_s, who_got_what
from sdlib.lessons.lesson_08 import ROUTES, crowd, others_answered_percent
from sdlib.results.senders import SENDERS

SEEDS = range(20)
SECONDS = 15


def served(system, seed=1, seconds=SECONDS, clients=None, **knobs):
    return sd.simulate(system, crowd(**knobs) if clients is None else clients, seconds=seconds, seed=seed)


def interval(values):
    return sd.theory.confidence_interval(values, level=0.99)


def share(run, who, status="ok"):
    rows = run.requests["status"][(sd.senders(run) == who).to_numpy()]
    return (rows == status).sum() / (rows != "in flight").sum()


def worked(run):
    """Visits to the five services."""
    return run.stations.loc[run.stations["kind"] == "Service", ["served", "failed", "lost"]].to_numpy().sum()


def test_without_the_greedy_client_the_services_serve_all():
    for seed in SEEDS:
        assert others_answered_percent(served(sd.shop(7), seed, greedy_per_s=0)) == 100


def test_one_greedy_client_starves_everybody_else_and_a_limit_per_user_ends_that():
    for seed in SEEDS:
        before, after = served(sd.shop(7), seed), served(sd.shop(8), seed)
        assert others_answered_percent(before) < 60
        assert others_answered_percent(after) == 100 and after.measures()["p99_ms"] < 120
        assert share(after, "greedy client", "too many requests") > 0.98
        assert before.conservation()["balanced"].all() and after.conservation()["balanced"].all()


def test_the_minute_of_the_lesson_answers_one_in_six():
    run = served(sd.shop(7), seconds=60)
    assert others_answered_percent(run) < 20


def test_one_bucket_for_all_saves_the_services_and_nobody_else():
    runs = [served(sd.shop(8, per_user_per_s=None, per_s=1_200), seed) for seed in SEEDS]
    found = interval([others_answered_percent(run) for run in runs])
    first_tokens = 100 / SECONDS
    assert found.low <= 100 * (1_200 + first_tokens) / 2_300 <= found.high and found.half_width < 1
    assert max(run.measures()["p99_ms"] for run in runs) < 150
    greedy = [(run.requests["status"][(sd.senders(run) == "greedy client").to_numpy()] == "ok").sum()
              / (run.requests["status"] == "ok").sum() for run in runs]
    assert interval(greedy).mean == pytest.approx(1_500 / 2_300, abs=0.01), "two thirds of the places"


def test_a_limit_that_is_the_average_refuses_half_of_what_comes_at_random():
    even = sd.Clients(users=100, requests_per_minute=60, routes=ROUTES)
    found = interval([served(sd.shop(8, per_user_per_s=1, burst=1), seed, 60, even).measures()["error_percent"]
                      for seed in SEEDS])
    assert found.mean == pytest.approx(50, abs=1) and found.half_width < 1


def test_404_401_and_403_are_answered_before_a_service_works():
    gateway = sd.Gateway(sd.shop(8).services, accepts=("customer", "guest"),
                         allows={"/payment": ["customer"], "/order": ["customer"]})
    crowd_of_all = sd.Clients(users=12_000, routes=ROUTES | {"/wp-admin": 0.02},
                              tokens={"customer": 0.6, "guest": 0.3, "expired": 0.1})
    for seed in SEEDS:
        run = served(gateway, seed, clients=crowd_of_all)
        counts = run.requests["status"].value_counts()
        assert min(counts[["not found", "unauthorized", "forbidden"]]) > 50
        reached = counts["ok"] + counts["in flight"]
        assert passed_per_s(run) * run.seconds == pytest.approx(reached, abs=10)
        table = pd.crosstab(run.requests["route"], run.requests["status"])
        assert table.loc["/wp-admin", "ok"] == 0 and table.loc["/product", "forbidden"] == 0
        assert table.loc["/payment", "forbidden"] > 0


def test_no_service_works_for_what_the_gateway_refuses():
    """The same honest requests cost the same visits, with a storm of refused ones beside them or without."""
    nobody = sd.Clients(users=12_000, routes=ROUTES, tokens={"expired": 1})
    assert worked(served(sd.shop(8), clients=nobody)) == 0


def test_retries_at_once_give_the_greedy_client_nothing():
    for seed in range(5):
        once, again = (served(sd.shop(8), seed, retry=sd.Retry(times=times, backoff="none")) for times in (0, 5))
        passed = [(run.requests["status"][(sd.senders(run) == "greedy client").to_numpy()] == "ok").sum()
                  for run in (once, again)]
        assert passed[1] == pytest.approx(passed[0], abs=2)
        assert passed[0] == pytest.approx(10 + 5 * SECONDS, abs=2), "its burst, and then its limit"
        assert asked_per_s(again) > 4 * asked_per_s(once)
        assert passed_per_s(again) == pytest.approx(passed_per_s(once), rel=0.01)


@pytest.mark.parametrize(("limit", "burst"), [(0.5, 5), (0.8, 5), (1, 5), (1.25, 5), (2, 5), (1, 1), (1, 2), (1, 20),
                                              (1.5, 2), (2, 1)])
def test_the_formula_of_the_bucket_lies_in_the_interval_of_the_runs(limit, burst):
    gateway = sd.Gateway({"/": sd.Server(cpus=4, ram_gb=4)}, per_user_per_s=limit, burst=burst)
    clients = sd.Clients(users=5, requests_per_minute=60)
    found = interval([100 - served(gateway, seed, 4_000, clients).measures()["error_percent"] for seed in SEEDS])
    formula = 100 * sd.theory.bucket_passes(requests_per_s=1, limit_per_s=limit, burst=burst)
    full_at_first = 100 * burst / 4_000      # the runs begin with a full bucket
    assert found.low - full_at_first <= formula <= found.high
    assert found.half_width < 0.3


def test_the_simulated_bucket_of_20_and_the_same_batches_on_both_engines():
    bucket = sd.Gateway({"/": sd.Server(cpus=64, ram_gb=4, service_ms=0)}, per_user_per_s=10, burst=20)
    times_s = np.repeat([0, 0.101, 0.602], [21, 20, 20])
    for engine in ("compiled", "reference"):
        requests = sd.simulate(bucket, sd.Clients(users=1, arrivals_s=times_s), seconds=2, engine=engine).requests
        passed = (requests["status"] == "ok").groupby(requests["arrived_s"]).sum()
        assert passed.tolist() == [20, 1, 5]


def test_senders_are_those_whom_the_gateway_took_them_for():
    """A limit that a user of the crowd cannot reach refuses the greedy client alone; a bad token is refused first."""
    run = served(sd.shop(8, per_user_per_s=100, burst=100), tokens={"valid": 0.8, "expired": 0.2})
    table = pd.crosstab(sd.senders(run), run.requests["status"])
    assert list(table.index) == list(SENDERS)
    assert table.loc["everybody else", "too many requests"] == 0 < table.loc["greedy client", "too many requests"]
    assert table.loc["bad token", "ok"] == 0 and table.loc["bad token", "unauthorized"] > 1_000
    assert table["unauthorized"].drop("bad token").sum() == 0
    sent = len(run.requests)
    assert table.loc["greedy client"].sum() / sent == pytest.approx(0.8 * 1_500 / 2_300, abs=0.01)
    assert (sd.senders(served(sd.shop(8), greedy_per_s=0)) == "everybody else").all()
    with pytest.raises(ValueError, match="senders"):
        sd.senders("run")


def test_the_chart_counts_what_each_sender_got():
    run = served(sd.shop(8), tokens={"valid": 0.9, "expired": 0.1})
    plot = who_got_what(run, {})
    assert [trace["name"] for trace in plot.traces] == list(LOOKS)
    table = pd.crosstab(sd.senders(run), run.requests["status"]) / run.seconds
    for name, status in (("answered", "ok"), ("401 unauthorized", "unauthorized"),
                         ("429 too many requests", "too many requests")):
        drawn = next(trace for trace in plot.traces if trace["name"] == name)
        bars = dict(zip([name.replace("<br>", " ") for name in drawn["y"]], drawn["x"], strict=True))
        assert bars == pytest.approx(table[status].to_dict(), rel=1e-3)
    ends = [np.add(trace["base"], trace["x"]) for trace in plot.traces]
    assert all(np.allclose(end, after["base"], rtol=1e-3) for end, after in zip(ends, plot.traces[1:], strict=False))
    assert f"each second {asked_per_s(run):,.0f} at the gateway" in plot.alt
    assert "everybody else: 100 % answered" in plot.alt
    failing = who_got_what(served(sd.shop(7)), {})
    assert sum(failing.traces[-1]["x"]) > 500 and "failed" in failing.traces[-1]["name"]


def panel(**settings):
    def build(users=12_000, bad=0.1, limit=5, retries=0):
        gateway = sd.shop(8, per_user_per_s=limit, burst=max(1, 2 * limit), ram_gb=2)
        tokens = {"valid": 1 - bad, "expired": bad} if bad else {"valid": 1}
        again = sd.Retry(times=retries, backoff="none")
        return gateway, crowd(users, tokens=tokens, retry=again)
    found = sd.explore(build, users=(1_000, 50_000), bad=(0, 0.9), limit=(0.02, 2_000), retries=(0, 5), seconds=30,
                       chart=who_got_what, goals=sd.goals("08"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({}, [False, False, False], "A limit a quarter higher does it, too"),
    ({"limit": 220}, [True, False, False], "A limit a fifth lower does it, too"),
    ({"limit": 300}, [False, False, False], "200 ms are asked for"),
    ({"limit": 1.05}, [False, True, False], "Half of the tokens must be bad"),
    ({"limit": 0.5}, [False, False, False], "99 % are asked for"),
    ({"users": 37_500, "bad": 0.5, "retries": 5}, [False, False, True], "Keep 12,000 users"),
    ({"users": 25_000, "bad": 0.5, "retries": 5}, [False, False, False], "A crowd a tenth larger"),
    ({"users": 45_000, "bad": 0.5, "retries": 5}, [False, False, False], "are asked for"),
    ({"users": 37_500, "bad": 0.5, "retries": 5, "limit": 100}, [False, False, False], "a limit of 10 a second")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_goals_can_be_reached_with_other_customers(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert panel(limit=220, seed=seed)["reached"][0]
    assert panel(limit=1.05, seed=seed)["reached"][1]


def test_what_the_explanations_of_lesson_8_say():
    gaps = np.random.default_rng(1).exponential(1, 100_000)
    assert (gaps < 1).mean() == pytest.approx(2 / 3, abs=0.05), "two of three gaps are shorter than the average"
    assert 12_000 * 4 / 60 == 800
    alone = sd.simulate(sd.shop(8), sd.Clients(users=12_000, routes=ROUTES), seconds=SECONDS, seed=1)
    plain = sd.simulate(sd.shop(7), sd.Clients(users=12_000, routes=ROUTES), seconds=SECONDS, seed=1)
    added_ms = alone.measures()["mean_ms"] - plain.measures()["mean_ms"]
    assert added_ms == pytest.approx(0.5, abs=0.01), "half a millisecond"
