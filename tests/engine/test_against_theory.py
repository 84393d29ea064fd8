"""The simulation against closed forms: every claim with an interval that is narrow enough to fail.

Each row is estimated from SEEDS independent runs. A family of k intervals holds together at 95 % when each has the
level 1 - 5 %/k (Bonferroni): 27 rows with four measures need 99.95 % each. The intervals are wider for it, so each
test also asserts how narrow they are. Seeds are fixed: a test fails always or never.
"""

import csv
import math
from pathlib import Path

import numba
import numpy as np
import pytest

import sdlib as sd
from sdlib.kernel.draws import child_place, duration
from sdlib.kernel.statuses import DISTRIBUTIONS, OK

SEEDS = 20
SERVICE_MS = 1000.0
ENOUGH_RAM_GB = 100_000
ROOT_PLACE, FIRST_ATTEMPT = child_place(0, 0), 1
NOTHING_MS = 1e-3  # waits are differences of times up to 1e6 s, so a millionth of a service is no wait
SQUARED_CV = {"constant": 0.0, "erlang-4": 0.25, "exponential": 1.0, "hyperexponential-4": 4.0}


def oracle(name):
    with (Path(__file__).parents[1] / "oracles" / name).open() as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


MMC_ROWS = [row for row in oracle("mmc.csv") if row["servers_c"] <= 20]
MMC_MEASURES = {"mean wait": 0.08, "share that waits": 0.03, "p95 wait": 0.08, "p99 wait": 0.13}  # and how narrow
MMC_INTERVALS = len(MMC_MEASURES) * len(MMC_ROWS)


@numba.njit
def services_ms(kind, seed, requests):
    """What each request drew at the root of the system on its first attempt."""
    drawn = np.empty(requests)
    for request in range(requests):
        drawn[request] = 1000 * duration(SERVICE_MS / 1000, kind, seed, request, ROOT_PLACE, FIRST_ATTEMPT)
    return drawn


def crowd(rate_per_s, **knobs):
    return sd.Clients(users=1_000, requests_per_minute=rate_per_s * 60 / 1_000, **knobs)


def waits_ms(load, cpus, requests, seed, distribution="exponential"):
    """The waits of a queue in its steady state.

    Left out are the first 5 %, at least ten relaxation times 1 / (mu c (1 - sqrt(rho))^2) long, in which the queue
    fills (what is left of the empty start is then e^-10), and the last 5 %, of which some are still in flight.
    """
    rate_per_s = load * cpus * 1000 / SERVICE_MS
    server = sd.Server(cpus=cpus, ram_gb=ENOUGH_RAM_GB, service_ms=SERVICE_MS, distribution=distribution)
    rows = sd.simulate(server, crowd(rate_per_s), seconds=requests / rate_per_s, seed=seed).records.requests
    margin = len(rows) // 20
    assert margin > 10 * load / (1 - math.sqrt(load)) ** 2, "the start must be over"
    measured = slice(margin, len(rows) - margin)
    assert (rows["status"][measured] == OK).all(), "all that is measured must be over"
    latency_ms = 1000 * (rows["finished_s"] - rows["arrived_s"])
    wait_ms = (latency_ms - services_ms(DISTRIBUTIONS.index(distribution), seed, len(rows)))[measured]
    assert wait_ms.min() > -NOTHING_MS
    return wait_ms


def interval(values, intervals):
    """The interval of the mean whose family of so many holds together at 95 %."""
    return sd.theory.confidence_interval(values, 1 - 0.05 / intervals)


def assert_agrees(name, values, expected, intervals, narrow):
    """The interval holds the expected value, and is narrower than this share of it on either side."""
    found = interval(values, intervals)
    print(f"{name:34} theory {expected:10.5f}   simulated {found.mean:10.5f} +- {found.half_width:8.5f} "
          f"({100 * found.half_width / expected:.1f} %)")
    assert found.low <= expected <= found.high, f"{name}: {expected} is not within {found.low} .. {found.high}"
    assert found.half_width < narrow * expected, f"{name}: +- {found.half_width} says little about {expected}"


@pytest.mark.parametrize("row", MMC_ROWS, ids=lambda row: f"c={row['servers_c']:g} rho={row['rho']}")
def test_mmc(row):
    load, cpus = row["rho"], int(row["servers_c"])
    requests = 800_000 if load > 0.9 else 200_000
    few_wait = row["erlangC_wait_prob"] < 0.06  # their waits vary more
    found = np.array([measure_waits(waits_ms(load, cpus, requests, seed)) for seed in range(SEEDS)]).T
    expected = [row[name] for name in ("Wq_over_S", "erlangC_wait_prob", "wait_p95_over_S", "wait_p99_over_S")]
    for (name, narrow), values, value in zip(MMC_MEASURES.items(), found, expected):
        label = f"M/M/{cpus} rho {load} {name}"
        if value == 0:
            assert np.median(values) < NOTHING_MS / SERVICE_MS, label
        else:
            assert_agrees(label, values, value, MMC_INTERVALS, 0.25 if few_wait else narrow)


