"""Numbers that a lesson's prose states and that no cell of it computes: each with what proves it.

FACTS[lesson]["number as it is written"] is a function that takes nothing and returns True when the number is right.
"""

import inspect
from dataclasses import fields
from http import HTTPStatus

import sdlib as sd
from sdlib.engine.blueprint import blueprint
from sdlib.labs.gate import BATCHES, BURST
from sdlib.labs.web import poisson_arrivals
from sdlib.lessons.contest import BUDGET_USD, MOST_MS
from sdlib.lessons.lesson_06 import balanced_shop
from sdlib.lessons.lesson_07 import split_shop
from sdlib.lessons.lesson_09 import checkouts
from sdlib.lessons.shop import ROUTES
from sdlib.theory.network import FIT_MS, FIT_PER_FIBRE


def default(component, knob):
    """The value that a knob has when nobody turns it."""
    return next(field.default for field in fields(component) if field.name == knob)


def per_second(users):
    """Requests per second of a crowd with the default habits."""
    return users * default(sd.Clients, "requests_per_minute") / 60


def small_server():
    return sd.Server(cpus=4, ram_gb=4)


def whole_shop(name):
    """A component of the last lesson's shop."""
    return next(node.component for node in blueprint(sd.shop(19)) if node.name == name)


def capacity_per_s():
    return small_server().cpus * 1000 / default(sd.Server, "service_ms")


def lab_utilizations():
    return inspect.signature(sd.lab.hockey_stick).parameters["utilizations"].default


def lab_requests(lab):
    """How many requests a lab sends."""
    knobs = {name: knob.default for name, knob in inspect.signature(lab).parameters.items()}
    return len(poisson_arrivals(knobs["requests_per_s"], knobs["seconds"], knobs["seed"]))


def usd_a_month(name):
    system = sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()])
    return round(sd.cost(system).set_index("component").loc[name, "usd_per_month"])


SERVICE_MS = {"10": lambda: default(sd.Server, "service_ms") == 10}
MEMORY_MB = {"8": lambda: default(sd.Server, "memory_mb") == 8}


def traffic():
    return sd.data.elb_hours()


def steady_usd_a_month(cores):
    """The cheapest machine with so many cores that may be busy all day."""
    listed = sd.data.instances().dropna(subset="usd_per_hour_us_east_1_linux_od").query(f"vcpu == {cores}")
    steady = listed[~listed["instance_type"].str.startswith("t3.")]
    return round(730 * steady["usd_per_hour_us_east_1_linux_od"].min())


def cores_on_the_list():
    return sorted(set(sd.data.instances()["vcpu"]))


def checkouts_per_s():
    from sdlib.lessons.shop import ROUTES
    return per_second(12_000) * ROUTES["/payment"]


def shop_worker():
    from sdlib.components.worker import Worker
    from sdlib.engine.blueprint import blueprint
    return next(node.component for node in blueprint(sd.shop(10)) if isinstance(node.component, Worker))


def slow_payment_s():
    from sdlib.lessons.lesson_07 import SLOW_MS
    return SLOW_MS / 1000


def payment():
    return sd.shop(9).services["/payment"]


def from_mumbai(city, column):
    return sd.data.regions().set_index("nearest_city").loc[city, column]


def work_on_the_first_picture_ms():
    """What the shop needs for the picture that New York asks for, in lesson 18."""
    cdn = sd.CDN(sd.Server(cpus=64, ram_gb=64, name="shop"), edges=["Newark", "São Paulo", "Mumbai"])
    twice = sd.Clients(users=2, arrivals_s=[0, 5], objects=1, routes={"/static": 1}, countries={"US": 1})
    trace = sd.simulate(cdn, twice, seconds=10, seed=1, engine="reference").trace(0)
    at_s = trace[trace["where"] == "shop"].set_index("what")["when_s"]
    return 1000 * (at_s["work is done, gives its place back"] - at_s["gets a place, work begins"])


def interval_level():
    return inspect.signature(sd.replicate).parameters["level"].default


WAITS = sd.Retry(10, "zero, then exponential")

