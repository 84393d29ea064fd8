"""Who gets the next request: one small function for each policy, the same for both engines.

Each gets `machines`, a list that knows of every machine: in_flight (requests handed to it and not yet answered, those
that wait there included), cores, weight, credit (a note that the weighted policy keeps) and out (not 0: not in use).
in_use: how many of them are in use, at least one. turn: how many requests came before. draw: a number in (0, 1) for
this request. user: the number of its user. The answer is the index of a machine in use.
"""

import math

from sdlib.kernel.draws import uniform
from sdlib.kernel.jit import on_both_engines
from sdlib.kernel.state import NONE

MANY = 1 << 40  # different hashes
SPARE = 1.25  # with bounded loads no machine has more than this many times the mean (Mirrokni et al. 2018: 1 + epsilon)


@on_both_engines
def nth_in_use(machines, in_use, number):
    """The machine with this number among those in use."""
    if in_use == len(machines):
        return number
    machine = -1
    while number >= 0:
        machine += 1
        number -= machines[machine].out == 0
    return machine


@on_both_engines
def scattered(user, machine):
    """A number in (0, 1) for a user and a machine, always the same: a hash."""
    return uniform(0, user, machine + 1, 0, 0)


@on_both_engines
def round_robin(machines, in_use, turn, draw, user):
    """One after the other."""
    return nth_in_use(machines, in_use, turn % in_use)


@on_both_engines
def random_target(machines, in_use, turn, draw, user):
    """By a die."""
    return nth_in_use(machines, in_use, int(draw * in_use))


@on_both_engines
def first_with_room(machines, in_use, turn, draw, user):
    """The first machine with a free core."""
    for machine in range(len(machines)):
        if machines[machine].out == 0 and machines[machine].in_flight < machines[machine].cores:
            return machine
    return nth_in_use(machines, in_use, 0)


@on_both_engines
def smooth_weighted(machines, in_use, turn, draw, user):
    """By weight and without bunches, as NGINX does it: everybody earns its weight, the richest pays for all."""
    total, richest = 0.0, NONE
    for machine in range(len(machines)):
        if machines[machine].out == 0:
            machines[machine].credit += machines[machine].weight
            total += machines[machine].weight
            if richest == NONE or machines[machine].credit > machines[richest].credit:
                richest = machine
    machines[richest].credit -= total
    return richest


@on_both_engines
def least_connections(machines, in_use, turn, draw, user):
    """The machine with the fewest requests in flight, those that wait there included; a die breaks ties."""
    fewest, ties = 0, 0
    for machine in range(len(machines)):
        if machines[machine].out == 0:
            if ties == 0 or machines[machine].in_flight < fewest:
                fewest, ties = machines[machine].in_flight, 0
            ties += machines[machine].in_flight == fewest
    left = int(draw * ties)
    for machine in range(len(machines)):
        if machines[machine].out == 0 and machines[machine].in_flight == fewest:
            if left == 0:
                return machine
            left -= 1
    return NONE


@on_both_engines
def two_choices(machines, in_use, turn, draw, user):
    """Two different machines by a die, and the one of them with fewer requests in flight (Mitzenmacher 1996)."""
    first = int(draw * in_use)
    second = int((draw * in_use - first) * (in_use - 1))
    second += second >= first
    one = nth_in_use(machines, in_use, first)
    if in_use == 1:
        return one
    other = nth_in_use(machines, in_use, second)
    return other if machines[other].in_flight < machines[one].in_flight else one


@on_both_engines
def user_hash(machines, in_use, turn, draw, user):
    """Always the same machine for a user; when one comes or goes, nearly all users move."""
    return nth_in_use(machines, in_use, int(scattered(user, NONE) * MANY) % in_use)


@on_both_engines
def consistent_hash(machines, in_use, turn, draw, user):
    """The same, but when a machine goes, only its own users move: each has a ranking of all machines."""
    best, best_score = NONE, 0.0
    for machine in range(len(machines)):
        if machines[machine].out == 0 and scattered(user, machine) > best_score:
            best, best_score = machine, scattered(user, machine)
    return best


@on_both_engines
def bounded_consistent_hash(machines, in_use, turn, draw, user):
    """The same, past machines that already have more than their share of what is in flight."""
    total = 1
    for machine in range(len(machines)):
        if machines[machine].out == 0:
            total += machines[machine].in_flight
    most = math.ceil(SPARE * total / in_use)
    best, best_score = NONE, 0.0
    for machine in range(len(machines)):
        if machines[machine].out == 0 and machines[machine].in_flight < most \
                and scattered(user, machine) > best_score:
            best, best_score = machine, scattered(user, machine)
    return best


POLICIES = {"round_robin": round_robin, "weighted_round_robin": smooth_weighted, "random": random_target,
            "least_connections": least_connections, "two_choices": two_choices, "ip_hash": user_hash,
            "consistent_hash": consistent_hash, "bounded_consistent_hash": bounded_consistent_hash,
            "pooled_queue": first_with_room}
