"""What the panel says: tiles against the starting setting, goals, and the line below the picture."""

from html import escape

import numpy as np

from sdlib.charts.theme import INK, PAPER
from sdlib.charts.words import duration, number

BETTER, WORSE = "#00583F", "#96330A"
# (heading, column of Run.summary, how it is said, +1 where more is better and -1 where less is)
TILES = (("served per second", "throughput_per_s", number, 1), ("p99 latency", "p99_ms", duration, -1),
         ("errors", "error_percent", lambda value: f"{number(value)} %", -1),
         ("monthly cost", "usd_per_month", lambda value: f"${value:,.0f}", -1))
_TILE = (f"flex:1;min-width:150px;background:{PAPER};color:{INK};border:1px solid #8A8A84;border-radius:6px;"
         "padding:4px 10px;line-height:1.35")


def tiles_html(now, start):
    """Four tiles: the measure, and how it stands against the starting setting, by colour, arrow, sign and word."""
    tiles = []
    for heading, column, say, better in TILES:
        against, colour = compare(now[column], start[column], better)
        tiles.append(f'<div style="{_TILE}" role="group" aria-label="{heading}"><div style="font-size:12px">{heading}'
                     f'</div><div style="font-size:21px;font-weight:bold">{escape(say(now[column]))}</div>'
                     f'<div style="font-size:12px;font-weight:bold;color:{colour}">{against}</div></div>')
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px;width:900px">{"".join(tiles)}</div>'


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
    said = [f"☑ <b>{escape(text)}</b> reached" if done else f"☐ {escape(text)}" for text, done in zip(texts, ticked)]
    rows = "".join(f'<li style="list-style:none">{line}</li>' for line in said)
    return (f'<ul aria-label="goals" style="background:{PAPER};color:{INK};border:1px solid #8A8A84;border-radius:6px;'
            f'margin:2px;padding:6px 10px;line-height:1.4;width:420px">{rows}</ul>')


def status_html(lines, trouble=False):
    """The line below the picture, read aloud by a screen reader when it changes."""
    edge = WORSE if trouble else "#8A8A84"
    said = "<br>".join(escape(line) for line in lines)
    return (f'<div role="status" aria-live="polite" style="background:{PAPER};color:{INK};border-left:4px solid {edge};'
            f'padding:3px 10px;line-height:1.35;min-height:40px;width:900px;box-sizing:border-box">{said}</div>')


def plain_text(name, sliders, goals):
    """The panel as constant text, for readers without widgets."""
    lines = [f"Panel of {name}: tiles (served per second, p99, errors, monthly cost), system, chart, sliders."]
    lines += [f"  slider {one.name}: {one.range_text}; starts at {_said(one.start)}" for one in sliders]
    lines += [f"  goal: {text}" for text in goals]
    return "\n".join(lines)


def _said(value):
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
