"""How much is measured: enough for a table that can be believed, or just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """requests: of the compiled engine. slow_requests: of SimPy. other_requests: of what is slower still.

    twins: whether a machine with twice the steps is compiled, too.
    """

    requests: int
    slow_requests: int
    other_requests: int
    pairs: int
    slow_pairs: int
    fresh_starts: int
    growth: tuple
    growth_rounds: int
    redraw_requests: int
    moves: int
    panel_moves: int
    lessons: int
    twins: bool


FULL = Sizes(requests=1_000_000, slow_requests=50_000, other_requests=5_000, pairs=15, slow_pairs=7, fresh_starts=9,
             growth=(10_000, 100_000, 1_000_000, 10_000_000), growth_rounds=5, redraw_requests=100_000, moves=40,
             panel_moves=14, lessons=20, twins=True)
QUICK = Sizes(requests=20_000, slow_requests=2_000, other_requests=500, pairs=2, slow_pairs=2, fresh_starts=1,
              growth=(1_000, 10_000, 100_000), growth_rounds=2, redraw_requests=1_000, moves=3,
              panel_moves=2, lessons=1, twins=False)
