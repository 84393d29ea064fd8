"""What it costs to make a system larger while it runs: a restart, one machine after another, or one machine more."""

import numpy as np
import pytest
from compare import run_both

import sdlib as sd

SEEDS = range(20)
PER_S = 100


def crowd():
    return sd.Clients(users=PER_S, requests_per_minute=60)


def unanswered(system, schedule, seed, seconds=60):
    """Requests that were refused or lost."""
    status = sd.simulate(system, crowd(), seconds=seconds, seed=seed, schedule=schedule).requests["status"]
    return int(status.isin(["refused", "lost"]).sum())


def test_a_single_machine_that_is_upgraded_loses_rate_times_window():
    server = sd.Server(cpus=4, ram_gb=4)
    upgrade = [sd.at(20, "upgrade", server, cpus=8, ram_gb=8, down_s=10)]
    lost = np.array([unanswered(server, upgrade, seed) for seed in SEEDS])
    expected = PER_S * 10 + PER_S * 0.010  # those of the window, and those in flight as it begins
    assert abs(lost.mean() - expected) < 1.96 * np.sqrt(expected / len(lost))  # arrivals are a Poisson process


def test_a_rolling_upgrade_loses_nothing_in_any_of_20_seeds():
    shop = sd.LoadBalancer([sd.Server(cpus=2, ram_gb=4)] * 3)
    upgrade = [sd.at(5, "rolling_upgrade", shop, cpus=4, ram_gb=8, down_s=10, drain_s=2)]
    assert [unanswered(shop, upgrade, seed) for seed in SEEDS] == [0] * len(SEEDS)
    run = run_both(shop, crowd(), 60, schedule=upgrade)
    assert run.stations["capacity"].tolist() == [0, 4, 4, 4]
    happened = run.incidents.groupby("what", observed=True)["station"].agg(list)
    assert happened["removed"] == ["load balancer"] * 3 == happened["added"]
    assert happened["stopped"] == ["server 1", "server 2", "server 3"] == happened["resized"]


def test_without_time_to_drain_a_rolling_upgrade_loses_what_is_in_flight():
    shop = sd.LoadBalancer([sd.Server(cpus=2, ram_gb=4, service_ms=100)] * 3)
    upgrade = [sd.at(5, "rolling_upgrade", shop, down_s=1, drain_s=0)]
    assert sum(unanswered(shop, upgrade, seed) for seed in range(5)) > 0


def test_a_machine_that_is_added_while_the_system_runs_loses_nothing_in_any_of_20_seeds():
    shop = sd.LoadBalancer([sd.Server(cpus=1, ram_gb=8)] * 2)
    more = [sd.at(0, "remove", shop, target=1), sd.at(30, "add", shop, target=1)]
    assert [unanswered(shop, more, seed) for seed in SEEDS] == [0] * len(SEEDS)
    run = run_both(shop, crowd(), 60, schedule=more)
    late = run.requests[run.requests["arrived_s"] > 31]["served_by"].value_counts(normalize=True)
    assert late["server 2"] == pytest.approx(0.5, abs=0.01)


def test_only_what_can_be_upgraded_is():
    shop = sd.LoadBalancer([sd.Database()])
    with pytest.raises(ValueError, match="target 0 is a database, which cannot be upgraded"):
        sd.at(5, "rolling_upgrade", shop)
    with pytest.raises(ValueError, match="rolling_upgrade takes no 'minutes'"):
        sd.at(5, "rolling_upgrade", sd.LoadBalancer([sd.Server(cpus=1, ram_gb=1)]), minutes=1)


def test_a_slow_service_eats_the_threads_of_its_callers_unless_they_stop_waiting():
    def failed(**patience):
        payment = sd.Service(name="payment", cpus=2, ram_gb=8, service_ms=2_000)
        order = sd.Service(name="order", cpus=4, ram_gb=8, threads=20, admits=200, calls=[sd.Call(payment, **patience)])
        shop = sd.Gateway({"/order": order, "/product": sd.Service(name="product", cpus=4, ram_gb=8)})
        clients = sd.Clients(users=60, requests_per_minute=60, routes={"/order": 1, "/product": 5}, timeout_s=1)
        run = run_both(shop, clients, 60)
        return run.stations.loc["order threads", "utilization"], run.stations.loc["order", "mean_queue"]
    waits_for_ever, _ = failed()
    gives_up, _ = failed(timeout_s=0.2)
    assert waits_for_ever > 0.95 > 0.2 > gives_up
