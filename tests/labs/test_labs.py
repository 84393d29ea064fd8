"""Real software gives the verdicts that lessons show, and counts that add up."""

import asyncio
import math

import numpy as np
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from sdlib import labs as lab
from sdlib.labs.server import Front, drawn_ms
from sdlib.labs.web import poisson_arrivals

ONE_SERVER = """\
sent 408, answered 408, refused 0, lost 0, timed out 0
every request is accounted for: yes
every answer carried its row from SQLite: yes
no request was held for less than its CPU time: yes
Little's law, in flight = arrival rate x time in the server: yes"""

HOCKEY_STICK = """\
every request is accounted for: yes
at 30 % of its capacity the server answered all: yes
median latency at 130 % is longer than at 30 %: yes
median latency at 130 % is longer than at 60 %: yes
median latency at 130 % is longer than at 80 %: yes
at 130 % memory ran out: the server crashed: yes
at 130 % requests were lost in the crash: yes
at 130 % requests were refused during the restart: yes
after the restart the server answered all again: yes"""


def queue_by_hand(load, seed):
    """M/M/c on the load's arrivals, in six lines: a second opinion beside the engine."""
    service_s = np.random.default_rng(seed).exponential(load.answered["service_ms"].mean() / 1000, len(load.requests))
    free_s, latencies_ms = [0.0] * load.server["cpus"], []
    for arrival_s, held_s in zip(load.requests["intended_s"], service_s, strict=True):
        first = free_s.index(min(free_s))
        free_s[first] = max(arrival_s, free_s[first]) + held_s
        latencies_ms.append(1000 * (free_s[first] - arrival_s))
    return np.array(latencies_ms), 0.0


def test_lesson_1(traces):
    result = lab.one_server(seconds=2)
    assert str(result) == ONE_SERVER
    load = result.loads[50]
    assert len(load.requests) == len(poisson_arrivals(200, 2, seed=1)) == 408
    assert load.requests["drawn_ms"].tolist() == [drawn_ms(10.0, 1, 1, number) for number in range(408)]
    compared = result.compare(queue_by_hand).iloc[0]
    assert compared["low_ms"] < compared["simulated_ms"] < compared["high_ms"]
    assert compared["measured_over_simulated"] == compared["measured_ms"] / compared["simulated_ms"]
    by_engine = result.compare(seeds=5).iloc[0]
    assert by_engine["low_ms"] <= by_engine["simulated_ms"] <= by_engine["high_ms"]
    assert by_engine["simulated_failed_percent"] == 0
    assert "measured ms" in result.panel().children[1].value


def test_lesson_2(traces):
    result = lab.hockey_stick(seconds=2)
    assert str(result) == HOCKEY_STICK
    assert all(load.conserved() for load in result.loads.values())
    shown = [part.value for part in result.panel().children]
    assert shown[1].count("<circle") == shown[1].count("<rect") == 5 and "aria-label" in shown[1]
    counts = result.measured[["answered", "refused", "lost", "timed_out"]].sum(axis=1)
    assert counts.tolist() == result.measured["sent"].tolist()
    assert result.measured.loc[130, "lost"] > result.loads[130].server["ram_requests"]


