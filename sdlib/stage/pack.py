"""What the browser gets: the events of a window, and what it must know of the time before, as compact columns."""

from dataclasses import dataclass

import numpy as np

from sdlib.kernel import trace as codes

MOST_STANDING = 2_500  # of those to whom nothing happens in the window, so many are sent one by one
ENDS = (codes.DONE, codes.DELETED, codes.DEAD_LETTERED)
STANDS = (codes.STARTED, codes.PUBLISHED, codes.VISIBLE, codes.RECEIVED, codes.DEAD_LETTERED)
NONE = -1


@dataclass
class Packed:
    """time_s counts from the window's start, negative before it; who: entities, numbered from 0.

    request_of: for each entity the request that it belongs to, numbered from 0, -1 for none.
    is_client: for each entity whether it is the client of that request itself.
    standing: {node: [waiting, working, inside, visible, hidden, dead]} of those that are only counted.
    """

    from_s: float
    seconds: float
    time_s: np.ndarray
    who: np.ndarray
    node: np.ndarray
    what: np.ndarray
    value: np.ndarray
    request_of: np.ndarray
    is_client: np.ndarray
    standing: dict

    def to_bytes(self):
        """The columns one after another, the widest first, so that each begins where its type may."""
        columns = [self.time_s.astype("<f4"), self.who.astype("<u4"), self.request_of.astype("<i4"),
                   self.node.astype("<i2"), self.value.astype("<i2"), self.what.astype("u1"),
                   self.is_client.astype("u1")]
        return b"".join(column.tobytes() for column in columns)


def pack(rows, from_s, seconds):
    """The `Packed` window [from_s, from_s + seconds] of TRACE rows that begin at 0."""
    start, end = np.searchsorted(rows["time_s"], (from_s, from_s + seconds), side="right")
    before, inside = rows[:start], rows[start:end]
    kept, standing = _still_there(before, inside)
    chosen = np.concatenate([before[kept], inside])
    numbers, who = np.unique(chosen["number"], return_inverse=True)
    owners = np.full(len(numbers), -1, np.int64)
    owners[who] = chosen["request"]
    requests, request_of = np.unique(owners, return_inverse=True)
    request_of = request_of - (len(requests) > 0 and requests[0] < 0)
    return Packed(from_s, seconds, chosen["time_s"] - from_s, who, chosen["node"], chosen["what"],
                  np.clip(chosen["value"], -1, 32_767), request_of, (owners == numbers) & (owners >= 0), standing)


def _still_there(before, inside):
    """(places of the rows before the window that still matter, counts of those who only stand there)."""
    if not len(before):
        return np.zeros(0, np.int64), {}
    lowest = int(before["number"].min())
    slot = before["number"] - lowest
    last = np.full(int(slot.max()) + 1, -1, np.int64)
    last[slot] = np.arange(len(before))
    alive = _is_alive(before, slot, last)
    acts = np.zeros(len(last), bool)
    moving = inside["number"] - lowest
    acts[moving[(moving >= 0) & (moving < len(last))]] = True
    standing = np.flatnonzero(alive & ~acts)[MOST_STANDING:]
    only_counted = np.zeros(len(last), bool)
    only_counted[standing] = True
    machines = _last_of_each_machine(before)
    kept = alive[slot] & ~only_counted[slot] & (before["number"] != NONE)
    return np.union1d(np.flatnonzero(kept), machines), _count(before[only_counted[slot]], before[last[standing]])


def _is_alive(before, slot, last):
    """For each slot whether its entity is still in the system; a dead message is, until somebody takes it away."""
    went_in = np.bincount(slot, before["what"] == codes.CALLED, len(last))
    came_out = np.bincount(slot, before["what"] == codes.RETURNED, len(last))
    final = before[last]
    is_client = (final["number"] == final["request"]) & ~np.isin(final["what"], ENDS)
    is_busy = np.isin(final["what"], STANDS)
    return (last >= 0) & (final["number"] != NONE) & (is_client | (went_in > came_out) | is_busy)


def _last_of_each_machine(before):
    """The last crash or return of each machine: it says whether it is down."""
    places = np.flatnonzero((before["what"] == codes.CRASHED) | (before["what"] == codes.UP))
    return np.array(sorted({int(before["node"][place]): int(place) for place in places}.values()), np.int64)


def _count(rows, final):
    """{node: [waiting, working, inside, visible, hidden, dead]} of entities that stand still, from their rows and
    from the last row of each."""
    counts = {}

    def add(nodes, column, change):
        for node, number in zip(*np.unique(nodes, return_counts=True)):
            counts.setdefault(int(node), [0] * 6)[column] += change * int(number)

    for what, column, change in ((codes.STARTED, 1, 1), (codes.FREED, 1, -1), (codes.CALLED, 2, 1),
                                 (codes.RETURNED, 2, -1)):
        add(rows["node"][rows["what"] == what], column, change)
    for what, column in ((codes.QUEUED, 0), (codes.VISIBLE, 3), (codes.RECEIVED, 4), (codes.DEAD_LETTERED, 5)):
        add(final["node"][final["what"] == what], column, 1)
    return counts
