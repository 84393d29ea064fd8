"""Every public parameter by class of badness: one clear sentence, at once, none accepted.

Of the teaching tools: tests/teach/test_bad_values_of_the_tools.py; of the labs: tests/labs/test_labs.py.
"""

import dataclasses
import decimal
import math
import time
import warnings

import numpy as np
import pandas as pd
import pytest

import sdlib as sd

THEORY = sd.theory
SYSTEM, CROWD = sd.Server(cpus=2, ram_gb=4), sd.Clients(users=600)


class Mute:
    """Its repr raises, as that of a half-made object does."""

    def __repr__(self):
        raise RuntimeError("no repr")


def build():
    return SYSTEM, CROWD


def build_users(users=100):
    return SYSTEM, sd.Clients(users=users)


BOTH = {"one": build_users, "other": build_users}


def nested():
    part = SYSTEM
    for _ in range(30):
        part = sd.LoadBalancer([part] * 2)
    return part


NO_NUMBER = {"text": "4", "true": True, "numpy true": np.True_, "complex": 4j, "nan": math.nan, "inf": math.inf,
             "-inf": -math.inf, "none": None, "list": [4], "array": np.array([4, 5]), "masked": np.ma.masked,
             "mute": Mute(), "decimal": decimal.Decimal(4), "digits": 10**5_000, "digits in a list": [10**5_000],
             "huge system": nested(), "negative": -1, "tiny": -1e-300, "na": pd.NA, "date": pd.Timestamp(0)}
NO_FUNCTION = {name: NO_NUMBER[name] for name in ("text", "true", "complex", "nan", "list", "array", "mute", "digits",
                                                   "digits in a list", "huge system")}
NO_VALUES = {"text": "12", "texts": ["1", "2"], "booleans": [True, False], "one boolean": [1.0, True],
             "numpy booleans": np.array([True, False]), "complex": [1 + 0j, 2 + 0j], "complex array": np.array([1j, 2]),
             "nan": [1, math.nan], "inf": [1.0, math.inf], "masked": np.ma.array([1.0, 2, 3], mask=[0, 1, 0]),
             "none": None, "none inside": [1, None], "empty": [], "one": [1], "table": [[1, 2], [3, 4]],
             "ragged": [[1], [2, 3]], "mute": Mute(), "mute inside": [1, Mute()], "digits": [1, 10**5_000],
             "too large": [1e200, -1e200], "dict": {1: 2}, "set": {1, 2}, "dates": np.array(["2026", "2027"], "M8[Y]"),
             "texts in a series": pd.Series(["a", "b"]), "na": [1, pd.NA], "decimals": [decimal.Decimal(1)] * 2}

