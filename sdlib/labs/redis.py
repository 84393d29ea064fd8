"""Redis as a process of a lab: it keeps nothing on the disk, and listens on a Unix socket in the lab's folder."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from sdlib.labs.faults import LabError, in_words
from sdlib.labs.inventory import PROGRAMS
from sdlib.labs.resp import Client
from sdlib.labs.stage import find_program

_, NAMES, _ = PROGRAMS["Redis"]
SETTINGS = {"port": 0, "save": "", "appendonly": "no", "daemonize": "no", "maxmemory-policy": "allkeys-lru",
            "maxmemory-samples": 10}


@dataclass(frozen=True)
class Redis:
    """A running Redis: its `socket` (path) and `process` (subprocess.Popen)."""

    socket: Path
    process: subprocess.Popen

    def client(self):
        """A new connection to it."""
        return Client(self.socket)


def redis(stage, name="redis"):
    """Start Redis on a `Stage` and return it (a `Redis`) once it answers.

    name: of its socket and log, where a lab runs several: NAME.sock, NAME.log. It has room without a limit, until
    CONFIG SET maxmemory; then the key that was used longest ago goes. LabError with its own words where it does not
    start.
    """
    program = find_program(*NAMES)
    if program is None:
        raise LabError("Redis is not installed on this machine. `lab.ready('Redis')` says how to get it.")
    settings = SETTINGS | {"unixsocket": f"{name}.sock"}
    words = [word for setting, value in settings.items() for word in (f"--{setting}", value)]
    with in_words("Redis could not be started"):
        process = stage.start([program, *words], log=f"{name}.log")
        running = Redis(stage.folder / f"{name}.sock", process)
        stage.wait_until(process, lambda: _answers(running))
    return running


def _answers(running):
    client = running.client()
    try:
        return client.ask("PING") == b"PONG"
    except (FileNotFoundError, ConnectionError):
        return False                                 # not yet
    finally:
        client.close()
