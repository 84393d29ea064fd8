"""Lesson 7's lab: a real website whose threads wait for a slow payment service."""


import pytest
from test_labs import assert_shows

from sdlib import labs as lab
from sdlib.labs import recordings
from sdlib.labs.slow import GIVES_UP, QUICK, SLOW, PagesResult, other_pages
from sdlib.labs.threads import is_payment

PROCESSES = 8          # watchdog, load generator, three websites, three payment services
VERDICT = ("While payment was slow, all threads of the real website waited for it, and the pages that do not need "
           "payment waited for a thread. With a timeout only the payments failed.")


def test_the_lab(traces):
    result = lab.slow_service()
    assert str(result) == VERDICT
    assert all(load.conserved() and load.crashes == 0 for load in result.loads.values())
    quick, slow, gives_up = result.loads.values()
    assert quick.requests["intended_s"].tolist() == slow.requests["intended_s"].tolist()
    payments = sum(is_payment(number) for number in range(len(quick.requests)))
    assert len(gives_up.requests) - len(gives_up.answered) == payments == 19
    waited_s = slow.requests["waited_ms"] / 1000
    assert waited_s.max() > 1 and other_pages(quick).requests["waited_ms"].max() < 1000 * waited_s.max()
    paid = slow.requests[[is_payment(number) for number in slow.requests.index]]
    assert paid["service_ms"].min() >= 1000 * slow.server["payment_s"]
    assert other_pages(slow).requests["service_ms"].median() < 100, "a page itself is as quick as ever"
    assert_shows(result, VERDICT)
    assert "of the pages that do not need payment" in result.panel().value


def test_the_recorded_run_lies_where_the_simulation_does():
    recorded = recordings.read("slow_service")
    assert isinstance(recorded, PagesResult) and str(recorded) == VERDICT
    assert_shows(recorded, VERDICT)
    compared = recorded.compare(seeds=20)
    assert list(compared.index) == [QUICK, SLOW, GIVES_UP]
    stuck = compared.loc[SLOW]
    assert stuck["low_ms"] <= stuck["measured_ms"] <= stuck["high_ms"]
    assert compared.loc[SLOW, "simulated_ms"] > 20 * compared.loc[[QUICK, GIVES_UP], "simulated_ms"].max()
    assert compared["simulated_failed_percent"].tolist() == [0, 0, 0]


def test_other_labs_keep_their_kind_of_result():
    assert type(recordings.read("one_server")) is lab.LabResult


def test_kernel_killed_in_the_middle(traces):
    """kill -9 of the kernel while threads wait for payment: no process and no folder is left."""
    with traces.kernel_to_be_killed("labs.slow_service()"):
        assert len(traces.processes()) >= PROCESSES and len(traces.folders()) == 1


@pytest.mark.parametrize(("knobs", "named"), [
    ({"threads": 1}, "threads=1"), ({"threads": 40}, "slow_s=2"), ({"slow_s": 0.5}, "slow_s=0.5"),
    ({"slow_s": 9}, "slow_s=9"), ({"timeout_s": 1}, "timeout_s=1"), ({"timeout_s": "never"}, "timeout_s='never'"),
    ({"service_ms": 100}, "service_ms=100"), ({"requests_per_s": 0}, "requests_per_s=0"), ({"seed": -1}, "seed=-1")])
def test_a_lab_that_would_show_nothing_is_refused(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.slow.Stage", None)           # nothing may start
    with pytest.raises(ValueError, match=named):
        lab.slow_service(**knobs)
