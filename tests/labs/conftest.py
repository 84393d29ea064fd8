import os
import signal
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import start_new_kernel

from sdlib import labs
from sdlib.labs.stage import FOLDER_PREFIX, MARK

ROOT = str(Path(labs.__file__).resolve().parents[2])


class Traces:
    """What labs leave behind: their processes (by the mark in the environment, or where they run) and folders.

    NGINX writes its title over its environment, so it is known by the folder in which it runs.
    """

    def __init__(self, home):
        self.home = Path(home)

    def processes(self):
        return [process.pid for process in psutil.process_iter()
                if any(str(self.home) in text for text in self._marks(process))]

    def folders(self):
        return list(self.home.glob(FOLDER_PREFIX + "*"))

    def wait_until_gone(self, within_s=60):
        until = time.monotonic() + within_s
        while (self.processes() or self.folders()) and time.monotonic() < until:
            time.sleep(0.05)
        return not self.processes() and not self.folders()

    @contextmanager
    def kernel_to_be_killed(self, code, begun="load.json", within_s=60):
        """A real kernel that runs a lab. The block looks once the lab has written `begun`; then comes kill -9, and
        nothing may be left."""
        manager, client = start_new_kernel(env={**os.environ, "PYTHONPATH": ROOT})
        try:
            client.execute("from sdlib import labs\n" + code)
            until = time.monotonic() + 120
            while time.monotonic() < until and not list(self.home.glob(f"*/{begun}")):
                time.sleep(0.05)
            yield
            os.kill(manager.provisioner.process.pid, signal.SIGKILL)
            assert self.wait_until_gone(within_s)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)

    @staticmethod
    def _marks(process):
        try:
            return process.environ().get(MARK, ""), process.cwd()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            return ()


@pytest.fixture
def traces(monkeypatch):
    """Labs of this test have their own temporary folder; whatever happens, they must leave nothing.

    Its name is short, as that of a real one is: the path of a socket may have a hundred letters.
    """
    with tempfile.TemporaryDirectory(prefix="labs-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Traces(Path(folder))
        assert Traces(Path(folder)).wait_until_gone()
