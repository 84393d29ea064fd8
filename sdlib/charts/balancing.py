"""Lesson 6's chart: how long requests wait for a core under each policy, between two formulas."""

import numpy as np

from sdlib.charts.parts import kept
from sdlib.charts.theme import BLUE, GREEN, INK, ORANGE, Plot, above, figure, line, marks, plain, this_run
from sdlib.charts.words import duration
from sdlib.components.checks import check_number, complain
from sdlib.results.run import check_run
from sdlib.theory import confidence_interval, mmc

RANKED = {"random": "random", "round_robin": "round<br>robin", "two_choices": "two<br>choices",
          "least_connections": "least<br>connec-<br>tions", "pooled_queue": "one<br>pooled<br>queue"}
EACH, ONE = "formula: by chance, each machine its queue", "formula: one queue for all"
SHORTEST_MS = 0.001  # what is less would be a row of zeros on the axis
ENDS = (-0.6, len(RANKED) - 0.4)


def mean_wait_ms(run):
    """Mean time that a request of a run waited for a core, at the balancer or at a machine: all queues together."""
    check_run("mean_wait_ms", run)
    seen = run.records.stations
    answered = run.measures()["answered"]
    return float(1000 * np.sum(seen["queue_area"]) / answered) if answered else float("nan")


def wait_by_policy(run, settings, trail=None):
    """Mean wait under the policies that were tried with this crowd and these machines, and two formulas.

    settings: users, machines, policy, cpus, as the panel has them. trail: a list that keeps the points so far.
    """
    check_run("wait_by_policy", run)
    policy, farm = settings["policy"], tuple(settings[name] for name in ("users", "machines", "cpus"))
    wait_ms = _drawn(mean_wait_ms(run))
    points = kept([] if trail is None else trail, farm, (_place(policy), wait_ms))
    each, one = map(_drawn, _formulas(run))
    runs = {**marks("runs", *zip(*points, strict=True), size=9, color=ORANGE, symbol="circle",
                    line={"width": 1, "color": INK}), "showlegend": len(points) > 1}
    here = this_run(_place(policy), wait_ms)
    said = f"{_said(policy)}, a wait of {duration(wait_ms)}"
    alt = f"Mean wait for a core by policy: {said}. {_formula_words(each, one)}"
    return Plot([*_lines(each, one), runs, here], alt, _policies(), {"title": {"text": "mean wait for a core (ms)"}},
                notes=[above(f"<b>you are here:</b> {said}")])


def waits_by_policy(waits, each_ms, one_ms, width=840, height=360):
    """A `go.Figure`: for each policy the mean wait over many runs with its 95 % interval, between two formulas.

    waits: dict of a policy to the mean waits of its runs in ms, at least two. each_ms, one_ms: what the formulas say
    of a queue at each machine under chance, and of one queue for all.
    """
    if not isinstance(waits, dict) or not waits or not set(waits) <= set(RANKED):
        complain("waits_by_policy", "waits", waits, "a dict of " + ", ".join(map(repr, RANKED)) + " to waits in ms",
                 {"random": [7.3, 7.6]})
    each_ms, one_ms = (check_number("waits_by_policy", name, value, low=0, high=1e9, example=7.5, unit="ms")
                       for name, value in (("each_ms", each_ms), ("one_ms", one_ms)))
    found = {policy: confidence_interval(values) for policy, values in waits.items()}
    ranked = sorted(found.values(), key=lambda interval: -interval.mean)
    apart = all(worse.low > better.high for worse, better in zip(ranked, ranked[1:]))
    says = ("No two intervals overlap." if apart else "Some intervals overlap.") + " " + (
        "Both formulas lie in the interval of their policy." if _agree(found, each_ms, one_ms) else
        "Not both formulas lie in the interval of their policy.")
    places = [_place(policy) for policy in found]
    runs = {**marks("20 runs: mean and 95 % interval", places, [interval.mean for interval in found.values()],
                    size=9, color=ORANGE, symbol="diamond"),
            "error_y": {"type": "data", "array": plain([interval.half_width for interval in found.values()]),
                        "color": ORANGE, "thickness": 2, "width": 7}}
    told = "; ".join(f"{_said(policy)} {duration(interval.mean)}" for policy, interval in found.items())
    plot = Plot([*_lines(each_ms, one_ms), runs], f"Mean wait for a core by policy: {told}. {says}", _policies(),
                {"title": {"text": "mean wait for a core (ms)"}}, title=says)
    return figure([plot], width, height)


def _agree(found, each_ms, one_ms):
    pairs = [(found.get("random"), each_ms), (found.get("pooled_queue"), one_ms)]
    return all(interval is not None and interval.low <= said <= interval.high for interval, said in pairs)


def _formulas(run):
    """(mean wait with a queue at each machine under chance, with one queue for all) in ms; inf when overloaded."""
    balancer = run.nodes[0].component
    machine, count = balancer.targets[0], len(balancer.targets)
    rate_per_s, service_ms = run.clients.requests_per_second, machine.service[0]
    return (mmc(rate_per_s / count, service_ms, machine.places).mean_wait_ms,
            mmc(rate_per_s, service_ms, machine.places * count).mean_wait_ms)


def _drawn(wait_ms):
    return 0.0 if wait_ms < SHORTEST_MS else wait_ms


def _lines(each_ms, one_ms):
    known = np.isfinite(each_ms)
    return [line(EACH, ENDS, [each_ms] * 2, BLUE), line(ONE, ENDS, [one_ms] * 2, GREEN, "dot")] if known else []


def _formula_words(each_ms, one_ms):
    if not np.isfinite(each_ms):
        return "The machines are overloaded: the wait grows, and no formula holds."
    return f"The formulas: {duration(each_ms)} by chance, {duration(one_ms)} in one queue for all."


def _policies():
    return {"range": list(ENDS), "tickvals": list(range(len(RANKED))), "ticktext": list(RANKED.values()),
            "title": {"text": ""}}


def _place(policy):
    return list(RANKED).index(policy)


def _said(policy):
    return policy.replace("_", " ")
