"""Lesson 18's lab: an NGINX as edge, its origin behind a relay."""

from dataclasses import replace

import pytest
from test_mail import assert_reads

from sdlib import labs as lab
from sdlib.labs import edges, recordings
from sdlib.labs.edge_models import origin_requests
from sdlib.labs.stage import find_program

needs_nginx = pytest.mark.skipif(find_program("nginx") is None, reason="NGINX is not installed")
SENTENCE = ("The edge fetched each of 5 answers from the far origin once, a round trip and more away; the next time it "
            "answered itself, in less than one round trip. After an invalidation it fetched each once more. With the "
            "origin killed all 5 were still answered, and the 5 that were too old came STALE.")


def assert_shows_the_edge(result):
    assert str(result) == SENTENCE and isinstance(result, edges.Edges)
    table = result.compare()
    assert table["measured"].tolist() == table["simulated"].tolist() == [5, 0, 5, 0]
    assert_reads(result, SENTENCE, "CreateInvalidation")


@needs_nginx
def test_lesson_18(traces):
    result = lab.edge()
    assert_shows_the_edge(result)
    assert result.recorded is None and traces.processes() == [] and traces.folders() == []


def test_the_recorded_run_shows_the_same():
    assert_shows_the_edge(recordings.read("edge"))


def test_without_nginx_the_recorded_run_stands_in(traces, monkeypatch):
    for module in ("sdlib.labs.inventory", "sdlib.labs.nginx"):
        monkeypatch.setattr(f"{module}.find_program", lambda *names: None)
    monkeypatch.setattr("sdlib.labs.edges.Stage", None)               # nothing may start
    stands_in = lab.edge()
    assert str(stands_in) == SENTENCE and "A recorded real run" in stands_in.panel().value


@pytest.mark.parametrize(("label", "seen", "broken"), [
    (edges.NEXT, {"reached the origin": 1}, "next: 0 of 5 reached the origin"),
    (edges.PURGED, {"reached the origin": 0}, "invalidated: 5 of 5 reached the origin"),
    (edges.FIRST, {"shortest_ms": 1.0}, "what went to the origin took more than a round trip"),
    (edges.AGAIN, {"shortest_ms": 200.0}, "what did not took less")])
def test_a_claim_can_fail(label, seen, broken):
    loads = recordings.read("edge").loads
    changed = replace(loads[label], seen=loads[label].seen | seen)
    assert [text for text, held in edges._claims(loads | {label: changed}, 189.7) if not held] == [broken]


@pytest.mark.parametrize("paths", [1, 5, 40])
def test_the_model_is_a_simulation_of_the_same_four_cases(paths):
    assert origin_requests(paths, "us-east-1") == [paths, 0, paths, 0]


def test_the_model_shows_an_edge_that_does_not_forget(monkeypatch):
    monkeypatch.setattr("sdlib.labs.edge_models.INVALIDATED_S", 59.0)
    assert origin_requests(5, "us-east-1") == [5, 0, 0, 0]


@needs_nginx
def test_kernel_killed_in_the_middle(traces):
    """kill -9 of a real kernel leaves no NGINX, no origin, no relay and no folder."""
    with traces.kernel_to_be_killed("labs.edge()", begun="nginx.pid"):
        assert len(traces.processes()) >= 4             # watchdog, origin, relay, NGINX
