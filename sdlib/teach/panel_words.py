"""What the panel says: tiles against the starting setting, the lines below, and the panel as constant text."""

from html import escape

import numpy as np

from sdlib.charts.words import duration, number, percentage, said

SMALL_CHANGE = 0.03
MANY_INSIDE = 0.1  # of those sent: the slow ones among them have no latency yet
RUN_AGAIN = "The kernel that moved this panel is gone. Run this cell again."


def tiles_html(now, start):
    """Five tiles; each is the measure and one line on how it stands. now, start: as from `Run.measures`."""
    tiles = [_answered(now), _p99(now, start), _errors(now, start), _busy(now), _cost(now, start)]
    return f'<div class="sdlib-tiles">{"".join(_tile(*tile) for tile in tiles)}</div>'


def few_tiles_html(title, now):
    """The title of a system and three tiles, compared with nothing."""
    errors = "errors", f"{percentage(now['error_percent'])} %", ""
    p99 = "p99 latency", duration(now["p99_ms"]), "of those answered"
    tiles = "".join(_tile(*tile) for tile in (_answered(now), errors, p99, (*_cost(now, now)[:2], "")))
    return f'<h4 class="sdlib-side">{escape(title)}</h4><div class="sdlib-tiles sdlib-few">{tiles}</div>'


def _tile(heading, value, below, looks=""):
    return (f'<div role="group" aria-label="{heading}" class="{looks}"><span>{heading}</span><b>{escape(value)}</b>'
            f'<small>{below}</small></div>')


def _answered(now):
    # More users, more answers: neither better nor worse, so nothing is said about it.
    sent, answered, inside = now["sent"], now["answered"], _inside(now)
    if now["failed"]:
        below = f"{escape(percentage(100 * answered / sent))} % of them"
    else:
        below = f"the other {inside:,.0f} still inside" if inside else "all of them"
    return "answered of sent", f"{answered:,.0f} of {sent:,.0f}", below


def _inside(now):
    return now["sent"] - now["answered"] - now["failed"]


def _p99(now, start):
    """Only answered requests have a latency: once many others have none, it says nothing good about the system."""
    if now["failed"] or _inside(now) > MANY_INSIDE * now["sent"]:
        return "p99 latency", duration(now["p99_ms"]), "of those answered", "sdlib-grey"
    if start["failed"]:
        return "p99 latency", duration(now["p99_ms"]), "nothing failed"
    same = _same_p99(now, start)
    return "p99 latency", duration(now["p99_ms"]), same or compare(now["p99_ms"], start["p99_ms"])


def _same_p99(now, start):
    """Why two p99 are about the same, or "": each could be the other's by chance, or they differ by next to nothing."""
    if now["p99_ms"] == start["p99_ms"] or not (np.isfinite(now["p99_ms"]) and np.isfinite(start["p99_ms"])):
        return ""
    if abs(now["p99_ms"] / start["p99_ms"] - 1) < SMALL_CHANGE:
        return f"about the same: within {100 * SMALL_CHANGE:.0f} %"
    by_chance = any(low <= other["p99_ms"] <= high for (low, high), other in
                    ((now["p99_limits_ms"], start), (start["p99_limits_ms"], now)))
    return "about the same: within chance" if by_chance else ""


def _errors(now, start):
    # A percentage of a percentage would be read as points.
    return "errors", f"{percentage(now['error_percent'])} %", compare(
        now["error_percent"], start["error_percent"], f"from {percentage(start['error_percent'])} %")


def _busy(now):
    # A busier machine is better used and nearer to its limit: neither better nor worse.
    return "busy", f"{percentage(now['utilization_percent'])} %", escape(str(now["busiest"]))


def _cost(now, start):
    if not np.isfinite(now["usd_per_month"]):
        return "monthly cost", "no known price", "no such machine is sold"
    return "monthly cost", f"${now['usd_per_month']:,.0f}", compare(now["usd_per_month"], start["usd_per_month"])


def compare(now, start, amount=""):
    """How a measure of which less is better stands against the start: by arrow, amount and word, as HTML.

    amount: in words, else the change in percent.
    """
    if not (np.isfinite(now) and np.isfinite(start)) or f"{now:.3g}" == f"{start:.3g}":
        return "as at the start"
    sign = 1 if now > start else -1
    amount = escape(amount or _amount(now, start, sign))
    word = "better" if sign < 0 else "worse"
    return f'<strong class="sdlib-{word}">{"▲" if sign > 0 else "▼"} {amount} {word}</strong>'


def _amount(now, start, sign):
    if start == 0:
        return "from 0"
    if now / start >= 10:
        return f"x {number(now / start)}"
    return f"{'+' if sign > 0 else '−'}{abs(100 * (now / start - 1)):.3g} %"


def simulated(run, wanted_s, most):
    """Two lines in plain words: what the panel has simulated, and why it is shorter than asked for."""
    sent = len(run.records.requests)
    lines = [f"Simulated: {number(sent)} requests of {number(run.clients.users)} users in {number(run.seconds)} s. "
             f"Seed {run.seed}: the same seed keeps the same customers."]
    if run.seconds < wanted_s:
        lines.append(f"Shortened from {number(wanted_s)} s, so that the picture follows your hand: "
                     f"{number(sent / run.seconds)} requests arrive per second, and the panel simulates about "
                     f"{number(most)} at a time.")
    return lines


def status_html(lines, trouble=False):
    """The lines below the picture, read aloud by a screen reader when they change."""
    text = "<br>".join(map(escape, lines))
    looks = "sdlib-status sdlib-trouble" if trouble else "sdlib-status"
    return f'<div class="{looks}" role="status" aria-live="polite">{text}</div>'


def plain_text(name, controls, goals):
    """The panel as constant text, for readers without widgets."""
    lines = [f"Panel of {name}: sliders, tiles (answered of sent, p99, errors, busy, monthly cost), the system, "
             "a chart."]
    lines += [f"  slider {one.name}: {one.range_text}; starts at {said(one.start)}" for one in controls]
    lines += [f"  goal: {text}" for text in goals]
    return "\n".join([*lines, "  Sliders that do not move have no kernel: run this cell again."])
