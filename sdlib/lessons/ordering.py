"""A server in which a learner's policy says who is next: the trial of lesson 01's medium exercise."""

import heapq
import random
from collections import deque
from functools import cache
from typing import NamedTuple

from sdlib.teach.kinds import WrongKind, shown, whole

PAGE_MS, REPORT_MS = 5, 105
REPORTS = 0.05           # share of the requests: 0.95 x 5 ms + 0.05 x 105 ms = 10 ms on average
LONGEST_WAIT_MS = 1_800
OF_FIRST_COME = 2 / 3    # the mean latency may be this share of what first come, first served gives


class Rush(NamedTuple):
    """Requests per second before, in and after a busy time, on one machine."""

    label: str
    cpus: int
    calm_per_s: float
    busy_per_s: float
    busy_s: float


class Hour(NamedTuple):
    """What the users saw."""

    mean_ms: float
    longest_wait_ms: float


def serve(choose, rush, seed=1):
    """Whenever a core is free, choose(waiting) says which request is next: waiting holds (waited_ms, work_ms)."""
    coming, waiting, cores = deque(_requests(rush, random.Random(seed))), [], [0.0] * rush.cpus
    latencies_ms, waits_ms = [], []
    while coming or waiting:
        now_ms = cores[0] if waiting else max(cores[0], coming[0][0])
        while coming and coming[0][0] <= now_ms:
            waiting.append(coming.popleft())
        arrived_ms, work_ms = waiting.pop(_place(choose, [(now_ms - at, work) for at, work in waiting]))
        heapq.heapreplace(cores, now_ms + work_ms)
        waits_ms.append(now_ms - arrived_ms)
        latencies_ms.append(now_ms + work_ms - arrived_ms)
    return Hour(sum(latencies_ms) / len(latencies_ms), max(waits_ms))


def _place(choose, seen):
    place = whole(choose(list(seen)))
    if not 0 <= place < len(seen):
        raise WrongKind(f"You gave {shown(place)}, and {len(seen)} requests were waiting: the first is number 0.")
    return place


def _requests(rush, draws):
    """(arrived_ms, work_ms) of two calm seconds, the busy time and four calm seconds."""
    now_s, requests = 0.0, []
    while now_s < rush.busy_s + 6:
        per_s = rush.busy_per_s if 2 <= now_s < 2 + rush.busy_s else rush.calm_per_s
        now_s += draws.expovariate(per_s)
        requests.append((now_s * 1000, REPORT_MS if draws.random() < REPORTS else PAGE_MS))
    return requests


def in_order(waiting):
    """First come, first served."""
    return 0


def shortest(waiting):
    """The least work first, whoever waits."""
    return min(range(len(waiting)), key=lambda place: waiting[place][1])


def shortest_until_somebody_waits_long(waiting):
    """The policy that the exercise looks for."""
    longest_wait_ms, _ = waiting[0]
    return 0 if longest_wait_ms > 1_300 else shortest(waiting)


@cache
def longest_mean_ms(rush):
    """What the mean latency of this rush may be."""
    return OF_FIRST_COME * serve(in_order, rush).mean_ms
