"""The design contest of lesson 19: a shop for a million users, judged on days that its designer has not seen."""

from dataclasses import dataclass
from typing import NamedTuple

from sdlib import data
from sdlib.charts.fullest import fullness
from sdlib.charts.words import number as in_words
from sdlib.components.checks import check_number, complain
from sdlib.components.clients import Clients
from sdlib.engine.schedule import at
from sdlib.labs.status import StatusLine
from sdlib.lessons.measures import figure
from sdlib.lessons.shop import PAGES, shop
from sdlib.results.bill import usd_per_month
from sdlib.results.simulate import simulate
from sdlib.teach.view import Card

USERS, PATIENCE_S, BUDGET_USD = 1_000_000, 3.0, 32_000
HALF_MS, MOST_MS, OLDEST_PAGE_S = 100, 350, 120
HOUR_S, BEGINS_S, LASTS_S, SECONDS = 0.25, 1.5, 2.0, 5.0   # an hour of the real day takes a quarter of a second
VIRAL_SKEW, VIRAL_CROWD = 1.4, 1.2
KNOBS = ("cpus", "machines", "machine_tries", "threads", "balancers", "policy", "check_s", "tries", "stores",
         "redis_objects", "redis_s", "coalesce", "edges", "edge_objects", "edge_s", "page_s", "home", "workers",
         "pace_per_s", "retries", "timeout_s")
EXAMPLE = {"cpus": 32, "machines": {"product": 12}}


class Trial(NamedTuple):
    """One of the judge's days. play: (shop, the run of the real day, seed) -> run."""

    label: str
    most_failed_percent: float
    play: object


class Verdict(NamedTuple):
    """What became of a trial; fault: "" when all promises were kept."""

    label: str
    came: str
    fault: str


def contest(design, seed=0):
    """Try a design of the shop on five days for a million users in 48 countries, and give it points.

    design: a dict of knobs of `sd.shop(19)`, those of `KNOBS`. seed: whose customers come. Returns a `Contest`.
    ValueError for a knob that is not to be chosen, or a value that the shop refuses.
    """
    return judged(design, check_number("contest", "seed", seed, low=0, high=2**31 - 1, example=0, whole=True), TRIALS)


def judged(design, seed, trials):
    """The `Contest` of a design that is tried on these days, the first of them the real one."""
    system, verdicts, day = _shop(design), [], None
    with StatusLine("the judge", saved="(how far the judge is)", ends="done") as status:
        for place, trial in enumerate(trials, start=1):
            status.show(f"day {place} of {len(trials)}")
            run = trial.play(system, day, seed)
            day = day or run
            verdicts.append(Verdict(trial.label, _came(run), _fault(run, trial)))
    return Contest(tuple(verdicts), usd_per_month(system), _oldest_page_s(design))


def _shop(design):
    if not isinstance(design, dict):
        complain("contest", "design", design, "a dict of knobs of sd.shop(19)", EXAMPLE)
    for name in design:
        if name not in KNOBS:
            complain("contest", "design", name, "knobs among " + ", ".join(map(repr, KNOBS)), EXAMPLE)
    return shop(19, **design)


def _oldest_page_s(design):
    """How old a product's page may be: what an edge keeps may have come from Redis at the end of its time there."""
    knobs = {"redis_s": 60.0, "page_s": None, "stores": ("product",)} | design
    return (knobs["redis_s"] if "product" in knobs["stores"] else 0.0) + (knobs["page_s"] or 0.0)


@dataclass(frozen=True, repr=False)
class Contest:
    """What the judge says. verdicts: one for each day; is_won; points; usd_per_month; print() gives it as text."""

    verdicts: tuple
    usd_per_month: float
    oldest_page_s: float

    @property
    def faults(self):
        """The promises that were not kept, in words: the days' first, then the bill and the pages' age."""
        found = [f"{verdict.label}: {verdict.fault}" for verdict in self.verdicts if verdict.fault]
        if self.usd_per_month > BUDGET_USD:
            found.append(f"the bill: ${self.usd_per_month:,.0f} a month; {BUDGET_USD:,} may be spent.")
        if self.oldest_page_s > OLDEST_PAGE_S:
            found.append(f"the pages: one may be {self.oldest_page_s:,.0f} s old, and {OLDEST_PAGE_S} s are allowed.")
        return tuple(found)

    @property
    def is_won(self):
        return not self.faults

    @property
    def points(self):
        """20 for each day on which all promises were kept; who wins gets one for each percent of the budget left."""
        kept = sum(not verdict.fault for verdict in self.verdicts)
        return 20 * kept + (round(100 * (1 - self.usd_per_month / BUDGET_USD)) if self.is_won else 0)

    def _card(self):
        lines = [f"{'✗' if verdict.fault else '✓'} {verdict.label}: {verdict.fault or verdict.came}"
                 for verdict in self.verdicts]
        bill = f"${in_words(round(self.usd_per_month))} a month; {BUDGET_USD:,} may be spent"
        lines.append(f"{'✗' if self.usd_per_month > BUDGET_USD else '✓'} the bill: {bill}")
        age = f"at most {self.oldest_page_s:,.0f} s old, of {OLDEST_PAGE_S}"
        lines.append(f"{'✗' if self.oldest_page_s > OLDEST_PAGE_S else '✓'} the pages: {age}")
        word = "Won" if self.is_won else "Not yet"
        return Card("right" if self.is_won else "wrong", f"{word}: {self.points} points", tuple(lines))

    def __str__(self):
        return str(self._card())

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self._card()._repr_mimebundle_(include, exclude)


