"""Counter-based random numbers: each is a pure function of what it is for, never of the order of events.

So both engines draw the same numbers, and when a slider moves the same customers come with the same work.
The logarithm is our own: the one of the C library differs in the last bit between machines.
"""

import math

import numpy as np

from sdlib.kernel.jit import jit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SEED = np.uint64(0x8EBC6AF09C88C6E3)
_PLACE = np.uint64(0xD6E8FEB86659FD93)
_TURN = np.uint64(0xA0761D6478BD642F)
_PART = np.uint64(0xE7037ED1A0B428DB)
_STEP_30, _STEP_27, _STEP_31, _STEP_12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
_TO_UNIT = 2.0**-52  # with 52 bits and a half added, a draw is never 0 and never 1
_LN_2 = 0.6931471805599453

# What a draw is for, so that two draws of one visit differ. A length of time uses up to four parts.
PART_WORK, PART_PICK, PART_KEY, PART_ARRIVAL, PART_JITTER, PART_FAILURE = 0, 4, 5, 6, 7, 8
PART_ROUTE, PART_COUNTRY, PART_TOKEN, PART_USER, PART_FILTER, PART_ADDRESS, PART_EARLY, PART_CONNECTION = (
    range(9, 17))

CONSTANT, ERLANG_4, EXPONENTIAL, HYPEREXPONENTIAL_4 = range(4)  # the order of kernel.statuses.DISTRIBUTIONS
_SHORT_SHARE = (1 - math.sqrt(0.6)) / 2  # balanced means with squared coefficient of variation 4


@jit(inline=True)
def _mix(bits):
    """Splitmix64's finalizer (Steele, Lea, Flood 2014): every input bit reaches every output bit."""
    bits = (bits ^ (bits >> _STEP_30)) * _FIRST
    bits = (bits ^ (bits >> _STEP_27)) * _SECOND
    return bits ^ (bits >> _STEP_31)


@jit(entry=True, inline=True)
def uniform(seed, request, place, turn, part):
    """A number in (0, 1) for this request, at this place of the system, on this turn, for this purpose."""
    counter = (np.uint64(seed) * _SEED + np.uint64(request) * _GOLDEN + np.uint64(place) * _PLACE
               + np.uint64(turn) * _TURN + np.uint64(part) * _PART)
    return (float(_mix(counter) >> _STEP_12) + 0.5) * _TO_UNIT


_LOG_FROM = np.int64(0x3FE6000000000000)  # the bits of 0.6875
_EXPONENT = np.int64(-1 << 52)  # the bits of sign and exponent


def _log_table():
    """For each of 128 pieces of [0.6875, 1.375): its middle, one over it, and the logarithm of it; float64[128, 3].

    Sums and products only, so that it is the same on every machine.
    """
    edges = (_LOG_FROM + (np.arange(129) << 45)).view(np.float64)
    middles = (edges[:-1] + edges[1:]) / 2
    ratio = (middles - 1) / (middles + 1)
    series = np.zeros(128)
    for power in reversed(range(13)):
        series = series * ratio * ratio + 1 / (2 * power + 1)
    return np.column_stack([middles, 1 / middles, 2 * ratio * series])


_LOGS = _log_table()


@jit(entry=True, inline=True)
def log(x):
    """The natural logarithm of x > 0 from a table and sums and products only (error < 2e-16 + 2e-16 |log x|)."""
    bits = np.float64(x).view(np.int64)
    above = bits - _LOG_FROM
    piece = np.uint32((above >> 45) & 127)
    scaled = np.int64(bits - (above & _EXPONENT)).view(np.float64)
    off = (scaled - _LOGS[piece, 0]) * _LOGS[piece, 1]
    square = off * off
    tail = (0.5 - off * (1 / 3)) + square * ((0.25 - off * 0.2) + square * (1 / 6 - off * (1 / 7)))
    return (above >> 52) * _LN_2 + (_LOGS[piece, 2] + (off - square * tail))


@jit(entry=True, inline=True)
def duration(mean, distribution, seed, request, place, turn):
    """A length of time with this mean: constant, Erlang-4, exponential or hyperexponential (squared CV 4)."""
    if distribution == CONSTANT or mean == 0.0:
        return mean
    first = uniform(seed, request, place, turn, PART_WORK)
    if distribution == EXPONENTIAL:
        return -log(first) * mean
    second = uniform(seed, request, place, turn, PART_WORK + 1)
    if distribution == HYPEREXPONENTIAL_4:
        share = _SHORT_SHARE if second < _SHORT_SHARE else 1.0 - _SHORT_SHARE
        return -log(first) * mean / (2.0 * share)
    third = uniform(seed, request, place, turn, PART_WORK + 2)
    fourth = uniform(seed, request, place, turn, PART_WORK + 3)
    return -log(first * second * third * fourth) * mean / 4.0


@jit(entry=True, inline=True)
def child_place(place, index):
    """The place of the component that stands at this index behind another."""
    return (place * 1009 + index + 1) & 0xFFFFFFFFFF


@jit
def exp(x):
    """e to the power of x, for -700 < x <= 0, from sums and products only: the same on every machine."""
    halvings = int(0.5 - x / _LN_2)
    rest = x + halvings * _LN_2
    series = 1.0
    for term in range(13, 0, -1):
        series = 1.0 + series * rest / term
    return series * np.int64((1023 - halvings) << 52).view(np.float64)


@jit(entry=True, allocates=True)
def zipf_shares(objects, skew):
    """The share of each key, proportional to 1 / rank^skew: float64[objects]."""
    shares = np.empty(objects)
    total = 0.0
    for key in range(objects):
        shares[key] = exp(-skew * log(key + 1.0))
        total += shares[key]
    for key in range(objects):
        shares[key] /= total
    return shares


@jit(entry=True, allocates=True)
def alias_table(shares):
    """Walker's alias table (Vose 1991) of shares that add up to 1: threshold float64[n], alias int64[n]."""
    count = len(shares)
    threshold, alias = shares * count, np.arange(count)
    small, large = np.empty(count, np.int64), np.empty(count, np.int64)
    smalls = larges = 0
    for key in range(count):
        if threshold[key] < 1.0:
            small[smalls] = key
            smalls += 1
        else:
            large[larges] = key
            larges += 1
    while smalls and larges:
        smalls -= 1
        poor, rich = small[smalls], large[larges - 1]
        alias[poor] = rich
        threshold[rich] -= 1.0 - threshold[poor]
        if threshold[rich] < 1.0:
            larges -= 1
            small[smalls] = rich
            smalls += 1
    for left in range(smalls):
        threshold[small[left]] = 1.0
    for left in range(larges):
        threshold[large[left]] = 1.0
    return threshold, alias
