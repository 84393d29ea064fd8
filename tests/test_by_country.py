"""What each country saw of a run."""

import numpy as np
import pytest

import sdlib as sd

SHOP = sd.Region(sd.Server(cpus=64, ram_gb=64, service_ms=5))


def test_each_country_has_its_own_percentiles():
    run = sd.simulate(SHOP, sd.Clients(users=3_000, countries={"IN": 3, "US": 1}), seconds=30, seed=1)
    table, requests = run.by_country().set_index("country"), run.requests
    assert table["requests"].sum() == len(requests) and list(table.index) == ["IN", "US"]
    for country, row in table.iterrows():
        answered = requests[(requests["country"] == country) & (requests["status"] == "ok")]["latency_ms"]
        assert row["p95_ms"] == pytest.approx(np.percentile(answered, 95))
        assert row["p50_ms"] == pytest.approx(answered.median())
        assert row["answered_percent"] == 100
    assert table.loc["US", "p95_ms"] > 5 * table.loc["IN", "p95_ms"]


def test_a_country_from_which_nobody_came_or_nobody_was_answered():
    late = sd.Clients(users=1, countries={"IN": 1, "US": 1}, arrivals_s=[0.1])
    table = sd.simulate(SHOP, late, seconds=1, seed=1).by_country()
    assert table["requests"].sum() == 1 and table["p95_ms"].isna().sum() >= 1
    away = sd.simulate(SHOP, late, seconds=1, seed=1, schedule=[sd.at(0, "kill", "region")]).by_country()
    assert away["p50_ms"].isna().all() and away["answered_percent"].dropna().tolist() == [0]


def test_the_map_takes_the_table():
    run = sd.simulate(SHOP, sd.Clients(users=3_000, countries=sd.data.crowd()), seconds=20, seed=1)
    assert "India" in sd.charts.world_map(run.by_country().dropna()).layout.meta["alt"]
