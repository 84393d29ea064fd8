"""Lesson 19's chart: how full each part of a system is, the fullest first."""

import re

from sdlib.charts.theme import INK, SKY, VERMILION, Plot, above, hatched, held_end, line, note, plain
from sdlib.charts.words import duration, number, percentage
from sdlib.components.worker import Worker
from sdlib.kernel.state import NONE
from sdlib.results.run import check_run

SHOWN, FULL_PERCENT, FIRST_WIDTH_PERCENT = 8, 100, 120
NAME_SIZE = 11    # two lines of it fit beside a bar


def fullest_parts(run, settings):
    """The eight fullest parts of a system: how much of what it can do each of them was asked for.

    Machines of one kind are one part. A worker that sends at a set pace is as full as messages come for that pace.
    Dashed: what a part can do. In words: the fullest part, how many answers there were, and within what time half and
    95 % of them came.
    """
    check_run("fullest_parts", run)
    shares = sorted(fullness(run).items(), key=lambda one: -one[1])[:SHOWN]
    if not shares:
        raise ValueError("fullest_parts(run=<Run>): run must be of a system with machines or databases; for example "
                         "run=sd.simulate(sd.shop(19), clients).")
    names, percents = [name for name, _ in shares], [100 * share for _, share in shares]
    figures = run.measures()
    width = held_end(FIRST_WIDTH_PERCENT, percents[0])
    bars = [_bars(label, names, percents, is_full) for label, is_full in (("has room", False), ("is full", True))]
    told = (f"{names[0]}: asked for {percentage(percents[0])} % of what it can do",
            f"half of {number(figures['answered'])} answers in {duration(figures['p50_ms'])}, "
            f"95 % in {duration(figures['p95_ms'])}")
    alt = ", ".join(f"{name} {percentage(percent)} %" for name, percent in zip(names, percents, strict=True))
    labels = [note(f"<b>{percentage(percent)} %</b>", percent, place, xanchor="left", xshift=4)
              for place, percent in enumerate(percents)]
    return Plot([*bars, line("what it can do", [FULL_PERCENT] * 2, [-0.5, len(names) - 0.5], INK)],
                f"The fullest parts of the system: {alt}. {told[1]}.",
                {"title": {"text": "asked for, in % of what it can do"}, "range": [0, 1.15 * width], "tickformat": ","},
                {"range": [SHOWN - 0.4, -0.6], "tickvals": list(range(len(names))), "tickfont": {"size": NAME_SIZE},
                 "ticktext": [name.replace(" ", "<br>", 1) for name in names]},
                notes=[above(f"<b>{told[0]}</b><br>{told[1]}"), *labels])


def fullness(run):
    """{part: what it was asked for, 1 for all that it can do}; machines of one kind together.

    What still waits for a part at the end would take as long for each as what it has served.
    """
    stations, found, waiting = run.records.stations, {}, _waiting_at_the_end(run)
    for node in run.nodes:
        capacity = int(stations["capacity"][node.index])
        if not capacity or node.kind == "Pool":
            continue
        of_served = 1 + waiting[node.index] / max(int(stations["served"][node.index]), 1)
        used = float(stations["busy_area"][node.index]) / run.seconds * of_served
        if isinstance(node.component, Worker) and node.component.per_s:
            sent = int(stations["served"][node.parent])
            used, capacity = sent / run.seconds, node.component.per_s
        both = found.setdefault(_kind(node.name), [0.0, 0.0])
        both[0], both[1] = both[0] + used, both[1] + capacity
    return {part: used / capacity for part, (used, capacity) in found.items()}


def _waiting_at_the_end(run):
    """How many wait for each node; who waits for a thread waits for its machine."""
    queues = run.records.samples[-1, :, 0].tolist()
    for node in run.nodes:
        if node.part_of != NONE:
            queues[node.part_of] += queues[node.index]
    return queues


def _kind(name):
    """The name without the number of the machine."""
    return re.sub(r" \d+$", "", name)


def _bars(label, names, percents, is_full):
    colour, shape = (VERMILION, "/") if is_full else (SKY, "")
    return {"type": "bar", "orientation": "h", "name": label, "y": list(range(len(names))), "offsetgroup": "one",
            "x": plain([percent if (percent >= FULL_PERCENT) is is_full else 0 for percent in percents]),
            "marker": {"color": colour, "pattern": hatched(shape), "line": {"color": INK, "width": 1}}}