def _crowd(routes=PAGES, **knobs):
    return Clients(users=USERS, routes=routes, countries=data.crowd(), timeout_s=PATIENCE_S, **knobs)


def _real_day(system, day, seed):
    """The 24 hours of a real load balancer, as shares of their mean."""
    hours = data.elb_hours()["mean_requests_per_5min"]
    profile = [(HOUR_S * hour, float(share)) for hour, share in enumerate(hours / hours.mean())]
    return simulate(system, _crowd(profile=profile), seconds=24 * HOUR_S, seed=seed)


def _without(kinds, weight, for_s):
    """A day on which, of the stations of these kinds, the one with the most of a weight is killed."""
    def play(system, day, seed):
        stations = day.stations[day.stations["kind"].isin(kinds)]
        schedule = [at(BEGINS_S, "kill", weight(stations).idxmax(), **({"for_s": for_s} if for_s else {}))]
        return simulate(system, _crowd(), seconds=SECONDS, seed=seed, schedule=schedule)
    return play


def _viral(system, day, seed):
    """One product is in everybody's mouth: more product pages, most of them for one, and a larger crowd."""
    shares = PAGES | {"/product": 2 * PAGES["/product"]}
    routes = {path: share / sum(shares.values()) for path, share in shares.items()}
    crowd = _crowd(routes=routes, skew=VIRAL_SKEW, profile=((0, 1), (1, VIRAL_CROWD)))
    return simulate(system, crowd, seconds=SECONDS, seed=seed)


def _served(stations):
    return stations["served"]


def _busy_cores(stations):
    return stations["utilization"] * stations["capacity"]


TRIALS = (
    Trial("a real day, from its quietest hour to its busiest", 0.1, _real_day),
    Trial("the busiest edge is down", 1.0, _without(("Edge",), _served, LASTS_S)),
    Trial("the mail provider is down", 0.1, _without(("MailProvider",), _served, LASTS_S)),
    Trial("everybody wants the same product", 0.1, _viral),
    Trial("the busiest machine dies", 1.0, _without(("Service",), _busy_cores, None)),
)


def _came(run):
    return (f"{figure(run, 'error_percent'):.2f} % failed, half within {figure(run, 'p50_ms'):,.0f} ms, 95 % within "
            f"{figure(run, 'p95_ms'):,.0f} ms, and every message is accounted for")


def _fault(run, trial):
    """The first promise that was not kept, with what came instead."""
    failed, half_ms, most_ms = (figure(run, name) for name in ("error_percent", "p50_ms", "p95_ms"))
    if not failed <= trial.most_failed_percent:
        return f"{failed:.1f} % of the requests failed; {trial.most_failed_percent:g} % may. {_where(run)}"
    if not half_ms <= HALF_MS:
        return f"half of the answers took {half_ms:,.0f} ms or more; {HALF_MS} ms were promised. {_where(run)}"
    if not most_ms <= MOST_MS:
        return f"5 % of the answers took {most_ms:,.0f} ms or more; {MOST_MS} ms were promised. {_where(run)}"
    return _untold(run)


def _where(run):
    """What was down, and where most was turned away, or what was the fullest."""
    return " ".join(filter(None, (_down(run), _turned_away(run) or _fullest(run))))


def _down(run):
    if not len(run.incidents):
        return ""
    what = "was down" if run.incidents["what"].iloc[0] == "stopped" else "crashed, full of requests"
    return f"{run.incidents['station'].iloc[0]} {what}."


def _turned_away(run):
    turned_away = run.stations["refused"] + run.stations["lost"]
    few = turned_away.max() <= 0.001 * len(run.requests)
    return "" if few else f"Most were refused or lost at: {turned_away.idxmax()}."


def _fullest(run):
    shares = fullness(run)
    part = max(shares, key=shares.get)
    return f"The fullest part: {part}, asked for {100 * shares[part]:.0f} % of what it can do."


def _untold(run):
    """What is wrong with the messages: lost, given up, or ever later."""
    messages = run.messages
    outcomes = messages["outcome"].value_counts()
    gone = outcomes["lost"] + outcomes["dead-lettered"] + outcomes["expired"]
    if gone:
        return f"{gone:,} messages to customers were given up or lost."
    late = ((messages["outcome"] == "waiting") & (messages["receives"] == 0)).sum()
    if late > 0.1 * len(messages):
        return f"{late:,} of {len(messages):,} messages were not taken up by the end: the queue only grows."
    return ""
