"""What a cache and a reverse proxy share: answers that are kept for a while, the least recently used goes first.

Here the rules, and the same on SimPy; `store_steps` is the machine's side.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

import simpy

from sdlib.kernel.draws import PART_EARLY, log
from sdlib.kernel.here import Here
from sdlib.kernel.incidents import INVALIDATED
from sdlib.kernel.jit import on_both_engines
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import FAILED, LOST, NOT_FOUND, OK, REFUSED, TIMED_OUT

FRESH, STALE, FETCH, SHARE = range(4)  # answer from the store; fetch for oneself; fetch for all who ask meanwhile
COALESCES_NONE, COALESCES_ABSENT, COALESCES_ALL = range(3)
NOT_STORED = -math.inf  # in place of when it expires
ERRORS = (REFUSED, LOST, TIMED_OUT, FAILED)  # nobody could say; a "not found" is an answer


# --- the rules, the same on both engines

@on_both_engines
def verdict(now_s, expires_s, stale_s, is_early, is_fetched, coalesces, while_updating):
    """What to do with a look-up. stale_s: how long after its end the answer that is stored would still do."""
    if now_s < expires_s and (is_fetched or not is_early):
        return FRESH
    if while_updating and expires_s <= now_s < expires_s + stale_s:
        return STALE if is_fetched else SHARE
    return SHARE if coalesces == COALESCES_ALL or (coalesces == COALESCES_ABSENT and expires_s < 0.0) else FETCH


@on_both_engines
def kept_for_s(status, ttl_s, negative_ttl_s, has_spare):
    """How long the answer of a fetch is kept; NOT_STORED: not at all. has_spare: a good one is there that would do."""
    if status == OK:
        return ttl_s
    return negative_ttl_s if status == NOT_FOUND or (status == FAILED and not has_spare) else NOT_STORED


@on_both_engines
def gives_way(status, now_s, stored_status, expires_s, spare_s):
    """Whether the status of a fetch gives way to the good answer that is still there."""
    return status in ERRORS and stored_status == OK and now_s < expires_s + spare_s


# --- on SimPy

@dataclass
class Kept:
    """An answer in the store. took_s: how long its fetch took."""

    expires_s: float
    took_s: float
    status: int


NOTHING = Kept(NOT_STORED, 0.0, OK)


class StoreHere(Here):
    """What is stored, the least recently used first; who waits for which fetch; and the verbs of a look-up."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.stored, self.waiting, self.fetched_for = OrderedDict(), {}, {}
        self.hits = self.misses = self.stale = self.coalesced = self.early = self.passed = self.leaks = 0

    def is_off(self):
        """Whether the store does not answer now."""
        return self.is_down()

    def key(self, request):
        """What the answer is stored under."""
        return self.simulation.attribute("keys", request)

    def is_early(self, request, kept):
        beta = self.component.beta
        if not beta:
            return False
        return self.world.now - kept.took_s * beta * log(self.die(request, PART_EARLY)) >= kept.expires_s

    def spare_s(self, kept):
        """How long after its end an answer would still do."""
        return self.component.spare_s if kept.status == OK else 0.0

    def look_up(self, request, key):
        """FRESH, STALE, FETCH or SHARE."""
        kept, component = self.stored.get(key, NOTHING), self.component
        found = verdict(self.world.now, kept.expires_s, self.spare_s(kept), self.is_early(request, kept),
                        key in self.waiting, component.coalesces, component.while_updating)
        self.early += found > STALE and self.world.now < kept.expires_s
        self.stale += found == STALE
        self.hits += found <= STALE
        self.misses += found > STALE
        if found <= STALE:
            self.stored.move_to_end(key)
        return found

    def answer(self, request):
        """The answer to a request: the one that is stored, or a fetched one."""
        key = self.key(request)
        self.passed += key is None
        found = FETCH if key is None else self.look_up(request, key)
        if found <= STALE:
            status = self.stored[key].status
        elif found == SHARE:
            status = yield from self.share(request, key)
        else:
            status = yield from self.fetch(request, key)
        return self.settle(request, key, status)

    def fetch(self, request, key):
        """The answer from behind, which is stored."""
        began_s = self.world.now
        status = yield from self.call(request)
        self.store(request, key, status, self.world.now - began_s)
        return status

    def store(self, request, key, status, took_s):
        """Keep the answer; the key that was used longest ago makes room."""
        now = self.world.now
        if key is None or self.is_off():
            return
        kept = self.stored.get(key, NOTHING)
        has_spare = kept.status == OK and now < kept.expires_s + self.spare_s(kept)
        kept_s = kept_for_s(status, self.kept_s(key), self.component.negative_s, has_spare)
        if kept_s < 0.0:
            return
        if key not in self.stored and len(self.stored) == self.component.capacity:
            self.stored.popitem(last=False)
        self.stored[key] = Kept(now + kept_s, took_s, status)
        self.stored.move_to_end(key)
        self.fetched_for[key] = self.simulation.user(request)

    def kept_s(self, key):
        return self.component.kept_s

    def share(self, request, key):
        """Wait for the fetch of this key, which the first one sends off."""
        if key in self.waiting:
            self.coalesced += 1
        else:
            self.waiting[key] = {}
            self.send_off(request, lambda errand: self.fetch_for_all(errand, key))
        waiting, over = self.waiting[key], simpy.Event(self.world)
        self.account()
        waiting[over] = request
        self.places.areas.longest_queue = max(self.places.areas.longest_queue, self.looked_at()[0])
        try:
            return (yield over)
        finally:
            if over in waiting:
                self.account()
                del waiting[over]

    def fetch_for_all(self, errand, key):
        status = yield from self.fetch(errand, key)
        self.account()
        for over, request in self.waiting.pop(key).items():
            request.server = errand.server
            over.succeed(status)
        return status

    def looked_at(self):
        return sum(map(len, self.waiting.values())), 0, len(self.visits)

    def settle(self, request, key, status):
        """An error gives way to a good answer that is still there."""
        kept, now = self.stored.get(key, NOTHING), self.world.now
        if self.component.keeps_old and gives_way(status, now, kept.status, kept.expires_s, self.spare_s(kept)):
            self.stale += now >= kept.expires_s
            request.server = NONE
            return OK
        return status

    def invalidate(self, entity, b, x):
        self.stored.clear()
        self.note_incident(INVALIDATED, self.world.now)
