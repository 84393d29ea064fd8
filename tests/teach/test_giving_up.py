"""The payment service behind lesson 09's policy exercise: what it asks a learner's policy, and what it counts."""

import pytest

from sdlib.lessons.giving_up import LONGEST_P99_MS, MOST_ATTEMPTS, Day, serve
from sdlib.lessons.lesson_09 import DAYS, MEDIUM
from sdlib.teach.kinds import WrongKind

FLAKY, UNKNOWN, SLOW, DOWN = DAYS


def careful(status, attempt, spent_ms):
    """Another sound answer: also after a timeout, while there is time."""
    return "again" if status in ("failed", "timed out") and attempt < 4 and spent_ms < 550 else "success page"


def test_the_policy_is_asked_after_each_failure_and_sees_what_the_customer_waited():
    seen = []

    def asked(status, attempt, spent_ms):
        seen.append((status, attempt, spent_ms))
        return "again" if attempt < 3 else "error page"
    evening = serve(asked, SLOW)
    assert {status for status, _, _ in seen} == {"timed out"} and {attempt for _, attempt, _ in seen} == {1, 2, 3}
    assert all(spent_ms >= 400 * attempt for _, attempt, spent_ms in seen)
    assert evening.error_pages == sum(attempt == 3 for _, attempt, _ in seen) > 0


def test_each_day_has_its_own_status():
    for day, status in zip(DAYS, ("failed", "not found", "timed out", "refused"), strict=True):
        seen = set()
        serve(lambda status, attempt, spent_ms, seen=seen: seen.add(status) or "success page", day)
        assert status in seen and seen <= {status, "timed out", "lost"}


def test_no_one_is_asked_when_no_mail_fails():
    evening = serve(lambda *seen: 1 / 0, Day("sound", mail_ms=1.0))
    assert evening.error_pages == 0 and evening.asked == 1 and evening.mails_percent == 100


@pytest.mark.parametrize("seed", [2, 3])
def test_a_careful_policy_meets_the_goal_for_other_customers_too(seed):
    for day, scenario in zip(DAYS, MEDIUM.scenarios, strict=True):
        assert scenario.fault(serve(careful, day, seed)) == ""


def test_a_shop_that_asks_without_end_is_stopped():
    evening = serve(lambda *seen: "again", Day("always fails", mail_ms=1.0, failure_rate=1.0))
    assert evening.asked == MOST_ATTEMPTS and evening.error_pages == 0


@pytest.mark.parametrize("value", [None, True, "yes", 1])
def test_what_is_none_of_the_three_is_told(value):
    with pytest.raises(WrongKind):
        serve(lambda *seen: value, FLAKY)


def test_after_a_timeout_the_mail_may_have_gone_out_all_the_same():
    evening = serve(lambda *seen: "success page", SLOW)
    assert evening.mails_percent == 100 and evening.p99_ms < LONGEST_P99_MS
