"""What lesson 09 claims, across seeds: the mail's time, outages and limit become the checkout's."""

import math

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.checkout import (
    all_held_from_ms,
    checkout_against_mail,
    own_times_ms,
    threads,
    threads_held,
)
from sdlib.lessons.lesson_09 import EASY, checkouts, fewest_threads, mail_down
from sdlib.lessons.shop import ROUTES

SEEDS = range(20)


def served(seed, users=12_000, seconds=60, **knobs):
    return sd.simulate(sd.shop(9, **knobs), checkouts(users), seconds=seconds, seed=seed)


def interval(values):
    return sd.theory.confidence_interval(values, level=0.99)


def summary(runs, name):
    return interval([float(run.measures()[name]) for run in runs])


def mails(run):
    return int(run.stations.loc["mail provider", "served"])


def paid(run):
    """Checkouts that got as far as the mail."""
    return int(run.traffic.groupby("called", observed=True)["calls"].sum()["notification"])


@pytest.fixture(scope="module")
def alone_ms():
    """Checkouts without a mail, of other customers than those of the tests."""
    return served(seed=500, mail_ms=0, seconds=1_500).ascending_ms


def test_the_shop_of_lesson_8_sends_no_mail_and_that_of_lesson_9_one_for_each_success_page():
    for seed in SEEDS:
        assert "mail provider" not in sd.simulate(sd.shop(8), checkouts(), seconds=5, seed=seed).stations.index
        run = served(seed)
        answered = int(run.measures()["answered"])
        assert run.measures()["failed"] == 0 and answered <= mails(run) <= answered + run.measures()["in_flight"]


@pytest.mark.parametrize("mail_ms", [30, 60, 100, 300])
def test_the_p99_of_payment_and_mail_is_the_quantile_of_the_sum_and_not_the_sum_of_the_p99(mail_ms, alone_ms):
    found = summary([served(seed, seconds=200, mail_ms=mail_ms) for seed in SEEDS], "p99_ms")
    formula = sd.theory.quantile_of_sum(alone_ms, mail_ms)
    assert found.low <= formula <= found.high and found.half_width < 0.03 * formula
    of_the_parts = np.quantile(alone_ms, 0.99), -mail_ms * math.log(0.01)
    assert max(of_the_parts) < found.low and found.high < sum(of_the_parts)


def test_the_means_do_add_up(alone_ms):
    found = summary([served(seed, seconds=200, mail_ms=100) for seed in SEEDS], "mean_ms")
    assert found.low <= alone_ms.mean() + 100 <= found.high


def test_what_the_prediction_says_of_payment_and_of_the_mail(alone_ms):
    assert alone_ms.mean() == pytest.approx(65, abs=1)
    assert np.quantile(alone_ms, 0.99) == pytest.approx(181, abs=2)
    assert round(np.quantile(alone_ms, 0.99), -1) == 180, "about 180 ms"
    assert -100 * math.log(0.01) == pytest.approx(460, abs=1) and 460 + 180 == 640
    assert 4 * 1000 / sd.shop(9).services["/payment"].service_ms == pytest.approx(133, abs=0.5)
    assert checkouts(20_000).requests_per_second == pytest.approx(40)


def test_mail_down_is_no_success_page():
    """The share that fails is the outage's, and that of the mails which it cuts short: those under way at its start."""
    runs = [served(seed, seconds=300, down=((60, 180),)) for seed in SEEDS]
    found = summary(runs, "error_percent")
    cut_short_s = 0.3
    assert found.low <= 100 * (120 + cut_short_s) / 300 <= found.high and found.half_width < 1
    for run in runs:
        during = run.requests.query("60 < arrived_s < 179")["status"]
        assert len(during) > 2_000 and not (during == "ok").any()
        assert paid(run) >= len(run.requests) - run.measures()["in_flight"], "all who failed have paid"
        assert run.conservation()["balanced"].all()


