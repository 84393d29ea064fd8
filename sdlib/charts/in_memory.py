"""Lesson 10's chart: how many mails are in memory over time. If the worker dies, these are gone."""

import math

import numpy as np

from sdlib.charts.theme import BLUE, INK, VERMILION, Plot, above, figure, held_end, line, plain
from sdlib.charts.timeline import A_MOMENT_S, BAND, outages
from sdlib.charts.words import duration, number
from sdlib.components.worker import Worker
from sdlib.results.mails import delays_s, in_memory, lost, mean_in_memory, workers_and_seconds
from sdlib.results.run import check_messages
from sdlib.theory import mmc

POINTS = 300
FIRST_HEIGHT = 40   # mails


def mails_in_memory(run, settings):
    """Mails that wait or are being sent, over time; what a formula says of them, until something is down.

    The formula: M/M/c where the workers keep up, and what is left over each second where they do not. It takes each
    checkout for a mail, and where a machine of the shop is down not every checkout gets that far.
    """
    check_messages("mails_in_memory", run)
    downs = mail_outages(run)
    seconds = _times_s(run, downs)
    inside = in_memory(run, seconds)
    first = min(outages(run), default=None)
    calm_s = min(first[0], run.seconds) if first else run.seconds
    expected = expected_in_memory(run, calm_s)
    traces = [line("formula", [0, calm_s], expected, INK),
              {**line("mails in memory", seconds, inside, BLUE, "solid"), "line": {"color": BLUE, "width": 2,
                                                                                  "shape": "hv"}}]
    shapes = [{"type": "rect", "x0": round(start, 3), "x1": round(min(end, run.seconds), 3), "y0": 0, "y1": 1,
               "yref": "y domain", "fillcolor": BAND, "line": {"width": 1.5, "color": VERMILION, "dash": "dot"},
               "layer": "below"} for start, end, _, _ in downs]
    delays = delays_s(run)
    late = duration(1000 * float(np.quantile(delays, 0.99))) if len(delays) else "-"
    said = f"{number(mean_in_memory(run))} in memory on average, p99 delay {late}, {number(lost(run))} lost"
    names = " and ".join(dict.fromkeys(machine for *_, machine, _ in downs))
    grey = f" Grey: {names} down." if downs else ""
    fallen = first[2] if first and first not in downs else ""
    return Plot(traces, f"Mails in memory over {number(run.seconds)} simulated seconds: {said}.{grey}"
                + (f" The formula ends at {number(calm_s)} s, where {fallen} went down." if fallen else ""),
                {"title": {"text": "time (s)" + (f"; grey: {names} down" if downs else "")
                           + (f"<br>formula until {fallen} went down" if fallen else "")},
                 "range": plain([0, run.seconds])},
                {"title": {"text": "mails in memory"}, "tickformat": ",",
                 "range": [0, held_end(FIRST_HEIGHT, max(inside.max(), *expected))]},
                shapes=shapes, notes=[{**above(f"<b>{said.replace(', p99', ',<br>p99')}</b>"), "yshift": 0}])


def memory_over_time(run, width=840, height=340):
    """The same as a `go.Figure`."""
    check_messages("memory_over_time", run)
    return figure([mails_in_memory(run, {})], width, height)


def mail_outages(run):
    """When the workers, or what they call, were down: as `outages` has it."""
    pool = next(node for node in run.nodes if isinstance(node.component, Worker))
    names = {pool.name, *(run.nodes[child].name for child in pool.children)}
    return [outage for outage in outages(run) if outage[2] in names]


def expected_in_memory(run, until_s):
    """What a formula says of the mails in memory, at the beginning and at until_s."""
    (workers, send_s), per_s = workers_and_seconds(run), _mails_per_s(run)
    spare = workers - per_s * send_s
    if spare > 0:
        return [mmc(per_s, 1000 * send_s, workers).mean_in_system] * 2
    full_s = -send_s * math.log1p(-workers / (per_s * send_s)) if spare < 0 else 0.0   # until all workers are busy
    return [0.0, workers + max(0.0, until_s - full_s) * -spare / send_s]


def _mails_per_s(run):
    """What the crowd sends on average: a mail for each checkout, or for each request where there are no checkouts."""
    shares = dict(run.clients.routes)
    return run.clients.requests_per_second * shares.get("/payment", 1.0) / sum(shares.values())


def _times_s(run, downs):
    """An even grid, and right before and at each change."""
    changes_s = [at_s for start, end, *_ in downs for at_s in (start - A_MOMENT_S, start, end)]
    return np.unique(np.clip([*np.linspace(0, run.seconds, POINTS), *changes_s], 0, run.seconds))
