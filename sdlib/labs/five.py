"""The lab of lesson 5: five real servers, requests by turn, and one of the five is killed and comes back."""

import json
import sys
from contextlib import contextmanager

import numpy as np

from sdlib.components.checks import check_number, complain
from sdlib.labs.faults import check_open_files, in_words
from sdlib.labs.recordings import recorded
from sdlib.labs.result import LabResult
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.web import (
    CLIENT_TIMEOUT_S,
    ON_THE_WAY_S,
    LoadResult,
    WebServer,
    check_load,
    poisson_arrivals,
    records,
    start_clients,
)

SERVERS, KILLED = 5, 3              # the third of them is killed
MOST_PERCENT = 70                   # of the capacity: the lab is about death, not about queues
RAM_REQUESTS = 512


@recorded()
def one_of_five(requests_per_s=150, seconds=4, restart_s=1.5, service_ms=10.0, seed=1):
    """Lesson 5: five real servers of one worker each, and a client that hands requests out by turn.

    One of them is killed (kill -9) after a quarter of the time, and started again restart_s later. requests_per_s: of
    all five together, up to 70 % of their capacity; seconds, seed: as for `WebServer.load`; the rest as for
    `web_server`. They share one database, a file. Returns a LabResult, a load for each server.
    """
    plan = _checked(requests_per_s, seconds, restart_s, service_ms, seed)
    arrivals_s = poisson_arrivals(requests_per_s, seconds, seed)
    with _running(plan) as servers:
        loads = _loaded(servers, arrivals_s, seed, stop_at_s=seconds / 4)
    return LabResult(loads, _claims(loads),
                     "One of five real servers was killed. Of the requests that came while it was away a fifth failed, "
                     "those whose turn it was; the four others answered all of theirs.", axis="server")


@contextmanager
def _running(plan):
    """Five servers in one folder, and the clients' process."""
    check_open_files(SERVERS * (RAM_REQUESTS + 3))
    with Stage() as stage, StatusLine(f"{SERVERS} real web servers on 127.0.0.1") as status:
        with in_words("the web servers could not be started"):
            plans = [{**plan, "port": stage.reserve_port()} for _ in range(SERVERS)]
            started = [stage.start([sys.executable, "-m", "sdlib.labs.server", json.dumps(one)], log=f"{number}.log")
                       for number, one in enumerate(plans, start=1)]
            sender = start_clients(stage)
            servers = [WebServer(stage, process, sender, one, status)
                       for process, one in zip(started, plans, strict=True)]
            for server in servers:
                server.wait_until_up()
        yield servers


def _loaded(servers, arrivals_s, seed, stop_at_s):
    """Send the requests, by turn, and kill one of the servers meanwhile: dict of its number to its LoadResult."""
    plan = {"urls": [server.url for server in servers], "seed": seed, "timeout_s": CLIENT_TIMEOUT_S,
            "arrivals_s": arrivals_s.tolist()}
    victim = servers[KILLED - 1]
    with in_words("the load could not be sent"):
        victim.order(plan)
        down = {victim: [victim.restart(stop_at_s)]}
        answers = victim.told("answers", f"one of {SERVERS} was killed and is back")
        return {number: _of_one(server, arrivals_s[number - 1::SERVERS], answers[number - 1::SERVERS],
                                down.get(server, []))
                for number, server in enumerate(servers, start=1)}


def _of_one(server, arrivals_s, answers, down):
    server.wait_until_up()
    counted = server.seen()
    seen = dict.fromkeys(counted, np.nan) if down else counted
    return LoadResult(records(arrivals_s, answers), {**server.plan, "down": down}, server.crashes(), **seen)


def _claims(loads):
    (stopped_s, up_s), = loads[KILLED].server["down"]
    killed = loads[KILLED].requests
    failed_s = loads[KILLED].ended_s[killed["status"] != "ok"]
    meanwhile = sum(int(load.requests["intended_s"].between(stopped_s, up_s).sum()) for load in loads.values())
    afterwards = killed.loc[killed["intended_s"] > up_s + 0.5, "status"]
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("the four others answered every request of theirs",
             all(len(load.answered) == len(load.requests) for number, load in loads.items() if number != KILLED)),
            ("whoever failed did so while the killed one was away",
             failed_s.between(stopped_s - ON_THE_WAY_S, up_s + ON_THE_WAY_S).all()),
            (f"one in {SERVERS} of those who came meanwhile failed", 4 <= meanwhile / max(len(failed_s), 1) <= 6),
            ("half a second after the restart it answered all again", (afterwards == "ok").all() and len(afterwards))]


def _checked(requests_per_s, seconds, restart_s, service_ms, seed):
    """The plan that all five servers have, or ValueError."""
    def number(name, value, low, high, example, unit, whole=False):
        return check_number("lab.one_of_five", name, value, low=low, high=high, example=example, unit=unit, whole=whole)
    rate, length_s = check_load(requests_per_s, seconds)
    service_ms = number("service_ms", service_ms, 1, 50, 10, "ms")
    restart_s = number("restart_s", restart_s, 1, 10, 1.5, "s")
    most_per_s = MOST_PERCENT * SERVERS * 10 / service_ms
    if not 50 <= rate <= most_per_s:
        complain("lab.one_of_five", "requests_per_s", requests_per_s, f"from 50 to {most_per_s:g}, {MOST_PERCENT} % of "
                 "what the five can do", 150)
    number("seconds", length_s, 4 / 3 * (restart_s + 1.4), 60, 4, "s: room for the restart and for what comes after")
    return {"cpus": 1, "service_ms": service_ms, "ram_requests": RAM_REQUESTS, "restart_s": restart_s,
            "seed": number("seed", seed, 0, 2**32 - 1, 1, "", whole=True)}
