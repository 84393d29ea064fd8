"""What lesson 11 claims, across seeds: nothing is lost, who becomes a dead letter, how long a queue drains, and what
comes back as a crowd."""

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.waiting_mail import messages_over_time
from sdlib.kernel import trace as codes
from sdlib.lessons.lesson_11 import OFF_S, OUTAGE, crowd, dead_percent, empty_after_s, herd_percent, mails
from sdlib.results import trace_rows
from sdlib.results.run import OUTCOMES

SEEDS = range(20)
WAITS = sd.Retry(10, "zero, then exponential", most_s=900)
BUYERS = sd.Clients(users=5_000, requests_per_minute=0.12)


def mailing(waits=WAITS, per_s=25, count=20, limit_per_s=30, idempotent=False, visibility_timeout_s=30, **provider):
    mail = sd.MailProvider(per_s=limit_per_s, name="mail provider", **provider)
    worker = sd.Worker(count, work_ms=5, calls=[mail], per_s=per_s, idempotent=idempotent, name="mail worker")
    queue = sd.Queue(worker, visibility_timeout_s, retry=waits, name="mail queue")
    return sd.Service(cpus=4, ram_gb=8, service_ms=30, calls=[queue], name="payment")


def sent(system, seed=1, seconds=300, clients=BUYERS, schedule=()):
    return sd.simulate(system, clients, seconds=seconds, seed=seed, schedule=schedule)


def panel_run(seed=0, seconds=1_200, **settings):
    system, clients, schedule = mails(**settings)
    return sent(system, seed, seconds, clients, schedule)


def interval(values):
    return sd.theory.confidence_interval(values, level=0.99)


def outcomes(run):
    return run.messages["outcome"].value_counts()


def attempts_per_s(run):
    """How often the provider was called, in each second of the run."""
    rows = trace_rows.rows_of(run, run.seconds)
    provider = [node.name for node in run.nodes].index("mail provider")
    times_s = rows["time_s"][(rows["what"] == codes.CALLED) & (rows["node"] == provider)]
    return np.bincount(times_s.astype(int), minlength=int(run.seconds))


def test_a_list_in_memory_loses_the_mails_of_an_outage_and_a_queue_loses_none():
    """And the payments notice neither."""
    buyers = sd.Clients(users=1_000, requests_per_minute=0.6, routes={"/payment": 1})
    for seed in SEEDS:
        before, after = (sent(sd.shop(lesson, down=((20, 80),)), seed, 240, buyers) for lesson in (10, 11))
        assert before.measures()["error_percent"] == after.measures()["error_percent"] == 0
        assert outcomes(before)["lost"] > 500
        assert outcomes(after)["lost"] == outcomes(after)["dead-lettered"] == 0
        assert outcomes(after)["delivered"] > 2_300


@pytest.mark.parametrize("settings", [{}, {"retries": 0}, {"retries": 3, "outage_s": 600}, {"failure_rate": 0.7},
                                      {"send_per_s": 60, "outage_s": 120}])
def test_nothing_is_lost(settings):
    """Sent = delivered + dead letters + waiting, exactly, before and after the redrive."""
    for seed in SEEDS:
        run = panel_run(seed, seconds=960, **settings)
        assert run.conservation()["balanced"].all()
        counts = outcomes(run)
        assert counts["lost"] == counts["expired"] == 0
        assert counts[["delivered", "dead-lettered", "waiting", "in progress"]].sum() == len(run.messages)
        assert set(counts.index) == set(OUTCOMES)
        last = run.backlog().iloc[-1]
        assert last["dead"] <= run.stations.loc["mail queue dead letters", "max_queue"]


@pytest.mark.parametrize("retries", [0, 1, 2, 3, 4, 6])
def test_a_mail_is_dead_when_all_its_attempts_fail(retries):
    system = mailing(sd.Retry(retries, "zero, then exponential"), failure_rate=0.5)
    runs = [sent(system, seed, 200) for seed in SEEDS]
    early = [run.messages[run.messages["sent_s"] < 100] for run in runs]
    assert all(messages["outcome"].isin(["delivered", "dead-lettered"]).all() for messages in early)
    dead = [(messages["outcome"] == "dead-lettered").mean() for messages in early]
    found, formula = interval(dead), sd.theory.all_fail(0.5, 1 + retries)
    assert found.low <= formula <= found.high
    assert all(run.messages.loc[run.messages["outcome"] == "dead-lettered", "receives"].eq(1 + retries).all()
               for run in runs)


