"""The compiled engine finds room for whatever one step of a request can cause."""

from compare import run_both

import sdlib as sd


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
