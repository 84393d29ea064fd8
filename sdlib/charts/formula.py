"""A formula beside the simulation: a line, and at each setting the interval that many runs give."""

import numpy as np
import pandas as pd

from sdlib.charts.axes import MARK_ROOM
from sdlib.charts.theme import ORANGE, Plot, figure, line, plain
from sdlib.components.checks import complain

POINTS = 200
ROOM, FAR_UP = 0.08, 0.6  # above the highest; an axis begins at nothing where the lowest is below so much of it
INTERVAL = "20 runs: mean and 95 % interval"


def formula_and_runs(table, x, y, formula=None, says=None, bars=INTERVAL, log_x=False, width=840, height=360):
    """A `go.Figure`: the formula as a line, what the runs gave as bars, and one sentence on whether they meet.

    table: DataFrame with a column for x (ascending), and low, high. x, y: what the axes show; x names its column.
    formula: a function x -> y, drawn as the curve that it is; without it, the table's column "formula" is drawn from
    point to point. says: the sentence; counted unless given. bars: what low and high are. ValueError if a column is
    missing.
    """
    for name, text in (("x", x), ("y", y)):
        if not isinstance(text, str):
            complain("formula_and_runs", name, text, "the name of an axis", "users")
    needed = {x, "low", "high", *(() if callable(formula) else ("formula",))}
    if not isinstance(table, pd.DataFrame) or not needed <= set(table):
        given = list(table) if isinstance(table, pd.DataFrame) else table
        complain("formula_and_runs", "table", given, f"a DataFrame with the columns {', '.join(sorted(needed))}",
                 "pd.DataFrame(rows)")
    at_settings = table["formula"] if formula is None else np.array([formula(value) for value in table[x]])
    says = says or _counted(table, at_settings)
    curve = (table[x], at_settings) if formula is None else _curve(formula, table[x], log_x)
    traces = [line("formula", *curve), _bars(table[x], table["low"], table["high"], bars)]
    axis = {"title": {"text": x}, "tickformat": ",", **(_decades_of(table[x]) if log_x else {})}
    plot = Plot(traces, f"A formula beside simulations: {y} against {x}. {says}", axis,
                {"title": {"text": y}, "tickformat": ",",
                 "range": [-4, 108] if "%" in y else _ends(np.concatenate([table["low"], table["high"], curve[1]]))},
                title=says)
    return figure([plot], width, height)


def _curve(formula, xs, log_x):
    """The formula at so many places that it looks as smooth as it is, the settings among them."""
    between = np.geomspace if log_x else np.linspace
    places = np.unique([*xs, *between(min(xs), max(xs), POINTS)])
    return places, [formula(place) for place in places]


def _ends(values):
    """From nothing, unless all lies far above it, to a little above the highest."""
    lowest, highest = float(min(values)), float(max(values))
    room = ROOM * (highest - lowest) or 1.0
    return plain([0.0 if 0 <= lowest < FAR_UP * highest else lowest - room, highest + room])


def _decades_of(xs):
    """A logarithmic axis that ends at the settings, with room for their marks."""
    ends = [min(xs) / MARK_ROOM, max(xs) * MARK_ROOM]
    return {"type": "log", "dtick": 1, "range": plain(np.log10(ends))}


def _counted(table, formula):
    inside = int(((table["low"] <= formula) & (formula <= table["high"])).sum())
    return f"The formula lies in the interval of the runs at {inside} of {len(table)} settings."


def _bars(xs, low, high, name):
    return {"type": "scatter", "mode": "markers", "name": name, "x": plain(xs), "y": plain((low + high) / 2),
            "marker": {"color": ORANGE, "size": 8, "symbol": "diamond"},
            "error_y": {"type": "data", "array": plain((high - low) / 2), "color": ORANGE, "thickness": 2, "width": 7}}
