"""The CDN behind lesson 18's policy exercise: where a learner's rule puts its edges, and what customers then wait."""

import math

import pytest

from sdlib.components.cdn import CDN
from sdlib.components.server import Server
from sdlib.lessons.lesson_18 import MARKETS, MEDIUM, MOST_MEAN_MS
from sdlib.lessons.placing import Market, all_cities, place, rtt_ms
from sdlib.teach.kinds import WrongKind

SMALL = Market("small", {"US": 3, "BR": 1}, 2)


def test_the_rule_sees_every_city_and_how_far_each_country_is_from_it():
    seen = rtt_ms(SMALL.users)
    assert list(seen) == list(all_cities()) and len(seen) == 43
    assert all(set(row) == {"US", "BR"} for row in seen.values())
    assert min(seen, key=lambda city: seen[city]["US"]) == "Newark" and seen["Newark"]["US"] < 4 < seen["Newark"]["BR"]
    table = CDN(Server(4, 4)).table().set_index("country")
    assert seen["São Paulo"]["BR"] == pytest.approx(table.loc["BR", "rtt_ms"], abs=0.05)


def test_nearer_edges_are_quicker():
    far, one, both = (place(lambda *seen, cities=cities: cities, SMALL).mean_ms
                      for cities in (["Tokyo"], ["Newark"], ["Newark", "São Paulo"]))
    assert far > one > both


@pytest.mark.parametrize("give", [tuple, set, list, lambda cities: [*cities, *cities]])
def test_any_collection_of_cities_will_do_and_each_counts_once(give):
    outcome = place(lambda *seen: give(["Newark", "São Paulo"]), SMALL)
    assert sorted(outcome.chosen) == ["Newark", "São Paulo"] and outcome.mean_ms < MOST_MEAN_MS


@pytest.mark.parametrize("chosen", [[], ["Newark", "São Paulo", "Tokyo"]])
def test_none_or_more_than_the_budget_is_told_and_not_run(chosen):
    assert math.isnan(place(lambda *seen: chosen, SMALL).mean_ms)
    scenario = MEDIUM.scenarios[-1]
    said = scenario.fault(scenario.play(lambda *seen: list(all_cities()) if chosen else []))
    assert f"1 to {MARKETS[-1].budget} are allowed" in said


@pytest.mark.parametrize("value", [None, "Newark", 3, ["Atlantis"], [3], [["Newark"]], {"Newark": 1}])
def test_what_is_no_list_of_cities_is_told(value):
    with pytest.raises(WrongKind, match="You gave"):
        place(lambda *seen: value, SMALL)


def test_the_rule_cannot_spoil_the_market():
    def spoils(rtt, users, budget):
        rtt.clear(), users.clear()
        return ["Newark"]
    assert place(spoils, SMALL) == place(lambda *seen: ["Newark"], SMALL)
    assert SMALL.users == {"US": 3, "BR": 1}
