"""The same customers with the same work after a slider has moved; the same table in another process."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sdlib as sd

ROOT = Path(__file__).parents[2]
PRINT_DIGESTS = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_common_random_numbers import digest
print(digest())
"""


def rows_of(system, clients, seconds=30, seed=3):
    return sd.simulate(system, clients, seconds=seconds, seed=seed).records.requests


def shop(cpus=4, **knobs):
    return sd.Server(cpus=cpus, ram_gb=100, calls=[sd.Database()], **knobs)


@pytest.mark.parametrize("name, value", [("cpus", 1), ("cpus", 16), ("ram_gb", 50), ("restart_s", 1)])
def test_the_same_customers_arrive_whatever_the_machine(name, value):
    before = rows_of(shop(), sd.Clients(users=1_000))
    after = rows_of(sd.Server(**{"cpus": 4, "ram_gb": 100} | {name: value}), sd.Clients(users=1_000))
    assert np.array_equal(before["arrived_s"], after["arrived_s"])


def test_the_same_work_whatever_the_number_of_cores():
    """Without queueing the latency is the work: no core count changes it."""
    clients = sd.Clients(users=300)
    few, many = rows_of(shop(cpus=1_000), clients), rows_of(shop(cpus=100_000), clients)
    assert np.array_equal(few["finished_s"], many["finished_s"])
    crowded = rows_of(shop(cpus=1), clients)
    done = crowded["status"] == 1
    assert (crowded["finished_s"][done] >= few["finished_s"][done]).all()
    assert (crowded["finished_s"][done] > few["finished_s"][done]).any()


def test_twice_the_mean_is_twice_the_work_for_everyone():
    one = rows_of(sd.Server(cpus=1_000, ram_gb=100, service_ms=1_024), sd.Clients(users=100))
    two = rows_of(sd.Server(cpus=1_000, ram_gb=100, service_ms=2_048), sd.Clients(users=100))
    latency, double = one["finished_s"] - one["arrived_s"], two["finished_s"] - two["arrived_s"]
    both = ~np.isnan(latency) & ~np.isnan(double)
    assert both.sum() > 100
    assert double[both] == pytest.approx(2 * latency[both], rel=1e-12)


def test_a_part_added_behind_leaves_the_other_draws_alone():
    base = rows_of(sd.Server(cpus=1_000, ram_gb=100, calls=[sd.Database(1_000)]), sd.Clients(users=100))
    more = rows_of(sd.Server(cpus=1_000, ram_gb=100,
                             calls=[sd.Database(1_000), sd.Database(1_000, query_ms=5, distribution="constant")]),
                   sd.Clients(users=100))
    both = ~np.isnan(base["finished_s"]) & ~np.isnan(more["finished_s"])
    assert (more["finished_s"] - base["finished_s"])[both] == pytest.approx(0.005, rel=1e-9)


def test_twice_the_users_squeeze_the_same_crowd():
    one = rows_of(shop(), sd.Clients(users=512), seconds=60)
    two = rows_of(shop(), sd.Clients(users=1_024), seconds=30)
    assert len(one) == len(two)
    assert np.array_equal(one["arrived_s"], 2 * two["arrived_s"])


def test_a_longer_run_begins_like_the_shorter_one():
    short, long = rows_of(shop(), sd.Clients(users=500), 10), rows_of(shop(), sd.Clients(users=500), 20)
    beginning = long[:len(short)]
    assert np.array_equal(short["arrived_s"], beginning["arrived_s"])
    done = short["status"] == 1
    assert np.array_equal(short["finished_s"][done], beginning["finished_s"][done])


def test_another_seed_is_another_crowd():
    one, other = (rows_of(shop(), sd.Clients(users=500), seed=seed) for seed in (1, 2))
    assert not np.intersect1d(one["arrived_s"], other["arrived_s"]).size


def digest():
    """A digest of all records of a system with every component."""
    queue = sd.Queue(sd.Worker(count=2, failure_rate=0.3), visibility_timeout_s=0.5)
    server = sd.Server(cpus=2, ram_gb=0.1, service_ms=20, restart_s=1, distribution="hyperexponential-4",
                       calls=[sd.Cache(sd.Database(distribution="erlang-4"), capacity=50, ttl_s=2), queue])
    clients = sd.Clients(users=2_000, timeout_s=0.3, objects=500,
                         retry=sd.Retry(3, jitter="decorrelated"))
    records = sd.simulate(sd.LoadBalancer([server] * 3, policy="random"), clients, seconds=20, seed=9).records
    parts = [records.requests[name].tobytes() for name in records.requests.dtype.names]
    parts += [records.messages[name].tobytes() for name in records.messages.dtype.names]
    parts += [records.stations[name].tobytes() for name in sorted(records.stations)] + [records.samples.tobytes()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_the_same_seed_gives_the_same_table_in_fresh_processes():
    command = [sys.executable, "-c", PRINT_DIGESTS, str(Path(__file__).parent)]
    printed = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True,
                              env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}).stdout.strip()
               for hash_seed in ("1", "2")]
    assert printed == [digest()] * 2
