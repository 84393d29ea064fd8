"""Lesson 14's lab: NGINX as a reverse proxy with a cache, in front of two backends."""

from dataclasses import replace

import pytest
from test_mail import assert_reads

from sdlib import labs as lab
from sdlib.labs import proxied, recordings
from sdlib.labs.getting import get
from sdlib.labs.stage import find_program

needs_nginx = pytest.mark.skipif(find_program("nginx") is None, reason="NGINX is not installed")
SENTENCE = ("NGINX asked the backends once for each of 10 static paths and answered the second time itself. Of 20 "
            "requests at once for an absent answer all 20 reached a backend; with a lock (proxy_cache_lock) one did. "
            "Of 20 requests at once for an expired answer all 20 reached a backend in spite of the lock; with a "
            "background update one did. With both backends killed, what was kept was still answered, STALE where it "
            "was too old, and the rest got 502. Each user got their own private answer; with Cache-Control ignored, "
            "Ben got the page of Anna, twice. Three headers told which software and which address answer, and none "
            "once they were hidden.")


def assert_shows_the_proxy(result):
    assert str(result) == SENTENCE and isinstance(result, proxied.Proxied)
    table = result.compare()
    assert table["measured"].tolist() == [10, 20, 1, 20, 1]
    assert table["simulated"].dropna().tolist() == [10, 20]
    assert result.loads[proxied.UPDATING].ends["200 UPDATING"] + result.loads[proxied.UPDATING].ends["200 STALE"] > 0
    assert_reads(result, SENTENCE, "holds a crowd back from an absent answer only")


@needs_nginx
def test_lesson_14(traces):
    result = lab.proxy_cache()
    assert_shows_the_proxy(result)
    assert result.recorded is None and traces.processes() == [] and traces.folders() == []


def test_the_recorded_run_shows_the_same():
    recorded = recordings.read("proxy_cache")
    assert_shows_the_proxy(recorded)
    assert "NGINX" in recorded.recorded["versions"]


def test_without_nginx_the_recorded_run_stands_in(traces, monkeypatch):
    for module in ("sdlib.labs.inventory", "sdlib.labs.nginx"):
        monkeypatch.setattr(f"{module}.find_program", lambda *names: None)
    monkeypatch.setattr("sdlib.labs.proxied.Stage", None)             # nothing may start
    stands_in = lab.proxy_cache()
    assert str(stands_in) == SENTENCE and "A recorded real run" in stands_in.panel().value


@pytest.mark.parametrize(("label", "seen", "broken"), [
    (proxied.TWICE, {"reached a backend": 11}, "a static path reached a backend once"),
    (proxied.LOCKED, {"reached a backend": 2}, "with the lock one of the crowd did"),
    (proxied.EXPIRED, {"reached a backend": 19}, "for an expired answer all passed in spite of the lock"),
    (proxied.UPDATING, {"reached a backend": 2}, "with a background update one request reached a backend"),
    (proxied.CLOSED, {"headers that tell": 1}, "three headers told what stands behind, and none once hidden")])
def test_a_claim_can_fail(label, seen, broken):
    loads = recordings.read("proxy_cache").loads
    claims = proxied._claims(loads | {label: replace(loads[label], seen=seen)})
    assert [text for text, held in claims if not held] == [broken]


@pytest.mark.parametrize("crowd", [0, 9, 61, 10.5, "many", None])
def test_a_crowd_that_would_show_nothing_is_refused(monkeypatch, crowd):
    monkeypatch.setattr("sdlib.labs.proxied.Stage", None)
    with pytest.raises(ValueError, match=r"proxy_cache\(crowd="):
        lab.proxy_cache(crowd=crowd)


@needs_nginx
def test_the_private_page_is_not_kept_and_the_leaky_one_is(traces):
    with proxied._running() as proxy:
        port = proxy._door.port
        for path, second in (("/user/page", "ben"), ("/user/leaky/page", "anna")):
            assert get(port, path, X_User="anna").text.endswith("for anna")
            assert get(port, path, X_User="ben").text.endswith(f"for {second}")


@needs_nginx
def test_kernel_killed_in_the_middle(traces):
    """kill -9 of a real kernel leaves no NGINX, no backend and no folder."""
    with traces.kernel_to_be_killed("labs.proxy_cache()", begun="held-static-lock-a"):
        assert len(traces.processes()) >= 5             # watchdog, two backends, NGINX and its worker
