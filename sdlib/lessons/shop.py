"""The shop as it stands after each lesson: what later lessons, tables and tests build on."""

from dataclasses import replace
from functools import partial

from sdlib.components.cache import Cache
from sdlib.components.calls import Call
from sdlib.components.cdn import CDN
from sdlib.components.checks import check_number, complain
from sdlib.components.database import Database
from sdlib.components.gateway import Gateway
from sdlib.components.geography import MUMBAI
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.region import Region
from sdlib.components.reverse_proxy import ReverseProxy
from sdlib.components.server import Server
from sdlib.components.service import Service
from sdlib.lessons import telling
from sdlib.lessons.layering import in_front

FIRST, LAST = 1, 19
ROUTES = {"/product": 0.80, "/user": 0.10, "/order": 0.07, "/payment": 0.03}  # an assumption: most only look around
PICTURES = 0.6  # of all requests, an assumption: a page of a shop shows several
PAGES = {path: (1 - PICTURES) * share for path, share in ROUTES.items()} | {"/static": PICTURES}
MACHINES = {"user": 1, "product": 3, "order": 1, "payment": 1, "notification": 1}
TWO_OF_EACH = {"user": 2, "product": 3, "order": 2, "payment": 2}
FOR_A_MILLION = {"user": 4, "product": 6, "order": 3, "payment": 3}
ALL_CHANNELS = ("mail", "whatsapp", "sms")
IN_REDIS = ("user", "product")
MOST_MACHINES = 200


def shop(lesson, **knobs):
    """The system as it stands after that lesson, from 1 to 19.

    1, 2: one small server. 3, 4: one large server. 5: five small servers, and no one who knows which of them is up.
    6: a balancer in front of them. 7: five services. 8: a gateway in front of the services. 9: payment waits for the
    mail. 10: a worker in the background sends it. 11: a queue in between. 12: three channels with a queue each. 13: a
    topic in front of the queues. 14: a reverse proxy in front of all, which keeps the pictures. 15: a pair of
    balancers in front of each service. 16: a Redis between the services and their databases. 17: the same shop, which
    stands in Mumbai for clients of all countries. 18: a CDN in front of it. 19: the same with machines, a Redis and
    channels that are large enough for a million users.
    """
    lesson = check_number("shop", "lesson", lesson, low=FIRST, high=LAST, example=LAST, whole=True)
    build = _BUILD[lesson]
    known = _knobs(build)
    for name in knobs:
        if name not in known:
            complain("shop", "knob", name, "one of " + ", ".join(map(repr, known)), next(iter(known)))
    return build(**knobs)


def _knobs(build):
    """Its knobs and their defaults, and those that it passes on."""
    return {name: value for one in (*_PASSES_ON.get(build, ()), build) for name, value in one.__kwdefaults__.items()}


def small_server(*, cpus=4, ram_gb=4, service_ms=10.0, restart_s=30.0, connections=16):
    """Steps 1 to 5: one machine and its database."""
    return Server(cpus, ram_gb, service_ms, restart_s=restart_s, calls=[Database(connections)], name="server")


def large_server(*, cpus=1000, ram_gb=128, service_ms=10.0, restart_s=30.0, connections=300):
    """Steps 5 to 8: the document's large machine, with a database that keeps up."""
    return small_server(cpus=cpus, ram_gb=ram_gb, service_ms=service_ms, restart_s=restart_s, connections=connections)


def five_servers(*, machines=5, cpus=4, ram_gb=4, service_ms=10.0, connections=64, down=()):
    """Steps 9 and 10: requests go to any of them, as a list of addresses does it: also to one that is down.

    down: when the first of them is away.
    """
    farm = _farm(machines, cpus, ram_gb, service_ms, connections)
    first = [replace(server, down=down) for server in farm[:1]]
    return LoadBalancer([*first, *farm[1:]], policy="random", name="addresses")


