"""Messages: what waits, hides, comes back, dies and is brought back, by hand and by count."""

import math

import numpy as np
import pytest
from compare import examples, run_both
from hypothesis import given
from systems import message_cases, tied_message_cases

import sdlib as sd
from sdlib.components.worker import ROOM_TO_RECEIVE
from sdlib.engine.room import A_STEP

DOCUMENTS_WAITS_S = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]


def at_once(*times_s):
    return sd.Clients(users=1, arrivals_s=sorted(times_s))


def steady_worker(work_s=0.25, **knobs):
    return sd.Worker(work_ms=1000 * work_s, distribution="constant", **knobs)


def outcomes(run):
    return run.messages["outcome"].tolist()


def is_within(share, successes, trials, level=0.95):
    """Whether a share lies in the interval of what was counted."""
    interval = sd.theory.share_interval(successes, trials, level)
    return interval.low <= share <= interval.high


def visible_s(run, message):
    """When the message could be received."""
    story = run.story(message)
    return story["when_s"][story["what"] == "the message can be received"].tolist()


@examples(150)
@given(case=message_cases())
def test_random_message_systems(case):
    assert run_both(*case).conservation()["balanced"].all()


@examples(150)
@given(case=tied_message_cases())
def test_random_message_systems_in_which_many_events_coincide(case):
    assert run_both(*case).conservation()["balanced"].all()


def test_no_step_asks_for_more_room_than_there_is():
    assert ROOM_TO_RECEIVE <= A_STEP, "else it would ask for ever"


# --- retries and dead letters

@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("retries", range(6))
def test_the_share_of_dead_letters_is_p_to_the_power_of_all_attempts(share, retries):
    queue = sd.Queue(sd.Worker(count=50, work_ms=1, failure_rate=share), retry=sd.Retry(retries, "none"))
    run = sd.simulate(queue, at_once(*np.arange(20_000) * 0.001), seconds=60, seed=retries)
    sent, dead = len(run.messages), outcomes(run).count("dead-lettered")
    assert outcomes(run).count("delivered") + dead == sent == 20_000
    assert is_within(share ** (1 + retries), dead, sent, level=1 - 0.05 / 24)
    assert (run.messages["receives"][run.messages["outcome"] == "dead-lettered"] == 1 + retries).all()


def test_ten_retries_of_the_document_wait_for_511_seconds():
    queue = sd.Queue(steady_worker(0.0, failure_rate=1.0), retry=sd.Retry(10, "zero, then exponential", most_s=900))
    run = run_both(queue, at_once(0.0), 600)
    assert np.diff(visible_s(run, 0)).tolist() == DOCUMENTS_WAITS_S and sum(DOCUMENTS_WAITS_S) == 511
    assert run.messages[["receives", "done_s", "outcome"]].values.tolist() == [[11, 511.0, "dead-lettered"]]


@pytest.mark.parametrize("jitter, lowest, highest", [
    ("full", 0.0, 4.0), ("equal", 2.0, 4.0), ("decorrelated", 4.0, 12.0)])
def test_jitter_spreads_the_waits(jitter, lowest, highest):
    queue = sd.Queue(steady_worker(0.0, count=500, failure_rate=1.0),
                     retry=sd.Retry(1, "constant", first_s=4, jitter=jitter))
    run = sd.simulate(queue, at_once(*[0.0] * 500), seconds=20)
    waits_s = run.messages["done_s"].to_numpy()
    assert lowest <= waits_s.min() < lowest + 0.1 * (highest - lowest)
    assert highest - 0.1 * (highest - lowest) < waits_s.max() <= highest


def test_waits_of_a_function_of_ones_own():
    queue = sd.Queue(steady_worker(0.0, failure_rate=1.0), retry=sd.Retry(3, lambda attempt: 5 * attempt))
    assert np.diff(visible_s(run_both(queue, at_once(0.0), 60), 0)).tolist() == [5, 10, 15]


