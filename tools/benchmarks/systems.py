"""The systems that are measured, at 80 % load, on either of our engines."""

import numpy as np

import sdlib as sd
from sdlib.engine import compiled
from sdlib.engine.arrivals import arrival_times
from sdlib.engine.plan import plan
from sdlib.kernel.statuses import OK
from sdlib.lessons.shop import PAGES
from tools.benchmarks.pairs import Measured, timed

CORES, SERVICE_S, LOAD = 4, 0.010, 0.8
ARRIVALS_PER_S = LOAD * CORES / SERVICE_S
MACHINES = 5
MESSAGES_PER_S = 1_000
SECONDS_PER_MINUTE, REQUESTS_PER_MINUTE = 60, 4


def one_server():
    """M/M/4: one server of four cores."""
    return sd.Server(cpus=CORES, ram_gb=4), crowd(ARRIVALS_PER_S)


def shop():
    """Load balancer -> 5 servers x 4 cores -> one LRU cache for all -> a database with 16 connections."""
    server = sd.Server(cpus=CORES, ram_gb=4, calls=[sd.Cache(sd.Database(connections=16))])
    return sd.LoadBalancer([server] * MACHINES), crowd(MACHINES * ARRIVALS_PER_S)


def messages():
    """A queue with retries and dead letters: of 1,000 messages per second 30 % fail at each of up to three attempts."""
    work_s, attempts = 0.1, 1 + 0.3 + 0.09
    worker = sd.Worker(count=round(MESSAGES_PER_S * attempts * work_s / LOAD), work_ms=1000 * work_s, failure_rate=0.3)
    return sd.Queue(worker, retry=sd.Retry(2, "zero, then exponential")), crowd(MESSAGES_PER_S)


def whole_shop():
    """The course's last system, from the CDN to databases and queues: a million users in 48 countries."""
    return sd.shop(19), sd.Clients(users=1_000_000, routes=PAGES, countries=sd.data.crowd())


def crowd(arrivals_per_s):
    """Clients that send so many requests per second."""
    return sd.Clients(users=round(arrivals_per_s * SECONDS_PER_MINUTE / REQUESTS_PER_MINUTE),
                      requests_per_minute=REQUESTS_PER_MINUTE)


def simulate(parts, requests, engine="compiled", seed=1):
    """The whole call of `sd.simulate`, from the checked arguments to the Run, as Measured."""
    system, clients = parts
    length_s = requests / clients.requests_per_second
    seconds, run = timed(lambda: sd.simulate(system, clients, seconds=length_s, seed=seed, engine=engine))
    rows = run.records.requests
    rows = rows[rows["status"] == OK]
    return Measured(seconds, len(run.records.requests), float(np.mean(rows["finished_s"] - rows["arrived_s"])))


def simulate_traced(parts, requests, seed=1):
    """The same run while every step is written down, as Measured."""
    system, clients = parts
    length_s = requests / clients.requests_per_second
    asked, arrived_s = plan(system, clients), arrival_times(clients, length_s, seed)
    seconds, records = timed(lambda: compiled.run(asked, arrived_s, length_s, seed, traced=True))
    rows = records.requests[records.requests["status"] == OK]
    return Measured(seconds, len(records.requests), float(np.mean(rows["finished_s"] - rows["arrived_s"])))
