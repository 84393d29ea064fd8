"""A server in front of which a learner's policy decides who gets in: the trial of lesson 02's medium exercise."""

import heapq
import math
import random
from typing import NamedTuple

from sdlib.teach.kinds import yes_or_no

SERVICE_S = 0.010
RESTART_S = 30.0
LONGEST_S = 1.0


class Wave(NamedTuple):
    """Requests per second, before and after the spike and in it, on one machine."""

    label: str
    cpus: int
    slots: int             # requests that fit into memory; one more crashes the machine
    calm_per_s: float
    spike_per_s: float
    spike_s: float


class Night(NamedTuple):
    """What became of the requests."""

    sent: int
    answered: int
    refused: int           # by the policy
    crashes: int
    p99_ms: float


def serve(admit, wave, seed=1):
    """First come, first served on wave.cpus cores; admit(in_flight, cpus, slots) is asked for each arrival."""
    cores, inside, latencies_s = [0.0] * wave.cpus, [], []
    sent = refused = crashes = 0
    up_again_s = 0.0
    for arrived_s, work_s in _requests(wave, random.Random(seed)):
        sent += 1
        while inside and inside[0][0] <= arrived_s:
            latencies_s.append(heapq.heappop(inside)[1])
        if arrived_s < up_again_s:
            continue
        if not yes_or_no(admit(len(inside), wave.cpus, wave.slots)):
            refused += 1
        elif len(inside) == wave.slots:
            crashes += 1
            cores, inside, up_again_s = [0.0] * wave.cpus, [], arrived_s + RESTART_S
        else:
            left_s = max(arrived_s, cores[0]) + work_s
            heapq.heapreplace(cores, left_s)
            heapq.heappush(inside, (left_s, left_s - arrived_s))
    latencies_s += [latency_s for _, latency_s in inside]
    return Night(sent, len(latencies_s), refused, crashes, _p99(latencies_s) * 1000)


def _requests(wave, draws):
    """(arrived_s, work_s) of a calm second, the spike and two calm seconds."""
    spike_ends_s = 1 + wave.spike_s
    now_s = 0.0
    while now_s < spike_ends_s + 2:
        rate_per_s = wave.spike_per_s if 1 <= now_s < spike_ends_s else wave.calm_per_s
        now_s += draws.expovariate(rate_per_s)
        yield now_s, draws.expovariate(1 / SERVICE_S)


def _p99(values):
    return sorted(values)[math.ceil(0.99 * len(values)) - 1] if values else 0.0


def within_a_second(in_flight, cpus, slots):
    """The policy that the learner's is measured against: memory is respected, and so is a wait of 0.8 s."""
    return in_flight < min(slots, 0.8 * cpus / SERVICE_S)