# (owner, parameter, how it is called with a value, the bad values, those of them that are allowed here)
PLACES = [
    ("simulate", "on_progress", lambda v, run: sd.simulate(SYSTEM, CROWD, 1, on_progress=v), NO_FUNCTION, ()),
    ("simulate", "seconds", lambda v, run: sd.simulate(SYSTEM, CROWD, v), NO_NUMBER, ()),
    ("simulate", "seed", lambda v, run: sd.simulate(SYSTEM, CROWD, 1, v), NO_NUMBER, ()),
    ("simulate", "clients", lambda v, run: sd.simulate(SYSTEM, v), NO_NUMBER, ()),
    ("system", "system", lambda v, run: sd.simulate(v, CROWD), NO_NUMBER, ()),
    ("system", "system", lambda v, run: sd.cost(v), NO_NUMBER, ()),
    ("timeline", "every_s", lambda v, run: run.timeline(v), {**NO_NUMBER, "zero": 0}, ("none",)),
    ("summary", "after_s", lambda v, run: run.summary(v), NO_NUMBER, ()),
    ("batch_means", "run", lambda v, run: sd.batch_means(v), NO_NUMBER, ()),
    ("batch_means", "measure", lambda v, run: sd.batch_means(run, v), NO_NUMBER, ()),
    ("batch_means", "batches", lambda v, run: sd.batch_means(run, batches=v), {**NO_NUMBER, "too many": 9_999}, ()),
    ("batch_means", "after_s", lambda v, run: sd.batch_means(run, after_s=v), NO_NUMBER, ()),
    ("batch_means", "level", lambda v, run: sd.batch_means(run, level=v), NO_NUMBER, ()),
    *[(name, parameter, lambda v, run, call=call, parameter=parameter: call(**{parameter: v}), bad, allowed)
      for name, call in (("replicate", lambda **knobs: sd.replicate(build, **{"seeds": 2, "seconds": 1} | knobs)),
                         ("compare", lambda **knobs: sd.compare(build, build, **{"seeds": 2, "seconds": 1} | knobs)))
      for parameter, bad, allowed in (("seeds", NO_NUMBER, ()), ("level", NO_NUMBER, ()), ("first_seed", NO_NUMBER, ()),
                                      ("after_s", NO_NUMBER, ()), ("measure", NO_FUNCTION, ()),
                                      ("n_jobs", {**NO_NUMBER, "zero": 0, "half": 1.5}, ("none", "negative")))],
    ("replicate", "build", lambda v, run: sd.replicate(v, 2, 1), NO_FUNCTION, ()),
    ("compare", "a", lambda v, run: sd.compare(v, build, 2, 1), NO_FUNCTION, ()),
    ("compare", "b", lambda v, run: sd.compare(build, v, 2, 1), NO_FUNCTION, ()),
    ("sweep", "grid", lambda v, run: sd.sweep(build_users, v), NO_NUMBER, ()),
    ("sweep", "grid", lambda v, run: sd.sweep(build_users, {"users": v}),
     {name: value for name, value in NO_NUMBER.items() if "list" not in name and name != "array"}, ()),
    ("sweep", "n_jobs", lambda v, run: sd.sweep(build_users, {}, 1, n_jobs=v), {**NO_NUMBER, "zero": 0},
     ("none", "negative")),
    ("sweep", "after_s", lambda v, run: sd.sweep(build_users, {}, 1, after_s=v), NO_NUMBER, ()),
    ("sweep", "seeds", lambda v, run: sd.sweep(build_users, {}, 1, v), NO_NUMBER, ()),
    ("measure gave", "measure", lambda v, run: sd.replicate(build, 2, 1, lambda run: {"x": v}),
     {name: value for name, value in NO_NUMBER.items() if name not in ("digits",)},
     ("nan", "inf", "-inf", "negative", "tiny")),
    ("measure gave", "measure", lambda v, run: sd.sweep(build, {}, 1, measure=lambda run: v), NO_NUMBER, ()),
    ("confidence_interval", "values", lambda v, run: THEORY.confidence_interval(v), NO_VALUES, ()),
    ("confidence_interval", "level", lambda v, run: THEORY.confidence_interval([1, 2], v), NO_NUMBER, ()),
]
SOUND = {"mmc": {"arrivals_per_s": 30, "service_ms": 10, "servers": 4}, "mm1": {"arrivals_per_s": 30, "service_ms": 10},
         "mg1": {"arrivals_per_s": 30, "service_ms": 10, "squared_cv": 1},
         "mm1k": {"arrivals_per_s": 30, "service_ms": 10, "capacity": 4}, "erlang_b": {"servers": 4, "offered_load": 3},
         "erlang_c": {"servers": 4, "offered_load": 3}, "power_of_choices": {"load": 0.5, "choices": 2},
         "relaxation_s": {"service_ms": 10, "servers": 4, "utilization": 0.5},
         "seconds_until_memory_is_full": {"arrivals_per_s": 500, "service_ms": 10, "cpus": 4, "ram_gb": 4,
                                          "memory_mb": 8},
         "student_t": {"freedom": 4, "level": 0.9}, "zipf_shares": {"objects": 10, "skew": 1},
         "share_interval": {"successes": 1, "trials": 4, "level": 0.95},
         "che_hit_ratio": {"objects": 10, "skew": 1, "capacity": 4}, "redundant": {"part": 0.9, "copies": 2},
         "nines": {"part": 0.9},
         "all_fail": {"failure_rate": 0.5, "attempts": 3},
         "backoff_delays": {"retries": 2, "first_delay_s": 1, "max_delay_s": 2},
         "bucket_passes": {"requests_per_s": 1, "limit_per_s": 2, "burst": 3},
         "stampede": {"requests_per_s": 500, "fetch_ms": 120}, "early_recomputations": {"beta": 1},
         "ttl_hit_ratio": {"objects": 10, "skew": 1, "requests_per_s": 5, "ttl_s": 10, "fetch_ms": 100},
         "fibre_rtt_ms": {"km": 100}, "expected_rtt_ms": {"km": 100},
         "round_trips": {"new_connections": 0.2, "tls": "1.3"}}
