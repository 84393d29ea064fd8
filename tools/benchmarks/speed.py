"""How fast the compiled engine is: against C, against SimPy, against other simulators, and as the work grows."""

import tempfile
from functools import partial

from tools.benchmarks import yardsticks
from tools.benchmarks.pairs import Spread, compare
from tools.benchmarks.systems import messages, one_server, shop, simulate, simulate_traced, whole_shop
from tools.benchmarks.table import Row

LEAST_OF_C, LEAST_TRACED, LEAST_OF_SIMPY, LEAST_OF_SIMPY_SHOP, MOST_GROWTH = 0.75, 0.4, 60, 40, 11
SHOP_REQUESTS, SHOP_MOST_S = 1_000_000, 1.0
MESSAGES, MESSAGES_MOST_S = 1_000_000, 2.0
WHOLE_REQUESTS, WHOLE_MOST_S = 1_000_000, 3.0
GROWTH_FROM = 100_000  # below, what a run costs at any size is a good part of it


def against_c(sizes):
    """M/M/4 against a C event heap: time of C / our time."""
    what = f"M/M/4, {sizes.requests:,} requests, against a C event heap (-O3)"
    bar = f"at least {LEAST_OF_C} x its speed, aim 1"
    with tempfile.TemporaryDirectory(prefix="sdlib-bench-") as folder:
        program = yardsticks.compile_c(folder)
        if program is None:
            return [Row(what, "no C compiler", bar)]
        ratios, ours = compare(partial(simulate, one_server(), sizes.requests),
                               partial(yardsticks.c_heap, program, sizes.requests), sizes.pairs)
        traced, _ = compare(partial(simulate_traced, one_server(), sizes.requests),
                            partial(yardsticks.c_heap, program, sizes.requests), sizes.pairs)
    per_second = Spread.of([1e-6 / our.per_request_s for our in ours])
    return [Row(what, ratios.text("x"), bar, ratios.median >= LEAST_OF_C),
            Row("the same with the trace on", traced.text("x"), f"at least {LEAST_TRACED} x its speed",
                traced.median >= LEAST_TRACED),
            Row(what.partition(", against")[0], per_second.text("million requests per second", 1))]


def against_simpy(sizes):
    """M/M/4 against our reference engine and against ten lines of plain SimPy, per request."""
    what = f"M/M/4, {sizes.requests:,} requests, against "
    ours, slow = partial(simulate, one_server(), sizes.requests), sizes.slow_requests
    reference, _ = compare(ours, partial(simulate, one_server(), slow, "reference"), sizes.slow_pairs)
    plain, _ = compare(ours, partial(yardsticks.plain_simpy, slow), sizes.slow_pairs)
    return [Row(what + "the SimPy reference engine", reference.text("x", 0), f"at least {LEAST_OF_SIMPY} x, aim 150",
                reference.median >= LEAST_OF_SIMPY),
            Row(what + "plain SimPy, written by hand in ten lines", plain.text("x", 0))]


def against_simpy_shop(sizes):
    """A system of four kinds of components against the reference engine, per request."""
    what = "load balancer, 5 servers x 4 cores, LRU cache, database with 16 connections"
    ratios, ours = compare(partial(simulate, shop(), sizes.requests),
                           partial(simulate, shop(), sizes.slow_requests, "reference"), sizes.slow_pairs)
    seconds = Spread.of([our.per_request_s * SHOP_REQUESTS for our in ours])
    return [Row(f"{what}, against the SimPy reference engine", ratios.text("x", 0),
                f"at least {LEAST_OF_SIMPY_SHOP} x", ratios.median >= LEAST_OF_SIMPY_SHOP),
            Row(f"the same, {SHOP_REQUESTS:,} requests", seconds.text("s"), f"under {SHOP_MOST_S:g} s",
                seconds.median < SHOP_MOST_S)]


def against_simpy_messages(sizes):
    """A queue with retries and dead letters against the reference engine, per message."""
    what = "queue, 174 workers, retries and dead letters"
    ratios, ours = compare(partial(simulate, messages(), sizes.requests),
                           partial(simulate, messages(), sizes.slow_requests, "reference"), sizes.slow_pairs)
    seconds = Spread.of([our.per_request_s * MESSAGES for our in ours])
    return [Row(f"{what}, against the SimPy reference engine", ratios.text("x", 0),
                f"at least {LEAST_OF_SIMPY_SHOP} x", ratios.median >= LEAST_OF_SIMPY_SHOP),
            Row(f"the same, {MESSAGES:,} messages", seconds.text("s"), f"under {MESSAGES_MOST_S:g} s",
                seconds.median < MESSAGES_MOST_S)]


def against_simpy_whole_shop(sizes):
    """The last system of the course against the reference engine, per request."""
    ratios, ours = compare(partial(simulate, whole_shop(), sizes.requests),
                           partial(simulate, whole_shop(), sizes.slow_requests, "reference"), sizes.slow_pairs)
    seconds = Spread.of([our.per_request_s * WHOLE_REQUESTS for our in ours])
    return [Row("the whole shop of lesson 19, 48 countries, against the SimPy reference engine", ratios.text("x", 0)),
            Row(f"the same, {WHOLE_REQUESTS:,} requests", seconds.text("s"), f"under {WHOLE_MOST_S:g} s",
                seconds.median < WHOLE_MOST_S)]


def against_others(sizes):
    """M/M/4 against the other simulators that are installed, per request."""
    ours, rows = partial(simulate, one_server(), sizes.requests), []
    for name, other in yardsticks.other_simulators().items():
        ratios, _ = compare(ours, partial(other, sizes.other_requests), sizes.slow_pairs)
        rows.append(Row(f"M/M/4, {sizes.requests:,} requests, against {name}", ratios.text("x", 0)))
    return rows or [Row("M/M/4 against other simulators", "none is installed: pip install '.[bench]'")]


def growth(sizes):
    """Ten times the requests: how many times the time?"""
    simulate(one_server(), sizes.growth[0])
    rounds = [[simulate(one_server(), requests) for requests in sizes.growth] for _ in range(sizes.growth_rounds)]
    rows = []
    for at, (fewer, more) in enumerate(zip(sizes.growth, sizes.growth[1:])):
        times = Spread.of([more / fewer * one[at + 1].per_request_s / one[at].per_request_s for one in rounds])
        seconds = Spread.of([one[at + 1].seconds for one in rounds])
        row = Row(f"M/M/4, from {fewer:,} to {more:,} requests", f"{times.text('x', 1)}, then {seconds.median:.3f} s")
        if fewer >= GROWTH_FROM:
            row = Row(row.what, row.measured, f"at most {MOST_GROWTH} x the time", times.median <= MOST_GROWTH)
        rows.append(row)
    return rows
