"""Start a command that dies with its parent: the system asks it to end (SIGTERM) when the parent's thread ends.

Run as a script: `python child.py PARENT_PID COMMAND...`; PARENT_PID 0 leaves the signal out.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36     # <sys/prctl.h>; Linux only


def prctl(option, value):
    """Set one property of this process; True where the system knows it (Linux)."""
    return sys.platform == "linux" and ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0


def die_with_parent(parent):
    """End this process when its parent does, also if the parent has gone already."""
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the process that started this one has ended")


if __name__ == "__main__":
    if int(sys.argv[1]):
        die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
