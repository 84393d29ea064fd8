"""The lab of lesson 16: Redis beside a real SQLite database, with an expensive query, as a cache of pages."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import pandas as pd

from sdlib.components.checks import check_number
from sdlib.labs.aside import Shop, is_page_of, key_of
from sdlib.labs.faults import in_words
from sdlib.labs.recordings import recorded
from sdlib.labs.redis import redis
from sdlib.labs.room import FULL_AFTER, OBJECTS, REQUESTS, SEED, SKEW, STREAM_S, give_room, replay
from sdlib.labs.sales import ONE_SALE, make_database
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.tally import Tally, TallyResult
from sdlib.theory.caches import che_hit_ratio
from sdlib.whole import whole

PAGES, READS = 10, 500
ROOMS = {"small": 500, "large": 1_500}                # pages that fit, of OBJECTS
COME_S = 30.0                                         # how long a crowd waits for its last customer
EXPIRES_MS = 50
QUICKER = 5
NEAR_SIMULATED, NEAR_FORMULA = 1.5, 2.5               # percentage points; a stream of its own is 0.8 off the formula
TWICE, EXPIRED, LOCKED, KILLED = "twice", "expired", "expired, lock", "Redis killed"
CASES = (TWICE, *ROOMS, EXPIRED, LOCKED, KILLED)
FORMULA, REACHED, REACHED_FIRST = "Che's formula", "reached the database", "reached it the first time"
PAGE_MS, FIRST_MS, SECOND_MS, GET_MS, READ_MS = (f"{what} (ms)" for what in (
    "median page", "median page, first time", "median page, second time", "median GET from Redis",
    "median read by primary key"))


class Cached(TallyResult):
    """How many of a hundred requests reached the database."""

    axis_title = "requests that reached the database (%)"

    def counts(self):
        return self._named(_reached_percent(self.loads))

    def simulated(self):
        return self._named(_simulated_percent(self.loads))

    def compare(self, simulate=None, seeds=20):
        """As of any lab of counts, in percent; beside it the formula, for the two streams."""
        return super().compare(simulate, seeds).assign(**{FORMULA: pd.Series(self._named(_by_formula(self.loads)))})

    def _named(self, percents):
        crowd = self.loads[EXPIRED].sent
        names = {TWICE: f"each twice: {PAGES} pages", EXPIRED: f"expired: {crowd} at once",
                 LOCKED: f"with a lock: {crowd} at once", KILLED: f"Redis killed: {PAGES} pages"}
        names |= {label: f"{pages:,} fit: of {OBJECTS:,}" for label, pages in ROOMS.items()}
        return {names[label]: percents[label] for label in CASES if label in percents}

    def _about(self):
        seen = self.loads[TWICE].seen
        return (f"Without Redis each request reaches the database. A cache pays off for what is slow to make: here the "
                f"query without an index took {seen[FIRST_MS]:.0f} ms and a GET from Redis "
                f"{1000 * seen[GET_MS]:.0f} µs, but a read by primary key from SQLite, in the same process, only "
                f"{1000 * seen[READ_MS]:.0f} µs. The two streams follow Zipf's law, and are counted once the "
                "store is full; their rows are read by primary key, since what a miss costs does not change how many "
                "there are.")

    def _fed_with(self):
        return ("The simulation was given the same requests, and room for as many pages as Redis was seen to hold: the "
                f"streams lie within {NEAR_SIMULATED} percentage points of it. They lie within {NEAR_FORMULA} of Che's "
                "formula, which no single stream meets exactly. Redis looks at ten pages picked by chance and drops "
                "the one used longest ago, by a clock that ticks once a second: so the streams take "
                f"{STREAM_S:.0f} seconds. The other counts are exact. The times differ from machine to machine.")


@recorded("Redis", result=Cached)
def redis_cache(crowd=10):
    """Lesson 16: a real Redis beside a database: first miss, then hit; how much fits; a stampede; Redis killed.

    crowd: customers who ask at once for a page that has expired, 5 to 30. Returns a LabResult; takes 20 s.
    """
    count = check_number("lab.redis_cache", "crowd", crowd, low=5, high=30, example=10, unit="customers", whole=True)
    with _running() as cases, in_words("the lab could not go on"):
        loads = cases.all(count)
    return Cached(loads, _claims(loads), _sentence(count), axis="case")


@contextmanager
def _running():
    with Stage() as stage, StatusLine("Redis and a database on 127.0.0.1") as status:
        with in_words("Redis and its database could not be started"):
            stores = {label: redis(stage, name=f"redis-{label}") for label in ROOMS}
            make_database(stage.folder / "sales.db")
        yield _Cases(stage, stores, status)


class _Cases:
    """The running stores, the database beside them, and the cases."""

    def __init__(self, stage, stores, status):
        self._stage, self._stores, self._status = stage, stores, status
        self._first = next(iter(stores.values()))

    def all(self, crowd):
        """Every case in its order: dict of label to Tally."""
        self._status.show("each page twice, and a crowd")
        loads = {TWICE: self._twice(), EXPIRED: self._crowd(crowd), LOCKED: self._crowd(crowd, locks=True)}
        loads |= self._streams()
        self._status.show("Redis was killed")
        self._stage.stop(self._first.process)
        with self._shop() as shop:
            loads[KILLED] = _asked(shop, range(PAGES))
        return loads

    def _twice(self):
        with self._shop() as shop:
            first, second = (_asked(shop, range(PAGES)) for _ in range(2))
        ends = {end: first.ends[end] + second.ends[end] for end in first.ends}
        return Tally(2 * PAGES, ends, {
            REACHED: first.seen[REACHED] + second.seen[REACHED], REACHED_FIRST: first.seen[REACHED],
            FIRST_MS: first.seen[PAGE_MS], SECOND_MS: second.seen[PAGE_MS]} | self._reads())

    def _reads(self):
        """How long a GET takes, and a read by primary key: medians."""
        client = self._first.client()
        with self._shop() as shop:
            _, get_ms = _timed(lambda number: client.ask("GET", key_of(number % PAGES)), range(READS))
            _, read_ms = _timed(lambda number: shop.sales.ask(ONE_SALE, number), range(READS))
        client.close()
        return {GET_MS: get_ms, READ_MS: read_ms}

    def _crowd(self, count, locks=False):
        """So many ask for one page that has just expired, and all of them miss it before one has made it again."""
        self._let_expire(0)
        all_missed = threading.Barrier(count, timeout=COME_S)

        def ask(_):
            with self._shop(locks=locks, on_miss=all_missed.wait) as shop:
                return is_page_of(shop.page(0), 0), shop.queries
        with ThreadPoolExecutor(count) as customers:
            told = list(customers.map(ask, range(count)))
        return _tally(sum(right for right, _ in told), count, sum(queries for _, queries in told))

    def _let_expire(self, number):
        client = self._first.client()
        client.ask("PEXPIRE", key_of(number), EXPIRES_MS)
        while client.ask("EXISTS", key_of(number)):
            time.sleep(EXPIRES_MS / 1000)
        client.close()

    def _streams(self):
        """One stream at two stores of different size."""
        self._status.show("filling the stores")
        with ExitStack() as opened:
            clients = [opened.enter_context(closing(store.client())) for store in self._stores.values()]
            shops = [opened.enter_context(self._shop(store, query=ONE_SALE)) for store in self._stores.values()]
            for client, pages in zip(clients, ROOMS.values(), strict=True):
                client.ask("FLUSHALL")
                give_room(client, pages)
            return dict(zip(ROOMS, replay(shops, clients, self._status.show), strict=True))

    def _shop(self, store=None, **knobs):
        return Shop(store or self._first, self._stage.folder / "sales.db", **knobs)


def _asked(shop, numbers):
    """Pages one after the other: a Tally."""
    before = shop.queries
    right, took_ms = _timed(lambda number: is_page_of(shop.page(number), number), numbers)
    return _tally(sum(right), len(numbers), shop.queries - before, {PAGE_MS: took_ms})


def _timed(act, numbers):
    """What act(number) gave for each, and the median time that it took, in ms."""
    given, took_ms = [], []
    for number in numbers:
        began_s = time.perf_counter()
        given.append(act(number))
        took_ms.append(1000 * (time.perf_counter() - began_s))
    return given, statistics.median(took_ms)


def _tally(right, sent, queries, seen=()):
    return Tally(sent, {"the right page": right, "another page": sent - right}, {REACHED: queries, **dict(seen)})


def _reached_percent(loads):
    return {label: 100 * load.seen[REACHED] / load.seen.get("counted", load.sent) for label, load in loads.items()}


def _simulated_percent(loads):
    """The same from the simulation: the same customers, and a store of the size that was measured."""
    with whole():
        from sdlib.labs.cache_models import crowd_fetches, stream_fetches, twice_fetches
    crowd, killed = loads[EXPIRED].sent, loads[KILLED].sent
    per_s = REQUESTS / STREAM_S
    streams = {label: stream_fetches(_room(loads[label]), OBJECTS, SKEW, REQUESTS, FULL_AFTER, per_s, SEED)
               for label in ROOMS}
    return {TWICE: 100 * twice_fetches(PAGES) / (2 * PAGES), EXPIRED: 100 * crowd_fetches(crowd) / crowd,
            LOCKED: 100 * crowd_fetches(crowd, coalesce=True) / crowd,
            KILLED: 100 * crowd_fetches(killed, is_down=True) / killed,
            **{label: 100 * count / (REQUESTS - FULL_AFTER) for label, count in streams.items()}}


def _by_formula(loads):
    """What Che's formula lets through of the streams, in percent."""
    return {label: 100 * (1 - che_hit_ratio(OBJECTS, SKEW, _room(loads[label]))) for label in ROOMS}


