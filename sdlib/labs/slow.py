"""The lab of lesson 7: a real website with few threads, and a payment service that becomes slow."""

import json
import sys
from contextlib import contextmanager
from dataclasses import replace

import pandas as pd

from sdlib.components.checks import check_number
from sdlib.labs.faults import check_open_files, in_words
from sdlib.labs.plots import latency_over
from sdlib.labs.recordings import recorded
from sdlib.labs.result import LabResult
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.threads import PAYMENT_EVERY, is_payment
from sdlib.labs.web import CLIENT_TIMEOUT_S, WebServer, check_load, start_clients
from sdlib.whole import whole

QUICK, SLOW, GIVES_UP = "payment quick", "payment slow", "with a timeout"
QUICK_S = 0.005
FAR = 4              # times
MOST_DRAIN_S = 0.7 * CLIENT_TIMEOUT_S   # the last of the line is to be answered before its client leaves
ABOUT = ("Latency here is the time from the moment at which a request was meant to be sent until its answer was there, "
         "measured by the client, of the pages that do not need payment.")


class PagesResult(LabResult):
    """A `LabResult` whose picture and comparison are of the pages that do not need payment."""

    def compare(self, simulate=None, seeds=20):
        """As of a `LabResult`, for those pages; simulate(load, seed) gets the whole load."""
        one_run = simulate or simulate_website
        tables = [LabResult({label: other_pages(load)}, (), "").compare(
            lambda _, seed, load=load: one_run(load, seed), seeds) for label, load in self.loads.items()]
        return pd.concat(tables)

    def plot(self, seeds=20):
        return latency_over(self.compare(seeds=seeds), self.axis)

    def _about(self):
        return ABOUT

    def _overhead(self):
        load = self.loads[SLOW]
        return (f"A worker is a thread of the website here. While payment was slow, a payment held its thread for "
                f"{load.requests.loc[_payments(load), 'service_ms'].mean() / 1000:.1f} s.")


@recorded(result=PagesResult)
def slow_service(threads=8, requests_per_s=50, seconds=2.0, slow_s=2.0, timeout_s=0.2, service_ms=5.0, seed=1):
    """Lesson 7: a real caller with few threads, and a real service that is quick, slow, and slow behind a timeout.

    threads: of the website. One request in five is a payment; while payment is slow, it takes slow_s, and these must
    want more threads than there are: with timeout_s, less than half of them. requests_per_s, seconds: of each load, as
    for `WebServer.load`. service_ms: mean time of the website's own work. Returns a LabResult.
    """
    plan = _checked(threads, requests_per_s, seconds, slow_s, timeout_s, service_ms, seed)
    with _websites(plan, slow_s, timeout_s) as websites:
        loads = {label: website.load(requests_per_s, seconds, seed) for label, website in websites.items()}
    return PagesResult(loads, _claims(loads),
                       "While payment was slow, all threads of the real website waited for it, and the pages that do "
                       "not need payment waited for a thread. With a timeout only the payments failed.",
                       axis="payment, and the website that calls it")


@contextmanager
def _websites(plan, slow_s, timeout_s):
    """Three websites, a payment service each, and one generator of load for all."""
    check_open_files(4 * plan["ram_requests"])
    parts = {QUICK: (QUICK_S, None), SLOW: (slow_s, None), GIVES_UP: (slow_s, timeout_s)}
    with Stage() as stage, StatusLine("real website and payment service on 127.0.0.1") as status:
        with in_words("the website could not be started"):
            sender = start_clients(stage)
            websites = {label: _website(stage, sender, status, plan | {"payment_s": takes_s, "timeout_s": patience_s})
                        for label, (takes_s, patience_s) in parts.items()}
        yield websites


def _website(stage, sender, status, plan):
    plan = {**plan, "payment_port": stage.reserve_port(), "port": stage.reserve_port()}
    for serves, log in (("payment", "payment.log"), ("website", "server.log")):
        command = [sys.executable, "-m", "sdlib.labs.threads", json.dumps({**plan, "serves": serves})]
        process = stage.start(command, log=log)
    stage.wait_until_listening(process, plan["port"])
    return WebServer(stage, process, sender, plan, status)