def balanced(*, machines=5, cpus=4, ram_gb=4, service_ms=10.0, connections=64, policy="least_connections",
             health_check_s=5.0, max_fails=1, tries=2):
    """Steps 11 to 14: a balancer that looks after its machines."""
    return LoadBalancer(_farm(machines, cpus, ram_gb, service_ms, connections), policy=policy,
                        health_check_s=health_check_s, max_fails=max_fails, tries=tries, work_ms=0.1, cpus=2)


def services(*, machines=None, cpus=4, ram_gb=8, threads=200, timeout_s=1.0, payment_ms=30.0, sends=None,
             front=None, store=None, product_query_ms=1.0, product_connections=64):
    """Steps 15 and 16, by path: user, product, order, payment; notification stands behind payment.

    An order asks user and product at the same time; a payment asks order, then notifies. machines: how many of each.
    sends: what payment calls to tell the customer, in place of a notification service that does nothing yet.
    front: what stands in front of a service's machines, front(name, machine, how many); otherwise a list of them.
    store: what stands in front of a service's database, store(name, database); otherwise nothing. product_query_ms,
    product_connections: of the product database.
    """
    count = MACHINES | (machines or {})
    _check_machines(count)

    def database(name, connections, query_ms):
        found = Database(connections, query_ms, name=f"{name} database")
        return store(name, found) if store else found

    def service(name, service_ms, calls):
        machine = Service(cpus, ram_gb, service_ms, calls=calls, threads=threads, name=name)
        return (front or _list)(name, machine, count[name])

    def call(target):
        return Call(target, timeout_s)

    user = service("user", 5.0, [database("user", 32, 1.0)])
    product = service("product", 10.0, [database("product", product_connections, product_query_ms)])
    sends = [call(service("notification", 5.0, []))] if sends is None else sends
    order = service("order", 15.0, [[call(user), call(product)], database("order", 32, 2.0)])
    payment = service("payment", payment_ms, [call(order), *sends])
    return {"/user": user, "/product": product, "/order": order, "/payment": payment}


def split(*, machines=None, cpus=4, ram_gb=8, threads=200, timeout_s=1.0, payment_ms=30.0):
    """The services behind something that only looks at the path."""
    parts = services(machines=machines, cpus=cpus, ram_gb=ram_gb, threads=threads, timeout_s=timeout_s,
                     payment_ms=payment_ms)
    return Gateway(parts, check_ms=0.0, name="paths")


def guarded(*, machines=None, cpus=4, ram_gb=8, threads=200, timeout_s=1.0, payment_ms=30.0, per_user_per_s=5.0,
            burst=10.0, per_s=None):
    """Steps 17 and 18: a gateway that also asks who comes, and how often."""
    parts = services(machines=machines, cpus=cpus, ram_gb=ram_gb, threads=threads, timeout_s=timeout_s,
                     payment_ms=payment_ms)
    return Gateway(parts, per_user_per_s=per_user_per_s, burst=burst, per_s=per_s)


def mailing(*, mail_ms=300.0, failure_rate=0.0, down=(), per_s=telling.LIMIT_PER_S, cpus=4, threads=200,
            payment_ms=30.0, machines=None, timeout_s=1.0):
    """Step 19: payment waits until the mail is sent. mail_ms, failure_rate, down, per_s: of the mail provider."""
    sends = telling.in_the_request(cpus=cpus, threads=threads, mail_ms=mail_ms, failure_rate=failure_rate, down=down,
                                   per_s=per_s)
    return _telling(sends, cpus, threads, payment_ms, machines, timeout_s)


def background(*, workers=20, mail_ms=300.0, failure_rate=0.0, down=(), per_s=telling.LIMIT_PER_S, cpus=4, threads=200,
               payment_ms=30.0, machines=None, timeout_s=1.0):
    """Steps 20 and 21: a worker in the background sends the mail, from a list in its memory."""
    sends = telling.in_memory(workers=workers, mail_ms=mail_ms, failure_rate=failure_rate, down=down, per_s=per_s)
    return _telling(sends, cpus, threads, payment_ms, machines, timeout_s)


