"""Real software gives the verdicts that lessons show, and counts that add up."""

import asyncio
import html
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from sdlib import labs as lab
from sdlib.charts.theme import plain
from sdlib.kernel.statuses import STATUSES
from sdlib.labs import lessons, recordings
from sdlib.labs.picture import drawn
from sdlib.labs.plots import SHARES
from sdlib.labs.result import LabResult
from sdlib.labs.server import Front, drawn_ms
from sdlib.labs.web import LoadResult, poisson_arrivals

ONE_SERVER = ("All 408 real requests were answered, each with its row from SQLite, and Little's law holds in the real "
              "server as in the simulated one.")
HOCKEY_STICK = ("The real server does what the simulated one does: latency rises with the load, and past its capacity "
                "memory ran out, it crashed, lost and refused requests, and served again after the restart.")
READY = """\
The labs hold the simulation against real software. It runs on this computer only (127.0.0.1),
for the few seconds of a lab:
- aiohttp, as the web server and its clients: ready
- SQLite, as the database: ready"""


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
    assert compared["measured_ms"] == load.requests["latency_ms"].mean()      # from the intended time to the answer
    assert compared["way_ms"] == result.way_ms() > 0
    by_engine = result.compare(seeds=5).iloc[0]
    assert by_engine["low_ms"] <= by_engine["simulated_ms"] <= by_engine["high_ms"]
    assert by_engine["simulated_failed_percent"] == 0
    assert_shows(result, ONE_SERVER)
    assert result.plot(seeds=5).traces[-1]["x"] == plain(np.quantile(load.requests["latency_ms"], SHARES))


def assert_shows(result, verdict):
    """One picture with its text, one sentence, and the rest folded away."""
    page = result.panel().value
    opened = re.sub(r"<details>.*?</details>|<style>.*?</style>", "", page, flags=re.DOTALL)
    assert page.count("<svg") == opened.count("<svg") == opened.count('role="img" aria-label="') == 1
    assert opened.count(f'<p class="verdict"><strong>{html.escape(verdict)}</strong></p>') == 1
    assert "<table" not in opened and page.count("<table") == 2 and page.count("<summary>") == 3
    assert opened.count("Latency here is the time from the moment at which a request was meant to be sent") == 1


def test_lesson_2(traces):
    result = lab.hockey_stick(seconds=2)
    assert str(result) == HOCKEY_STICK
    assert all(load.conserved() for load in result.loads.values())
    assert_shows(result, HOCKEY_STICK)
    assert drawn(result.plot(seeds=5)).count("<circle") == 5 + 1              # and one in the legend
    counts = result.measured[["answered", "refused", "lost", "timed_out"]].sum(axis=1)
    assert counts.tolist() == result.measured["sent"].tolist()
    assert result.measured.loc[130, "lost"] > result.loads[130].server["ram_requests"]


def delayed(load, by_ms):
    """The same load while every request waits longer, as when other work takes the server's capacity away."""
    later = {name: load.requests[name] + by_ms for name in ("latency_ms", "waited_ms")}
    return replace(load, requests=load.requests.assign(**later))


@pytest.mark.parametrize(("slow", "broken"), [
    ([80], []),
    ([60], []),
    ([60, 80], ["at 130 % fewer requests found a free worker than at most of the loads up to 80 %"]),
    ([30], ["the median latency at 130 % is more than 2 times that at 30 %"])])
def test_lesson_2_one_disturbed_load_is_no_broken_claim_and_two_are(slow, broken):
    loads = recordings.read("hockey_stick").loads
    loads |= {share: delayed(loads[share], 500) for share in slow}
    claims = lessons._overload_claims(loads, loads[30])
    assert [text for text, held in claims if not held] == broken


def test_a_notebook_shows_the_verdict_as_text_and_the_times_in_a_widget(traces):
    """In a real kernel: nothing that differs from run to run is in what strict comparison reads."""
    cell = new_code_cell("from sdlib import labs as lab\nlab.one_server(seconds=2)")
    NotebookClient(new_notebook(cells=[cell]), timeout=60, kernel_name="python3").execute()
    status, result = cell.outputs
    assert set(status.data) == set(result.data) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert status.data["text/plain"] == "(status of the lab while it runs)"
    assert result.data["text/plain"] == ONE_SERVER


def test_a_verdict_says_which_claim_did_not_hold():
    claims = [("all is well", False), ("so it is", True), ("none is lost", False)]
    result = LabResult({50: one_request()}, claims, "Good.")
    assert str(result) == "This run does not show it. It did not hold that all is well; and that none is lost."


@pytest.mark.parametrize("sentence, headline, below", [
    ("Good.", "Good.", ""),
    ("All were answered. None waited.", "All were answered. None waited.", ""),
    (f"{'a' * 150}. {'b' * 60}. {'c' * 60}. Done.", f"{'a' * 150}. {'b' * 60}.", f"<p>{'c' * 60}. Done.</p>"),
    (f"{'a' * 300}. Done.", f"{'a' * 300}.", "<p>Done.</p>")])
def test_a_headline_has_two_lines_and_the_rest_stands_below_it(sentence, headline, below):
    page = LabResult({50: one_request()}, [], sentence).panel().value
    assert f'<p class="verdict"><strong>{headline}</strong></p>{below}<svg' in page


@pytest.mark.parametrize("way_ms, is_told", [(4.0, False), (200.0, True)])
def test_a_busy_machine_is_named(way_ms, is_told):
    busy = one_request()
    busy.requests["latency_ms"] = 8.0 + way_ms
    shown = LabResult({50: busy}, [], "Good.").panel().value
    assert ("busy with other work</strong> (one request in ten took more than 200 ms" in shown) == is_told
    assert ("may lie above it or below" in shown) == is_told


def one_request():
    requests = pd.DataFrame({"intended_s": [0.5], "latency_ms": [12.0], "status": pd.Categorical(["ok"], STATUSES),
                             "service_ms": [8.0], "waited_ms": [0.0], "drawn_ms": [7.5]})
    return LoadResult(requests, {"cpus": 2, "ram_requests": 8, "restart_s": 1.0}, 0, 0.008, 1)


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
    assert lab.ready() == READY


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("sdlib.labs.inventory.find_program", lambda *names: None)
    assert "- NGINX, as the load balancer, the proxy and the CDN edge: missing; get it with: a" in lab.ready("NGINX")
    with pytest.raises(ValueError, match="Apache.*known components are.*NGINX"):
        lab.ready("Apache")


@pytest.mark.parametrize("wrong", [None, 5, ["NGINX"], {"NGINX": 1}, b"NGINX", 10**5_000, ""], ids=range(7))
def test_what_is_no_component_is_told(wrong):
    with pytest.raises(ValueError, match="known components are.*NGINX.*for example"):
        lab.ready(wrong)


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