def test_without_the_mail_in_between_nobody_notices_the_outage():
    """The other pages, and the shop of lesson 8."""
    system, crowd = mail_down()
    for seed in range(5):
        run = sd.simulate(system, crowd, seconds=60, seed=seed)
        failed = run.requests.loc[~run.requests["status"].isin(["ok", "in flight"]), "route"]
        assert len(failed) > 300 and set(failed) == {"/payment"}
        assert sd.simulate(sd.shop(8), checkouts(), seconds=60, seed=seed).measures()["failed"] == 0


def test_a_share_of_mails_that_fail_is_a_share_of_checkouts_that_fail():
    found = summary([served(seed, seconds=100, failure_rate=0.1) for seed in SEEDS], "error_percent")
    assert found.low <= 10 <= found.high and found.half_width < 1


@pytest.mark.parametrize("mail_ms", [300, 3_000])
def test_threads_held_are_the_rate_times_payment_and_mail(mail_ms, alone_ms):
    """From the tenth mean on, when those that came first have left: Little's law, as the samples see it."""
    held = []
    for seed in SEEDS:
        seen = served(seed, seconds=300, mail_ms=mail_ms).samples.query("station == 'payment threads'")
        held.append(seen.loc[seen["second"] > mail_ms / 100, "busy"].mean())
    found = interval(held)
    formula = 24 * (alone_ms.mean() + mail_ms) / 1000
    assert found.low <= formula <= found.high and found.half_width < 0.05 * formula


def test_a_slow_mail_takes_all_threads_then_the_checkouts_queue_and_payment_crashes(alone_ms):
    """24 come, 200 threads finish 20 a second, and 4 a second more wait, until 1,024 fill the memory."""
    can_do = 200 / (10 + alone_ms.mean() / 1000)
    done, full_s = [], []
    for seed in SEEDS:
        run = served(seed, seconds=400, mail_ms=10_000)
        table = run.requests
        done.append(table["finished_s"][table["status"] == "ok"].between(60, 160).sum() / 100)
        full_s.append(float(run.incidents.query("station == 'payment'")["time_s"].min()))
        late = run.samples.query("station == 'payment threads' and 60 < second < 160")
        assert (late["busy"] == 200).mean() > 0.9 and run.stations.loc["payment", "utilization"] < 0.25
        assert not table["status"].isin(["failed", "too many requests"]).any(), "the provider fails none"
    found = interval(done)
    assert found.low <= can_do <= found.high and found.half_width < 0.6
    assert np.median(full_s) == pytest.approx((1_024 - 200) / (24 - can_do) + 10, rel=0.15)


def test_no_thread_is_short_when_the_mail_takes_its_usual_time():
    for seed in SEEDS:
        assert served(seed).stations.loc["payment threads", "max_queue"] == 0


def test_the_provider_s_limit_is_the_shop_s_and_more_cores_do_not_move_it():
    runs = [served(seed, users=20_000, seconds=200) for seed in SEEDS]
    done = interval([run.measures()["answered"] / run.seconds for run in runs])
    assert done.mean == pytest.approx(30, abs=0.3), "30 a second, and the burst of the beginning"
    failed = summary(runs, "error_percent")
    assert failed.mean == pytest.approx(25, abs=1)
    for seed in range(5):
        larger = served(seed, users=20_000, seconds=200, cpus=16)
        assert abs(larger.measures()["answered"] - runs[seed].measures()["answered"]) < 0.01 * len(larger.requests)
        assert set(runs[seed].requests["status"]) == {"ok", "too many requests", "in flight"}
        assert paid(runs[seed]) > 1.3 * runs[seed].measures()["answered"]


