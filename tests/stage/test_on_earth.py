"""The stage as a map: what stands where, and what is sent to draw it."""

import json

import numpy as np
import pytest
from far_away import FRANKFURT, MUMBAI, far_run

import sdlib as sd
from sdlib import data
from sdlib.charts.earth import extent
from sdlib.components.geography import regions
from sdlib.components.region import Line
from sdlib.stage.journeys import Journeys
from sdlib.stage.on_earth import WIDTH, design, has_places, height, map_of, spots_of
from sdlib.stage.still import still_of
from sdlib.stage.widget import watch, window_of


@pytest.fixture(scope="module")
def far():
    return far_run()


def of(region):
    """Longitude and latitude."""
    return regions()[region][::-1]


def test_a_system_without_places_is_drawn_as_before():
    run = sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100), seconds=5)
    assert not has_places(run) and map_of(run, []) is None
    assert "map" not in json.loads(watch(run).shown["scene"])


def test_what_stands_behind_a_place_stands_there_too(far):
    spots, spot_of = spots_of(far.nodes)
    names = [node.name for node in far.nodes]
    assert [spot["name"] for spot in spots] == ["Frankfurt am Main", "Mumbai", "Ashburn", "São Paulo"]
    assert spot_of[names.index("load balancer")] == -1, "it has no place: it is with whoever asks"
    assert spot_of[names.index("shop")] == spot_of[names.index("database")] == spot_of[names.index("Mumbai")] == 1
    assert [spot["is_large"] for spot in spots] == [False, True, False, False]
    x, y = design(*of(MUMBAI))
    assert (spots[1]["x"], spots[1]["y"]) == (round(float(x), 1), round(float(y), 1))


def test_two_components_at_one_place_are_one_spot():
    inner = Line(sd.Database(), home=MUMBAI, name="inner")
    run = sd.simulate(Line(inner, home=MUMBAI, name="outer"), sd.Clients(users=100), seconds=5)
    spots, spot_of = spots_of(run.nodes)
    assert len(spots) == 1 and set(spot_of) == {0} and spots[0]["nodes"] == [0, 1, 2]


def test_the_end_of_a_line_is_called_after_its_city():
    run = sd.simulate(sd.CDN(sd.Server(4, 4, name="shop"), edges=["Newark", "Tokyo"]), sd.Clients(users=100), seconds=5)
    spots, _ = spots_of(run.nodes)
    assert [(spot["name"], spot["is_large"]) for spot in spots] == [
        ("edge Newark", False), ("Mumbai", True), ("edge Tokyo", False)]


def named(edges):
    run = sd.simulate(sd.CDN(sd.Server(4, 4), edges=edges), sd.Clients(users=100), seconds=1)
    return {spot["name"] for spot in spots_of(run.nodes)[0] if spot["is_named"]}


def test_a_name_does_not_cover_that_of_the_origin():
    assert named(["Newark", "Mumbai"]) == {"edge Newark", "Mumbai"}
    assert named(12) == {"Mumbai"}, "of many edges none is named"


def test_where_edges_keep_answers_the_window_is_one_in_which_they_have_some():
    crowd = sd.Clients(users=6_000, objects=100, routes={"/static": 1}, countries=data.crowd())
    run = sd.simulate(sd.CDN(sd.Server(64, 64), edges=5), crowd, seconds=20, seed=1)
    window, _ = window_of(run)
    rows = run.requests[run.requests["arrived_s"].between(window.from_s, window.from_s + window.seconds)]
    assert window.from_s == 10 and rows["served_by"].isna().mean() > 0.5
    assert window.words(run).endswith("its stores have filled") and window.seconds > 0.2
    shop = sd.Region(sd.Cache(sd.Server(64, 64)))
    for other in (far_run(), sd.simulate(shop, crowd, seconds=20, seed=1)):
        assert "busiest" in window_of(other)[0].words(other), "no store but that at home"


def test_a_window_that_begins_before_the_stores_have_filled_says_so():
    crowd = sd.Clients(users=600_000, objects=100, routes={"/static": 1}, countries=data.crowd())
    run = sd.simulate(sd.CDN(sd.Server(64, 64), edges=5), crowd, seconds=2, seed=1)
    window, _ = window_of(run)
    assert window.from_s < 1 and "its stores are filling" in window.words(run)


def test_a_request_begins_in_its_country(far):
    window, packed = window_of(far)
    sent = map_of(far, packed.requests)
    codes = data.countries().set_index("country")["iso2"]
    assert [codes[sent["homes"][home]["name"]] for home in sent["home_of"]] \
        == far.requests["country"].to_numpy()[packed.requests].tolist()
    x, y = design(*of(FRANKFURT))
    germany = next(home for home in sent["homes"] if home["name"] == "Germany")
    assert np.hypot(germany["x"] - x, germany["y"] - y) < 3


def test_a_country_that_no_table_knows_has_no_home():
    crowd = sd.Clients(users=600, countries={"IN": 0.5, "Atlantis": 0.5})
    run = sd.simulate(Line(sd.Database(), home=MUMBAI), crowd, seconds=5)
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


def test_thirty_places_and_a_large_crowd_are_sent_in_less_than_300_kb():
    origin = Line(sd.Database(), 120.0, MUMBAI, name="origin")
    edges = [Line(origin, 10.0, home, name=home) for home in regions() if home != MUMBAI]
    crowd = sd.Clients(users=200_000, countries=data.crowd())
    stage = watch(sd.simulate(sd.LoadBalancer(edges, policy="random"), crowd, seconds=1, seed=1))
    assert sum(len(part) for part in stage.shown.values()) < 300_000
    assert len(json.loads(stage.shown["scene"])["map"]["spots"]) == len(regions()) > 30
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


def test_who_is_answered_at_an_edge_is_half_the_way_there_and_half_back():
    cdn = sd.CDN(sd.Server(4, 4), edges=["Mumbai"], new_connections=0)
    crowd = sd.Clients(users=600, countries={"US": 1.0}, objects=1, routes={"/static": 1})
    run = sd.simulate(cdn, crowd, seconds=5)
    _, packed = window_of(run, 0, 5)
    sent, edge = map_of(run, packed.requests), cdn.stores[0]
    half_s = (edge.rtt_ms("US") + edge.proxy_ms) / 2_000
    journeys = Journeys(packed, sent["spot_of"], sent["home_of"])
    who = next(who for who, legs in enumerate(journeys.legs) if len(legs) == 2)
    there, answer = journeys.legs[who]
    assert [ends_s - begins_s for begins_s, ends_s, *_ in (there, answer)] == pytest.approx([half_s] * 2, abs=1e-6)
    spot = sent["spot_of"][next(node.index for node in run.nodes if node.kind == "Edge")]
    assert journeys.at(who, there[0] + half_s / 2) == (-2, spot, pytest.approx(0.5, abs=1e-3))
    assert journeys.at(who, answer[0] + half_s / 2) == (spot, -2, pytest.approx(0.5, abs=1e-3))
    assert journeys.at(who, there[0] - 1)[2] == 1.0


def test_the_still_picture_is_the_map_with_a_dot_for_everyone_inside(far):
    still = still_of(far, 2.0)
    dots = sum(len(trace.x) for trace in still.data if trace.name.endswith("request"))
    rows = far.requests
    inside = ((rows["arrived_s"] <= 2.0) & (rows["finished_s"] > 2.0)).sum()
    assert dots == inside > 100
    assert "Mumbai" in " ".join(next(trace for trace in still.data if trace.name == "words").text)
    assert "land" in {trace.name for trace in still.data} and still.layout.meta["alt"].endswith("shows 2 s.")
