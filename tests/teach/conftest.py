"""Every test here gets an empty folder of its own, and so a progress file of its own."""

from types import SimpleNamespace

import pandas as pd
import pytest

import sdlib as sd


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def a_run():
    """Makes a stand-in for a run with the figures given."""
    def make(crashes=0, lost_in_stops=(53, 100), others_answered=None, told_nothing=None, **figures):
        usual = {"error_percent": 0.0, "utilization_percent": 1.7, "mean_ms": 11.0, "p99_ms": 50.0,
                 "throughput_per_s": 6.7, "sent": 400, "answered": 400, "usd_per_month": 198.7}
        summary = pd.DataFrame([{**usual, **figures}])
        stations = pd.DataFrame({"crashes": [crashes, 0]}, index=["server", "database"])
        starts_s = [100.0 * stop for stop, _ in enumerate(lost_in_stops)]
        incidents = pd.DataFrame({"time_s": starts_s, "until_s": [start_s + 30 for start_s in starts_s],
                                  "what": "stopped"})
        ends_s = [start_s + 1 for start_s, lost in zip(starts_s, lost_in_stops) for _ in range(lost)]
        requests = pd.DataFrame({"finished_s": ends_s, "status": "refused"})
        if others_answered is not None:
            requests = pd.DataFrame({"status": ["ok"] * others_answered + ["refused"] * (100 - others_answered)})
        if told_nothing is not None:
            requests = pd.DataFrame({"status": ["lost"] * told_nothing})
        return SimpleNamespace(seed=1, clients=sd.Clients(users=100), seconds=60.0, summary=lambda: summary,
                               stations=stations, incidents=incidents, requests=requests,
                               messages=pd.DataFrame({"request": []}))
    return make
