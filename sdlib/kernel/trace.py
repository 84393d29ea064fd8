"""What is written down while a run is traced: who did what, where and when, in the order in which it happened."""

import numpy as np

(SENT, CALLED, QUEUED, STARTED, FREED, RETURNED, DONE, GAVE_UP, CRASHED, UP, PUBLISHED, VISIBLE, RECEIVED, DELETED,
 DEAD_LETTERED, CHANGED) = range(16)
TRACE = np.dtype([("time_s", "f8"), ("number", "i8"), ("request", "i4"), ("node", "i4"), ("what", "i4"),
                  ("value", "i4")], align=True)
