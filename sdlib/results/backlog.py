"""How many messages wait, over time, and how old the oldest of them is."""

import numpy as np
import pandas as pd

from sdlib.components.messages import DEAD_SHELF, HIDDEN_SHELF
from sdlib.engine.records import SAMPLES

TYPES = {"second": "float64", "channel": "category", "visible": "int32", "hidden": "int32", "dead": "int32",
         "oldest_s": "float64"}


def backlog_table(run):
    """See `Run.backlog`."""
    queues = [node for node in run.nodes if "dead_lettered" in node.component.counts]
    times_s = np.arange(SAMPLES) * (run.seconds / SAMPLES)
    waiting = run.records.samples[:, :, 0]
    parts = [pd.DataFrame({"second": times_s, "channel": queue.name, "visible": waiting[:, queue.index],
                           "hidden": waiting[:, queue.parts[HIDDEN_SHELF]], "dead": waiting[:, queue.parts[DEAD_SHELF]],
                           "oldest_s": _oldest_s(run.records.messages, queue.index, times_s)}) for queue in queues]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(TYPES))
    return table.astype(TYPES | {"channel": pd.CategoricalDtype([queue.name for queue in queues])})


def _oldest_s(messages, channel, times_s):
    """The age of the oldest message at each time: those before it, in the order of sending, have all ended."""
    mine = messages[messages["channel"] == channel]
    mine = mine[np.argsort(mine["enqueued_s"], kind="stable")]
    ends_s = np.where(np.isnan(mine["done_s"]), np.inf, mine["done_s"])
    all_ended_s = np.maximum.accumulate(ends_s) if len(mine) else ends_s
    oldest = np.searchsorted(all_ended_s, times_s, side="right")
    starts_s = np.append(mine["enqueued_s"], np.inf)[oldest]
    return np.where(starts_s <= times_s, times_s - starts_s, np.nan)
