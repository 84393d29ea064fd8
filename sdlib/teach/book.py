"""The learner's own record: a small JSON file in the current folder. Nothing is sent anywhere.

    {"version": 1, "entries": {"exercises": {"01-easy": [{"at": "...", "outcome": "wrong"}, ...]}, ...}}

Only what the learner does is written: running a notebook from top to bottom leaves no file.
"""

import functools
import json
import os
import warnings
from datetime import UTC, datetime
from pathlib import Path

FILE_NAME = ".sdlib-progress.json"
VERSION = 1


class Book:
    """Entries by section and key, in the order in which they were made. `notice` says what went wrong, if anything."""

    def __init__(self, path):
        self.path = Path(path)
        self.notice = ""
        self.attempted = set()  # exercises tried since the kernel started
        self.revealed = set()   # predictions revealed since then
        self._in_memory = False
        self._entries = {}

    def entries(self, section, key):
        """The list of entries, oldest first; empty if there is none."""
        self._read()
        return self._entries.get(section, {}).get(key, [])

    def record(self, section, key, **entry):
        """Add an entry with the time of now. Reads before it writes, so two open notebooks share one file."""
        self._read()
        entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **entry}
        self._entries.setdefault(section, {}).setdefault(key, []).append(entry)
        self._write()

    def _read(self):
        if self._in_memory:
            return None
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self._entries = {}
            return None
        except UnicodeDecodeError:
            return self._set_aside()
        except OSError as error:
            return self._stay_in_memory(f"it cannot be read ({error.strerror})")
        content = _parsed(text)
        if content is None:
            return self._set_aside()
        if content["version"] > VERSION:
            return self._stay_in_memory("a newer version of the course wrote it")
        self._entries = content["entries"]
        return None

    def _write(self):
        if self._in_memory:
            return
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            new.write_text(json.dumps({"version": VERSION, "entries": self._entries}, indent=1), encoding="utf-8")
            os.replace(new, self.path)
        except OSError as error:
            self._stay_in_memory(f"it cannot be written ({error.strerror})")
            new.unlink(missing_ok=True)

    def _set_aside(self):
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        try:
            os.replace(self.path, aside)
        except OSError as error:
            return self._stay_in_memory(f"it is damaged and cannot be moved ({error.strerror})")
        self._entries = {}
        return self._say(f"The progress file was damaged. It was kept as {aside.name}, and a new one begins.")

    def _stay_in_memory(self, reason):
        self._in_memory = True
        self._say(f"{self.path.name}: {reason}. Your progress is kept until this notebook's kernel stops.")

    def _say(self, notice):
        self.notice = notice
        warnings.warn(notice, stacklevel=2)


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
        isinstance(keys, dict) and all(isinstance(found, list) and all(isinstance(entry, dict) for entry in found)
                                       for found in keys.values()) for keys in entries.values())


def book():
    """The Book of the current folder, one per kernel."""
    return _open(Path.cwd() / FILE_NAME)


@functools.cache
def _open(path):
    return Book(path)
