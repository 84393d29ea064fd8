"""The balancer behind lesson 06's policy exercise: what it asks, and whom it obeys."""

import pytest

import sdlib as sd
from sdlib.lessons.choosing import Farm, capacity_per_s, serve
from sdlib.lessons.lesson_06 import FARMS, LONGEST_MS
from sdlib.teach.kinds import WrongKind

EQUAL, UNEQUAL, SLOW, REMOVED = FARMS


def by_room(machines, in_use, turn, draw, user):
    numbers = [number for number in range(len(machines)) if machines[number].out == 0]
    return min(numbers, key=lambda number: machines[number].in_flight / machines[number].cores)


def test_it_asks_about_each_request_and_tells_what_it_knows():
    seen = []

    def watched(machines, in_use, turn, draw, user):
        seen.append((len(machines), in_use, turn, draw, [one.cores for one in machines],
                     [one.out != 0 for one in machines]))
        return 0
    shift = serve(watched, REMOVED)
    assert [turn for _, _, turn, *_ in seen] == list(range(len(seen)))
    assert {(count, in_use) for count, in_use, *_ in seen} == {(5, 4)}
    assert len({draw for *_, draw, _, _ in seen}) == len(seen) and all(0 < draw < 1 for *_, draw, _, _ in seen)
    assert all(cores == [4] * 5 for *_, cores, _ in seen)
    assert all(out == [False, False, True, False, False] for *_, out in seen[5:])
    assert shift.served[1:] == (0, 0, 0, 0) and shift.served[0] > 0


def test_a_machine_that_is_out_hands_its_request_to_the_next():
    assert serve(lambda machines, in_use, turn, draw, user: 2, REMOVED).served[2:4] == (0, pytest.approx(480, abs=60))


@pytest.mark.parametrize("farm", FARMS, ids=lambda farm: farm.label)
@pytest.mark.parametrize("seed", range(1, 7))
def test_the_solution_holds_for_other_seeds_too(farm, seed):
    assert serve(by_room, farm._replace(seed=seed)).mean_ms <= LONGEST_MS


@pytest.mark.parametrize("farm", FARMS, ids=lambda farm: farm.label)
def test_round_robin_fails_everywhere(farm):
    assert serve(lambda machines, in_use, turn, draw, user: turn % len(machines), farm).mean_ms > LONGEST_MS


def test_a_learners_round_robin_makes_the_balancers_own_run():
    shop = sd.LoadBalancer([sd.Server(2, 10_000)] * 5)
    crowd = sd.Clients(users=round(EQUAL.busy * capacity_per_s(EQUAL)), requests_per_minute=60)
    plain = sd.simulate(shop, crowd, seconds=EQUAL.seconds, seed=EQUAL.seed)
    mine = serve(lambda machines, in_use, turn, draw, user: turn % in_use, EQUAL)
    assert mine.mean_ms == plain.summary()["mean_ms"].iloc[0]


def test_how_much_machines_can_do():
    assert capacity_per_s(EQUAL) == 1_000 and capacity_per_s(UNEQUAL) == 1_600
    assert capacity_per_s(SLOW) == 850 and capacity_per_s(REMOVED) == 1_600


@pytest.mark.parametrize(("value", "says"), [(5, "You gave 5 .*from 0 to 4"), (-1, "from 0 to 4"), (1.5, "not whole"),
                                             ("a", "You gave 'a'"), (None, "did it return")])
def test_what_is_no_machine_is_told(value, says):
    with pytest.raises(WrongKind, match=says):
        serve(lambda *_: value, Farm("", (1,) * 5, (1,) * 5, busy=0.5, seconds=1))


def test_what_the_policy_raises_comes_out_with_the_line_that_raised_it():
    def broken(machines, in_use, turn, draw, user):
        return 1 // (3 - turn)
    with pytest.raises(ZeroDivisionError) as raised:
        serve(broken, EQUAL)
    assert raised.traceback[-1].name == "broken"
