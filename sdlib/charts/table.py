"""Runs as a table that reads without knowing the library: plain words, units, at most six columns."""

import pandas as pd

from sdlib.charts.words import number, percentage
from sdlib.components.checks import complain
from sdlib.results.run import check_run

MOST_COLUMNS = 5
SHARES = ("answered (%)", "failed (%)")


def _of_summary(name):
    return lambda run: run.measures()[name]


COLUMNS = {
    "sent": _of_summary("sent"), "answered": _of_summary("answered"),
    "answered (%)": lambda run: 100 - run.measures()["error_percent"],
    "failed (%)": _of_summary("error_percent"), "answers per second": _of_summary("throughput_per_s"),
    "mean latency (ms)": _of_summary("mean_ms"), "p50 latency (ms)": _of_summary("p50_ms"),
    "p95 latency (ms)": _of_summary("p95_ms"), "p99 latency (ms)": _of_summary("p99_ms"),
    "busy (%)": _of_summary("utilization_percent"), "crashes": lambda run: run.stations["crashes"].sum(),
    "$ a month": _of_summary("usd_per_month"),
}
OF_ANSWERED = {f"{name} latency (ms)": f"{name} of answered (ms)" for name in ("mean", "p50", "p95", "p99")}


def table(runs, *columns, of="run"):
    """A row for each run, as texts: a DataFrame for reading. `run.summary()` has the numbers for computing.

    runs: dict of a label to a Run. columns: at most five of the names in COLUMNS; of: what the labels are.
    Latencies are those of answered requests; where some failed, the heading says so. ValueError for a column that is
    not known, or too many.
    """
    if not isinstance(runs, dict) or not runs:
        complain("table", "runs", runs, "a dict of labels to runs", {"100 users": "run"})
    for run in runs.values():
        check_run("table", run, "runs")
    known = all(isinstance(name, str) and name in COLUMNS for name in columns)
    if not known or not 1 <= len(columns) <= MOST_COLUMNS:
        complain("table", "columns", columns, f"1 to {MOST_COLUMNS} of " + ", ".join(map(repr, COLUMNS)), "sent")
    if not isinstance(of, str):
        complain("table", "of", of, "a text that says what the labels are", "users")
    rows = [[_said(name, float(COLUMNS[name](run))) for name in columns] for run in runs.values()]
    some_failed = any(run.measures()["failed"] for run in runs.values())
    headings = [OF_ANSWERED.get(name, name) if some_failed else name for name in columns]
    return pd.DataFrame(rows, index=list(runs), columns=headings).rename_axis(of, axis=1)


def _said(name, value):
    return percentage(value) if name in SHARES else number(value)
