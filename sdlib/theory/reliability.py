"""Failure in numbers: waits between retries, and the availability of parts put together."""

import math

from sdlib.components.checks import complain
from sdlib.theory.common import check


def backoff_delays(retries, first_delay_s=1.0, max_delay_s=60.0):
    """Waits in seconds before each retry, doubling up to a limit, without jitter: list of `retries` floats.

    The n-th wait is min(max_delay_s, first_delay_s x 2^(n-1)): truncated binary exponential backoff, as in
    Ethernet (Metcalfe and Boggs, 1976).

    >>> backoff_delays(retries=5, first_delay_s=1, max_delay_s=10)
    [1.0, 2.0, 4.0, 8.0, 10.0]
    """
    retries = check("backoff_delays", "retries", retries)
    first_delay_s = check("backoff_delays", "first_delay_s", first_delay_s, "delay_s")
    max_delay_s = check("backoff_delays", "max_delay_s", max_delay_s, "delay_s")
    return [min(max_delay_s, first_delay_s * 2.0**doublings) for doublings in range(retries)]


def availability(*parts):
    """Availability (0 to 1) of a system that needs every one of its parts: the product, if they fail independently.

    >>> round(availability(0.999, 0.999, 0.9999), 6)
    0.997901
    """
    if not parts:
        complain("availability", "parts", parts, "at least one availability from 0 to 1", (0.999, 0.9999))
    return math.prod(check("availability", "parts", part, "availability") for part in parts)


def redundant(part, copies):
    """Availability (0 to 1) of `copies` parts of which one is enough: 1 - (1 - part)^copies, if independent.

    >>> round(redundant(0.99, copies=2), 6)
    0.9999
    """
    part, copies = check("redundant", "part", part, "availability"), check("redundant", "copies", copies)
    return 1 - (1 - part) ** copies


def nines(part):
    """Availability as a count of nines, -log10(1 - part): 0.999 has three; 1 has inf.

    >>> round(nines(0.999), 6)
    3.0
    """
    part = check("nines", "part", part, "availability")
    return -math.log10(1 - part) if part < 1 else math.inf


def all_fail(failure_rate, attempts):
    """The share (0 to 1) of what fails at each of so many attempts, if attempts fail independently.

    >>> all_fail(failure_rate=0.5, attempts=3)
    0.125
    """
    failure_rate = check("all_fail", "failure_rate", failure_rate)
    return failure_rate**check("all_fail", "attempts", attempts)