@pytest.mark.parametrize("figures", [(24, 0, 300, 0.1), (10, 0, 1_000, 0.05)])
def test_the_thread_budget_of_the_hard_exercise_holds_in_runs(figures):
    """With that many threads at most this share of the time none is free; with one less it is more (Erlang C)."""
    per_s, _, mail_ms, share = figures
    waits = {}
    for count in (fewest_threads(*figures), fewest_threads(*figures) - 1):
        payment = sd.Service(cpus=64, ram_gb=64, service_ms=0, threads=count,
                             calls=[sd.MailProvider(latency_ms=mail_ms)])
        crowd = sd.Clients(users=1_000, requests_per_minute=60 * per_s / 1_000)
        runs = [sd.simulate(payment, crowd, seconds=600, seed=seed) for seed in SEEDS]
        waits[count] = interval([(run.requests["latency_ms"].size and _none_free(run, count)) for run in runs])
        formula = sd.theory.erlang_c(count, per_s * mail_ms / 1000)
        assert waits[count].low <= formula <= waits[count].high
    enough, one_less = waits
    assert waits[enough].low <= share < waits[one_less].high


def _none_free(run, count):
    """The share of the time at which no thread is free: those who come at random moments meet it as often."""
    seen = run.samples.query("station == 'server threads' or station == 'service threads'")
    return float((seen.loc[seen["second"] > 30, "busy"] == count).mean())


def test_the_bursts_of_the_reference_run():
    payment = sd.Service(cpus=64, ram_gb=8, service_ms=0, calls=[sd.MailProvider(latency_ms=300, per_s=30)])
    for engine in ("compiled", "reference"):
        run = sd.simulate(payment, sd.Clients(users=1, arrivals_s=[0.0] * 40), seconds=5, engine=engine)
        assert run.requests["status"].value_counts()[["ok", "too many requests"]].tolist() == [30, 10]


def test_the_gateway_refuses_nobody_once_the_greedy_client_has_left():
    for seed in SEEDS:
        run = sd.simulate(sd.shop(9), sd.Clients(users=12_000, routes=ROUTES), seconds=10, seed=seed)
        assert run.stations.loc["gateway", "failed"] == 0 and (sd.senders(run) == "everybody else").all()


def test_the_chart_draws_the_formulas_and_stands_where_the_run_is(alone_ms):
    run = served(1, seconds=200)
    assert own_times_ms(run).mean() == pytest.approx(alone_ms.mean(), rel=0.03)
    assert np.quantile(own_times_ms(run), 0.99) == pytest.approx(np.quantile(alone_ms, 0.99), rel=0.05)
    settings = {"mail_ms": 300, "failing": 0.0, "users": 12_000}
    plot = checkout_against_mail(run, settings)
    own, both, wall, _, here = plot.traces
    assert here["x"] == [300] and here["y"][0] == pytest.approx(run.measures()["p99_ms"], rel=1e-3)
    at_run = np.interp(math.log(300), np.log(both["x"]), np.log(both["y"]))
    assert math.exp(at_run) == pytest.approx(here["y"][0], rel=0.1)
    assert own["y"][0] == own["y"][1] < min(both["y"])
    assert wall["x"][0] == pytest.approx(1000 * 200 / 24 - alone_ms.mean(), rel=0.01)
    assert f"{threads_held(run):.2f} of {threads(run)} threads held on average" in plot.alt
    assert here["name"] == "this run" and "answered" not in plot.alt
    sale = served(1, users=20_000)
    assert all_held_from_ms(sale, 65) == pytest.approx(1000 * (200 - 40 * 0.065) / 30), "30 of 40 mails are let in"


def test_the_chart_says_of_how_many_the_p99_is_where_many_are_still_inside():
    run = served(1, mail_ms=22_000, seconds=50)
    measures = run.measures()
    assert measures["in_flight"] > measures["answered"] and measures["failed"] == 0
    plot = checkout_against_mail(run, {"mail_ms": 22_000, "failing": 0.0, "users": 12_000})
    assert f"p99 {measures['p99_ms'] / 1000:.1f} s of {measures['answered']:.0f} answered" in plot.alt
    assert f", {measures['in_flight']:.0f} still inside, " in plot.alt and "still inside" in plot.notes[0]["text"]
    assert plot.traces[-1]["name"] == "this run, those answered"


