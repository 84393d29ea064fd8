"""A real web server with a database, and what a load of real requests makes of it."""

import json
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import PIPE

import numpy as np
import pandas as pd
import psutil

from sdlib.components.checks import check_number, complain
from sdlib.kernel.statuses import STATUSES
from sdlib.labs.faults import LabError, check_open_files, failure, in_words
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine

MOST_REQUESTS = 20_000
CLIENT_TIMEOUT_S = 10.0
ON_THE_WAY_S = 0.3                  # from the stop or the start of a server until a busy client has noticed


def web_server(cpus=2, service_ms=10.0, ram_requests=512, restart_s=1.0, seed=0, port=0):
    """Start a real web server (aiohttp and SQLite) for the length of a `with` block.

    cpus: worker processes, each busy with one request at a time, behind one queue; 1 to 64.
    service_ms: mean of the exponentially drawn CPU time of a request; 0.1 to 10,000 ms.
    ram_requests: requests that fit into memory, 1 to 10,000; one more crashes the server.
    restart_s: time from a crash to the next start; 0 to 60 s. seed: of the draws.
    port: the first port to try; 0 takes any that is free. Only 127.0.0.1 is listened to.

        with sd.lab.web_server(cpus=4) as server:
            result = server.load(requests_per_s=100, seconds=5, seed=1)
        result.summary()

    Raises ValueError for a wrong argument, LabError when the server does not start.
    """
    def checked(name, value, low, high, example, unit="", whole=True):
        return check_number("lab.web_server", name, value, low=low, high=high, example=example, unit=unit, whole=whole)
    plan = {"cpus": checked("cpus", cpus, 1, 64, 4, "worker processes"),
            "service_ms": checked("service_ms", service_ms, 0.1, 10_000, 10, "ms", whole=False),
            "ram_requests": checked("ram_requests", ram_requests, 1, 10_000, 512, "requests"),
            "restart_s": checked("restart_s", restart_s, 0, 60, 1, "s", whole=False),
            "seed": checked("seed", seed, 0, 2**32 - 1, 1),
            "port": checked("port", port, 0, 65_000, 8000)}
    return _running(plan)


@contextmanager
def _running(plan):
    check_open_files(plan["ram_requests"] + 3 * plan["cpus"])
    with Stage() as stage, StatusLine("real web server on 127.0.0.1") as status:
        with in_words("the web server could not be started"):
            plan = {**plan, "port": stage.reserve_port(plan["port"])}
            process = stage.start([sys.executable, "-m", "sdlib.labs.server", json.dumps(plan)], log="server.log")
            sender = start_clients(stage)
            stage.wait_until_listening(process, plan["port"])
        yield WebServer(stage, process, sender, plan, status)


def start_clients(stage):
    """The process that sends the load; it waits for plans on its standard input."""
    return stage.start([sys.executable, "-m", "sdlib.labs.load"], log="load.log", stdin=PIPE)


def ask(url):
    """What a server of this machine answers, as JSON."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))    # a proxy cannot reach this machine
    with direct.open(url, timeout=10) as answer:
        return json.load(answer)


class WebServer:
    """A running server. Attributes: `url`, `port`, `plan` (its knobs)."""

    def __init__(self, stage, process, sender, plan, status):
        self._stage, self._process, self._sender, self._status, self.plan = stage, process, sender, status, plan
        self.port, self.url = plan["port"], f"http://127.0.0.1:{plan['port']}"

    def load(self, requests_per_s, seconds, seed=0, restart_at_s=None):
        """Send a Poisson stream of requests and wait until each has ended; returns a LoadResult.

        requests_per_s: 0.1 to 2,000; seconds: 0.1 to 60; together 20,000 requests at most. restart_at_s: when the
        server is stopped (kill -9), to be started again by its supervisor; 0.1 to 60 s.
        The requests come from a process of their own. A request that is not answered within 10 s times out.
        """
        arrivals_s = poisson_arrivals(*check_load(requests_per_s, seconds), seed)
        if restart_at_s is not None:
            check_number("load", "restart_at_s", restart_at_s, low=0.1, high=60, example=1, unit="s")
        if not self._stage.is_open:
            raise LabError("This server has stopped: its `with` block has ended. Load it inside the block.")
        with in_words("the load could not be sent"):
            return self._loaded(arrivals_s, seed, restart_at_s, f"{requests_per_s:.0f} requests/s for {seconds:g} s")

    def _loaded(self, arrivals_s, seed, restart_at_s, doing):
        self.wait_until_up()
        plan = {"urls": [self.url], "seed": seed, "timeout_s": CLIENT_TIMEOUT_S, "arrivals_s": arrivals_s.tolist()}
        crashes, before = self.crashes(), self.seen()
        self.order(plan)
        stops = {} if restart_at_s is None else {"down": [self.restart(restart_at_s)]}
        answers = self.told("answers", doing)
        self.wait_until_up()
        crashed = self.crashes() - crashes
        after = dict.fromkeys(before, np.nan) if crashed else self.seen()
        seen = {name: after[name] - before[name] for name in before}
        return LoadResult(records(arrivals_s, answers), self.plan | stops, crashed, **seen)

    def wait_until_up(self):
        """Return when the server answers; after a crash that takes `restart_s`."""
        self._stage.wait_until_listening(self._process, self.port, within_s=self.plan["restart_s"] + 20)

    def crashes(self):
        """Crashes since the start."""
        return self._stage.log_of(self._process).count("crashed")

    def seen(self):
        """What the server itself has counted since its last start: request_seconds in it, requests finished."""
        return ask(self.url + "/inside")

    def restart(self, at_s):
        """Stop the server at that time of the load that has been ordered; from when until when nobody listened."""
        begins_s = self.told("begins", "the load begins")
        time.sleep(max(0.0, begins_s + at_s - time.monotonic()))
        front = next(child for child in psutil.Process(self._process.pid).children() if child.children())
        stopped_s = time.monotonic()
        front.kill()
        front.wait()
        self.wait_until_up()
        return [round(stopped_s - begins_s, 3), round(time.monotonic() - begins_s, 3)]

    def order(self, plan):
        """Give the clients' process its plan; from then on the load runs."""
        folder = self._stage.folder
        files = {name: str(folder / f"{name}.json") for name in ("begins", "answers")}
        (folder / "begins.json").unlink(missing_ok=True)     # of a load before
        given = folder / "load.json"
        given.write_text(json.dumps({**plan, **files}))
        self._sender.stdin.write(b"%s\n" % bytes(given))

    def told(self, name, doing):
        """What the clients' process wrote into this file, once it has."""
        path = self._stage.folder / f"{name}.json"
        while not path.exists():
            for process in (self._sender, self._process):
                if process.poll() is not None:
                    raise failure("the load ended too early", self._stage.log_of(process))
            self._status.show(doing)
            time.sleep(0.1)
        told = json.loads(path.read_text())
        path.unlink()
        return told


