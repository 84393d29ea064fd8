"""The last layer of clean-up: outlives the kernel, ends what it started, removes the temporary folder.

Run as a script: `python watchdog.py FOLDER`. The kernel holds the other end of standard input and writes
"group PID" for each process group that it starts and "gone PID" for each that it has ended itself. End of
file, or another parent, means that the kernel is gone, however it went.
"""

import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path


def kill_group(group):
    """Kill a whole process group; False if there is none (any more)."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):    # macOS: PermissionError for a group of zombies
        return False
    return True


def remove_folder(folder, within_s=5.0):
    """Remove the folder and all in it, again while a dying process still writes there."""
    until = time.monotonic() + within_s
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=time.monotonic() < until)
        time.sleep(0.01)


def watched_groups(pipe, parent):
    """Read the kernel's lines until it is gone; the groups that it has left."""
    groups, text = set(), b""
    while os.getppid() == parent:
        if not select.select([pipe], [], [], 0.5)[0]:
            continue
        chunk = os.read(pipe, 4096)
        if not chunk:
            break
        *lines, text = (text + chunk).split(b"\n")
        for word, group in (line.split() for line in lines):
            (groups.add if word == b"group" else groups.discard)(int(group))
    return groups


if __name__ == "__main__":
    for left in watched_groups(sys.stdin.fileno(), parent=os.getppid()):
        kill_group(left)
    remove_folder(Path(sys.argv[1]))
