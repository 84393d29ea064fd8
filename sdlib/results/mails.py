"""What became of the messages of a run that has one queue, such as the mails of a worker in the background."""

import numpy as np

from sdlib.components.worker import Worker
from sdlib.kernel.state import DELIVERED, DROPPED


def lost(run):
    """How many messages nobody will ever work on."""
    return int((run.records.messages["outcome"] == DROPPED).sum())


def in_memory(run, times_s):
    """How many messages wait or are in work at each of these times."""
    rows = run.records.messages
    ended_s = np.sort(rows["done_s"])        # those without an end come last, as NaN
    return np.searchsorted(rows["sent_s"], times_s, "right") - np.searchsorted(ended_s, times_s, "right")


def mean_in_memory(run):
    """How many messages wait or are in work, on average over the run."""
    rows = run.records.messages
    ended_s = np.where(np.isnan(rows["done_s"]), run.seconds, rows["done_s"])
    return float((ended_s - rows["sent_s"]).sum()) / run.seconds


def delays_s(run):
    """From sending to the end of the work, of each message that was delivered."""
    rows = run.records.messages
    delivered = rows["outcome"] == DELIVERED
    return (rows["done_s"] - rows["sent_s"])[delivered]


def accepted_percent(run, within_s):
    """Of the messages that were sent early enough to tell, how many were delivered so soon; 100 if there is none."""
    rows = run.records.messages
    told = rows[rows["sent_s"] <= run.seconds - within_s]
    soon = (told["outcome"] == DELIVERED) & (told["done_s"] - told["sent_s"] <= within_s)
    return 100 * float(soon.mean()) if len(told) else 100.0


def workers_and_seconds(run):
    """How many workers there are, and how long one is busy with a message on average: its own work and its calls."""
    node = next(node for node in run.nodes if isinstance(node.component, Worker))
    behind = [run.nodes[child].component.service[0] for child in node.children]
    return node.component.count, (node.component.work_ms + sum(behind)) / 1000
