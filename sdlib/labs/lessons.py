"""The labs of the lessons: each drives real software for less than 30 s and returns a LabResult."""

from itertools import pairwise

from sdlib.components.checks import check_number, complain
from sdlib.labs.balancing import balanced
from sdlib.labs.bigger import bigger_machine
from sdlib.labs.cached import redis_cache
from sdlib.labs.channels import three_queues
from sdlib.labs.distances import distance
from sdlib.labs.edges import edge
from sdlib.labs.fanned import fan_out
from sdlib.labs.five import one_of_five
from sdlib.labs.gate import gateway_checks
from sdlib.labs.layered import layers
from sdlib.labs.mail_behind import background_worker
from sdlib.labs.mail_inside import sync_mail
from sdlib.labs.proxied import proxy_cache
from sdlib.labs.queued import queue
from sdlib.labs.recordings import recorded
from sdlib.labs.result import LabResult
from sdlib.labs.slow import slow_service
from sdlib.labs.web import ON_THE_WAY_S, check_load, web_server

__all__ = ["background_worker", "balanced", "bigger_machine", "distance", "edge", "fan_out", "gateway_checks",
           "hockey_stick", "layers", "one_of_five", "one_server", "planned_restart", "proxy_cache", "queue",
           "redis_cache", "slow_service", "sync_mail", "three_queues"]

LITTLE_TOLERANCE = 0.01
RISES_BY, CALM_PERCENT, AT_ONCE_MS = 2, 80, 1.0
PAST_CAPACITY_FACTOR = 1.6          # the last load takes longer: crash, restart and what comes after must fit in


@recorded()
def one_server(cpus=4, requests_per_s=200, seconds=5, service_ms=10.0, seed=1):
    """Lesson 1: what a request costs on a real server that has time to spare.

    cpus, service_ms: as for `web_server`; requests_per_s, seconds: as for `WebServer.load`, at most 90 % of
    the capacity. Returns a LabResult. A hundred users send 6.7 requests/s, too few to measure within seconds.
    """
    running = web_server(cpus=cpus, service_ms=service_ms, seed=seed)
    check_load(requests_per_s, seconds)
    load_percent = round(100 * requests_per_s * service_ms / 1000 / cpus)
    check_number("lab.one_server", "load_percent", load_percent, low=1, high=90, example=50,
                 unit="% of the capacity: requests_per_s x service_ms / 1000 / cpus")
    with running as server:
        load = server.load(requests_per_s, seconds, seed)
    claims = [("every request is accounted for", load.conserved()),
              ("every request was answered with its row from SQLite", _all_answered(load)),
              ("no request was held for less than its CPU time", _held_long_enough(load)),
              ("requests in the server = arrival rate x time in the server (Little's law)", _little_holds(load))]
    return LabResult({load_percent: load}, claims,
                     f"All {len(load.requests):,} real requests were answered, each with its row from SQLite, and "
                     "Little's law holds in the real server as in the simulated one.")


@recorded()
def hockey_stick(cpus=2, utilizations=(0.3, 0.6, 0.8, 0.95, 1.3), seconds=2.5, service_ms=10.0, ram_requests=64,
                 restart_s=0.5, seed=1):
    """Lesson 2: a real server at rising load, and past its capacity.

    utilizations: rising shares of the capacity, the first at most 0.5 and the last 1.2 to 2. Each load measures
    the service time and so sets the next one's rate. seconds: per load, the last takes 1.6 times as long.
    The rest as for `web_server`; the default is a machine of 2 CPUs with 0.5 GB for requests of 8 MB, since the
    real requests share the learner's CPU with the clients. Returns a LabResult.
    """
    utilizations = _checked_utilizations(utilizations)
    running = web_server(cpus=cpus, service_ms=service_ms, ram_requests=ram_requests, restart_s=restart_s, seed=seed)
    check_number("lab.hockey_stick", "service_ms", service_ms, low=1, high=50, example=10, unit="ms")
    check_number("lab.hockey_stick", "seconds", seconds, low=0.5, high=30, example=2.5, unit="s per load")
    check_load(utilizations[-1] * cpus * 1000 / service_ms, seconds * PAST_CAPACITY_FACTOR)
    loads, measured_ms = {}, service_ms
    with running as server:
        for utilization in utilizations:
            length_s = seconds * (PAST_CAPACITY_FACTOR if utilization > 1 else 1)
            load = server.load(utilization * cpus * 1000 / measured_ms, length_s, seed)
            loads[round(100 * utilization)] = load
            measured_ms = service_ms + _overhead_ms(load)
        after = server.load(cpus * 200 / measured_ms, 0.5, seed)
    return LabResult(loads, _overload_claims(loads, after),
                     "The real server does what the simulated one does: latency rises with the load, and past its "
                     "capacity memory ran out, it crashed, lost and refused requests, and served again after the "
                     "restart.")


@recorded()
def planned_restart(cpus=2, rates=(30, 60, 90), seconds=2.5, restart_s=1.0, service_ms=10.0, seed=1):
    """Lesson 4: a real server that is restarted while requests come, at several rates.

    rates: rising numbers of requests/s, at least two, up to 90 % of the capacity. seconds: per rate; the server is
    stopped after a quarter of them, and started again restart_s later. The rest as for `web_server`. Returns a
    LabResult.
    """
    running = web_server(cpus=cpus, service_ms=service_ms, restart_s=restart_s, seed=seed)
    rates = _checked_rates(rates, seconds, cpus * 1000 / service_ms)
    check_number("lab.planned_restart", "seconds", seconds, low=2 * restart_s + 0.4, high=30, example=2.5,
                 unit="s: room for the restart")
    with running as server:
        loads = {rate: server.load(rate, seconds, seed, restart_at_s=seconds / 4) for rate in rates}
    return LabResult(loads, _restart_claims(loads),
                     "The real server loses what the simulated one loses: all that is inside when it stops, and all "
                     "that comes until it listens again. The more come, the more are lost.", axis="requests per second")


