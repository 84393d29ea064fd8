"""The pictures of the labs, simulated beside measured, as `charts.Plot`."""

import numpy as np

from sdlib.charts.axes import round_up
from sdlib.charts.theme import BLUE, ORANGE, Plot, plain
from sdlib.charts.words import duration
from sdlib.labs.picture import MEASURED, NEW_LINE, SIMULATED

TICKS_MS = [step * 10.0**power for power in range(-1, 5) for step in (1, 2, 5)]
SHARES = np.concatenate([np.linspace(0, 0.95, 77)[1:], np.linspace(0.955, 0.995, 9)])


def latency_spread(measured_ms, runs):
    """The share of the requests that were answered within a time: measured, and simulated with its range.

    measured_ms: latencies in ms. runs: list of arrays, a simulated run each.
    """
    simulated = np.array([np.quantile(run, SHARES) for run in runs])
    low, middle, high = np.quantile(simulated, [0.05, 0.5, 0.95], axis=0)
    measured = np.quantile(measured_ms, SHARES)
    percent = 100 * SHARES
    p50, p99 = np.quantile(measured_ms, [0.5, 0.99])
    alt = (f"Share of the requests answered within a time. Measured: half within {duration(p50)}, 99 % within "
           f"{duration(p99)}. Simulated: half within {duration(np.interp(50, percent, middle))}, 99 % within "
           f"{duration(np.interp(99, percent, middle))}.")
    band = _trace(SIMULATED, [*low, *high[::-1]], [*percent, *percent[::-1]], fill="toself", showlegend=False)
    return Plot([band, _trace(SIMULATED, middle, percent, dash="dash"), _trace(MEASURED, measured, percent)], alt,
                x=_log_axis("latency", min(low[0], measured[0]), max(high[-1], measured[-1])),
                y={"title": {"text": "requests answered within that time"}, "range": [0, 100],
                   "tickvals": [0, 25, 50, 75, 100], "ticktext": ["0", "25 %", "50 %", "75 %", "100 %"]})


def latency_over(compared, axis):
    """Mean latency against the loads of a `LabResult.compare()` table; axis: what the loads are."""
    labels = [str(label) for label in compared.index]
    numbers = all(isinstance(label, (int, float)) for label in compared.index)
    places = list(compared.index) if numbers else list(range(len(labels)))
    told = "; ".join(f"{label}: measured {duration(row['measured_ms'])}, simulated {duration(row['low_ms'])} to "
                     f"{duration(row['high_ms'])}" for label, row in compared.iterrows())
    simulated = _trace(SIMULATED, places, compared["simulated_ms"], mode="markers")
    simulated["error_y"] = {"array": plain(compared["high_ms"] - compared["simulated_ms"]),
                            "arrayminus": plain(compared["simulated_ms"] - compared["low_ms"])}
    simulated["name"] = "simulated (nine of ten runs)"
    measured = _trace(MEASURED, places, compared["measured_ms"], mode="markers")
    room = (max(places) - min(places)) * (0.08 if numbers else 0.2)      # a word is wider than a number
    return Plot([simulated, measured], f"Mean latency by {axis}. {told}.",
                x={"title": {"text": axis}, "range": [min(places) - room, max(places) + room], "tickvals": places,
                   "ticktext": labels},
                y=_log_axis("mean latency of the answered requests", compared[["low_ms", "measured_ms"]].min().min(),
                            compared[["high_ms", "measured_ms"]].max().max()))


def failed_over(counts, axis):
    """How many requests failed, against the loads of a `LabResult`.

    counts: dict of a load's label, a number, to (measured, [simulated, a number for each run]).
    """
    places, measured = list(counts), [found for found, _ in counts.values()]
    low, middle, high = np.quantile([runs for _, runs in counts.values()], [0.05, 0.5, 0.95], axis=1)
    told = "; ".join(f"{place}: measured {found:,.0f}, simulated {start:,.0f} to {end:,.0f}"
                     for place, found, start, end in zip(places, measured, low, high, strict=True))
    simulated = _trace(SIMULATED, places, middle, mode="markers")
    simulated["error_y"] = {"array": plain(high - middle), "arrayminus": plain(middle - low)}
    simulated["name"] = "simulated (nine of ten runs)"
    top = round_up(1.1 * max(*measured, *high))
    return Plot([simulated, _trace(MEASURED, places, measured, mode="markers")], f"Requests failed by {axis}. {told}.",
                x={"title": {"text": axis}, "range": [0, 1.1 * max(places)], "tickvals": [0, *places],
                   "ticktext": ["0", *map(str, places)]},
                y={"title": {"text": "requests failed"}, "range": [0, top], "tickvals": plain([0, top / 2, top]),
                   "ticktext": [f"{tick:,.0f}" for tick in (0, top / 2, top)]})


def counted(table, title):
    """Counts as bars from zero; where a simulation stands beside them, its are the bars and the measured ones points.

    table: DataFrame, a row per count, named "case: what is counted", with a column "measured" and perhaps "simulated".
    title: what is counted.
    """
    places, has_model = list(range(len(table))), SIMULATED in table
    told = "; ".join(f"{name}: " + ", ".join(f"{kind} {value:,.0f}" for kind, value in row.dropna().items())
                     for name, row in table.iterrows())
    bars = table[SIMULATED if has_model else MEASURED].dropna()
    bars_at = [places[table.index.get_loc(name)] for name in bars.index]
    traces = [_trace(SIMULATED if has_model else MEASURED, bars_at, bars, mode="markers",
                     error_y={"array": [0] * len(bars), "arrayminus": plain(bars)})]
    if has_model:
        traces.append(_trace(MEASURED, places, table[MEASURED], mode="markers"))
    top = 100 if title.endswith("(%)") else round_up(max(1.1 * table.max().max(), 1))
    return Plot(traces, f"Counted: {title}. {told}.",
                x={"title": {"text": ""}, "range": [-0.6, len(places) - 0.4], "tickvals": places,
                   "ticktext": [name.replace(": ", NEW_LINE) for name in table.index]},
                y={"title": {"text": title}, "range": [0, top], "tickvals": plain([0, top / 2, top]),
                   "ticktext": [f"{tick:g}" for tick in (0, top / 2, top)]})


def _trace(name, x, y, mode="lines", dash=None, **more):
    color = BLUE if name == MEASURED else ORANGE
    return {"type": "scatter", "name": name, "meta": name, "mode": mode, "x": plain(x), "y": plain(y),
            "line": {"color": color, **({"dash": dash} if dash else {})}, "marker": {"color": color, "size": 10},
            **more}


def _log_axis(title, low_ms, high_ms):
    low_ms, high_ms = low_ms / 1.15, high_ms * 1.15
    crowded = high_ms / low_ms > 200
    ticks = [tick for tick in TICKS_MS if not crowded or round(np.log10(tick), 6) % 1 == 0]
    return {"type": "log", "title": {"text": title}, "range": [float(np.log10(low_ms)), float(np.log10(high_ms))],
            "tickvals": ticks, "ticktext": [duration(tick) for tick in ticks]}
