"""The labs of lessons 9 and 10: a real shop and a real mail server."""

import json
import smtplib
import sys
import time
from dataclasses import replace

import pytest

from sdlib import labs as lab
from sdlib.labs import mail_behind, mail_inside, mailing, recordings
from sdlib.labs.mail_server import taken
from sdlib.labs.stage import Stage

PROCESSES = 4          # watchdog, shop, clients, mail server
SYNC = ("All 24 real checkouts came to the success page without a mail, and all 24 with one, but none before the mail "
        "server had taken it. With the mail server down all 24 failed; with it up again none did. When 60 customers a "
        "second came and the mail server took 30, more than a quarter of the 96 failed, though shop and mail server "
        "were well.")
BEHIND = ("With a worker in the background the 20 real checkouts no longer waited for the mail, and all 20 mails "
          "arrived. With the mail server down all 20 customers saw the success page, and not one mail arrived, then or "
          "later. The shop was killed after 60 checkouts: more than half of their mails were still in its memory, and "
          "are gone.")


def assert_shows_sync_mail(result):
    assert str(result) == SYNC and isinstance(result, mail_inside.MailInside)
    assert all(load.conserved() for load in result.loads.values())
    failed = result.measured["failed"]
    assert failed[[mail_inside.PLAIN, mail_inside.INSIDE, mail_inside.DOWN, mail_inside.UP]].tolist() == [0, 0, 24, 0]
    assert 24 < failed[mail_inside.RUSH] < 72
    p50_ms = result.measured["p50_ms"]
    assert p50_ms[mail_inside.PLAIN] < 150 <= p50_ms[mail_inside.INSIDE]
    simulated, measured = result.plot().traces
    assert (simulated["name"], measured["name"]) == ("simulated", "measured")
    assert simulated["y"] == measured["y"][:4] == [0, 0, 100, 0], "the last crowd is not simulated"
    assert_reads(result, SYNC, "Half of the checkouts took less than")


def assert_shows_the_worker(result):
    assert str(result) == BEHIND and isinstance(result, mail_behind.MailBehind)
    assert all(load.conserved() for load in result.loads.values())
    assert (result.measured["success page"] == result.measured["sent"]).all()
    gone = result.measured["mail gone"]
    assert gone[[mail_behind.INSIDE, mail_behind.WORKER, mail_behind.DOWN]].tolist() == [0, 0, 20]
    assert 30 < gone[mail_behind.KILLED] < 60, "the worker had sent some"
    simulated = result.simulated()
    assert list(simulated.values())[:2] == [0, 20] and 30 < simulated["worker, killed: of 60"] < 60
    assert_reads(result, BEHIND, "Each customer saw the success page")


