"""The SQS and SNS API and the processes that use it, running for the labs of lessons 11 to 13."""

import json
import sys
import time
from contextlib import contextmanager

from sdlib.labs import aws
from sdlib.labs.faults import failure, in_words
from sdlib.labs.journal import Journal
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine

COMPONENTS = ("boto3", "moto")


@contextmanager
def cloud(what):
    """A `Cloud` for the length of a `with` block. what: the lab, in words."""
    from botocore.exceptions import BotoCoreError
    with Stage() as stage, StatusLine(what) as status:
        with in_words("the queue's API could not be started"):
            running = Cloud(stage, status)
        try:
            yield running
        except BotoCoreError as error:
            raise failure("the queue's API did not answer", f"{running.log()}\n{error}") from None


class Cloud:
    """Attributes: `sqs` and `sns` (boto3 clients), `folder` (Path)."""

    def __init__(self, stage, status):
        self._stage, self._status, self.folder = stage, status, stage.folder
        self._server, self._port = aws.start(stage)
        self._watched = [self._server]
        self.sqs, self.sns = (aws.client(name, self._port) for name in ("sqs", "sns"))
        stage.wait_until_listening(self._server, self._port)

    def start(self, *plans):
        """Start workers and senders (see `sdlib.labs.hands`); each plan is completed with what it does not say."""
        usual = {"port": self._port, "dies": {}, "work_ms": 5, "deletes": "after", "fails_first": {}, "broken": [],
                 "fails_until": None, "retries": 0, "most_wait_s": 4, "repeats": False}
        command = [sys.executable, "-m", "sdlib.labs.hands", json.dumps([usual | plan for plan in plans])]
        self._watched.append(self._stage.start(command, log="hands.log"))

    def journal(self, name):
        return Journal(self.folder / name)

    def wait_until(self, is_done, doing, within_s=90.0):
        """Return when `is_done()`; LabError where a process ends before that, or time is up."""
        until = time.monotonic() + within_s
        while not is_done():
            ended = [process for process in self._watched if process.poll() is not None]
            if ended or time.monotonic() > until:
                raise failure("the lab did not come to its end", self.log())
            self._status.show(doing)
            time.sleep(0.2)

    def log(self):
        """All that the processes wrote."""
        return "\n".join(self._stage.log_of(process) for process in self._watched)
