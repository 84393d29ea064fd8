"""The lab of lesson 13: one publish to a real topic, and the queues behind it, each with its filter."""

import json
import statistics
import time
from dataclasses import dataclass, field

from sdlib.components.checks import check_number
from sdlib.labs import aws
from sdlib.labs.cloud import COMPONENTS, cloud
from sdlib.labs.recordings import recorded
from sdlib.labs.tally import Tally, TallyResult
from sdlib.whole import whole

MAIL, WHATSAPP, SMS, ORDERS = "mail", "WhatsApp", "SMS", "orders"
BROKEN, MENDED, NEW = "SMS, broken", "SMS, mended", "orders, unread"
LEAST_TOTAL = 5000                 # rupees, from which on an SMS is sent
FILTERS = {MAIL: None, WHATSAPP: {"kind": ["paid"]}, SMS: {"total": [{"numeric": [">=", LEAST_TOTAL]}]}, ORDERS: None}
MENDED_FILE = "mended"
MOST_WAIT_S = 1                    # between two tries of the broken consumer


class FannedOut(TallyResult):
    """What reached each channel."""

    axis_title = "messages delivered"

    def counts(self):
        return {self._name(label): load.ends["delivered"] for label, load in self.loads.items()}

    def simulated(self):
        with whole():
            from sdlib.labs.models import fanned_out
        kinds, totals = _events(self.loads[MAIL].sent)
        delivered = fanned_out(kinds, [total >= LEAST_TOTAL for total in totals])
        return {self._name(label): count for label, count in zip((MAIL, WHATSAPP, BROKEN, MENDED, NEW), delivered)}

    def _name(self, label):
        return f"{label}: of {self.loads[label].sent - self.loads[label].ends['filtered out']}"

    def _about(self):
        mail_ms, whatsapp_ms = (self.loads[label].seen["p50_ms"] for label in (MAIL, WHATSAPP))
        return (f"Half of the messages were with the customer {mail_ms:.0f} ms (mail) and {whatsapp_ms:.0f} ms "
                "(WhatsApp) after the publish, while no SMS went out. They stood in line: those queues have one reader "
                "each, which takes one message after the other, and all programs share this machine. The queue of the "
                "orders was subscribed after half of the events, and nobody reads it yet: its messages wait.")


@dataclass
class _Published:
    """The events: attributes of each, and when it was published."""

    kinds: list
    totals: list
    at_s: list = field(default_factory=list)

    def wanted(self, channel, first=0):
        """The numbers of the events that pass a channel's filter."""
        passes = {WHATSAPP: lambda number: self.kinds[number] == "paid",
                  SMS: lambda number: self.totals[number] >= LEAST_TOTAL}.get(channel, lambda number: True)
        return {number for number in range(first, len(self.kinds)) if passes(number)}


@recorded(*COMPONENTS, result=FannedOut)
def fan_out(events=30):
    """Lesson 13: a real topic (the API of SNS) before three real queues with filters; one of the readers is broken.

    events: which payment publishes, a call each, 12 to 40; two of three are payments, and the totals run from 0 to
    9,000 rupees. Mail wants all, WhatsApp the payments, SMS those from 5,000 rupees on. After half of the events a
    fourth queue subscribes. Returns a LabResult.
    """
    count = check_number("lab.fan_out", "events", events, low=12, high=40, example=30, unit="events", whole=True)
    published = _Published(*_events(count))
    with cloud("real topic and queues on 127.0.0.1") as running:
        sqs = running.sqs
        topic = running.sns.create_topic(Name="payments")["TopicArn"]
        queues = {channel: aws.new_queue(sqs, channel.lower()) for channel in FILTERS}
        for channel in (MAIL, WHATSAPP, SMS):
            _subscribe(running, topic, queues[channel], FILTERS[channel])
        running.start(*({"does": "work", "queue": queues[channel], "journal": f"{channel}.jsonl"}
                        for channel in (MAIL, WHATSAPP)),
                      {"does": "work", "queue": queues[SMS], "journal": f"{SMS}.jsonl", "broken": None,
                       "fails_until": MENDED_FILE, "retries": 1000, "most_wait_s": MOST_WAIT_S})
        half = count // 2
        _publish(running, topic, published, range(half))
        _subscribe(running, topic, queues[ORDERS], FILTERS[ORDERS])
        _publish(running, topic, published, range(half, count))
        tallies, claims = _followed(running, queues, published, half)
    return FannedOut(tallies, claims, _sentence(published, half), axis="subscriber")