def queued(*, channels=("mail",), retries=10, pace_per_s=telling.PACE_PER_S, workers=20, mail_ms=300.0,
           failure_rate=0.0, down=(), per_s=telling.LIMIT_PER_S, send_ms=10.0, cpus=4, threads=200, payment_ms=30.0,
           machines=None, timeout_s=1.0):
    """Steps 22 and 23: a queue with retries and dead letters in between. channels: "mail", "whatsapp", "sms"."""
    sends = telling.by_queues(channels=channels, workers=workers, retries=retries, pace_per_s=pace_per_s,
                              mail_ms=mail_ms, failure_rate=failure_rate, down=down, per_s=per_s, send_ms=send_ms)
    return _telling(sends, cpus, threads, payment_ms, machines, timeout_s)


def three_channels(*, channels=ALL_CHANNELS, retries=10, pace_per_s=telling.PACE_PER_S, workers=20,
                   mail_ms=300.0, failure_rate=0.0, down=(), per_s=telling.LIMIT_PER_S, send_ms=10.0, cpus=4,
                   threads=200, payment_ms=30.0, machines=None, timeout_s=1.0):
    """Steps 24 to 27: the same for WhatsApp and SMS; payment sends to one queue after another."""
    return queued(channels=channels, retries=retries, pace_per_s=pace_per_s, workers=workers, mail_ms=mail_ms,
                  failure_rate=failure_rate, down=down, per_s=per_s, send_ms=send_ms, cpus=cpus, threads=threads,
                  payment_ms=payment_ms, machines=machines, timeout_s=timeout_s)


def fanned_out(*, channels=ALL_CHANNELS, publish_ms=10.0, retries=10, pace_per_s=telling.PACE_PER_S,
               workers=20, mail_ms=300.0, failure_rate=0.0, down=(), per_s=telling.LIMIT_PER_S, cpus=4, threads=200,
               payment_ms=30.0, machines=None, timeout_s=1.0):
    """Steps 28 to 30: payment publishes once; the queues of the channels have subscribed."""
    sends = telling.by_topic(publish_ms=publish_ms, channels=channels, workers=workers, retries=retries,
                             pace_per_s=pace_per_s, mail_ms=mail_ms, failure_rate=failure_rate, down=down, per_s=per_s)
    return _telling(sends, cpus, threads, payment_ms, machines, timeout_s)


def proxied(*, capacity=10_000, kept_s=3_600.0, stale_s=60.0, coalesce=True, publish_ms=10.0, retries=10, workers=20,
            mail_ms=300.0, cpus=4, threads=200, payment_ms=30.0, machines=None, timeout_s=1.0):
    """Step 31: a reverse proxy in front of the gateway. The pictures come from the product service, the first time."""
    gateway = fanned_out(publish_ms=publish_ms, retries=retries, workers=workers, mail_ms=mail_ms, cpus=cpus,
                         threads=threads, payment_ms=payment_ms, machines=machines, timeout_s=timeout_s)
    return _behind_a_proxy(gateway, capacity, kept_s, stale_s, coalesce)


def layered(*, balancers=2, policy="least_connections", check_s=1.0, tries=2, channels=ALL_CHANNELS, publish_ms=10.0,
            retries=10, pace_per_s=telling.PACE_PER_S, workers=20, mail_ms=300.0, failure_rate=0.0, down=(),
            per_s=telling.LIMIT_PER_S, cpus=4, threads=200, payment_ms=30.0, machines=None, timeout_s=1.0,
            product_query_ms=1.0):
    """Step 32: behind the gateway each service has its own balancers. check_s, tries: of who calls a balancer."""
    sends = telling.by_topic(publish_ms=publish_ms, channels=channels, workers=workers, retries=retries,
                             pace_per_s=pace_per_s, mail_ms=mail_ms, failure_rate=failure_rate, down=down, per_s=per_s)
    front = partial(in_front, balancers=balancers, policy=policy, check_s=check_s, tries=tries)
    return _behind_a_proxy(_gateway(services(
        machines=TWO_OF_EACH | (machines or {}), cpus=cpus, threads=threads, timeout_s=timeout_s,
        payment_ms=payment_ms, sends=sends, front=front, product_query_ms=product_query_ms)))


