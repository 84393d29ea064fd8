"""Where a slider can stand: round numbers from low to high, closer together where the lesson's limit lies."""

import math

from sdlib.charts.axes import round_up

# Round, and at most an eighth apart.
DECADE = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.3, 3.6, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9)
FINE_STOPS, LINEAR_STOPS, MOST_WHOLE = 40, 100, 200
LOGARITHMIC_FROM = 100  # times the low end


def stops(low, high, *, whole=False, step=None, fine=None, start=None):
    """The stops of a slider, ascending, both ends and the start among them.

    step: the distance between stops; without one it is chosen, in equal ratios where `is_logarithmic`.
    fine: (low, high) of a stretch that gets 40 further stops or so.
    """
    found = {low, high, *_coarse(low, high, whole, step)}
    if fine is not None:
        fine_step = round_up((fine[1] - fine[0]) / FINE_STOPS)
        found |= set(_every(max(1, fine_step) if whole else fine_step, *fine)) | set(fine)
    if start is not None:
        found.add(start)
    return sorted({round(value) if whole else _tidy(value) for value in found})


def is_logarithmic(low, high, step=None):
    """Two decades and more, from above zero, are walked in equal ratios."""
    return step is None and low > 0 and high / low >= LOGARITHMIC_FROM


def _coarse(low, high, whole, step):
    if is_logarithmic(low, high, step):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        return [value for power in powers for value in (mark * 10.0**power for mark in DECADE) if low < value < high]
    if step is None:
        step = max(1, round_up((high - low) / MOST_WHOLE)) if whole else (high - low) / LINEAR_STOPS
    return _every(step, low, high)


def _every(step, low, high):
    count = math.floor((high - low) / step + 1e-9)
    return [low + step * number for number in range(count + 1)]


def _tidy(value):
    return float(f"{value:.6g}")
