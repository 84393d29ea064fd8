"""The figures behind the course, each with its source: data/ as DataFrames.

Every function returns a fresh copy, so changing it harms nobody. data/README.md lists sources and licences.
"""

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from sdlib.components.checks import complain

FOLDER = Path(__file__).resolve().parent.parent / "data"


@dataclass(frozen=True)
class Figure:
    """One figure: value (a number where the source gives one, else its words), unit, and where it comes from.

    basis: "read" in the source, "measured" or fitted for this course, or a "vendor" claim.
    """

    value: float | str
    unit: str
    source: str
    where: str
    basis: str


def epa_requests():
    """Requests per 5 minutes at a real web server, 30 August 1995, midnight to noon: minute_of_day, requests.

    >>> int(epa_requests()["requests"].sum())
    15751
    """
    return _table("traffic_epa_5min.csv")


def elb_hours():
    """A real load balancer over 14 days: hour_of_day, mean_requests_per_5min, max_requests_per_5min (24 rows)."""
    return _table("traffic_elb_hour_of_day.csv")


def orders_by_hour():
    """22,064 orders of a real web shop over 305 days: hour_of_day, orders_total, orders_per_day (24 rows)."""
    return _table("orders_hour_of_day.csv")


def instances():
    """Cloud machines: instance_type, vcpu, memory_gib, usd_per_hour_us_east_1_linux_od, usd_per_vcpu_hour.

    On-demand Linux prices of us-east-1 on 2026-07-20; NaN where no price is listed.
    """
    return _table("instances.csv")


def countries():
    """48 countries: people online (internet_users_m, millions), hub city, coordinates, time zone, nearest edge."""
    return _table("countries.csv")


def crowd():
    """The 48 countries as `Clients(countries=...)` takes them: {country code: people online, in millions}."""
    table = countries()
    return dict(zip(table["iso2"], table["internet_users_m"].astype(float), strict=True))


def edges():
    """107 cities with a CDN edge: code, city, country, country_code, latitude, longitude, pricing_region."""
    return _table("edges.csv")


def land():
    """A coarse outline of the land without the Antarctic: ring, longitude, latitude (degrees); largest ring first.

    Rings are closed from their last point to their first. The Caspian Sea is a ring that runs the other way round.
    """
    return _table("land.csv")


def regions():
    """34 cloud regions: place, coordinates, km_from_mumbai, rtt_ms_from_mumbai_p50 (NaN where not measured)."""
    return _table("regions.csv")


def region_rtt_ms():
    """Median round-trip time in ms between 32 cloud regions: a square table, from_region down, to region across."""
    return _table("region_rtt_ms.csv").set_index("from_region")


def figures():
    """All single figures: id, value (as written), unit, source, where, basis. `figure` picks one."""
    return _table("figures.csv")


def figure(figure_id):
    """One figure with its source, by the id in `figures()`, as a `Figure`.

    >>> figure("sqs.batch_max").value, figure("sqs.batch_max").unit
    (10, 'msg')
    """
    table = figures().set_index("id")
    if not isinstance(figure_id, str) or figure_id not in table.index:
        close = difflib.get_close_matches(figure_id if isinstance(figure_id, str) else "", table.index, n=3, cutoff=0.0)
        complain("figure", "figure_id", figure_id, f"an id of figures(), such as {', '.join(close)}", close[0])
    row = table.loc[figure_id]
    return Figure(_number_or_words(row["value"]), row["unit"], row["source"], row["where"], row["basis"])


@cache
def _read(file_name):
    path = FOLDER / file_name
    if not path.is_file():
        raise FileNotFoundError(f"data/{file_name} is not in {FOLDER}. The figures lie beside the package in the "
                                "repository: install it from there with `pip install -e .`, and keep its data folder.")
    if file_name == "figures.csv":
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    # Only an empty cell is missing: "NA" is a country code.
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _table(file_name):
    return _read(file_name).copy()


def _number_or_words(text):
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
