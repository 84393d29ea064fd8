"""How long the way takes: great circles, light in fibre, and what real networks make of it."""

import math

from sdlib.components.checks import complain
from sdlib.theory.common import check

EARTH_RADIUS_KM = 6_371.0  # mean radius, IUGG
LIGHT_KM_PER_MS = 299.792_458
FIBRE_INDEX = 1.468        # of refraction, of common single-mode fibre
FIT_MS, FIT_PER_FIBRE = 3.05, 1.68  # fitted to data/region_rtt_ms.csv, see data/README.md of the figures
# TCP and TLS; data/figures.csv: rtt.tcp_plus_tls12_handshake, ..tls13
HANDSHAKE_ROUND_TRIPS = {"none": 1, "1.2": 3, "1.3": 2}


def great_circle_km(latitude, longitude, other_latitude, other_longitude):
    """The shortest way over the earth between two places given in degrees, in km (haversine formula).

    >>> round(great_circle_km(19.07, 72.88, 51.51, -0.13))  # Mumbai to London
    7193
    """
    first, second = (math.radians(check("great_circle_km", name, value, "latitude")) for name, value in
                     (("latitude", latitude), ("other_latitude", other_latitude)))
    apart = math.radians(check("great_circle_km", "other_longitude", other_longitude, "longitude")
                         - check("great_circle_km", "longitude", longitude))
    half = (math.sin((second - first) / 2) ** 2
            + math.cos(first) * math.cos(second) * math.sin(apart / 2) ** 2)
    return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))


def fibre_rtt_ms(km):
    """There and back in a glass fibre that takes the shortest way: no network can be faster.

    >>> round(fibre_rtt_ms(10_000), 1)
    97.9
    """
    return _fibre_rtt_ms(check("fibre_rtt_ms", "km", km))


def expected_rtt_ms(km):
    """What networks take on average for this distance: 3.05 ms + 1.68 x the time in fibre.

    The proportional form: it also holds for a city and its edge. Fitted to the measured times between cloud regions
    (`sdlib.data.region_rtt_ms`); a single pair may take half or twice as long.

    >>> round(expected_rtt_ms(20), 1), round(expected_rtt_ms(10_000))
    (3.4, 168)
    """
    return FIT_MS + FIT_PER_FIBRE * _fibre_rtt_ms(check("expected_rtt_ms", "km", km))


def round_trips(new_connections, tls="1.3"):
    """Mean round trips of a request, of which a share opens a connection first.

    new_connections: 0 to 1. tls: "1.3", "1.2", or "none" for TCP alone, which takes one round trip by itself.

    >>> round_trips(0), round_trips(1), round_trips(1, "1.2")
    (1, 3, 4)
    """
    share = check("round_trips", "new_connections", new_connections, "share")
    if not isinstance(tls, str) or tls not in HANDSHAKE_ROUND_TRIPS:
        complain("round_trips", "tls", tls, "one of " + ", ".join(map(repr, HANDSHAKE_ROUND_TRIPS)), "1.3")
    return 1 + share * HANDSHAKE_ROUND_TRIPS[tls]


def _fibre_rtt_ms(km):
    return 2 * km * FIBRE_INDEX / LIGHT_KM_PER_MS
