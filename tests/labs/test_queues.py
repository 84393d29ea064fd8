"""The labs of lessons 11 to 13: the API of SQS and SNS, and processes that are killed over their messages."""

import os
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from test_mail import assert_reads

from sdlib import labs as lab
from sdlib.labs import aws, channels, fanned, hands, queued, recordings
from sdlib.labs.cloud import cloud
from sdlib.labs.journal import Journal

QUEUE = ("A real worker was killed three times over 60 messages. It deleted each after the work: none was lost, and "
         "one was delivered twice. Another deleted each before the work: three were lost. Of 12 mails, 4 failed 4 "
         "times and went to the dead-letter queue; mended and sent back, all 12 were delivered.")
CHANNELS = ("Payment told each of 20 customers by three real queues, one after the other, and was killed three times "
            "in between. It went on with the next customer: three were half told (20 mail, 18 WhatsApp, 17 SMS). It "
            "began again with the same customer: all were told, and three of them twice.")
FANNED = ("Payment published 30 events, a call each. Their filters let 30 through to mail, 20 to WhatsApp and 15 to "
          "SMS. While SMS was broken, mail and WhatsApp delivered all of theirs and the 15 SMS waited; mended, all 15 "
          "went out. A fourth subscriber, which came after 15 events, has the 15 later ones, and payment was not "
          "touched.")


def assert_shows_the_queue(result):
    assert str(result) == QUEUE and isinstance(result, queued.Queued)
    assert result.compare()["measured"].tolist() == [3, 0, 1, 4, 0]
    assert result.simulated() == {key: count for key, count in result.counts().items() if key[:5] != "twice"}
    assert result.measured["delivered"].tolist() == [60, 57, 8, 4]
    pauses = result.measured.loc[queued.TRIED, [f"pause before retry {retry} (s)" for retry in (1, 2, 3)]]
    assert pauses.iloc[0] < pauses.iloc[1] < pauses.iloc[2] and pauses.iloc[2] >= 1.95
    assert_reads(result, QUEUE, "StartMessageMoveTask")


def assert_shows_the_channels(result):
    assert str(result) == CHANNELS and isinstance(result, channels.Channels)
    assert result.compare()["measured"].tolist() == result.compare()["simulated"].tolist() == [3, 0, 0, 3]
    table = result.measured
    assert table.loc[channels.NEXT, list(channels.CHANNELS)].tolist() == [20, 18, 17]
    assert table.loc[channels.AGAIN, list(channels.CHANNELS)].tolist() == [23, 21, 20]
    assert (table["all_ms"] > table["one_ms"]).all()
    assert_reads(result, CHANNELS, "payment waits for each send")


def assert_shows_the_fan(result):
    assert str(result) == FANNED and isinstance(result, fanned.FannedOut)
    assert result.compare()["measured"].tolist() == result.compare()["simulated"].tolist() == [30, 20, 0, 15, 0]
    assert result.measured["waiting"].tolist() == [0, 0, 15, 0, 15]
    assert result.measured["filtered out"].tolist() == [0, 10, 15, 15, 0]
    assert_reads(result, FANNED, "after the publish, while no SMS went out")


LABS = [("queue", assert_shows_the_queue), ("three_queues", assert_shows_the_channels),
        ("fan_out", assert_shows_the_fan)]


@pytest.mark.parametrize(("name", "assert_shows"), LABS)
def test_the_lab(traces, name, assert_shows):
    result = getattr(lab, name)()
    assert_shows(result)
    assert all(load.conserved() for load in result.loads.values())
    assert traces.processes() == [] and traces.folders() == []


@pytest.mark.parametrize(("name", "assert_shows"), LABS)
def test_the_recorded_run_shows_the_same(name, assert_shows):
    assert_shows(recordings.read(name))


@pytest.mark.parametrize(("code", "begun", "processes"), [
    ("labs.queue()", "tried.jsonl", 6),              # watchdog, API, the parent of three workers
    ("labs.three_queues()", "next.jsonl", 5), ("labs.fan_out()", "SMS.jsonl", 6)])
def test_kernel_killed_in_the_middle(traces, code, begun, processes):
    """kill -9 of a real kernel leaves no server, no worker and no folder."""
    with traces.kernel_to_be_killed(code, begun=begun):
        assert len(traces.processes()) >= processes - 1          # one of them may be between kill and start


@pytest.mark.parametrize(("run", "knobs", "named"), [
    (lab.queue, {"messages": 500}, "messages=500"), (lab.queue, {"messages": "all"}, "messages='all'"),
    (lab.three_queues, {"customers": 2}, "customers=2"), (lab.fan_out, {"events": 1.5}, "events=1.5")])
