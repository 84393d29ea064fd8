"""How much memory a run takes, and how much there is: asked before it begins, and before what is pending grows."""

import time
from pathlib import Path

import psutil

from sdlib.engine.arrivals import expected_requests
from sdlib.engine.kinds import KINDS
from sdlib.engine.records import SAMPLES
from sdlib.kernel.state import CELL, node_dtype

BYTES_PER_REQUEST = 130  # measured by `make bench`: the engine's row, all tables, and what is pending
BYTES_PER_NODE = node_dtype(KINDS).itemsize + SAMPLES * 3 * 4
USABLE = 0.8  # of what is free
LOOK_AGAIN_S = 0.5  # another program may have taken the memory for a moment only


def check_memory(plan, seconds):
    """ValueError when the run would not fit: it says how large it is, and how to make it smaller."""
    clients, requests = plan.clients, expected_requests(plan.clients, seconds)
    cells = sum(node.component.cells(clients) for node in plan.nodes)
    fixed = len(plan.nodes) * BYTES_PER_NODE + cells * CELL.itemsize
    free = _free_for(fixed + requests * BYTES_PER_REQUEST)
    if fixed > USABLE * free:
        raise ValueError(f"simulate(system) with {len(plan.nodes):,} components, which keep something for each of "
                         f"{clients.objects:,} objects, must fit into memory, but takes {_size(fixed)}; "
                         f"{_size(free)} are free. Simulate fewer components or objects; "
                         "for example sd.Clients(users=100, objects=10_000).")
    needed, left = requests * BYTES_PER_REQUEST, USABLE * free - fixed
    if needed > left:
        fitting_s = seconds * left / needed
        raise ValueError(f"simulate(seconds={seconds:g}) with {clients.users:,} users would make about {requests:,.0f} "
                         f"requests, which take {_size(needed)} of memory; {_size(free)} are free. "
                         f"Simulate at most {fitting_s:.3g} seconds, or fewer users; for example seconds="
                         f"{fitting_s / 2:.2g}.")


def check_growth(new_bytes, now_s):
    """MemoryError when what is pending would not fit any more. It cannot be known before the run."""
    free = _free_for(new_bytes)
    if new_bytes > USABLE * free:
        raise MemoryError(f"After {now_s:.3g} simulated seconds too much is pending: {_size(new_bytes)} more are "
                          f"needed, {_size(free)} are free. Simulate fewer users or seconds, or a shorter timeout_s.")


def _free_for(wanted):
    """The free memory; looked at once more after a moment where it is too little."""
    free = free_memory()
    if wanted > USABLE * free:
        time.sleep(LOOK_AGAIN_S)
        free = free_memory()
    return free


def free_memory():
    """Bytes that this process may still take: of the machine, or of its container where that is less."""
    free = psutil.virtual_memory().available
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and limit.read_text().strip().isdigit():
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return max(free, 0)


def _size(size):
    return f"{size / 2**30:,.1f} GB" if size >= 2**30 else f"{size / 2**20:,.0f} MB"
