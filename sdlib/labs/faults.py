"""What can fail around a lab, each in one sentence: what failed, and what to do."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import contextmanager

FULL = ("No space left on device", "database or disk is full", "disk I/O error", "File too large",
        "Disk quota exceeded", "No usable temporary directory")
NO_FILES = "Too many open files"
LEAST_FREE_BYTES = 1_000_000
SPARE_FILES = 64                    # Python, its modules and logs, over what the requests need
DESIRED_FILES = 4096


class LabError(RuntimeError):
    """Real software did not start, or ended too early. `log` (str): all that it wrote, for the curious."""

    def __init__(self, sentence, log=""):
        super().__init__(sentence)
        self.log = log


@contextmanager
def in_words(what):
    """Turn an error of the system, or of SQLite, inside the block into a LabError: `what` could not be done, why, what
    to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise failure(what, str(error)) from None


def failure(what, log):
    """The LabError for `what` ("the web server did not start"), from what the software or the system said."""
    return LabError(f"{what[0].upper()}{what[1:]}: {_why(log)}", log)


def _why(log):
    if NO_FILES in log or not _can_open():                # tempfile keeps the true cause to itself
        return (f"this session may not open more files (its limit is {most_files()[0]:,}). In a terminal type "
                f"`ulimit -n {DESIRED_FILES}` and start JupyterLab again there.")
    if any(sign in log for sign in FULL) or _free_bytes() < LEAST_FREE_BYTES:
        return (f"the temporary folder {_temporary_folder()} takes no more data. Free some space, or set TMPDIR to a "
                "folder that has some and start JupyterLab again.")
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return f"it said: {lines[-1]}" if lines else "it ended without a word. Run the cell again."


def _can_open():
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True


def _temporary_folder():
    """Its path; also when it is full, where tempfile finds none at all."""
    return tempfile.tempdir or os.environ.get("TMPDIR") or "/tmp"


def _free_bytes():
    try:
        return shutil.disk_usage(_temporary_folder()).free
    except OSError:
        return LEAST_FREE_BYTES


def most_files():
    """How many files this process may open: (now, after raising it)."""
    import resource  # not on Windows, where the labs say so
    return tuple(limit if limit != resource.RLIM_INFINITY else 2**31
                 for limit in resource.getrlimit(resource.RLIMIT_NOFILE))


def check_open_files(needed):
    """LabError, before anything starts, where a lab would run out of open files in the middle."""
    _, most = most_files()
    if most < needed + SPARE_FILES:
        raise LabError(f"This lab needs {needed + SPARE_FILES:,} open files, and this session may open {most:,}. In a "
                       f"terminal type `ulimit -n {max(DESIRED_FILES, needed + SPARE_FILES)}` and start JupyterLab "
                       "again there.")