def test_bad_knobs(traces, monkeypatch, run, knobs, named):
    monkeypatch.setattr("sdlib.labs.cloud.Stage", None)           # nothing may start
    with pytest.raises(ValueError, match=named):
        run(**knobs)


@pytest.mark.parametrize("run", [lab.queue, lab.three_queues, lab.fan_out])
def test_without_moto_the_recorded_run_stands_in(monkeypatch, run):
    monkeypatch.setattr("sdlib.labs.inventory._package_version", lambda name: "" if name == "moto" else "1.0")
    monkeypatch.setattr("sdlib.labs.cloud.Stage", None)           # nothing may start
    assert "A recorded real run" in run().panel().value
    with pytest.raises(lab.LabError, match="needs moto .get it with: pip install"):
        run(25)


def test_a_server_that_ends_is_told(traces):
    with pytest.raises(lab.LabError, match=r"did not (answer|come to its end)"), cloud("a test") as running:
        running._server.kill()
        running._server.wait()
        running.wait_until(lambda: False, "nothing")
    with pytest.raises(lab.LabError, match="did not answer"), cloud("a test") as running:
        running._server.kill()
        running._server.wait()
        aws.new_queue(running.sqs, "mails")


def test_what_is_set_up_for_the_real_cloud_is_not_read(monkeypatch):
    for name, value in {"AWS_PROFILE": "work", "AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real",
                        "AWS_ENDPOINT_URL": "https://sqs.example.com", "AWS_DEFAULT_REGION": "us-east-1",
                        "HTTP_PROXY": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    sqs = aws.client("sqs", 4566)
    assert sqs.meta.endpoint_url == "http://127.0.0.1:4566" and sqs.meta.region_name == aws.REGION
    assert sqs._request_signer._credentials.access_key == "lab"
    assert sqs._endpoint.http_session._proxy_config.proxy_url_for("http://127.0.0.1:4566") is None


def test_the_api_listens_on_this_machine_only(traces):
    import psutil
    with cloud("a test") as running:
        sockets = psutil.Process(running._server.pid).net_connections("tcp")
        listens = {part.laddr.ip for part in sockets if part.status == "LISTEN"}
        assert listens == {"127.0.0.1"}
        aws.new_queue(running.sqs, "mails")
        assert "POST" not in running.log(), "its log is for what goes wrong"


# the queue's helpers

def test_a_queue_gives_back_what_was_sent(traces):
    with cloud("a test") as running:
        mails = aws.new_queue(running.sqs, "mails")
        aws.send_numbers(running.sqs, mails, range(23))
        assert aws.depth(running.sqs, mails) == 23
        shown = running.sqs.receive_message(QueueUrl=mails, VisibilityTimeout=0)
        assert len(shown["Messages"]) == 1 and aws.depth(running.sqs, mails) == 23
        assert sorted(aws.receive_all(running.sqs, mails)) == list(range(23))
        assert aws.depth(running.sqs, mails) == 0


def test_backoff_doubles():
    waits_s = [hands.next_delay_s(receives, 256) for receives in range(1, 12)]
    assert waits_s == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 256] and sum(waits_s[:10]) == 511


def test_a_journal_outlives_kill_9_and_leaves_out_half_a_line(tmp_path):
    path = tmp_path / "journal.jsonl"
    code = ("import os, signal, sys; from sdlib.labs.journal import Journal; Journal(sys.argv[1]).write('begins', 7); "
            "os.kill(os.getpid(), signal.SIGKILL)")
    ended = subprocess.run([sys.executable, "-c", code, path], env={**os.environ, "PYTHONPATH": str(aws_source())})
    assert ended.returncode == -9
    with path.open("a") as half:
        half.write('{"event": "begins", "num')
    journal = Journal(path)
    assert journal.numbers("begins") == [7] and journal.entries("ends") == []
    assert Journal(tmp_path / "none.jsonl").entries("begins") == []


def aws_source():
    from sdlib.labs.stage import SOURCE
    return SOURCE


# the claims can fail

@pytest.mark.parametrize(("label", "ends", "seen", "broken"), [
    (queued.AFTER, {"delivered": 59, "lost": 1}, {}, "deleted after the work, none was lost"),
    (queued.AFTER, {}, {"twice": 2}, "deleted after the work, the one whose worker was killed after the work was"),
    (queued.AFTER, {}, {"killed": 2}, "each worker was killed three times"),
    (queued.BEFORE, {"delivered": 58, "lost": 2}, {}, "deleted before the work, those whose worker was killed were"),
    (queued.TRIED, {"delivered": 9, "dead letters": 3}, {}, "the bad ones were tried 4 times each"),
    (queued.SENT_BACK, {"delivered": 3, "lost": 1}, {}, "mended and sent back, all were delivered")])