PLACES += [(name, parameter,
            lambda v, run, name=name, parameter=parameter: getattr(THEORY, name)(**SOUND[name] | {parameter: v}),
            NO_NUMBER, ()) for name, sound in SOUND.items() for parameter in sound]

# Every knob of every component, of retries and of calls; the rest of its arguments is sound.
KNOBS = {sd.Clients: {"users": 100}, sd.Server: {"cpus": 1, "ram_gb": 4}, sd.Database: {}, sd.Worker: {},
         sd.Cache: {"target": sd.Database()}, sd.Queue: {"worker": sd.Worker()}, sd.Call: {"target": sd.Database()},
         sd.LoadBalancer: {"targets": [sd.Database()]}, sd.Gateway: {"services": {"/": sd.Database()}},
         sd.Retry: {"times": 2}, sd.MailProvider: {}, sd.WhatsAppProvider: {}, sd.SmsProvider: {},
         sd.ReverseProxy: {"target": sd.Database()}, sd.Region: {"target": sd.Database()},
         sd.CDN: {"origin": sd.Database()},
         sd.Topic: {"subscriptions": [sd.Queue(sd.Worker())]},
         sd.Subscription: {"queue": sd.Queue(sd.Worker())}}
MORE_VALUES = {"object": object(), "set": {1}, "dict": {"a": "b"}, "bytes": b"4", "empty": "", "class": int,
               "ragged": [[1], [2, 3]], "function": len, "frame": pd.DataFrame()}


def fits(knob):
    """The values of NO_NUMBER that this knob may have."""
    fitting = {"text": {"text"}, "arrivals_s": {"list", "array"}, "target": {"huge system"}, "origin": {"huge system"},
               "weights": {"list"}, "backoff": {"function", "class"},
               "flag": {"true", "numpy true"}}
    return {*(["none"] if knob.metadata["optional"] else []),
            *fitting.get(knob.name, fitting.get(knob.metadata["kind"], ()))}


PLACES += [(kind.__name__, knob.name,
            lambda v, run, kind=kind, sound=sound, name=knob.name: kind(**sound | {name: v}),
            NO_NUMBER | MORE_VALUES, fits(knob)) for kind, sound in KNOBS.items() for knob in dataclasses.fields(kind)]

