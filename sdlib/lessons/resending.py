"""A payment that notes whom it has told, and a helper whose policy sends what is missing: the trial of lesson 12's
medium exercise."""

import math
from typing import NamedTuple

import numpy as np

from sdlib.teach.kinds import WrongKind, shown

PAYMENTS_PER_S, LASTS_S = 5.0, 60.0
GIVES_UP_S = 10.0      # payment leaves what it has not sent by then
LATEST_S = 30.0        # until everybody must have been told
WATCHED_S = 60         # for so long after a payment the helper looks at its note
NOTE_S = 0.005         # from a send that is done until it is noted
MOST_TWICE_PERCENT = 1.0


class Night(NamedTuple):
    """What payment does in a minute: crashes at these times, and sends that take send_s on average."""

    label: str
    channels: tuple
    send_s: float
    crashes_s: tuple
    seed: int


class Outcome(NamedTuple):
    """What became of the messages."""

    customers: int
    late: int              # customers who were not told on every channel within LATEST_S
    partly: int            # customers who never got some of their messages
    silent: int            # customers who never got any
    messages: int
    twice: int             # messages that were sent more often than once


def serve(what_to_send, night):
    """The minute, and the helper's look at each unfinished note once a second."""
    told = [_told(what_to_send, night, *payment) for payment in _payments(night)]
    sends = [len(times) for customer in told for times in customer.values()]
    missing = [sum(not times for times in customer.values()) for customer in told]
    silent = missing.count(len(night.channels))
    return Outcome(len(told), sum(map(_is_late, told)), len(told) - missing.count(0) - silent, silent, len(sends),
                   sum(times > 1 for times in sends))


def _is_late(customer):
    return any(min(times, default=math.inf) > LATEST_S for times in customer.values())


def _payments(night):
    """For each payment: when in its second it was made, and how long after it each send was done."""
    random = np.random.default_rng(night.seed)
    paid_s = np.cumsum(random.exponential(1 / PAYMENTS_PER_S, int(PAYMENTS_PER_S * LASTS_S)))
    sends_s = np.cumsum(random.exponential(night.send_s, (len(paid_s), len(night.channels))), axis=1)
    for paid, done_s in zip(paid_s, sends_s, strict=True):
        crash_s = min((crash - paid for crash in night.crashes_s if crash > paid), default=math.inf)
        yield paid, np.where(done_s < min(crash_s, GIVES_UP_S), done_s, math.inf), crash_s


def _told(what_to_send, night, paid_s, done_s, crash_s):
    """When each message was sent, by payment or by the helper, in seconds after the payment."""
    times = {name: [float(done)] if done < math.inf else [] for name, done in zip(night.channels, done_s, strict=True)}
    noted_s = {name: done + NOTE_S if done + NOTE_S < crash_s else math.inf
               for name, done in zip(night.channels, done_s, strict=True)}
    for look in range(WATCHED_S):
        age_s = look + math.ceil(paid_s) - paid_s
        sent = [name for name in night.channels if noted_s[name] <= age_s]
        if len(sent) == len(night.channels):
            break
        for name in _names(what_to_send(list(sent), list(night.channels), age_s), night.channels):
            times[name].append(age_s)
            noted_s[name] = min(noted_s[name], age_s)
    return times


def _names(answer, channels):
    """The names that the policy gave, each once."""
    if not isinstance(answer, (list, tuple, set)):
        raise WrongKind(f"You gave {shown(answer)}.")
    unknown = [name for name in answer if name not in channels]
    if unknown:
        raise WrongKind(f"You gave {shown(unknown[0])}, which is not one of the channels {', '.join(channels)}.")
    return list(dict.fromkeys(answer))
