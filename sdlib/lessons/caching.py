"""A reverse proxy whose rule a learner writes: for how long may an answer be kept? The trial of lesson 14's medium
exercise."""

from typing import NamedTuple

from sdlib.components.clients import Clients
from sdlib.components.reverse_proxy import ReverseProxy
from sdlib.components.server import Server
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, number, shown

SECONDS, USERS, PER_MINUTE = 60, 400, 6.0
LONGEST_S = 31_536_000.0


class Shop(NamedTuple):
    """What the paths of a shop say about their answers: {path: headers}, and how often each is asked for."""

    label: str
    answers: dict
    shares: dict
    seed: int


class Evening(NamedTuple):
    """What became of it."""

    leaks: int        # answers that were somebody else's
    too_long: dict    # path -> (seconds kept, seconds allowed)
    fetches: int      # requests that a server had to answer
    fewest: int       # with the longest times that are allowed


def may_keep_s(headers):
    """How long a cache that serves everybody may keep an answer, in seconds."""
    if "private" in headers or "no-store" in headers or "set-cookie" in headers:
        return 0
    return headers.get("s-maxage", headers.get("max-age", 0))


def belongs_to_one(headers):
    """Whether the answer is made for the customer who asked."""
    return "private" in headers or "set-cookie" in headers


def keep(rule, shop):
    """An evening in which the proxy keeps each answer for as long as the learner's rule says."""
    kept_s = {path: _seconds(rule(dict(headers))) for path, headers in shop.answers.items()}
    allowed_s = {path: may_keep_s(headers) for path, headers in shop.answers.items()}
    run = _simulate(shop, kept_s)
    too_long = {path: (kept_s[path], allowed_s[path]) for path in kept_s
                if kept_s[path] > allowed_s[path] and not belongs_to_one(shop.answers[path])}
    return Evening(int(run.stations.loc["reverse proxy", "leaks"]), too_long, _fetches(run),
                   _fetches(_simulate(shop, allowed_s)))


def _simulate(shop, kept_s):
    caches = {path: float(seconds) for path, seconds in kept_s.items() if seconds > 0}
    proxy = ReverseProxy(Server(8, 8, 5.0), caches=caches or {"/nothing": 1.0}, respects_private=False,
                         private=[path for path, headers in shop.answers.items() if belongs_to_one(headers)])
    crowd = Clients(users=USERS, requests_per_minute=PER_MINUTE, routes=shop.shares, objects=20)
    return simulate(proxy, crowd, seconds=SECONDS, seed=shop.seed)


def _fetches(run):
    return int(run.stations.loc["reverse proxy", ["misses", "passed"]].sum())


def _seconds(answer):
    """What the rule gave, as seconds."""
    seconds = number(answer)
    if not 0 <= seconds <= LONGEST_S:
        raise WrongKind(f"You gave {shown(answer)}. Seconds lie between 0 and {LONGEST_S:,.0f}, a year.")
    return seconds
