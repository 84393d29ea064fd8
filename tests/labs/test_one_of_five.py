"""Lesson 5's lab: five real servers, one of which is killed."""


import pytest
from test_planned_restart import assert_shows_failures_of

from sdlib import labs as lab
from sdlib.labs import recordings
from sdlib.labs.five import KILLED, SERVERS

VERDICT = ("One of five real servers was killed. Of the requests that came while it was away a fifth failed, those "
           "whose turn it was; the four others answered all of theirs.")
PROCESSES = 2 + 3 * SERVERS     # watchdog, load generator; of each server a supervisor, a front and a worker


def test_one_of_five_is_killed(traces):
    result = lab.one_of_five(seconds=4)
    assert str(result) == VERDICT
    assert list(result.loads) == list(range(1, SERVERS + 1))
    assert all(load.conserved() for load in result.loads.values())
    sent = [len(load.requests) for load in result.loads.values()]
    assert max(sent) - min(sent) <= 1, "by turn"
    (stopped_s, up_s), = result.loads[KILLED].server["down"]
    assert stopped_s >= 1 and up_s - stopped_s > 1.5
    failed = {number: len(load.requests) - len(load.answered) for number, load in result.loads.items()}
    assert failed[KILLED] > 20 and sum(failed.values()) == failed[KILLED]
    assert result.measured["crashes"].tolist() == [0, 0, 1, 0, 0]
    assert_shows_failures_of(result, VERDICT)
    assert traces.processes() == [] and traces.folders() == []


def test_the_servers_share_one_database(traces):
    from sdlib.labs.five import _checked, _running
    with _running(_checked(150, 4, 1.5, 10.0, 1)) as servers:
        folder, = traces.folders()
        assert [path.name for path in folder.glob("*.db")] == ["shop.db"]
        assert len({server.port for server in servers}) == SERVERS
        assert len(traces.processes()) == PROCESSES
    assert traces.processes() == [] and traces.folders() == []


def test_kill_9_of_the_kernel_in_the_middle_leaves_nothing(traces):
    with traces.kernel_to_be_killed("labs.one_of_five(seconds=30)"):
        assert len(traces.processes()) >= PROCESSES


def test_the_recorded_run_shows_the_fifth_beside_the_simulated_one():
    recorded = recordings.read("one_of_five")
    assert str(recorded) == VERDICT
    assert_shows_failures_of(recorded, VERDICT)
    simulated, measured = recorded.plot(seeds=20).traces
    assert [place for place, failed in zip(measured["x"], measured["y"], strict=True) if failed] == [KILLED]
    assert measured["y"][KILLED - 1] == pytest.approx(simulated["y"][KILLED - 1], abs=5)


def test_a_claim_that_does_not_hold_is_told():
    from sdlib.labs.five import _claims
    loads = recordings.read("one_of_five").loads
    assert all(held for _, held in _claims(loads))
    swapped = {**loads, KILLED: loads[1], 1: loads[KILLED]}
    swapped[KILLED].server["down"] = loads[KILLED].server["down"]
    held = dict(_claims(swapped))
    assert not held["the four others answered every request of theirs"]


@pytest.mark.parametrize(("knobs", "named"), [
    ({"requests_per_s": 400}, "requests_per_s=400"), ({"requests_per_s": 10}, "requests_per_s=10"),
    ({"requests_per_s": "many"}, "requests_per_s='many'"), ({"seconds": 2}, "seconds=2"),
    ({"restart_s": 0.1}, "restart_s=0.1"), ({"restart_s": 5}, "seconds=4"), ({"service_ms": 0}, "service_ms=0"),
    ({"service_ms": 50}, "requests_per_s=150"), ({"seed": -1}, "seed=-1")])
def test_bad_knobs(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.five.Stage", None)           # nothing may start
    with pytest.raises(ValueError, match=named):
        lab.one_of_five(**knobs)