def test_a_rule_of_ones_own_sends_what_cannot_go_well_to_the_dead_letters_at_once():
    mail = sd.MailProvider(latency_ms=0, distribution="constant", unknown_share=0.3, failure_rate=0.2)
    queue = sd.Queue(steady_worker(0.0, calls=[mail]), retry=sd.Retry(10, "none"),
                     dead_letter=lambda receives, error: error == "not found")
    run = run_both(queue, at_once(*np.arange(2_000) * 0.01), 60)
    dead = run.messages[run.messages["outcome"] == "dead-lettered"]
    assert is_within(0.3, len(dead), 2_000) and dead["receives"].max() < 11
    without = run_both(sd.Queue(queue.worker, retry=sd.Retry(10, "none")), at_once(*np.arange(500) * 0.01), 60)
    poison = without.messages[without.messages["outcome"] == "dead-lettered"]
    assert len(poison) > 100 and (poison["receives"] == 11).all(), "poison takes all its receives"


# --- hidden messages

def test_a_visibility_timeout_of_60_s_changed_to_10_s_after_15_s_ends_after_25_s():
    queue = sd.Queue(steady_worker(15, failure_rate=1.0), visibility_timeout_s=60,
                     retry=sd.Retry(5, "constant", first_s=10))
    assert visible_s(run_both(queue, at_once(0.0), 30), 0) == [0.0, 25.0]


def test_the_message_of_a_killed_worker_reappears_after_the_visibility_timeout_and_not_before():
    queue = sd.Queue(steady_worker(5), visibility_timeout_s=30)
    run = run_both(queue, at_once(0.0), 60, schedule=[sd.at(2, "kill", "worker", for_s=1)])
    assert visible_s(run, 0) == [0.0, 30.0]
    assert run.messages[["receives", "done_s", "outcome"]].values.tolist() == [[2, 35.0, "delivered"]]


def test_a_pool_that_is_down_receives_nothing_until_it_is_restored():
    schedule = [sd.at(0, "kill", "worker"), sd.at(10, "restore", "worker")]
    run = run_both(sd.Queue(steady_worker(1, count=3)), at_once(1.0, 2.0), 20, schedule=schedule)
    assert run.messages["done_s"].tolist() == [11.0, 11.0]


def test_a_pool_that_is_killed_again_while_it_is_down_comes_back_at_the_later_time():
    schedule = [sd.at(0, "kill", "worker", for_s=4), sd.at(2, "kill", "worker", for_s=6)]
    run = run_both(sd.Queue(steady_worker(1, count=3)), at_once(1.0), 20, schedule=schedule)
    assert run.messages["done_s"].tolist() == [9.0]


def test_a_batch_is_hidden_from_one_instant_on_so_its_last_messages_may_reappear_before_their_turn():
    """Ten messages of 1 s each in one receive, a timeout of 5 s: five are visible again while they are worked on."""
    run = run_both(sd.Queue(steady_worker(1, batch=10), visibility_timeout_s=5), at_once(*[0.0] * 10), 60)
    assert run.messages["receives"].iloc[:3].tolist() == [1, 1, 1]
    assert run.messages["times_done"].sum() >= 10 and (run.messages["outcome"] == "delivered").all()
    one_by_one = run_both(sd.Queue(steady_worker(1), visibility_timeout_s=5), at_once(*[0.0] * 10), 60)
    assert (one_by_one.messages["receives"] == 1).all()


def test_a_receive_brings_ten_messages_at_most():
    with pytest.raises(ValueError, match="batch must be a whole number from 1 to 10"):
        sd.Worker(batch=11)