def measure_waits(wait_ms):
    p95, p99 = np.quantile(wait_ms, (0.95, 0.99))
    return wait_ms.mean() / SERVICE_MS, np.mean(wait_ms > NOTHING_MS), p95 / SERVICE_MS, p99 / SERVICE_MS


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_pollaczek_khinchine(distribution):
    expected = sd.theory.mg1(0.8, SERVICE_MS, SQUARED_CV[distribution]).mean_wait_ms
    means_ms = [waits_ms(0.8, 1, 400_000, seed, distribution).mean() for seed in range(SEEDS)]
    assert_agrees(f"M/G/1 {distribution}", means_ms, expected, len(DISTRIBUTIONS), 0.04)


@pytest.mark.parametrize("row", oracle("cache_che_oracle.csv"),
                         ids=lambda row: f"skew={row['zipf_alpha']} capacity={row['cache_C']:g}")
def test_cache_hit_ratio(row):
    """The same seed gives the same beginning: a longer run minus a shorter one is the part after the warm-up."""
    cache = sd.Cache(sd.Database(query_ms=0), capacity=int(row["cache_C"]), lookup_ms=0)
    clients = crowd(1_000, objects=int(row["objects_N"]), skew=row["zipf_alpha"])
    short, long = (sd.simulate(cache, clients, seconds=seconds, seed=1).stations.loc["cache", ["hits", "misses"]]
                   for seconds in (150, 650))
    hits, misses = (long - short).astype(float)
    assert hits + misses > 490_000
    assert hits / (hits + misses) == pytest.approx(row["che_hit"], abs=0.01)
    assert hits / (hits + misses) == pytest.approx(row["lru_sim_hit"], abs=0.005)


def test_littles_law_is_exact():
    """In a run that ends empty the area under "how many are inside" is the sum of all latencies: with times that are
    multiples of 1/4 s to the last bit, at random up to rounding."""
    arrivals_s = np.sort(np.random.default_rng(1).integers(0, 400, 500)) / 4
    server = sd.Server(cpus=2, ram_gb=ENOUGH_RAM_GB, service_ms=250, distribution="constant")
    area, latencies = area_and_latencies(server, sd.Clients(users=1, arrivals_s=arrivals_s), 1_000)
    assert area == latencies
    server = sd.Server(cpus=2, ram_gb=ENOUGH_RAM_GB, service_ms=250)
    area, latencies = area_and_latencies(server, crowd(7.5, profile=[(0, 1), (1_000, 0)]), 10_000)
    assert area == pytest.approx(latencies, rel=1e-12)


def area_and_latencies(server, clients, seconds):
    run = sd.simulate(server, clients, seconds=seconds)
    assert (run.requests["status"] == "ok").all()
    station = run.stations.iloc[0]
    in_system = station["mean_queue"] + station["utilization"] * station["capacity"]
    return in_system * seconds, (run.requests["finished_s"] - run.requests["arrived_s"]).sum()


def test_overload_grows_the_queue_by_what_is_too_much():
    """500 arrive and 400 can be served each second."""
    server = sd.Server(cpus=4, ram_gb=ENOUGH_RAM_GB, service_ms=10)
    runs = (sd.simulate(server, crowd(500), seconds=100, seed=seed) for seed in range(SEEDS))
    inside = (run.timeline(every_s=1)["in_system"] for run in runs)
    growth = [(table[99] - table[29]) / 70 for table in inside]
    assert_agrees("growth of the queue", growth, 500 - 400, 1, 0.03)


@pytest.mark.parametrize("ram_gb, runs", [(4, 400), (40, 60)])
def test_memory_is_full_when_theory_says(ram_gb, runs):
    """The formula leaves out chance, which moves single crashes by much and their mean by less than the interval."""
    expected = sd.theory.seconds_until_memory_is_full(500, 10, 4, ram_gb, 8)
    server = sd.Server(cpus=4, ram_gb=ram_gb, service_ms=10)
    crashes_s = []
    for seed in range(runs):
        rows = sd.simulate(server, crowd(500), seconds=2.5 * expected, seed=seed).records.requests
        lost = rows["finished_s"][rows["status"] == 3]
        assert len(lost), "every run must crash"
        crashes_s.append(lost.min())
    assert_agrees(f"crash with {ram_gb} GB", crashes_s, expected, 2, 0.03)


def test_one_queue_beats_five_and_turns_beat_dice():
    """5 servers with 4 cores: random makes five M/M/4 of them, one queue for all an M/M/20."""
    found = {}
    for policy in ("random", "round_robin", "pooled_queue"):
        farm = sd.LoadBalancer([sd.Server(cpus=4, ram_gb=ENOUGH_RAM_GB, service_ms=SERVICE_MS)] * 5, policy=policy)
        means_ms = [sd.simulate(farm, crowd(16), seconds=6_000, seed=seed).summary(after_s=600)["mean_ms"].item()
                    for seed in range(SEEDS)]
        found[policy] = interval(means_ms, 3)
        print(policy, found[policy])
    assert found["random"].low > found["round_robin"].high
    assert found["round_robin"].low > found["pooled_queue"].high
    for policy, servers in (("random", 4), ("pooled_queue", 20)):
        expected = sd.theory.mmc(0.8 * servers, SERVICE_MS, servers).mean_latency_ms
        assert found[policy].low <= expected <= found[policy].high
        assert found[policy].half_width < 0.03 * expected