# What is drawn, looked up and planned.
CHARTS, TABLE = sd.charts, pd.DataFrame({"users": [1.0], "formula": [1.0], "low": [1.0], "high": [1.0]})
BY_COUNTRY = pd.DataFrame({"country": ["IN"], "p95_ms": [30.0]})
NO_TEXT = {name: value for name, value in (NO_NUMBER | MORE_VALUES).items() if name not in ("text", "empty")}
PLACES += [
    *[("spike", name, lambda v, run, name=name: sd.spike(**{"at_s": 20, "seconds": 10, "times": 5, name: v}), NO_NUMBER,
       ()) for name in ("at_s", "seconds", "times")],
    ("at", "seconds", lambda v, run: sd.at(v, "kill", SYSTEM), NO_NUMBER, ()),
    ("at", "action", lambda v, run: sd.at(1, v, SYSTEM), NO_TEXT, ()),
    ("at", "component", lambda v, run: sd.at(1, "kill", v), NO_TEXT, ("huge system",)),
    ("simulate", "engine", lambda v, run: sd.simulate(SYSTEM, CROWD, 1, engine=v), NO_NUMBER | MORE_VALUES, ()),
    ("simulate", "schedule", lambda v, run: sd.simulate(SYSTEM, CROWD, 1, schedule=v), NO_NUMBER, ()),
    ("simulate", "schedule", lambda v, run: sd.simulate(SYSTEM, CROWD, 1, schedule=[v]), NO_NUMBER, ()),
    ("trace", "request", lambda v, run: run.trace(v), NO_NUMBER, ()),
    ("watch", "run", lambda v, run: sd.watch(v), NO_NUMBER | MORE_VALUES, ()),
    ("watch", "from_s", lambda v, run: sd.watch(run, v, 1), NO_NUMBER, ("none",)),
    ("watch", "seconds", lambda v, run: sd.watch(run, 0, v), NO_NUMBER, ("none",)),
    ("watch", "thin", lambda v, run: sd.watch(run, thin=v), NO_NUMBER, ()),
    ("table", "runs", lambda v, run: sd.table(v, "sent"), NO_NUMBER | MORE_VALUES, ()),
    ("table", "runs", lambda v, run: sd.table({"a": v}, "sent"), NO_NUMBER | MORE_VALUES, ()),
    ("table", "columns", lambda v, run: sd.table({"a": run}, v), NO_NUMBER | MORE_VALUES, ()),
    ("table", "of", lambda v, run: sd.table({"a": run}, "sent", of=v), NO_TEXT, ()),
    ("figure", "figure_id", lambda v, run: sd.data.figure(v), NO_NUMBER | MORE_VALUES, ()),
    *[(name, parameter, call, NO_NUMBER | MORE_VALUES, ()) for name, parameter, call in (
        ("timeline", "run", lambda v, run: CHARTS.timeline(v)),
        ("outages", "run", lambda v, run: CHARTS.outages(v)),
        ("latency_distribution", "run", lambda v, run: CHARTS.latency_distribution(v)),
        ("answered_against_users", "run", lambda v, run: CHARTS.answered_against_users(v, {})),
        ("where_the_time_goes", "run", lambda v, run: CHARTS.where_the_time_goes(v, {})),
        ("latency_against_utilization", "runs", lambda v, run: CHARTS.latency_against_utilization(v)),
        ("still", "build", lambda v, run: CHARTS.still(v, {})),
        ("explore", "chart", lambda v, run: sd.explore(build_users, chart=v)),
        ("settings_table", "settings", lambda v, run: CHARTS.settings_table(build_users, [v])),
        ("formula_and_runs", "table", lambda v, run: CHARTS.formula_and_runs(v, "users", "y")))],
    ("system", "system", lambda v, run: CHARTS.diagram(v), NO_NUMBER, ()),
    ("system", "system", lambda v, run: CHARTS.erlang_curve(v), NO_NUMBER, ()),
    ("diagram", "highlight", lambda v, run: CHARTS.diagram(run, v), NO_NUMBER | MORE_VALUES, ("none",)),
    ("timeline", "every_s", lambda v, run: CHARTS.timeline(run, v), {**NO_NUMBER, "zero": 0}, ("none",)),
    ("latency_against_utilization", "theory", lambda v, run: CHARTS.latency_against_utilization(run, v),
     NO_NUMBER | MORE_VALUES, ("none",)),
    ("latency_distribution", "theory", lambda v, run: CHARTS.latency_distribution(run, v),
     {name: value for name, value in (NO_NUMBER | MORE_VALUES).items() if name not in ("class", "function")},
     ("none",)),
    ("still", "settings", lambda v, run: CHARTS.still(build_users, v), NO_NUMBER | MORE_VALUES, ()),
    ("explore", "chart", lambda v, run: CHARTS.still(build_users, {}, v), NO_NUMBER | MORE_VALUES, ()),
    ("settings_table", "settings", lambda v, run: CHARTS.settings_table(build_users, v), NO_NUMBER | MORE_VALUES, ()),
    *[("formula_and_runs", name,
       lambda v, run, name=name: CHARTS.formula_and_runs(TABLE, **{"x": "users", "y": "y", name: v}), NO_TEXT, ())
      for name in ("x", "y")],
    ("incident", "seed", lambda v, run: sd.incident(v), NO_NUMBER | MORE_VALUES, ()),
    ("contest", "design", lambda v, run: sd.contest(v), NO_NUMBER | MORE_VALUES, ()),
    ("contest", "seed", lambda v, run: sd.contest({}, v), NO_NUMBER | MORE_VALUES, ()),
    ("shop", "lesson", lambda v, run: sd.shop(v), NO_NUMBER | MORE_VALUES, ()),
    ("beside_formula", "shows", lambda v, run: sd.beside_formula(build_users, v, abs, users=[1, 2]),
     NO_NUMBER | MORE_VALUES, ()),
    ("beside_formula", "setting", lambda v, run: sd.beside_formula(build_users, "requests inside", abs, users=v),
     {"text": "4", "none": None, "empty": [], "number": 5, "set": {1}}, ()),
    *[(name, "run", lambda v, run, name=name: getattr(CHARTS, name)(v, {}), NO_NUMBER | MORE_VALUES, ())
      for name in ("users_against_cores", "lost_by_hour", "who_got_what", "wait_by_policy", "threads_held",
                   "answered_while_one_is_down", "messages_over_time", "how_far_told",
                   "mails_in_memory", "checkout_against_mail", "what_each_got", "left_for_the_servers",
                   "path_of_a_request", "hits_against_room", "how_warm_each_edge_is", "latency_by_distance",
                   "fullest_parts")],
    ("memory_over_time", "run", lambda v, run: CHARTS.memory_over_time(v), NO_NUMBER | MORE_VALUES, ()),
    ("mean_wait_ms", "run", lambda v, run: CHARTS.mean_wait_ms(v), NO_NUMBER | MORE_VALUES, ()),
    ("waits_by_policy", "waits", lambda v, run: CHARTS.waits_by_policy(v, 2.0, 1.0), NO_NUMBER | MORE_VALUES, ()),
    ("waits_by_policy", "each_ms", lambda v, run: CHARTS.waits_by_policy({"random": [1, 2]}, v, 1.0), NO_NUMBER, ()),
    ("waits_by_policy", "one_ms", lambda v, run: CHARTS.waits_by_policy({"random": [1, 2]}, 2.0, v), NO_NUMBER, ()),
    ("world_map", "values", lambda v, run: CHARTS.world_map(v), NO_NUMBER | MORE_VALUES, ()),
    ("world_map", "values", lambda v, run: CHARTS.world_map({"before": v}), NO_NUMBER | MORE_VALUES, ()),
    ("world_map", "home", lambda v, run: CHARTS.world_map(BY_COUNTRY, home=v), NO_NUMBER | MORE_VALUES, ()),
    ("world_map", "edges", lambda v, run: CHARTS.world_map(BY_COUNTRY, edges=v), NO_NUMBER | MORE_VALUES, ("none",)),
    ("world_map", "width", lambda v, run: CHARTS.world_map(BY_COUNTRY, width=v), NO_NUMBER, ()),
    ("world_map", "shows", lambda v, run: CHARTS.world_map(BY_COUNTRY, shows=v), NO_NUMBER | MORE_VALUES, ()),
    ("senders", "run", lambda v, run: sd.senders(v), NO_NUMBER | MORE_VALUES, ()),
    ("explore", "build", lambda v, run: sd.explore(v), NO_NUMBER | MORE_VALUES, ()),
    ("explore", "goals", lambda v, run: sd.explore(build_users, goals=v), NO_NUMBER | MORE_VALUES, ("none",)),
    ("explore", "seconds", lambda v, run: sd.explore(build_users, seconds=v), NO_NUMBER, ()),
    ("explore", "seed", lambda v, run: sd.explore(build_users, seed=v), NO_NUMBER, ()),
    ("explore", "fine", lambda v, run: sd.explore(build_users, fine=v), NO_NUMBER, ("none",)),
    ("explore", "fine", lambda v, run: sd.explore(build_users, users=(10, 1_000), fine={"users": v}), NO_NUMBER, ()),
    ("explore", "users", lambda v, run: sd.explore(build_users, users=v), NO_NUMBER, ("none",)),
    ("explore_both", "builds", lambda v, run: sd.explore_both(v), NO_NUMBER | MORE_VALUES, ()),
    ("explore_both", "builds", lambda v, run: sd.explore_both({"a": build_users, "b": v}), NO_NUMBER | MORE_VALUES, ()),
    ("explore_both", "seconds", lambda v, run: sd.explore_both(BOTH, seconds=v), NO_NUMBER, ()),
    ("explore_both", "seed", lambda v, run: sd.explore_both(BOTH, seed=v), NO_NUMBER, ()),
    ("explore", "users", lambda v, run: sd.explore_both(BOTH, users=v), NO_NUMBER, ("none",)),
]
CASES = [pytest.param(owner, call, value, parameter, id=f"{owner}-{parameter}-{kind}")
         for owner, parameter, call, values, allowed in PLACES for kind, value in values.items() if kind not in allowed]