def test_work_that_takes_longer_than_the_timeout_is_done_twice_unless_the_consumer_remembers():
    def run_with(idempotent):
        worker = sd.Worker(count=4, work_ms=400, idempotent=idempotent)
        queue = sd.Queue(worker, visibility_timeout_s=0.5, max_receives=20)
        return run_both(queue, at_once(*np.arange(300) * 0.3), 200)
    twice, once = run_with(False), run_with(True)
    assert (twice.messages["times_done"] > 1).sum() > 20
    assert twice.stations.loc["worker", "duplicates"] == (twice.messages["times_done"] - 1).clip(lower=0).sum()
    assert once.stations.loc["worker", "duplicates"] < twice.stations.loc["worker", "duplicates"]
    assert once.stations.loc["worker", "skipped"] > 0


def test_a_delayed_message_cannot_be_received_before():
    run = run_both(sd.Queue(steady_worker(1), delay_s=7), at_once(1.0), 20)
    assert visible_s(run, 0) == [8.0] and run.messages["done_s"].tolist() == [9.0]


def test_the_age_counts_from_the_first_enqueue_also_among_the_dead_letters():
    queue = sd.Queue(steady_worker(0.0, failure_rate=1.0), retry=sd.Retry(2, "constant", first_s=10), retention_s=60)
    run = run_both(queue, at_once(5.0), 100)
    assert run.messages[["receives", "done_s", "outcome"]].values.tolist() == [[3, 65.0, "expired"]]


def test_a_redriven_message_begins_a_new_age_as_with_sqs():
    queue = sd.Queue(steady_worker(0.0, failure_rate=1.0), retry=sd.Retry(0), retention_s=60)
    run = run_both(queue, at_once(0.0), 200, schedule=[sd.at(50, "redrive", "queue")])
    assert run.messages[["receives", "done_s", "outcome"]].values.tolist() == [[2, 110.0, "expired"]]


# --- who loses what

def test_deleting_after_work_loses_nothing_and_deleting_before_loses_what_is_in_work():
    kills = [sd.at(second, "kill", "worker", for_s=0.5) for second in (5, 15, 25)]

    def run_with(delete):
        queue = sd.Queue(steady_worker(1, count=2, delete=delete), visibility_timeout_s=10)
        return run_both(queue, at_once(*np.arange(60) * 0.5), 200, schedule=kills)
    assert outcomes(run_with("after work")) == ["delivered"] * 60
    before = run_with("before work")
    assert outcomes(before).count("lost") == before.stations.loc["worker", "lost"] > 0
    assert outcomes(before).count("delivered") + outcomes(before).count("lost") == 60


def test_a_list_in_memory_dies_with_its_worker():
    queue = sd.Queue(steady_worker(1), in_memory=True)
    schedule = [sd.at(3.5, "kill", "worker", for_s=2)]
    run = run_both(queue, at_once(*[0.0] * 10, 4.0, 6.0), 20, schedule=schedule)
    assert outcomes(run) == ["delivered"] * 3 + ["lost"] * 8 + ["delivered"]
    assert run.messages["done_s"].tolist()[3:11] == [3.5] * 7 + [4.0]


def test_a_list_in_memory_forgets_what_failed():
    run = run_both(sd.Queue(sd.Worker(count=20, work_ms=10, failure_rate=0.3), in_memory=True),
                   at_once(*np.arange(2_000) * 0.01), 60)
    assert is_within(0.3, outcomes(run).count("lost"), 2_000)


# --- the provider's limit

@pytest.mark.parametrize("per_s, rejected_per_s", [(25, 0), (30, 0), (35, 5)])
def test_a_provider_rejects_what_comes_above_its_limit(per_s, rejected_per_s):
    mail = sd.MailProvider(latency_ms=10, distribution="constant", per_s=30)
    queue = sd.Queue(sd.Worker(count=5, work_ms=0, per_s=per_s, calls=[mail]), visibility_timeout_s=1_000)
    run = run_both(queue, at_once(*[0.0] * 4_000), 60)
    rejected, seconds_until_empty = run.stations.loc["mail provider", "failed"], 30 / max(per_s - 30, 1e-9)
    assert rejected == pytest.approx(rejected_per_s * max(60 - seconds_until_empty, 0), abs=2)
    assert run.stations.loc["mail provider", "served"] + rejected == pytest.approx(60 * per_s, abs=2)


