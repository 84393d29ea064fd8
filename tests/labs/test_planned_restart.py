"""Lesson 4's lab: a real server that is restarted under load."""

import pytest
from test_labs import assert_shows

from sdlib import labs as lab
from sdlib.labs import recordings
from sdlib.labs.picture import drawn

VERDICT = ("The real server loses what the simulated one loses: all that is inside when it stops, and all that comes "
           "until it listens again. The more come, the more are lost.")


def test_lesson_4(traces):
    result = lab.planned_restart()
    assert str(result) == VERDICT
    assert all(load.conserved() and load.crashes == 1 for load in result.loads.values())
    assert_shows_failures_of(result, VERDICT)
    (stopped_s, up_s), = result.loads[60].server["down"]
    assert stopped_s > 0.3 and up_s - stopped_s > result.loads[60].server["restart_s"]
    failed = len(result.loads[60].requests) - len(result.loads[60].answered)
    assert failed > 30 * (up_s - stopped_s), "at least half of the rate"


def assert_shows_failures_of(result, verdict):
    page = result.panel().value
    assert page.count("<svg") == 1 and verdict in page
    assert "A request failed when the server was stopped" in page and "Latency here is the time" not in page
    assert drawn(result.plot(seeds=5)).count("<circle") == len(result.loads) + 1     # and one in the legend


def test_the_recorded_run_shows_failures_beside_simulated_ones():
    recorded = recordings.read("planned_restart")
    assert str(recorded) == VERDICT
    assert_shows_failures_of(recorded, VERDICT)
    simulated, measured = recorded.plot(seeds=20).traces
    for place, found in enumerate(measured["y"]):
        middle, up, down = (values[place] for values in (simulated["y"], simulated["error_y"]["array"],
                                                          simulated["error_y"]["arrayminus"]))
        assert middle - down - 5 <= found <= middle + up + 5


def test_the_other_labs_speak_of_latency():
    assert_shows(recordings.read("one_server"), str(recordings.read("one_server")))


@pytest.mark.parametrize(("knobs", "named"), [
    ({"rates": 60}, "rates=60"), ({"rates": (60,)}, r"rates=\(60,\)"), ({"rates": (60, 30)}, r"rates=\(60, 30\)"),
    ({"rates": (60, 190)}, r"rates=\(60, 190\)"), ({"rates": (60, "many")}, "requests_per_s='many'"),
    ({"seconds": 1}, "seconds=1"), ({"restart_s": 5}, "seconds=2.5")])
def test_bad_restart(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.web.Stage", None)            # nothing may start
    with pytest.raises(ValueError, match=named):
        lab.planned_restart(**knobs)


def test_a_restart_at_no_time(traces):
    with lab.web_server() as server, pytest.raises(ValueError, match=r"load\(restart_at_s=-1\)"):
        server.load(10, 1, restart_at_s=-1)