def _restart_claims(loads):
    failed = [len(load.requests) - len(load.answered) for load in loads.values()]
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("each load met one restart", all(load.crashes == 1 for load in loads.values())),
            ("the more came, the more failed", all(low < high for low, high in pairwise(failed))),
            ("whoever failed did so while the server was away", all(map(_failed_meanwhile, loads.values()))),
            ("nobody was answered meanwhile", all(map(_silent_meanwhile, loads.values()))),
            ("half a second after the restart all were answered again", all(map(_well_afterwards, loads.values())))]


def _failed_meanwhile(load):
    (stopped_s, up_s), = load.server["down"]
    failed_s = load.ended_s[load.requests["status"] != "ok"]
    return bool(failed_s.between(stopped_s - ON_THE_WAY_S, up_s + ON_THE_WAY_S).all())


def _silent_meanwhile(load):
    (stopped_s, up_s), = load.server["down"]
    answered_s = load.ended_s[load.requests["status"] == "ok"]
    return not answered_s.between(stopped_s + ON_THE_WAY_S, up_s - ON_THE_WAY_S).any()


def _well_afterwards(load):
    (_, up_s), = load.server["down"]
    return bool((load.requests.loc[load.requests["intended_s"] > up_s + 0.5, "status"] == "ok").all())


def _checked_rates(rates, seconds, capacity_per_s):
    example = (30, 60, 90)
    try:
        given = [check_load(rate, seconds)[0] for rate in rates]
    except TypeError:
        complain("lab.planned_restart", "rates", rates, "a list of requests/s", example)
    rising = all(low < high for low, high in pairwise(given))
    if len(given) < 2 or not rising or given[-1] > 0.9 * capacity_per_s:
        complain("lab.planned_restart", "rates", rates, f"at least two rising numbers up to {0.9 * capacity_per_s:g} "
                 "requests/s, 90 % of the capacity", example)
    return rates


def _overload_claims(loads, after):
    first, *_, last = loads
    below, past = loads[first], loads[last]
    failed = past.requests["status"].value_counts()
    return [("every request is accounted for", all(load.conserved() for load in [*loads.values(), after])),
            (f"at {first} % of its capacity the server answered all", _all_answered(below)),
            (f"the median latency at {last} % is more than {RISES_BY} times that at {first} %",
             _median_ms(past) > RISES_BY * _median_ms(below)),
            (f"at {last} % fewer requests found a free worker than at most of the loads up to {CALM_PERCENT} %",
             _is_crowded(past, [load for share, load in loads.items() if share <= CALM_PERCENT])),
            (f"at {last} % memory ran out and the server crashed", past.crashes > 0),
            (f"at {last} % requests were lost in the crash", failed["lost"] > 0),
            (f"at {last} % requests were refused during the restart", failed["refused"] > 0),
            ("after the restart the server answered all again", _all_answered(after))]


def _median_ms(load):
    return load.answered["latency_ms"].median()


def _is_crowded(past, calm):
    """Most of them, not each: other work on this machine may take a server's capacity away for the length of a load."""
    emptier = sum(_found_free_worker(load) > _found_free_worker(past) for load in calm)
    return emptier > len(calm) / 2


def _found_free_worker(load):
    """The share of the requests that hardly waited; at random times it is the share of time with a worker free."""
    return (load.requests["waited_ms"] < AT_ONCE_MS).mean()


def _all_answered(load):
    return len(load.answered) == len(load.requests)


def _overhead_ms(load):
    """What holding a real worker adds to the CPU time asked for; the median ignores a stall of this machine."""
    return (load.answered["service_ms"] - load.answered["drawn_ms"]).median()


def _held_long_enough(load):
    return bool((load.answered["service_ms"] >= load.answered["drawn_ms"]).all())


def _little_holds(load):
    """The server's own count of who was inside, against the times that the requests report.

    Over a time that begins and ends empty the law is exact: it fails when a request was miscounted.
    """
    in_flight = load.request_seconds / load.seconds
    rate_per_s = len(load.answered) / load.seconds
    time_in_server_s = (load.answered["waited_ms"] + load.answered["service_ms"]).mean() / 1000
    return abs(in_flight - rate_per_s * time_in_server_s) <= LITTLE_TOLERANCE * in_flight


def _checked_utilizations(utilizations):
    example = (0.3, 0.6, 0.8, 0.95, 1.3)
    try:
        shares = [check_number("lab.hockey_stick", "utilizations", share, low=0.05, high=2, example=0.8)
                  for share in utilizations]
    except TypeError:
        complain("lab.hockey_stick", "utilizations", utilizations, "a list of shares of the capacity", example)
    rising = all(low < high for low, high in pairwise(shares))
    if len(shares) < 2 or not rising or shares[0] > 0.5 or shares[-1] < 1.2:
        complain("lab.hockey_stick", "utilizations", utilizations,
                 "rising shares of the capacity, the first at most 0.5 and the last from 1.2 to 2", example)
    return shares
