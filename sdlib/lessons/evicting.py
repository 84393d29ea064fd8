"""A small cache whose rule a learner writes: what makes room when it is full? The trial of lesson 16's medium
exercise."""

from typing import NamedTuple

import numpy as np

from sdlib.teach.kinds import WrongKind, shown
from sdlib.theory import zipf_shares

ROOM, PRODUCTS, SKEW = 40, 400, 0.9


class Day(NamedTuple):
    """What is asked for, request by request."""

    label: str
    requests: tuple
    fewest_hits_percent: float   # of the second half, when the cache has long been full


def serve(evict, day):
    """The day, request by request; returns the share of hits among those of its second half, in percent."""
    stored, hits = {}, 0
    for now, product in enumerate(day.requests):
        hits += product in stored and 2 * now >= len(day.requests)
        if product not in stored and len(stored) == ROOM:
            del stored[_chosen(evict({key: list(uses) for key, uses in stored.items()}, now), stored)]
        stored.setdefault(product, []).append(now)
    return 100 * hits / (len(day.requests) - len(day.requests) // 2)


def _chosen(answer, stored):
    """The product that leaves, as the rule named it."""
    if isinstance(answer, bool) or not isinstance(answer, (int, np.integer)) or answer not in stored:
        raise WrongKind(f"You gave {shown(answer)}. One of the {ROOM} products that are stored must leave.")
    return answer


def steady(count, seed, order_seed=0):
    """The usual customers: popular products are asked for often, and which are popular does not change."""
    order = np.random.default_rng([order_seed, 2]).permutation(PRODUCTS)
    draws = np.random.default_rng([seed, 1]).choice(PRODUCTS, size=count, p=zipf_shares(PRODUCTS, SKEW))
    return tuple(order[draws].tolist())


def with_a_robot(count, seed, every=2):
    """The usual customers, and a robot between them that reads all pages of the shop, one after another, once each."""
    customers, robot = steady(count, seed), PRODUCTS
    mixed = []
    for number, product in enumerate(customers, start=1):
        mixed.append(product)
        if number % every == 0:
            mixed.append(robot)
            robot += 1
    return tuple(mixed)


def new_fashion(count, seed):
    """For the first half of the day other products are popular than for the second."""
    return steady(count // 2, seed) + steady(count - count // 2, seed + 1, order_seed=1)
