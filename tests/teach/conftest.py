"""Every test here gets an empty folder of its own, and so a progress file of its own."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.engine.blueprint import blueprint
from sdlib.kernel.state import DROPPED, MESSAGE, REQUEST
from sdlib.kernel.statuses import LOST

FOUR_PARTS = blueprint(sd.Gateway({
    "/": sd.Service(1, 1, calls=[sd.Database(1, name="product database")], name="product"),
    "/balancer": sd.Server(1, 1, name="product balancer"),
    "/mail": sd.Server(1, 1, calls=[sd.Queue(sd.Worker(name="mail worker"))])}))
PATHS = ("/static", "/product", "/order", "/payment", "/user")
TWO_QUEUES = blueprint(sd.Server(1, 1, calls=[sd.Queue(sd.Worker()), sd.Queue(sd.Worker())]))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def a_run():
    """Makes a stand-in for a run with the figures given."""
    def make(crashes=0, lost_in_stops=(53, 100), others_answered=None, told_nothing=None,
             lost_mails=0, empty_after_s=0.0, dead_percent=0, half_told=0, left_per_s=0, leaks=0, fullest=None,
             failed_routes=None, hits=0, misses=0, queries=0, pages_ms=0, us_p95_ms=0.0, **figures):
        usual = {"error_percent": 0.0, "failed": 0, "utilization_percent": 1.7, "mean_ms": 11.0, "p95_ms": 40.0,
                 "p99_ms": 50.0, "throughput_per_s": 6.7, "sent": 400, "answered": 400, "usd_per_month": 198.7}
        summary = pd.DataFrame([{**usual, **figures}])
        stations = pd.DataFrame({"crashes": [crashes, 0], "leaks": [leaks, 0], "hits": [hits, 0],
                                 "misses": [misses, 0], "served": [0, queries]}, index=["server", "database"])
        starts_s = [100.0 * stop for stop, _ in enumerate(lost_in_stops)]
        incidents = pd.DataFrame({"time_s": starts_s, "until_s": [start_s + 30 for start_s in starts_s],
                                  "what": "stopped"})
        ends_s = [start_s + 1 for start_s, lost in zip(starts_s, lost_in_stops) for _ in range(lost)]
        page = {"country": "US", "route": "/product", "latency_ms": pages_ms}
        requests = pd.DataFrame({"finished_s": ends_s, "status": "ok" if pages_ms else "refused", **page})
        if others_answered is not None:
            requests = pd.DataFrame({"status": ["ok"] * others_answered + ["refused"] * (100 - others_answered)})
        if told_nothing is not None:
            requests = pd.DataFrame({"status": ["lost"] * told_nothing})
        if failed_routes is not None:
            requests = pd.DataFrame({"route": PATHS, "status": "ok"})
            requests.loc[requests["route"].isin(failed_routes), "status"] = "timed out"
        nodes = FOUR_PARTS if fullest else TWO_QUEUES
        counted = {"capacity": np.ones(len(nodes), int), "served": np.zeros(len(nodes), int),
                   "busy_area": np.array([60.0 * (node.name == fullest) for node in nodes])}
        mails = np.zeros(max(lost_mails, half_told) + 10, MESSAGE)
        mails["outcome"][:lost_mails], mails["request"] = DROPPED, np.arange(len(mails))
        caught = np.zeros(len(mails), REQUEST)
        if half_told:
            caught["status"][:half_told] = LOST
        if left_per_s:
            caught = np.zeros(30 * left_per_s, REQUEST)  # of the second half of a minute, each answered by a server
            caught["arrived_s"] = 45.0
        backlog = pd.DataFrame({"second": [300 + empty_after_s], "visible": [0], "hidden": [0]})
        outcomes = ["dead-lettered"] * dead_percent + ["delivered"] * (100 - dead_percent)
        messages = pd.DataFrame({"request": [], "sent_s": [], "outcome": []}) if told_nothing is not None else (
            pd.DataFrame({"request": range(100), "sent_s": 61.0, "outcome": outcomes}))
        countries = pd.DataFrame({"country": ["IN", "US"], "p95_ms": [30.0, us_p95_ms]})
        return SimpleNamespace(records=SimpleNamespace(messages=mails, requests=caught, stations=counted,
                                                       samples=np.zeros((1, len(nodes), 3), int)),
                               backlog=lambda: backlog, nodes=nodes, by_country=lambda: countries, seed=1,
                               clients=sd.Clients(users=100), seconds=60.0, summary=lambda: summary,
                               stations=stations, incidents=incidents, requests=requests,
                               messages=messages)
    return make
