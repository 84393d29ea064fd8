"""The cases of the labs of lessons 9 to 13, simulated: their counts, to stand beside the measured ones.

Each case has the arrivals of the real one. Whatever a lab counts that the simulation has no part for is left out.
"""

from itertools import pairwise

import numpy as np

from sdlib.components.clients import Clients
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.providers import MailProvider
from sdlib.components.queue import Queue
from sdlib.components.retry import Retry
from sdlib.components.server import Server
from sdlib.components.topic import Subscription, Topic
from sdlib.components.worker import Worker
from sdlib.engine.schedule import at
from sdlib.results.simulate import simulate

ALWAYS = ((0, 86_400),)
CROWD = {"cpus": 64, "ram_gb": 16, "service_ms": 10}
PAUSE_S = 0.01                          # from kill -9 until the process is up again
EVERY_S = 1.0                           # between two things that happen one after the other


def checkouts_failed(count, per_s, mail_ms, is_down):
    """How many checkouts fail with the mail inside. mail_ms: None for no mail."""
    down = ALWAYS if is_down else ()
    mail = [] if mail_ms is None else [MailProvider(latency_ms=mail_ms, distribution="constant", down=down)]
    run = simulate(Server(calls=mail, **CROWD), _evenly(count, per_s), seconds=count / per_s + 30)
    return int((run.requests["status"] != "ok").sum())


def failed_with_a_balancer(count, per_s, service_ms, balancers, killed_after, tries):
    """How many requests fail when a service's first balancer is killed after so many of them.

    balancers: how many there are. tries: at how many of them a request is tried.
    """
    machine = Server(64, 16, service_ms, distribution="constant")
    pair = [Server(64, 16, 0, calls=[machine], name=f"balancer {number}") for number in range(1, balancers + 1)]
    run = simulate(LoadBalancer(pair, max_fails=1, tries=tries), _evenly(count, per_s), seconds=count / per_s + 5,
                   schedule=[at(killed_after / per_s, "kill", pair[0])])
    return int((run.requests["status"] != "ok").sum())


def mails_gone(count, per_s, mail_ms, is_down=False, killed_after_s=None):
    """How many mails never arrive that a worker sends from memory; killed_after_s: its process, None for never."""
    provider = MailProvider(latency_ms=mail_ms, distribution="constant", down=ALWAYS if is_down else ())
    worker = Worker(work_ms=0, calls=[provider])
    shop = Server(calls=[Queue(worker, in_memory=True)], **CROWD)
    killed = [] if killed_after_s is None else [at(killed_after_s, "kill", worker)]
    run = simulate(shop, _evenly(count, per_s), seconds=count / per_s + count * mail_ms / 1000 + 5, schedule=killed)
    return count - _delivered(run)


def messages_lost(count, delete):
    """How many messages are lost when their worker is killed three times in the work."""
    worker = Worker(work_ms=1000, distribution="constant", delete=delete)
    killed_s = [part * count // 4 + 0.5 for part in (1, 2, 3)]
    run = simulate(Queue(worker), _together(count), seconds=2 * count + 60, schedule=_kills(killed_s, worker))
    return count - _delivered(run)


def dead_letters(count, retries, mended_s):
    """Of `count` mails that fail until mended_s: the dead letters before they are sent back, and at the end."""
    worker = Worker(work_ms=0, calls=[MailProvider(latency_ms=5, distribution="constant", down=((0, mended_s),))])
    queue = Queue(worker, retry=Retry(retries, "zero, then exponential"))
    before = simulate(queue, _together(count), seconds=60)
    after = simulate(queue, _together(count), seconds=60, schedule=[at(max(30, mended_s), "redrive", queue)])
    return _dead(before), _dead(after)


def told(count, killed, begins_again):
    """How many customers are half told, and how many twice, by three queues one after the other.

    killed: customer -> after so many of the three sends payment is killed. begins_again: whether it does so with the
    same customer after its restart.
    """
    def run(schedule):
        return simulate(payment, clients, seconds=count * EVERY_S + 30, schedule=schedule)
    queues = [Queue(Worker(work_ms=0), send_ms=5, name=name) for name in ("first", "second", "third")]
    payment = Server(calls=queues, **CROWD)
    retry = Retry(1 if begins_again else 0, "constant", first_s=0.1)
    clients = Clients(users=count, arrivals_s=EVERY_S * np.arange(1, count + 1), retry=retry)
    sends = run([]).messages.groupby("request")["sent_s"].apply(sorted)
    middles = [np.mean(list(pairwise(sends[customer]))[place - 1]) for customer, place in killed.items()]
    rows = run(_kills(middles, payment)).messages
    times = rows.groupby(["request", "channel"], observed=True).size().unstack(fill_value=0)
    return int(((times == 0).any(axis=1) & (times > 0).any(axis=1)).sum()), int((times > 1).any(axis=1).sum())


def fanned_out(kinds, is_dear):
    """What a topic delivers to mail, WhatsApp, SMS while broken, SMS once mended, and to a queue that nobody reads.

    kinds, is_dear: of each event, whether it is a payment, and whether an SMS wants it. The new queue comes after half.
    """
    count, mended_s = len(kinds), EVERY_S * (len(kinds) + 10)
    delivered = np.zeros(5, int)
    for kind, dear in sorted(set(zip(kinds, is_dear))):           # events of one kind: who wants them does not vary
        numbers = [number for number in range(count) if (kinds[number], is_dear[number]) == (kind, dear)]
        delivered += _delivered_of_a_kind(f"/{kind}", dear, EVERY_S * (1 + np.array(numbers)), count, mended_s)
    return delivered.tolist()


def _delivered_of_a_kind(route, dear, arrivals_s, count, mended_s):
    sms_provider = MailProvider(latency_ms=5, down=((0, mended_s),))
    nobody = Worker(work_ms=5)
    mail, whatsapp = (Queue(Worker(work_ms=5), name=name) for name in ("mail", "WhatsApp"))
    sms = Queue(Worker(work_ms=5, calls=[sms_provider]), retry=Retry(100, "constant", first_s=1), name="SMS")
    orders = Queue(nobody, name="orders")
    topic = Topic([mail, Subscription(whatsapp, routes=["/paid"]), Subscription(sms, share=float(dear)), orders])
    schedule = [at(0, "remove", topic, target=3), at(0, "kill", nobody),
                at(EVERY_S * (count // 2 + 0.5), "add", topic, target=3)]
    clients = Clients(users=len(arrivals_s), arrivals_s=arrivals_s, routes=((route, 1.0),))
    rows = simulate(topic, clients, seconds=mended_s + 60, schedule=schedule).messages
    done = rows[rows["outcome"] == "delivered"]
    early = done["done_s"] < mended_s
    return [int(((done["channel"] == name) & when).sum())
            for name, when in (("mail", early), ("WhatsApp", early), ("SMS", early), ("SMS", True), ("orders", True))]


def _kills(moments_s, component):
    """kill -9 of a process that is started again at once."""
    return [change for at_s in moments_s
            for change in (at(at_s, "kill", component), at(at_s + PAUSE_S, "restore", component))]


def _evenly(count, per_s):
    return Clients(users=count, arrivals_s=np.arange(count) / per_s)


def _together(count):
    return Clients(users=count, arrivals_s=np.zeros(count))


def _delivered(run):
    return int((run.messages["outcome"] == "delivered").sum())


def _dead(run):
    return int((run.messages["outcome"] == "dead-lettered").sum())
