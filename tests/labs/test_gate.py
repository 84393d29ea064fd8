"""Lesson 8's lab: NGINX as a gateway, signed tokens, and a limit per user."""

import base64
import os
from dataclasses import replace

import pytest
from test_mail import as_read

from sdlib import labs as lab
from sdlib.labs import gate, recordings
from sdlib.labs.picture import drawn
from sdlib.labs.stage import find_program
from sdlib.labs.tokens import BadToken, sign, verify

needs_nginx = pytest.mark.skipif(find_program("nginx") is None, reason="NGINX is not installed")
PROCESSES = 5          # watchdog, service, clients, NGINX and its one worker
KEY, NOW_S = b"0123456789abcdef0123456789abcdef", 1_800_000_000
CLAIMS = {"sub": "anna", "aud": "shop", "exp": NOW_S + 60, "scope": "look pay"}


@pytest.fixture(scope="module")
def recorded():
    return recordings.read("gateway_checks")


def assert_shows_the_gateway(result):
    assert str(result) == gate.SENTENCE
    kinds, free, limited, bucket = result.loads.values()
    counts = kinds.requests["status"].value_counts()
    assert counts[["ok", "unauthorized", "forbidden", "not found"]].tolist() == [6, 18, 3, 3]
    assert kinds.finished == 6, "the service worked for those that were answered with 200, and for no other"
    assert len(free.answered) == len(free.requests) == free.finished
    table = result.compare()
    assert table["measured"].tolist()[:2] == [21, 1] and table["measured"].iloc[2] in (5, 6)
    assert table["simulated"].tolist()[:3] == [20, 1, 5]
    assert table.loc["4 polite clients"].nunique() == 1, "all of theirs passed"
    greedy = table.loc["greedy client"]
    assert greedy["simulated"] < greedy["measured"] < greedy["sent"] / 2
    page = result.panel().value
    assert page.count("<svg") == 1 and gate.SENTENCE in as_read(page)
    assert "burst of 20 counts requests in excess" in page
    assert drawn(result.plot()).count("<circle") == len(table) + 1     # and one in the legend


@needs_nginx
def test_lesson_8(traces):
    result = lab.gateway_checks()
    assert_shows_the_gateway(result)
    assert result.recorded is None


def test_the_recorded_run_shows_the_same(recorded):
    assert_shows_the_gateway(recorded)
    assert "NGINX" in recorded.recorded["versions"]


