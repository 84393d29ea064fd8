"""How the shop tells its customers that a payment is done, lesson by lesson: what stands behind payment."""

from sdlib.components.calls import Call
from sdlib.components.providers import MailProvider, SmsProvider, WhatsAppProvider
from sdlib.components.queue import Queue
from sdlib.components.retry import Retry
from sdlib.components.service import Service
from sdlib.components.topic import Topic
from sdlib.components.worker import Worker

PROVIDERS = {"mail": MailProvider, "whatsapp": WhatsAppProvider, "sms": SmsProvider}
LIMIT_PER_S = 30.0  # the document's figure for a mail provider; none was found that publishes it
PACE_PER_S = 25.0  # the document's: "25 req per seconds for safer side"
LONGEST_S = 900.0  # so far the waits may double: an hour's outage is outlived


def in_the_request(*, cpus, threads, mail_ms, failure_rate, down, per_s):
    """Step 19: payment asks the notification service, which waits until the provider has accepted the mail."""
    mail = provider("mail", mail_ms, failure_rate, down, per_s)
    return [Call(Service(cpus, 8, 5.0, calls=[mail], threads=threads, name="notification"))]


def in_memory(*, workers, mail_ms, failure_rate, down, per_s):
    """Steps 20 and 21: a worker in the background gets it through a list in memory."""
    mail = provider("mail", mail_ms, failure_rate, down, per_s)
    worker = Worker(workers, 5.0, calls=[mail], name="mail worker")
    return [Queue(worker, in_memory=True, name="list in memory")]


def by_queues(*, channels, workers, retries, pace_per_s, mail_ms, failure_rate, down, per_s, send_ms, knobs=None):
    """Steps 22 to 27: a queue with retries and dead letters for each channel; payment sends to one after another.

    failure_rate, down, per_s: of the mail provider; the other channels are sound. knobs: of the other providers.
    """
    return [channel_queue(channel, workers=workers, retries=retries, pace_per_s=pace_per_s, send_ms=send_ms,
                          behind=provider("mail", mail_ms, failure_rate, down, per_s) if channel == "mail"
                          else PROVIDERS[channel](name=f"{channel} provider", **(knobs or {})))
            for channel in channels]


def by_topic(*, publish_ms, **knobs):
    """Steps 28 to 30: one publish; the queues of the channels have subscribed."""
    return [Topic(by_queues(send_ms=0.0, **knobs), publish_ms=publish_ms, name="payment topic")]


def channel_queue(channel, *, workers, retries, pace_per_s, behind, send_ms=0.0):
    """A channel's queue: waits of 0, 1, 2, 4, 8, ... s between the attempts, then the dead letters."""
    worker = Worker(workers, 5.0, calls=[behind], per_s=pace_per_s, name=f"{channel} worker")
    return Queue(worker, retry=Retry(retries, "zero, then exponential", most_s=LONGEST_S), send_ms=send_ms,
                 name=f"{channel} queue")


def provider(channel, latency_ms, failure_rate, down, per_s):
    return PROVIDERS[channel](latency_ms=latency_ms, failure_rate=failure_rate, down=down, per_s=per_s,
                              name=f"{channel} provider")
