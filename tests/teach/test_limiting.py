"""The gateway behind lesson 08's policy exercise: whom a learner's limit lets pass."""

import pytest

from sdlib.lessons.lesson_08 import GUESTS, HARD, MEDIUM
from sdlib.lessons.limiting import AT_ONCE, LASTS_S, PER_S, VISITORS, Guest, serve
from sdlib.teach.kinds import WrongKind

LOOP = GUESTS[0]


def window(now_s, passed_s):
    return sum(now_s - time_s < AT_ONCE / PER_S for time_s in passed_s) < AT_ONCE


def bucket(now_s, passed_s):
    tokens, before_s = AT_ONCE, 0.0
    for time_s in passed_s:
        tokens, before_s = min(AT_ONCE, tokens + (time_s - before_s) * PER_S) - 1, time_s
    return min(AT_ONCE, tokens + (now_s - before_s) * PER_S) >= 1


def test_the_policy_sees_the_time_and_what_passed_of_this_user_alone():
    seen = []
    guest = Guest("two", ((1.0, 2.0, 2),))
    evening = serve(lambda now_s, passed_s: seen.append((now_s, passed_s)) or True, guest)
    assert evening.guest_passed == 2 and evening.visitors_refused == 0
    assert len(seen) == evening.visitors_sent + 2
    assert all(passed_s == sorted(passed_s) and all(time_s <= now_s for time_s in passed_s)
               for now_s, passed_s in seen)
    most = max(len(passed_s) for _, passed_s in seen)
    assert most < 2 * evening.visitors_sent / VISITORS and seen[-1][0] < LASTS_S + 1


def test_what_a_learner_does_to_the_list_changes_nothing():
    def spoils(now_s, passed_s):
        allowed = window(now_s, passed_s)
        passed_s.clear()
        return allowed
    assert serve(spoils, LOOP) == serve(window, LOOP)


@pytest.mark.parametrize("policy", [window, bucket])
@pytest.mark.parametrize("seed", [2, 3])
def test_a_sliding_window_and_a_bucket_keep_the_promise_for_other_visitors_too(policy, seed):
    for guest, scenario in zip(GUESTS, MEDIUM.scenarios, strict=True):
        assert scenario.fault(serve(policy, guest, seed)) == ""


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_what_is_neither_yes_nor_no_is_told(value):
    with pytest.raises(WrongKind):
        serve(lambda now_s, passed_s: value, LOOP)


def test_the_bucket_of_the_hard_exercise_is_the_gateway_s():
    """Its right answers, 20, 21 and 26, are what both engines give for the same times."""
    space = {}
    exec(HARD.solution, space)
    assert [scenario.play(space["passed"]) for scenario in HARD.scenarios[:3]] == [20, 21, 26]
