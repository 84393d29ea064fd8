"""Clients and their retries against a published contention model (M. Brooker's, in oracles/backoff.csv).

Each client reads a row's version, writes, and fails if somebody else wrote in between; then it waits and begins again.
The row is a component of its own; crowd, retries, backoff and jitter are those of every lesson. Each message takes
N(10, 2) ms.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

import sdlib as sd
from sdlib.components.server import ServerHere
from sdlib.kernel.statuses import OK, REFUSED

TRIALS = 8
HOP_MS = NormalDist(10, 2)
PART_HOP = 40          # of the draws: the four messages of an attempt
RETRIES = {"Exponential": {}, "EqualJitter": {"jitter": "equal"}, "FullJitter": {"jitter": "full"},
           "Decorr": {"jitter": "decorrelated", "first_s": 0.005}, "None": {"backoff": "none"}}


class RowHere(ServerHere):
    """The row, as the requests find it."""

    version = 0

    def messages(self, request, first, last):
        """The event that comes when so many of the attempt's messages have arrived."""
        hops_ms = (abs(HOP_MS.inv_cdf(self.die(request, PART_HOP + hop))) for hop in range(first, last))
        return self.sleep(request, sum(hops_ms) / 1000)


@dataclass(frozen=True, eq=False)
class Row(sd.Server):
    """Optimistic concurrency: a write counts if the version is still the one that was read."""

    Here = RowHere

    def process(self, here, request):
        yield here.messages(request, 0, 1)
        read = here.version
        yield here.messages(request, 1, 3)
        is_unchanged = here.version == read
        here.version += is_unchanged
        yield here.messages(request, 3, 4)
        return OK if is_unchanged else REFUSED


@cache
def contended(clients, algorithm):
    """(mean calls, mean ms until the last one is through) of so many clients who begin at the same moment."""
    retry = sd.Retry(**{"times": 100, "first_s": 0.010, "most_s": 2.0} | RETRIES[algorithm])
    crowd = sd.Clients(users=clients, arrivals_s=[0.0] * clients, retry=retry)
    tables = [sd.simulate(Row(cpus=1, ram_gb=100), crowd, seconds=200, seed=seed, engine="reference").requests
              for seed in range(TRIALS)]
    assert all((table["status"] == "ok").all() for table in tables)
    return (np.mean([table["attempts"].sum() for table in tables]),
            np.mean([1000 * table["finished_s"].max() for table in tables]))


def published(clients, column):
    with (Path(__file__).parents[1] / "oracles" / "backoff.csv").open() as lines:
        return {row["algorithm"]: float(row[column]) for row in csv.DictReader(lines) if int(row["clients"]) == clients}


@pytest.mark.parametrize("algorithm", RETRIES)
@pytest.mark.parametrize("clients", [50, 100])
def test_as_many_calls_as_published(clients, algorithm):
    calls, _ = contended(clients, algorithm)
    assert calls == pytest.approx(published(clients, "mean_calls")[algorithm], rel=0.05)


@pytest.mark.parametrize(("measure", "column"), [(0, "mean_calls"), (1, "mean_time_ms")])
def test_the_five_strategies_in_their_published_order(measure, column):
    expected = published(100, column)
    found = {algorithm: contended(100, algorithm)[measure] for algorithm in RETRIES}
    assert sorted(found, key=found.get) == sorted(expected, key=expected.get)
