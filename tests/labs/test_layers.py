"""Lesson 15's lab: a gateway, balancers of each service, machines; and balancers that are killed."""

from dataclasses import replace

import pytest
from test_mail import as_read

from sdlib import labs as lab
from sdlib.labs import layered, recordings
from sdlib.labs.stage import find_program

needs_nginx = pytest.mark.skipif(find_program("nginx") is None, reason="NGINX is not installed")
PROCESSES = 3 + 2 * 6      # watchdog, machines, clients; six times NGINX and its one worker
SENTENCE = layered._sentence(200)
PATHS = [["gateway", f"product balancer {one}", f"product {other}"] for one in (1, 2) for other in (1, 2)] * 10


@pytest.fixture(scope="module")
def recorded():
    return recordings.read("layers")


def assert_shows_the_layers(result):
    assert str(result) == SENTENCE and all(held for _, held in result.claims)
    table = result.compare()
    product, payment, user = table["measured"]
    assert product == 0 < payment < user / 2
    assert table["simulated"].iloc[0] == 0 and abs(table["simulated"].iloc[2] - user) <= 10
    page = result.panel().value
    assert page.count("<svg") == 1 and SENTENCE in as_read(page) and "each layer's time holds" in page


@needs_nginx
def test_lesson_15(traces):
    result = lab.layers()
    assert_shows_the_layers(result)
    assert result.recorded is None


def test_the_recorded_run_shows_the_same(recorded):
    assert_shows_the_layers(recorded)
    assert "NGINX" in recorded.recorded["versions"]


def test_without_nginx_the_recorded_run_stands_in_and_reads_the_same(traces, monkeypatch):
    for module in ("sdlib.labs.inventory", "sdlib.labs.nginx"):
        monkeypatch.setattr(f"{module}.find_program", lambda *names: None)
    monkeypatch.setattr("sdlib.labs.layered.Stage", None)         # nothing may start
    stands_in = lab.layers()
    assert str(stands_in) == SENTENCE and isinstance(stands_in, layered.Layered)
    assert "A recorded real run" in stands_in.panel().value and "apt install nginx" in stands_in.panel().value


def changed(loads, service, ends=None, **seen):
    load = loads[service]
    return loads | {service: replace(load, ends=load.ends | (ends or {}), seen=load.seen | seen)}


BROKEN = [
    (lambda loads: changed(loads, "product", {"answered": 199, "502": 1}), PATHS, "none of product's requests failed"),
    (lambda loads: changed(loads, "product", {"answered": 199}), PATHS, "every request is accounted for"),
    (lambda loads: loads, PATHS[:-1] + [["gateway", "product balancer 1", "product 1"]], "each of the four ways"),
    (lambda loads: changed(loads, "payment", last_failed_s=0.6), PATHS, "of the payments only those failed"),
    (lambda loads: changed(loads, "payment", {"answered": 200, "502": 0}), PATHS, "of the payments only those failed"),
    (lambda loads: changed(loads, "payment", done=loads["payment"].ends["answered"]), PATHS, "made all the same"),
    (lambda loads: changed(loads, "user", ok_after_the_first_failure=100), PATHS, "all of its requests failed"),
    (lambda loads: changed(loads, "user", {"answered": 200, "502": 0}), PATHS, "all of its requests failed")]


@pytest.mark.parametrize(("change", "paths", "says"), BROKEN)
def test_a_verdict_that_does_not_hold_says_so(recorded, change, paths, says):
    assert all(held for _, held in layered._claims(recorded.loads, PATHS))
    loads = change(recorded.loads)
    result = layered.Layered(loads, layered._claims(loads, paths), SENTENCE)
    assert "It did not hold that" in str(result) and says in str(result)


@pytest.mark.parametrize(("knobs", "named"), [
    ({"requests_per_s": 20}, "requests_per_s=20"), ({"seconds": 0}, "seconds=0"),
    ({"requests_per_s": "many"}, "requests_per_s='many'")])
def test_a_lab_that_would_show_nothing_is_refused(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.layered.Stage", None)         # nothing may start
    with pytest.raises(ValueError, match=rf"layers\({named}"):
        lab.layers(**knobs)


@needs_nginx
def test_kernel_killed_in_the_middle_of_the_lab(traces):
    """kill -9 of a real kernel leaves no NGINX, no worker of one, no machine and no folder."""
    with traces.kernel_to_be_killed("labs.layers(seconds=4)", begun="visits.json"):
        assert len(traces.processes()) == PROCESSES