def test_a_notebook_shows_the_verdict_as_text_and_the_times_in_a_widget(traces):
    """In a real kernel: nothing that differs from run to run is in what strict comparison reads."""
    cell = new_code_cell("from sdlib import labs as lab\nlab.one_server(seconds=2)")
    NotebookClient(new_notebook(cells=[cell]), timeout=60, kernel_name="python3").execute()
    status, result = cell.outputs
    assert set(status.data) == set(result.data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert status.data["text/plain"] == "(status of the lab while it runs)"
    assert result.data["text/plain"] == ONE_SERVER


def test_lost_and_timed_out_requests_are_told_apart(traces, monkeypatch):
    monkeypatch.setattr("sdlib.labs.web.CLIENT_TIMEOUT_S", 0.5)
    with lab.web_server(cpus=1, service_ms=2000, ram_requests=10_000) as server:
        late = server.load(20, 1)
    counts = late.requests["status"].value_counts()
    assert late.conserved() and late.crashes == 0 and counts["timed out"] > 0
    assert counts["refused"] == counts["lost"] == 0
    assert late.requests.loc[late.requests["status"] != "ok", "service_ms"].isna().all()


def test_a_load_without_any_request(traces):
    with lab.web_server() as server:
        none = server.load(0.1, 0.1, seed=2)
    assert len(none.requests) == 0 and none.conserved()
    assert none.summary()["sent"].item() == 0 and math.isnan(none.summary()["mean_ms"].item())


def test_the_queue_is_first_come_first_served():
    async def order_of_service():
        front, served = Front([], {}), []
        front.idle = ["worker"]

        async def request(number):
            worker, _ = await front.take()
            served.append(number)
            await asyncio.sleep(0)
            front.give_back(worker, 0.0)
        await asyncio.gather(*(request(number) for number in range(50)))
        return served
    assert asyncio.run(order_of_service()) == list(range(50))


def test_check_names_every_component_and_how_to_get_it():
    table = lab.check()
    assert {"aiohttp", "SQLite", "NGINX", "Redis"} <= set(table.index)
    assert table["how_to_get"].str.len().gt(0).all()
    assert table.loc["SQLite", "installed"] and (table["installed"] == (table["version"] != "")).all()
    assert lab.ready() == "aiohttp: ready\nSQLite: ready"


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("sdlib.labs.inventory.find_program", lambda *names: None)
    assert lab.ready("NGINX").startswith("NGINX: missing; get it with: apt install nginx")
    with pytest.raises(ValueError, match="Apache.*known components are.*NGINX"):
        lab.ready("Apache")


BAD_SERVERS = [("cpus", 0), ("cpus", -1), ("cpus", 2.5), ("cpus", 1_000_000), ("cpus", "four"), ("cpus", None),
               ("service_ms", 0), ("service_ms", math.nan), ("service_ms", math.inf), ("ram_requests", 0),
               ("ram_requests", 10**9), ("restart_s", -1), ("restart_s", 3600), ("seed", -1), ("port", 70_000)]


@pytest.mark.parametrize(("name", "value"), BAD_SERVERS)
def test_bad_server(traces, name, value):
    with pytest.raises(ValueError, match=rf"lab\.web_server\({name}=.*{name} must be .* from .* to .*; for example"):
        lab.web_server(**{name: value})


BAD_LOADS = [("requests_per_s", 0), ("requests_per_s", -5), ("requests_per_s", math.nan), ("requests_per_s", 1e9),
             ("requests_per_s", "fast"), ("seconds", 0), ("seconds", math.inf), ("seconds", 3600), ("seed", 1.5)]


def test_bad_loads(traces):
    with lab.web_server() as server:
        for name, value in BAD_LOADS:
            with pytest.raises(ValueError, match=rf"load\({name}=.*{name} must be .* from .* to .*; for example"):
                server.load(**{"requests_per_s": 10, "seconds": 1, name: value})
        with pytest.raises(ValueError, match="at most 10 s at 2000 requests/s"):
            server.load(requests_per_s=2000, seconds=60)


BAD_LABS = [(lab.one_server, {"requests_per_s": 400}, "load_percent=100"),
            (lab.one_server, {"requests_per_s": math.nan}, "requests_per_s=nan"),
            (lab.one_server, {"requests_per_s": 0}, "requests_per_s=0"),
            (lab.one_server, {"seconds": -1}, "seconds=-1"),
            (lab.one_server, {"cpus": 0}, "cpus=0"),
            (lab.hockey_stick, {"seconds": 0}, "seconds=0"),
            (lab.hockey_stick, {"seconds": 60}, "seconds=60"),
            (lab.hockey_stick, {"service_ms": 1000}, "service_ms=1000"),
            (lab.hockey_stick, {"cpus": 64}, "requests_per_s=8320"),
            (lab.hockey_stick, {"cpus": math.nan}, "cpus=nan"),
            (lab.hockey_stick, {"utilizations": 0.5}, "utilizations=0.5"),
            (lab.hockey_stick, {"utilizations": []}, r"utilizations=\[\]"),
            (lab.hockey_stick, {"utilizations": (0.3, 0.9)}, r"utilizations=\(0.3, 0.9\)"),
            (lab.hockey_stick, {"utilizations": (0.3, math.inf)}, "utilizations=inf")]


@pytest.mark.parametrize(("run", "knobs", "named"), BAD_LABS)
def test_bad_lab(traces, monkeypatch, run, knobs, named):
    monkeypatch.setattr("sdlib.labs.web.Stage", None)            # nothing may start
    with pytest.raises(ValueError, match=named):
        run(**knobs)
