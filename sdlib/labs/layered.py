"""The lab of lesson 15: an NGINX gateway, NGINX balancers for each service, machines; then balancers are killed."""

import json
import statistics
import sys
import urllib.request
from collections import Counter
from contextlib import contextmanager

from sdlib.components.checks import check_number
from sdlib.labs.faults import in_words
from sdlib.labs.nginx import nginx
from sdlib.labs.recordings import recorded
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.tally import Tally, TallyResult
from sdlib.labs.visitors import Visitors
from sdlib.labs.web import ask
from sdlib.whole import whole

PRODUCT, PAYMENT, USER = "product", "payment", "user"
BALANCERS = {PRODUCT: 2, PAYMENT: 2, USER: 1}
MACHINES = 2                                       # of each service
SERVICE_MS = {PRODUCT: 10, PAYMENT: 100, USER: 10}
METHODS = {PRODUCT: "GET", PAYMENT: "POST", USER: "GET"}
PATH = "the path"
FOLLOWED = 40                                      # requests whose path is looked at: 10 for each way
KILLED_AFTER = 0.4                                 # of the requests
CLIENT_TIMEOUT_S = 10.0
BAD_GATEWAY = 502
NOTICED_WITHIN_S = 0.5                             # after the kill nobody fails any more: a busy machine may be late
UPSTREAM = "    upstream {name} {{ {servers} }}"
LOCATION = """\
        location {path} {{
            proxy_pass http://{upstream};
            proxy_set_header X-Path "{so_far}{name}";
            add_header X-Time "{name} $upstream_header_time" always;
        }}"""


class Layered(TallyResult):
    """How many requests failed when a balancer died."""

    axis_title = "requests that failed"

    def counts(self):
        return {f"{service}: {BALANCERS[service]}, one dies": self.loads[service].ends["502"] for service in BALANCERS}

    def simulated(self):
        with whole():
            from sdlib.labs.models import failed_with_a_balancer
        return {name: failed_with_a_balancer(load.sent, load.seen["per_s"], SERVICE_MS[service], BALANCERS[service],
                                             load.seen["killed_after"], tries=2 if METHODS[service] == "GET" else 1)
                for name, (service, load) in zip(self.counts(), self._killed(), strict=True)}

    def _killed(self):
        return [(service, self.loads[service]) for service in BALANCERS]

    def _about(self):
        seen = self.loads[PATH].seen
        return (f"The path of a request to product, medians: {seen['machine_ms']:.0f} ms in the machine, "
                f"{seen['balancer_ms']:.0f} ms as the balancer sees it, {seen['gateway_ms']:.0f} ms as the gateway "
                "sees it: each layer's time holds that of those behind it. NGINX tells whole milliseconds.")


@recorded("NGINX", result=Layered)
def layers(requests_per_s=100, seconds=2.0):
    """Lesson 15: the path of a request through real layers, and what fails when a balancer is killed (kill -9).

    NGINX as the gateway; behind it an NGINX for user and two each for product and payment; two real machines for each
    service. Of each service one balancer is killed under load. requests_per_s: of each load, 60 to 150; seconds: of
    each of the three, 1.5 to 4. Returns a LabResult.
    """
    for name, value, low, high, example, unit in (
            ("requests_per_s", requests_per_s, 60, 150, 100, "requests per second"),
            ("seconds", seconds, 1.5, 4, 2, "s")):
        check_number("lab.layers", name, value, low=low, high=high, example=example, unit=unit)
    with _running() as shop:
        paths, tally = shop.follow()
        loads = {PATH: tally} | {service: shop.kill_under_load(service, requests_per_s, seconds)
                                 for service in BALANCERS}
    return Layered(loads, _claims(loads, paths), _sentence(loads[PRODUCT].sent), axis="service")


@contextmanager
def _running():
    with Stage() as stage, StatusLine("a gateway, five balancers and six machines on 127.0.0.1") as status:
        with in_words("the layers could not be started"):
            machines = [(service, f"{service} {number}", stage.reserve_port())
                        for service in BALANCERS for number in range(1, MACHINES + 1)]
            plan = json.dumps({"machines": machines, "service_ms": SERVICE_MS})
            farm = stage.start([sys.executable, "-m", "sdlib.labs.layer_server", plan], log="machines.log")
            visitors = Visitors(stage, status, CLIENT_TIMEOUT_S)
            for _, _, port in machines:
                stage.wait_until_listening(farm, port)
            balancers = {service: [_balancer(stage, service, number, machines)
                                   for number in range(1, BALANCERS[service] + 1)] for service in BALANCERS}
            gateway = _gateway(stage, balancers)
        yield _Shop(stage, farm, f"http://127.0.0.1:{machines[0][2]}", balancers, gateway, visitors)


def _balancer(stage, service, number, machines):
    """One that hands requests to the service's machines by turn."""
    name = f"{service} balancer {number}"
    ports = [port for of, _, port in machines if of == service]
    return nginx(stage, LOCATION.format(path="/", upstream="machines", so_far="$http_x_path, ", name=name),
                 _upstream("machines", ports), name=name.replace(" ", "-"))


