"""Cache-aside: a shop that asks Redis first, and the database for what is not there."""

import time

from sdlib.labs.sales import SOLD, Sales

PAGE_BYTES = 2_000
KEPT_MS, LOCKED_MS = 600_000, 60_000
LOOKS_AGAIN_S = 0.005


class Shop:
    """One process of the shop: its own connections to Redis and to the database. Not to be shared by threads.

    query: what makes a page. locks: of those who miss the same page one asks the database, and the others wait for it.
    on_miss(): called between a miss and what follows. `sales` is its connection to the database.
    """

    def __init__(self, redis, path, query=SOLD, locks=False, on_miss=lambda: None):
        self._redis, self.sales, self._query = redis.client(), Sales(path), query
        self._locks, self._on_miss = locks, on_miss

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._redis.close()
        self.sales.close()

    @property
    def queries(self):
        """How often it asked the database."""
        return self.sales.queries

    def page(self, number):
        """The page with this number, as bytes; also without Redis."""
        key = key_of(number)
        try:
            kept = self._redis.ask("GET", key)
            if kept is not None:
                return kept
            self._on_miss()
            return self._fetch_alone(key, number) if self._locks else self._fetch(key, number)
        except OSError:
            return self._made(number)

    def _fetch(self, key, number):
        page = self._made(number)
        self._redis.ask(*stored(key, page))
        return page

    def _fetch_alone(self, key, number):
        """Whoever gets the lock fetches; it lasts longer than any query here, so its holder may simply delete it."""
        while self._redis.ask("SET", f"lock:{key}", "taken", "NX", "PX", LOCKED_MS) is None:
            time.sleep(LOOKS_AGAIN_S)
        try:
            return self._redis.ask("GET", key) or self._fetch(key, number)       # another one may have been first
        finally:
            self._redis.ask("DEL", f"lock:{key}")

    def _made(self, number):
        return page_of(number, self.sales.ask(self._query, number))


def key_of(number):
    """The key of a page in Redis: all are of one length, as the pages are."""
    return f"page:{number:06d}"


def stored(key, page):
    """The command that keeps a page."""
    return "SET", key, page, "PX", KEPT_MS


def page_of(number, sold):
    """The page with this number: bytes."""
    return f"{number:06d}: {sold:,} sold".ljust(PAGE_BYTES).encode()


def is_page_of(page, number):
    """Whether the page is the one that was asked for."""
    return len(page) == PAGE_BYTES and page.startswith(b"%06d: " % number)
