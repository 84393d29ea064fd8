"""Every step of a run, written down: the same run once more, with its pen out."""

from sdlib.components.checks import check_number
from sdlib.engine import compiled
from sdlib.engine.arrivals import arrival_times


def rows_of(run, until_s=None):
    """TRACE[rows], in the order in which things happened, from the start until until_s (the whole run).

    The run is repeated on the compiled engine: the same seed gives the same run, so recording costs only those who ask.
    """
    until_s = run.seconds if until_s is None else check_number("trace", "until_s", until_s, low=0.0, high=run.seconds,
                                                               example=1.0, unit="s")
    for node in run.plan.nodes:
        if node.component.needs_reference:
            raise ValueError(f"trace: the policy of the {node.name} runs on the reference engine only, which keeps no "
                             f"trace ({node.component.needs_reference}).")
    arrived_s = arrival_times(run.clients, run.seconds, run.seed)
    return compiled.run(run.plan, arrived_s, run.seconds, run.seed, until_s=until_s, traced=True).trace
