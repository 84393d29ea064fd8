"""A token bucket: it fills up with time, and who finds it empty is turned away."""

from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON
from sdlib.kernel.statuses import TOO_MANY


class Buckets(dict):
    """On SimPy: the tokens of each, and when it was last filled. A bucket that nobody has used yet is full."""

    def take(self, whose, now_s, burst, per_s):
        """Whether there is a token; then it is gone."""
        tokens, filled_s = self.get(whose, (burst, 0.0))
        tokens = min(burst, tokens + (now_s - filled_s) * per_s)
        passes = tokens >= 1.0
        self[whose] = (tokens - 1.0 if passes else tokens, now_s)
        return passes


@jit
def take(m, who, cell, burst, b, x):
    """On the machine: a token of the bucket in this cell, which fills at x per second; without one, on at b."""
    bucket, entity = m.cells[cell], m.entities[who]
    tokens = min(burst, bucket.amount + (m.clock[0].now - bucket.time_s) * x)
    bucket.time_s, bucket.amount = m.clock[0].now, tokens
    if tokens >= 1.0:
        bucket.amount = tokens - 1.0
    else:
        entity.status, entity.pc = TOO_MANY, b
    return GO_ON
