"""The workers behind lesson 10's policy exercise: how many a learner starts."""

import math

import pytest

from sdlib.lessons.hiring import ENOUGH, FEWEST_SOON, serve
from sdlib.lessons.lesson_10 import HARD, MEDIUM, STREAMS, _stream, _work
from sdlib.teach.kinds import WrongKind


def defined(exercise):
    space = {}
    exec(exercise.solution, space)
    return space[exercise.answer]


def rule_of_thumb(mails_per_s, mail_ms, within_s):
    return int(1.1 * mails_per_s * mail_ms / 1000) + 1


def test_the_policy_sees_what_the_scenario_says():
    seen = []
    serve(lambda *numbers: seen.append(numbers) or 20, STREAMS[0])
    assert seen == [(24, 300, 2)]


@pytest.mark.parametrize("policy", [defined(MEDIUM), rule_of_thumb])
@pytest.mark.parametrize("seed", [2, 3])
def test_a_formula_and_a_rule_of_thumb_do_it_for_other_mails_too(policy, seed):
    for stream in STREAMS:
        assert _stream(stream).fault(serve(policy, stream._replace(seed=seed))) == ""


def test_exactly_the_work_that_comes_is_too_few_and_half_as_many_again_are_too_many():
    busy = [serve(lambda *numbers, stream=stream: math.ceil(1.6 * _work(stream)), stream) for stream in STREAMS]
    too_many = [bool(_stream(stream).fault(shift)) for shift, stream in zip(busy, STREAMS, strict=True)]
    assert too_many == [_work(stream) > 1 for stream in STREAMS]
    short = [serve(lambda *numbers, stream=stream: max(1, math.floor(0.97 * _work(stream))), stream).soon_percent
             for stream in STREAMS if _work(stream) > 1]
    assert max(short) < FEWEST_SOON


def test_no_number_of_workers_takes_long():
    shift = serve(lambda *numbers: 10_000, STREAMS[0])
    assert shift.workers == 10_000 > ENOUGH and shift.busy_percent < 1 and shift.fewer == 8_000


@pytest.mark.parametrize("value", [None, 0, -3, 2.5, 10_001, "8", math.inf])
def test_what_is_no_number_of_workers_is_told(value):
    with pytest.raises(WrongKind):
        serve(lambda *numbers: value, STREAMS[0])


def test_the_hard_one_is_right_within_three_percent_and_tells_the_rest():
    solution = defined(HARD)
    for scenario in HARD.scenarios:
        right = scenario.play(solution)
        assert scenario.fault(1.02 * right) == scenario.fault(0.98 * right) == ""
        assert "too high" in scenario.fault(1.05 * right) and "too low" in scenario.fault(0.95 * right)
