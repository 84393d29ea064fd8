"""Where a CDN's edges stand, as a learner's rule chooses them: the trial of lesson 18's exercise."""

from functools import cache
from typing import NamedTuple

from sdlib.components.cdn import CDN
from sdlib.components.clients import Clients
from sdlib.components.geography import hub_of, way_to_city
from sdlib.components.server import Server
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown

SECONDS, USERS, PICTURES = 10, 6_000, 5  # so few pictures that the stores are warm at once


class Market(NamedTuple):
    """A shop's customers: how many millions are in each country, and how many edges it may have."""

    label: str
    users: dict
    budget: int
    seed: int = 1


class Outcome(NamedTuple):
    """What came of the choice. mean_ms: NaN where it is over the budget."""

    chosen: tuple
    mean_ms: float


@cache
def all_cities():
    """The cities to choose from: each is the nearest of some country."""
    return CDN(Server(4, 4)).cities


def rtt_ms(users):
    """{city: {country: round-trip time in ms}}."""
    return {city: {country: round(way_to_city(hub_of("Clients", country), city).rtt_ms, 1) for country in users}
            for city in all_cities()}


def place(choose_edges, market):
    """A run of this market with the edges that the rule chose; a picture's mean latency, the origin in Mumbai."""
    chosen = _cities(choose_edges(rtt_ms(market.users), dict(market.users), market.budget))
    if not 0 < len(chosen) <= market.budget:
        return Outcome(chosen, float("nan"))
    system = CDN(Server(64, 64, 10.0), edges=list(chosen))
    crowd = Clients(users=USERS, countries=market.users, routes={"/static": 1}, objects=PICTURES)
    run = simulate(system, crowd, seconds=SECONDS, seed=market.seed)
    return Outcome(chosen, float(run.measures()["mean_ms"]))


def _cities(answer):
    """The cities that the rule named, each once, in its order."""
    if not isinstance(answer, (list, tuple, set)):
        raise WrongKind(f"You gave {shown(answer)}.")
    for city in answer:
        if city not in all_cities():
            raise WrongKind(f"You gave {shown(city)}. The cities are the names in rtt_ms.")
    return tuple(dict.fromkeys(answer))
