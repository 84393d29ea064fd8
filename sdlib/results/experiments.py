"""Many runs: over seeds, to know how sure a number is, and over settings, to see how it changes."""

import inspect
import math
import warnings
from itertools import product

import joblib
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from sdlib.components.checks import check_number, complain, is_number, shown
from sdlib.components.clients import Clients
from sdlib.engine.blueprint import blueprint
from sdlib.kernel.statuses import IN_FLIGHT
from sdlib.results.certainty import RELAXATIONS, difference_of, interval_of, relaxation_of
from sdlib.results.cluster import shield_workers
from sdlib.results.simulate import check_engine, check_seconds, simulate

MEASURES = ("throughput_per_s", "error_percent", "percent_answered", "in_flight", "mean_ms", "p50_ms", "p95_ms",
            "p99_ms", "utilization_percent")
RUNS_WITHOUT_PROGRESS = 40
MOST_RUNS = 100_000
MOST_ADVISED = 1_000  # times as long a run is advice; more than that is an overload


def summary_of(run, after_s=0.0):
    """The measures that are reported unless told otherwise: dict of name to number, as `Run.summary` counts them."""
    row = run.summary(after_s).iloc[0]
    return {name: float(row[name]) for name in MEASURES}


def replicate(build, seeds=20, seconds=60, measure=summary_of, level=0.95, n_jobs=1, first_seed=0, after_s=0.0):
    """The same system under `seeds` different crowds.

    build() -> (system, clients). measure(run) -> dict of name to number; with after_s, measure(run, after_s).
    after_s leaves out the start, while the queues fill. Latencies are those of answered requests.
    Returns a DataFrame, a row per measure: mean, low, high (confidence interval of the mean; Student's, for shares
    Wilson's), half_width (of the interval), seeds (runs with a value), left_out (runs without: NaN, because nothing
    was answered, say), in_flight_percent (share of requests without an end when the run was over: slow ones that no
    latency counts), relaxation_s (what the busiest station needs to forget its start). The last two are means over
    the runs, and the same in each row.
    Warns when runs are left out, and when the default measures are taken over less than 20 relaxation times.
    """
    seeds, seconds, level, first_seed, after_s = _checked("replicate", seeds, seconds, level, first_seed, after_s)
    _check_build("replicate", build, {}, measure, after_s)
    jobs = _checked_jobs("replicate", n_jobs)
    _built(build, {})
    tasks = [({}, seed) for seed in range(first_seed, first_seed + seeds)]
    table, health = _run_all(build, tasks, seconds, measure, jobs, after_s)
    rows = {name: _row(name, table[name], health, level) for name in table}
    _warn_of_gaps("replicate", table, health)
    if measure is summary_of:
        _warn_of_short_runs("replicate", health, seconds, after_s)
    return pd.DataFrame(rows).T.rename_axis("measure")


def compare(a, b, seeds=20, seconds=60, measure=summary_of, level=0.95, n_jobs=1, first_seed=0, after_s=0.0):
    """Two systems under the same crowds: is b different from a?

    a, b: functions () -> (system, clients). In each pair of runs the seed is the same, so the same customers come with
    the same work, and most of what chance does cancels in the difference. measure, after_s: as in `replicate`.
    Returns a DataFrame, a row per measure: a_mean, b_mean, difference (b - a), low, high (confidence interval of the
    difference), seeds (pairs of runs with a value), left_out (pairs without). Warns as `replicate` does.
    """
    seeds, seconds, level, first_seed, after_s = _checked("compare", seeds, seconds, level, first_seed, after_s)
    jobs = _checked_jobs("compare", n_jobs)
    for name, build in (("a", a), ("b", b)):
        _check_build("compare", build, {}, measure, after_s, name)
        _built(build, {})
    tasks = [({}, seed) for seed in range(first_seed, first_seed + seeds)]
    first, first_health = _run_all(a, tasks, seconds, measure, jobs, after_s)
    second, second_health = _run_all(b, tasks, seconds, measure, jobs, after_s)
    if set(first) != set(second):
        complain("compare", "measure", sorted(set(first) ^ set(second), key=str),
                 "a function that gives the same names for both systems", "lambda run: {'sent': len(run.requests)}")
    health = pd.concat([first_health, second_health]).groupby(level=0).max()
    both = {name: first[name].isna() | second[name].isna() for name in first}
    _warn_of_gaps("compare", first.mask(pd.DataFrame(both)), health)
    if measure is summary_of:
        _warn_of_short_runs("compare", health, seconds, after_s)
    rows = {name: _difference(name, first[name][~gap], second[name][~gap], health, level)
            for name, gap in both.items()}
    return pd.DataFrame(rows).T.rename_axis("measure")


