"""Start a command that dies with its parent: the system asks it to end (SIGTERM) when the parent's thread ends.

Run as a script: `python child.py PARENT_PID COMMAND...`; PARENT_PID 0 leaves the signal out.
"""

import ctypes
import os
import signal
import sys

MOST_FILES = 65_536
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36     # <sys/prctl.h>; Linux only


def prctl(option, value):
    """Set one property of this process; True where the system knows it (Linux)."""
    return sys.platform == "linux" and ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0


def raise_open_files():
    """Let this process open as many files as the system lets it; a macOS session starts with 256."""
    import resource  # not on Windows, where this module is imported, too
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, MOST_FILES) if most >= 0 else MOST_FILES, most))


def die_with_parent(parent):
    """End this process when its parent does, also if the parent has gone already."""
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the process that started this one has ended")


if __name__ == "__main__":
    if int(sys.argv[1]):
        die_with_parent(int(sys.argv[1]))
    raise_open_files()
    os.execvp(sys.argv[2], sys.argv[2:])