def _payments(load):
    """Which requests of a load are payments."""
    return [is_payment(number) for number in range(len(load.requests))]


def other_pages(load):
    """The load without its payments."""
    return replace(load, requests=load.requests[[not one for one in _payments(load)]])


def _claims(loads):
    quick, gives_up = loads[QUICK], loads[GIVES_UP]
    pages = {label: other_pages(load) for label, load in loads.items()}
    usual_ms, stuck_ms, freed_ms = (pages[label].answered["latency_ms"].median() for label in (QUICK, SLOW, GIVES_UP))
    failed = gives_up.requests.index[gives_up.requests["status"] != "ok"]
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("while payment was quick all were answered", len(quick.answered) == len(quick.requests)),
            ("while payment was slow the other pages took far longer", stuck_ms > FAR * usual_ms),
            ("they waited for a thread, and for nothing else",
             pages[SLOW].answered["waited_ms"].median() > 0.8 * stuck_ms),
            ("with a timeout they took far less", stuck_ms > FAR * freed_ms),
            ("with a timeout all payments failed, and nothing else",
             list(failed) == [number for number, one in enumerate(_payments(gives_up)) if one])]


def simulate_website(load, seed):
    """The same arrivals at a simulated website of as many threads: times in it in ms, and the share that failed.

    Both of the pages that do not need payment, which here are told apart by chance, one in five.
    """
    with whole():
        from sdlib.components.calls import Call
        from sdlib.components.clients import Clients
        from sdlib.components.gateway import Gateway
        from sdlib.components.server import Server
        from sdlib.components.service import Service
        from sdlib.results.simulate import simulate
    plan, own_ms = load.server, other_pages(load).answered["service_ms"].mean()
    ready = Server(10_000, 10_000, 0.0, distribution="constant", name="page")
    payment = Server(10_000, 10_000, 1000 * plan["payment_s"], distribution="constant", name="payment")
    website = Service(plan["threads"], 10_000, own_ms, "constant", threads=plan["threads"], name="website", calls=[
        Call(Gateway({"/page": ready, "/payment": payment}, check_ms=0), plan["timeout_s"])])
    arrivals_s = load.requests["intended_s"].to_numpy()
    clients = Clients(users=len(arrivals_s), arrivals_s=arrivals_s,
                      routes={"/page": PAYMENT_EVERY - 1, "/payment": 1})
    requests = simulate(website, clients, seconds=load.seconds + MOST_DRAIN_S, seed=seed).requests
    pages = requests[requests["route"] == "/page"]
    is_ok = (pages["status"] == "ok").to_numpy()
    return pages["latency_ms"].to_numpy()[is_ok], 1 - is_ok.mean()


def _checked(threads, requests_per_s, seconds, slow_s, timeout_s, service_ms, seed):
    def checked(name, value, low, high, example, unit="", is_whole=False):
        return check_number("lab.slow_service", name, value, low=low, high=high, example=example, unit=unit,
                            whole=is_whole)
    rate_per_s, length_s = check_load(requests_per_s, seconds)
    threads = checked("threads", threads, 2, 64, 8, "threads", is_whole=True)
    payments_per_s = rate_per_s / PAYMENT_EVERY
    checked("slow_s", slow_s, 1.5 * threads / payments_per_s, MOST_DRAIN_S * threads / (payments_per_s * length_s), 2,
            "s: the payments must want more threads than there are, and be done before clients leave")
    checked("timeout_s", timeout_s, 0.05, min(0.5 * threads / payments_per_s, slow_s / 2), 0.2,
            "s: less than half of the threads may wait for payment")
    service_ms = checked("service_ms", service_ms, 0.1, 100 * threads / rate_per_s, 5, "ms")
    seed = checked("seed", seed, 0, 2**32 - 1, 1, is_whole=True)
    return {"threads": threads, "cpus": threads, "ram_requests": 500, "restart_s": 0.0, "service_ms": service_ms,
            "seed": seed}
