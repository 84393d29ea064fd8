"""What the panel says: tiles against the starting setting, goals, and the line below the picture."""

from html import escape

import numpy as np

from sdlib.charts.theme import INK
from sdlib.charts.words import duration, number, said

BETTER, WORSE = "#00583F", "#96330A"
# (heading, column of Run.summary, how it is said, +1 where more is better and -1 where less is)
TILES = (("served per second", "throughput_per_s", number, 1), ("p99 latency", "p99_ms", duration, -1),
         ("errors", "error_percent", lambda value: f"{number(value)} %", -1),
         ("monthly cost", "usd_per_month", lambda value: f"${value:,.0f}", -1))


def tiles_html(now, start):
    """Four tiles: the measure, and how it stands against the starting setting, by colour, arrow, sign and word."""
    tiles = []
    for heading, column, say, better in TILES:
        against, colour = compare(now[column], start[column], better)
        tiles.append(f'<div role="group" aria-label="{heading}">{heading}<b>{escape(say(now[column]))}</b>'
                     f'<strong style="color:{colour}">{against}</strong></div>')
    return f'<div class="sdlib-tiles">{"".join(tiles)}</div>'


def compare(now, start, better):
    """("▲ +12 % worse", colour) of a measure against its start; better: +1 where more is better."""
    if not (np.isfinite(now) and np.isfinite(start)) or f"{now:.3g}" == f"{start:.3g}":
        return "= as at the start", INK
    sign = 1 if now > start else -1
    if start == 0:
        amount = "from 0"
    elif now / start >= 10:
        amount = f"x {number(now / start)}"
    else:
        amount = f"{'+' if sign > 0 else '−'}{abs(100 * (now / start - 1)):.3g} %"
    word, colour = ("better", BETTER) if sign == better else ("worse", WORSE)
    return f"{'▲' if sign > 0 else '▼'} {amount} {word}", colour


def goals_html(texts, ticked):
    """The goals, each with a box that is ticked once it is reached."""
    rows = [f"☑ <b>{escape(text)}</b> reached" if done else f"☐ {escape(text)}" for text, done in zip(texts, ticked)]
    return f'<ul class="sdlib-goals" aria-label="goals">{"".join(f"<li>{line}</li>" for line in rows)}</ul>'


def status_html(lines, trouble=False):
    """The line below the picture, read aloud by a screen reader when it changes."""
    edge = WORSE if trouble else "#8A8A84"
    text = "<br>".join(map(escape, lines))
    return f'<div class="sdlib-status" role="status" aria-live="polite" style="border-color:{edge}">{text}</div>'


def plain_text(name, sliders, goals):
    """The panel as constant text, for readers without widgets."""
    lines = [f"Panel of {name}: tiles (served per second, p99, errors, monthly cost), system, chart, sliders."]
    lines += [f"  slider {one.name}: {one.range_text}; starts at {said(one.start)}" for one in sliders]
    lines += [f"  goal: {text}" for text in goals]
    return "\n".join(lines)
