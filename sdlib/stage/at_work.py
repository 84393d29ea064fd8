"""A message is seen at work: what a worker does for it is shown as its own way, as one dot and not two."""

import numpy as np

from sdlib.kernel import trace as codes
from sdlib.kernel.state import NONE


def at_work(rows):
    """TRACE rows in which what a worker does is done by the message that it turned to last."""
    taken_up = rows["what"] == codes.TAKEN_UP
    if not taken_up.any():
        return rows
    published = rows[rows["what"] == codes.PUBLISHED]
    number_of = np.full(int(published["value"].max()) + 1, NONE, rows["number"].dtype)
    number_of[published["value"]] = published["number"]
    rows = rows.copy()
    by_worker = np.flatnonzero(rows["number"] < NONE)
    by_worker = by_worker[np.argsort(rows["number"][by_worker], kind="stable")]
    turns = np.where(taken_up[by_worker], np.arange(len(by_worker)), -1)
    latest = np.maximum.accumulate(turns)
    is_its = (latest >= 0) & (rows["number"][by_worker] == rows["number"][by_worker[latest]])
    rows["number"][by_worker[is_its]] = number_of[rows["value"][by_worker[latest[is_its]]]]
    return rows[~taken_up]
