"""How long to wait before the next attempt."""

from sdlib.kernel.jit import on_both_engines

BACKOFFS = ("none", "constant", "exponential", "zero, then exponential")
JITTERS = ("none", "full", "equal", "decorrelated")
NONE_AT_ALL, CONSTANT, EXPONENTIAL, ZERO_FIRST = range(len(BACKOFFS))
NO_JITTER, FULL, EQUAL, DECORRELATED = range(len(JITTERS))
HEDGED = 1008  # the attempt that a hedge counts as: its draws are like nobody else's
MOST_SAVED = 10.0  # retries that a budget can have saved up


def retry_delay_s(backoff, jitter, attempt, first_s, most_s, last_s, draw):
    """Seconds before the next attempt.

    backoff, jitter: positions in BACKOFFS and JITTERS. attempt: 1 after the first failure. last_s: the wait before.
    draw: a number in (0, 1). "exponential" doubles from first_s; "zero, then exponential" tries again at once first.
    "full" jitter draws from 0 to that, "equal" keeps half of it, "decorrelated" draws from first_s to three times
    the last wait (Brooker 2015).
    """
    if backoff == ZERO_FIRST:
        attempt -= 1
    if backoff == NONE_AT_ALL or attempt == 0:
        return 0.0
    wait_s = first_s
    if backoff >= EXPONENTIAL:
        for _ in range(attempt - 1):
            wait_s = min(2.0 * wait_s, most_s)
    return jittered_s(jitter, min(wait_s, most_s), first_s, most_s, last_s, draw)


@on_both_engines
def jittered_s(jitter, wait_s, first_s, most_s, last_s, draw):
    """A wait in seconds, spread at random; see `retry_delay_s`."""
    if jitter == FULL:
        return draw * wait_s
    if jitter == EQUAL:
        return wait_s / 2.0 + draw * wait_s / 2.0
    if jitter == DECORRELATED:
        last_s = max(last_s, first_s)
        return min(most_s, first_s + draw * (3.0 * last_s - first_s))
    return wait_s


def next_turn(turn, attempt):
    """The turn of an attempt, on which its draws depend; the first one keeps that of its caller."""
    return turn if attempt == 1 else (turn * 1009 + attempt) & 0x7FFFFFFF
