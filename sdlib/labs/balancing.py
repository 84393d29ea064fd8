"""The lab of lesson 6: NGINX in front of five real servers, one of them slow, under three policies."""

import json
import sys
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from sdlib.components.checks import check_number, complain
from sdlib.labs.faults import check_open_files, in_words
from sdlib.labs.nginx import nginx
from sdlib.labs.recordings import recorded
from sdlib.labs.result import LabResult
from sdlib.labs.server import drawn_ms
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.web import WebServer, ask, check_load, start_clients

SERVERS, SLOW, WORKERS = 5, 2, 2       # the third of them is slow; workers of each
RAM_REQUESTS = 512
ROUND_ROBIN, TWO, LEAST = "round robin", "two choices", "least connections"
POLICIES = {ROUND_ROBIN: ("", "round_robin"), TWO: ("random two least_conn;", "two_choices"),
            LEAST: ("least_conn;", "least_connections")}         # NGINX's words, the simulation's name
UPSTREAM = """    upstream machines {{
        {method}
{servers}
        keepalive 64;
    }}"""
LOCATION = """        location / {
            proxy_pass http://machines;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }"""


@recorded("NGINX")
def balanced(requests_per_s=225, seconds=3, slower=4, service_ms=10.0, seed=6):
    """Lesson 6: the same crowd through NGINX to five real servers of two workers, under each of three policies.

    One of the five takes `slower` times as long for a request, 2 to 10. requests_per_s: under round robin the slow one
    must have room for its fifth, up to 95 % of what it can do. seconds, seed: as for `WebServer.load`, for each policy;
    service_ms: of the other four, 1 to 50 ms. Returns a LabResult, a load for each policy.
    """
    factors = _checked(requests_per_s, seconds, slower, service_ms)
    check_number("lab.balanced", "seed", seed, low=0, high=2**32 - 1, example=1, whole=True)
    with _running(factors, service_ms, seed) as balancers:
        loads = {policy: balancer.load(requests_per_s, seconds, seed) for policy, balancer in balancers.items()}
    return LabResult(loads, _claims(loads),
                     f"NGINX answered all {len(loads[ROUND_ROBIN].requests):,} real requests under each policy. By "
                     "turn the slow server got as many as each of the others; a balancer that counts what is open gave "
                     "it fewer, and the requests were done sooner.", axis="policy of NGINX")


class Balancer(WebServer):
    """NGINX and the five servers behind it."""

    def __init__(self, servers, *given):
        super().__init__(*given)
        self._servers = servers              # their addresses

    def load(self, requests_per_s, seconds, seed=0):
        """As for a `WebServer`; the LoadResult's `server` also holds `served` (by each) and the `machines` of then."""
        before = self._finished()
        load = super().load(requests_per_s, seconds, seed)
        served = [after - then for after, then in zip(self._finished(), before, strict=True)]
        return replace(load, server=load.server | {"served": served, "machines": self._machines(load, seed)})

    def seen(self):
        """What the five have counted, added up."""
        counted = self._counted()
        return {name: sum(one[name] for one in counted) for name in counted[0]}

    def _finished(self):
        return [one["finished"] for one in self._counted()]

    def _counted(self):
        return [ask(server + "/inside") for server in self._servers]

    def _machines(self, load, seed):
        """Workers and *measured* service time of each: the work that was asked for, and what holding a worker adds.

        Of that the median: it ignores a stall of this machine.
        """
        drawn = load.answered["drawn_ms"]
        usual = np.array([drawn_ms(self.plan["service_ms"], self.plan["seed"], seed, number)
                          for number in load.answered.index])
        asked_ms = usual.mean() if len(usual) else self.plan["service_ms"]
        added_ms = (load.answered["service_ms"] - drawn).median() if len(drawn) else 0.0
        return [{"cpus": WORKERS, "service_ms": round(float(factor * asked_ms + added_ms), 3)}
                for factor in self.plan["factors"]]


@contextmanager
def _running(factors, service_ms, seed):
    """Five servers, an NGINX for each policy, and the clients' process: dict of the policy to its Balancer."""
    check_open_files(SERVERS * (RAM_REQUESTS + 3 * WORKERS))
    plan = {"cpus": WORKERS, "service_ms": service_ms, "ram_requests": RAM_REQUESTS, "restart_s": 1.0, "seed": seed}
    with Stage() as stage, StatusLine(f"NGINX and {SERVERS} real web servers on 127.0.0.1") as status:
        with in_words("the web servers could not be started"):
            ports = [stage.reserve_port() for _ in factors]
            plans = [{**plan, "port": port, "service_ms": factor * service_ms}
                     for port, factor in zip(ports, factors, strict=True)]
            farm = stage.start([sys.executable, "-m", "sdlib.labs.farm", json.dumps(plans)], log="server.log")
            sender = start_clients(stage)
            for port in ports:
                stage.wait_until_listening(farm, port)
        servers = "\n".join(f"        server 127.0.0.1:{port} max_fails=0;" for port in ports)
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        yield {policy: _balancer(stage, farm, sender, status, urls,
                                 UPSTREAM.format(method=words, servers=servers), known,
                                 plan | {"cpus": SERVERS * WORKERS, "factors": factors})
               for policy, (words, known) in POLICIES.items()}


def _balancer(stage, farm, sender, status, urls, upstream, policy, plan):
    running = nginx(stage, LOCATION, upstream, name=policy)
    return Balancer(urls, stage, farm, sender, plan | {"port": running.port, "policy": policy}, status)


def _claims(loads):
    served = {policy: load.server["served"] for policy, load in loads.items()}
    spent_ms = {policy: (load.answered["waited_ms"] + load.answered["service_ms"]).mean()
                for policy, load in loads.items()}
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("every request was answered", all(len(load.answered) == len(load.requests) for load in loads.values())),
            ("by turn each server got the same number, give or take one",
             max(served[ROUND_ROBIN]) - min(served[ROUND_ROBIN]) <= 1),
            *((f"with {policy} the slow server got fewer than by turn",
               served[policy][SLOW] < served[ROUND_ROBIN][SLOW]) for policy in (TWO, LEAST)),
            # Other work on this machine may slow one of the loads; not so easily both.
            (f"with {TWO} or with {LEAST} a request spent less time in the servers than by turn",
             min(spent_ms[TWO], spent_ms[LEAST]) < spent_ms[ROUND_ROBIN])]


def _checked(requests_per_s, seconds, slower, service_ms):
    """How many times as long a request takes at each server, or ValueError."""
    rate, _ = check_load(requests_per_s, seconds)
    service_ms = check_number("lab.balanced", "service_ms", service_ms, low=1, high=50, example=10, unit="ms")
    slower = check_number("lab.balanced", "slower", slower, low=2, high=10, example=4, unit="times")
    busy = rate / SERVERS * slower * service_ms / 1000 / WORKERS
    if not 0.5 <= busy <= 0.95:
        complain("lab.balanced", "requests_per_s", requests_per_s, "a crowd whose fifth keeps the slow server 50 to "
                 f"95 % busy, not {100 * busy:.0f} %", 225)
    return [slower if number == SLOW else 1 for number in range(SERVERS)]
