"""A mail queue whose waits or whose dead letters a learner's policy decides: the trials of lesson 11's exercises."""

from typing import NamedTuple

import numpy as np

from sdlib.components.clients import Clients
from sdlib.components.providers import MailProvider
from sdlib.components.queue import Queue
from sdlib.components.retry import Retry
from sdlib.components.service import Service
from sdlib.components.worker import Worker
from sdlib.lessons.policy import Policy
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, number, shown, yes_or_no

RETRIES = 20
LONGEST_HIDDEN_S = 43_200   # for so long SQS hides a message at most
STARTS_S, SLACK_S = 10.0, 15.0
EVERY_S = 1.0             # a payment
MOST_ATTEMPTS = 20
OUTAGE_S, SENDING_S = 300.0, 300.0


class Outage(NamedTuple):
    """What became of the mails of which a first attempt fell into an outage of the provider."""

    sent: int
    dead: int
    late_s: float       # from its end until the last of them was out; infinite: never
    allowed_s: float    # as long again as it lasted, and a little


class Evening(NamedTuple):
    """What became of the mails of an evening."""

    sent: int
    dead: int
    most_attempts: int  # at one mail


class Trouble(NamedTuple):
    """What is wrong that evening."""

    label: str
    failure_rate: float = 0.0
    unknown_share: float = 0.0
    outage_s: float = 0.0
    pace_per_s: float = 25.0
    worker_fails: bool = False


def outlive(next_delay_s, outage_s, seed=1):
    """An outage of the mail provider, met with these waits; then as long again."""
    waits_s = [*(_wait_s(next_delay_s(attempt)) for attempt in range(1, RETRIES + 1)), 0.0]  # then it is dead
    ends_s, allowed_s = STARTS_S + outage_s, outage_s + SLACK_S
    times_s = np.arange(EVERY_S / 2, ends_s, EVERY_S)
    mail = MailProvider(latency_ms=300.0, down=((STARTS_S, ends_s),))
    queue = Queue(Worker(20, 5.0, calls=[mail]), retry=Retry(RETRIES, lambda attempt: waits_s[attempt - 1]))
    run = simulate(_payment(queue), Clients(users=1_000, arrivals_s=times_s), seconds=ends_s + allowed_s + SLACK_S,
                   seed=seed)
    messages = run.messages
    met = messages[(messages["sent_s"] >= STARTS_S) & (messages["sent_s"] < ends_s)]
    delivered = met["outcome"] == "delivered"
    late_s = met["done_s"].max() - ends_s if delivered.all() else float("inf")
    return Outage(len(met), int((met["outcome"] == "dead-lettered").sum()), float(late_s), allowed_s)


def judge(should_dead_letter, trouble, seed=1):
    """Five minutes of mails, and time to try again, where a rule says which message is hopeless."""
    policy = Policy(lambda receives, error: yes_or_no(should_dead_letter(receives, error)))
    mail = MailProvider(latency_ms=300.0, failure_rate=trouble.failure_rate, per_s=30.0,
                        unknown_share=trouble.unknown_share,
                        down=((STARTS_S, STARTS_S + trouble.outage_s),) if trouble.outage_s else ())
    worker = Worker(20, 5.0, failure_rate=float(trouble.worker_fails), calls=[mail], per_s=trouble.pace_per_s)
    try:
        queue = Queue(worker, retry=Retry(100, "zero, then exponential", most_s=64.0), dead_letter=policy)
    except ValueError:
        if policy.error is not None:
            raise policy.error from None
        raise
    crowd = _crowd(4.0, profile=((0, 1.0), (SENDING_S, 0.0)))
    run = simulate(_payment(queue), crowd, seconds=SENDING_S + 4 * OUTAGE_S, seed=seed)
    messages = run.messages
    return Evening(len(messages), int((messages["outcome"] == "dead-lettered").sum()), int(messages["receives"].max()))


def _payment(queue):
    return Service(4, 8, 30.0, calls=[queue], name="payment")


def _crowd(per_s, **knobs):
    return Clients(users=1_000, requests_per_minute=60 * per_s / 1_000, **knobs)


def _wait_s(value):
    wait_s = number(value)
    if not 0 <= wait_s <= LONGEST_HIDDEN_S:
        raise WrongKind(f"You gave {shown(value)}. A wait is from 0 to {LONGEST_HIDDEN_S:,} seconds: SQS hides no "
                        "message for longer.")
    return wait_s