def assert_reads(result, verdict, about):
    """One picture, one sentence, the rest folded away; nothing of a run in what a notebook saves."""
    page = result.panel().value
    opened = page.partition("<details>")[0]
    assert opened.count("<svg") == page.count("<svg") == 1 and 'role="img" aria-label="Counted' in opened
    assert verdict in as_read(opened) and about in opened and "<table" not in opened and page.count("<table") == 2
    bundle = result._repr_mimebundle_()
    assert (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"] == verdict


def as_read(page):
    """A page whose headline and the text below it stand in one line."""
    return page.replace("</strong></p><p>", " ")


def test_lesson_9(traces):
    assert_shows_sync_mail(lab.sync_mail())
    assert traces.processes() == [] and traces.folders() == []


def test_lesson_10(traces):
    assert_shows_the_worker(lab.background_worker())
    assert traces.processes() == [] and traces.folders() == []


def test_the_recorded_runs_show_the_same():
    assert_shows_sync_mail(recordings.read("sync_mail"))
    assert_shows_the_worker(recordings.read("background_worker"))


@pytest.fixture
def mail_server(traces):
    with Stage() as stage:
        port = stage.reserve_port()
        plan = {"port": port, "mail_ms": 0, "most_per_s": 30}
        process = stage.start([sys.executable, "-m", "sdlib.labs.mail_server", json.dumps(plan)], log="mail.log")
        stage.wait_until_listening(process, port)
        yield port, stage.folder


def test_the_mail_server_takes_thirty_a_second_and_no_more(mail_server):
    port, folder = mail_server
    refused, begins_s = [], time.monotonic()
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost") as server:
        for number in range(40):
            try:
                server.sendmail("a@example.com", "b@example.com", f"Subject: mail-{number}\n\nHello\n")
            except smtplib.SMTPDataError as error:
                refused.append((number, error.smtp_code))
        assert time.monotonic() - begins_s < 1, "this machine is too slow for the test"
        assert refused == [(number, 451) for number in range(30, 40)]
        time.sleep(1.1)
        server.sendmail("a@example.com", "b@example.com", "Subject: mail-40\n\nHello\n")
    assert taken(folder) == [f"mail-{number}" for number in [*range(30), 40]]


def test_the_shop_says_why_a_mail_was_not_sent(traces):
    with mailing.shop_with_mail(100) as shop:
        shop.stop_mail()
        assert [status for _, status in shop.check_out("inside", "down", 3, 30)] == [503, 503, 503]
        assert mailing.successes(shop.check_out("behind", "down", 3, 30)) == 3
        shop.wait_until_sent()
        assert shop.stage.log_of(shop._shop).count("was not sent") == 3
        assert shop.taken("down") == 0


@pytest.mark.parametrize(("label", "end", "broken"), [
    (mail_inside.DOWN, "success page", "with the mail server down all failed"),
    (mail_inside.RUSH, "success page", "past the mail server's limit more than a quarter failed"),
    (mail_inside.INSIDE, "failed", "with the mail: all came to the success page")])
def test_a_claim_of_lesson_9_that_does_not_hold_is_told(label, end, broken):
    tallies = dict(recordings.read("sync_mail").loads)
    answers = {mail_inside.INSIDE: [[150.0, 200]] * 24}
    assert all(held for _, held in mail_inside._claims(tallies, answers, 150))
    changed = dict.fromkeys(tallies[label].ends, 0) | {end: tallies[label].sent}
    tallies[label] = replace(tallies[label], ends=changed)
    assert any(text.startswith(broken) and not held for text, held in mail_inside._claims(tallies, answers, 150))
    too_fast = dict(mail_inside._claims(tallies, {mail_inside.INSIDE: [[149.0, 200]] * 24}, 150))
    assert not too_fast["no checkout with the mail took less than the mail"]


@pytest.mark.parametrize(("label", "gone", "broken"), [
    (mail_behind.WORKER, 1, "with both at work every mail arrived"),
    (mail_behind.DOWN, 19, "with the mail server down not one mail arrived"),
    (mail_behind.KILLED, 30, "of the shop that was killed more than half")])
def test_a_claim_of_lesson_10_that_does_not_hold_is_told(label, gone, broken):
    tallies = dict(recordings.read("background_worker").loads)
    assert all(held for _, held in mail_behind._claims(tallies))
    arrived = tallies[label].sent - gone
    tallies[label] = replace(tallies[label], ends={"mail arrived": arrived, "mail gone": gone})
    assert [text for text, held in mail_behind._claims(tallies) if not held][0].startswith(broken)


@pytest.mark.parametrize("code", ["labs.sync_mail()", "labs.background_worker()"])
def test_kernel_killed_in_the_middle(traces, code):
    """kill -9 of a real kernel leaves no shop, no mail server, no client and no folder."""
    with traces.kernel_to_be_killed(code, begun="visits.json"):
        assert len(traces.processes()) == PROCESSES


@pytest.mark.parametrize(("run", "knobs", "named"), [
    (lab.sync_mail, {"mail_ms": 5}, "mail_ms=5"), (lab.sync_mail, {"checkouts": 1000}, "checkouts=1000"),
    (lab.background_worker, {"mail_ms": "slow"}, "mail_ms='slow'"),
    (lab.background_worker, {"checkouts": 2.5}, "checkouts=2.5")])
def test_bad_knobs(traces, monkeypatch, run, knobs, named):
    monkeypatch.setattr("sdlib.labs.mailing.Stage", None)            # nothing may start
    with pytest.raises(ValueError, match=named):
        run(**knobs)


@pytest.mark.parametrize("run", [lab.sync_mail, lab.background_worker])
def test_without_aiosmtpd_the_recorded_run_stands_in(monkeypatch, run):
    monkeypatch.setattr("sdlib.labs.inventory._package_version", lambda name: "" if name == "aiosmtpd" else "1.0")
    monkeypatch.setattr("sdlib.labs.mailing.Stage", None)            # nothing may start
    assert "A recorded real run" in run().panel().value
    with pytest.raises(lab.LabError, match="needs aiosmtpd .get it with: pip install aiosmtpd"):
        run(checkouts=12)
