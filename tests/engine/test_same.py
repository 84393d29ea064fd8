"""Both engines give the same records, bit for bit: for random systems, and where two engines would part ways."""

import numpy as np
import pytest
from compare import assert_same, examples, run_both
from hypothesis import given
from systems import TICK_S, general_cases, ram_gb, tied_cases

import sdlib as sd
from sdlib.kernel.retry import BACKOFFS, JITTERS


def burst(*times_s, **knobs):
    return sd.Clients(users=1, arrivals_s=sorted(times_s), **knobs)


def steady_server(**knobs):
    return sd.Server(**{"cpus": 1, "ram_gb": ram_gb(4), "service_ms": 250, "distribution": "constant"} | knobs)


@examples(200)
@given(case=general_cases())
def test_random_systems(case):
    run_both(*case)


@examples(120)
@given(case=tied_cases())
def test_random_systems_in_which_many_events_coincide(case):
    run_both(*case)


def test_the_comparison_notices_a_single_bit():
    system, clients = sd.Queue(sd.Worker(work_ms=1)), sd.Clients(users=100)
    one, other = (sd.simulate(system, clients, seconds=5).records for _ in range(2))
    assert_same(one, other)
    for rows, column in ((other.requests, "finished_s"), (other.messages, "done_s"), (other.requests, "attempts"),
                         (other.stations, "queue_area"), (other.stations, "served")):
        kept = rows[column][0]
        rows[column][0] = np.nextafter(kept, np.inf) if rows[column].dtype.kind == "f" else kept + 1
        with pytest.raises(AssertionError):
            assert_same(one, other)
        rows[column][0] = kept
    other.samples[-1, -1, -1] += 1
    with pytest.raises(AssertionError):
        assert_same(one, other)


