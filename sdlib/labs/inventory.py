"""Which real components this machine has, and how to get the rest."""

import sqlite3
import subprocess
from importlib import metadata

import pandas as pd

from sdlib.components.checks import shown
from sdlib.labs.stage import find_program

PACKAGES = {"aiohttp": "the web server and its clients", "boto3": "the queue and the topic",
            "moto": "the queue and the topic", "aiosmtpd": "the mail provider", "PyJWT": "the authorization",
            "cryptography": "the certificate of an encrypted connection"}
ALSO = {"moto": "flask flask-cors"}      # what its server needs, and moto alone does not bring
PROGRAMS = {"NGINX": ("the load balancer, the proxy and the CDN edge", ("nginx",), "nginx"),
            "Redis": ("the cache", ("redis-server", "valkey-server"), "redis-server")}
PURPOSE = ("The labs hold the simulation against real software. It runs on this computer only (127.0.0.1),\n"
           "for the few seconds of a lab:")
FIRST_LESSONS = ("aiohttp", "SQLite")


def check():
    """DataFrame, a row per real component: stands_for, installed (bool), version, how_to_get.

    Versions differ from machine to machine; `ready()` does not.
    """
    rows = {"SQLite": ("the database", sqlite3.sqlite_version, "part of Python")}
    rows |= {name: (role, _package_version(name), f"pip install {name} {ALSO.get(name, '')}".strip())
             for name, role in PACKAGES.items()}
    for name, (role, programs, package) in PROGRAMS.items():
        get = f"apt install {package}, or conda install -c conda-forge {package}, or brew install {programs[0]}"
        rows[name] = role, _program_version(find_program(*programs)), get
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["stands_for", "version", "how_to_get"])
    table.insert(1, "installed", table["version"] != "")
    return table.rename_axis("component")


def ready(*components):
    """Text that says what the real software is for, and whether it is here (aiohttp and SQLite unless named).

    The same on every machine that has it.
    """
    table = check()
    unknown = [name for name in components if not isinstance(name, str) or name not in table.index]
    if unknown:
        raise ValueError(f"lab.ready({shown(unknown[0])}): known components are {', '.join(table.index)}; "
                         "for example ready('NGINX').")
    chosen = table.loc[list(components or FIRST_LESSONS)]
    return "\n".join([PURPOSE, *(f"- {name}, as {row['stands_for']}: " + (
        "ready" if row["installed"] else f"missing; get it with: {row['how_to_get']}")
        for name, row in chosen.iterrows())])


def _package_version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _program_version(program):
    """The number in what `program -v` says, "unknown" if it says none, "" without a program."""
    if program is None:
        return ""
    said = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=10)
    words = (said.stdout + said.stderr).replace("=", " ").replace("/", " ").split()
    return next((word for word in words if word[0].isdigit() and "." in word), "unknown")
