"""The payment and its helper behind lesson 12's policy exercise."""

import math

import pytest

from sdlib.lessons.lesson_12 import MEDIUM, NIGHTS
from sdlib.lessons.resending import GIVES_UP_S, LASTS_S, LATEST_S, NOTE_S, PAYMENTS_PER_S, Night, serve
from sdlib.teach.kinds import WrongKind

CALM, SLOW = Night("calm", ("mail", "sms"), 0.1, (), 5), NIGHTS[1]


def missing_after(seconds):
    return lambda sent, channels, age_s: [name for name in channels if name not in sent and age_s >= seconds]


def nothing(sent, channels, age_s):
    return []


def test_without_a_crash_payment_tells_everybody_itself():
    outcome = serve(nothing, CALM)
    assert outcome == (outcome.customers, 0, 0, 0, 2 * outcome.customers, 0)
    assert outcome.customers == PAYMENTS_PER_S * LASTS_S


def test_a_crash_leaves_behind_those_whom_it_catches():
    """At any moment 5 a second x 0.2 s for the first send, and as many for each of the two after it."""
    caught = [serve(nothing, Night("", ("mail", "sms", "whatsapp"), 0.2, tuple(range(2, 60, 2)), seed))
              for seed in range(20)]
    expected = 29 * PAYMENTS_PER_S * 0.2
    assert sum(one.silent for one in caught) / 20 == pytest.approx(expected, rel=0.1)
    assert sum(one.partly for one in caught) / 20 == pytest.approx(2 * expected, rel=0.1)


def test_the_policy_sees_the_marks_and_the_age_once_a_second_until_all_is_marked():
    seen = []
    serve(lambda sent, channels, age_s: seen.append((tuple(sent), channels, age_s)) or [], SLOW)
    assert all(set(sent) < set(channels) and 0 <= age_s < 61 for sent, channels, age_s in seen)
    assert {len(sent) for sent, _, _ in seen} == {0, 1, 2}
    latest_s = max(age_s for _, _, age_s in seen)
    assert latest_s < GIVES_UP_S, "nobody is at work for longer than that"


def test_what_a_learner_does_to_the_lists_changes_nothing():
    def spoils(sent, channels, age_s):
        answer = missing_after(10)(sent, channels, age_s)
        sent.clear(), channels.clear()
        return answer
    for night in NIGHTS:
        assert serve(spoils, night) == serve(missing_after(10), night)


def test_a_message_that_was_sent_and_not_yet_marked_goes_out_twice():
    night = Night("", ("mail",), 0.05, tuple(second / 10 for second in range(1, 600)), 7)
    twice = [serve(missing_after(10), night._replace(seed=seed)).twice for seed in range(20)]
    done_before_the_next_crash = 1 - math.exp(-0.1 / 0.05)
    expected = 599 * PAYMENTS_PER_S * NOTE_S * done_before_the_next_crash
    assert sum(twice) / 20 == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("seconds", [10, 20, 28])
def test_any_age_from_10_s_until_it_is_too_late_meets_the_goal_with_other_customers(seconds, seed):
    for night, scenario in zip(NIGHTS, MEDIUM.scenarios, strict=True):
        assert scenario.fault(serve(missing_after(seconds), night._replace(seed=seed))) == ""
    assert serve(missing_after(LATEST_S), NIGHTS[0]).late


def test_one_channel_at_a_time_is_as_good():
    for night, scenario in zip(NIGHTS, MEDIUM.scenarios, strict=True):
        assert scenario.fault(serve(lambda *seen: missing_after(10)(*seen)[:1], night)) == ""


@pytest.mark.parametrize("value", [None, "mail", 3, ["fax"], [3], {"mail": 1}])
def test_what_is_no_list_of_channels_is_told(value):
    with pytest.raises(WrongKind):
        serve(lambda sent, channels, age_s: value, SLOW)
