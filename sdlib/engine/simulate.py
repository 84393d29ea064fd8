"""`simulate`: check the question, choose the engine, hand over the answer."""

from pathlib import Path

import psutil

from sdlib.components.base import check_number, complain
from sdlib.components.clients import Clients
from sdlib.engine.arrivals import arrival_times, expected_requests
from sdlib.engine.blueprint import blueprint
from sdlib.engine.run import Run

ENGINES = ("compiled", "reference")
BYTES_PER_REQUEST = 130  # measured by `make bench`: the engine's row, all tables, and what is pending
LONGEST_S = 366 * 86_400.0


def simulate(system, clients, seconds=60, seed=0, engine="compiled", on_progress=None):
    """Run a system under a crowd of clients for so many seconds; returns a `Run`.

    engine: "compiled" (fast) or "reference" (SimPy processes, the same numbers bit for bit). The same seed gives
    the same table on every machine. on_progress(share) is called now and then with the share that is done.
    Raises ValueError before anything runs: for a wrong argument, and for a run that would not fit into memory.
    """
    if not isinstance(clients, Clients):
        raise ValueError(f"simulate(clients={clients!r:.60}): clients must be sd.Clients; "
                         "for example clients=sd.Clients(users=100).")
    blueprint(system)
    seconds = check_number("simulate", "seconds", seconds, low=1e-6, high=LONGEST_S, example=60, unit="s")
    seed = check_number("simulate", "seed", seed, low=0, high=2**63 - 1, example=1, whole=True)
    if not isinstance(engine, str) or engine not in ENGINES:
        complain("simulate", "engine", engine, "one of " + ", ".join(map(repr, ENGINES)), "compiled")
    _check_memory(clients, seconds)
    arrived_s = arrival_times(clients, seconds, seed)
    records = _engine(engine).run(system, clients, arrived_s, seconds, seed, on_progress)
    return Run(system, clients, seconds, seed, engine, records)


def _engine(name):
    """The module of an engine; SimPy is imported only by whoever asks for it."""
    if name == "reference":
        from sdlib.engine import reference
        return reference
    from sdlib.engine import compiled
    return compiled


def _check_memory(clients, seconds):
    requests = expected_requests(clients, seconds)
    needed, free = requests * BYTES_PER_REQUEST, free_memory()
    if needed > 0.8 * free:
        fitting_s = seconds * 0.8 * free / needed
        raise ValueError(f"simulate(seconds={seconds:g}) with {clients.users:,} users would make about {requests:,.0f} "
                         f"requests, which take {needed / 2**30:,.1f} GB of memory; {free / 2**30:,.1f} GB are free. "
                         f"Simulate at most {fitting_s:.3g} seconds, or fewer users; for example seconds="
                         f"{fitting_s / 2:.2g}.")


def free_memory():
    """Bytes that this process may still take: of the machine, or of its container where that is less."""
    free = psutil.virtual_memory().available
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(free, 0)
