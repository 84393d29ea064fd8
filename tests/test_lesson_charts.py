"""The tables and charts that only lessons use."""

import json

import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.charts.parts import answered_against_users, where_the_time_goes
from sdlib.charts.theme import figure


def run_of(users=100, cpus=4, seconds=60):
    shop = sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()])
    return sd.simulate(shop, sd.Clients(users=users), seconds=seconds, seed=1)


def test_a_table_says_what_the_summary_says_in_plain_words():
    runs = {"100 users": run_of(), "1,000 users": run_of(1_000)}
    table = sd.table(runs, "sent", "answered (%)", "busy (%)", of="crowd")
    assert list(table.index) == list(runs) and table.columns.name == "crowd"
    assert table.loc["1,000 users", "sent"] == f"{len(runs['1,000 users'].requests):,}"
    assert table.loc["100 users", "answered (%)"] == "100"


def test_a_latency_in_a_table_is_that_of_the_answered_once_some_failed():
    calm, dead = run_of(), run_of(1_000_000, seconds=5)
    names = ["mean latency (ms)", "p99 latency (ms)", "failed (%)"]
    assert list(sd.table({"a": calm}, *names).columns) == names
    assert list(sd.table({"a": calm, "b": dead}, *names).columns) == ["mean of answered (ms)", "p99 of answered (ms)",
                                                                      "failed (%)"]
    assert "p99 of answered (ms)" in sd.ledger("00").columns


@pytest.mark.parametrize(("runs", "columns"), [({}, ["sent"]), (5, ["sent"]), ({"a": 1}, []), ({"a": 1}, ["p99_ms"]),
                                               ({"a": 1}, ["sent"] * 6)])
def test_a_table_that_cannot_be_is_refused(runs, columns):
    with pytest.raises(ValueError, match=r"table\(.*for example"):
        sd.table(runs, *columns)


def test_the_ledger_grows_with_the_lessons():
    first, last = sd.ledger("00"), sd.ledger("02")
    assert len(first) == 1 and last.iloc[:1].equals(first)
    assert list(last.index) == [0, 1, 2, 2]
    assert list(last["users"]) == ["100", "3,000", "8,000", "1,000,000"]
    assert len(last.columns) + 1 == 6, "six columns with the lesson"
    with pytest.raises(ValueError, match="Known: 00, 01, 02"):
        sd.ledger("77")


def test_a_formula_beside_runs_counts_where_they_meet():
    table = pd.DataFrame({"users": [1, 2, 3], "formula": [1.0, 2.0, 3.0], "low": [0.5, 2.5, 2.9],
                          "high": [1.5, 3.5, 3.1]})
    shown = sd.charts.formula_and_runs(table, "users", "latency (ms)")
    says = "The formula lies in the interval of the runs at 2 of 3 settings."
    assert says in shown.layout.meta["alt"] and any(says in note.text.replace("<br>", " ")
                                                         for note in shown.layout.annotations)
    bars = shown.data[1]
    assert np.allclose(np.array(bars.y) - bars.error_y.array, table["low"])
    with pytest.raises(ValueError, match="formula_and_runs.*table"):
        sd.charts.formula_and_runs(table.drop(columns="low"), "users", "latency (ms)")


@pytest.mark.parametrize("users", [10, 100, 6_000, 8_000, 1_000_000])
def test_the_answered_share_stands_where_the_run_is_and_below_the_limit(users):
    run = run_of(users, seconds=60 if users < 10_000 else 3)
    plot = answered_against_users(run, {})
    most, runs, here = plot.traces
    answered = 100 - run.summary()["error_percent"].iloc[0]
    assert here["x"] == [users] and here["y"][0] == pytest.approx(answered, abs=0.01)
    limit = np.interp(np.log10(users), np.log10(most["x"]), most["y"])
    assert here["y"][0] <= limit + 1 and f"{users:,} users" in plot.alt
    assert runs["x"] == here["x"] and runs["showlegend"] is False
    assert figure([plot]).layout.meta["alt"] == plot.alt


def test_the_crowds_that_were_tried_stay_as_points_until_the_machine_changes():
    panel = sd.explore(lambda users=100, cpus=4: (sd.Server(cpus, 4, calls=[sd.Database()]), sd.Clients(users)),
                       users=(10, 1_000_000), cpus=(1, 64), chart=answered_against_users, seconds=5)

    def tried():
        return next(trace for trace in json.loads(panel._chart.plot.figure)["data"] if trace["name"] == "runs")["x"]

    for users in (3_000, 20_000, 3_000):
        panel.set(users=users)
    assert tried() == [100, 20_000, 3_000] and "3 crowds were tried" in panel._chart.alt
    panel.set(cpus=8)
    assert tried() == [3_000]
    panel.reset()
    assert tried() == [100]