@pytest.fixture(scope="module")
def run():
    return sd.simulate(SYSTEM, CROWD, seconds=20)


@pytest.mark.parametrize("owner, call, value, parameter", CASES)
def test_a_bad_value_gets_one_clear_sentence(owner, call, value, parameter, run):
    begun_s = time.process_time()  # not the clock: others may have the cores
    with warnings.catch_warnings(), pytest.raises(ValueError) as problem:
        warnings.simplefilter("ignore")
        call(value, run)
    told = str(problem.value)
    assert told.startswith(owner) and parameter in told and " must " in told and "for example " in told, told
    assert "\n" not in told and len(told) < 500
    assert time.process_time() - begun_s < 2


def test_every_public_function_of_theory_is_walked():
    elsewhere = {"confidence_interval", "littles_law", "availability", "quantile_of_sum"}  # test_theory, test_sums
    walked = {*SOUND, *elsewhere}
    assert walked == {name for name in THEORY.__all__ if not isinstance(getattr(THEORY, name), type)}
    assert len(CASES) >= 200


def test_every_public_name_is_walked():  # a Service is a Server with threads
    tools = {"exercise", "goals", "lab", "ledger", "predict", "progress", "quiz"}  # walked where the docstring says
    without_parameters = {"Run", "Service", "calibration", "charts", "data", "ready", "theory"}
    walked = {owner for owner, *_ in PLACES} | {"cost"}  # cost speaks of the "system"
    assert walked >= {*sd.__all__} - tools - without_parameters
    of_charts = {name for name in CHARTS.__all__ if name not in ("Plot", "erlang_curve", "prices")}  # that one, too
    assert walked >= of_charts


@pytest.mark.parametrize("name", ["mails_in_memory", "messages_over_time", "how_far_told", "what_each_got"])
def test_a_chart_of_messages_says_that_a_system_has_none(name):
    run = sd.simulate(SYSTEM, CROWD, seconds=1)
    with pytest.raises(ValueError, match=f"{name}.*run must be of a system with a sd.Queue"):
        getattr(CHARTS, name)(run, {})


@pytest.mark.parametrize("name", ["users", "seed"])
def test_a_measure_must_not_take_the_name_of_a_setting(name):
    with pytest.raises(ValueError, match=f"{name} must not be the name of a setting or seed"):
        sd.sweep(build_users, {"users": [100]}, seconds=1, measure=lambda run: {name: 1.0})
    with pytest.raises(ValueError, match="it must return a dict of names to numbers"):
        sd.sweep(build_users, {"users": [100]}, seconds=1, measure=lambda run: {1: 1.0})
