"""Regions that a learner's rule picks, and who waits how long then: the trial of lesson 17's medium exercise."""

from typing import NamedTuple

import numpy as np

from sdlib import data
from sdlib.components.clients import Clients
from sdlib.components.geography import hubs, way_to_region
from sdlib.components.region import Region
from sdlib.components.server import Server
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown

WORK_MS, USERS, SECONDS = 5.0, 30_000, 3
FIRST_OF_A_COUNTRY = tuple(data.regions().drop_duplicates("country")["region"])


class Market(NamedTuple):
    """People online by country, and how many regions the shop can pay."""

    label: str
    people: dict
    count: int


class Settled(NamedTuple):
    """What became of it: the share of the requests that were answered in time, and the mean latency."""

    in_time_percent: float
    mean_ms: float


def rtt_ms_of(market):
    """{region: {country: round-trip time in ms}} of the regions that are to be had."""
    return {region: {country: way_to_region(hubs()[country], region).rtt_ms for country in market.people}
            for region in FIRST_OF_A_COUNTRY}


def settle(choose_regions, market, limit_ms, seed=1):
    """The shop in the regions that the rule chose, each country at the nearest of them, on kept connections."""
    rtt_ms = rtt_ms_of(market)
    chosen = _codes(choose_regions(dict(market.people), {region: dict(ways) for region, ways in rtt_ms.items()},
                                   market.count), rtt_ms, market.count)
    served = {country: min(chosen, key=lambda region: rtt_ms[region][country]) for country in market.people}
    latency_ms = np.concatenate([_latencies_ms(region, {
        country: people for country, people in market.people.items() if served[country] == region},
        sum(market.people.values()), seed) for region in sorted(set(served.values()))])
    return Settled(100 * float((latency_ms <= limit_ms).mean()), float(latency_ms.mean()))


def _latencies_ms(region, people, everybody, seed):
    crowd = Clients(users=max(1, round(USERS * sum(people.values()) / everybody)), countries=people)
    system = Region(Server(64, 64, WORK_MS, distribution="constant"), region, new_connections=0.0)
    return simulate(system, crowd, seconds=SECONDS, seed=seed).requests["latency_ms"].dropna().to_numpy()


def _codes(answer, known, count):
    """The regions that the rule named."""
    if isinstance(answer, str) or not isinstance(answer, (list, tuple, set)):
        raise WrongKind(f"You gave {shown(answer)}.")
    codes = list(answer)
    for code in codes:
        if not isinstance(code, str) or code not in known:
            raise WrongKind(f"You gave {shown(answer)}. The regions are the keys of rtt_ms, such as "
                            f"{', '.join(list(known)[:3])}.")
    if not 1 <= len(set(codes)) <= count:
        raise WrongKind(f"You gave {shown(answer)}. One region at least, and {count} at most.")
    return codes
