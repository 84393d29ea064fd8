"""What happened to a component: it crashed, was changed by the schedule, came back."""

from sdlib.kernel.jit import jit
from sdlib.kernel.trace import CHANGED, note
from sdlib.kernel.trace import CRASHED as TRACE_CRASHED

INCIDENTS = ("crashed", "stopped", "restored", "resized", "added", "removed", "invalidated", "redriven")
CRASHED, STOPPED, RESTORED, RESIZED, ADDED, REMOVED, INVALIDATED, REDRIVEN = range(len(INCIDENTS))


@jit
def write_incident(m, at, what, until_s):
    """One row; until_s: when the component serves again, as known now."""
    row = m.incidents[m.clock[0].incidents]
    m.clock[0].incidents += 1
    row.time_s, row.until_s, row.node, row.what = m.clock[0].now, until_s, at, what
    note(m, -1, TRACE_CRASHED if what <= STOPPED else CHANGED, at, what)
