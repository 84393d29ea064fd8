"""What a request is about: its key, route, user, country and token, each a pure function of seed and request."""

from functools import lru_cache

import numpy as np

from sdlib.kernel.draws import (
    PART_COUNTRY,
    PART_KEY,
    PART_ROUTE,
    PART_TOKEN,
    PART_USER,
    alias_table,
    uniform,
    zipf_shares,
)
from sdlib.kernel.jit import jit
from sdlib.kernel.state import CELL

DRAWN = ("keys", "routes", "countries", "tokens")  # drawn from tables; a user is drawn without one
PARTS = dict(zip(DRAWN, (PART_KEY, PART_ROUTE, PART_COUNTRY, PART_TOKEN)))


@jit(entry=True, inline=True)
def from_table(cells, first, count, draw):
    """Walker's alias method: one draw, one look-up."""
    position = draw * count
    column = int(position)
    cell = cells[first + column]
    return column if position - column < cell.time_s else cell.one


@jit(inline=True)
def key_of(m, request):
    clock = m.clock[0]
    return from_table(m.cells, clock.keys_from, clock.keys, uniform(clock.seed, request, 0, 0, PART_KEY))


@jit(inline=True)
def route_of(m, request):
    clock = m.clock[0]
    return from_table(m.cells, clock.routes_from, clock.routes, uniform(clock.seed, request, 0, 0, PART_ROUTE))


@jit(inline=True)
def country_of(m, request):
    clock = m.clock[0]
    return from_table(m.cells, clock.countries_from, clock.countries,
                      uniform(clock.seed, request, 0, 0, PART_COUNTRY))


@jit(inline=True)
def token_of(m, request):
    clock = m.clock[0]
    return from_table(m.cells, clock.tokens_from, clock.tokens, uniform(clock.seed, request, 0, 0, PART_TOKEN))


@jit(inline=True)
def user_of(m, request):
    clock = m.clock[0]
    return user_from(clock.seed, request, clock.users, clock.greedy_share)


@jit(entry=True, inline=True)
def user_from(seed, request, users, greedy_share):
    """Every user alike, but for user 0, who sends `greedy_share` of all requests besides."""
    draw = uniform(seed, request, 0, 0, PART_USER)
    if draw < greedy_share:
        return 0
    return int((draw - greedy_share) / (1.0 - greedy_share) * users)


@jit(entry=True)
def fill_column(column, seed, part, cells, first, count):
    """The attribute of every request at once, as `Run.requests` shows it."""
    for request in range(len(column)):
        column[request] = from_table(cells, first, count, uniform(seed, request, 0, 0, part))


@lru_cache(maxsize=32)
def table_of_shares(shares):
    """Shares (a tuple) as an alias table: CELL[n]."""
    return _table(np.array(shares, float) / sum(shares))


@lru_cache(maxsize=32)
def table_of_keys(objects, skew):
    """So many keys with a Zipf exponent as an alias table: CELL[objects]."""
    return _table(zipf_shares(objects, skew))


def _table(shares):
    table = np.zeros(len(shares), CELL)
    table["time_s"], table["one"] = alias_table(shares)
    return table


class Attributes:
    """The tables of one crowd, one after another: cells CELL[n], and where each begins and ends."""

    def __init__(self, clients, wanted):
        made = {"keys": lambda: table_of_keys(clients.objects, clients.skew),
                "routes": lambda: table_of_shares(shares_of(clients.routes)),
                "countries": lambda: table_of_shares(shares_of(clients.countries)),
                "tokens": lambda: table_of_shares(shares_of(clients.tokens))}
        tables = {name: made[name]() if name in wanted else np.zeros(1, CELL) for name in DRAWN}
        self.cells, self.first, self.count, begin = np.concatenate(list(tables.values())), {}, {}, 0
        for name, table in tables.items():
            self.first[name], self.count[name] = begin, len(table)
            begin += len(table)
        self.users, self.greedy_share = clients.users, clients.greedy_share

    def draw(self, name, seed, request):
        """The number of this request's key, route, country or token."""
        return from_table(self.cells, self.first[name], self.count[name], uniform(seed, request, 0, 0, PARTS[name]))

    def user(self, seed, request):
        return user_from(seed, request, self.users, self.greedy_share)

    def column(self, name, seed, requests):
        """The same for requests 0, 1, ...: int32[requests]."""
        column = np.zeros(requests, np.int32)
        if self.count[name] > 1:
            fill_column(column, seed, PARTS[name], self.cells, self.first[name], self.count[name])
        return column


def shares_of(pairs):
    return tuple(share for _, share in pairs)