def test_paced_sending_is_evenly_spaced():
    run = run_both(sd.Queue(steady_worker(0.0, count=3, per_s=25)), at_once(*[0.0] * 50), 10)
    assert np.allclose(np.sort(run.messages["done_s"]), np.arange(50) / 25, atol=1e-9)


def test_an_outage_of_the_provider_costs_time_and_no_message():
    mail = sd.MailProvider(latency_ms=50, per_s=30, down=[(10, 130)])
    queue = sd.Queue(sd.Worker(count=5, work_ms=0, per_s=25, calls=[mail]),
                     retry=sd.Retry(10, "zero, then exponential", most_s=900))
    run = run_both(queue, at_once(*np.arange(600) * 0.1), 900)
    assert outcomes(run) == ["delivered"] * 600
    backlog = run.backlog()
    assert backlog["hidden"].max() > 300 and backlog["oldest_s"].max() > 100
    assert backlog["visible"].iloc[-1] == backlog["hidden"].iloc[-1] == 0


# --- redrive: the faults of others (see the anchors)

def test_a_redrive_loses_no_message():
    queue = sd.Queue(sd.Worker(count=10, work_ms=1, failure_rate=0.5), retry=sd.Retry(0))
    schedule = [sd.at(second, "redrive", "queue") for second in range(10, 300, 10)]
    run = run_both(queue, at_once(*np.arange(200) * 0.01), 310, schedule=schedule)
    assert outcomes(run) == ["delivered"] * 200


def test_a_redrive_at_a_rate_moves_so_many_per_second_and_one_at_a_time():
    queue = sd.Queue(steady_worker(0.0, count=5, failure_rate=1.0), retry=sd.Retry(0))
    schedule = [sd.at(10, "redrive", "queue", per_s=4), sd.at(12, "redrive", "queue", per_s=4)]
    run = run_both(queue, at_once(*[0.0] * 20), 12.9, schedule=schedule)
    assert run.messages["receives"].tolist() == [2] * 12 + [1] * 8
    assert len(run.incidents) == 1, "the second is refused while the first is under way"
    with pytest.raises(ValueError, match="per_s must be a number from 0.001 to 500"):
        sd.at(1, "redrive", queue, per_s=501)


def test_what_counts_as_delivered_was_worked_on():
    run = run_both(sd.Queue(sd.Worker(work_ms=10)), at_once(0.0, 0.0, 0.0), 10)
    assert run.stations.loc["worker", "served"] == 3 == outcomes(run).count("delivered")
    nobody = run_both(sd.Queue(sd.Worker(work_ms=10)), at_once(0.0, 0.0, 0.0), 10,
                      schedule=[sd.at(0, "kill", "worker")])
    assert outcomes(nobody) == ["waiting"] * 3


def test_a_message_that_nobody_acknowledged_is_delivered_again():
    queue = sd.Queue(steady_worker(1, failure_rate=1.0), visibility_timeout_s=5, max_receives=4)
    run = run_both(queue, at_once(0.0), 30)
    assert visible_s(run, 0) == [0.0, 5.0, 10.0, 15.0]


# --- topics

def subscribers():
    return [sd.Queue(sd.Worker(count=5, work_ms=1), name=name) for name in ("mail", "sms", "audit")]


def test_every_subscriber_gets_a_message_of_its_own():
    run = run_both(sd.Topic(subscribers()), sd.Clients(users=300), 30)
    counts = run.messages.groupby("channel", observed=True)["outcome"].agg(["size"])["size"]
    assert set(counts.index) == {"mail", "sms", "audit"} and counts.nunique() == 1
    assert run.stations.loc["topic", "filtered"] == 0


