"""The stage as a map: what stands where, and what is sent to draw it."""

import json

import numpy as np
import pytest
from far_away import FRANKFURT, MUMBAI, Far, far_run

import sdlib as sd
from sdlib import data
from sdlib.charts.earth import extent
from sdlib.stage.journeys import Journeys
from sdlib.stage.on_earth import WIDTH, design, has_places, height, map_of, spots_of
from sdlib.stage.still import still_of
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


def test_a_journey_takes_the_time_that_the_network_takes(far):
    _, packed = window_of(far)
    sent = map_of(far, packed.requests)
    journeys = Journeys(packed, sent["spot_of"], sent["home_of"])
    mumbai = next(place for place, spot in enumerate(sent["spots"]) if spot["name"] == "Mumbai")
    took_s = [ends_s - begins_s for legs in journeys.legs for begins_s, ends_s, *way in legs if mumbai in way]
    assert len(took_s) > 1_000 and np.allclose(took_s, 0.060, atol=1e-6)
    to_edges_s = [ends_s - begins_s for legs in journeys.legs for begins_s, ends_s, came, to in legs if came < -1]
    assert len(to_edges_s) > 500 and np.allclose(to_edges_s, 0.005, atol=1e-6)


def test_a_place_where_nothing_happens_is_half_the_way_there_and_half_back():
    run = sd.simulate(Far(None, MUMBAI, 50.0), sd.Clients(users=600, countries={"US": 1.0}), seconds=5)
    _, packed = window_of(run, 0, 5)
    journeys = Journeys(packed, [0], [0] * len(packed.requests))
    who = next(who for who, legs in enumerate(journeys.legs) if len(legs) == 2)
    begun_s = journeys.legs[who][0][0]
    assert journeys.at(who, begun_s + 0.025) == (-2, 0, pytest.approx(0.5))
    assert journeys.at(who, begun_s + 0.075) == (0, -2, pytest.approx(0.5))
    assert journeys.at(who, begun_s - 1)[2] == 1.0


def test_the_still_picture_is_the_map_with_a_dot_for_everyone_inside(far):
    still = still_of(far, 2.0)
    dots = sum(len(trace.x) for trace in still.data if trace.name.endswith("request"))
    rows = far.requests
    inside = ((rows["arrived_s"] <= 2.0) & (rows["finished_s"] > 2.0)).sum()
    assert dots == inside > 100
    assert "Mumbai" in " ".join(next(trace for trace in still.data if trace.name == "words").text)
    assert "land" in {trace.name for trace in still.data} and still.layout.meta["alt"].endswith("shows 2 s.")
