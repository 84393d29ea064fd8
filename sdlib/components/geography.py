"""Where things stand on the earth, and how long the way between them takes: measured where it was measured."""

from functools import cache
from typing import NamedTuple

import pandas as pd

from sdlib import data
from sdlib.components.checks import complain
from sdlib.theory.network import expected_rtt_ms, great_circle_km

NEAR_KM = 100.0  # a country's hub city or an edge that is so near to a measured region has that region's times
MUMBAI = "ap-south-1"
MEASURED, MODEL = "measured", "model"


class Way(NamedTuple):
    """From one place to another: great circle, round-trip time, and whether that was measured or is the model's."""

    km: float
    rtt_ms: float
    basis: str


@cache
def regions():
    """{code: (latitude, longitude)} of the cloud regions."""
    return _places(data.regions(), "region", "lat", "lon")


@cache
def hubs():
    """{country code: (latitude, longitude)} of the countries' hub cities."""
    return _places(data.countries(), "iso2", "lat", "lon")


@cache
def cities():
    """{city: (latitude, longitude)} of the cities that have an edge."""
    return _places(data.edges(), "city", "latitude", "longitude")


def _places(table, name, latitude, longitude):
    return {key: (float(lat), float(lon)) for key, lat, lon in zip(table[name], table[latitude], table[longitude])}


@cache
def _measured():
    table = data.region_rtt_ms()
    return {(one, other): float(table.loc[one, other]) for one in table.index for other in table.columns
            if pd.notna(table.loc[one, other])}


@cache
def way_to_region(place, region):
    """The `Way` from (latitude, longitude) to a region: measured if a measured region is near the place."""
    km = great_circle_km(*place, *regions()[region])
    near = [(great_circle_km(*place, *at), code) for code, at in regions().items() if (code, region) in _measured()]
    nearest_km, code = min(near, default=(NEAR_KM + 1, None))
    if nearest_km <= NEAR_KM:
        return Way(km, _measured()[code, region], MEASURED)
    return Way(km, expected_rtt_ms(km), MODEL)


def way_to_city(place, city):
    """The `Way` from (latitude, longitude) to an edge's city: the model's, which holds for short ways, too."""
    km = great_circle_km(*place, *cities()[city])
    return Way(km, expected_rtt_ms(km), MODEL)


def check_region(owner, name, region):
    if region not in regions():
        complain(owner, name, region, "the code of a cloud region in sd.data.regions(), such as "
                 f"{', '.join(list(regions())[:4])}", MUMBAI)


def hub_of(owner, country):
    """Where a country's clients are; ValueError for one that is not known."""
    if country not in hubs():
        complain(owner, "clients", country, "with countries of sd.data.countries(): " + ", ".join(sorted(hubs())),
                 "sd.Clients(users=100, countries=sd.data.crowd())")
    return hubs()[country]


def model_error_ms(region=MUMBAI):
    """Mean absolute error of `sd.theory.expected_rtt_ms` on the measured times from a region to all others, in ms."""
    check_region("model_error_ms", "region", region)
    errors = [abs(expected_rtt_ms(great_circle_km(*regions()[region], *regions()[other])) - rtt_ms)
              for (one, other), rtt_ms in _measured().items() if one == region != other]
    return sum(errors) / len(errors)
