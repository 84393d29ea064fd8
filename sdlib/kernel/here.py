"""What a component's process sees around it while it runs on SimPy: the reference engine's vocabulary."""

import math

import simpy

from sdlib.kernel.draws import PART_FAILURE, PART_JITTER, child_place, duration, uniform
from sdlib.kernel.incidents import CRASHED, RESIZED, RESTORED, STOPPED
from sdlib.kernel.retry import HEDGED, MOST_SAVED, next_turn, retry_delay_s
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import DISTRIBUTIONS, LOST, OK, REFUSED, TIMED_OUT
from sdlib.kernel.world import Entity, Gathering, Places, Visit


class Here:
    """A component in the running world: what its process can see and do."""

    def __init__(self, simulation, node):
        self.simulation, self.world, self.node, self.component = simulation, simulation.world, node, node.component
        self.capacity = self.component.places
        self.places = Places(self.world, self.capacity)
        self.memory, self.limit = self.component.memory_cells or math.inf, self.component.most_inside
        self.down_until_s, self.visits, self.turn = 0.0, {}, 0
        self.served = self.refused = self.lost = self.failed = self.crashes = 0
        self.saved = [MOST_SAVED] * max(len(node.children), 1)

    # time and chance

    def sleep(self, entity, seconds):
        return self.world.wake_at(self.world.now + seconds, entity.number)

    def work(self, entity, mean_ms, distribution="constant"):
        """Let time pass: a draw of this request at this place of the system."""
        seed, kind = self.simulation.seed, DISTRIBUTIONS.index(distribution)
        return self.sleep(entity, duration(mean_ms / 1000, kind, seed, entity.request, entity.place, entity.turn))

    def die(self, entity, part):
        """A number in (0, 1)."""
        return uniform(self.simulation.seed, entity.request, entity.place, entity.turn, part)

    def fails(self, entity, share):
        """Whether it fails, with this chance."""
        return self.die(entity, PART_FAILURE) < share

    # the door

    def is_down(self):
        return self.world.now < self.down_until_s

    def inside(self):
        return len(self.visits)

    def refuse(self):
        self.refused += 1
        return REFUSED

    def crash(self):
        """Memory has run out: this request and all in flight are lost."""
        self.crashes += 1
        self.lost += 1
        self.bring_down(self.world.now + self.component.crash_s, CRASHED)
        return LOST

    def bring_down(self, until_s, why):
        self.down_until_s = max(self.down_until_s, until_s)
        self.note_incident(why, self.down_until_s)
        end = simpy.Event(self.world)
        end.callbacks.extend(visit.end for visit in self.visits)
        end.succeed()

    def note_incident(self, what, until_s):
        self.simulation.incidents.append((self.world.now, until_s, self.node.index, what))

    # what the schedule may do: entity acts for it; b and x are what the action is given

    def kill(self, entity, b, x):
        self.bring_down(self.world.now + x, STOPPED)

    def restore(self, entity, b, x):
        self.down_until_s = self.world.now
        self.note_incident(RESTORED, self.world.now)

    def resize(self, entity, b, x):
        if self.capacity != b:
            self.capacity = b
            self.note_incident(RESIZED, self.world.now)
        self.places.resize(b)

    # places and calls

    def pool(self, part):
        """The places of a part, such as a server's threads."""
        return self.simulation.here[self.node.parts[part]].places

    def call(self, request, index=0):
        """Call what stands behind, as patiently as the component is; the status when it returns."""
        patience = self.component.patience(index)
        return self.visit(request, index) if patience is None else self.persist(request, index, patience)

    def visit(self, request, index):
        """One visit to what stands behind: past the door, or turned away."""
        there = self.simulation.here[self.node.children[index]]
        self.simulation.calls[self.node.first_link + index] += 1
        turned_away = there.component.door(there)
        if turned_away is not None:
            return turned_away
        place, request.place = request.place, child_place(request.place, self.component.place_of(index))
        try:
            with Visit(there, request):
                status = yield from there.component.process(there, request)
                there.ended(request, status)
                return status
        finally:
            request.place = place
        return LOST

    def ended(self, request, status):
        """The end of a visit here."""
        if self.component.serves:
            request.server = self.node.index
        self.served += status == OK
        self.failed += status != OK

    def persist(self, request, index, patience):
        """Try, and try again."""
        turn, wait_s, attempt, retry = request.turn, 0.0, 0, patience.retry
        if retry.budget is not None:
            self.saved[index] = min(MOST_SAVED, self.saved[index] + retry.budget)
        try:
            while True:
                attempt += 1
                request.turn, request.server = next_turn(turn, attempt), NONE
                self.attempts(request, attempt)
                status = yield from self.attempt(request, index, patience)
                if status == OK or attempt > retry.times or not self.may_retry(index, retry):
                    return status
                wait_s = retry_delay_s(retry.schedule, retry.jitter_number, attempt, retry.first_s, retry.most_s,
                                       wait_s, self.die(request, PART_JITTER))
                yield self.sleep(request, wait_s)
        finally:
            request.turn = turn

    def attempts(self, request, attempt):
        """Who calls may keep count."""

    def may_retry(self, index, retry):
        """Whether the budget allows one more; it pays for it."""
        if retry.budget is None:
            return True
        if self.saved[index] < 1.0:
            return False
        self.saved[index] -= 1.0
        return True

    def attempt(self, request, index, patience):
        """One attempt; if it is not back after hedge_s, a second one beside it, and whichever is back first counts."""
        if patience.timeout_s is None and patience.hedge_s is None:
            return (yield from self.visit(request, index))
        gathering = self.send_errands(request, [lambda errand: self.visit(errand, index)])
        if patience.hedge_s is None:
            self._give_up_after(request, patience.timeout_s, gathering)
        else:
            timer = self.sleep(request, patience.hedge_s)
            timer.callbacks.append(lambda _: self._hedge(request, index, patience, gathering))
        return (yield from gathering.wait())

    def _hedge(self, request, index, patience, gathering):
        if gathering.over.triggered or not gathering.left:
            return
        self.send_errand(request, lambda errand: self.visit(errand, index), gathering, next_turn(request.turn, HEDGED))
        if patience.timeout_s is not None:
            self._give_up_after(request, patience.timeout_s - patience.hedge_s, gathering)

    def _give_up_after(self, request, seconds, gathering):
        self.sleep(request, seconds).callbacks.append(lambda _: gathering.end(TIMED_OUT))

    def call_all(self, request, groups):
        """One group of calls after another, each a list of indices; those of a group at the same time. The first
        failure ends it."""
        for group in groups:
            status = yield from self.call(request, group[0]) if len(group) == 1 else self.call_together(request, group)
            if status != OK:
                return status
        return OK

    def call_together(self, request, indices):
        """Call all of them at the same time, and wait until the last has returned."""
        calls = [lambda errand, index=index: self.call(errand, index) for index in indices]
        return (yield from self.send_errands(request, calls).wait())

    def send_errands(self, sender, calls):
        """Each call as an entity of its own, which the sender may abandon."""
        gathering = Gathering(self.world, sender, len(calls))
        for call in calls:
            self.send_errand(sender, call, gathering, sender.turn)
        return gathering

    def send_errand(self, sender, call, gathering, turn):
        errand = Entity(self.simulation.next_number(), sender.request, sender.place, turn)
        errand.process = self.world.process(self._errand(errand, call, gathering))

    def send_off(self, sender, call):
        """A call as an entity of its own, for which nobody waits."""
        self.send_errand(sender, call, Gathering(self.world, sender, 0), sender.turn)

    def _errand(self, errand, call, gathering):
        status = yield from call(errand)
        gathering.tell(errand, status)

    # what is measured

    def looked_at(self):
        """Queue, busy and in flight, for a sample and for the areas."""
        return len(self.places.queue), self.places.count, len(self.visits)

    def account(self):
        queue, busy, _ = self.looked_at()
        self.places.areas.account(busy, queue)