def _room(load):
    return round(load.seen["pages that fit"])


def _claims(loads):
    twice, killed, crowd = loads[TWICE].seen, loads[KILLED], loads[EXPIRED].sent
    reached, simulated, formula = _reached_percent(loads), _simulated_percent(loads), _by_formula(loads)
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("each page was the one that was asked for", not any(load.ends["another page"] for load in loads.values())),
            ("the first time the database made each page, the second time none",
             twice[REACHED_FIRST] == twice[REACHED] == PAGES),
            (f"the first time took more than {QUICKER} times as long as the second",
             twice[FIRST_MS] > QUICKER * twice[SECOND_MS]),
            ("the small store kept more than half of the stream from the database", reached["small"] < 50),
            ("the large store kept more than three quarters of it from the database", reached["large"] < 25),
            ("both streams reached the database as often as simulated",
             all(abs(reached[label] - simulated[label]) <= NEAR_SIMULATED for label in ROOMS)),
            ("both streams reached it as often as Che's formula says",
             all(abs(reached[label] - formula[label]) <= NEAR_FORMULA for label in ROOMS)),
            ("of a page that had expired each of the crowd made a query", loads[EXPIRED].seen[REACHED] == crowd),
            ("with a lock one of them did", loads[LOCKED].seen[REACHED] == 1),
            ("with Redis killed the database made each page", killed.seen[REACHED] == killed.sent),
            (f"that took more than {QUICKER} times as long as from Redis",
             killed.seen[PAGE_MS] > QUICKER * twice[SECOND_MS])]


def _sentence(crowd):
    return (f"The first time the database made each of {PAGES} pages, the second time Redis had them, in less than a "
            f"fifth of the time. With room for {ROOMS['small']:,} of {OBJECTS:,} pages Redis kept more than half of a "
            f"stream of {REQUESTS:,} requests from the database, with room for {ROOMS['large']:,} more than three "
            "quarters: as the simulation says, and the formula of Che. When a page had expired, "
            f"{crowd} customers at once meant {crowd} queries, with a lock (SET NX) 1. With Redis killed (kill -9) the "
            "shop still answered, each time from the database, more than five times as slowly.")