def test_a_claim_of_lesson_11_that_does_not_hold_is_told(tmp_path, label, ends, seen, broken):
    tallies, journals = dict(recordings.read("queue").loads), {"tried": a_journal_of_retries(tmp_path)}
    assert all(held for _, held in queued._claims(tallies, journals))
    tallies[label] = replace(tallies[label], ends=tallies[label].ends | ends, seen=tallies[label].seen | seen)
    told = [text for text, held in queued._claims(tallies, journals) if not held]
    assert len(told) == 1 and told[0].startswith(broken)


def a_journal_of_retries(folder, pauses_s=(0.01, 1.01, 2.01)):
    """As the third worker of lesson 11's lab writes it, with the bad mails' pauses."""
    class Written(Journal):
        def entries(self, event):
            tries_s = [sum(pauses_s[:number]) for number in range(4)]
            if event == "failed":
                return [{"number": number, "at_s": at_s} for number in queued.BAD for at_s in tries_s]
            return [{"number": number, "receives": 1} for number in queued.GOOD + queued.BAD] \
                + [{"number": number, "receives": 3} for number in queued.LATE]
    return Written(folder / "tried.jsonl")


def test_a_retry_that_comes_too_early_is_told(tmp_path):
    tallies = recordings.read("queue").loads
    journals = {"tried": a_journal_of_retries(tmp_path, (0.01, 0.5, 2.01))}
    held = dict(queued._claims(tallies, journals))
    assert not held["no retry came before its pause had passed"] and sum(held.values()) == len(held) - 1


@pytest.mark.parametrize(("label", "ends", "seen", "broken"), [
    (channels.NEXT, {"half told": 2, "told by all": 18}, {}, "going on, those in whose middle"),
    (channels.AGAIN, {}, {"told twice": 2}, "beginning again, all were told"),
    (channels.NEXT, {}, {"told twice": 1}, "nobody was told twice without that")])
def test_a_claim_of_lesson_12_that_does_not_hold_is_told(label, ends, seen, broken):
    tallies, dies = dict(recordings.read("three_queues").loads), {5: 1, 10: 2, 15: 1}
    told = {channels.NEXT: [[number for number in range(20) if dies.get(number, 3) > place] for place in range(3)]}
    assert all(held for _, held in channels._claims(tallies, told, dies, 20))
    tallies[label] = replace(tallies[label], ends=tallies[label].ends | ends, seen=tallies[label].seen | seen)
    broken_ones = [text for text, held in channels._claims(tallies, told, dies, 20) if not held]
    assert len(broken_ones) == 1 and broken_ones[0].startswith(broken)


def test_a_claim_of_lesson_13_that_does_not_hold_is_told():
    tallies = recordings.read("fan_out").loads
    published = fanned._Published(["paid", "paid", "shipped"] * 10, [1000 * (number % 10) for number in range(30)])
    wanted = {channel: published.wanted(channel, 15 if channel == fanned.ORDERS else 0) for channel in fanned.FILTERS}
    delivered = {channel: sorted(numbers) for channel, numbers in wanted.items()}
    assert all(held for _, held in fanned._claims(tallies, delivered, wanted))
    for channel in wanted:
        twice = delivered | {channel: [*delivered[channel], 29]}
        told = [text for text, held in fanned._claims(tallies, twice, wanted) if not held]
        assert told == [f"{channel}: what passes the filter came, once, and nothing else"]
    early = tallies[fanned.BROKEN]
    early = tallies | {fanned.BROKEN: replace(early, ends=early.ends | {"delivered": 1, "waiting": 14})}
    assert sum(not held for _, held in fanned._claims(early, delivered, wanted)) == 2


def test_simulated_counts_stand_beside_the_measured_ones():
    result = recordings.read("queue")
    beside = result.compare(lambda given: dict.fromkeys(given.counts(), 2))
    assert beside["simulated"].tolist() == [2] * 5 and beside["measured"].tolist() == [3, 0, 1, 4, 0]

    class Modelled(queued.Queued):
        def simulated(self):
            return {next(iter(self.counts())): 3}
    modelled = Modelled(result.loads, result.claims, result.sentence)
    bars, points = modelled.plot().traces
    assert (bars["name"], bars["x"], bars["y"]) == ("simulated", [0], [3])
    assert (points["name"], points["y"]) == ("measured", [3, 0, 1, 4, 0])
    assert pd.isna(modelled.compare()["simulated"]).sum() == 4
