"""The lab of lesson 8: NGINX as an API gateway, with a real check of signed tokens and a limit per user."""

import json
import secrets
import sys
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd

from sdlib.charts.theme import Plot
from sdlib.components.checks import check_number
from sdlib.kernel.statuses import STATUSES
from sdlib.labs.faults import in_words
from sdlib.labs.gate_server import AUDIENCE
from sdlib.labs.nginx import nginx
from sdlib.labs.picture import MEASURED, SIMULATED
from sdlib.labs.recordings import recorded
from sdlib.labs.result import LabResult
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.tokens import sign
from sdlib.labs.visitors import Visitors
from sdlib.labs.web import LoadResult, ask
from sdlib.whole import whole

PER_S, BURST = 10, 20
POLITE, POLITE_PER_S = 4, 5.0
GREEDY = 0                                   # the greedy client's number; the polite ones come after it
BATCHES = ((0.0, 21), (0.101, 20), (0.602, 20))
TRIES = 6                                    # for the batches: a busy machine may stretch the pauses between them
CLIENT_TIMEOUT_S = 15.0
SAID = {200: "ok", 401: "unauthorized", 403: "forbidden", 404: "not found", 429: "too many requests", 0: "timed out"}
SENTENCE = ("The real gateway does what the simulated one does: 404, 401, 403 and 429 were answered at the door, and "
            "the service worked for none of them. With a limit per user the greedy client no longer kept the others "
            "waiting. Of 21 requests at once NGINX let 21 pass and the simulated bucket 20; then one of 20 after a "
            "tenth of a second, and 5 or 6 of 20 after half a second more.")
ABOUT = ("Requests that the gateway let through. NGINX's burst of 20 counts requests in excess, after the first one; "
         "the simulated bucket holds 20 tokens, the first one's among them. So NGINX lets one more pass.")
CHECKED = ("The simulation is given the arrivals of the real run. The service counts its own work: that count must be "
           "the number of requests that were answered with 200.")
ZONE = f"""\
    limit_req_zone $http_authorization zone=user:1m rate={PER_S}r/s;
    limit_req_status 429;
    upstream shop {{ server 127.0.0.1:%d; keepalive 32; }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";"""
SERVER = f"""\
        location = /check {{
            internal;
            proxy_pass http://shop;
            proxy_pass_request_body off;
            proxy_set_header Connection "";
            proxy_set_header X-Path $request_uri;
        }}
        location /free/ {{ auth_request /check; proxy_pass http://shop; }}
        location ~ ^/(user|product|order|payment)$ {{
            limit_req zone=user burst={BURST} nodelay;
            auth_request /check;
            proxy_pass http://shop;
        }}
        location / {{ return 404; }}"""


