"""Lesson 8's chart: of the greedy client, of everybody else and of bad tokens, what became of the requests."""

import numpy as np

from sdlib.charts.theme import GREEN, INK, PURPLE, SKY, VERMILION, Plot, above, hatched, held_end, plain
from sdlib.charts.words import number, percentage
from sdlib.kernel.statuses import IN_FLIGHT, OK, STATUSES, TOO_MANY, UNAUTHORIZED
from sdlib.results.run import check_run
from sdlib.results.senders import EVERYBODY_ELSE, SENDERS, sender_codes

FIRST_WIDTH = 1_600  # requests per second
LOOKS = {"answered": (GREEN, ""), "401 unauthorized": (SKY, "."), "429 too many requests": (PURPLE, "/"),
         "failed behind the gateway": (VERMILION, "x")}


def who_got_what(run, settings):
    """Requests per second by sender, each bar taken apart by what they got; in words, what reached the services."""
    check_run("who_got_what", run)
    counts = _counts(run) / run.seconds
    bars = [who.replace(" ", "<br>") for who in reversed(SENDERS)]
    begins = np.cumsum(counts, axis=1) - counts
    traces = [_bar(name, bars, begins[::-1, place], counts[::-1, place]) for place, name in enumerate(LOOKS)]
    asked, passed = number(asked_per_s(run)), number(passed_per_s(run))
    said = f"each second {asked} at the gateway, {passed} on to a service"
    mine = counts[SENDERS.index(EVERYBODY_ELSE)]
    answered = f"everybody else: {percentage(100 * mine[0] / mine.sum())} % answered" if mine.sum() else ""
    flow = f"gateway {asked}/s, services {passed}/s"
    shown = answered.replace("<", "&lt;").replace(">", "&gt;")
    end = held_end(FIRST_WIDTH, counts.sum(axis=1).max())
    return Plot(traces, f"Requests per second, by who sent them and what they got: {said}; {answered}.",
                {"title": {"text": "requests per second"}, "tickformat": ",", "range": [0, end]},
                {"range": [-0.6, 2.6]}, notes=[{**above(f"<b>{shown}</b><br>{flow}"), "yshift": 0}])


def asked_per_s(run):
    """How often a second the first component was asked, retries included."""
    first = run.records.stations
    return int(first["served"][0] + first["failed"][0] + first["lost"][0]) / run.seconds


def passed_per_s(run):
    """How often a second what stands behind the first component was asked by it."""
    first = len(run.plan.client_node.children)  # the clients' own ways come before
    return int(run.records.calls[first:first + len(run.nodes[0].children)].sum()) / run.seconds


def _counts(run):
    """Requests that ended: a row for each sender, a column for each of LOOKS."""
    kinds, status = len(STATUSES), run.records.requests["status"]
    found = np.bincount(kinds * sender_codes(run, len(status)) + status,
                        minlength=kinds * len(SENDERS)).reshape(len(SENDERS), kinds)
    columns = found[:, [OK, UNAUTHORIZED, TOO_MANY]]
    failed = found.sum(axis=1) - found[:, IN_FLIGHT] - columns.sum(axis=1)
    return np.column_stack([columns, failed])


def _bar(name, bars, begins, lengths):
    """One part in every bar. Stacked by its start: a picture of several plots has no one mode for all its bars."""
    colour, shape = LOOKS[name]
    return {"type": "bar", "orientation": "h", "name": name, "y": bars, "base": plain(begins), "x": plain(lengths),
            "offsetgroup": "one",
            "marker": {"color": colour, "line": {"color": INK, "width": 1},
                       "pattern": hatched(shape)}}
