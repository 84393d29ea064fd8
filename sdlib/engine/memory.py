"""How much memory a run takes, and how much there is: asked before it begins, and before what is pending grows."""

from pathlib import Path

import psutil

from sdlib.engine.arrivals import expected_requests
from sdlib.engine.kinds import KINDS
from sdlib.engine.records import SAMPLES
from sdlib.kernel.state import CELL, node_dtype

BYTES_PER_REQUEST = 130  # measured by `make bench`: the engine's row, all tables, and what is pending
BYTES_PER_NODE = node_dtype(KINDS).itemsize + SAMPLES * 3 * 4
USABLE = 0.8  # of what is free


def check_memory(plan, seconds):
    """ValueError when the run would not fit: it says how large it is, and how to make it smaller."""
    clients, requests, free = plan.clients, expected_requests(plan.clients, seconds), free_memory()
    cells = sum(node.component.cells(clients) for node in plan.nodes)
    fixed = len(plan.nodes) * BYTES_PER_NODE + cells * CELL.itemsize
    if fixed > USABLE * free:
        raise ValueError(f"simulate(system) with {len(plan.nodes):,} components, which keep something for each of "
                         f"{clients.objects:,} objects, must fit into memory, but takes {_gb(fixed)}; "
                         f"{_gb(free)} are free. Simulate fewer components or objects; "
                         "for example sd.Clients(users=100, objects=10_000).")
    needed, left = requests * BYTES_PER_REQUEST, USABLE * free - fixed
    if needed > left:
        fitting_s = seconds * left / needed
        raise ValueError(f"simulate(seconds={seconds:g}) with {clients.users:,} users would make about {requests:,.0f} "
                         f"requests, which take {_gb(needed)} of memory; {_gb(free)} are free. "
                         f"Simulate at most {fitting_s:.3g} seconds, or fewer users; for example seconds="
                         f"{fitting_s / 2:.2g}.")


def check_growth(new_bytes, now_s):
    """MemoryError when what is pending would not fit any more. It cannot be known before the run."""
    free = free_memory()
    if new_bytes > USABLE * free:
        raise MemoryError(f"After {now_s:.3g} simulated seconds too much is pending: {_gb(new_bytes)} more are needed, "
                          f"{_gb(free)} are free. Simulate fewer users or seconds, or a shorter timeout_s.")


def free_memory():
    """Bytes that this process may still take: of the machine, or of its container where that is less."""
    free = psutil.virtual_memory().available
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(free, 0)


def _gb(size):
    return f"{size / 2**30:,.1f} GB"
