"""The small cache behind lesson 16's policy exercise: what it shows to a rule, and what its days ask for."""

import pytest

from sdlib.lessons.evicting import ROOM, Day, new_fashion, serve, steady, with_a_robot
from sdlib.lessons.lesson_16 import DAYS, MEDIUM
from sdlib.teach.kinds import WrongKind

SPACE = {}
exec(MEDIUM.solution, SPACE)
SOLUTION = SPACE["evict"]
MAKERS = (lambda seed: steady(3_000, seed), lambda seed: with_a_robot(2_000, seed),
          lambda seed: new_fashion(3_000, seed), lambda seed: with_a_robot(1_500, seed, every=1))


def lru(stored, now):
    return min(stored, key=lambda product: stored[product][-1])


def lfu(stored, now):
    return min(stored, key=lambda product: len(stored[product]))


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("place", range(len(DAYS)), ids=[day.label for day in DAYS])
def test_the_good_rule_meets_the_goal_with_other_customers(place, seed):
    day = DAYS[place]._replace(requests=MAKERS[place](seed))
    assert serve(SOLUTION, day) >= day.fewest_hits_percent


@pytest.mark.parametrize("seed", range(1, 7))
def test_the_robot_harms_lru_and_the_new_fashion_harms_lfu_with_other_customers_too(seed):
    usual, robot, fashion, many = (day._replace(requests=make(seed)) for day, make in zip(DAYS, MAKERS, strict=True))
    assert serve(lru, usual) >= usual.fewest_hits_percent and serve(lfu, robot) >= robot.fewest_hits_percent
    assert serve(lru, robot) < robot.fewest_hits_percent and serve(lru, many) < many.fewest_hits_percent
    assert serve(lfu, fashion) < fashion.fewest_hits_percent


def test_a_rule_is_asked_only_when_the_cache_is_full_and_sees_each_use():
    seen = []

    def looks(stored, now):
        seen.append(({key: list(uses) for key, uses in stored.items()}, now))
        stored.clear()   # a copy: it harms nothing
        return len(seen)
    requests = (*range(ROOM), 1, 1, ROOM, 1)
    percent = serve(looks, Day("small", requests, 0))
    (first, now), (second, _) = seen
    assert now == ROOM + 2 and len(first) == ROOM and first[1] == [1, ROOM, ROOM + 1] and first[5] == [5]
    assert 1 not in second and second[ROOM] == [ROOM + 2]
    assert percent == pytest.approx(100 * 2 / 22)


@pytest.mark.parametrize("answer", [None, -1, 999, "3", True, 2.0, [1]])
def test_what_is_not_stored_cannot_leave(answer):
    with pytest.raises(WrongKind, match="One of the 40 products that are stored must leave"):
        serve(lambda stored, now: answer, DAYS[0])


def test_the_robot_reads_each_page_once_and_the_fashion_changes_at_noon():
    from collections import Counter
    asked = Counter(with_a_robot(1_000, 1))
    assert sum(asked.values()) == 1_500 and [asked[page] for page in range(400, 900)] == [1] * 500
    morning, evening = (Counter(part).most_common(5) for part in (new_fashion(3_000, 1)[:1_500],
                                                                  new_fashion(3_000, 1)[1_500:]))
    assert not {product for product, _ in morning} & {product for product, _ in evening}
