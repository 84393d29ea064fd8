"""A website whose timeout a learner's policy sets, on a good day and on a bad one: lesson 07's medium exercise."""

from typing import NamedTuple

import numpy as np

from sdlib.components.calls import Call
from sdlib.components.clients import Clients
from sdlib.components.gateway import Gateway
from sdlib.components.service import Service
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, number, shown

PLENTY = 10_000                  # cores and GB of what is not to be short
PAGE_MS, HANGS_MS = 10.0, 3_600_000.0
SHORTEST_S, LONGEST_S = 0.001, 86_400.0
FEWEST_PAYMENTS = 98.0           # percent, on a good day
QUICK_MS, FEWEST_QUICK = 200.0, 99.0   # percent of the other pages, on a bad day
WATCHED_S, MOST_WATCHED_S = 60.0, 300.0


class Website(NamedTuple):
    """A website, what it is asked for, and how long payment takes when it is well."""

    label: str
    threads: int
    pages_per_s: float           # that do not need payment
    payments_per_s: float
    usual_p99_s: float           # 99 of 100 payments take less, on a good day
    seed: int


class Days(NamedTuple):
    """What the users saw: with payment well, and with payment that hangs."""

    timeout_s: float
    payments_percent: float      # answered, on the good day
    quick_percent: float         # other pages answered within QUICK_MS, on the bad day


def serve(timeout_s, website):
    """A good day and a bad day with the timeout that the policy gives for this website."""
    timeout = _checked(timeout_s(website.threads, website.payments_per_s, website.usual_p99_s))
    good, bad = (_day(website, timeout, payment_ms) for payment_ms in (
        1000 * website.usual_p99_s / np.log(100), HANGS_MS))
    payments = good.loc[(good["route"] == "/payment") & (good["status"] != "in flight"), "status"]
    pages = bad[bad["route"] == "/page"]
    quick = (pages["status"] == "ok") & (pages["latency_ms"] <= QUICK_MS)
    return Days(timeout, 100 * float((payments == "ok").mean()), 100 * float(quick.mean()))


def _day(website, timeout_s, payment_ms):
    """The requests of a day with a payment service that takes so long on average."""
    pages = Service(PLENTY, PLENTY, PAGE_MS, threads=None, name="pages")
    payment = Service(PLENTY, PLENTY, payment_ms, threads=None, name="payment")
    services = Gateway({"/page": pages, "/payment": payment}, check_ms=0, name="paths")
    front = Service(4, 8, 1, threads=website.threads, calls=[Call(services, timeout_s)], name="website")
    rate_per_s = website.pages_per_s + website.payments_per_s
    crowd = Clients(users=round(rate_per_s), requests_per_minute=60,
                    routes={"/page": website.pages_per_s, "/payment": website.payments_per_s})
    seconds = min(MOST_WATCHED_S, max(WATCHED_S, 3 * timeout_s))
    return simulate(front, crowd, seconds=seconds, seed=website.seed).requests


def _checked(value):
    timeout_s = number(value)
    if not SHORTEST_S <= timeout_s <= LONGEST_S:
        raise WrongKind(f"You gave {shown(value)}. A timeout is from {SHORTEST_S:g} to {LONGEST_S:,.0f} seconds.")
    return timeout_s