def remembered(*, stores=IN_REDIS, redis_objects=5_000, redis_s=60.0, redis_ms=0.5, coalesce=True, redis_down=(),
               balancers=2, policy="least_connections", check_s=1.0, tries=2, channels=ALL_CHANNELS, publish_ms=10.0,
               retries=10, pace_per_s=telling.PACE_PER_S, workers=20, mail_ms=300.0, failure_rate=0.0, down=(),
               per_s=telling.LIMIT_PER_S, others=None, cpus=4, ram_gb=8, threads=200, payment_ms=30.0, machines=None,
               timeout_s=1.0, product_query_ms=1.0, product_connections=64, machine_tries=1):
    """Step 33: a Redis for each service of `stores`, asked before the service's database (cache-aside).

    redis_objects, redis_s, redis_ms: how many answers fit, how long one is kept, how long a look-up takes. others:
    knobs of the other channels' providers. product_query_ms, product_connections: of the product database.
    machine_tries: at how many machines a balancer tries a request.
    """
    _check_layers(stores, balancers, machines, machine_tries)
    sends = telling.by_topic(publish_ms=publish_ms, channels=channels, workers=workers, retries=retries,
                             pace_per_s=pace_per_s, mail_ms=mail_ms, failure_rate=failure_rate, down=down, per_s=per_s,
                             knobs=others)

    def store(name, database):
        return database if name not in stores else Cache(
            database, redis_objects, redis_s, redis_ms, coalesce, down=redis_down, name=f"{name} Redis")
    front = partial(in_front, balancers=balancers, policy=policy, check_s=check_s, tries=tries,
                    machine_tries=machine_tries)
    return _behind_a_proxy(_gateway(services(
        machines=TWO_OF_EACH | (machines or {}), cpus=cpus, ram_gb=ram_gb, threads=threads, timeout_s=timeout_s,
        payment_ms=payment_ms, sends=sends, front=front, store=store, product_query_ms=product_query_ms,
        product_connections=product_connections)))


def in_mumbai(*, home=MUMBAI, tls="1.3", new_connections=0.2, **knobs):
    """Step 34: the same shop for clients of all countries; it stands in one region. knobs: those of lesson 16."""
    return Region(remembered(**knobs), home, tls=tls, new_connections=new_connections)


def at_the_edge(*, edges=None, edge_objects=10_000, edge_s=3_600.0, page_s=None, home=MUMBAI, tls="1.3",
                new_connections=0.2, **knobs):
    """Step 35: a CDN in front of it, which keeps the pictures in its edges. knobs: those of lesson 16.

    edge_s, page_s: how long an edge keeps a picture and a product's page; None for pages: not at all.
    """
    pages = {} if page_s is None else {"/product": page_s}
    return CDN(remembered(**knobs), edges, home, caches={"/static": edge_s} | pages, capacity=edge_objects,
               coalesce=True, stale_s=60.0, tls=tls, new_connections=new_connections)


def whole_shop(*, cpus=64, ram_gb=None, threads=2_000, machines=None, redis_objects=10_000, workers=1_200,
               pace_per_s=900.0, per_s=1_000.0, product_query_ms=5.0, product_connections=100, **knobs):
    """The end of the document: what lesson 18 built, large enough for a million users in 48 countries.

    ram_gb: of each machine; None: 4 for each core, as the machines of the price list have. knobs: those of lessons 18
    and 16.
    """
    check_number("shop", "cpus", cpus, low=1, high=100_000, example=32, whole=True)
    return at_the_edge(cpus=cpus, ram_gb=4 * cpus if ram_gb is None else ram_gb, threads=threads,
                       machines=_more(FOR_A_MILLION, machines), redis_objects=redis_objects, workers=workers,
                       pace_per_s=pace_per_s, per_s=per_s, others={"per_s": per_s}, product_query_ms=product_query_ms,
                       product_connections=product_connections, **knobs)