def test_who_paid_and_was_not_answered_stood_at_the_mail():
    """Payment's threads at the crash, and those held when the run ended; nobody else."""
    run = served(1, seconds=300, mail_ms=10_000)
    (crash,) = run.incidents.itertuples()
    assert crash.station == "payment" and crash.what == "crashed"
    unanswered = paid(run) - int(run.measures()["answered"])
    assert unanswered == pytest.approx(2 * 200, abs=10) and not (run.requests["status"] == "failed").any()
    assert all(run.samples.query(f"station == 'payment threads' and {at_s} - 2 < second < {at_s}")["busy"].min() > 190
               for at_s in (crash.time_s, 300))


@pytest.mark.parametrize("users", [1_000, 1_000_000])
def test_the_chart_of_a_crowd_that_gets_nothing_or_never_fills_the_threads(users):
    run = served(1, users=users, seconds=20, failure_rate=1.0)
    trail = []
    plot = checkout_against_mail(run, {"mail_ms": 300, "failing": 1.0, "users": users}, trail)
    assert plot.traces[-1]["y"] == [None] and "p99 -" in plot.alt
    assert "all threads held" not in [trace["name"] for trace in plot.traces]
    plot = checkout_against_mail(run, {"mail_ms": 301, "failing": 1.0, "users": users}, trail)
    assert len(trail) == 2 and plot.traces[-2]["showlegend"]


def panel(**settings):
    def build(mail_ms=300, failing=0.0, users=12_000):
        return sd.shop(9, mail_ms=mail_ms, failure_rate=failing), checkouts(users)
    found = sd.explore(build, mail_ms=(10, 30_000), failing=(0, 1, 0.01), users=(1_000, 1_000_000), seconds=50,
                       chart=checkout_against_mail, goals=sd.goals("09"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({}, [False, False, False], "1,000 ms are asked for"),
    ({"mail_ms": 200}, [True, False, False], "about a mail of 8,000 ms"),
    ({"mail_ms": 100}, [False, False, False], "A mail that takes a tenth longer"),
    ({"mail_ms": 200, "users": 6_000}, [False, False, False], "Keep 12,000 users"),
    ({"mail_ms": 8_000, "users": 11_000}, [False, True, False], "Let 0.05 of the mails fail"),
    ({"mail_ms": 8_000, "users": 6_000}, [False, False, False], "does not wait either"),
    ({"mail_ms": 8_000, "users": 20_000}, [False, False, False], "waited for a thread"),
    ({"failing": 0.05, "users": 16_000}, [False, False, True], "Keep 12,000 users"),
    ({"failing": 0.05, "users": 12_000}, [False, False, False], "A crowd a tenth larger"),
    ({"failing": 0.05, "users": 30_000}, [False, False, False], "90 % are asked for")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_goals_can_be_reached_with_other_customers(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert any(panel(mail_ms=mail_ms, seed=seed)["reached"][0] for mail_ms in (190, 205, 220))
    assert any(panel(mail_ms=8_000, users=users, seed=seed)["reached"][1] for users in (10_300, 11_000, 11_700, 12_400))
    assert any(panel(failing=0.05, users=users, seed=seed)["reached"][2] for users in (15_000, 16_000, 17_000))


def test_what_the_explanations_of_lesson_9_say():
    assert sum(ROUTES.values()) == pytest.approx(1) and ROUTES["/payment"] == 0.03
    assert sd.theory.availability(0.999, 0.99) == pytest.approx(0.989, abs=1e-4) and (99.9 + 99) / 2 == 99.45
    assert -math.log(0.01) == pytest.approx(4.605, abs=1e-3)
    held = 24 * 3.065
    in_reserve = (fewest_threads(24, 65, 3_000, 0.01) - held) / math.sqrt(held)
    assert 2 < in_reserve < 3, "the square root of the mean, two or three times"
    assert len(EASY.misconceptions) == 2
