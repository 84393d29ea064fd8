"""A formula beside the simulation: a line, and at each setting the interval that many runs give."""

import pandas as pd

from sdlib.charts.theme import BLUE, ORANGE, Plot, figure, plain
from sdlib.components.checks import complain

NEEDED = ("formula", "low", "high")
INTERVAL = "20 runs: mean and 95 % interval"


def formula_and_runs(table, x, y, says=None, bars=INTERVAL, log_x=False, width=840, height=360):
    """A `go.Figure`: the formula as a line, what the runs gave as bars, and one sentence on whether they meet.

    table: DataFrame with a column for x (ascending), and formula, low, high. x, y: what the axes show; x names its
    column. says: the sentence; counted from the table unless given. bars: what low and high are. ValueError if a
    column is missing.
    """
    for name, text in (("x", x), ("y", y)):
        if not isinstance(text, str):
            complain("formula_and_runs", name, text, "the name of an axis", "users")
    if not isinstance(table, pd.DataFrame) or not {x, *NEEDED} <= set(table):
        given = list(table) if isinstance(table, pd.DataFrame) else table
        complain("formula_and_runs", "table", given, f"a DataFrame with the columns {x}, {', '.join(NEEDED)}",
                 "pd.DataFrame(rows)")
    says = says or _counted(table)
    traces = [_line(table[x], table["formula"]), _bars(table[x], table["low"], table["high"], bars)]
    axis = {"title": {"text": x}, "tickformat": ",", **({"type": "log", "dtick": 1} if log_x else {})}
    plot = Plot(traces, f"A formula beside simulations: {y} against {x}. {says}", axis,
                {"title": {"text": y}, **({"range": [-4, 108]} if "%" in y else {})}, title=says)
    return figure([plot], width, height)


def _counted(table):
    inside = int(((table["low"] <= table["formula"]) & (table["formula"] <= table["high"])).sum())
    return f"The formula lies in the interval of the runs at {inside} of {len(table)} settings."


def _line(xs, ys):
    return {"type": "scatter", "mode": "lines", "name": "formula", "x": plain(xs), "y": plain(ys),
            "line": {"color": BLUE, "width": 2.5, "dash": "dash"}}


def _bars(xs, low, high, name):
    return {"type": "scatter", "mode": "markers", "name": name, "x": plain(xs), "y": plain((low + high) / 2),
            "marker": {"color": ORANGE, "size": 8, "symbol": "diamond"},
            "error_y": {"type": "data", "array": plain((high - low) / 2), "color": ORANGE, "thickness": 2, "width": 7}}
