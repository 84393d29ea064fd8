"""A lesson's check in one call: what many runs give, beside what a formula says."""

import pandas as pd

from sdlib.charts.formula import INTERVAL, formula_and_runs
from sdlib.charts.hits import settled_hits_percent
from sdlib.charts.in_front import answered_in_front_percent
from sdlib.charts.told import half_told
from sdlib.components.checks import complain
from sdlib.labs.status import StatusLine
from sdlib.lessons.measures import figure
from sdlib.results.experiments import sweep
from sdlib.results.mails import mean_in_memory
from sdlib.theory import confidence_interval

LOGARITHMIC_FROM = 100   # times the lowest setting


def _inside(run):
    """The mean number of requests that wait or are worked on anywhere in the system, counted by the run."""
    parts = run.stations
    return (parts["mean_queue"] + parts["utilization"] * parts["capacity"]).sum()


def _dead_percent(run):
    """Of the messages of the first half of the run, which had the second half to be tried in."""
    early = run.messages[run.messages["sent_s"] < run.seconds / 2]
    return 100 * (early["outcome"] == "dead-lettered").mean()


def _product_busy_percent(run):
    """How busy the product machines were in the second half of the run, when nothing is cold any more."""
    machines = [node.name for node in run.nodes if node.kind == "Service" and node.name.startswith("product")]
    samples = run.samples
    late = samples[(samples["second"] >= run.seconds / 2) & samples["station"].isin(machines)]
    return 100 * late["busy"].sum() / run.stations.loc[machines, "capacity"].sum() / late["second"].nunique()


MEASURES = {"requests inside": _inside, "mean latency (ms)": lambda run: figure(run, "mean_ms"),
            "p99 latency (ms)": lambda run: figure(run, "p99_ms"),
            "requests answered (%)": lambda run: 100 - figure(run, "error_percent"),
            "requests failed": lambda run: figure(run, "failed"), "mails in memory": mean_in_memory,
            "dead letters (%)": _dead_percent, "customers half told": half_told,
            "answered without a server (%)": answered_in_front_percent, "hits (%)": settled_hits_percent,
            "product machines busy (%)": _product_busy_percent}


def _interval(values):
    found = confidence_interval(values)
    return found.low, found.high


SPREADS = {"interval": (INTERVAL, _interval),
           "range": ("20 crowds: the worst to the best", lambda values: (min(values), max(values)))}


def beside_formula(build, shows, formula, *, seeds=20, seconds=60, spread="interval", says=None, axis=None,
                   **setting):
    """A `go.Figure`: at each setting what runs with `seeds` other crowds gave, and what the formula says.

    build(**setting) -> (system, clients). setting: one name with a list of its values, such as users=(500, 2_000).
    shows: "requests inside", "mean latency (ms)", "p99 latency (ms)", "requests answered (%)", "requests failed",
    "mails in memory", "customers half told", "dead letters (%)" (of the messages sent in the first half of the run),
    "answered without a server (%)", "hits (%)" or "product machines busy (%)" (in the second half of the run).
    formula(value) -> the same, computed.
    spread: "interval" (95 % interval of the runs' mean) or "range" (the worst to the best run). says: the sentence
    above; counted unless given. axis: the setting in words; its name unless given.
    While the runs are made, a line says how far they are.
    """
    name, values = _checked(shows, spread, setting)
    measure, (bars, ends) = MEASURES[shows], SPREADS[spread]
    rows = []
    with StatusLine(f"{seeds} runs for each", saved="(how far the runs are)", ends="done") as status:
        for number, value in enumerate(values, start=1):
            status.show(f"{number} of {len(values)}: {value:,} {name}")
            found = sweep(build, {name: [value]}, seconds=seconds, seeds=seeds,
                          measure=lambda run: {"found": float(measure(run))})["found"]
            low, high = ends(found.tolist())
            rows.append({axis or name: value, "low": low, "high": high})
    return formula_and_runs(pd.DataFrame(rows), axis or name, shows, formula, says=says, bars=bars,
                            log_x=0 < LOGARITHMIC_FROM * min(values) <= max(values))


def _checked(shows, spread, setting):
    for name, value, known in (("shows", shows, MEASURES), ("spread", spread, SPREADS)):
        if not isinstance(value, str) or value not in known:
            complain("beside_formula", name, value, "one of " + ", ".join(map(repr, known)), next(iter(known)))
    values = next(iter(setting.values()), None)
    if len(setting) != 1 or not isinstance(values, (list, tuple)) or not values:
        complain("beside_formula", "setting", setting, "one name with a list of its values", {"users": (500, 2_000)})
    return next(iter(setting)), values
