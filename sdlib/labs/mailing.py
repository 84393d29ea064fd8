"""A shop, its mail server and its customers, running for the labs of lessons 9 and 10."""

import json
import os
import signal
import statistics
import sys
import time
from contextlib import contextmanager

from sdlib.labs.faults import failure, in_words
from sdlib.labs.mail_server import taken
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.visitors import Visitors
from sdlib.labs.web import ask

MOST_PER_S = 30                    # mails that the mail server takes
PAYMENT_MS = 10.0
CLIENT_TIMEOUT_S = 15.0


@contextmanager
def shop_with_mail(mail_ms):
    """A `Shop` for the length of a `with` block. mail_ms: what the mail server needs for a mail."""
    with Stage() as stage, StatusLine("real shop and mail server on 127.0.0.1") as status:
        with in_words("the shop could not be started"):
            shop = Shop(stage, status, mail_ms)
        yield shop


class Shop:
    """The running shop."""

    def __init__(self, stage, status, mail_ms):
        self.stage, self._status = stage, status
        self._mail_plan = {"port": stage.reserve_port(), "mail_ms": mail_ms, "most_per_s": MOST_PER_S}
        plan = {"port": stage.reserve_port(), "mail_port": self._mail_plan["port"], "payment_ms": PAYMENT_MS}
        self._url = f"http://127.0.0.1:{plan['port']}"
        self._shop = stage.start([sys.executable, "-m", "sdlib.labs.checkout", json.dumps(plan)], log="shop.log")
        self._visitors = Visitors(stage, status, CLIENT_TIMEOUT_S)
        self.start_mail()
        stage.wait_until_listening(self._shop, plan["port"])

    def start_mail(self):
        """Start the mail server, for the first time or again."""
        self._mail = self.stage.start([sys.executable, "-m", "sdlib.labs.mail_server", json.dumps(self._mail_plan)],
                                      log="mail.log")
        self.stage.wait_until_listening(self._mail, self._mail_plan["port"])

    def stop_mail(self):
        """From now on nobody answers at the mail server's port."""
        self.stage.stop(self._mail)

    def kill(self):
        """kill -9 of the shop."""
        os.kill(self._shop.pid, signal.SIGKILL)
        self._shop.wait()

    def check_out(self, how, name, count, per_s):
        """So many checkouts, evenly spaced: [latency_ms, HTTP status] of each. name: of this crowd."""
        visits = [(number / per_s, f"/{how}/{name}-{number}", "") for number in range(count)]
        return self._visitors.send(self._url, "POST", visits, f"{count} checkouts, {name}", watched=[self._shop])

    def wait_until_sent(self, within_s=90.0):
        """Return when no mail waits in the shop's memory."""
        until = time.monotonic() + within_s
        while ask(f"{self._url}/unsent"):
            if time.monotonic() > until:
                raise failure("the shop did not send its mails", self.stage.log_of(self._shop))
            self._status.show("the worker sends the mails")
            time.sleep(0.05)

    def taken(self, name):
        """How many mails of this crowd the mail server took; none is taken twice."""
        subjects = [subject for subject in taken(self.stage.folder) if subject.rpartition("-")[0] == name]
        return len(set(subjects))


def successes(answers):
    """How many checkouts came to the success page."""
    return sum(status == 200 for _, status in answers)


def median_ms(answers):
    return statistics.median(latency_ms for latency_ms, _ in answers)