@pytest.mark.parametrize("restart_s", [0.0, TICK_S, 1.1])
def test_a_crash_in_the_middle_of_nested_calls(restart_s):
    database = sd.Database(connections=1, query_ms=250, distribution="constant")
    inner = steady_server(cpus=2, ram_gb=ram_gb(3), restart_s=restart_s, calls=[database, database])
    middle = steady_server(cpus=4, ram_gb=ram_gb(6), restart_s=restart_s, calls=[inner, database])
    outer = sd.LoadBalancer([steady_server(cpus=2, ram_gb=ram_gb(12), restart_s=restart_s, calls=[middle])] * 2)
    arrivals_s = [*(TICK_S * (number // 4) for number in range(120)), *range(15, 35)]
    run = run_both(outer, burst(*arrivals_s, retry=sd.Retry(2, "constant", first_s=TICK_S)), 40)
    crashed = run.stations.query("crashes > 0")
    assert {"server 2", "server 3"} <= set(crashed.index), "the nested servers must crash, or nothing is tested"
    assert (run.requests["status"] == "ok").any()


def test_a_crash_with_restart_0_serves_again_at_the_same_instant():
    server = steady_server(ram_gb=ram_gb(2), restart_s=0.0)
    run = run_both(server, burst(*[0.0] * 7, *[0.25] * 5, retry=sd.Retry(3, "none")), 20)
    assert run.stations.loc["server", "crashes"] >= 3
    assert run.stations.loc["server", "refused"] == 0
    assert (run.requests["status"] == "ok").any()


def test_stops_that_overlap_with_each_other_and_with_restarts():
    inner = steady_server(cpus=2, ram_gb=ram_gb(3), restart_s=2.0, down=[(1, 2), (2.5, 4)])
    outer = steady_server(cpus=4, ram_gb=ram_gb(7), restart_s=1.0, down=[(1.5, 3), (3.5, 3.75)], calls=[inner])
    arrivals_s = [TICK_S * (number // 2) for number in range(120)]
    run = run_both(outer, burst(*arrivals_s, retry=sd.Retry(1, "constant", first_s=0.5)), 20)
    assert (run.stations["refused"] > 0).all() and (run.stations["crashes"] > 0).all()


def test_a_stop_that_ends_while_the_machine_restarts_does_not_shorten_the_restart():
    server = steady_server(ram_gb=ram_gb(1), restart_s=10.0, down=[(1, 2)])
    run = run_both(server, burst(0.5, 0.5, 3.0, 10.25, 10.5), 20)
    assert list(run.requests["status"]) == ["lost", "lost", "refused", "refused", "ok"]


@pytest.mark.parametrize("timeout_s", [TICK_S, 0.3, 1.0])
def test_timeouts_leave_work_behind(timeout_s):
    server = steady_server(cpus=2, ram_gb=ram_gb(50), calls=[sd.Database(connections=1, query_ms=100)])
    clients = sd.Clients(users=12, requests_per_minute=60, timeout_s=timeout_s,
                         retry=sd.Retry(2, first_s=TICK_S))
    run = run_both(server, clients, 20, seed=5)
    timed_out = run.requests["status"] == "timed out"
    assert timed_out.any()
    assert run.stations.loc["server", "served"] > (run.requests["status"] == "ok").sum(), "abandoned work is done too"


def test_an_answer_at_the_instant_of_the_timeout():
    run = run_both(steady_server(cpus=2), burst(0.0, 0.0, 0.0, timeout_s=TICK_S, retry=sd.Retry(2, "none")), 5)
    assert run.requests["attempts"].max() > 1


@pytest.mark.parametrize("backoff", BACKOFFS)
@pytest.mark.parametrize("jitter", JITTERS)
def test_every_backoff_and_jitter(backoff, jitter):
    jitter = jitter if backoff != "none" else "none"
    clients = sd.Clients(users=40, requests_per_minute=60, timeout_s=0.5,
                         retry=sd.Retry(5, backoff, first_s=0.1, most_s=3, jitter=jitter))
    run = run_both(sd.Server(cpus=1, ram_gb=ram_gb(20), service_ms=60, restart_s=0.5), clients, 20, seed=2)
    assert run.requests["attempts"].max() == 6


def late_worker(failure_rate=0.0, **knobs):
    """Works for 0.75 s on messages that reappear after 0.5 s."""
    worker = sd.Worker(work_ms=750, distribution="constant", failure_rate=failure_rate,
                       **{"count": 2} | knobs)
    return sd.Queue(worker, visibility_timeout_s=0.5, max_receives=3)


def test_a_late_success_deletes_nothing_when_another_worker_has_received_the_message_again():
    """Its receipt is void, as with SQS: only the most recent receive may delete."""
    run = run_both(late_worker(), burst(0.0), 10)
    assert run.messages[["receives", "done_s", "outcome"]].values.tolist() == [[3, 1.5, "dead-lettered"]]
    assert run.stations.loc["worker", ["served", "duplicates"]].tolist() == [3, 2]


def test_a_message_is_deleted_while_it_is_visible():
    """One worker alone: the message reappears at 0.5 s and waits in the queue until the work succeeds at 0.75 s."""
    run = run_both(late_worker(count=1), burst(0.0, 0.0), 10)
    assert run.messages["outcome"].tolist() == ["delivered"] * 2
    assert run.messages["receives"].tolist() == [1, 1]
    assert run.messages["done_s"].tolist() == [0.75, 1.5]


def test_a_success_after_the_message_was_dead_lettered():
    queue = sd.Queue(sd.Worker(count=1, work_ms=750, distribution="constant"), visibility_timeout_s=0.5, max_receives=1)
    run = run_both(queue, burst(0.0), 10)
    assert run.messages["outcome"].tolist() == ["dead-lettered"]
    assert run.messages["done_s"].tolist() == [0.5]
    assert run.stations.loc["worker", "served"] == 1


def test_more_requests_in_flight_than_the_machine_has_room_for_at_first():
    server = sd.Server(cpus=2, ram_gb=1_000, service_ms=1, calls=[sd.Database(connections=1, query_ms=2)])
    run = run_both(server, sd.Clients(users=8_000, requests_per_minute=60, timeout_s=30), 1)
    assert run.timeline(every_s=1)["in_system"].iloc[-1] > 5_000


def test_thousands_of_messages():
    queue = sd.Queue(sd.Worker(count=3, work_ms=2, failure_rate=0.2), visibility_timeout_s=0.3, max_receives=3)
    run = run_both(sd.Server(cpus=4, ram_gb=4, service_ms=0.1, calls=[queue, queue]),
                   sd.Clients(users=3_000, requests_per_minute=60), 1.5)
    assert len(run.messages) > 5_000


def test_thousands_of_workers():
    queue = sd.Queue(sd.Worker(count=4_000, work_ms=300), visibility_timeout_s=0.25, max_receives=2)
    run = run_both(queue, sd.Clients(users=2_000, requests_per_minute=60), 1.5)
    assert run.samples["busy"].max() > 100


@pytest.mark.parametrize("policy", ["round_robin", "random", "pooled_queue"])
def test_1200_servers_behind_a_balancer(policy):
    shop = sd.LoadBalancer([sd.Server(cpus=1, ram_gb=ram_gb(2), service_ms=400)] * 1_200, policy=policy)
    run = run_both(shop, sd.Clients(users=2_500, requests_per_minute=60), 1)
    assert len(run.stations) == 1_201
    assert (run.stations["served"].iloc[1:] > 0).sum() > 500


def test_a_run_without_requests():
    run = run_both(sd.Cache(sd.Database()), sd.Clients(users=1, arrivals_s=[5.0]), 2)
    assert len(run.requests) == 0
