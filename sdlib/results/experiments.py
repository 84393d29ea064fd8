"""Many runs: over seeds, to know how sure a number is, and over settings, to see how it changes."""

import inspect
from itertools import product

import joblib
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from sdlib.components.base import check_number
from sdlib.components.clients import Clients
from sdlib.engine.blueprint import blueprint
from sdlib.results.simulate import simulate
from sdlib.theory import confidence_interval

MEASURES = ("throughput_per_s", "error_percent", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "utilization_percent")
RUNS_WITHOUT_PROGRESS = 40


def summary_of(run):
    """The measures that `replicate` and `sweep` report unless told otherwise: dict of name to number."""
    row = run.summary().iloc[0]
    return {name: float(row[name]) for name in MEASURES}


def replicate(build, seeds=20, seconds=60, measure=summary_of, level=0.95, n_jobs=1, first_seed=0):
    """The same system under `seeds` different crowds.

    build() -> (system, clients). measure(run) -> dict of name to number.
    Returns a DataFrame, a row per measure: mean, low, high (confidence interval of the mean, Student t),
    half_width, seeds. A measure that is NaN in some run (nothing answered) is averaged over the others.
    """
    seeds = check_number("replicate", "seeds", seeds, low=2, high=100_000, example=20, whole=True)
    first_seed = check_number("replicate", "first_seed", first_seed, low=0, high=2**62, example=0, whole=True)
    level = check_number("replicate", "level", level, low=0.5, high=0.9999, example=0.95)
    _check_build("replicate", build, {}, measure)
    _built(build, {})
    tasks = [({}, seed) for seed in range(first_seed, first_seed + seeds)]
    table = pd.DataFrame(_run_all(build, tasks, seconds, measure, n_jobs)).drop(columns="seed")
    return pd.DataFrame({name: _interval(table[name], level) for name in table}).T.rename_axis("measure")


def sweep(build, grid, seconds=60, seeds=1, measure=summary_of, n_jobs=None, engine="compiled"):
    """Run every combination of settings, each with `seeds` seeds.

    build(**settings) -> (system, clients). grid: dict of a setting's name to the list of its values.
    Returns a tidy DataFrame: a row per combination and seed, the settings, the seed and the measures as columns.
    Runs on joblib: inside `joblib.parallel_config(backend="dask")` the same call uses a cluster.
    """
    seeds = check_number("sweep", "seeds", seeds, low=1, high=100_000, example=20, whole=True)
    if not isinstance(grid, dict) or not all(_is_list(values) for values in grid.values()):
        raise ValueError(f"sweep(grid={grid!r:.60}): grid must be a dict of names to lists of values; "
                         'for example grid={"users": [100, 1_000], "cpus": [4, 8]}.')
    wrong = [name for name in grid if not isinstance(name, str) or name == "seed"]
    if wrong:
        raise ValueError(f"sweep(grid={grid!r:.60}): {wrong[0]!r} must be the name of a setting of build, and not "
                         '"seed", which `seeds` counts; for example grid={"users": [100, 1_000]}, seeds=20.')
    empty = [name for name, values in grid.items() if len(values) == 0]
    if empty:
        raise ValueError(f"sweep(grid={grid!r:.60}): the list of {empty[0]} is empty, it must have at least one value; "
                         f"for example {empty[0]}=[1, 2].")
    _check_build("sweep", build, grid, measure)
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    for setting in settings:
        _built(build, setting)  # a wrong argument anywhere fails here, before anything runs
    tasks = [(setting, seed) for setting in settings for seed in range(seeds)]
    return pd.DataFrame(_run_all(build, tasks, seconds, measure, n_jobs, engine))


def _run_all(build, tasks, seconds, measure, n_jobs, engine="compiled"):
    """Every task's row, in order; a progress bar where it takes long."""
    jobs = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(_run_one)(build, settings, seed, seconds, measure, engine) for settings, seed in tasks)
    return list(tqdm(jobs, total=len(tasks), unit="run", leave=False, disable=len(tasks) <= RUNS_WITHOUT_PROGRESS))


def _run_one(build, settings, seed, seconds, measure, engine):
    system, clients = _built(build, settings)
    measured = measure(simulate(system, clients, seconds, seed, engine))
    if not isinstance(measured, dict):
        raise ValueError(f"measure gave {measured!r:.60}: it must return a dict of names to numbers; "
                         "for example {'sent': len(run.requests)}.")
    return {**settings, "seed": seed, **measured}


def _is_list(values):
    return isinstance(values, (list, tuple, range)) or (isinstance(values, np.ndarray) and values.ndim == 1)


def _built(build, settings):
    made = build(**settings)
    if not isinstance(made, tuple) or len(made) != 2 or not isinstance(made[1], Clients):
        raise ValueError(f"build gave {made!r:.60}: it must return (system, clients); "
                         "for example return sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100).")
    blueprint(made[0])
    return made


def _interval(values, level):
    known = values.dropna()
    if len(known) < 2:
        return {"mean": np.nan, "low": np.nan, "high": np.nan, "half_width": np.nan, "seeds": len(known)}
    interval = confidence_interval(known, level)
    return {"mean": interval.mean, "low": interval.low, "high": interval.high, "half_width": interval.half_width,
            "seeds": len(known)}


def _check_build(owner, build, names, measure):
    """build must be a function that takes these settings, and measure a function."""
    if not callable(measure):
        raise ValueError(f"{owner}(measure={measure!r:.60}): measure must be a function of a run that returns a dict "
                         "of names to numbers; for example measure=lambda run: {'sent': len(run.requests)}.")
    if not callable(build):
        raise ValueError(f"{owner}(build={build!r:.60}): build must be a function that returns (system, clients); "
                         "for example build=lambda: (sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100)).")
    try:
        inspect.signature(build).bind(**dict.fromkeys(names))
    except TypeError as problem:
        raise ValueError(f"{owner}(build): build does not take these settings: {problem}; for example "
                         f"def build({', '.join(names) or ''}): ... return system, clients.") from None