def sweep(build, grid, seconds=60, seeds=1, measure=summary_of, n_jobs=None, engine="compiled", after_s=0.0):
    """Run every combination of settings, each with `seeds` seeds; at most 100,000 runs.

    build(**settings) -> (system, clients). grid: dict of a setting's name to the list of its values.
    Returns a tidy DataFrame: a row per combination and seed, the settings, the seed and the measures as columns.
    measure, after_s: as in `replicate`. The latencies are those of answered requests: percent_answered says how many.
    Warns when the default measures of some runs are taken over less than 20 relaxation times.
    Runs on joblib: inside `joblib.parallel_config(backend="dask")` the same call uses a cluster.
    """
    seeds = check_number("sweep", "seeds", seeds, low=1, high=MOST_RUNS, example=20, whole=True)
    _check_grid(grid, seeds)
    seconds = check_seconds(seconds)
    after_s = _checked_start("sweep", after_s, seconds)
    check_engine(engine)
    _check_build("sweep", build, grid, measure, after_s)
    jobs = _checked_jobs("sweep", n_jobs)
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    for setting in settings:
        _built(build, setting)  # a wrong argument anywhere fails here, before anything runs
    tasks = [(setting, seed) for setting in settings for seed in range(seeds)]
    table, health = _run_all(build, tasks, seconds, measure, jobs, after_s, engine)
    if measure is summary_of:
        _warn_of_short_runs("sweep", health, seconds, after_s)
    head = pd.DataFrame([{**setting, "seed": seed} for setting, seed in tasks])
    return pd.concat([head, table], axis=1)


def _checked(owner, seeds, seconds, level, first_seed, after_s):
    seeds = check_number(owner, "seeds", seeds, low=2, high=100_000, example=20, whole=True)
    first_seed = check_number(owner, "first_seed", first_seed, low=0, high=2**62, example=0, whole=True)
    level = check_number(owner, "level", level, low=0.5, high=0.9999, example=0.95)
    seconds = check_seconds(seconds)
    return seeds, seconds, level, first_seed, _checked_start(owner, after_s, seconds)


def _checked_start(owner, after_s, seconds):
    return check_number(owner, "after_s", after_s, low=0, high=0.99 * seconds, example=0, unit="s")


def _checked_jobs(owner, n_jobs):
    if n_jobs is None:
        return None
    if not is_number(n_jobs) or not 1 <= abs(n_jobs) <= 1_024 or n_jobs != int(n_jobs):
        complain(owner, "n_jobs", n_jobs, "a whole number from 1 to 1,024, or -1 for all cores, or None", 2)
    return int(n_jobs)


def _check_grid(grid, seeds):
    if not isinstance(grid, dict) or not all(_is_list(values) for values in grid.values()):
        raise ValueError(f"sweep(grid={shown(grid)}): grid must be a dict of names to lists of values; "
                         'for example grid={"users": [100, 1_000], "cpus": [4, 8]}.')
    wrong = [name for name in grid if not isinstance(name, str) or name == "seed"]
    if wrong:
        raise ValueError(f"sweep(grid={shown(grid)}): {shown(wrong[0])} must be the name of a setting of build, and "
                         'not "seed", which `seeds` counts; for example grid={"users": [100, 1_000]}, seeds=20.')
    lengths = {name: _length(values) for name, values in grid.items()}
    empty = [name for name, length in lengths.items() if length == 0]
    if empty:
        raise ValueError(f"sweep(grid={shown(grid)}): the list of {empty[0]} is empty, it must have at least one "
                         f"value; for example {empty[0]}=[1, 2].")
    runs = math.prod(lengths.values()) * seeds
    if runs > MOST_RUNS:
        sizes = " x ".join(f"{length:.6g}" for length in lengths.values())
        raise ValueError(f"sweep(grid={shown(grid)}): grid must make at most {MOST_RUNS:,} runs, but has "
                         f"{sizes} combinations, each with {seeds:,} seeds; "
                         'for example grid={"users": [100, 1_000], "cpus": [4, 8]}.')


def _is_list(values):
    return isinstance(values, (list, tuple, range)) or (isinstance(values, np.ndarray) and values.ndim == 1)


def _length(values):
    """How many values, also of a range that is longer than `len` can say."""
    if not isinstance(values, range):
        return len(values)
    return max(0, (values.stop - values.start + values.step - (1 if values.step > 0 else -1)) // values.step)


def _check_build(owner, build, names, measure, after_s, parameter="build"):
    """build must be a function that takes these settings, and measure a function."""
    if not callable(measure):
        raise ValueError(f"{owner}(measure={shown(measure)}): measure must be a function of a run that returns a dict "
                         "of names to numbers; for example measure=lambda run: {'sent': len(run.requests)}.")
    if after_s and not _takes_after_s(measure):
        complain(owner, "after_s", after_s, "0, or measure must have a parameter after_s",
                 "lambda run, after_s: {'p99_ms': run.summary(after_s)['p99_ms'].item()}")
    if not callable(build):
        raise ValueError(f"{owner}({parameter}={shown(build)}): {parameter} must be a function that returns "
                         f"(system, clients); for example {parameter}=lambda: (sd.Server(cpus=4, ram_gb=4), "
                         "sd.Clients(users=100)).")
    try:
        inspect.signature(build).bind(**dict.fromkeys(names))
    except (TypeError, ValueError) as problem:
        raise ValueError(f"{owner}({parameter}): {parameter} does not take these settings: {problem}; for example "
                         f"def build({', '.join(names) or ''}): ... return system, clients.") from None


def _takes_after_s(measure):
    try:
        return "after_s" in inspect.signature(measure).parameters
    except (TypeError, ValueError):
        return False


def _run_all(build, tasks, seconds, measure, n_jobs, after_s, engine="compiled"):
    """Every task's measures and its health, a row each, in order; a progress bar where it takes long."""
    shield_workers()
    jobs = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(_run_one)(build, settings, seed, seconds, measure, after_s, engine) for settings, seed in tasks)
    rows = list(tqdm(jobs, total=len(tasks), unit="run", leave=False, disable=len(tasks) <= RUNS_WITHOUT_PROGRESS))
    return pd.DataFrame([row for row, _ in rows]), pd.DataFrame([health for _, health in rows])


