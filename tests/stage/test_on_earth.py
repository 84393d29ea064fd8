"""The stage as a map: what stands where, and what is sent to draw it."""

import json

import numpy as np
import pytest
from far_away import FRANKFURT, MUMBAI, Far, far_run

import sdlib as sd
from sdlib import data
from sdlib.charts.earth import extent
from sdlib.stage.on_earth import WIDTH, design, has_places, height, map_of, spots_of
from sdlib.stage.widget import watch, window_of


@pytest.fixture(scope="module")
def far():
    return far_run()


def test_a_system_without_places_is_drawn_as_before():
    run = sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100), seconds=5)
    assert not has_places(run) and map_of(run, []) is None
    assert "map" not in json.loads(watch(run).shown["scene"])


def test_what_stands_behind_a_place_stands_there_too(far):
    spots, spot_of = spots_of(far.nodes)
    names = [node.name for node in far.nodes]
    assert [spot["name"] for spot in spots] == ["Frankfurt", "Mumbai", "Virginia", "Sao Paulo"]
    assert spot_of[names.index("load balancer")] == -1, "it has no place: it is with whoever asks"
    assert spot_of[names.index("shop")] == spot_of[names.index("database")] == spot_of[names.index("Mumbai")] == 1
    assert [spot["is_large"] for spot in spots] == [False, True, False, False]
    x, y = design(*MUMBAI)
    assert (spots[1]["x"], spots[1]["y"]) == (round(float(x), 1), round(float(y), 1))


def test_two_components_at_one_place_are_one_spot():
    inner = Far(sd.Database(), MUMBAI, name="inner")
    run = sd.simulate(Far(inner, MUMBAI, name="outer"), sd.Clients(users=100), seconds=5)
    spots, spot_of = spots_of(run.nodes)
    assert len(spots) == 1 and set(spot_of) == {0} and spots[0]["nodes"] == [0, 1, 2]


def test_a_request_begins_in_its_country(far):
    window, packed = window_of(far)
    sent = map_of(far, packed.requests)
    codes = data.countries().set_index("country")["iso2"]
    assert [codes[sent["homes"][home]["name"]] for home in sent["home_of"]] \
        == far.requests["country"].to_numpy()[packed.requests].tolist()
    x, y = design(*FRANKFURT)
    germany = next(home for home in sent["homes"] if home["name"] == "Germany")
    assert np.hypot(germany["x"] - x, germany["y"] - y) < 3


def test_a_country_that_no_table_knows_has_no_home():
    run = sd.simulate(Far(None, MUMBAI), sd.Clients(users=600, countries={"IN": 0.5, "Atlantis": 0.5}), seconds=5)
    sent = map_of(run, range(len(run.requests)))
    assert [home["name"] for home in sent["homes"]] == ["India"]
    assert [home == -1 for home in sent["home_of"]] == (run.requests["country"] == "Atlantis").tolist()


def test_the_land_and_all_places_lie_on_the_map(far):
    sent = map_of(far, window_of(far)[1].requests)
    for ring in sent["land"]:
        points = np.array(ring).reshape(-1, 2) / 10
        assert (points > 0).all() and (points[:, 0] < WIDTH).all() and (points[:, 1] < height()).all()
    (left, right), (bottom, top) = extent()
    assert WIDTH / height() == pytest.approx((right - left) / (top - bottom), rel=0.02)


def test_forty_places_and_a_large_crowd_are_sent_in_less_than_300_kb():
    hubs = data.countries().head(39)
    origin = Far(sd.Database(), MUMBAI, 60.0, name="origin")
    edges = [Far(origin, (row.lon, row.lat), 5.0, name=row.hub_city) for row in hubs.itertuples()]
    crowd = sd.Clients(users=200_000, countries=dict.fromkeys(hubs["iso2"], 1.0))
    run = sd.simulate(sd.LoadBalancer(edges, policy="random"), crowd, seconds=1, seed=1)
    stage = watch(run)
    assert sum(len(part) for part in stage.shown.values()) < 300_000
    assert len(json.loads(stage.shown["scene"])["map"]["spots"]) == 40
    assert json.loads(stage.shown["about"])["requests"] > 1_500


def test_the_window_lasts_long_enough_to_see_a_journey(far):
    window, _ = window_of(far)
    median_s = float(far.requests["latency_ms"].median()) / 1000
    assert 2 <= median_s / window.speed <= 5, "seconds on the screen"
