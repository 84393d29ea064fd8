"""What lesson 14 claims, across seeds: a proxy keeps pictures for the servers, and nobody's details for another."""

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.in_front import answered_in_front_percent, left_for_the_servers, left_per_s
from sdlib.lessons.lesson_14 import GOALS, leaks, pages
from sdlib.theory import che_hit_ratio, confidence_interval, zipf_shares

SEEDS = range(20)
CAPACITY = 1_000


def servers(machines=4):
    one = sd.Server(cpus=4, ram_gb=4, calls=[sd.Database(64)], name="server")
    return sd.LoadBalancer([one] * machines, policy="least_connections", name="balancer")


def proxy(capacity=CAPACITY, machines=4, **more):
    return sd.ReverseProxy(servers(machines), **{"caches": {"/static": 3600}} | more, capacity=capacity)


def crowd(users=30_000, static=0.6, **more):
    return sd.Clients(users=users, routes=pages(static), **more)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_breaks_four_servers_is_calm_behind_a_proxy(seed):
    alone = sd.simulate(servers(), crowd(), seconds=30, seed=seed).measures()
    behind = sd.simulate(proxy(), crowd(), seconds=30, seed=seed).measures()
    assert alone["error_percent"] > 50
    assert behind["failed"] == 0 and behind["p99_ms"] < alone["p99_ms"] / 5


def test_the_tenth_picture_is_asked_for_a_sixth_as_often_as_the_first_and_the_hundredth_a_fortieth():
    clients = crowd()
    shares = zipf_shares(clients.objects, clients.skew)
    assert shares[0] / shares[9] == pytest.approx(6, rel=0.1) and shares[0] / shares[99] == pytest.approx(40, rel=0.01)


@pytest.mark.parametrize("capacity", [300, 1_000, 3_000])
def test_the_load_behind_falls_by_the_share_of_hits(capacity):
    runs = [sd.simulate(proxy(capacity, machines=6), crowd(), seconds=40, seed=seed) for seed in SEEDS]
    hits = confidence_interval([answered_in_front_percent(run) for run in runs], level=0.99)
    expected = 60 * che_hit_ratio(objects=10_000, skew=0.8, capacity=capacity)
    assert hits.low - 0.1 <= expected <= hits.high + 0.1  # Che's own error is below 0.1 percentage points here
    for run in runs:
        assert left_per_s(run) == pytest.approx(
            (1 - answered_in_front_percent(run) / 100) * np.mean(run.requests["arrived_s"] >= 20) * len(run.requests)
            / 20)


@pytest.mark.parametrize("seed", SEEDS)
def test_user_details_leak_unless_private_is_respected(seed):
    customers = sd.Clients(users=1_000, routes={"/user": 1}, objects=1)
    told, respected = (sd.simulate(proxy(caches={"/static": 3600, "/user": 60}, private=["/user"],
                                         respects_private=respects), customers, seconds=60, seed=seed)
                       for respects in (False, True))
    assert leaks(told) > 0.95 * told.measures()["answered"]
    assert leaks(respected) == 0 and respected.measures()["failed"] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_stale_pictures_outlive_the_servers(seed):
    away = [sd.at(20, "kill", f"server {number}", for_s=20) for number in (1, 2, 3, 4)]

    def answered(stale_s):
        run = sd.simulate(proxy(caches={"/static": 10}, stale_s=stale_s), crowd(), seconds=45, seed=seed, schedule=away)
        late = run.requests.query("31 < arrived_s < 39")  # whatever was kept at second 20 is past its time
        return late["status"].eq("ok").groupby(late["route"], observed=True).mean()
    assert answered(60)["/static"] > 0.4
    assert answered(None)["/static"] == 0
    assert answered(60)["/product"] == answered(60)["/user"] == 0


def test_the_panel_and_its_goals():
    plot = left_for_the_servers(sd.simulate(proxy(), crowd(), seconds=30, seed=0), {"static": 0.6, "capacity": 1_000})
    assert "reach the servers" in plot.alt
    settings = {"users": 30_000, "static": 0.6, "capacity": 1_000}

    def attempt(place, **changed):
        wish = settings | changed
        run = sd.simulate(proxy(wish["capacity"]), crowd(wish["users"], wish["static"]), seconds=30, seed=0)
        return GOALS[place].reached(run, wish)
    assert any(attempt(0, capacity=size) is True for size in (500, 600, 700, 800, 900))
    assert attempt(0, capacity=100) is not True and attempt(0, capacity=10_000) is not True
    assert any(attempt(1, users=40_000, capacity=10_000, static=share) is True for share in (0.5, 0.55))
    assert attempt(1, users=40_000, capacity=10_000, static=0.9) is not True
    assert attempt(1, users=40_000, capacity=10_000, static=0.3) is not True
    assert any(attempt(2, users=users) is True for users in (30_000, 31_500, 33_000))
    assert attempt(2, users=20_000) is not True and attempt(2, users=60_000) is not True
    assert not any(attempt(place, users=25_000) is True for place in range(3)), "the panel starts there"


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_a_server_that_crashed_gets_most_requests_and_the_others_stand_idle(seed):
    """The panel's text: it refuses at once, and so has the fewest open requests; the tile "busy" falls."""
    run = sd.simulate(proxy(), crowd(60_000), seconds=30, seed=seed)
    machines = run.stations.loc[[f"server {number}" for number in (1, 2, 3, 4)]]
    assert 1 <= machines["crashes"].sum() <= 2 and machines["refused"].max() > 0.9 * run.measures()["failed"] > 30_000
    assert run.measures()["utilization_percent"] < 40
