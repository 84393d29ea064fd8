"""What the browser gets: the events of a window, and what it must know of the time before, as compact columns."""

from dataclasses import dataclass

import numpy as np

from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import LOST

MOST_STANDING = 2_500  # of those to whom nothing happens in the window, so many are sent one by one
MOST_BYTES = 290_000
ROW_BYTES, ENTITY_BYTES = 13, 9
STANDING_SHARE = 0.35  # of all bytes, those who stand have at least this share
ENDS = (codes.DONE, codes.DELETED, codes.DEAD_LETTERED, codes.EXPIRED, codes.DROPPED)
HIDDEN = (codes.RECEIVED, codes.WORK_FAILED)
STANDS = (codes.STARTED, codes.PUBLISHED, codes.VISIBLE, codes.DEAD_LETTERED, codes.REDRIVEN, *HIDDEN)
NONE = -1


@dataclass
class Packed:
    """time_s counts from the window's start, negative before it; who: entities, numbered from 0.

    request_of: for each entity the request that it belongs to, numbered from 0, -1 for none.
    requests: for each of these its row in the run's requests.
    is_client: for each entity whether it is the client of that request itself.
    standing: {node: [waiting, working, inside, visible, hidden, dead]} of those that are only counted at the start.
    counted: how many requests those are.
    lost: [(time_s, {node: as in standing}, {status: requests})], those of them that a crash takes away.
    """

    from_s: float
    seconds: float
    time_s: np.ndarray
    who: np.ndarray
    node: np.ndarray
    what: np.ndarray
    value: np.ndarray
    request_of: np.ndarray
    requests: np.ndarray
    is_client: np.ndarray
    standing: dict
    counted: int
    lost: list

    def to_bytes(self):
        """The columns one after another, the widest first, so that each begins where its type may."""
        columns = [self.time_s.astype("<f4"), self.who.astype("<u4"), self.request_of.astype("<i4"),
                   self.requests.astype("<i4"), self.node.astype("<i2"), self.value.astype("<i2"),
                   self.what.astype("u1"), self.is_client.astype("u1")]
        return b"".join(column.tobytes() for column in columns)

    def standing_at(self, at_s):
        """What of `standing` is still there at a time."""
        left = {node: list(numbers) for node, numbers in self.standing.items()}
        for time_s, gone, _ in self.lost:
            if time_s <= at_s:
                for node, numbers in gone.items():
                    left[node] = [before - less for before, less in zip(left[node], numbers)]
        return left


def pack(rows, from_s, seconds):
    """The `Packed` window [from_s, from_s + seconds] of TRACE rows that begin at 0."""
    start, end = np.searchsorted(rows["time_s"], (from_s, from_s + seconds), side="right")
    before, inside = rows[:start], _without_last_motions(rows[start:end])
    chosen, standing, counted, lost = _thinned(before, inside, from_s)
    numbers, who = np.unique(chosen["number"], return_inverse=True)
    owners = np.full(len(numbers), -1, np.int64)
    owners[who] = chosen["request"]
    requests, request_of = np.unique(owners, return_inverse=True)
    is_without = len(requests) > 0 and requests[0] < 0
    return Packed(from_s, seconds, chosen["time_s"] - from_s, who, chosen["node"], chosen["what"],
                  np.clip(chosen["value"], -1, 32_767), request_of - is_without, requests[int(is_without):],
                  (owners == numbers) & (owners >= 0), standing, counted, lost)


def still_there(rows, from_s):
    """TRACE rows without those of the time before `from_s` that tell of somebody who is gone by then."""
    start = np.searchsorted(rows["time_s"], from_s, side="right")
    before = rows[:start]
    if not len(before):
        return rows
    slot, last = _slots(before)
    alive, _ = _is_alive(before, slot, last)
    return np.concatenate([before[_rows_of(alive, before, slot)], rows[start:]])


def _slots(before):
    """(for each row the slot of its entity, for each slot its last row; -1 for none)."""
    slot = before["number"] - int(before["number"].min())
    last = np.full(int(slot.max()) + 1, -1, np.int64)
    last[slot] = np.arange(len(before))
    return slot, last


def _rows_of(chosen, before, slot):
    """The places of the rows of the chosen slots, and of what says whether a machine is down."""
    return np.union1d(np.flatnonzero(chosen[slot] & (before["number"] != NONE)), _last_of_each_machine(before))