def test_ten_retries_wait_511_s_and_are_eleven_receives():
    assert sum(WAITS.delays_s()) == 511 == sum(2**doubled for doubled in range(9))
    instant = {"failure_rate": 1.0, "latency_ms": 0.0}
    system = sd.Queue(sd.Worker(1, work_ms=0, calls=[sd.MailProvider(**instant)]), retry=WAITS)
    one = sd.Clients(users=1, arrivals_s=[0.0])
    for engine in ("compiled", "reference"):
        run = sd.simulate(system, one, seconds=600, engine=engine)
        message = run.messages.iloc[0]
        assert message["receives"] == 11 and message["outcome"] == "dead-lettered"
        assert message["done_s"] == pytest.approx(511)
        received = run.story(0)[lambda story: story["what"].str.contains("receives")]["when_s"]
        assert received.tolist() == pytest.approx([0, 0, 1, 3, 7, 15, 31, 63, 127, 255, 511])


def test_after_an_outage_the_queue_shrinks_by_what_is_sent_less_what_comes():
    buyers = sd.Clients(users=5_000, requests_per_minute=0.12)
    times_s = [empty_after_s(sent(mailing(down=OUTAGE), seed, 600, buyers)) for seed in SEEDS]
    found = interval(times_s)
    assert found.low <= 240 * 10 / (25 - 10) <= found.high + 5 and found.half_width < 5
    assert min(times_s) > 130 and max(times_s) < 200


def test_at_25_a_second_the_provider_turns_nobody_away_and_at_35_it_does_and_ends_later():
    for seed in SEEDS:
        slow, fast = (sent(mailing(per_s=rate, down=OUTAGE), seed, 700) for rate in (25, 35))
        turned_away = [run.stations.loc["mail provider", "failed"] for run in (slow, fast)]
        assert turned_away[0] == 0 and turned_away[1] > 400
        assert empty_after_s(fast) > empty_after_s(slow)
        assert attempts_per_s(slow).max() <= 26


def test_the_same_waits_for_all_bring_the_crowd_back_and_jitter_or_a_pace_takes_it_apart():
    off = [sd.at(OFF_S[0], "kill", "mail worker", for_s=OFF_S[1] - OFF_S[0])]
    jitter = sd.Retry(10, "zero, then exponential", most_s=900, jitter="full")
    dead, seconds = [], 700
    for seed in SEEDS:
        none, same, spread, paced = (
            sent(mailing(waits, per_s, count=1_000), seed, seconds, schedule=off)
            for waits, per_s in ((sd.Retry(10, "none"), None), (WAITS, None), (jitter, None), (WAITS, 25)))
        dead.append(herd_percent(same))
        assert 35 < herd_percent(same) < 65
        assert herd_percent(none) > 85, "without a wait all receives are used up at once"
        assert herd_percent(spread) == herd_percent(paced) == 0
        came = OFF_S[1]
        moments = came + np.cumsum(WAITS.delays_s()).astype(int)
        peaks = attempts_per_s(same)
        assert all(peaks[moment] > 200 for moment in moments)
        assert peaks[came + 8:came + 15].max() < 60, "and nobody comes in between"
        assert attempts_per_s(spread)[moments[4:]].max() < peaks[moments[4:]].min()
        assert attempts_per_s(paced).max() <= 26
    found = interval(dead)
    assert found.low > 40 and found.high < 55, "ten moments, and each time some 30 of 600 pass"


def test_a_message_that_is_hidden_for_less_than_its_work_is_sent_twice():
    """And a worker that looks up what was done helps only where the first had finished."""
    for seed in SEEDS:
        long, short, looks_up = (sent(mailing(visibility_timeout_s=seconds, idempotent=idempotent), seed)
                                 for seconds, idempotent in ((30, False), (1, False), (1, True)))
        twice = [(run.messages["times_done"] > 1).sum() for run in (long, short, looks_up)]
        assert twice[0] == 0 and twice[1] > 50
        assert long.stations.loc["mail worker", "duplicates"] == 0 < short.stations.loc["mail worker", "duplicates"]
        assert looks_up.stations.loc["mail worker", "duplicates"] <= short.stations.loc["mail worker", "duplicates"]
    skipped = [sent(mailing(visibility_timeout_s=1, idempotent=True), seed).stations.loc["mail worker", "skipped"]
               for seed in SEEDS]
    assert sum(skipped) > 0


def test_a_mail_to_nobody_takes_all_its_receives_unless_its_error_is_looked_at():
    def hopeless(receives, error):
        return error == "not found"
    mail = sd.MailProvider(unknown_share=0.05)
    for seed in SEEDS:
        counts = []
        for rule in (None, hopeless):
            queue = sd.Queue(sd.Worker(20, 5, calls=[mail]), retry=WAITS, dead_letter=rule, name="mail queue")
            run = sent(sd.Service(4, 8, 30, calls=[queue]), seed, 900)
            early = run.messages[run.messages["sent_s"] < 300]
            poison = early[early["outcome"] == "dead-lettered"]
            assert len(poison) / len(early) == pytest.approx(0.05, abs=0.015)
            counts.append(poison["receives"].unique().tolist())
            assert (early.loc[early["outcome"] == "delivered", "receives"] == 1).all()
        assert counts == [[11], [1]]