def test_the_formula_is_drawn_as_the_curve_that_it_is():
    table = pd.DataFrame({"users": [10, 100, 1000], "low": [0, 0, 0], "high": [200, 5_000, 2_000_000]})
    for log_x in (False, True):
        curve = sd.charts.formula_and_runs(table, "users", "y", formula=lambda users: users**2, log_x=log_x).data[0]
        assert len(curve.x) >= 100 and {10, 100, 1000} <= set(curve.x)
        assert np.allclose(np.array(curve.y), np.array(curve.x)**2, rtol=1e-3)
    says = sd.charts.formula_and_runs(table, "users", "y", formula=lambda users: users**2).layout.meta["alt"]
    assert "at 2 of 3 settings" in says
    with pytest.raises(ValueError, match="formula_and_runs.*formula"):
        sd.charts.formula_and_runs(table, "users", "y")


@pytest.mark.parametrize(("users", "cpus"), [(100, 4), (5_000, 4), (20_000, 17)])
def test_the_parts_of_a_latency_add_up_to_it_and_stand_one_after_the_other(users, cpus):
    run = run_of(users, cpus, seconds=300)
    traces = where_the_time_goes(run, {}).traces
    ends = [start + length for trace in traces for start, length in zip(trace["base"], trace["x"], strict=True)]
    place = traces[0]["y"].index("this run")
    parts = [trace["x"][place] for trace in traces]
    assert sum(parts) == pytest.approx(run.summary()["mean_ms"].iloc[0], rel=0.01)
    assert max(ends) == pytest.approx(max(sum(trace["x"][bar] for trace in traces) for bar in (0, 1)), rel=1e-3)
    formula = [trace["x"][traces[0]["y"].index("formula")] for trace in traces]
    assert formula[1:] == [10, 1] and sum(formula) == pytest.approx(sum(parts), rel=0.1)


@pytest.mark.parametrize(("seconds", "says"), [(1, "overloaded"), (60, "crashed")])
def test_past_capacity_only_the_run_is_drawn_and_a_crash_is_called_one(seconds, says):
    plot = where_the_time_goes(run_of(8_000, seconds=seconds), {})
    assert plot.traces[0]["y"] == ["this run"] and plot.notes[-1]["text"].startswith(f"<b>{says}:</b>")
    figure([plot])


def shop_of(users):
    return sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)


def test_a_formula_stands_beside_the_runs_of_as_many_crowds_as_asked_for():
    shown = sd.beside_formula(shop_of, "requests answered (%)", lambda users: 50 + users / 100, seeds=3, seconds=5,
                              spread="range", users=(100, 20_000), says="So it is.")
    formula, bars = shown.data
    assert (formula.x[0], formula.y[0], formula.x[-1], formula.y[-1]) == (100, 51, 20_000, 250)
    answered = [100 - sd.simulate(*shop_of(20_000), seconds=5, seed=seed).summary()["error_percent"].iloc[0]
                for seed in range(3)]
    top, half = bars.y[1], bars.error_y.array[1]
    assert top + half == pytest.approx(max(answered), rel=1e-4) and top - half == pytest.approx(min(answered), rel=1e-4)
    assert bars.y[0] == 100 and shown.layout.xaxis.type == "log", "two decades"


def test_an_interval_is_that_of_replicate():
    shown = sd.beside_formula(shop_of, "mean latency (ms)", lambda users: 12, seeds=4, seconds=20, users=[3_000])
    found = sd.replicate(lambda: shop_of(3_000), seeds=4, seconds=20).loc["mean_ms"]
    bars = shown.data[1]
    assert bars.y[0] == pytest.approx(found["mean"], rel=1e-4), "drawn to five digits"
    assert bars.error_y.array[0] == pytest.approx(found["half_width"], rel=1e-3)


@pytest.mark.parametrize("wrong", [{"shows": "joy"}, {"spread": "wide"}, {"users": ()}, {"users": 5}, {"cpus": [4]}])
def test_a_check_that_cannot_be_is_refused(wrong):
    asked = {"shows": "requests inside", "formula": lambda users: 1, "users": [100]} | wrong
    with pytest.raises(ValueError, match=r"beside_formula\(.*for example"):
        sd.beside_formula(shop_of, **asked)
