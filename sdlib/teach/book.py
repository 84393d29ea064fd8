"""The learner's own record: a small JSON file in the current folder. Nothing is sent anywhere.

    {"version": 1, "entries": {"exercises": {"01-easy": [{"at": "...", "outcome": "wrong"}, ...]}, ...}}

Only what the learner does is written: running a notebook from top to bottom leaves no file. Notebooks that are open
at the same time share the file; each adds to it under a lock.
"""

import functools
import json
import os
import threading
import warnings
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from sdlib.whole import whole

FILE_NAME = ".sdlib-progress.json"
VERSION = 1
PATIENCE_S = 5      # for the notebook that writes just now
LARGEST_MB = 20     # of a file that can be a record
# The fields that the tools compute with; a text field is only shown or compared.
_KINDS = {"predictions": {"choice": int}, "quiz": {"choice": int}, "reveals": {"right": bool}}
_LATER = {"reveals": {"off": int}}  # fields that an older version of the course did not write; may be below 0


class Book:
    """Entries by section and key, in the order in which they were made. `notice` says what went wrong, if anything."""

    def __init__(self, path):
        self.path = Path(path)
        self.notice = ""
        self.attempted = set()  # exercises tried since the kernel started
        self.revealed = set()   # predictions revealed since then
        self._in_memory = None  # the entries, once the file cannot serve
        self._one_thread = threading.RLock()

    @property
    def _file(self):
        """Where the content is: behind a symbolic link, the file that it names."""
        return Path(os.path.realpath(self.path))

    def entries(self, section, key):
        """The list of entries, oldest first; empty if there is none."""
        with self._one_thread:
            return self._read().get(section, {}).get(key, [])

    def record(self, section, key, **entry):
        """Add an entry with the time of now."""
        entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **entry}
        with self._one_thread, self._alone():
            entries = self._read()
            entries.setdefault(section, {}).setdefault(key, []).append(entry)
            self._write(entries)

    def set_aside(self):
        """Keep the damaged file under another name and begin anew, and say so."""
        number = 1
        while (aside := self._file.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        try:
            os.replace(self._file, aside)
        except FileNotFoundError:  # another notebook was faster
            return {}
        except OSError as error:
            return self._stay_in_memory(f"it is damaged and cannot be moved ({error.strerror})", {})
        self._say(f"The progress file was damaged. It was kept as {aside.name}, and a new one begins.")
        return {}

    @contextmanager
    def _alone(self):
        """No other notebook writes meanwhile."""
        lock = self._lock()
        try:
            yield
        finally:
            if lock:
                lock.release()

    def _lock(self):
        if self._in_memory is not None:
            return None
        with whole():
            import filelock
        lock = filelock.FileLock(f"{self._file}.lock", timeout=PATIENCE_S)
        try:
            lock.acquire()
        except filelock.Timeout:
            self._stay_in_memory("another notebook holds its lock", self._read())
        except (OSError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or "no locks on this disk"
            self._stay_in_memory(f"it cannot be written ({reason})", self._read())
        else:
            return lock
        return None

    def _read(self):
        """All entries by section and key."""
        if self._in_memory is not None:
            return self._in_memory
        try:
            text = _text(self._file)
        except FileNotFoundError:
            return {}
        except UnicodeDecodeError:
            return self.set_aside()
        except OSError as error:
            return self._stay_in_memory(f"it cannot be read ({error.strerror})", {})
        content = _parsed(text)
        if content is None:
            return self.set_aside()
        if content["version"] > VERSION:
            return self._stay_in_memory("a newer version of the course wrote it", {})
        return content["entries"]

    def _write(self, entries):
        if self._in_memory is not None:
            return
        new = self._file.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            with whole():
                new.write_text(json.dumps({"version": VERSION, "entries": entries}, indent=1), encoding="utf-8")
                os.replace(new, self._file)
        except OSError as error:
            self._stay_in_memory(f"it cannot be written ({error.strerror})", entries)
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def _stay_in_memory(self, reason, entries):
        if self._in_memory is not None:
            return self._in_memory
        self._in_memory = entries
        self._say(f"{self.path.name}: {reason}. Your progress is kept until this notebook's kernel stops.")
        return entries

    def _say(self, notice):
        self.notice = notice
        warnings.warn(notice, stacklevel=2)


def _text(path):
    if path.exists() and not path.is_file():
        raise OSError(None, "it is no plain file")
    if path.exists() and path.stat().st_size > LARGEST_MB * 2**20:
        raise OSError(None, f"it is larger than {LARGEST_MB} MB")
    return path.read_text(encoding="utf-8")


def _parsed(text):
    """The content of the file, or None if it is not what a Book writes."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_ours = isinstance(content, dict) and type(content.get("version")) is int
    return content if is_ours and (content["version"] > VERSION or _is_tidy(content.get("entries"))) else None


def _is_tidy(entries):
    return isinstance(entries, dict) and all(
        isinstance(keys, dict) and all(isinstance(found, list) and all(_fits(section, entry) for entry in found)
                                       for found in keys.values()) for section, keys in entries.items())


def _fits(section, entry):
    kinds, later = _KINDS.get(section, {}), _LATER.get(section, {})
    return (isinstance(entry, dict)
            and all(type(entry.get(name)) is kind and entry[name] >= 0 for name, kind in kinds.items())
            and all(type(entry[name]) is kind for name, kind in later.items() if name in entry))


def book():
    """The Book of the current folder, one per kernel."""
    return _open(Path.cwd() / FILE_NAME)


@functools.cache
def _open(path):
    return Book(path)
