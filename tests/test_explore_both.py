"""Two systems beside each other: both move, under the same crowd."""

import numpy as np
import pytest

import sdlib as sd
from sdlib.stage.still import STILL_MIME


def small(users=9_000):
    return sd.Server(cpus=4, ram_gb=4), sd.Clients(users=users)


def large(users=9_000):
    return sd.Server(cpus=64, ram_gb=64), sd.Clients(users=users)


def far(users=9_000):
    return sd.Region(sd.Server(cpus=64, ram_gb=64)), sd.Clients(users=users, countries={"JP": 0.5, "US": 0.5})


@pytest.fixture
def both():
    return sd.explore_both({"the small one": small, "the large one": large}, users=(10, 20_000), seconds=10, seed=1)


def sent(side):
    return side.run.records.requests["arrived_s"]


def test_the_same_crowd_comes_to_both_before_and_after_a_move(both):
    for users in (9_000, 300, 20_000):
        both.set(users=users)
        one, other = both.sides
        assert np.array_equal(sent(one), sent(other)) and one.run.clients.users == users
        assert one.stage.run is one.run and other.stage.run is other.run


def test_one_is_lost_and_the_other_serves(both):
    small_one, large_one = (side.run for side in both.sides)
    assert small_one.measures()["error_percent"] > 20 and large_one.measures()["failed"] == 0
    assert "crashes" in both.sides[0].stage.words and "crashes" not in both.sides[1].stage.words
    assert both.alt.startswith("The small one: ") and "The large one: " in both.alt and " 0 failed" in both.alt


def test_its_tiles_are_those_of_each_run(both):
    tiles = [side.box.children[0].value for side in both.sides]
    for html, side, title in zip(tiles, both.sides, ("the small one", "the large one"), strict=True):
        now = side.run.measures()
        assert f">{title}<" in html and f"{now['answered']:,.0f} of {now['sent']:,.0f}" in html
        assert f"${now['usd_per_month']:,.0f}" in html and "better" not in html and "worse" not in html


def test_moving_the_slider_by_hand_moves_both(both):
    slider = both.children[1].children[0].children[0].children
    handle = next(child for child in slider if hasattr(child, "readout"))
    handle.value = 0
    assert [side.run.clients.users for side in both.sides] == [10, 10]
    assert both.settings == {"users": 10}


def test_the_same_seed_gives_the_same_pictures(both):
    again = sd.explore_both({"the small one": small, "the large one": large}, users=(10, 20_000), seconds=10, seed=1)
    for one, other in zip(both.sides, again.sides, strict=True):
        assert one.stage.shown == other.stage.shown


def test_a_setting_that_fails_is_said_and_the_last_pictures_stay():
    def fragile(users=100):
        if users == 500:
            raise RuntimeError("not today")
        return small(users)
    both = sd.explore_both({"one": fragile, "other": large}, users=(10, 1_000), seconds=1)
    both.set(users=500)
    assert both.error == "RuntimeError: not today" and "not today" in both.children[-1].value
    assert [side.run.clients.users for side in both.sides] == [100, 100]
    both.set(users=200)
    assert both.error == "" and both.sides[0].run.clients.users == 200


def test_a_map_is_thinned_and_a_system_without_places_is_not():
    both = sd.explore_both({"here": large, "far away": far}, users=(10, 200_000), seconds=1)
    both.set(users=200_000)
    assert [side.stage.window.one_in > 1 for side in both.sides] == [False, True]


def test_what_a_notebook_saves_is_constant_and_its_twin_is_made_while_building_only(both, monkeypatch):
    said = str(both)
    both.set(users=300)
    assert str(both) == said and "the small one and the large one, under the same crowd" in said
    assert STILL_MIME not in both._repr_mimebundle_()
    monkeypatch.setenv("SDLIB_BUILD", "1")
    assert both._repr_mimebundle_()[STILL_MIME]["layout"]["meta"]["alt"] == both.alt


@pytest.mark.parametrize("builds", [{"one": small}, {"one": small, "two": small, "three": small}, [small, large],
                                    {1: small, 2: large}, {"one": small, "two": None}])
def test_two_titles_and_functions_are_needed(builds):
    with pytest.raises(ValueError, match="explore_both.*builds must be a dictionary of two titles and functions"):
        sd.explore_both(builds)


def test_both_need_the_slider():
    with pytest.raises(ValueError, match="builds must be two functions that take the same sliders"):
        sd.explore_both({"one": small, "two": lambda cpus=4: small()}, users=(10, 20_000))


def test_a_first_setting_that_fails_raises():
    def broken(users=100):
        raise RuntimeError("never")
    with pytest.raises(ValueError, match="RuntimeError: never"):
        sd.explore_both({"one": small, "two": broken}, users=(10, 20_000), seconds=1)
    with pytest.raises(ValueError, match="set.*must be one of the sliders 'users'"):
        sd.explore_both({"one": small, "two": large}, users=(10, 20_000), seconds=1).set(cpus=3)
