"""The reference engine: every component's SimPy process."""

from itertools import count

import numpy as np

from sdlib.engine.records import SAMPLES, STATION_COUNTS, Records, count_names, empty_requests
from sdlib.kernel.state import INCIDENT, MESSAGE, NONE
from sdlib.kernel.world import Entity, World


class Simulation:
    """One run on SimPy."""

    def __init__(self, plan, arrived_s, seconds, seed):
        self.plan, self.nodes, self.clients, self.seconds, self.seed = plan, plan.nodes, plan.clients, seconds, seed
        self.numbers = count(len(arrived_s))
        actors = sum(node.component.actors() for node in self.nodes)
        self.lowest_number = NONE - 1 - actors - len(plan.changes)
        self.world = World(self.lowest_number)
        self.here = [node.component.Here(self, node) for node in self.nodes]
        self.requests, self.messages, self.incidents = empty_requests(arrived_s), [], []
        self.arrivals = self.alive = 0
        self.samples = np.zeros((SAMPLES, len(self.nodes), 3), np.int32)
        self.calls = np.zeros(1 + sum(len(node.children) for node in self.nodes), np.int64)

    def next_number(self):
        return next(self.numbers)

    def attribute(self, name, entity):
        """The number of a request's key, route, country or token."""
        return self.plan.attributes.draw(name, self.seed, entity.request)

    def user(self, entity):
        return self.plan.attributes.user(self.seed, entity.request)

    def run(self):
        """Simulate until the end; returns Records."""
        self.world.process(self._sampler(self.lowest_number))
        self._start_early()
        self.world.process(self._arrivals())
        self.world.run(until=self.seconds)
        return self._records()

    def _start_early(self):
        """Who acts by itself, and what is planned. Their numbers are negative: they go before all requests."""
        early = count(self.lowest_number + 1)
        for here in self.here:
            for _ in range(here.component.actors()):
                actor = Entity(next(early), 0)
                actor.process = self.world.process(here.component.act(here, actor))
        for change in self.plan.changes:
            acting = Entity(next(early), 0)
            begins = self.world.wake_at(change.at_s, acting.number)
            begins.callbacks.append(lambda _, change=change, acting=acting:
                                    getattr(self.here[change.node], change.action)(acting, change.b, change.x))

    def _arrivals(self):
        crowd = self.clients.Here(self, self.plan.client_node)
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
        stations["capacity"] = np.array([here.capacity for here in self.here])
        stations["busy_area"] = np.array([area.busy for area in areas])
        stations["queue_area"] = np.array([area.queue for area in areas])
        for name in count_names(self.nodes):
            stations[name] = np.array([getattr(here, name) if name in here.component.counts else 0
                                       for here in self.here])
        messages = np.array([tuple(row.values()) for row in self.messages], MESSAGE)
        return Records(self.requests, messages, stations, self.samples, self.calls,
                       np.array(self.incidents, INCIDENT), self.arrivals, self.alive)


def run(plan, arrived_s, seconds, seed, on_progress=None):
    """Simulate a `Plan` until `seconds`; returns Records. on_progress is called once, at the end."""
    records = Simulation(plan, arrived_s, seconds, seed).run()
    if on_progress:
        on_progress(1.0)
    return records