def test_without_nginx_the_recorded_run_stands_in_and_reads_the_same(traces, monkeypatch, recorded):
    for module in ("sdlib.labs.inventory", "sdlib.labs.nginx"):
        monkeypatch.setattr(f"{module}.find_program", lambda *names: None)
    monkeypatch.setattr("sdlib.labs.gate.Stage", None)            # nothing may start
    stands_in = lab.gateway_checks()
    assert str(stands_in) == gate.SENTENCE and isinstance(stands_in, gate.GateResult)
    assert "A recorded real run" in stands_in.panel().value and "apt install nginx" in stands_in.panel().value
    bundle = stands_in._repr_mimebundle_()
    text = (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"]
    assert text == gate.SENTENCE


def test_a_verdict_that_does_not_hold_says_so(recorded):
    expected = recorded.loads["each kind"].requests["status"].tolist()
    loads = recorded.loads | {"each kind": replace(recorded.loads["each kind"], finished=7)}
    for given, due, broken in ((recorded.loads, ["forbidden", *expected[1:]], "each kind of request got its answer"),
                               (loads, expected, "the service worked for the requests answered with 200")):
        result = gate.GateResult(given, gate._claims(given, due), gate.SENTENCE)
        assert f"It did not hold that {broken}" in str(result)


@pytest.mark.parametrize(("batches", "holds"), [([21, 1, 5], True), ([21, 1, 6], True), ([20, 1, 5], False),
                                                ([21, 2, 5], False), ([21, 1, 7], False)])
def test_the_bucket_s_claim_can_fail(recorded, batches, holds):
    load = recorded.loads["one bucket"]
    requests = load.requests.copy()
    for batch, passes in enumerate(batches):
        places = requests.index[requests["sender"] == batch]
        requests.loc[places, "status"] = "too many requests"
        requests.loc[places[:passes], "status"] = "ok"
    assert gate._as_nginx_counts(replace(load, requests=requests)) is holds


@pytest.mark.parametrize(("knobs", "named"), [({"greedy_per_s": 20}, "greedy_per_s=20"), ({"seconds": 0}, "seconds=0"),
                                              ({"service_ms": "slow"}, "service_ms='slow'")])
def test_a_lab_that_would_show_nothing_is_refused(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.gate.Stage", None)            # nothing may start
    with pytest.raises(ValueError, match=rf"gateway_checks\({named}"):
        lab.gateway_checks(**knobs)


@needs_nginx
def test_kernel_killed_in_the_middle_of_the_lab(traces):
    """kill -9 of a real kernel leaves no NGINX, no worker of it, no service and no folder."""
    with traces.kernel_to_be_killed("labs.gateway_checks(seconds=5)", begun="visits.json"):
        assert len(traces.processes()) == PROCESSES


@needs_nginx
def test_nginx_listens_on_this_machine_only_and_runs_one_worker_as_nobody_else(traces):
    import psutil
    with gate._running(10.0) as running:
        master = psutil.Process(running._door.process.pid)
        worker, = master.children()
        assert worker.uids().real == master.uids().real == os.getuid()
        listens = {part.laddr for part in master.net_connections("tcp") if part.status == "LISTEN"}
        assert {address.ip for address in listens} == {"127.0.0.1"}
        folder = str(running._stage.folder)
        opened = {file.path for process in (master, worker) for file in process.open_files()}
        assert all(path.startswith(folder) for path in opened)


# the tokens

def test_the_example_of_rfc_7515():
    """Appendix A.1: somebody else's key, token and claims."""
    key = base64.urlsafe_b64decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1"
                                   "Z9CAow==")
    token = ("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGF"
             "tcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert verify(token, key, None, 1_300_819_379) == {"iss": "joe", "exp": 1_300_819_380,
                                                       "http://example.com/is_root": True}
    with pytest.raises(BadToken, match="run out"):
        verify(token, key, None, 1_300_819_380)


def test_what_was_signed_is_read():
    assert verify(sign(CLAIMS, KEY), KEY, "shop", NOW_S) == CLAIMS


def test_any_changed_letter_is_noticed():
    token = sign(CLAIMS, KEY)
    for place, letter in enumerate(token):
        other = "A" if letter != "A" else "z"
        changed = token[:place] + other + token[place + 1:]
        with pytest.raises(BadToken):
            verify(changed, KEY, "shop", NOW_S)


@pytest.mark.parametrize("token", [
    "", "a", "a.b", "a.b.c.d", "....", "é.é.é", sign(CLAIMS, KEY, algorithm="none"), sign(CLAIMS, b"another key"),
    sign(CLAIMS | {"exp": NOW_S}, KEY), sign(CLAIMS | {"exp": "never"}, KEY), sign(CLAIMS | {"aud": "bank"}, KEY),
    sign({}, KEY), sign([], KEY), sign(CLAIMS, KEY).rpartition(".")[0] + ".", sign(CLAIMS, KEY)[:-1],
    sign(CLAIMS, KEY, algorithm="HS512")])
def test_a_bad_token_is_refused(token):
    with pytest.raises(BadToken):
        verify(token, KEY, "shop", NOW_S)


def test_it_runs_out_at_its_second():
    token = sign(CLAIMS, KEY)
    assert verify(token, KEY, "shop", CLAIMS["exp"] - 0.001)["sub"] == "anna"
    with pytest.raises(BadToken, match="run out"):
        verify(token, KEY, "shop", CLAIMS["exp"])
