"""Lesson 13's chart: what became of each channel's messages, and what telling them all took the checkout."""

import numpy as np

from sdlib.charts.theme import GREEN, INK, ORANGE, VERMILION, Plot, above, hatched, held_end, marks, plain
from sdlib.charts.words import number
from sdlib.components.topic import Topic
from sdlib.kernel.state import DEAD, DELIVERED
from sdlib.results.run import check_messages

FIRST_END = 800  # messages
IN_ONE_LINE = 4  # names of channels: of more, every second one stands a line lower
LOOKS = {"delivered": (GREEN, ""), "waiting": (ORANGE, "/"), "dead letters": (VERMILION, "x")}


def what_each_got(run, settings):
    """Messages of each channel by what became of them; dashes: events published x share that its filter lets through.

    In words: the checkout's mean, and what it would be with a send to each channel, one after another.
    """
    check_messages("what_each_got", run)
    topic = topic_of(run)
    names, counts = channels_of(run), outcomes_by_channel(run)
    ends = np.cumsum(counts, axis=1)
    places = list(range(len(names)))
    traces = [_bar(name, places, ends[:, column] - counts[:, column], counts[:, column])
              for column, name in enumerate(LOOKS)]
    wanted = [published(run) * subscription.share for subscription in topic.component.subscriptions]
    traces.append(marks("published x filter share", places, wanted, symbol="line-ew", size=36,
                        line={"width": 3, "color": INK}))
    took = f"checkout: {number(run.measures()['mean_ms'])} ms"
    sends = f"{len(names)} send{'s' * (len(names) > 1)}"
    by_sends = f"{number(mean_by_sends_ms(run))} ms"
    waits = f"{number(published(run))} events; {number(counts[:, 1].sum())} messages wait at the end"
    end = held_end(FIRST_END, max(ends.max(), max(wanted)))
    return Plot(traces, f"Messages by channel and what became of them: {took}, by {sends} in turn {by_sends}; {waits}.",
                {"title": {"text": "channel"}, "range": [-0.6, len(names) - 0.4], "tickvals": places,
                 "ticktext": _two_lines(names) if len(names) > IN_ONE_LINE else names},
                {"title": {"text": "messages"}, "range": [0, end], "tickformat": ","},
                notes=[above(f"<b>{took}</b>, with {sends} {by_sends}<br>{waits}")])


def topic_of(run):
    """The node of the run's topic."""
    found = [node for node in run.nodes if isinstance(node.component, Topic)]
    if not found:
        raise ValueError("what_each_got(run=<Run>): run must be of a system with a sd.Topic; for example "
                         "run=sd.simulate(sd.Topic([sd.Queue(sd.Worker())]), clients).")
    return found[0]


def channels_of(run):
    """The names of the channels, in the order of their subscriptions."""
    return [run.nodes[child].name.removesuffix(" queue") for child in topic_of(run).children]


def published(run):
    """How many events the topic took."""
    return int(run.records.stations["served"][topic_of(run).index])


def outcomes_by_channel(run):
    """Messages: a row for each channel, a column for each of LOOKS."""
    rows = run.records.messages
    counts = np.array([np.bincount(rows["channel"][chosen], minlength=len(run.nodes)) for chosen in (
        rows["outcome"] == DELIVERED, ~np.isin(rows["outcome"], (DELIVERED, DEAD)),
        rows["outcome"] == DEAD)])
    return counts[:, list(topic_of(run).children)].T


def mean_by_sends_ms(run):
    """What a checkout would take on average if payment sent to each channel, one after another, instead."""
    payment, topic = run.nodes[0].component, topic_of(run).component
    return payment.service_ms + len(topic.subscriptions) * topic.publish_ms


def _two_lines(names):
    return [f"<br>{name}" if place % 2 else name for place, name in enumerate(names)]


def _bar(name, places, begins, lengths):
    colour, shape = LOOKS[name]
    return {"type": "bar", "name": name, "x": places, "base": plain(begins), "y": plain(lengths), "offsetgroup": "one",
            "marker": {"color": colour, "line": {"color": INK, "width": 1}, "pattern": hatched(shape)}}
