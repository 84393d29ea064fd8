"""What can happen to a request, a message or a machine: the rows of a trace."""

import numpy as np

TRACE = np.dtype([("time_s", "f8"), ("number", "i8"), ("request", "i4"), ("node", "i4"), ("what", "i4"),
                  ("value", "i4")])
(SENT, CALLED, QUEUED, STARTED, FREED, RETURNED, DONE, GAVE_UP, CRASHED, UP,
 PUBLISHED, VISIBLE, RECEIVED, DELETED, DEAD, CHANGED) = range(16)


def rows_of(run, until_s):
    """TRACE rows of a run from 0 to until_s, in the order in which things happened."""
    raise NotImplementedError("the recorder comes with the engine")
