"""The clients behind lesson 04's policy exercise: whose retries the policy times, on a server that restarts."""

import math

import pytest

import sdlib as sd
from sdlib.lessons.lesson_04 import RESTARTS
from sdlib.lessons.returning import MOST_RETRIES, Restart, serve
from sdlib.teach.kinds import WrongKind

LONG = RESTARTS[-1]


def test_the_policy_is_asked_after_each_failure_with_the_number_of_the_attempt_and_a_new_draw():
    seen = []
    evening = serve(lambda *asked: seen.append(asked) or 1.0, Restart("", down_s=4, per_s=5, slots=128, seed=1))
    assert {attempt for attempt, _ in seen} == {1, 2, 3, 4}
    draws = [draw for _, draw in seen]
    assert all(0 < draw < 1 for draw in draws) and len(set(draws)) == len(draws)
    assert evening.crashes == evening.gave_up == 0 and evening.wait_s < 2


def test_who_tries_at_once_gives_up_after_ten_retries():
    seen = []
    evening = serve(lambda attempt, draw: seen.append(attempt) or 0, LONG)
    assert max(seen) == MOST_RETRIES and len(seen) == MOST_RETRIES * evening.gave_up
    assert evening.crashes == 0 and math.isinf(evening.wait_s)
    assert evening.gave_up == pytest.approx(LONG.down_s * LONG.per_s, rel=0.15), "rate x window"


@pytest.mark.parametrize("seconds", [95, 110, 125])
@pytest.mark.parametrize("seed", range(5, 10))
def test_a_wide_spread_holds_for_other_seeds_too(seconds, seed):
    for restart in RESTARTS:
        evening = serve(lambda attempt, draw: seconds * draw, restart._replace(seed=seed))
        assert evening.crashes == evening.gave_up == 0 and evening.wait_s <= 120


@pytest.mark.parametrize("seed", range(5, 10))
def test_doubling_waits_crash_the_server_with_jitter_and_without(seed):
    for policy in (lambda attempt, draw: 2 ** (attempt - 1), lambda attempt, draw: draw * 2 ** (attempt - 1)):
        assert serve(policy, LONG._replace(seed=seed)).crashes > 0


def test_a_policy_that_waits_as_a_retry_does_makes_the_same_run():
    """The clients change nothing else: they meet what clients with that backoff meet, on the other engine, too."""
    restart = RESTARTS[1]
    server = sd.Server(cpus=2, ram_gb=restart.slots / 128, service_ms=100, restart_s=20, down=[(5, 25)])
    crowd = sd.Clients(users=10, requests_per_minute=60, retry=sd.Retry(times=10, most_s=10_000))
    plain = sd.simulate(server, crowd, seconds=155, seed=restart.seed)
    evening = serve(lambda attempt, draw: 2.0 ** (attempt - 1), restart)
    assert evening.sent == len(plain.requests)
    assert evening.crashes == int(plain.stations["crashes"].sum()) > 0


@pytest.mark.parametrize(("value", "says"), [(-1, "A wait is from 0"), ("soon", "You gave 'soon'"),
                                             (math.inf, "A wait is from 0"), (None, "did it return")])
def test_what_is_no_wait_is_told(value, says):
    with pytest.raises(WrongKind, match=says):
        serve(lambda attempt, draw: value, LONG)
