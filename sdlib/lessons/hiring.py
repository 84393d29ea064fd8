"""Mails for workers whose number a learner's policy gives: the trial of lesson 10's medium exercise."""

from typing import NamedTuple

from sdlib.components.clients import Clients
from sdlib.components.providers import MailProvider
from sdlib.components.queue import Queue
from sdlib.components.worker import Worker
from sdlib.results.mails import accepted_percent
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown, whole

OWN_MS = 5.0                     # a worker's own work on a mail, beside the mail provider's time
FEWEST_SOON = 95.0               # percent of the mails that must be accepted in time
SPARE_SHARE = 5                  # with a fifth fewer workers it must be too few
USERS = 1_000
MOST_WORKERS = 10_000
ENOUGH = 1_000                   # more than that behave alike: nobody waits


class Stream(NamedTuple):
    """Mails, and how soon they must be accepted."""

    label: str
    mails_per_s: float
    mail_ms: float
    within_s: float
    seconds: float
    seed: int


class Shift(NamedTuple):
    """What the workers of a policy did."""

    workers: int
    soon_percent: float          # accepted in time
    busy_percent: float
    fewer: int                   # a fifth fewer workers
    fewer_soon_percent: float    # what those would have done


def serve(how_many_workers, stream):
    """The mails with as many workers as the policy wants, and with a fifth fewer."""
    workers = _checked(how_many_workers(stream.mails_per_s, stream.mail_ms, stream.within_s))
    fewer = workers - max(1, workers // SPARE_SHARE)
    soon, busy = _shift(workers, stream)
    fewer_soon = _shift(fewer, stream)[0] if fewer and soon >= FEWEST_SOON else 0.0
    return Shift(workers, soon, busy, fewer, fewer_soon)


def _shift(workers, stream):
    """The share accepted in time, and how busy the workers were, in percent."""
    pool = Worker(min(workers, ENOUGH), work_ms=OWN_MS, calls=[MailProvider(stream.mail_ms)])
    crowd = Clients(users=USERS, requests_per_minute=60 * stream.mails_per_s / USERS)
    run = simulate(Queue(pool, in_memory=True, name="list"), crowd, seconds=stream.seconds, seed=stream.seed)
    busy = run.stations.loc[run.stations["kind"] == "Worker", "utilization"].iloc[0]
    return accepted_percent(run, stream.within_s), 100 * float(busy) * min(workers, ENOUGH) / workers


def _checked(value):
    workers = whole(value)
    if not 1 <= workers <= MOST_WORKERS:
        raise WrongKind(f"You gave {shown(value)}. There can be 1 to {MOST_WORKERS:,} workers.")
    return workers
