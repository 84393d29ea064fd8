"""Runs as a table that reads without knowing the library: plain words, units, at most six columns."""

import pandas as pd

from sdlib.charts.words import number, percentage
from sdlib.components.checks import complain

MOST_COLUMNS = 5
SHARES = ("answered (%)", "failed (%)")


def _of_summary(name):
    return lambda run: run.measures()[name]


COLUMNS = {
    "sent": _of_summary("sent"), "answered": _of_summary("answered"),
    "answered (%)": lambda run: 100 - run.measures()["error_percent"],
    "failed (%)": _of_summary("error_percent"), "answers per second": _of_summary("throughput_per_s"),
    "mean latency (ms)": _of_summary("mean_ms"), "p99 latency (ms)": _of_summary("p99_ms"),
    "busy (%)": _of_summary("utilization_percent"), "crashes": lambda run: run.stations["crashes"].sum(),
    "$ a month": _of_summary("usd_per_month"),
}


def table(runs, *columns, of="run"):
    """A row for each run, as texts: a DataFrame for reading. `run.summary()` has the numbers for computing.

    runs: dict of a label to a Run. columns: at most five of the names in COLUMNS; of: what the labels are.
    Latencies are those of answered requests. ValueError for a column that is not known, or too many.
    """
    if not isinstance(runs, dict) or not runs:
        complain("table", "runs", runs, "a dict of labels to runs", {"100 users": "run"})
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or not 1 <= len(columns) <= MOST_COLUMNS:
        complain("table", "columns", columns, f"1 to {MOST_COLUMNS} of " + ", ".join(map(repr, COLUMNS)), "sent")
    rows = [[_said(name, float(COLUMNS[name](run))) for name in columns] for run in runs.values()]
    return pd.DataFrame(rows, index=list(runs), columns=list(columns)).rename_axis(of, axis=1)


def _said(name, value):
    return percentage(value) if name in SHARES else number(value)