def _behind_a_proxy(gateway, capacity=10_000, kept_s=3_600.0, stale_s=60.0, coalesce=True):
    """The pictures come from the product service."""
    gateway = replace(gateway, services=gateway.services | {"/static": gateway.services["/product"]})
    return ReverseProxy(gateway, caches={"/static": kept_s}, capacity=capacity, stale_s=stale_s, coalesce=coalesce)


def _more(usual, machines):
    """How many machines each service has, where others are asked for; what is no dict is told later."""
    return usual if machines is None else usual | machines if isinstance(machines, dict) else machines


def _check_machines(count):
    for name, machines in count.items():
        if name not in MACHINES:
            complain("shop", "machines", name, "names among " + ", ".join(map(repr, MACHINES)), {"product": 3})
        check_number("shop", f"machines[{name!r}]", machines, low=1, high=MOST_MACHINES, example=3, whole=True)


def _check_layers(stores, balancers, machines, machine_tries):
    check_number("shop", "balancers", balancers, low=1, high=MOST_MACHINES, example=2, whole=True)
    check_number("shop", "machine_tries", machine_tries, low=1, high=100, example=2, whole=True)
    if not isinstance(stores, (list, tuple)) or not all(isinstance(name, str) and name in MACHINES for name in stores):
        complain("shop", "stores", stores, "a list of services, among " + ", ".join(map(repr, MACHINES)), IN_REDIS)
    if not isinstance(machines, (dict, type(None))):
        complain("shop", "machines", machines, "a dict of services and how many machines each has", {"product": 3})


def _telling(sends, cpus, threads, payment_ms, machines, timeout_s):
    """The guarded shop, in which payment tells its customers so."""
    return _gateway(services(machines=machines, cpus=cpus, threads=threads, timeout_s=timeout_s,
                             payment_ms=payment_ms, sends=sends))


def _gateway(parts):
    return Gateway(parts, per_user_per_s=5.0, burst=10.0)


def _list(name, machine, count):
    """A machine, or several that whoever calls them has a list of."""
    return machine if count == 1 else LoadBalancer(
        [machine] * count, policy="least_connections", health_check_s=5.0, name=f"{name} balancer")


def _farm(machines, cpus, ram_gb, service_ms, connections):
    """Machines of the same kind, one database for all."""
    return [Server(cpus, ram_gb, service_ms, calls=[Database(connections)], name="server")] * machines


_PASSES_ON = {in_mumbai: (remembered,), at_the_edge: (remembered,), whole_shop: (remembered, at_the_edge)}
_BUILD = {1: small_server, 2: small_server, 3: large_server, 4: large_server, 5: five_servers, 6: balanced, 7: split,
          8: guarded, 9: mailing, 10: background, 11: queued, 12: three_channels, 13: fanned_out,
          14: proxied, 15: layered, 16: remembered, 17: in_mumbai, 18: at_the_edge, 19: whole_shop}


def _help():
    """What each lesson's knobs are, and what they are set to: the end of what help(sd.shop) prints."""
    told = ["", "    Knobs"]
    for build in dict.fromkeys(_BUILD.values()):
        lessons = ", ".join(str(lesson) for lesson, one in _BUILD.items() if one is build)
        knobs = ", ".join(f"{name}={value!r}" for name, value in build.__kwdefaults__.items())
        told += ["", f"    Lesson {lessons}. {build.__doc__.strip()}", f"    {knobs}"]
    return "\n".join(told)


if shop.__doc__:  # python -OO takes docstrings away
    shop.__doc__ += _help() + "\n    "