def test_a_redrive_gives_dead_letters_another_life():
    for seed in SEEDS:
        run = panel_run(seed, retries=1, outage_s=120)
        dead = run.backlog().set_index("second")["dead"]
        assert dead[dead.index < 900].max() > 200
        assert dead[dead.index > 960].max() < 60, "what fails again comes back"
        redriven = run.incidents[run.incidents["what"] == "redriven"]
        assert redriven["time_s"].tolist() == [900] and run.conservation()["balanced"].all()


def test_the_chart_shows_what_waits_is_hidden_and_is_dead():
    run = panel_run(retries=2)
    live, dead = messages_over_time(run, {})
    backlog = run.backlog()
    assert [trace["name"] for trace in live.traces + dead.traces] == ["waiting", "hidden", "dead letters"]
    for trace, part in zip(live.traces + dead.traces, ("visible", "hidden", "dead"), strict=True):
        assert trace["y"] == pytest.approx(backlog[part], rel=1e-3)
    for plot in (live, dead):
        assert all(max(trace["y"]) <= plot.y["range"][1] for trace in plot.traces)
        assert [shape["type"] for shape in plot.shapes] == ["rect", "line"]
        assert (plot.shapes[0]["x0"], plot.shapes[0]["x1"], plot.shapes[1]["x0"]) == (1, 5, 15)
    assert "mail provider was down from 60 s to 300 s" in live.alt and "redriven at 900 s" in live.alt
    assert f"at most {backlog['visible'].max():,} waiting" in live.alt
    calm, few = messages_over_time(panel_run(outage_s=0, seconds=100), {})
    assert calm.shapes == few.shapes == [] and (calm.y["range"], few.y["range"]) == ([0, 1_000], [0, 10])


def test_a_redrive_of_a_few_dead_letters_can_be_seen():
    """A few hundred among 12,000 mails, as the panel begins: a good part of the height, until they are redriven."""
    live, dead = messages_over_time(panel_run(retries=6), {})
    (letters,), end = dead.traces, dead.y["range"][1]
    before, after = (max(y for x, y in zip(letters["x"], letters["y"], strict=True) if low < x < high)
                     for low, high in ((14, 15), (15.1, 16)))
    assert before > end / 3 and after < end / 10 and end < live.y["range"][1] / 5


def test_a_run_without_messages_is_refused():
    with pytest.raises(ValueError, match="messages_over_time"):
        messages_over_time("run", {})


def panel(**settings):
    def build(retries=6, failure_rate=0.1, send_per_s=25, outage_s=240):
        return mails(retries, failure_rate, send_per_s, outage_s)
    found = sd.explore(build, retries=(0, 10), failure_rate=(0, 0.9), send_per_s=(10, 60), outage_s=(0, 600),
                       seconds=1_200, chart=messages_over_time, goals=sd.goals("11"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({}, [False, False, False], "One retry less does it, too"),
    ({"retries": 6}, [False, False, False], "ten are allowed"),
    ({"retries": 9}, [True, False, False], "Keep an outage of 0 s"),
    ({"retries": 7}, [False, False, False], "ten are allowed"),
    ({"retries": 6, "outage_s": 0, "failure_rate": 0.58}, [False, False, False], "10 retries"),
    ({"outage_s": 0, "failure_rate": 0.58}, [False, True, False], "Keep an outage of 240 s"),
    ({"outage_s": 0, "failure_rate": 0.5}, [False, False, False], "A failure rate 0.05 higher does it, too"),
    ({"outage_s": 0, "failure_rate": 0.66}, [False, False, False], "150 are allowed"),
    ({"outage_s": 600, "failure_rate": 0.25, "send_per_s": 29}, [False, False, True], "Keep an outage of 240 s"),
    ({"outage_s": 600, "failure_rate": 0.25, "send_per_s": 25}, [False, False, False], "50 and 1 % are allowed"),
    ({"outage_s": 600, "failure_rate": 0.25, "send_per_s": 32}, [False, False, False], "tenth lower does it, too")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**{"retries": 10} | settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_goals_can_be_reached_with_other_customers(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert panel(retries=9, seed=seed)["reached"][0]
    assert panel(outage_s=0, retries=10, failure_rate=0.58, seed=seed)["reached"][1]
    assert panel(outage_s=600, retries=10, failure_rate=0.25, send_per_s=29, seed=seed)["reached"][2]


def test_the_shop_drains_as_the_lesson_s_prediction_says():
    run = sent(sd.shop(11, down=OUTAGE), 1, 500, crowd())
    assert 150 <= empty_after_s(run) < 170 and dead_percent(run) == 0
    assert crowd().users * 4 / 60 * 0.03 == pytest.approx(10), "payments a second"
    assert round(0.4**-11, -3) == 24_000, "1 in 24,000"
