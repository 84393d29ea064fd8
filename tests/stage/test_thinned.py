"""A map whose crowd is too large to draw: one request in so many stands for the rest, and the stage says so."""

import json

import numpy as np
import pytest

import sdlib as sd
from sdlib.lessons.shop import PAGES
from sdlib.stage.moment import Moment
from sdlib.stage.on_earth import spots_of
from sdlib.stage.widget import watch, window_of


def shop(users):
    crowd = sd.Clients(users=users, routes=PAGES, countries=sd.data.crowd())
    return sd.simulate(sd.shop(19), crowd, seconds=2, seed=1)


@pytest.fixture(scope="module")
def crowded():
    """More requests a second than a window holds."""
    return shop(1_000_000)


def test_a_large_crowd_is_thinned_so_that_the_window_lasts(crowded):
    cut, thinned = window_of(crowded)[0], window_of(crowded, thin=True)[0]
    assert cut.one_in == 1 and cut.seconds < thinned.seconds / 10
    assert thinned.one_in >= 20 and 15 < thinned.seconds / thinned.speed < 30, "seconds on the screen"
    assert f"one request in {thinned.one_in} is drawn" in watch(crowded, thin=True).words
    assert "is drawn" not in watch(crowded).words


def test_who_is_drawn_is_drawn_whole_and_stands_for_the_rest(crowded):
    window, packed = window_of(crowded, 1.0, 0.5, thin=True)
    assert (packed.requests % window.one_in == 0).all()
    rows = crowded.requests
    is_inside = (rows["arrived_s"] <= 1.5) & ~(rows["finished_s"] <= 1.0)
    inside = [number for number in np.flatnonzero(is_inside) if number % window.one_in == 0]
    assert set(inside) <= set(packed.requests.tolist())  # and some whose mail is still on its way
    there = ((rows["arrived_s"] <= 1.25) & ~(rows["finished_s"] <= 1.25)).sum()
    drawn = Moment(packed, 0.25).in_flight()
    assert drawn > 50 and drawn * window.one_in == pytest.approx(there, rel=0.3)


def test_a_thinned_stage_says_nothing_of_boxes_whose_queues_it_does_not_show(crowded):
    stage = watch(crowded, thin=True)
    assert json.loads(stage.shown["about"])["lines"] == [] and "wait" not in stage.words
    assert sum(len(part) for part in stage.shown.values()) < 300_000


def test_a_small_crowd_is_drawn_whole():
    few = shop(3_000)
    assert watch(few, thin=True).words == watch(few).words and "wait" in watch(few).words


def test_only_a_map_can_be_thinned():
    run = sd.simulate(sd.Server(4, 4), sd.Clients(users=100), seconds=5)
    with pytest.raises(ValueError, match="watch.*thin must be True or False, and True only for a system with places"):
        watch(run, thin=True)


def test_the_origin_of_a_cdn_is_called_by_its_city(crowded):
    spots, spot_of = spots_of(crowded.nodes)
    gateway = next(node.index for node in crowded.nodes if node.name == "gateway")
    assert spots[spot_of[gateway]]["name"] == "Mumbai"
    assert not any("line" in spot["name"] for spot in spots)