def _gateway(stage, balancers):
    """By path to the service, by turn to its balancers."""
    upstreams = [_upstream(service, [one.port for one in pair]) for service, pair in balancers.items()]
    locations = [LOCATION.format(path=f"/{service}", upstream=service, so_far="", name="gateway")
                 for service in balancers]
    return nginx(stage, "\n".join(locations), "\n".join(upstreams), name="gateway")


def _upstream(name, ports):
    return UPSTREAM.format(name=name, servers=" ".join(f"server 127.0.0.1:{port};" for port in ports))


class _Shop:
    """The running layers, and the clients."""

    def __init__(self, stage, farm, counter, balancers, gateway, visitors):
        self._stage, self._farm, self._counter, self._visitors = stage, farm, counter, visitors
        self._balancers, self._gateway = balancers, gateway

    def follow(self):
        """The paths of requests to product, each a list of names, and their Tally."""
        answers = [_asked(f"{self._gateway.url}/{PRODUCT}") for _ in range(FOLLOWED)]
        paths = [path for path, _ in answers]
        seen = {f"{layer}_ms": 1000 * statistics.median(times[place] for _, times in answers)
                for place, layer in enumerate(("machine", "balancer", "gateway"))}
        return paths, Tally(FOLLOWED, {"answered": FOLLOWED}, seen)

    def kill_under_load(self, service, per_s, seconds):
        """Evenly spaced requests; the service's first balancer is killed when a part of them is done: a Tally."""
        count = int(per_s * seconds)
        visits = [(number / per_s, f"/{service}", "") for number in range(count)]
        before, killed_after = self._done(service), []

        def kill():
            done = self._done(service) - before
            if not killed_after and done >= KILLED_AFTER * count:
                self._stage.stop(self._balancers[service][0].process)
                killed_after.append(done)
        told = self._visitors.send(self._gateway.url, METHODS[service], visits, f"{service}: a balancer is killed",
                                   watched=[self._farm, self._gateway.process], meanwhile=kill)
        return _tally(told, killed_after[0], per_s, self._done(service) - before)

    def _done(self, service):
        return ask(self._counter + "/count").get(service, 0)


def _asked(url):
    """(path, times in s from the machine outwards) that an answer's headers tell."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))    # a proxy cannot reach this machine
    with direct.open(url, timeout=CLIENT_TIMEOUT_S) as answer:
        path = answer.headers["X-Path"].split(", ")
        times = [float(line.rpartition(" ")[2]) for line in answer.headers.get_all("X-Time")]
    return path, times


def _tally(told, killed_after, per_s, done):
    """What became of the requests, and when those that failed were sent."""
    statuses = [status for _, status in told]
    ends = {"answered": statuses.count(200), "502": statuses.count(BAD_GATEWAY)}
    ends["other"] = len(told) - sum(ends.values())
    failed = [number for number, status in enumerate(statuses) if status != 200]
    seen = {"per_s": per_s, "killed_after": killed_after, "done": done,
            "last_failed_s": (failed[-1] - killed_after) / per_s if failed else 0.0,
            "first_failed_s": (failed[0] - killed_after) / per_s if failed else 0.0,
            "ok_after_the_first_failure": statuses[failed[0]:].count(200) if failed else 0}
    return Tally(len(told), ends, seen)


def _claims(loads, paths):
    product, payment, user = (loads[service] for service in BALANCERS)
    ways = Counter(tuple(path) for path in paths)
    due = {("gateway", f"{PRODUCT} balancer {one}", f"{PRODUCT} {other}"): FOLLOWED // 4
           for one in (1, 2) for other in (1, 2)}
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("each request went gateway, balancer, machine, and each of the four ways was taken equally often",
             ways == due),
            ("none of product's requests failed", product.ends["answered"] == product.sent),
            ("of the payments only those failed that were under way when their balancer died",
             0 < payment.ends["502"] <= _under_way(payment) and payment.ends["other"] == 0
             and payment.seen["last_failed_s"] <= NOTICED_WITHIN_S),
            ("some of the payments that failed were made all the same",
             payment.ends["answered"] < payment.seen["done"] <= payment.sent),
            ("once user's only balancer was dead, all of its requests failed with 502",
             user.ends["502"] > 0.3 * user.sent and user.ends["other"] == 0
             and user.seen["ok_after_the_first_failure"] <= _under_way(user))]


def _under_way(load):
    """The most that can be in a balancer at one moment: what half a second brings."""
    return NOTICED_WITHIN_S * load.seen["per_s"]


def _sentence(sent):
    return (f"{FOLLOWED} requests to product took four ways, {FOLLOWED // 4} each: gateway, one of two balancers, one "
            f"of two machines. Then balancers were killed (kill -9). With two, all {sent} requests for a product were "
            "answered: the gateway tried the other one. Of as many payments only those failed that were under way "
            "through the dead one, some of them after the card was charged: a POST is not tried again. With the only "
            "one dead, every request to user got a 502.")
