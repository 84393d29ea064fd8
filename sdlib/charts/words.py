"""Numbers in words: for labels, tiles and alt texts."""

import math

LEAST_PERCENT = 0.1


def number(value):
    """A number for reading: "1,234", "12.3", "0.05", "-" for none."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}".rstrip("0").rstrip(".")


def duration(ms):
    """A time for reading: "0.8 ms", "1.2 s", "3 min"."""
    if ms is None or not math.isfinite(ms):
        return "-"
    if ms >= 120_000:
        return f"{number(ms / 60_000)} min"
    return f"{number(ms / 1000)} s" if ms >= 1000 else f"{number(ms)} ms"


def percent(share):
    """A share as a percentage for reading: one decimal below ten; 0 % and 100 % only where it is exactly that."""
    if (said := _all_but(100 * share)) is not None:
        return f"{said} %"
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def percentage(percents):
    """Percents as a number for reading; "0" and "100" only where they are exactly that: "< 0.1", "> 99.9"."""
    return _all_but(percents) or number(percents)


def _all_but(percents):
    """What is said of nearly none and of nearly all; None elsewhere."""
    if 0 < percents < LEAST_PERCENT:
        return f"< {LEAST_PERCENT}"
    return f"> {100 - LEAST_PERCENT}" if 100 - LEAST_PERCENT < percents < 100 else None


def said(value):
    """A setting for reading: a number, or what else it is."""
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
