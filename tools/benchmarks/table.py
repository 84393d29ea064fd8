"""The table: its rows, the machine they were measured on, and their place in the README."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
LIBRARIES = ("numba", "numpy", "pandas", "simpy", "plotly", "jupyterlab")
QUIET_LOAD = 0.25  # per core, before we start


@dataclass(frozen=True)
class Row:
    """One measurement. met: True, False, or None where there is no bar or nothing could be measured."""

    what: str
    measured: str
    bar: str = "-"
    met: bool | None = None

    def cells(self):
        return self.what, self.measured, self.bar, {True: "yes", False: "**no**", None: "-"}[self.met]


def markdown(rows):
    """The rows as a markdown table."""
    lines = [("what", "measured", "bar", "met"), ("---",) * 4, *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine_line():
    """What the figures depend on, without naming the machine."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (f"Measured on {os.cpu_count()} cores ({processor()}), {platform.system()}, "
            f"Python {platform.python_version()}, {libraries}.")


def processor():
    """The processor's model, or its architecture where the system does not tell."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0]}, {platform.machine()}" if models else platform.machine()


def load_note(load, cores):
    """A warning when others were busy on this machine before we began, or ""."""
    if load <= QUIET_LOAD * cores:
        return ""
    return (f"Note: others were at work on this machine when this began (load {load:.1f} on {cores} cores). Ratios, "
            "taken in pairs, suffer less from that; times in seconds are longer than on a quiet machine.")


def write(readme, text):
    """Put the text between the markers of the file. ValueError if they are not there, once each and in order."""
    before, begin, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest:
        raise ValueError(f"{readme.name} must hold {BEGIN} and then {END}, once")
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
