"""The reference engine: every component's SimPy process, and what it finds around it."""

from collections import OrderedDict
from contextlib import contextmanager
from itertools import count

import numpy as np
import simpy

from sdlib.components.base import DISTRIBUTIONS, LOST, OK, REFUSED, TIMED_OUT
from sdlib.engine.blueprint import Node, blueprint
from sdlib.engine.compiled import popularity
from sdlib.engine.records import SAMPLES, STATION_COUNTS, Records, empty_requests
from sdlib.engine.world import Entity, Message, Places, Visit, World
from sdlib.kernel.draws import (
    PART_FAILURE,
    PART_JITTER,
    PART_PICK,
    child_place,
    duration,
    uniform,
    zipf_key,
)
from sdlib.kernel.state import DEAD, DELIVERED, IN_PROGRESS, MESSAGE, NONE, WAITING


class Here:
    """A component in the running world: what its process can see and do."""

    def __init__(self, simulation, node):
        self.simulation, self.world, self.node, self.component = simulation, simulation.world, node, node.component
        self.places = Places(self.world, node.component.places)
        self.down_until_s, self.visits, self.turn, self.stored = 0.0, {}, 0, OrderedDict()
        self.in_flight_there = [0] * len(node.children)
        self.served = self.refused = self.lost = self.crashes = self.hits = self.misses = 0
        self.visible, self.idle, self.working = [], [], 0

    # time and chance

    def sleep(self, entity, seconds):
        return self.world.wake_at(self.world.now + seconds, entity.number)

    def work(self, entity, mean_ms, distribution="constant"):
        """Let time pass: a draw of this request at this place of the system."""
        seed, kind = self.simulation.seed, DISTRIBUTIONS.index(distribution)
        return self.sleep(entity, duration(mean_ms / 1000, kind, seed, entity.request, entity.place, entity.turn))

    def die(self, entity, part, place=None):
        """A number in (0, 1)."""
        place = entity.place if place is None else place
        return uniform(self.simulation.seed, entity.request, place, entity.turn, part)

    # calls

    def call(self, request, index=0):
        """Call what stands behind; the status when it returns."""
        there = self.simulation.here[self.node.children[index]]
        return self._walk(there, request, index)

    def _walk(self, there, request, index):
        place, request.place = request.place, child_place(request.place, index)
        try:
            status = yield from there.component.process(there, request)
        finally:
            request.place = place
        there.served += status == OK
        return status

    def call_all(self, request):
        """Call everything behind, one after another; the first failure ends it."""
        for index in range(len(self.node.children)):
            status = yield from self.call(request, index)
            if status != OK:
                return status
        return OK

    def pick_and_call(self, request, pick):
        """Call the target whose index the policy gives."""
        room = [getattr(self.simulation.here[child].component, "cpus", 0) for child in self.node.children]
        chosen = pick(self.turn, self.die(request, PART_PICK), self.in_flight_there, room)
        self.turn += 1
        self.in_flight_there[chosen] += 1
        try:
            return (yield from self._walk(self.simulation.here[self.node.children[chosen]], request, 0))
        finally:
            self.in_flight_there[chosen] -= 1

    # a server's memory

    def is_down(self):
        return self.world.now < self.down_until_s

    def memory_is_full(self):
        return len(self.visits) == self.component.most_in_flight

    def refuse(self):
        self.refused += 1
        return REFUSED

    def crash(self):
        """Memory has run out: this request and all in flight are lost."""
        self.crashes += 1
        self.lost += 1
        self.bring_down(self.world.now + self.component.restart_s)
        return LOST

    def bring_down(self, until_s):
        self.down_until_s = max(self.down_until_s, until_s)
        end = simpy.Event(self.world)
        end.callbacks.extend(visit.end for visit in self.visits)
        end.succeed()

    def in_flight(self, request):
        return Visit(self, request)

    # a cache

    def look_up(self, request):
        """True on a hit, which makes the key the newest."""
        key = self.simulation.key_of(request)
        if not self.world.now < self.stored.get(key, -1.0):
            self.misses += 1
            return False
        self.hits += 1
        self.stored.move_to_end(key)
        return True

    def store(self, request):
        """Keep the answer; the key that was used longest ago makes room."""
        key = self.simulation.key_of(request)
        if key not in self.stored and len(self.stored) == self.component.capacity:
            self.stored.popitem(last=False)
        ttl_s = self.component.ttl_s
        self.stored[key] = self.world.now + (float("inf") if ttl_s is None else ttl_s)
        self.stored.move_to_end(key)

    def looked_at(self):
        """Queue, busy and in flight, for a sample and for the areas."""
        return len(self.places.queue) + len(self.visible), self.places.count + self.working, len(self.visits)

    def account(self):
        queue, busy, _ = self.looked_at()
        self.places.areas.account(busy, queue)

    # messages and their workers

    def send(self, request, life):
        """A new message, with a life of its own."""
        simulation = self.simulation
        message = Message(simulation.next_number(), request, len(simulation.messages))
        simulation.messages.append((self.world.now, np.nan, self.node.index, 0, WAITING))
        self.world.process(life(self, message))

    def note(self, message, outcome, done_s=np.nan):
        sent_s, _, channel, _, _ = self.simulation.messages[message.row]
        self.simulation.messages[message.row] = (sent_s, done_s, channel, message.receives, outcome)

    def appear(self, message):
        """The message is visible: the worker that is idle longest gets it, or it waits. It comes back as an event
        when its visibility timeout ends."""
        self.account()
        message.hidden = simpy.Event(self.world)
        self.note(message, WAITING)
        if self.idle:
            self.give(message, *self.idle.pop(0))
        else:
            self.visible.append(message)
            self.places.areas.longest_queue = max(self.places.areas.longest_queue, len(self.visible))
        return message.hidden

    def receive(self, worker):
        """An event with the worker's next task."""
        queue, received = self.simulation.here[self.node.parent], simpy.Event(self.world)
        if queue.visible:
            queue.account()
            queue.give(queue.visible.pop(0), worker, received)
        else:
            queue.idle.append((worker, received))
        return received

    def give(self, message, worker, received):
        """A worker receives the message, which hides until its visibility timeout ends."""
        message.receives += 1
        self.note(message, IN_PROGRESS)
        reappears, hidden = self.sleep(message, self.component.visibility_timeout_s), message.hidden
        reappears.callbacks.append(lambda _: message.gone or hidden.succeed())
        task = Entity(worker.number, message.request, message.place, message.turn * 1000 + message.receives)
        task.message = message
        received.succeed(task)

    @contextmanager
    def busy(self):
        """A worker works."""
        self.account()
        self.working += 1
        yield
        self.account()
        self.working -= 1

    def fails(self, task, failure_rate):
        return self.die(task, PART_FAILURE) < failure_rate

    def delete(self, task):
        """The work is done: delete the message, unless it was deleted or moved away meanwhile."""
        self.served += 1
        if not task.message.gone:
            self.simulation.here[self.node.parent].end(task.message, DELIVERED)

    def dead_letter(self, message):
        """It was received too often."""
        self.lost += 1
        self.end(message, DEAD)

    def end(self, message, outcome):
        if message in self.visible:
            self.account()
            self.visible.remove(message)
        message.gone = True
        self.note(message, outcome, self.world.now)

    # clients

    def begin_attempt(self, client):
        client.attempt += 1
        client.turn, client.server = client.attempt, NONE
        self.simulation.requests["attempts"][client.request] = client.attempt

    def answer_or_timeout(self, client, timeout_s):
        """An event: the status of an attempt of its own, or TIMED_OUT; the attempt goes on all the same."""
        answer = simpy.Event(self.world)
        errand = Entity(self.simulation.next_number(), client.request, client.place, client.turn)
        errand.process = self.world.process(self._run_errand(errand, client, answer))
        timer = self.sleep(client, timeout_s)
        timer.callbacks.append(lambda _: answer.triggered or answer.succeed(TIMED_OUT))
        return answer

    def _run_errand(self, errand, client, answer):
        status = yield from self.call(errand)
        if not answer.triggered:
            client.server = errand.server
            answer.succeed(status)

    def jitter(self, client):
        return self.die(client, PART_JITTER, place=0)

    def finish(self, client, status):
        self.simulation.alive -= 1
        row = self.simulation.requests[client.request]
        row["finished_s"], row["status"] = self.world.now, status
        row["served_by"] = client.server if status == OK else NONE


