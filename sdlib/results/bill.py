"""What a system costs a month: a price for each machine in the declaration."""

import math
from functools import cache

import pandas as pd

from sdlib.data import instances
from sdlib.engine.blueprint import blueprint
from sdlib.kernel.state import NONE

HOURS_PER_MONTH = 730
LISTED = "listed price: on demand, Linux, us-east-1, 2026-07-20"
ASSUMED_MACHINE = "m8i.large"
BURSTABLE = "t3."


def cost(system):
    """The monthly bill of a system: a DataFrame with one row per machine.

    Columns: component (name), machine (instance type), vcpu, memory_gib, usd_per_month (730 hours), basis (why
    this machine and this price). A server gets the cheapest listed machine with at least its cores and memory.
    What has no size of its own is assumed to run on one m8i.large and says so. Where no price is known,
    usd_per_month is NaN and basis says why; vcpu and memory_gib are then what was asked for.
    Prices: sdlib.data.instances(). Raises ValueError for what is not a system.
    """
    return pd.DataFrame([{"component": node.name, **_machine(node)} for node in _machines(system)])


def usd_per_month(system):
    """The sum of `cost(system)` in US dollars; NaN when a machine in it has no known price."""
    return float(sum(_machine(node)["usd_per_month"] for node in _machines(system)))


def for_sale(machines):
    """Of a table of machines those with a listed price, with a column usd_per_month."""
    listed = machines.dropna(subset="usd_per_hour_us_east_1_linux_od")
    return listed.assign(usd_per_month=listed["usd_per_hour_us_east_1_linux_od"] * HOURS_PER_MONTH)


def _machines(system):
    """The nodes that are machines: a pool inside one, such as its threads, costs nothing more."""
    return [node for node in blueprint(system) if node.part_of == NONE]


def _machine(node):
    wanted = node.component.machine()
    if wanted is None:
        return _unpriced(math.nan, math.nan, f"no machine or price is known for a {node.kind}")
    if not wanted.count:
        return {**_unpriced(0, 0.0, "no machine of ours: paid by use"), "usd_per_month": 0.0}
    row = _assumed() if wanted.assumed else _cheapest(wanted.cpus, wanted.ram_gb)
    return row if wanted.count == 1 else _several(row, wanted.count)


def _several(row, count):
    """The same machine `count` times, in one row."""
    sums = {name: row[name] * count for name in ("vcpu", "memory_gib", "usd_per_month")}
    return {**row, **sums, "machine": f"{count} x {row['machine']}"}


@cache
def _assumed():
    row = _priced(for_sale(instances()).set_index("instance_type", drop=False).loc[ASSUMED_MACHINE])
    return {**row, "basis": f"assumption: one {ASSUMED_MACHINE}; {LISTED}"}


@cache
def _cheapest(cpus, ram_gb):
    machines = instances()
    fitting = machines[(machines["vcpu"] >= cpus) & (machines["memory_gib"] >= ram_gb)]
    if fitting.empty:
        return _unpriced(cpus, ram_gb, f"no listed machine with {cpus:,} vCPU and {ram_gb:,g} GiB")
    priced = for_sale(fitting)
    if priced.empty:
        return _unpriced(cpus, ram_gb, f"no listed price: only {fitting['instance_type'].iloc[0]} is large enough for "
                                       f"{cpus:,} vCPU and {ram_gb:,g} GiB")
    row = _priced(priced.sort_values(["usd_per_month", "vcpu"], kind="stable").iloc[0])
    throttled = row["machine"].startswith(BURSTABLE)
    return {**row, "basis": LISTED + ("; burstable: full speed all day costs extra" if throttled else "")}


def _priced(row):
    return {"machine": row["instance_type"], "vcpu": int(row["vcpu"]), "memory_gib": float(row["memory_gib"]),
            "usd_per_month": float(row["usd_per_month"])}


def _unpriced(vcpu, memory_gib, why):
    return {"machine": "none", "vcpu": vcpu, "memory_gib": memory_gib, "usd_per_month": math.nan, "basis": why}
