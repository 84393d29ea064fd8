"""The kernel's side of `sdlib.labs.visits`: start the clients, send them out, wait for their answers."""

import json
import sys
import time
from subprocess import PIPE

from sdlib.labs.faults import failure, in_words


class Visitors:
    """The clients' process on a `Stage`. status: the lab's StatusLine."""

    def __init__(self, stage, status, timeout_s):
        self._stage, self._status, self._timeout_s = stage, status, timeout_s
        self._process = stage.start([sys.executable, "-m", "sdlib.labs.visits"], log="visits.log", stdin=PIPE)

    def send(self, url, method, visits, doing, watched, meanwhile=None):
        """Send (at_s, path, token) in order; [latency_ms, HTTP status] of each. watched: what must not end.

        meanwhile: a function that is called again and again until all have ended.
        """
        folder = self._stage.folder
        answers, given = folder / "answers.json", folder / "visits.json"
        plan = {"url": url, "method": method, "timeout_s": self._timeout_s, "answers": str(answers), "visits": visits}
        with in_words("the requests could not be sent"):
            given.write_text(json.dumps(plan))
            self._process.stdin.write(b"%s\n" % bytes(given))
        while not answers.exists():
            for process in (self._process, *watched):
                if process.poll() is not None:
                    raise failure("the lab ended too early", self._stage.log_of(process))
            self._status.show(doing)
            if meanwhile is not None:
                meanwhile()
            time.sleep(0.05)
        told = json.loads(answers.read_text())
        answers.unlink()
        return told
