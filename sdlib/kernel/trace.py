"""What is written down while a run is traced: who did what, where and when, in the order in which it happened."""

import numpy as np
from numba.extending import overload

from sdlib.kernel.jit import jit
from sdlib.kernel.state import TracedState
from sdlib.kernel.view import View

WHAT = ("sent", "called", "queued", "started", "freed", "returned", "done", "gave up", "crashed", "up", "published",
        "visible", "received", "deleted", "dead", "changed", "work failed", "expired", "dropped", "redriven",
        "taken up")
(SENT, CALLED, QUEUED, STARTED, FREED, RETURNED, DONE, GAVE_UP, CRASHED, UP, PUBLISHED, VISIBLE, RECEIVED, DELETED,
 DEAD_LETTERED, CHANGED, WORK_FAILED, EXPIRED, DROPPED, REDRIVEN, TAKEN_UP) = range(len(WHAT))
TRACE = np.dtype([("time_s", "f8"), ("number", "i4"), ("request", "i4"), ("node", "i2"), ("what", "i1"),
                  ("value", "i4")], align=True)  # 24 bytes: writing it is most of what a trace costs
ROWS_A_REQUEST = 8  # of a request that queues at one machine: more is the rule, and then the trace grows


@jit(inline=True)
def note(m, who, what, at, value):
    """Write down one row, if this run is traced; compiled away where it is not."""
    write_if_traced(m, who, what, at, value)


def write_if_traced(m, who, what, at, value):
    """Of `note` only: it widens the numbers first, so that this is compiled once and not once for each caller."""


def trace_has_room(m, wanted):
    """Whether so many more rows fit."""


@jit(inline=True)
def _write(m, number, request, what, at, value):
    row = m.trace[m.clock[0].traced]
    m.clock[0].traced += 1
    row.time_s, row.number, row.request = m.clock[0].now, number, request
    row.node, row.what, row.value = at, what, value


def _is_traced(m):
    return isinstance(m, View) and issubclass(m.kind, TracedState)


@overload(write_if_traced, jit_options={"_nrt": False, "forceinline": True, "error_model": "numpy"})
def _write_if_traced(m, who, what, at, value):
    if not _is_traced(m):
        return lambda m, who, what, at, value: None

    def write(m, who, what, at, value):
        if who < 0:
            _write(m, who, who, what, at, value)
        else:
            _write(m, m.entities[who].number, m.entities[who].request, what, at, value)
    return write


@overload(trace_has_room, jit_options={"_nrt": False, "forceinline": True, "error_model": "numpy"})
def _trace_has_room(m, wanted):
    if not _is_traced(m):
        return lambda m, wanted: True
    return lambda m, wanted: m.clock[0].traced + 4 * wanted <= len(m.trace)
