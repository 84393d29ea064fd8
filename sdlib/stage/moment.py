"""The system at one instant, from the packed events: who is where. The browser keeps the same book in stage.js."""

from collections import Counter
from dataclasses import dataclass, field

from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import STATUSES

PASSING, WAITING, WORKING = range(3)  # what a visit does
OF_MESSAGES = (codes.PUBLISHED, codes.VISIBLE, codes.RECEIVED, codes.DEAD_LETTERED, codes.WORK_FAILED, codes.REDRIVEN)
GONE = (codes.DONE, codes.DELETED, codes.EXPIRED, codes.DROPPED)


@dataclass
class Actor:
    """One entity: its visits as [node, PASSING | WAITING | WORKING], outermost first, or its message's state."""

    born_s: float
    request: int
    is_client: bool
    visits: list = field(default_factory=list)
    begun: bool = False
    message: tuple = None  # (node, what happened to it last)
    is_abandoned: bool = False


class Moment:
    """Everything in the system at `at_s` seconds after the window's start."""

    def __init__(self, packed, at_s):
        self.packed, self.at_s, self.actors, self.down, self.queues = packed, at_s, {}, set(), {}
        columns = zip(packed.time_s.tolist(), packed.who.tolist(), packed.node.tolist(), packed.what.tolist(),
                      packed.value.tolist())
        for time_s, who, node, what, value in columns:
            if time_s > at_s:
                break
            self._happen(time_s, who, node, what, value)

    def counts(self):
        """{node: {waiting, working, inside, visible, hidden, dead}}, those that are only counted included."""
        names = ("waiting", "working", "inside", "visible", "hidden", "dead")
        found = {node: Counter(dict(zip(names, numbers)))
                 for node, numbers in self.packed.standing_at(self.at_s).items()}
        for actor in self.actors.values():
            for node, name in self._roles(actor):
                found.setdefault(node, Counter())[name] += 1
        return {node: {name: counter[name] for name in names} for node, counter in found.items()}

    def in_flight(self):
        """Requests whose client has no final answer yet, as far as they are sent one by one."""
        return len({actor.request for actor in self.actors.values() if actor.is_client and actor.begun})

    def in_the_system(self):
        """Requests whose client has no final answer yet, those that are only counted included."""
        gone = sum(sum(statuses.values()) for time_s, _, statuses in self.packed.lost if time_s <= self.at_s)
        return self.in_flight() + self.packed.counted - gone

    def ended(self):
        """{status: requests} that ended in the window up to now."""
        packed = self.packed
        ends = (packed.what == codes.DONE) & (packed.time_s > 0) & (packed.time_s <= self.at_s)
        found = Counter(packed.value[ends].tolist())
        for time_s, _, statuses in packed.lost:
            if time_s <= self.at_s:
                found.update(statuses)
        return {STATUSES[status]: many for status, many in sorted(found.items())}

    def dots(self):
        """Those that are drawn, as (actor, node, PASSING | WAITING | WORKING), in order of the queues."""
        for who in sorted(self.actors, key=lambda who: self.queues.get(who, 0)):
            actor = self.actors[who]
            if actor.visits:
                yield actor, *actor.visits[-1]
            elif actor.message:
                yield actor, actor.message[0], WAITING

    def _roles(self, actor):
        for node, state in actor.visits:
            yield node, "inside"
            if state != PASSING:
                yield node, "waiting" if state == WAITING else "working"
        if actor.message:
            node, state = actor.message
            yield node, {codes.VISIBLE: "visible", codes.DEAD_LETTERED: "dead"}.get(state, "hidden")

    def _happen(self, time_s, who, node, what, value):
        if what in (codes.CRASHED, codes.UP):
            (self.down.add if what == codes.CRASHED else self.down.discard)(node)
        if what in (codes.CRASHED, codes.UP, codes.CHANGED):
            return
        actor = self.actors.get(who)
        if actor is None:
            actor = self.actors[who] = Actor(time_s, int(self.packed.request_of[who]), bool(self.packed.is_client[who]))
        if what in OF_MESSAGES:
            actor.message = (node, what)
        elif what == codes.SENT:
            actor.begun = True
        elif what == codes.CALLED:
            actor.visits.append([node, PASSING])
        elif what == codes.GAVE_UP:
            self._abandon(actor, node)
        elif what in GONE:
            del self.actors[who]
        else:
            self._at_station(actor, who, node, what)

    def _at_station(self, actor, who, node, what):
        """It queues, starts, frees its place or returns, at its own visit to this node."""
        if what == codes.RETURNED:
            while actor.visits and actor.visits.pop()[0] != node:
                pass
            if not actor.visits and not actor.is_client and not actor.message:
                del self.actors[who]
            return
        state = {codes.QUEUED: WAITING, codes.STARTED: WORKING, codes.FREED: PASSING}[what]
        visit = next((visit for visit in reversed(actor.visits) if visit[0] == node), None)
        if visit:
            visit[1] = state
            self.queues[who] = len(self.queues)

    def _abandon(self, caller, node):
        """Whoever was sent off by this caller to this node goes on, but nobody waits for it."""
        for actor in self.actors.values():
            if actor.request == caller.request and actor is not caller and actor.visits and not actor.is_client:
                actor.is_abandoned |= node < 0 or actor.visits[0][0] == node


NOBODY = dict.fromkeys(("waiting", "working", "inside", "visible", "hidden", "dead"), 0)


def in_words(name, components, counts, unit, is_down=False):
    """What goes on at one machine or at equal ones, whose `counts` are given:
    "shop: 4 of 4 cores busy, 23 wait, memory holds 31 of 512"."""
    here = {key: sum(one[key] for one in counts) for key in NOBODY}
    places, memory = (sum(getattr(one, key) for one in components) for key in ("places", "memory_cells"))
    parts = ["down"] if is_down else []
    if places and components[0].takes_requests:
        parts.append(f"{here['working']:,} of {places:,} {unit} busy")
        parts.append(f"{here['waiting']:,} wait{'s' if here['waiting'] == 1 else ''}")
    if memory:
        parts.append(f"memory holds {here['inside']:,} of {memory:,}")
    if here["visible"] + here["hidden"]:
        parts.append(f"{here['visible']:,} messages wait, {here['hidden']:,} taken and hidden")
    if here["dead"]:
        parts.append(f"{here['dead']:,} dead-lettered")
    said = ", ".join(parts) or f"{here['inside']:,} inside"
    return f"{name}: {said}"
