"""The queues behind lesson 11's policy exercises: which waits outlive an outage, which rule lays a message aside."""

import pytest

from sdlib.lessons.lesson_11 import HARD, MEDIUM, OUTAGES_S, TROUBLES
from sdlib.lessons.retrying import LONGEST_HIDDEN_S, MOST_ATTEMPTS, RETRIES, judge, outlive
from sdlib.teach.kinds import WrongKind


def doubling(attempt):
    return min(2**attempt, 900)


def the_document_s(attempt):
    return 0 if attempt == 1 else min(2.0 ** (attempt - 2), 900)


def careful(receives, error):
    return error == "not found" or error == "failed" and receives >= 12


def test_the_policy_is_asked_for_each_of_its_retries_and_no_other():
    asked = []
    outlive(lambda attempt: asked.append(attempt) or 1.0, 3)
    assert asked == list(range(1, RETRIES + 1))


@pytest.mark.parametrize("policy", [doubling, the_document_s])
@pytest.mark.parametrize("seed", [2, 3])
def test_waits_that_double_outlive_all_outages(policy, seed):
    for outage_s, scenario in zip(OUTAGES_S.values(), MEDIUM.scenarios, strict=True):
        outage = outlive(policy, outage_s, seed)
        assert outage.sent == outage_s and scenario.fault(outage) == ""


@pytest.mark.parametrize("value", [None, "soon", -1, LONGEST_HIDDEN_S + 1, float("inf"), [1, 2]])
def test_what_is_no_wait_is_told(value):
    with pytest.raises(WrongKind):
        outlive(lambda attempt: value, 3)


def test_what_a_learner_s_function_raises_comes_out_as_it_was_raised():
    with pytest.raises(ZeroDivisionError):
        outlive(lambda attempt: 1 / 0, 3)
    with pytest.raises(ZeroDivisionError):
        judge(lambda receives, error: 1 / 0, TROUBLES[0])


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_what_is_neither_yes_nor_no_is_told(value):
    with pytest.raises(WrongKind):
        judge(lambda receives, error: value, TROUBLES[0])


@pytest.mark.parametrize("seed", [2, 3])
def test_a_careful_rule_is_right_on_other_evenings_too(seed):
    for trouble, scenario in zip(TROUBLES, HARD.scenarios, strict=True):
        evening = judge(careful, trouble, seed)
        assert scenario.fault(evening) == "" and evening.sent > 1_000 and evening.most_attempts <= MOST_ATTEMPTS
