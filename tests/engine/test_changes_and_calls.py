"""Scheduled changes, parallel calls, retries, budgets and limits: what each does, by hand and by count."""

import numpy as np
import pytest
from compare import run_both

import sdlib as sd
from sdlib.components.base import Component
from sdlib.engine.kinds import KINDS, kinds_in, steps_of


def at_times(*times_s, **knobs):
    return sd.Clients(users=1, arrivals_s=sorted(times_s), **knobs)


def steady(**knobs):
    return sd.Server(**{"cpus": 1, "ram_gb": 4, "service_ms": 100, "distribution": "constant"} | knobs)


def constant(ms, **knobs):
    return sd.Database(query_ms=ms, distribution="constant", **knobs)


def test_the_delays_of_the_source_document():
    """0, 1, 2, 4, ... s: ten retries wait 511 s in all."""
    retry = sd.Retry(10, "zero, then exponential", most_s=3_600)
    assert retry.delays_s() == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256] and sum(retry.delays_s()) == 511
    run = run_both(steady(down=[(0, 600)]), at_times(0.0, retry=retry), 700)
    assert run.requests[["attempts", "finished_s"]].values.tolist() == [[11, 511.0]]


def test_jitter_without_a_wait_is_refused():
    with pytest.raises(ValueError, match="jitter spreads a wait, and there is none"):
        sd.Retry(3, "none", jitter="full")


def test_a_kill_loses_what_is_inside_and_refuses_until_it_is_restored():
    server = steady()
    run = run_both(server, at_times(0.0, 0.5, 1.05, 2.0, 3.0), 5,
                   schedule=[sd.at(1.1, "kill", server), sd.at(2.5, "restore", server)])
    assert run.requests["status"].tolist() == ["ok", "ok", "lost", "refused", "ok"]
    assert run.incidents["what"].tolist() == ["stopped", "restored"]
    assert run.incidents["until_s"].tolist() == [np.inf, 2.5]


def test_an_upgrade_is_a_stop_and_then_more_cores():
    server = steady()
    upgrade = sd.at(1.0, "upgrade", server, cpus=4, down_s=1.0)
    run = run_both(server, at_times(1.5, *[3.0] * 4), 5, schedule=[upgrade])
    assert run.requests["status"].tolist() == ["refused", *["ok"] * 4]
    assert run.requests["finished_s"].iloc[1:].tolist() == [3.1] * 4, "all four at the same time"
    assert run.stations.loc["server", "capacity"] == 4


def test_a_machine_is_added_and_removed_and_nothing_is_lost():
    shop = sd.LoadBalancer([steady(), steady()])
    changes = [sd.at(0, "remove", shop, target=1), sd.at(2, "add", shop, target=1), sd.at(4, "remove", shop, target=0)]
    run = run_both(shop, at_times(*np.arange(0.05, 6, 0.1)), 10, schedule=changes)
    assert (run.requests["status"] == "ok").all()
    by = run.requests["served_by"].astype(str).to_numpy()
    assert set(by[:19]) == {"server 1"} and set(by[20:39]) == {"server 1", "server 2"} and set(by[41:]) == {"server 2"}


def test_a_balancer_without_machines_refuses():
    shop = sd.LoadBalancer([steady()])
    run = run_both(shop, at_times(0.5, 1.5), 3, schedule=[sd.at(1, "remove", shop, target=0)])
    assert run.requests["status"].tolist() == ["ok", "refused"]


def test_an_invalidated_cache_asks_again():
    cache = sd.Cache(constant(1))
    run = run_both(cache, at_times(0, 1, 2, 3, objects=1), 5, schedule=[sd.at(1.5, "invalidate", cache)])
    assert run.stations.loc["cache", ["hits", "misses"]].tolist() == [2, 2]


def test_dead_letters_are_redriven_and_none_is_lost():
    queue = sd.Queue(sd.Worker(work_ms=1, failure_rate=1.0), visibility_timeout_s=0.5, max_receives=2)
    run = run_both(queue, at_times(0, 0, 0), 10, schedule=[sd.at(5, "redrive", queue)])
    assert run.messages["receives"].tolist() == [4, 4, 4] and (run.messages["outcome"] == "dead-lettered").all()
    assert (run.messages["done_s"] > 5).all() and run.conservation()["balanced"].all()


def test_parallel_calls_take_as_long_as_the_slowest_and_hold_the_thread():
    calls = [constant(100), constant(300), constant(200)]
    together, one_by_one = steady(calls=[calls], threads=1), steady(calls=calls, threads=1)
    assert run_both(together, at_times(0.0, 0.0), 5).requests["finished_s"].tolist() == pytest.approx([0.4, 0.8])
    assert run_both(one_by_one, at_times(0.0, 0.0), 5).requests["finished_s"].tolist() == pytest.approx([0.7, 1.4])


