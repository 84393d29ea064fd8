"""Lesson 6's lab: NGINX in front of five real servers, live and recorded, and nothing left of it."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from sdlib import labs as lab
from sdlib.labs.balancing import LEAST, POLICIES, ROUND_ROBIN, SLOW, TWO
from sdlib.labs.picture import drawn
from sdlib.labs.recordings import read
from sdlib.labs.result import simulate_load
from sdlib.labs.stage import find_program

ROOT = str(Path(lab.__file__).resolve().parents[2])
VERDICT = ("NGINX answered all 704 real requests under each policy. By turn the slow server got as many as each of the "
           "others; a balancer that counts what is open gave it fewer, and the requests were done sooner.")
PROCESSES = 1 + 1 + 1 + 5 * 3 + 3 * 2     # watchdog, clients, farm, five fronts with two workers, three NGINX
needs_nginx = pytest.mark.skipif(find_program("nginx") is None, reason="NGINX is not installed")
HIDE = "import sdlib.labs.inventory\nsdlib.labs.inventory.find_program = lambda *names: None\n"


def assert_shows_the_slow_server(result):
    assert str(result) == VERDICT and list(result.loads) == list(POLICIES)
    by_turn, two, least = (result.loads[policy] for policy in (ROUND_ROBIN, TWO, LEAST))
    assert sorted(by_turn.server["served"]) == [140, 141, 141, 141, 141]
    for load in (two, least):
        assert sum(load.server["served"]) == len(load.requests) == 704
        assert load.server["served"][SLOW] == min(load.server["served"])
    assert by_turn.requests["intended_s"].tolist() == least.requests["intended_s"].tolist()


@needs_nginx
def test_lesson_6(traces):
    result = lab.balanced()
    assert_shows_the_slow_server(result)
    for load in result.loads.values():
        usual_ms, slow_ms = load.server["machines"][0]["service_ms"], load.server["machines"][SLOW]["service_ms"]
        assert usual_ms > load.requests["drawn_ms"].min() and 2.5 * usual_ms < slow_ms < 4 * usual_ms
    page = result.panel().value
    assert page.count("<svg") == 1 and VERDICT in page
    assert drawn(result.plot(seeds=5)).count("<circle") == len(POLICIES) + 1     # and one in the legend


def test_the_recording_reads_the_same_and_its_simulation_meets_it():
    recorded = read("balanced")
    assert_shows_the_slow_server(recorded)
    assert "NGINX 1." in recorded.panel().value
    compared = recorded.compare()
    assert compared["measured_over_simulated"].between(0.7, 1.5).all(), compared
    assert compared["simulated_ms"][LEAST] < 0.8 * compared["simulated_ms"][ROUND_ROBIN]
    simulated_ms, failed = simulate_load(recorded.loads[LEAST], seed=1)
    assert failed == 0 and len(simulated_ms) == 704


def outputs(cell):
    """What a notebook saves of the lab's cell, run in a kernel."""
    notebook = new_notebook(cells=[new_code_cell(cell)])
    NotebookClient(notebook, timeout=90, kernel_name="python3").execute()
    return [(output.output_type, output.data["text/plain"]) for output in notebook.cells[0].outputs]


def test_a_notebook_saves_the_same_without_nginx(traces):
    """What the lesson has saved, and what nbval compares with a live run, is what a recorded run saves."""
    lesson = nbformat.read(Path(ROOT, "notebooks", "06-load-balancer.ipynb"), as_version=4)
    saved, = (cell for cell in lesson.cells if "sd.lab.balanced()" in cell.source)
    live = [(output.output_type, output.data["text/plain"]) for output in saved.outputs]
    assert [text for _, text in live] == ["(status of the lab while it runs)", VERDICT]
    assert outputs(HIDE + "import sdlib as sd\nsd.lab.balanced()") == live


def test_where_nginx_is_missing_the_recorded_run_says_so(monkeypatch):
    monkeypatch.setattr("sdlib.labs.inventory.find_program", lambda *names: None)
    shown = lab.balanced()
    assert str(shown) == VERDICT and shown.recorded["date"]
    assert "A recorded real run, of 20" in shown.panel().value and "apt install nginx" in shown.panel().value
    with pytest.raises(lab.LabError, match="balanced with these arguments needs NGINX"):
        lab.balanced(seed=2)


@needs_nginx
def test_kernel_killed_in_the_middle(traces):
    """kill -9 of a real kernel while NGINX hands out requests: no process and no folder is left."""
    with traces.kernel_to_be_killed("labs.balanced(seconds=30)", within_s=20):
        assert len(traces.processes()) == PROCESSES


@needs_nginx
def test_a_server_that_dies_ends_the_lab_in_one_sentence(traces, monkeypatch):
    monkeypatch.setattr("sdlib.labs.balancing.RAM_REQUESTS", 1)      # the slow one soon has two requests inside
    with pytest.raises(lab.LabError, match="The load ended too early: it said: "):
        lab.balanced()


@pytest.mark.parametrize(("knobs", "named"), [
    ({"requests_per_s": 50}, "requests_per_s=50"), ({"requests_per_s": 400}, "requests_per_s=400"),
    ({"slower": 1}, "slower=1"), ({"slower": "much"}, "slower='much'"), ({"seconds": 0}, "seconds=0"),
    ({"service_ms": 1000}, "service_ms=1000"), ({"seed": -1}, "seed=-1")])
def test_a_lab_that_would_show_nothing_is_refused(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.balancing.Stage", None)      # nothing may start
    with pytest.raises(ValueError, match=named):
        lab.balanced(**knobs)
