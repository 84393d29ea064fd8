"""Random systems and crowds for the tests of the engines: every component, small, busy and often broken."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

import sdlib as sd
from sdlib.components.policies import POLICIES
from sdlib.engine.blueprint import blueprint
from sdlib.kernel.retry import BACKOFFS, JITTERS
from sdlib.kernel.statuses import DISTRIBUTIONS

TICK_S = 0.25  # exact in binary, so sums of ticks are exact too, and events do fall on the same instant
MEMORY_MB = 8.0


@dataclass(frozen=True)
class Times:
    """What lengths of time a system is made of: anything, or multiples of a tick only."""

    work_ms: st.SearchStrategy
    pause_s: st.SearchStrategy  # may be 0
    wait_s: st.SearchStrategy  # above 0
    distribution: st.SearchStrategy
    jitter: st.SearchStrategy
    edges_s: st.SearchStrategy


def floats(low, high):
    return st.floats(low, high, allow_nan=False, width=32)


def ticks(low, high):
    return st.integers(low, high).map(lambda count: count * TICK_S)


ANY = Times(work_ms=floats(0, 120) | st.just(0.0), pause_s=floats(0, 2) | st.just(0.0), wait_s=floats(0.0625, 1.5),
            distribution=st.sampled_from(DISTRIBUTIONS), jitter=st.sampled_from(JITTERS), edges_s=floats(0, 8))
TIES = Times(work_ms=ticks(0, 3).map(lambda seconds: 1000 * seconds), pause_s=ticks(0, 4), wait_s=ticks(1, 4),
             distribution=st.just("constant"), jitter=st.just("none"), edges_s=ticks(0, 32))


def ram_gb(requests):
    """Memory for so many requests in flight; 0.01 GB is the least there is, and holds one."""
    return max(requests * MEMORY_MB / 1024, 0.01)


@st.composite
def stops(draw, times):
    edges = sorted(draw(st.lists(times.edges_s, max_size=4, unique=True)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


def databases(times):
    return st.builds(sd.Database, connections=st.integers(1, 3), query_ms=times.work_ms,
                     distribution=times.distribution)


def providers(times):
    return st.builds(lambda kind, **knobs: kind(**knobs),
                     kind=st.sampled_from([sd.MailProvider, sd.WhatsAppProvider, sd.SmsProvider]),
                     latency_ms=times.work_ms, distribution=times.distribution,
                     failure_rate=st.sampled_from([0.0, 0.2, 0.7]), unknown_share=st.sampled_from([0.0, 0.3]),
                     per_s=st.none() | st.sampled_from([1.0, 4.0, 30.0]), burst=st.none() | st.sampled_from([1.0, 3.0]),
                     down=stops(times))


def workers(times, behind=None):
    calls = st.just([]) if behind is None else st.lists(steps(times, behind), max_size=2)
    return st.builds(sd.Worker, count=st.integers(1, 4), work_ms=times.work_ms, distribution=times.distribution,
                     failure_rate=st.sampled_from([0.0, 0.0, 0.3, 0.5, 0.9, 1.0]), calls=calls,
                     per_s=st.none() | st.sampled_from([1.0, 4.0, 25.0]), batch=st.sampled_from([1, 1, 2, 3, 10]),
                     delete=st.sampled_from(["after work", "after work", "before work"]), idempotent=st.booleans())


def by_attempt(attempt):
    return 0.25 * attempt


def at_once_if_unknown(receives, error):
    return error == "not found" or receives >= 3


def queues(times, behind=None):
    waits = st.none() | retries(times).map(lambda retry: replace(retry, budget=None)) | st.just(
        sd.Retry(3, by_attempt))
    return st.builds(sd.Queue, worker=workers(times, behind), visibility_timeout_s=times.wait_s,
                     max_receives=st.none() | st.integers(1, 4), retry=waits,
                     dead_letter=st.sampled_from([None, None, at_once_if_unknown]),
                     delay_s=st.just(0.0) | times.pause_s, retention_s=st.none() | times.wait_s | st.just(4.0),
                     send_ms=st.just(0.0) | times.work_ms if times is ANY else st.just(0.0),
                     in_memory=st.sampled_from([False, False, False, True]))


@st.composite
def topics(draw, times):
    waits = times.work_ms if times is ANY else st.just(0.0)  # drawn from an exponential: a tick only where it is 0
    wanted = st.none() | st.sampled_from([["/user/9"], ["/", "/order/1"]])
    subscriptions = draw(st.lists(queues(times) | st.builds(
        sd.Subscription, queue=queues(times), routes=wanted, share=st.sampled_from([0.0, 0.5, 1.0])),
        min_size=1, max_size=3))
    return sd.Topic(subscriptions, publish_ms=draw(waits), delivery_ms=draw(waits),
                    route=draw(st.sampled_from([None, first_only])))


def first_only(event, subscriptions):
    return subscriptions if event["route"] == "/" else subscriptions[:1]


@st.composite
def servers(draw, times, behind):
    kind = draw(st.sampled_from([sd.Server, sd.Service]))
    return kind(
        cpus=draw(st.integers(1, 3)), ram_gb=ram_gb(draw(st.sampled_from([1, 2, 3, 4, 7, 30, 1_000]))),
        memory_mb=MEMORY_MB, service_ms=draw(times.work_ms), distribution=draw(times.distribution),
        restart_s=draw(times.pause_s), down=draw(stops(times)), calls=draw(st.lists(steps(times, behind), max_size=3)),
        threads=draw(st.none() | st.integers(1, 4)), admits=draw(st.none() | st.integers(1, 5)))


def steps(times, behind):
    """What a server calls next: a component, a patient or an impatient call, or several at the same time."""
    one = behind | calls(times, behind)
    return one | st.lists(one, min_size=1, max_size=3)


def calls(times, behind):
    waits = st.tuples(st.none() | times.wait_s, st.none() | times.wait_s).filter(
        lambda pair: None in pair or pair[0] > pair[1])
    return st.builds(lambda target, wait, retry: sd.Call(target, wait[0], retry, wait[1]), behind, waits,
                     retries(times))


@st.composite
def retries(draw, times):
    backoff = draw(st.sampled_from(BACKOFFS))
    return sd.Retry(draw(st.integers(0, 3)), backoff, first_s=draw(times.pause_s),
                    most_s=draw(times.pause_s.map(lambda pause: 2 * pause)),
                    jitter="none" if backoff == "none" else draw(times.jitter),
                    budget=draw(st.none() | st.sampled_from([0.0, 0.1, 0.5, 1.0])))


def by_turn_and_user(machines, turn, user):
    return (turn + user) % len(machines)


@st.composite
def balancers(draw, times, behind):
    policy = draw(st.sampled_from([*POLICIES, *POLICIES, by_turn_and_user]))  # compiling one's own takes half a second
    only_servers = policy == "pooled_queue" or draw(st.booleans())
    one = servers(times, behind) if only_servers else behind | servers(times, behind)
    targets = draw(st.lists(one, min_size=1, max_size=3)) * draw(st.integers(1, 2))
    weights = draw(st.none() | st.lists(st.integers(1, 5), min_size=len(targets), max_size=len(targets)))
    return sd.LoadBalancer(
        targets, policy=policy, weights=weights, health_check_s=draw(st.none() | times.wait_s),
        max_fails=draw(st.none() | st.integers(1, 3)), fail_timeout_s=draw(times.pause_s),
        tries=draw(st.integers(1, 3)), work_ms=draw(st.just(0.0) | times.work_ms),
        cpus=draw(st.none() | st.integers(1, 2)))


@st.composite
def gateways(draw, times, behind):
    paths = draw(st.lists(st.sampled_from(["/", "/user", "/user/9", "/order"]), min_size=1, max_size=3, unique=True))
    return sd.Gateway({path: draw(behind) for path in paths},
                      accepts=draw(st.sampled_from([("valid",), ("expired",), ("valid", "guest")])),
                      allows=draw(st.none() | st.just({paths[0]: ["valid"]})),
                      per_s=draw(st.none() | st.sampled_from([1.0, 20.0])),
                      burst_of_all=draw(st.sampled_from([1.0, 7.0])),
                      per_user_per_s=draw(st.none() | st.sampled_from([0.5, 4.0])),
                      burst=draw(st.sampled_from([1.0, 2.0, 5.0])), check_ms=draw(times.work_ms))


@st.composite
def caches(draw, times, behind):
    stale_s = draw(st.none() | times.wait_s | st.just(4.0))
    return sd.Cache(draw(behind), capacity=draw(st.integers(1, 6)), ttl_s=draw(st.none() | times.wait_s),
                    lookup_ms=draw(times.work_ms), coalesce=draw(st.booleans()),
                    early=draw(st.none() | st.sampled_from([0.5, 3.0, 30.0])) if times is ANY else None,
                    stale_s=stale_s, while_updating=stale_s is not None and draw(st.booleans()),
                    negative_ttl_s=draw(st.none() | times.wait_s), lookup_timeout_ms=draw(times.work_ms),
                    down=draw(st.just(()) | stops(times)))


@st.composite
def reverse_proxies(draw, times, behind):
    stale_s = draw(st.none() | times.wait_s | st.just(4.0))
    paths = draw(st.lists(st.sampled_from(["/", "/user", "/user/9", "/order"]), max_size=3, unique=True))
    return sd.ReverseProxy(draw(behind), caches={path: draw(times.wait_s) for path in paths},
                           private=draw(st.sampled_from([("/user",), (), ("/",)])),
                           respects_private=draw(st.booleans()), capacity=draw(st.integers(1, 6)),
                           coalesce=draw(st.booleans()), stale_s=stale_s,
                           while_updating=stale_s is not None and draw(st.booleans()), proxy_ms=draw(times.work_ms))


def stores(times, behind):
    return caches(times, behind) | reverse_proxies(times, behind)


@st.composite
def systems(draw, times):
    """A system up to four deep, in which some parts are shared."""
    leaves = databases(times) | queues(times, databases(times) | providers(times)) | providers(times) | topics(times)
    shared = draw(st.lists(leaves, min_size=1, max_size=2))
    behind = leaves | st.sampled_from(shared)
    shared += draw(st.lists(servers(times, behind) | stores(times, behind) | balancers(times, behind), max_size=2))
    behind = behind | st.sampled_from(shared)
    for _ in range(draw(st.integers(0, 1))):
        behind = behind | servers(times, behind) | stores(times, behind) | balancers(times, behind)
    return draw(st.one_of(servers(times, behind), balancers(times, behind), stores(times, behind),
                          gateways(times, behind), leaves))


ACTIONS = {"kill": [{"for_s": 0.5}, {}], "restore": [{}], "resize": [{"places": 2}],
           "upgrade": [{"cpus": 3, "down_s": 0.25}], "add": [{"target": 0}], "remove": [{"target": 0}],
           "rolling_upgrade": [{"down_s": 0.25, "drain_s": 0.5}], "invalidate": [{}], "redrive": [{}, {"per_s": 4}]}


def can(component, action):
    targets = component.behind() if action == "rolling_upgrade" else ()
    return action in component.actions and all("upgrade" in target.actions for target in targets)


@st.composite
def schedules(draw, times, system):
    """Changes to anything in the system, at any time, again and again."""
    able = [(node, action) for node in blueprint(system) for action in ACTIONS if can(node.component, action)]
    changes = draw(st.lists(st.tuples(times.edges_s, st.sampled_from(able)), max_size=6))
    return [sd.at(at_s, action, node.name, **draw(st.sampled_from(ACTIONS[action])))
            for at_s, (node, action) in changes]


@st.composite
def cases(draw, of, times, crowds, seconds):
    """(system, clients, seconds, seed, schedule)."""
    system = draw(of(times))
    return (system, draw(crowds), draw(seconds), draw(st.integers(0, 2**63 - 1)), draw(schedules(times, system)))


@st.composite
def patience(draw, times):
    """How a client waits and tries again, and what it asks for."""
    return {"timeout_s": draw(st.none() | times.wait_s), "retry": draw(retries(times)),
            "objects": draw(st.integers(1, 12)), "skew": draw(floats(0, 2)),
            "routes": draw(st.sampled_from([{"/": 1}, {"/user/9": 1, "/order/1": 2, "/x": 0.5}])),
            "tokens": draw(st.sampled_from([{"valid": 1}, {"valid": 3, "expired": 1, "guest": 2}])),
            "greedy_share": draw(st.sampled_from([0.0, 0.5]))}


@st.composite
def profiles(draw):
    if draw(st.booleans()):
        return sd.spike(draw(floats(0.125, 6)), draw(floats(0.125, 3)), draw(floats(0, 4)))
    starts = sorted(draw(st.lists(floats(0, 12), max_size=4, unique=True)))
    steps = [(start_s, draw(floats(0, 4))) for start_s in starts]
    return steps if any(factor for _, factor in steps) else ()


@st.composite
def poisson_crowds(draw):
    users = draw(st.integers(1, 20) | st.integers(20, 150))
    return sd.Clients(users=users, requests_per_minute=60, profile=draw(profiles()), **draw(patience(ANY)))


@st.composite
def crowds_on_ticks(draw):
    bursts = draw(st.lists(st.tuples(st.integers(0, 24), st.integers(1, 30)), min_size=1, max_size=12))
    arrivals_s = sorted(TICK_S * tick for tick, count in bursts for _ in range(count))
    return sd.Clients(users=1, arrivals_s=arrivals_s, **draw(patience(TIES)))


@st.composite
def message_systems(draw, times):
    """Senders in front of queues and topics whose workers call providers."""
    behind = queues(times, providers(times)) | topics(times)
    return draw(behind | servers(times, behind) | gateways(times, behind))


def message_cases():
    """Message systems with all distributions."""
    return cases(message_systems, ANY, poisson_crowds(), floats(2, 10))


def tied_message_cases():
    """The same with every delay a multiple of one tick and no jitter."""
    return cases(message_systems, TIES, crowds_on_ticks(), ticks(8, 60))


def general_cases():
    """(system, clients, seconds, seed, schedule) with all distributions."""
    return cases(systems, ANY, poisson_crowds(), floats(2, 10))


def tied_cases():
    """The same with every delay a multiple of one tick and no jitter, so that many events coincide."""
    return cases(systems, TIES, crowds_on_ticks(), ticks(8, 60))


@st.composite
def store_systems(draw, times):
    """Caches and reverse proxies in front of what fails and is slow; some of them are shared."""
    leaves = databases(times) | providers(times) | servers(times, databases(times))
    store = draw(stores(times, leaves))
    behind = st.just(store) | stores(times, leaves | st.just(store))
    return draw(stores(times, behind) | servers(times, behind) | balancers(times, behind) | st.just(store))


def of_few_keys(crowds):
    """Crowds that ask for the same again and again."""
    return st.builds(lambda crowd, objects, routes: replace(crowd, objects=objects, routes=routes), crowds,
                     st.integers(1, 3), st.sampled_from([{"/": 1}, {"/user/9": 1}, {"/user/9": 1, "/order/1": 2}]))


def store_cases():
    """Caches and reverse proxies with all distributions."""
    return cases(store_systems, ANY, of_few_keys(poisson_crowds()), floats(2, 10))


def tied_store_cases():
    """The same with every delay a multiple of one tick and no jitter."""
    return cases(store_systems, TIES, of_few_keys(crowds_on_ticks()), ticks(8, 60))


def regions(times, behind):
    return st.builds(sd.Region, behind, home=st.sampled_from(["ap-south-1", "us-east-1"]),
                     tls=st.sampled_from(["1.2", "1.3"]), new_connections=st.sampled_from([0.0, 0.3, 1.0]))


@st.composite
def cdns(draw, times, behind):
    paths = draw(st.lists(st.sampled_from(["/", "/user", "/order"]), max_size=2, unique=True))
    cities = st.sampled_from([1, 3, ["Mumbai"], ["Singapore", "Frankfurt am Main", "Mumbai"]])
    return sd.CDN(draw(behind), edges=draw(cities),
                  caches={path: draw(times.wait_s) for path in paths}, capacity=draw(st.integers(1, 4)),
                  private=draw(st.sampled_from([("/user",), ()])), coalesce=draw(st.booleans()),
                  stale_s=draw(st.none() | times.wait_s), new_connections=draw(st.sampled_from([0.0, 0.3])))


@st.composite
def far_systems(draw, times):
    """Regions and edges in front of what fails and is slow."""
    leaves = servers(times, databases(times) | providers(times)) | caches(times, databases(times))
    behind = leaves | regions(times, leaves)
    return draw(regions(times, leaves) | cdns(times, behind) | balancers(times, cdns(times, leaves)))


def far_cases():
    """Regions and CDNs under crowds from several countries."""
    countries = st.sampled_from([{"IN": 1}, {"US": 2, "IN": 1, "NG": 1}, {"DE": 1, "SG": 1, "BR": 1, "JP": 1}])
    crowds = st.builds(lambda crowd, where: replace(crowd, countries=where), of_few_keys(poisson_crowds()), countries)
    return cases(far_systems, ANY, crowds, floats(2, 10))
