"""The topic behind lesson 13's policy exercise: which queue a learner's rule leaves out, and which it floods."""

import pytest

from sdlib.lessons.lesson_13 import EVENINGS, MEDIUM
from sdlib.lessons.routing import Evening, asks_for, deliver
from sdlib.teach.kinds import WrongKind

SMALL = Evening("small", {"sms": {"route": ["/payment"]}, "books": {}}, {"/payment": 0.5, "/order": 0.5},
                {"IN": 0.5, "US": 0.5}, 7)


def good(event, subscriptions):
    return [name for name, wants in subscriptions.items() if asks_for(wants, event)]


@pytest.mark.parametrize(("event", "wants", "passes"), [
    ({"route": "/payment", "country": "IN"}, {}, True),
    ({"route": "/payment", "country": "IN"}, {"route": ["/order", "/payment"]}, True),
    ({"route": "/payment", "country": "IN"}, {"route": ["/payment"], "country": ["US"]}, False),
    ({"route": "/gift", "country": "IN"}, {"country": ["IN", "DE"]}, True)])
def test_and_between_attributes_or_among_the_values_of_one(event, wants, passes):
    assert asks_for(wants, event) is passes


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("evening", EVENINGS, ids=lambda evening: evening.label)
def test_the_good_rule_meets_the_goal_with_other_customers(evening, seed):
    outcome = deliver(good, evening._replace(seed=seed))
    assert outcome.events > 500 and outcome.missed == outcome.unwanted == 0


def test_what_is_missed_and_what_is_unwanted_is_counted_in_messages():
    everything = deliver(lambda event, subscriptions: list(subscriptions), SMALL)
    assert everything.missed == 0 and 0.4 < everything.unwanted / everything.events < 0.6
    nothing = deliver(lambda event, subscriptions: [], SMALL)
    assert nothing.unwanted == 0 and 1.4 < nothing.missed / nothing.events < 1.6


def test_the_rule_sees_the_event_and_the_filters_and_spoils_neither():
    seen = []

    def spoils(event, subscriptions):
        seen.append((dict(event), {name: dict(wants) for name, wants in subscriptions.items()}))
        answer = good(event, subscriptions)
        event.clear(), subscriptions.clear()
        return answer
    assert deliver(spoils, SMALL)[1:] == (0, 0)
    assert {(event["route"], event["country"]) for event, _ in seen} == {
        (path, country) for path in SMALL.routes for country in SMALL.countries}
    assert all(filters == SMALL.filters for _, filters in seen)


@pytest.mark.parametrize("give", [tuple, set, lambda names: [*names, *names]])
def test_any_collection_of_names_will_do(give):
    assert deliver(lambda *seen: give(good(*seen)), SMALL)[1:] == (0, 0)


@pytest.mark.parametrize("value", [None, "sms", 3, ["fax"], [3], {"sms": 1}])
def test_what_is_no_list_of_subscriptions_is_told(value):
    with pytest.raises(WrongKind):
        deliver(lambda event, subscriptions: value, SMALL)


def test_a_filter_by_two_attributes_and_an_event_that_is_new_are_among_the_evenings():
    assert any(len(wants) == 2 for evening in EVENINGS for wants in evening.filters.values())
    named = {path for evening in EVENINGS for wants in evening.filters.values() for path in wants.get("route", [])}
    assert any(set(evening.routes) - named for evening in EVENINGS)
    assert len(MEDIUM.misconceptions) == 4
