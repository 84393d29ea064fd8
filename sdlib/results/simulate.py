"""`simulate`: check the question, choose the engine, hand over the answer."""

import warnings

from sdlib.components.checks import check_number, complain, shown
from sdlib.components.clients import Clients
from sdlib.components.own_policy import PolicyFailed
from sdlib.engine.arrivals import arrival_times
from sdlib.engine.memory import check_memory
from sdlib.engine.plan import plan
from sdlib.results.run import Run
from sdlib.whole import whole

ENGINES = ("compiled", "reference")
LONGEST_S = 366 * 86_400.0


def simulate(system, clients, seconds=60, seed=0, engine="compiled", on_progress=None, schedule=()):
    """Run a system under a crowd of clients for so many seconds; returns a `Run`.

    engine: "compiled" (fast) or "reference" (SimPy processes, the same numbers bit for bit). The same seed gives
    the same table on every machine. on_progress(share) is called now and then with the share that is done.
    schedule: planned changes, as `sd.at(60, "kill", server)` makes them.
    A policy of your own that Numba cannot compile makes it the reference engine, with a warning.
    Raises ValueError before anything runs: for a wrong argument, and for a run that would not fit into memory; and
    during a run for a policy of your own that names no machine.
    """
    if not isinstance(clients, Clients):
        raise ValueError(f"simulate(clients={shown(clients)}): clients must be sd.Clients; "
                         "for example clients=sd.Clients(users=100).")
    system_plan = plan(system, clients, schedule)
    seconds = check_seconds(seconds)
    seed = check_number("simulate", "seed", seed, low=0, high=2**63 - 1, example=1, whole=True)
    check_engine(engine)
    if on_progress is not None and not callable(on_progress):
        complain("simulate", "on_progress", on_progress, "a function of the share that is done (0 to 1), or None",
                 None)
    check_memory(system_plan, seconds)
    arrived_s = arrival_times(clients, seconds, seed)
    engine = _able(engine, system_plan)
    try:
        records = _engine(engine).run(system_plan, arrived_s, seconds, seed, on_progress)
    except PolicyFailed:
        records = _engine("reference").run(system_plan, arrived_s, seconds, seed)  # raises what the policy did
    return Run(system, system_plan, seconds, seed, engine, records)


def check_seconds(seconds):
    """The length of a run in seconds, as float."""
    return check_number("simulate", "seconds", seconds, low=1e-6, high=LONGEST_S, example=60, unit="s")


def check_engine(engine):
    """The name of an engine."""
    if not isinstance(engine, str) or engine not in ENGINES:
        complain("simulate", "engine", engine, "one of " + ", ".join(map(repr, ENGINES)), "compiled")


def _able(engine, system_plan):
    """The engine that can run this system: a policy that Numba cannot compile runs on SimPy only."""
    for node in system_plan.nodes:
        problem = node.component.needs_reference if engine == "compiled" else None
        if problem is not None:
            warnings.warn(f"The policy of the {node.name} cannot be compiled ({problem}), so this run is done by the "
                          "reference engine, which is about 100 times slower.", stacklevel=3)
            return "reference"
    return engine


def _engine(name):
    """The module of an engine; SimPy is imported only by whoever asks for it."""
    with whole():
        if name == "reference":
            from sdlib.engine import reference
            return reference
        from sdlib.engine import compiled
        return compiled