FACTS = {
    0: SERVICE_MS | MEMORY_MB | {
        "400": lambda: capacity_per_s() == 400,
        "512": lambda: small_server().most_in_flight == 512,
        "16": lambda: default(sd.Database, "connections") == 16,
        "121": lambda: usd_a_month("server") == 121,
        "77": lambda: usd_a_month("database") == 77,
        "48": lambda: len(sd.data.crowd()) == 48,
    },
    1: SERVICE_MS | MEMORY_MB | {
        "1": lambda: default(sd.Database, "query_ms") == 1,
        "95": lambda: interval_level() == 0.95,
    },
    2: SERVICE_MS | MEMORY_MB | {
        "100": lambda: 1000 / default(sd.Server, "service_ms") == 100,
        "400": lambda: capacity_per_s() == 400,
        "6,000": lambda: per_second(6_000) == capacity_per_s(),
        "512": lambda: small_server().most_in_flight == 512,
        "30": lambda: default(sd.Server, "restart_s") == 30,
        "130": lambda: lab_utilizations()[-1] == 1.3,
    },
    3: SERVICE_MS | {
        "66,667": lambda: round(per_second(1_000_000)) == 66_667,
        "667": lambda: round(per_second(1_000_000) * 0.010) == 667,
        "66.7": lambda: round(per_second(1_000_000) * 0.010 / 1000 * 100, 1) == 66.7,
        "160": lambda: 16 * 1000 / default(sd.Database, "query_ms") == 160 * 1000 / default(sd.Server, "service_ms"),
        "140": lambda: inspect.signature(sd.lab.bigger_machine).parameters["requests_per_s"].default == 140,
        "77": lambda: usd_a_month("database") == 77,
    },
    4: {
        "3,000": lambda: per_second(3_000) == capacity_per_s() / 2,
        "14": lambda: "14 days" in sd.data.elb_hours.__doc__,
        "17": lambda: traffic()["mean_requests_per_5min"].idxmax() == 17,
        "99.9": lambda: round(sd.theory.nines(0.999), 9) == 3,
        "99.99": lambda: round(sd.theory.nines(0.9999), 9) == 4,
        "7": lambda: 1 + 2 + 4 == 7 and 7 + 8 == 15 and 15 + 16 == 31,
        "30": lambda: default(sd.Server, "restart_s") == 30,
    },
    5: {
        "1,000": lambda: per_second(100 * 10) == per_second(1_000),
        "131": lambda: steady_usd_a_month(4) == 131,
        "16": lambda: cores_on_the_list()[cores_on_the_list().index(16) + 1] == 32,
        "200": lambda: per_second(27_000) - 4 * capacity_per_s() == 200,
        "512": lambda: small_server().most_in_flight == 512,
    },
    6: {
        "0.1": lambda: sd.shop(6).work_ms == 0.1,
        "50": lambda: sd.data.figure("lat.proxy_nginx_haproxy_envoy").value == 50,
        "704": lambda: lab_requests(sd.lab.balanced) == 704,
    },
    7: {
        "2": lambda: slow_payment_s() == 2,
        "70": lambda: round(0.97 * default(sd.Server, "service_ms") + 0.03 * 1000 * slow_payment_s()) == 70,
        "24,000": lambda: balanced_shop()[1].users == 24_000,
        "10,000": lambda: split_shop()[1].users == 10_000,
        "200": lambda: default(sd.Service, "threads") == 200,
        "63.4": lambda: round(100 * (1 - 0.99**100), 1) == 63.4,
        "18": lambda: round(100 * (1 - 0.99**20)) == 18,
        "300": lambda: 3 * 1000 / default(sd.Server, "service_ms") == 300,
        "280": lambda: 280 < 300 < 2 * 280 == 560,
        "560": lambda: 2 * 280 == 560,
        "150": lambda: 2 * 150 == 300,
    },
    8: {
        "800": lambda: per_second(12_000) == 800,
        "404": lambda: HTTPStatus.NOT_FOUND == 404,
        "401": lambda: HTTPStatus.UNAUTHORIZED == 401,
        "403": lambda: HTTPStatus.FORBIDDEN == 403,
        "429": lambda: HTTPStatus.TOO_MANY_REQUESTS == 429,
        "21": lambda: BATCHES[0][1] == BURST + 1 == 21,
        "101": lambda: round(1000 * BATCHES[1][0]) == 101,
        "501": lambda: round(1000 * (BATCHES[2][0] - BATCHES[1][0])) == 501,
    },
    9: {
        "4": lambda: payment().cpus == 4,
        "24": lambda: checkouts().requests_per_second == 24,
        "200": lambda: payment().threads == 200,
        "242": lambda: round(24 * (10 + 0.065)) == 242,
        "20": lambda: round(200 / (10 + 0.065)) == 20,
        "1": lambda: sd.data.figure("ses.sandbox_rate").value == 1,
    },
    10: {
        "24": lambda: round(checkouts_per_s(), 9) == 24,
        "5": lambda: shop_worker().work_ms == 5,
        "0.305": lambda: (shop_worker().work_ms + 300) / 1000 == 0.305,
        "7.3": lambda: round(checkouts_per_s() * 0.305, 1) == 7.3,
        "7": lambda: 7 < checkouts_per_s() * 0.305 < 8,
        "27": lambda: round(600 * (checkouts_per_s() - 7 / 0.305) / (7 / 0.305)) == 27,
    },
    11: {
        "2": lambda: WAITS.delays_s()[2] == 2,
        "11": lambda: sd.Queue(sd.Worker(), retry=WAITS).most_receives == 11,
        "12,000": lambda: round(checkouts_per_s() * 60 / 4 / 0.03) == 12_000,
        "24": lambda: round(checkouts_per_s(), 9) == 24,
    },
    12: {
        "80": lambda: default(sd.WhatsAppProvider, "per_s") == 80,
        "100": lambda: default(sd.SmsProvider, "per_s") == 100,
    },
    13: {
        "100,015": lambda: "= 100015 over" in sd.data.figure("sns.retry_aws_managed").value,
        "23": lambda: "over 23 d" in sd.data.figure("sns.retry_aws_managed").value,
        "3": lambda: "3 retries" in sd.data.figure("sns.retry_http_default").value,
        "100,000": lambda: sd.data.figure("sns.topics_max_standard").value == 100_000,
        "10": lambda: sd.data.figure("sns.publish_batch_max").value == 10,
    },
    14: {
        "2,000": lambda: per_second(30_000) == 2_000,
        "16": lambda: 4 * small_server().cpus == 16,
        "1,600": lambda: 4 * capacity_per_s() == 1_600,
        "0.8": lambda: default(sd.Clients, "skew") == 0.8,
        "0.2": lambda: default(sd.ReverseProxy, "proxy_ms") == 0.2,
    },
    16: {
        "0.5": lambda: default(sd.Cache, "lookup_ms") == 0.5,
        "300": lambda: 280 < 600 / (2 + 0.010 + 0.100) < 300,               # threads, and seconds that one is held
        "10.1": lambda: default(sd.Server, "service_ms") + 0.1 == 10.1,
        "640": lambda: 64 * 1000 / 100 == 640,
        "720": lambda: round(per_second(12_000) * (0.80 + 0.07 + 0.03), 9) == 720,
    },
    17: {
        "48": lambda: len(sd.data.crowd()) == 48,
        "102": lambda: round(1 / sd.theory.fibre_rtt_ms(1)) == 102,
        "3.05": lambda: sd.theory.expected_rtt_ms(0) == 3.05,
        "190": lambda: round(from_mumbai("Ashburn", "rtt_ms_from_mumbai_p50")) == 190,
        "215": lambda: round(sd.theory.expected_rtt_ms(from_mumbai("Ashburn", "km_from_mumbai"))) == 215,
        "15": lambda: round(10 * 1.46) == 15,                           # ten packets of 1,460 bytes
        "100": lambda: (10 + 20) * 1.46 < 100 < (10 + 20 + 40) * 1.46,  # in kB: three round trips
        "1.68": lambda: round((sd.theory.expected_rtt_ms(1) - 3.05) / sd.theory.fibre_rtt_ms(1), 9) == 1.68,
    },
    18: {
        "48": lambda: len(sd.data.countries()) == len(sd.data.crowd()) == 48,
        "107": lambda: len(sd.data.edges()) == 107,
        "24": lambda: len(sd.data.edges().query("country_code == 'US'")) == 24,
        "3.05": lambda: FIT_MS == 3.05,
        "1.68": lambda: FIT_PER_FIBRE == 1.68,
        "32": lambda: round(work_on_the_first_picture_ms()) == 32,
        **SERVICE_MS,
    },
    19: {
        "48": lambda: len(sd.data.countries()) == len(sd.data.crowd()) == 48,
        "64": lambda: whole_shop("product 1").cpus == 64,
        "100": lambda: whole_shop("product database").connections == 100,
        "900": lambda: whole_shop("mail worker").per_s == 900,
        "1,000": lambda: whole_shop("sms provider").per_s == 1_000,
        "66,667": lambda: round(per_second(1_000_000)) == 66_667,
        "80": lambda: ROUTES["/product"] == 0.80,
        "32,000": lambda: BUDGET_USD == 32_000,
        "350": lambda: MOST_MS == 350,
    },
}
