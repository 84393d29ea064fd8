"""Where real software runs: loopback ports, a temporary folder, processes, and five layers of clean-up.

1. `with Stage() as stage:` ends everything on the way out, also after an exception or an interrupt;
2. `atexit` does so when Python ends first;
3. each process leads its own session, so that one signal ends it with its children, and Ctrl-C spares it;
4. the system ends each process when the kernel's thread dies (Linux);
5. a watchdog process ends all and removes the folder when the kernel was killed.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from sdlib.labs import child, watchdog
from sdlib.labs.faults import LabError, failure, in_words

FOLDER_PREFIX = "sdlib-lab-"
MARK = "SDLIB_LAB"          # in the environment of every process of a lab: its folder
SOURCE = Path(__file__).resolve().parents[2]


@contextmanager
def no_interrupt():
    """Let Ctrl-C wait until the block ends: half a start or half a clean-up would leave a process behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = []
    handler = signal.signal(signal.SIGINT, lambda *arrived: seen.append(arrived))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if seen and callable(handler):
        handler(*seen[0])


class Stage:
    """The running software of one lab. Attributes: `folder` (Path), removed at the end."""

    def __init__(self):
        self.folder, self._processes, self._ports, self._watchdog = None, [], [], None
        self.is_open = False

    def __enter__(self):
        if sys.platform == "win32":
            raise LabError("The labs run real Unix software. On Windows use WSL: in a terminal `wsl --install`, "
                           "then start JupyterLab inside it. All else in the course works without.")
        self._owner = os.getpid()
        atexit.register(self.close)
        try:
            with in_words("the lab could not be set up"):
                self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error):
        self.close()

    @no_interrupt()
    def _open(self):
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self._watchdog = self._popen([sys.executable, "-I", "-S", watchdog.__file__, str(self.folder)],
                                     stdin=subprocess.PIPE, bufsize=0)
        self.is_open = True

    @no_interrupt()
    def start(self, command, log, stdin=subprocess.DEVNULL):
        """Start a command in the folder, its output in the file `log` there; returns the subprocess.Popen."""
        is_main = threading.current_thread() is threading.main_thread()
        parent = os.getpid() if is_main else 0       # the signal follows the thread, and another thread may end
        with open(self.folder / log, "ab") as output:
            process = self._popen([sys.executable, "-I", "-S", child.__file__, str(parent), *map(str, command)],
                                  stdin=stdin, stdout=output, stderr=output, cwd=self.folder, bufsize=0)
        self._processes.append((process, log))
        self._watchdog.stdin.write(b"group %d\n" % process.pid)
        return process

    @no_interrupt()
    def stop(self, process):
        """End a process with all its children."""
        watchdog.kill_group(process.pid)
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
        self._processes = [entry for entry in self._processes if entry[0] is not process]
        if self._watchdog.poll() is None:
            self._watchdog.stdin.write(b"gone %d\n" % process.pid)

    def reserve_port(self, first=0):
        """A free port on 127.0.0.1, or the first free one from `first` on, held until the end.

        Held means bound but not listening: nobody else can take it, and whoever calls is refused. The server
        binds it as well, with SO_REUSEPORT.
        """
        for port in range(first, first + 100) if first else [0]:
            held = socket.socket()
            try:
                held.bind(("127.0.0.1", port))       # alone: without SO_REUSEPORT, two labs cannot both succeed
            except OSError:
                held.close()
                continue
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._ports.append(held)
            return held.getsockname()[1]
        raise LabError(f"No free port on 127.0.0.1 from {first} to {first + 99}.")

    def wait_until_listening(self, process, port, within_s=20.0):
        """Return when something answers on the port; LabError with the log if the process ends or is too slow."""
        self.wait_until(process, lambda: _is_listening(port), within_s)

    def wait_until(self, process, is_up, within_s=20.0):
        """Return when is_up() is true; LabError with the log if the process ends or is too slow."""
        until = time.monotonic() + within_s
        while process.poll() is None and time.monotonic() < until:
            if is_up():
                return
            time.sleep(0.02)
        raise failure("the lab's software did not start", self.log_of(process))

    def log_of(self, process):
        """All that a process of this lab wrote."""
        log = next(log for entry, log in self._processes if entry is process)
        return (self.folder / log).read_text(errors="replace")

    @no_interrupt()
    def close(self):
        """End all processes, free the ports, remove the folder. May be called twice."""
        if os.getpid() != self._owner:               # a fork of the kernel must not end the lab
            return
        self.is_open = False
        for process, _ in list(self._processes):
            self.stop(process)
        for held in self._ports:
            held.close()
        if self.folder is not None:
            watchdog.remove_folder(self.folder)
        if self._watchdog is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait()
        atexit.unregister(self.close)

    def _popen(self, command, **options):
        search = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, MARK: str(self.folder), "PYTHONPATH": search}
        return subprocess.Popen(command, env=environment, start_new_session=True, **options)


def find_program(*names):
    """The path of the first program found, or None; also where it is not on a user's PATH (Debian, Homebrew)."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def _is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
