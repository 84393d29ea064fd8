"""A payment service that asks a policy what to do when the mail was not accepted: lesson 09's medium exercise."""

from dataclasses import dataclass
from typing import NamedTuple

from sdlib.components.calls import Call
from sdlib.components.checks import knob
from sdlib.components.clients import Clients
from sdlib.components.providers import MailProvider
from sdlib.components.service import Service
from sdlib.kernel.retry import next_turn
from sdlib.kernel.statuses import FAILED, OK, STATUSES
from sdlib.lessons.measures import word
from sdlib.lessons.policy import Policy, run_with

AGAIN, SUCCESS, ERROR = "again", "success page", "error page"
PAYMENT_MS, TIMEOUT_S = 30.0, 0.4
MOST_ATTEMPTS = 20               # then the shop stops asking, and shows the success page
CHECKOUTS_PER_S, SECONDS, EMPTY_S = 15, 40.0, 10.0
LONGEST_P99_MS, FEWEST_MAILS, MOST_ASKED = 1_000, 98.0, 2.0
read = word((AGAIN, SUCCESS, ERROR))


class Day(NamedTuple):
    """A day of the mail provider."""

    label: str
    mail_ms: float = 60.0
    failure_rate: float = 0.0
    unknown_share: float = 0.0
    down: tuple = ()


class Evening(NamedTuple):
    """What became of the checkouts, all of them paid."""

    checkouts: int
    error_pages: int
    p99_ms: float
    mails_percent: float         # of the checkouts, those whose mail was accepted at least once
    asked: float                 # times per checkout that the provider was asked


@dataclass(frozen=True, eq=False)
class Paying(Service):
    """A payment service: it takes the money, asks for the mail, and after each failure asks the policy what now."""

    what_now: Policy = knob(None, doc="(status, attempt, spent_ms) -> what to do", kind="other", optional=True)

    def work_and_call(self, here, request):
        begun_s, turn = here.world.now, request.turn
        with here.places.request() as core:
            yield core
            yield here.work(request, self.service_ms, self.distribution)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            request.turn = next_turn(turn, attempt)
            status = yield from here.call(request)
            request.turn = turn
            if status == OK:
                return OK
            answer = read(self.what_now(STATUSES[status], attempt, 1000 * (here.world.now - begun_s)))
            if answer != AGAIN:
                return OK if answer == SUCCESS else FAILED
        return OK


def serve(what_now, day, seed=1):
    """Half a minute of checkouts, and time for the last of them."""
    policy = Policy(what_now)
    mail = MailProvider(day.mail_ms, failure_rate=day.failure_rate, unknown_share=day.unknown_share, down=day.down,
                        name="mail provider")
    payment = Paying(4, 8, PAYMENT_MS, calls=[Call(mail, TIMEOUT_S)], threads=None, what_now=policy)
    crowd = Clients(users=CHECKOUTS_PER_S, requests_per_minute=60,
                    profile=((0, 1.0), (SECONDS - EMPTY_S, 0.0)))
    run = run_with(policy, payment, crowd, SECONDS, seed)
    counts, sent = run.requests["status"].value_counts(), len(run.requests)
    asked = int(run.traffic.loc[run.traffic["called"] == "mail provider", "calls"].sum())
    told = min(sent, int(run.stations.loc["mail provider", "served"]))
    return Evening(sent, int(counts["failed"]), float(run.requests["latency_ms"].quantile(0.99)), 100 * told / sent,
                   asked / sent)
