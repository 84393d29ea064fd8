"""A region: the way to it and back, by country; measured where it was measured."""

import numpy as np
import pytest
from compare import run_both

import sdlib as sd
from sdlib.components.geography import MUMBAI, hubs, model_error_ms, regions, way_to_region
from sdlib.theory import confidence_interval, expected_rtt_ms
from sdlib.theory.network import great_circle_km

SHOP = sd.Server(cpus=64, ram_gb=64, service_ms=5, distribution="constant")


def from_country(country, seconds=20, seed=1, **knobs):
    crowd = sd.Clients(users=600, countries={country: 1})
    return sd.simulate(sd.Region(SHOP, **knobs), crowd, seconds=seconds, seed=seed)


@pytest.mark.parametrize("country", ["IN", "SG", "US", "NG"])
def test_over_a_kept_connection_an_answer_takes_one_round_trip_more(country):
    region = sd.Region(SHOP)
    latency_ms = from_country(country, new_connections=0).requests["latency_ms"].dropna()
    assert latency_ms.to_numpy() == pytest.approx(region.rtt_ms(country) + 5)


@pytest.mark.parametrize(("tls", "round_trips"), [("none", 2), ("1.3", 3), ("1.2", 4)])
def test_a_new_connection_costs_the_handshakes(tls, round_trips):
    latency_ms = from_country("US", new_connections=1, tls=tls).requests["latency_ms"].dropna()
    assert latency_ms.to_numpy() == pytest.approx(round_trips * sd.Region(SHOP).rtt_ms("US") + 5)


def test_the_share_of_new_connections_is_met():
    rtt_ms, shares = sd.Region(SHOP).rtt_ms("DE"), []
    for seed in range(20):
        latency_ms = from_country("DE", seed=seed, new_connections=0.2).requests["latency_ms"].dropna()
        shares.append(float((latency_ms > 2 * rtt_ms).mean()))
    found = confidence_interval(shares, level=0.99)
    assert found.low <= 0.2 <= found.high


def test_no_server_helps_against_distance():
    crowd = sd.Clients(users=600, countries={"US": 1})
    slow, quick = (sd.simulate(sd.Region(sd.Server(cpus=cpus, ram_gb=64, service_ms=5)), crowd, seconds=30, seed=1)
                   for cpus in (8, 800))
    assert quick.measures()["p50_ms"] > sd.Region(SHOP).rtt_ms("US") > 0.9 * slow.measures()["p50_ms"]


def test_the_table_uses_what_was_measured():
    table = sd.Region(SHOP).table().set_index("country")
    assert len(table) == 48 and set(table["basis"]) == {"measured", "model"}
    measured = sd.data.region_rtt_ms()
    assert table.loc["SG", "rtt_ms"] == measured.loc["ap-southeast-1", MUMBAI]
    assert table.loc["SG", "basis"] == "measured" and table.loc["NG", "basis"] == "model"
    assert table.loc["NG", "rtt_ms"] == pytest.approx(expected_rtt_ms(table.loc["NG", "km"]))
    assert table["rtt_ms"].is_monotonic_increasing


def test_the_error_of_the_model_is_the_mean_of_all_its_misses():
    measured, misses = sd.data.region_rtt_ms(), []
    for other in measured.columns.drop(MUMBAI):
        km = great_circle_km(*regions()[MUMBAI], *regions()[other])
        misses.append(abs(expected_rtt_ms(km) - measured.loc[MUMBAI, other]))
    assert model_error_ms() == pytest.approx(np.mean(misses))
    assert 15 < model_error_ms() < 30


def test_a_place_near_a_measured_region_has_its_time_and_no_other():
    latitude, longitude = regions()["eu-central-1"]
    assert way_to_region((latitude + 0.5, longitude), MUMBAI).basis == "measured"
    assert way_to_region((latitude + 1.5, longitude), MUMBAI).basis == "model"


def test_every_country_has_a_hub_and_a_share():
    assert set(sd.data.crowd()) == set(hubs()) and min(sd.data.crowd().values()) > 0


def test_both_engines_agree():
    crowd = sd.Clients(users=900, countries=sd.data.crowd())
    run = run_both(sd.Region(SHOP), crowd, 20, seed=3, schedule=[sd.at(5, "kill", "region", for_s=3)])
    assert run.conservation()["balanced"].all() and run.stations.loc["region", "refused"] > 0


def test_the_stage_of_a_region_is_a_map():
    run = sd.simulate(sd.Region(SHOP), sd.Clients(users=60, countries=sd.data.crowd()), seconds=5)
    assert "map" in str(sd.watch(run).shown["scene"]) or "earth" in str(sd.watch(run).shown)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_an_unknown_country_is_told(engine):
    with pytest.raises(ValueError, match=r"Region\(clients='XX'\).*countries of sd.data.countries"):
        sd.simulate(sd.Region(SHOP), sd.Clients(users=1, countries={"XX": 1}), engine=engine)