@dataclass(frozen=True)
class LoadResult:
    """What became of each request.

    requests: DataFrame, a row per request: intended_s, latency_ms (from the intended send time, as the client
    saw it), status ("ok", "refused", "lost", "timed out"), service_ms (a worker was held), waited_ms (for a
    worker), drawn_ms (the CPU time asked for); the last three are NaN unless "ok".
    server: the server's knobs, and "down", [(from, until)] in s, where it was restarted under the load. crashes: how
    often it crashed meanwhile. request_seconds (spent in the server) and finished (requests): as the server itself
    counted them; NaN after a crash, which takes its memory along.
    """

    requests: pd.DataFrame
    server: dict
    crashes: int
    request_seconds: float
    finished: float

    @property
    def answered(self):
        """The requests that were answered."""
        return self.requests[self.requests["status"] == "ok"]

    @property
    def ended_s(self):
        """When each request ended, from the start of the load."""
        return self.requests["intended_s"] + self.requests["latency_ms"] / 1000

    @property
    def seconds(self):
        """From the start to the end of the last request."""
        return float(self.ended_s.max())

    def summary(self):
        """One-row DataFrame: counts, throughput, utilization; of the answered alone mean times, p50, p95, p99 in ms."""
        counts, answered = self.requests["status"].value_counts(), self.answered
        p50, p95, p99 = answered["latency_ms"].quantile([0.50, 0.95, 0.99])
        busy_s = answered["service_ms"].sum() / 1000
        return pd.DataFrame([{
            "sent": len(self.requests), "answered": len(answered), "refused": counts["refused"],
            "lost": counts["lost"], "timed_out": counts["timed out"], "crashes": self.crashes,
            "throughput_per_s": len(answered) / self.seconds, "mean_ms": answered["latency_ms"].mean(),
            "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "service_ms": answered["service_ms"].mean(),
            "waited_ms": answered["waited_ms"].mean(),
            "utilization_percent": 100 * busy_s / self.server["cpus"] / self.seconds}])

    def conserved(self):
        """True when each request has one end, and the server (unless it crashed) finished as many as clients saw."""
        counts = self.requests["status"].value_counts()
        all_ended = sum(counts[status] for status in STATUSES[1:]) == len(self.requests)
        agree = self.crashes > 0 or counts["ok"] <= self.finished <= counts["ok"] + counts["timed out"]
        return bool(all_ended and agree)


def poisson_arrivals(requests_per_s, seconds, seed):
    """Arrival times in [0, seconds) of a Poisson process, ascending."""
    random = np.random.default_rng(check_number("load", "seed", seed, low=0, high=2**32 - 1, example=1, whole=True))
    most = int(requests_per_s * seconds + 10 * (requests_per_s * seconds) ** 0.5 + 20)
    times_s = random.exponential(1 / requests_per_s, most).cumsum()
    return times_s[times_s < seconds]


def check_load(requests_per_s, seconds):
    """The two numbers as float, or ValueError."""
    rate = check_number("load", "requests_per_s", requests_per_s, low=0.1, high=2000, example=100, unit="requests/s")
    length = check_number("load", "seconds", seconds, low=0.1, high=60, example=5, unit="s")
    if rate * length > MOST_REQUESTS:
        complain("load", "seconds", seconds, f"at most {MOST_REQUESTS / rate:g} s at {rate:g} requests/s", 5)
    return rate, length


def records(arrivals_s, answers):
    if len(answers) != len(arrivals_s):
        raise LabError(f"{len(arrivals_s)} requests were planned, {len(answers)} are accounted for.")
    columns = ["latency_ms", "status", "service_ms", "waited_ms", "drawn_ms"]
    requests = pd.DataFrame(answers, columns=columns)
    requests["status"] = pd.Categorical(requests["status"], categories=STATUSES)
    requests.insert(0, "intended_s", arrivals_s)
    return requests
