"""Lesson 12's chart: whom payment was telling when it died, and how far it had come with them."""

import math

import numpy as np

from sdlib.charts.theme import INK, SKY, VERMILION, Plot, above, hatched, held_end, marks, plain
from sdlib.charts.words import number
from sdlib.components.queue import Queue
from sdlib.kernel.incidents import STOPPED
from sdlib.kernel.state import IN_PROGRESS, WAITING
from sdlib.kernel.statuses import LOST
from sdlib.results.run import check_messages

FIRST_END = 40  # customers
FEW = 0.005     # so rarely is one run below its range, and as rarely above


def how_far_told(run, settings):
    """Customers whom a stop of payment caught, by how many of its queues already had their message.

    Bars are counted in the run, dashes are rate x time in that part of the checkout x stops; 99 % of runs lie within
    the thin lines. In words: who is half told, and what waits in the queues at the end.
    """
    check_messages("how_far_told", run)
    queues = queues_of(run)
    caught = np.bincount(messages_of_the_caught(run), minlength=len(queues))[:len(queues)]
    expected = expected_caught(run)
    steps = ["nothing", queues[0], *[f"+ {name}" for name in queues[1:-1]]][:len(queues)]
    places = list(range(len(queues)))
    traces = [_bars("told nothing", places[:1], caught[:1], SKY, ""),
              _bars("half told", places[1:], caught[1:], VERMILION, "/"),
              _formula(places, expected)]
    low, high = most_runs(sum(expected[1:]))
    half = f"{number(caught[1:].sum())} half told"
    formula = f"(formula {number(sum(expected[1:]))}, 99 % of runs {number(low)} to {number(high)})"
    first, *others = waiting_at_the_end(run).values()
    waiting = f"{queues[0]} {number(first)}" + (f", others up to {number(max(others))}" if others else "")
    end = held_end(FIRST_END, max(caught.max(), max(most_runs(mean)[1] for mean in expected)))
    return Plot(traces, f"Customers caught by a crash of payment, by what had been sent to them: {half} {formula}. "
                f"Messages that wait at the end: {waiting}.",
                {"title": {"text": "sent when payment crashed"}, "range": [-0.6, len(queues) - 0.4],
                 "tickvals": places, "ticktext": steps},
                {"title": {"text": "customers"}, "range": [0, end], "tickformat": ","},
                notes=[{**above(f"<b>{half}</b> {formula}<br>waiting at the end: {waiting}"), "yshift": 0}])


def queues_of(run):
    """The names of the channels, in the order in which payment sends to them."""
    return [node.name.removesuffix(" queue") for node in _queues(run)]


def messages_of_the_caught(run):
    """For each customer whom a stop caught: how many messages had been sent."""
    rows = run.records.requests
    sent = np.bincount(run.records.messages["request"], minlength=len(rows))
    return sent[rows["status"] == LOST]


def half_told(run):
    """Customers with some of their messages sent and not all, who will get no more."""
    sent = messages_of_the_caught(run)
    return int(((sent > 0) & (sent < len(_queues(run)))).sum())


def expected_caught(run):
    """Little's law for each part of the checkout: rate x mean time in it, for each stop of payment."""
    incidents = run.records.incidents
    stops = int(((incidents["what"] == STOPPED) & (incidents["node"] == run.nodes[0].index)).sum())
    sends_ms = [node.component.send_ms for node in _queues(run)]
    parts_ms = [run.nodes[0].component.service_ms + sends_ms[0], *sends_ms[1:]]
    return [stops * run.clients.requests_per_second * part_ms / 1000 for part_ms in parts_ms]


def most_runs(mean):
    """(fewest, most) in 99 % of runs: who is in a part of the checkout at a stop is a Poisson number."""
    if mean == 0:
        return 0, 0
    counts = np.arange(1, int(mean + 10 * math.sqrt(mean)) + 20)
    up_to = np.cumsum(np.exp(np.concatenate([[0.0], np.cumsum(math.log(mean) - np.log(counts))]) - mean))
    return int(np.searchsorted(up_to, FEW)), int(np.searchsorted(up_to, 1 - FEW))


def waiting_at_the_end(run):
    """For each channel the messages that have not been delivered when the run is over."""
    rows = run.records.messages
    waits = (rows["outcome"] == WAITING) | (rows["outcome"] == IN_PROGRESS)
    counts = np.bincount(rows["channel"][waits], minlength=len(run.nodes))
    return {name: int(counts[node.index]) for name, node in zip(queues_of(run), _queues(run), strict=True)}


def _queues(run):
    return [node for node in run.nodes if isinstance(node.component, Queue)]


def _formula(places, expected):
    low, high = np.array([most_runs(mean) for mean in expected]).T
    return {**marks("formula; 99 % of runs", places, expected, symbol="line-ew", size=44,
                    line={"width": 3, "color": INK}),
            "error_y": {"type": "data", "symmetric": False, "array": plain(high - expected),
                        "arrayminus": plain(expected - low), "color": INK, "thickness": 1.5, "width": 6}}


def _bars(name, places, counts, colour, shape):
    return {"type": "bar", "name": name, "x": places, "y": plain(counts), "offsetgroup": "one",
            "marker": {"color": colour, "line": {"color": INK, "width": 1}, "pattern": hatched(shape)}}
