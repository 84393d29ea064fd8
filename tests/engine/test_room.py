"""The compiled engine finds room for whatever one step of a request can cause."""

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest
from compare import run_both

import sdlib as sd
from sdlib.components.base import Component
from sdlib.components.checks import knob
from sdlib.engine import compiled, room
from sdlib.engine.plan import plan
from sdlib.kernel.state import CLOCK, ENTITY, LEVEL, State


def chain(length, end):
    for _ in range(length):
        end = sd.Server(cpus=4, ram_gb=4, service_ms=1, calls=[end])
    return end


def test_one_visit_sends_many_messages_to_the_same_queue():
    queue = sd.Queue(sd.Worker(count=1, work_ms=0, distribution="constant"))
    run_both(sd.Server(cpus=1, ram_gb=4, service_ms=1, calls=[queue] * 40), sd.Clients(users=3_000), 5)


def test_one_visit_sends_more_messages_than_there_is_room_at_first():
    queue = sd.Queue(sd.Worker(count=1, work_ms=1))
    run_both(sd.Server(cpus=1, ram_gb=4, service_ms=1, calls=[queue] * 1_000), sd.Clients(users=10), 5)


def test_a_shared_part_deeper_than_where_it_first_stands():
    shared = chain(14, sd.Database())
    run_both(sd.Server(cpus=4, ram_gb=4, calls=[shared, chain(14, shared)]), sd.Clients(users=2_000), 5)


def test_the_largest_memory():
    run_both(sd.Server(cpus=1, ram_gb=100_000, memory_mb=0.001), sd.Clients(users=100), 5)


def test_a_message_delivered_at_time_zero():
    queue = sd.Queue(sd.Worker(count=1, work_ms=0, distribution="constant"))
    run = run_both(queue, sd.Clients(users=1, arrivals_s=[0.0]), 1)
    assert run.messages["done_s"].tolist() == [0.0]


def test_room_of_more_than_two_gigabytes_is_counted_in_full(monkeypatch):
    """Sizes in 32 bits overflowed there, and the guard let pass what does not fit."""
    asked = []

    def refuse(new_bytes, now_s):
        asked.append(new_bytes)
        raise MemoryError

    monkeypatch.setattr(room, "check_growth", refuse)
    clock = np.zeros(1, CLOCK)
    clock["levels"], clock["free"] = 20, -1
    many = np.broadcast_to(np.zeros(1, ENTITY), 2**22)  # as long as that many, and as light as one
    state = State(*[many if name == "entities" else clock if name == "clock" else None for name in State._fields])
    with pytest.raises(MemoryError):
        room.grown(state, 1)
    assert asked == [2**23 * (ENTITY.itemsize + 20 * LEVEL.itemsize)] and asked[0] > 2**31


@pytest.mark.parametrize("threads", [None, 2])
def test_the_writer_counts_how_much_a_request_can_hold(threads):
    """Each call holds its visit; with threads, a thread too; a core at the end: the machine has room for all of it."""
    system = sd.Server(cpus=4, ram_gb=4)
    for _ in range(9):
        system = sd.Server(cpus=4, ram_gb=4, threads=threads, calls=[sd.Call(system, retry=sd.Retry(2))])
    counted = compiled.translate(plan(system, sd.Clients(users=1))).levels
    assert counted >= 10 + 9 + 1 + (9 if threads else 0), "visits, tries, a core, threads"
    run_both(system, sd.Clients(users=400), 5)


@dataclass(frozen=True, eq=False)
class Greedy(Component):
    """Holds six places while it calls the next: more than any component of the course."""

    next: Component = knob(doc="what it calls", kind="component", example="sd.Database()")

    places, takes = 60, 6

    def behind(self):
        return (self.next,)

    def process(self, here, request):
        with ExitStack() as held:
            for _ in range(self.takes):
                place = held.enter_context(here.places.request())
                yield place
            yield here.work(request, 10.0)
            return (yield from here.call(request))

    def program(self, write):
        for _ in range(self.takes):
            write.acquire()
        write.work(10.0)
        write.call()
        for _ in range(self.takes):
            write.release()
        write.back()


def test_a_component_that_holds_many_things_has_room_for_all():
    """A bound of three a call was set by hand: what a fourth wrote fell into the neighbour's stack, unseen."""
    system = sd.Database(query_ms=0)
    for _ in range(5):
        system = Greedy(system)
    assert compiled.translate(plan(system, sd.Clients(users=1))).levels >= 5 * (1 + Greedy.takes) + 2
    run = run_both(system, sd.Clients(users=300), 10)
    assert (run.requests["status"] != "in flight").mean() > 0.95
