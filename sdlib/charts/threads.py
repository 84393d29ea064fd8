"""Lesson 7's chart: how many threads of the website are held, by how long it waits for an answer."""

import math

import numpy as np

from sdlib.charts.parts import kept
from sdlib.charts.theme import INK, Plot, above, line, runs_so_far, this_run
from sdlib.charts.words import number
from sdlib.engine.records import SAMPLES
from sdlib.results.run import check_run

TIMEOUTS_S = np.logspace(-1, np.log10(30), 60)
OTHER_PAGES_MS = {"/user": 7.0, "/product": 12.0, "/order": 31.0}  # what they take while nothing waits
LAST = 0.25  # of the time until the website crashes, or the run ends
WEBSITE, PAYMENT = "website", "payment"
BUSY = 1  # the place of that count in a sample


def threads_held(run, settings, trail=None):
    """Threads held against the timeout: what Little's law says, what runs showed, and how many there are.

    settings: users, cpus, product, timeout_s, as the panel has them. trail: a list that keeps the points of
    runs that differ in the timeout alone.
    """
    check_run("threads_held", run)
    timeout_s, there_are = settings["timeout_s"], _capacity(run)
    held = held_at_the_end(run)
    same = tuple(settings[name] for name in ("users", "cpus", "product"))
    points = kept([] if trail is None else trail, same, (timeout_s, held))
    wanted = [threads_wanted(run, timeout) for timeout in TIMEOUTS_S]
    ends_s = [TIMEOUTS_S[0], TIMEOUTS_S[-1]]
    traces = [line("rate x time", TIMEOUTS_S, wanted),
              line(f"all {there_are}", ends_s, [there_are] * 2, INK, "dot"),
              runs_so_far(points),
              this_run(timeout_s, held)]
    said = f"timeout {number(timeout_s)} s, {number(held)} of {there_are} threads held"
    return Plot(traces, f"Threads of the website that are held, against the timeout: {said}.",
                {"type": "log", "title": {"text": "timeout (s)"}, "range": [-1.05, 1.6],
                 "tickvals": [0.1, 0.3, 1, 3, 10, 30], "ticktext": ["0.1", "0.3", "1", "3", "10", "30"]},
                {"title": {"text": "threads held"}, "range": [0, 2 * there_are]},
                notes=[above(f"<b>you are here:</b> {said.replace(', ', ',<br>')}")])


def threads_wanted(run, timeout_s):
    """Little's law: for each page its rate times how long it holds a thread, added up."""
    rate_per_s, shares = run.clients.requests_per_second, dict(run.clients.routes)
    whole = sum(shares.values())
    others = sum(shares[page] / whole * held_ms / 1000 for page, held_ms in OTHER_PAGES_MS.items())
    payments = shares["/payment"] / whole
    return rate_per_s * (others + payments * _payment_holds_s(run, rate_per_s * payments, timeout_s))


def _payment_holds_s(run, rate_per_s, timeout_s):
    """A payment's own time, cut off at the timeout; where payment cannot keep up, all wait for the whole timeout."""
    payment = next(node.component for node in run.nodes if node.name == PAYMENT)
    own_s = payment.service_ms / 1000
    if rate_per_s * own_s >= payment.cpus:
        return timeout_s
    return own_s * (1 - math.exp(-timeout_s / own_s))


def held_at_the_end(run):
    """Threads held on average in the last quarter of the time until the website crashes, or the run ends."""
    names = [node.name for node in run.nodes]
    incidents, seconds = run.records.incidents, np.arange(SAMPLES) * (run.seconds / SAMPLES)
    end_s = min([run.seconds, *incidents["time_s"][incidents["node"] == names.index(WEBSITE)]])
    busy = run.records.samples[:, names.index(f"{WEBSITE} threads"), BUSY]
    return float(busy[(seconds >= (1 - LAST) * end_s) & (seconds <= end_s)].mean())


def _capacity(run):
    return int(run.records.stations["capacity"][[node.name for node in run.nodes].index(f"{WEBSITE} threads")])