def _run_one(build, settings, seed, seconds, measure, after_s, engine):
    system, clients = _built(build, settings)
    run = simulate(system, clients, seconds, seed, engine)
    measured = measure(run, after_s=after_s) if _takes_after_s(measure) else measure(run)
    if not isinstance(measured, dict) or not all(isinstance(name, str) for name in measured) \
            or not all(map(is_number, measured.values())):
        raise ValueError(f"measure gave {shown(measured)}: it must return a dict of names to numbers; "
                         "for example {'sent': len(run.requests)}.")
    taken = [name for name in measured if name in settings or name == "seed" and settings]
    if taken:
        raise ValueError(f"measure gave {shown(measured)}: {taken[0]} must not be the name of a setting or seed, which "
                         f"has a column of its own; for example {{'{taken[0]}_measured': 1.0}}.")
    return measured, _health(run, after_s)


def _health(run, after_s):
    """What says how far a run's figures can be trusted."""
    rows = run.records.requests
    is_waiting = rows["status"] == IN_FLIGHT
    ended, waiting = int(np.sum(~is_waiting & (rows["finished_s"] >= after_s))), int(np.sum(is_waiting))
    return {"ended": ended, "in_flight": waiting, "in_flight_percent": 100 * waiting / max(ended + waiting, 1),
            "relaxation_s": relaxation_of(run)}


def _built(build, settings):
    made = build(**settings)
    if not isinstance(made, tuple) or len(made) != 2 or not isinstance(made[1], Clients):
        raise ValueError(f"build gave {shown(made)}: it must return (system, clients); "
                         "for example return sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100).")
    blueprint(made[0])
    return made


def _row(name, values, health, level):
    known = values.notna()
    row = {"mean": np.nan, "low": np.nan, "high": np.nan, "half_width": np.nan, "seeds": known.sum(),
           "left_out": (~known).sum()}
    if known.sum() > 1:
        found = interval_of(name, values[known].to_numpy(float), level, _requests(name, health[known]))
        row |= {"mean": found.mean, "low": found.low, "high": found.high, "half_width": found.half_width}
    return row | health[["in_flight_percent", "relaxation_s"]].mean().to_dict()


def _difference(name, first, second, health, level):
    row = {"a_mean": np.nan, "b_mean": np.nan, "difference": np.nan, "low": np.nan, "high": np.nan}
    if len(first) > 1:
        found = difference_of(name, first.to_numpy(float), second.to_numpy(float), level, _requests(name, health))
        row = {"a_mean": first.mean(), "b_mean": second.mean(), "difference": found.mean, "low": found.low,
               "high": found.high}
    return row | {"seeds": len(first), "left_out": len(health) - len(first)}


def _requests(name, health):
    """How many requests a share of requests speaks of, in all runs together."""
    return int(health["ended"].sum() + (health["in_flight"].sum() if name == "percent_answered" else 0))


def _warn_of_gaps(owner, table, health):
    """A mean over the runs that have a value is a mean of the fast ones: say how many there were."""
    gaps = table.isna().sum()
    if gaps.any():
        told = ", ".join(f"{name} in {count:,}" for name, count in gaps[gaps > 0].items())
        warnings.warn(f"{owner}: of {len(table):,} runs some have no value and are left out: {told}. "
                      f"{health['in_flight_percent'].mean():.3g} % of the requests were in flight at the end, so "
                      "latencies are those of the fast ones; simulate longer", stacklevel=3)


def _warn_of_short_runs(owner, health, seconds, after_s):
    """What is measured over a few relaxation times says more about the empty start than about the long run."""
    needed_s = RELAXATIONS * health["relaxation_s"]
    short = (seconds - after_s < needed_s) & np.isfinite(needed_s)
    is_told = short.any() if owner == "sweep" else 2 * short.sum() > len(short)
    if is_told:
        longest_s = needed_s[short].max()
        advice = (f"measure {longest_s:.3g} s after after_s={longest_s / 5:.3g}" if longest_s < MOST_ADVISED * seconds
                  else "where a station is busy all the time nothing settles")
        warnings.warn(f"{owner}: {short.sum():,} of {len(health):,} runs are too short to forget their empty start, so "
                      f"intervals miss the long run's mean more often than they say; {advice}", stacklevel=3)