class GateResult(LabResult):
    """A `LabResult` that counts who was let through, instead of looking at latencies."""

    def __init__(self, loads, claims, sentence, axis="", recorded=None):
        super().__init__(loads, claims, sentence, axis, recorded)
        self.measured = pd.DataFrame([_counts(load) for load in loads.values()], index=self.measured.index)

    def compare(self, simulate=None, seeds=20):
        """Requests let through, measured and simulated: a DataFrame with a column for each group of requests."""
        limited, bucket = self.loads["limit per user"], self.loads["one bucket"]
        found = {f"{count} at {at_s:g} s": _passed(bucket, batch) for batch, (at_s, count) in enumerate(BATCHES)}
        polite = np.sum([_passed(limited, number) for number in range(1, POLITE + 1)], axis=0)
        found |= {"greedy client": _passed(limited, GREEDY), f"{POLITE} polite clients": polite}
        simulated = _simulated_batches(bucket)
        rows = {name: {"sent": sent, "measured": passed} for name, (sent, passed) in found.items()}
        for name, passed in zip(rows, simulated, strict=False):
            rows[name]["simulated"] = passed
        rows["greedy client"]["simulated"] = _simulated(limited, GREEDY)
        rows[f"{POLITE} polite clients"]["simulated"] = sum(_simulated(limited, number)
                                                            for number in range(1, POLITE + 1))
        return pd.DataFrame(rows).T.astype(int)

    def plot(self, seeds=20):
        """The picture as a `charts.Plot`: requests let through, measured beside simulated."""
        table = self.compare()
        told = "; ".join(f"{name}: {row['measured']} of {row['sent']}, simulated {row['simulated']}"
                         for name, row in table.iterrows())
        places = list(range(len(table)))
        bars = {"error_y": {"array": [0] * len(places), "arrayminus": table["simulated"].tolist()}}
        top = 10 * (int(table["measured"].max()) // 10 + 1)
        traces = [_trace(SIMULATED, places, table["simulated"], **bars), _trace(MEASURED, places, table["measured"])]
        return Plot(traces,
                    f"Requests that the gateway let through. {told}.",
                    x={"title": {"text": f"{PER_S} a second, burst {BURST}"}, "range": [-0.6, len(places) - 0.4],
                       "tickvals": places, "ticktext": list(table.index)},
                    y={"title": {"text": "requests let through"}, "range": [0, top],
                       "tickvals": [0, top / 2, top], "ticktext": ["0", f"{top // 2}", f"{top}"]})

    def _about(self):
        return ABOUT

    def _shape(self):
        return ""

    def _busy(self):
        return ""

    def _fed_with(self):
        return CHECKED

    def _overhead(self):
        return "worked: what the service itself counted. The last row is the median latency of the polite clients."


@recorded("NGINX", result=GateResult)
def gateway_checks(greedy_per_s=150, seconds=2.0, service_ms=10.0):
    """Lesson 8: what a real gateway answers at the door, whom a limit per user stops, and NGINX's bucket counted out.

    greedy_per_s: requests of the greedy client, 120 to 300. seconds: of each of the two loads, 1 to 5. service_ms: of
    the service, which works on one request at a time, 8 to 12 ms. Returns a LabResult.
    """
    for name, value, low, high, example, unit in (
            ("greedy_per_s", greedy_per_s, 120, 300, 150, "requests per second"),
            ("seconds", seconds, 1, 5, 2, "s"), ("service_ms", service_ms, 8, 12, 10, "ms")):
        check_number("lab.gateway_checks", name, value, low=low, high=high, example=example, unit=unit)
    with _running(service_ms) as gate:
        kinds = gate.kinds()
        loads = {"each kind": gate.visit(kinds, "each kind of request"),
                 "no limit": gate.visit(_crowd(gate, "/free/product", greedy_per_s, seconds), "without a limit"),
                 "limit per user": gate.visit(_crowd(gate, "/product", greedy_per_s, seconds), "with a limit per user"),
                 "one bucket": gate.bucket()}
    expected = [status for _, _, _, _, status in kinds]
    return GateResult(loads, _claims(loads, expected), SENTENCE)


@contextmanager
def _running(service_ms):
    with Stage() as stage, StatusLine("NGINX as a gateway on 127.0.0.1") as status:
        with in_words("the gateway could not be started"):
            plan = {"port": stage.reserve_port(), "key": secrets.token_hex(32), "service_ms": service_ms}
            shop = stage.start([sys.executable, "-m", "sdlib.labs.gate_server", json.dumps(plan)], log="shop.log")
            visitors = Visitors(stage, status, CLIENT_TIMEOUT_S)
            stage.wait_until_listening(shop, plan["port"])
            door = nginx(stage, SERVER, ZONE % plan["port"])
        yield _Gate(stage, door, shop, visitors, plan)


class _Gate:
    """The running gateway, what is behind it, and the clients."""

    def __init__(self, stage, door, shop, visitors, plan):
        self._stage, self._door, self._shop, self._visitors = stage, door, shop, visitors
        self._key, self._service_url = plan["key"].encode(), f"http://127.0.0.1:{plan['port']}"

    def token(self, user, key=None, algorithm="HS256", **claims):
        """A token of the shop for this user; with other claims, another key or algorithm it is a bad one."""
        usual = {"sub": user, "aud": AUDIENCE, "exp": time.time() + 600, "scope": "look pay"}
        return sign(usual | claims, key or self._key, algorithm)

    def kinds(self):
        """A visit of each kind, three times: (at_s, path, token, sender, status that is due)."""
        good = self.token("anna")
        text, _, signature = good.rpartition(".")
        other = "A" if signature[0] != "A" else "B"
        due = [("/product", good, "ok"), ("/payment", good, "ok"), ("/wp-admin", good, "not found"),
               ("/product", "", "unauthorized"),
               ("/product", self.token("anna", exp=time.time() - 60), "unauthorized"),
               ("/product", f"{text}.{other}{signature[1:]}", "unauthorized"),
               ("/product", self.token("anna", algorithm="none"), "unauthorized"),
               ("/product", self.token("anna", key=b"somebody else's key"), "unauthorized"),
               ("/product", self.token("anna", aud="another shop"), "unauthorized"),
               ("/payment", self.token("anna", scope="look"), "forbidden")]
        return [(0.02 * number, path, token, GREEDY, status)
                for number, (path, token, status) in enumerate(3 * due)]

    def bucket(self):
        """21 at once and 20 twice after pauses, for a user without a past; again where the pauses were not kept."""
        for number in range(TRIES):
            token = self.token(f"batches {number}")
            visits = [(at_s, "/product", token, batch, "") for batch, (at_s, count) in enumerate(BATCHES)
                      for _ in range(count)]
            load = self.visit(visits, "NGINX's bucket, counted out")
            if _as_nginx_counts(load):
                break
        return load

    def visit(self, visits, doing):
        """Send (at_s, path, token, sender, _) in order; a LoadResult with who sent each."""
        before = self._worked()
        told = self._visitors.send(self._door.url, "GET", [visit[:3] for visit in visits], doing,
                                   watched=[self._shop, self._door.process])
        return _load(visits, told, self._worked() - before)

    def _worked(self):
        return ask(self._service_url + "/count")["worked"]


def _crowd(gate, path, greedy_per_s, seconds):
    """The greedy client and the polite ones, evenly spaced."""
    rates = {GREEDY: greedy_per_s} | dict.fromkeys(range(1, POLITE + 1), POLITE_PER_S)
    tokens = {number: gate.token(f"{path} {number}") for number in rates}
    visits = [((place + number / len(rates)) / rate, path, tokens[number], number, "")
              for number, rate in rates.items() for place in range(int(rate * seconds))]
    return sorted(visits)


def _load(visits, told, worked):
    status = [SAID.get(code, "lost") for _, code in told]
    requests = pd.DataFrame({
        "intended_s": [visit[0] for visit in visits], "latency_ms": [latency_ms for latency_ms, _ in told],
        "status": pd.Categorical(status, categories=STATUSES), "sender": [float(visit[3]) for visit in visits],
        "service_ms": np.nan, "waited_ms": np.nan, "drawn_ms": np.nan})
    return LoadResult(requests, {"cpus": 1, "per_s": PER_S, "burst": BURST}, 0, np.nan, worked)


def _claims(loads, expected):
    kinds, free, limited, bucket = loads.values()
    others = {name: load.requests[load.requests["sender"] != GREEDY] for name, load in loads.items()}
    waited_ms = {name: table["latency_ms"].median() for name, table in others.items()}
    most = BURST + 1 + PER_S * limited.seconds
    return [("each kind of request got its answer", kinds.requests["status"].tolist() == expected),
            ("the service worked for the requests answered with 200, and for no other",
             all(load.conserved() for load in loads.values())),
            ("with a limit per user all requests of the polite clients were answered",
             bool((others["limit per user"]["status"] == "ok").all())),
            ("the greedy client got what its bucket gives, and no more", _passed(limited, GREEDY)[1] <= most),
            ("without the limit the polite clients waited more than twice as long",
             bool(waited_ms["no limit"] > 2 * waited_ms["limit per user"])),
            ("of 21 at once 21 passed, then one of 20, then 5 or 6 of 20", _as_nginx_counts(bucket)),
            ("the simulated bucket let 20, 1 and 5 pass", _simulated_batches(bucket) == [20, 1, 5])]


def _as_nginx_counts(load):
    first, second, third = (_passed(load, batch)[1] for batch in range(len(BATCHES)))
    return first == 21 and second == 1 and third in (5, 6)


def _passed(load, number):
    """How many requests a sender sent, and how many of them were answered with 200."""
    status = load.requests["status"][load.requests["sender"] == number]
    return len(status), int((status == "ok").sum())


def _counts(load):
    """What became of the requests of a load."""
    counts = load.requests["status"].value_counts()
    polite = load.requests[(load.requests["sender"] != GREEDY) & (load.requests["status"] == "ok")]
    return {"sent": len(load.requests)} | {status: counts[status] for status in SAID.values()} | {
        "worked": load.finished, "polite: median latency (ms)": polite["latency_ms"].median()}


def _simulated(load, number):
    """How many of a sender's requests pass a simulated bucket."""
    times_s = load.requests["intended_s"][load.requests["sender"] == number].to_numpy()
    return int((_through_a_gateway(load, times_s)["status"] == "ok").sum())


def _simulated_batches(load):
    """The same, of each of the batches."""
    passed = _through_a_gateway(load, load.requests["intended_s"].to_numpy())["status"].to_numpy() == "ok"
    batch = load.requests["sender"].to_numpy()
    return [int(passed[batch == number].sum()) for number in range(len(BATCHES))]


def _through_a_gateway(load, times_s):
    with whole():
        from sdlib.components.clients import Clients
        from sdlib.components.gateway import Gateway
        from sdlib.components.server import Server
        from sdlib.results.simulate import simulate
    service = Server(cpus=100, ram_gb=100, service_ms=0)
    gateway = Gateway({"/": service}, per_user_per_s=load.server["per_s"], burst=load.server["burst"], check_ms=0)
    return simulate(gateway, Clients(users=1, arrivals_s=times_s), seconds=float(times_s[-1]) + 1).requests


def _trace(name, x, y, **more):
    return {"type": "scatter", "name": name, "meta": name, "mode": "markers", "x": x,
            "y": [float(value) for value in y], **more}