def _thinned(before, inside, from_s):
    """(the rows to send, counts of those who only stand there, how many requests those are, when they are lost).

    To those who stand nothing happens in the window, unless a crash takes them away. The oldest of them are sent, as
    many as there is room for; the others are only counted.
    """
    if not len(before):
        return inside, {}, 0, []
    slot, last = _slots(before)
    alive, open_visits = _is_alive(before, slot, last)
    inside_slot = inside["number"] - int(before["number"].min())
    is_known = (inside_slot >= 0) & (inside_slot < len(last)) & (inside["number"] != NONE)
    acts = np.zeros(len(last), bool)
    acts[inside_slot[is_known]] = True
    lost_s = _lost_at(before[last], inside, np.where(is_known, inside_slot, -1), open_visits)
    stands = alive & (~acts | np.isfinite(lost_s))
    rows_before = np.bincount(slot[alive[slot]], minlength=len(last))
    rows_inside = np.bincount(inside_slot[is_known], minlength=len(last))
    only_counted = np.zeros(len(last), bool)
    only_counted[_without_room(stands, rows_before, rows_inside, inside)] = True
    kept = _rows_of(alive & ~only_counted, before, slot)
    sent = ~(is_known & only_counted[np.where(is_known, inside_slot, 0)])
    is_client = before["number"][last] == before["request"][last]

    def count(chosen):
        return _count(before[chosen[slot]], before[last[np.flatnonzero(chosen)]])
    lost = []
    for time_s in np.unique(lost_s[only_counted & np.isfinite(lost_s)]):
        gone = only_counted & (lost_s == time_s)
        ends = inside[(inside["what"] == codes.DONE) & is_known & gone[np.where(is_known, inside_slot, 0)]]
        statuses = dict(zip(*(column.tolist() for column in np.unique(ends["value"], return_counts=True))))
        lost.append((float(time_s - from_s), count(gone), statuses))
    return (np.concatenate([before[kept], inside[sent]]), count(only_counted), int((only_counted & is_client).sum()),
            lost)


def _without_last_motions(rows):
    """The rows without the places that a crash makes everybody take and give back before it is lost."""
    at_crash = np.flatnonzero(np.isin(rows["time_s"], rows["time_s"][rows["what"] == codes.CRASHED]))
    here = rows[at_crash]
    visit = here["number"].astype(np.int64) * 2**16 + here["node"]
    lost = visit[(here["what"] == codes.RETURNED) & (here["value"] == LOST)]
    is_motion = np.isin(here["what"], (codes.QUEUED, codes.STARTED, codes.FREED)) & np.isin(visit, lost)
    return np.delete(rows, at_crash[is_motion])


def _without_room(stands, rows_before, rows_inside, inside):
    """The slots of those who stand that cannot be sent one by one: all but the oldest."""
    standing = np.flatnonzero(stands)
    costs = ROW_BYTES * (rows_before + rows_inside) + ENTITY_BYTES
    others = (ROW_BYTES * (len(inside) - rows_inside[standing].sum() + rows_before[~stands].sum())
              + ENTITY_BYTES * len(np.unique(inside["number"])))
    room = max(STANDING_SHARE * MOST_BYTES, MOST_BYTES - others)
    fit = int(np.searchsorted(np.cumsum(costs[standing]), room, side="right"))
    return standing[min(fit, MOST_STANDING):]


def _is_alive(before, slot, last):
    """For each slot whether its entity is still in the system, and its open visits; a dead message is, until somebody
    takes it away."""
    went_in = np.bincount(slot, before["what"] == codes.CALLED, len(last))
    came_out = np.bincount(slot, before["what"] == codes.RETURNED, len(last))
    final = before[last]
    is_client = (final["number"] == final["request"]) & ~np.isin(final["what"], ENDS)
    is_busy = np.isin(final["what"], STANDS)
    alive = (last >= 0) & (final["number"] != NONE) & (is_client | (went_in > came_out) | is_busy)
    return alive, went_in - came_out


def _lost_at(final, inside, inside_slot, open_visits):
    """For each slot the instant of the crash that is all that happens to it in the window; infinite for the others."""
    lost_s = np.full(len(final), np.inf)
    crashes_s = inside["time_s"][inside["what"] == codes.CRASHED]
    at_crash = np.isin(inside["time_s"], crashes_s) & (inside_slot >= 0)
    if not at_crash.any():
        return lost_s
    slots, many = inside_slot[inside_slot >= 0], len(final)
    what = inside["what"][at_crash]
    returns, calls, done = (np.bincount(inside_slot[at_crash], what == code, many)
                            for code in (codes.RETURNED, codes.CALLED, codes.DONE))
    is_client = final["number"] == final["request"]
    ends = (returns - calls == open_visits) & (done == is_client)  # retries at once, in vain, are calls too
    first_s = np.full(many, np.inf)
    np.minimum.at(first_s, slots, inside["time_s"][inside_slot >= 0])
    last_s = np.full(many, -np.inf)
    np.maximum.at(last_s, slots, inside["time_s"][inside_slot >= 0])
    found = ends & (returns > 0) & (first_s == last_s)
    lost_s[found] = first_s[found]
    return lost_s


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
    for what, column in ((codes.QUEUED, 0), (codes.VISIBLE, 3), (codes.RECEIVED, 4), (codes.WORK_FAILED, 4),
                         (codes.DEAD_LETTERED, 5)):
        add(final["node"][final["what"] == what], column, 1)
    return counts
