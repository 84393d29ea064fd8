"""What the formulas share: the range of each argument, said once, and bisection."""

import numpy as np

from sdlib.components.checks import check_number, is_storable

RANGES = {
    "arrivals_per_s": {"low": 0, "high": 1e12, "example": 300, "unit": "requests per second"},
    "service_ms": {"low": 1e-6, "high": 1e9, "example": 10, "unit": "ms"},
    "latency_ms": {"low": 0, "high": 1e12, "example": 12, "unit": "ms"},
    "in_system": {"low": 0, "high": 1e15, "example": 4, "unit": "requests"},
    "offered_load": {"low": 0, "high": 1e9, "example": 3.2, "unit": "busy servers"},
    "servers": {"low": 1, "high": 1_000_000, "example": 4, "whole": True},
    "cpus": {"low": 1, "high": 1_000_000, "example": 4, "whole": True, "unit": "cores"},
    "ram_gb": {"low": 0.01, "high": 1e6, "example": 4, "unit": "GB"},
    "memory_mb": {"low": 0.001, "high": 1e6, "example": 8, "unit": "MB"},
    "squared_cv": {"low": 0, "high": 1e6, "example": 1},
    "places": {"low": 1, "high": 10_000_000, "example": 512, "whole": True, "unit": "requests"},
    "quantile": {"low": 0, "high": 0.999999999, "example": 0.99},
    "load": {"low": 0, "high": 1e6, "example": 0.8},
    "choices": {"low": 1, "high": 1_000, "example": 2, "whole": True},
    "objects": {"low": 1, "high": 10_000_000, "example": 10_000, "whole": True},
    "skew": {"low": 0, "high": 10, "example": 0.8},
    "cached_objects": {"low": 1, "high": 10_000_000, "example": 1_000, "whole": True, "unit": "objects"},
    "beta": {"low": 0.01, "high": 100, "example": 1},
    "requests_per_s": {"low": 1e-9, "high": 1e12, "example": 1, "unit": "requests per second"},
    "limit_per_s": {"low": 1e-9, "high": 1e12, "example": 5, "unit": "requests per second"},
    "burst": {"low": 1, "high": 1_000, "example": 10, "whole": True, "unit": "requests"},
    "retries": {"low": 0, "high": 1_000, "example": 10, "whole": True},
    "delay_s": {"low": 0, "high": 1e9, "example": 1, "unit": "s"},
    "availability": {"low": 0, "high": 1, "example": 0.999},
    "failure_rate": {"low": 0, "high": 1, "example": 0.1},
    "attempts": {"low": 0, "high": 1_000, "example": 11},
    "copies": {"low": 1, "high": 1_000_000, "example": 2, "whole": True},
    "trials": {"low": 1, "high": 10**15, "example": 1_000, "whole": True},
    "utilization": {"low": 0, "high": 1, "example": 0.8},
    "share": {"low": 0, "high": 1, "example": 0.2},
    "km": {"low": 0, "high": 40_000, "example": 7_200, "unit": "km"},
    "latitude": {"low": -90, "high": 90, "example": 19.07, "unit": "degrees"},
    "longitude": {"low": -180, "high": 180, "example": 72.88, "unit": "degrees"},
    "level": {"low": 0.5, "high": 0.999999, "example": 0.95},
    "freedom": {"low": 1, "high": 1e12, "example": 19, "whole": True},
}


def check(function, name, value, kind=None):
    """The value as int or float, or the ValueError of `check_number`; kind: the range, where its name differs."""
    return check_number(function, name, value, **RANGES[kind or name])


def real_numbers(values):
    """float64[n] of a list, a range, an array or a Series of real numbers; None for all else.

    Texts, True and False, complex and masked values are no numbers, though NumPy would make some of them."""
    if isinstance(values, (str, bytes)) or np.ma.is_masked(values):
        return None
    if not isinstance(values, (list, tuple)):
        try:
            values = np.asarray(values)
        except Exception:  # what an object makes of itself is anybody's code
            return None
        if values.ndim != 1 or values.dtype.kind not in "iufO":
            return None
        if values.dtype.kind != "O":
            return values.astype(float)
    return np.array([float(value) for value in values]) if all(map(is_storable, values)) else None


def bisect(function, low, high):
    """Where a rising function crosses zero between low and high, to the last digits of a float."""
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2