def test_filters_by_route_share_and_a_function_of_ones_own():
    mail, sms, audit = subscribers()
    crowd = sd.Clients(users=1_000, routes={"/payment": 1, "/order": 3}, profile=[(0, 1), (50, 0)])
    topic = sd.Topic([sd.Subscription(mail, routes=["/payment"]), sd.Subscription(sms, share=0.25), audit])
    run = run_both(topic, crowd, 60)
    by_channel = run.messages.groupby("channel", observed=True)
    paid = run.requests["route"].iloc[by_channel.get_group("mail")["request"]]
    assert (paid == "/payment").all()
    assert len(paid) == (run.requests["route"] == "/payment").sum()
    assert is_within(0.25, len(by_channel.get_group("sms")), len(by_channel.get_group("audit")))

    def route(event, subscriptions):
        return [name for name in subscriptions if event["route"] == "/payment" or name == "audit"]
    own = run_both(sd.Topic([mail, sms, audit], route=route), crowd, 60)
    sent = own.messages["channel"].value_counts()
    assert sent["mail"] == sent["sms"] < 0.3 * sent["audit"]
    assert own.stations.loc["topic", "filtered"] == 2 * (sent["audit"] - sent["mail"])


def test_subscribers_come_and_go_without_the_publisher():
    topic = sd.Topic(subscribers())
    schedule = [sd.at(0, "remove", topic, target=2), sd.at(30, "add", topic, target=2)]
    run = run_both(topic, at_once(*np.arange(60) + 0.5), 70, schedule=schedule)
    audit = run.messages[run.messages["channel"] == "audit"]
    assert audit["request"].min() == 30 and len(audit) == 30


def test_a_broken_channel_delays_no_other():
    broken = sd.Queue(sd.Worker(work_ms=1, failure_rate=1.0), name="sms")
    mail = sd.Queue(sd.Worker(work_ms=1), name="mail")
    run = run_both(sd.Topic([broken, mail]), sd.Clients(users=300), 60)
    assert set(run.messages["outcome"][run.messages["channel"] == "mail"]) <= {"delivered", "in progress", "waiting"}
    waits_s = (run.messages["done_s"] - run.messages["sent_s"])[run.messages["channel"] == "mail"]
    assert waits_s.max() < 1


# --- what is told

def test_the_story_of_a_message_is_told_in_order():
    queue = sd.Queue(steady_worker(1, failure_rate=1.0), retry=sd.Retry(1, "constant", first_s=2))
    run = sd.simulate(queue, at_once(0.0), seconds=20, schedule=[sd.at(10, "redrive", queue)])
    told = run.story(0)
    assert told["when_s"].is_monotonic_increasing and set(told["where"]) == {"queue"}
    assert told["what"].tolist()[:6] == [
        "a message is published", "the message can be received", "a worker receives the message, time 1",
        "the work on it fails: failed", "the message can be received", "a worker receives the message, time 2"]
    assert "the message is put back into its queue" in told["what"].tolist()
    with pytest.raises(ValueError, match="this run has no messages"):
        sd.simulate(sd.Database(), at_once(0.0), seconds=1).story(0)


def test_the_backlog_counts_what_waits_hides_and_lies_dead():
    queue = sd.Queue(steady_worker(2, failure_rate=1.0), retry=sd.Retry(1, "constant", first_s=5))
    backlog = sd.simulate(queue, at_once(0.0, 0.0), seconds=30).backlog().set_index("second")
    assert backlog.loc[1.0, ["visible", "hidden", "dead"]].tolist() == [1, 1, 0]
    assert backlog.loc[5.0, ["visible", "hidden", "dead"]].tolist() == [0, 2, 0]
    assert backlog.loc[20.0, ["visible", "hidden", "dead"]].tolist() == [0, 0, 2]
    assert backlog.loc[5.0, "oldest_s"] == 5.0 and math.isnan(backlog.loc[20.0, "oldest_s"])