def _events(count):
    """Kind and total of each."""
    numbers = range(count)
    return [("paid", "paid", "shipped")[number % 3] for number in numbers], [1000 * (number % 10) for number in numbers]


def _subscribe(running, topic, queue, wants):
    policy = {} if wants is None else {"FilterPolicy": json.dumps(wants)}
    running.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=aws.arn(running.sqs, queue),
                          Attributes={"RawMessageDelivery": "true"} | policy)


def _publish(running, topic, published, numbers):
    for number in numbers:
        attributes = {"kind": {"DataType": "String", "StringValue": published.kinds[number]},
                      "total": {"DataType": "Number", "StringValue": str(published.totals[number])}}
        published.at_s.append(time.monotonic())
        running.sns.publish(TopicArn=topic, Message=str(number), MessageAttributes=attributes)


def _followed(running, queues, published, half):
    """Wait for mail and WhatsApp, then mend the SMS and wait for them; the tallies and the claims."""
    journals = {channel: running.journal(f"{channel}.jsonl") for channel in (MAIL, WHATSAPP, SMS)}
    wanted = {channel: published.wanted(channel, half if channel == ORDERS else 0) for channel in FILTERS}

    def is_through(channel):
        return (len(set(journals[channel].numbers("delivered"))) >= len(wanted[channel])
                and aws.depth(running.sqs, queues[channel]) == 0)

    def tally(channel, sent):
        numbers = set(journals[channel].numbers("delivered")) if channel in journals else set()
        waiting = aws.depth(running.sqs, queues[channel])
        ends = {"delivered": len(numbers), "waiting": waiting, "filtered out": sent - len(numbers) - waiting}
        return Tally(sent, ends, _times(journals[channel], published) if numbers else {})
    running.wait_until(lambda: is_through(MAIL) and is_through(WHATSAPP) and journals[SMS].entries("failed"),
                       "mail and WhatsApp go out, SMS is broken")
    count = len(published.kinds)
    tallies = {MAIL: tally(MAIL, count), WHATSAPP: tally(WHATSAPP, count), BROKEN: tally(SMS, count)}
    (running.folder / MENDED_FILE).touch()
    running.wait_until(lambda: is_through(SMS), "SMS is mended")
    tallies |= {MENDED: tally(SMS, count), NEW: tally(ORDERS, count - half)}
    delivered = {channel: journal.numbers("delivered") for channel, journal in journals.items()}
    delivered[ORDERS] = aws.receive_all(running.sqs, queues[ORDERS])
    return tallies, _claims(tallies, delivered, wanted)


def _times(journal, published):
    took_s = [entry["at_s"] - published.at_s[entry["number"]] for entry in journal.entries("delivered")]
    return {"p50_ms": 1000 * statistics.median(took_s)}


def _claims(tallies, delivered, wanted):
    return [("every message is accounted for", all(tally.conserved() for tally in tallies.values())),
            *((f"{channel}: what passes the filter came, once, and nothing else",
               sorted(delivered[channel]) == sorted(wanted[channel])) for channel in wanted),
            ("mail and WhatsApp were all through before the first SMS",
             tallies[BROKEN].ends["delivered"] == 0 and tallies[MAIL].ends["waiting"] == 0
             and tallies[WHATSAPP].ends["waiting"] == 0),
            ("the SMS waited meanwhile, and all went out once mended",
             tallies[BROKEN].ends["waiting"] == tallies[MENDED].ends["delivered"] == len(wanted[SMS])),
            ("the new subscriber's messages wait", tallies[NEW].ends["waiting"] == len(wanted[ORDERS]))]


def _sentence(published, half):
    mail, whatsapp, sms = (len(published.wanted(channel)) for channel in (MAIL, WHATSAPP, SMS))
    count = len(published.kinds)
    return (f"Payment published {count} events, a call each. Their filters let {mail} through to mail, {whatsapp} to "
            f"WhatsApp and {sms} to SMS. While SMS was broken, mail and WhatsApp delivered all of theirs and the {sms} "
            f"SMS waited; mended, all {sms} went out. A fourth subscriber, which came after {half} events, has the "
            f"{count - half} later ones, and payment was not touched.")
