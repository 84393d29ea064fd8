"""What the processes of a lab write down as they go: a file of whole lines (JSON) that outlives kill -9."""

import json
import os
import time
from pathlib import Path


class Journal:
    """The file at `path`. An entry is a dict: event, number, at_s (the system's clock), and what else was given."""

    def __init__(self, path):
        self._path = Path(path)

    def write(self, event, number, **more):
        line = json.dumps({"event": event, "number": number, "at_s": time.monotonic(), **more}) + "\n"
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(opened, line.encode())
        os.close(opened)

    def entries(self, event):
        """All entries of this event, in order."""
        lines = self._path.read_text().splitlines(keepends=True) if self._path.exists() else []
        told = [json.loads(line) for line in lines if line.endswith("\n")]      # the last may be half written
        return [entry for entry in told if entry["event"] == event]

    def numbers(self, event):
        """The numbers in the entries of this event, in order."""
        return [entry["number"] for entry in self.entries(event)]
