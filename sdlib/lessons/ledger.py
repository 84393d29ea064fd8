"""What the course has cost so far: one table that grows by a row or two with each lesson."""

from functools import cache

import pandas as pd

from sdlib import lessons
from sdlib.charts.words import number
from sdlib.results.simulate import simulate

SECONDS, SEED = 60, 1
COLUMNS = ("system", "users", "availability (%)", "p99 of answered (ms)", "$ a month")


def ledger(upto):
    """The shop after each lesson up to this one ("02"): a DataFrame for reading, in plain words.

    Index: the number of the lesson. Columns: system, users, availability (answered of finished requests), p99 latency
    of the answered, monthly cost.
    Each row is one minute, simulated with seed 1. ValueError names the known lessons.
    """
    last = lessons.lesson("ledger", upto).number
    rows = [(number_of, *row) for number_of in lessons.numbers() if number_of <= last for row in _rows(number_of)]
    table = pd.DataFrame([row[1:] for row in rows], index=[int(row[0]) for row in rows], columns=COLUMNS)
    return table.rename_axis("after lesson", axis=1)


@cache
def _rows(number_of):
    return [_row(stage) for stage in lessons.lesson("ledger", number_of).stages]


def _row(stage):
    system, clients = stage.build()
    summary = simulate(system, clients, seconds=SECONDS, seed=SEED).summary().iloc[0]
    return (stage.what, number(clients.users), number(100 - summary["error_percent"]), number(summary["p99_ms"]),
            number(summary["usd_per_month"]))
