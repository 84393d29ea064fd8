"""Who waits for a thread is seen waiting at its machine: a pool inside a machine has no box of its own."""

import numpy as np

from sdlib.kernel import trace as codes
from sdlib.kernel.state import NONE


def at_the_machines(rows, nodes):
    """TRACE rows in which pools of places inside machines are not told apart from these.

    To wait for a place of the pool is to wait at the machine, in the one line that is drawn there. To get it is no
    event: the core is asked for at the same instant, and who has to wait for that too stands in the line already.
    """
    is_pool = np.array([node.part_of != NONE for node in nodes])
    if not is_pool.any():
        return rows
    machine = np.array([node.index if node.part_of == NONE else node.part_of for node in nodes], rows["node"].dtype)
    of_node = rows["node"] >= 0
    kept = rows[~(of_node & is_pool[rows["node"]]) | (rows["what"] == codes.QUEUED)]
    kept["node"] = np.where(kept["node"] >= 0, machine[kept["node"]], kept["node"])
    again = _waits_already(kept)
    return np.delete(kept, again) if len(again) else kept


def _waits_already(rows):
    """The rows in which somebody comes into a line in which it stands."""
    order = np.argsort(rows["number"], kind="stable")
    number, node, queues = (column[order] for column in (rows["number"], rows["node"], rows["what"] == codes.QUEUED))
    again = queues[:-1] & queues[1:] & (number[:-1] == number[1:]) & (node[:-1] == node[1:])
    return order[1:][again]