class Simulation:
    """One run on SimPy."""

    def __init__(self, system, clients, arrived_s, seconds, seed):
        self.nodes, self.clients, self.seconds, self.seed = blueprint(system), clients, seconds, seed
        self.numbers = count(len(arrived_s))
        parts = [node.component for node in self.nodes]
        early = sum(getattr(part, "count", 0) + len(getattr(part, "down", ())) for part in parts)
        self.lowest_number = NONE - 1 - early
        self.world = World(self.lowest_number)
        self.here = [Here(self, node) for node in self.nodes]
        self.requests, self.messages = empty_requests(arrived_s), []
        self.arrivals = self.alive = 0
        self.samples = np.zeros((SAMPLES, len(self.nodes), 3), np.int32)
        has_cache = any(node.kind == "Cache" for node in self.nodes)
        self.popularity = popularity(clients.objects, clients.skew) if has_cache else None

    def next_number(self):
        return next(self.numbers)

    def key_of(self, request):
        return zipf_key(self.seed, request.request, self.popularity)

    def run(self):
        """Simulate until the end; returns Records."""
        self.world.process(self._sampler(self.lowest_number))
        self._start_workers_and_stops()
        self.world.process(self._arrivals())
        self.world.run(until=self.seconds)
        return self._records()

    def _start_workers_and_stops(self):
        """Their numbers are negative: they go before all requests."""
        early = count(NONE - 1, -1)
        for here in self.here:
            for _ in range(getattr(here.component, "count", 0)):
                self.world.process(here.component.process(here, Entity(next(early), 0)))
        for here in self.here:
            for start_s, end_s in getattr(here.component, "down", ()):
                begins = self.world.wake_at(start_s, next(early))
                begins.callbacks.append(lambda _, here=here, end_s=end_s: here.bring_down(end_s))

    def _arrivals(self):
        client_node = Node(-1, self.clients, "clients", NONE, [0])
        crowd = Here(self, client_node)
        for number, arrived_s in enumerate(self.requests["arrived_s"]):
            yield self.world.wake_at(float(arrived_s), number)
            client = Entity(number, number)
            self.arrivals += 1
            self.alive += 1
            client.process = self.world.process(self.clients.process(crowd, client))

    def _sampler(self, number):
        for sample in range(SAMPLES):
            yield self.world.wake_at(sample * (self.seconds / SAMPLES), number)
            for here in self.here:
                self.samples[sample, here.node.index] = here.looked_at()

    def _records(self):
        for here in self.here:
            here.account()
        areas = [here.places.areas for here in self.here]
        stations = {name: np.array([getattr(here, name) for here in self.here]) for name in STATION_COUNTS
                    if name != "longest_queue"}
        stations["longest_queue"] = np.array([area.longest_queue for area in areas])
        stations["capacity"] = np.array([here.component.places for here in self.here])
        stations["busy_area"] = np.array([area.busy for area in areas])
        stations["queue_area"] = np.array([area.queue for area in areas])
        messages = np.array(self.messages, MESSAGE)
        return Records(self.requests, messages, stations, self.samples, self.arrivals, self.alive)


def run(system, clients, arrived_s, seconds, seed, on_progress=None):
    """Simulate until `seconds`; returns Records. on_progress is called once, at the end."""
    records = Simulation(system, clients, arrived_s, seconds, seed).run()
    if on_progress:
        on_progress(1.0)
    return records
