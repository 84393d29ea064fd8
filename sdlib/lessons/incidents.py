"""Blind incidents in the whole shop: something happens, and the learner sees what a night shift sees.

The shop of lesson 19, a tenth of it, for a tenth of the crowd. Nothing says what broke: only what each part did.
"""

import random
import re
from functools import cache
from typing import NamedTuple

import pandas as pd

from sdlib import data
from sdlib.components.clients import Clients
from sdlib.engine.schedule import at
from sdlib.lessons.measures import figure
from sdlib.lessons.shop import PAGES, shop
from sdlib.results.simulate import simulate

USERS, OBJECTS, PATIENCE_S = 100_000, 3_000, 3.0
BEGINS_S, SECONDS = 3.0, 8.0
EDGES = ("Mumbai", "Shanghai", "Newark", "Frankfurt am Main", "São Paulo")
TENTH = {"cpus": 8, "threads": 250, "workers": 300, "pace_per_s": 200.0, "per_s": 250.0, "product_connections": 10,
         "redis_s": 2.0, "balancers": 1, "edges": EDGES}
COUNT = {"user": 4, "product": 6, "order": 3, "payment": 3}
DOWN, LESS, MORE = "it is down", "it can do less than before", "more comes than it can do"
WHYS = (DOWN, LESS, MORE)
NOT_SHOWN = re.compile(r"(threads|machines|hidden|dead letters)$|^line from|^payment topic$")


class Fault(NamedTuple):
    """What happens, and the part that it happens to."""

    part: str
    why: str
    schedule: tuple = ()
    profile: tuple = ()


def _killed(part, *stations):
    return Fault(part, DOWN, tuple(at(BEGINS_S, "kill", station) for station in stations or (part,)))


def _all_of(service):
    return _killed(f"{service} machines", *(f"{service} {number + 1}" for number in range(COUNT[service])))


FAULTS = (
    _killed("product Redis"), _killed("edge Mumbai"), _all_of("order"), _all_of("user"),
    Fault("product database", LESS, (at(BEGINS_S, "resize", "product database", places=1),)),
    Fault("product machines", MORE, (), ((0.0, 1.0), (BEGINS_S, 2.3))),
    _all_of("payment"), _killed("mail provider"), _killed("edge Shanghai"),
)


def drawn(seed):
    """The fault of this seed."""
    return random.Random(seed).choice(FAULTS)


class Night(NamedTuple):
    """What is seen of each part, each figure as (normally, now).

    parts[name]: {"answered": per second, "waiting": how many at a time, "failed": per second}; of what keeps answers,
    "answered" are those that it had. behind[name]: the parts that a request may go on to from there, however far.
    failed_percent, p95_ms: of the shop's requests.
    """

    parts: dict
    behind: dict
    failed_percent: tuple
    p95_ms: tuple


@cache
def night(fault, seed):
    """The five seconds since something happened, beside the same five seconds of a night on which nothing did."""
    before, normal, now = _usual(BEGINS_S, seed), _usual(SECONDS, seed), _run(fault, SECONDS, seed)
    began, usual, found = map(_totals, (before, normal, now))
    parts = {}
    for part in usual.index:
        both = [(table.loc[part] - began.loc[part]) / (SECONDS - BEGINS_S) for table in (usual, found)]
        parts[part] = {name: tuple(float(one[name]) for one in both) for name in usual.columns}
    return Night(parts, _behind(normal), *(tuple(figure(run, name) for run in (normal, now))
                                          for name in ("error_percent", "p95_ms")))


@cache
def _usual(seconds, seed):
    """The beginning of a night on which nothing happens."""
    return _run(None, seconds, seed)


def _run(fault, seconds, seed):
    crowd = Clients(users=USERS, routes=PAGES, countries=data.crowd(), timeout_s=PATIENCE_S, objects=OBJECTS,
                    profile=fault.profile if fault else ())
    return simulate(shop(19, **TENTH), crowd, seconds=seconds, seed=seed,
                    schedule=[one for one in (fault.schedule if fault else ()) if one.at_s < seconds])


def many_wait(seen):
    """Whether far more wait at a part than usual. seen: one of the parts of a `Night`."""
    usual, now = seen["waiting"]
    return now > 2 * usual + 20


def part_of(station, kind):
    """The name under which a station is shown: machines of a service together; "" for what is no part of its own."""
    if NOT_SHOWN.search(station):
        return ""
    return f"{station.rpartition(' ')[0]} machines" if kind == "Service" else station


def _totals(run):
    """By part, since the start: answered, waiting (seconds in line, of all together), failed."""
    stations = run.stations
    keeps = stations["kind"].isin(("Cache", "Edge", "ReverseProxy"))
    table = pd.DataFrame({"answered": stations["served"].where(~keeps, stations["hits"]),
                          "waiting": stations["mean_queue"] * run.seconds,
                          "failed": stations[["refused", "lost", "failed"]].sum(axis=1)})
    names = [_shown_as(name, kind) for name, kind in stations["kind"].items()]
    return table.groupby(names, sort=False).sum().drop(index="", errors="ignore")


def _shown_as(station, kind):
    """A service's threads wait for its machines."""
    waits = re.fullmatch(r"(\w+) \d+ threads", station)
    return f"{waits[1]} machines" if waits else part_of(station, kind)


def _behind(run):
    """{part: the parts that a request may go on to from there, in order of their names}."""
    children = {node.index: node.children for node in run.nodes}
    parts = {node.index: part_of(node.name, node.kind) for node in run.nodes}

    @cache
    def beyond(index):
        return frozenset().union(*({parts[child]} | beyond(child) for child in children[index]))
    found = {}
    for index, part in parts.items():
        found.setdefault(part, set()).update(beyond(index) - {"", part})
    return {part: sorted(behind) for part, behind in found.items() if part}