def test_the_first_failure_of_parallel_calls_is_their_answer():
    broken = steady(down=[(0, 100)], name="broken")
    run = run_both(steady(calls=[[constant(300), sd.Call(broken, retry=sd.Retry(1, "constant", first_s=0.5))]]),
                   at_times(0.0), 5)
    assert run.requests[["finished_s", "status"]].values.tolist() == [[0.6, "refused"]]
    assert run.traffic.set_index("called")["calls"].to_dict() == {"server": 1, "database": 1, "broken": 2}


def test_a_call_that_times_out_goes_on_burning_cpu():
    slow = steady(service_ms=1_000, name="slow")
    run = run_both(steady(calls=[sd.Call(slow, timeout_s=0.2, retry=sd.Retry(2, "none"))]), at_times(0.0), 10)
    assert run.requests[["finished_s", "status"]].values.tolist() == [[pytest.approx(0.7), "timed out"]]
    assert run.stations.loc["slow", "served"] == 3 and run.stations.loc["server", "failed"] == 1


def test_a_budget_keeps_retries_few():
    down, seconds = steady(down=[(0, 1e6)]), 400
    calls = [sd.Call(down, retry=sd.Retry(3, "none", budget=0.1))]
    run = run_both(sd.Server(cpus=100, ram_gb=100, service_ms=0, calls=calls), sd.Clients(users=150), seconds)
    arrivals = len(run.requests)
    retries = run.traffic.set_index("called")["calls"]["server 2"] - arrivals
    assert retries == pytest.approx(10 + 0.1 * arrivals, abs=2), "ten saved up, then one in ten calls"


def test_an_admission_limit_refuses_and_does_not_crash():
    run = run_both(steady(admits=2), at_times(0.0, 0.0, 0.0, 0.0), 5)
    assert sorted(run.requests["status"]) == ["ok", "ok", "refused", "refused"]
    assert run.stations.loc["server", "crashes"] == 0


def test_a_gateway_answers_before_a_service_works():
    shop = sd.Gateway({"/user": constant(1, name="users"), "/user/vip": constant(1, name="vips")}, check_ms=0)
    clients = sd.Clients(users=100, requests_per_minute=60, routes={"/user/7": 2, "/user/vip": 1, "/usera": 1},
                         tokens={"valid": 3, "expired": 1})
    run = run_both(shop, clients, 20)
    routes, status = run.requests["route"], run.requests["status"]
    assert set(status[routes == "/usera"]) == {"not found", "unauthorized"}
    assert set(status[routes == "/user/7"]) == {"ok", "unauthorized"}
    assert (status == "unauthorized").mean() == pytest.approx(0.25, abs=0.03)
    served = run.stations["served"]
    assert served["users"] == ((status == "ok") & (routes == "/user/7")).sum()
    assert served["vips"] == ((status == "ok") & (routes == "/user/vip")).sum() > 0


def test_a_greedy_user_does_not_starve_the_others():
    shop = sd.Gateway({"/": constant(1)}, per_user_per_s=2, burst=2, check_ms=0)
    run = run_both(shop, sd.Clients(users=100, requests_per_minute=60, greedy_share=0.5), 30)
    refused = run.requests["status"] == "too many requests"
    greedy = np.array([run.plan.attributes.user(run.seed, request) == 0 for request in range(len(refused))])
    assert (~refused[greedy]).sum() == pytest.approx(2 * 30 + 2, abs=1), "its bucket, and what fills it"
    assert refused[~greedy].mean() < 0.2


@pytest.mark.parametrize("wrong, says", [
    (lambda server: sd.at(-1, "kill", server), "seconds must be a number from 0.0"),
    (lambda server: sd.at(1, 5, server), "action must be the name of an action"),
    (lambda server: sd.at(1, "explode", server), "a server can 'kill', 'restore', 'resize'"),
    (lambda server: sd.at(1, "kill", 7), "component must be a component of the system, or its name"),
    (lambda server: sd.at(1, "kill", server, minutes=3), "kill takes no 'minutes'"),
    (lambda server: sd.at(1, "upgrade", server, cpus=0), "cpus must be a whole number from 1"),
    (lambda server: sd.at(1, "kill", "nobody"), "there is no such component in the system"),
    (lambda server: 5, "schedule must be a list of changes made by sd.at")])
def test_a_wrong_change_is_told_before_anything_runs(wrong, says):
    server = steady()
    with pytest.raises(ValueError, match=says):
        change = wrong(server)
        sd.simulate(server, sd.Clients(users=1), schedule=change if change == 5 else [change])


def test_every_kind_has_all_its_faces():
    for kind in KINDS:
        assert issubclass(kind, Component) and kind.shape and isinstance(kind.shown, tuple)
        assert all(hasattr(kind.Here, name) for name, step in kind.actions.items() if step), kind
        assert not kind.own or kind.own_name
        assert set(kind.counts) <= {name for name, _ in kind.own}
    assert kinds_in([]) == KINDS and len(set(steps_of(KINDS))) == len(steps_of(KINDS))
