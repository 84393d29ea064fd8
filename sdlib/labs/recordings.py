"""Recorded real runs in data/recordings: what a lab shows where its real software is missing.

A file NAME.json holds the lab's knobs, date, machine, versions, sentence, claims, axis, and for each load its
knobs, counts and requests: the fields of a `LoadResult`, times in ms with three decimals, None for not known; or
those of a `Tally`.
`make recordings` runs every lab and writes its file anew.
"""

import functools
import importlib
import inspect
import json
import math
import os
import platform
import sys
from dataclasses import asdict
from datetime import date

import pandas as pd

from sdlib import data
from sdlib.kernel.statuses import STATUSES
from sdlib.labs.faults import LabError
from sdlib.labs.inventory import check
from sdlib.labs.result import LabResult
from sdlib.labs.status import StatusLine
from sdlib.labs.tally import Tally
from sdlib.labs.web import LoadResult

FOLDER = data.FOLDER / "recordings"
ALWAYS = ("Python", "aiohttp", "SQLite")
WSL = "real Unix software; on Windows use WSL: in a terminal `wsl --install`, then start JupyterLab inside it"
LABS = {}                                                 # name -> (lab, components it needs); filled by `recorded`


def recorded(*needs, result=LabResult):
    """Decorate a lab: where a component of `needs` is missing, its recorded run stands in, and says so.

    The recording is of the lab without arguments; with others a LabError says what is missing. result: the kind of
    LabResult that the lab gives.
    """
    def decorate(lab):
        @functools.wraps(lab)
        def live_or_recorded(*args, **knobs):
            missing = what_is_missing(needs)
            if not missing:
                return lab(*args, **knobs)
            given = inspect.signature(lab).bind(*args, **knobs)
            given.apply_defaults()
            if given.arguments != knobs_of(lab):
                raise LabError(f"lab.{lab.__name__} with these arguments needs {missing}. Without arguments it shows a "
                               "recorded run.")
            with StatusLine("a recorded run", ends="read"):      # what a notebook saves is the same as of a live run
                return read(lab.__name__, why=missing)
        live_or_recorded.result = result
        LABS[lab.__name__] = live_or_recorded, needs
        return live_or_recorded
    return decorate


def what_is_missing(needs):
    """In words, with how to get it; "" when all is here."""
    if sys.platform == "win32":
        return WSL
    table = check().loc[list(needs)]
    return "; ".join(f"{name} (get it with: {row['how_to_get']})" for name, row in table.iterrows()
                     if not row["installed"])


def knobs_of(lab):
    """The default arguments of a lab."""
    return {name: knob.default for name, knob in inspect.signature(lab).parameters.items()}


def save(name, result, folder=None):
    """Write a live run of the lab `name` down; ValueError for one in which a claim did not hold."""
    if not all(held for _, held in result.claims):
        raise ValueError(f"recordings.save({name!r}): this run does not show what the lab claims: {result.verdict}")
    lab, needs = LABS[name]
    versions = {"Python": platform.python_version()} | check()["version"].to_dict()
    about = {"date": date.today().isoformat(), "machine": f"{os.cpu_count()} cores, {platform.system()}",
             "versions": {part: versions[part] for part in (*ALWAYS, *needs)}}
    loads = [[label, _load_as_json(load)] for label, load in result.loads.items()]
    told = {"knobs": knobs_of(lab), "recorded": about, "sentence": result.sentence, "axis": result.axis,
            "claims": result.claims, "loads": loads}
    folder = folder or FOLDER
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(told, allow_nan=False) + "\n", encoding="utf-8")


def read(name, folder=None, why=""):
    """The recorded run of a lab as a LabResult; why: what is missing for a live one, in words."""
    path = (folder or FOLDER) / f"{name}.json"
    if not path.exists():
        raise LabError(f"There is no recorded run of lab.{name}; `make recordings` makes one.")
    told = json.loads(path.read_text(encoding="utf-8"))
    loads = {label: _load_from_json(load) for label, load in told["loads"]}
    return _kind_of(name)(loads, told["claims"], told["sentence"], told["axis"], told["recorded"] | {"why": why})


def _kind_of(name):
    """The class of a lab's results; LABS is full once the module of the labs was imported."""
    importlib.import_module("sdlib.labs.lessons")
    return LABS[name][0].result if name in LABS else LabResult


def _load_as_json(load):
    if isinstance(load, Tally):
        return asdict(load)
    requests = load.requests.assign(status=load.requests["status"].cat.codes)
    rows = [[_short(value) for value in row] for row in requests.itertuples(index=False)]
    return {"columns": list(requests.columns), "rows": rows, "server": load.server, "crashes": load.crashes,
            "request_seconds": _short(load.request_seconds), "finished": _short(load.finished)}


def _short(value):
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else round(float(value), 3)


def _load_from_json(told):
    if "ends" in told:
        return Tally(**told)
    requests = pd.DataFrame(told["rows"], columns=told["columns"])
    status = pd.Categorical.from_codes(requests["status"], categories=STATUSES)
    requests = requests.astype({name: float for name in requests.columns if name != "status"}).assign(status=status)
    counted = {name: math.nan if told[name] is None else told[name] for name in ("request_seconds", "finished")}
    return LoadResult(requests, told["server"], told["crashes"], **counted)
