"""The lab of lesson 12: payment tells three real queues, one after the other, and is killed in between."""

import statistics
from collections import Counter

from sdlib.components.checks import check_number
from sdlib.labs import aws
from sdlib.labs.cloud import COMPONENTS, cloud
from sdlib.labs.recordings import recorded
from sdlib.labs.tally import Tally, TallyResult
from sdlib.whole import whole

CHANNELS = ("mail", "WhatsApp", "SMS")
NEXT, AGAIN = "goes on", "begins again"           # what payment does after its restart
KILLS = ((1, 4), (2, 4), (3, 4))                  # at these parts of the customers
PLACES = (1, 2, 1)                                # and after so many of the three sends


class Channels(TallyResult):
    """Who was told half, and who twice."""

    axis_title = "customers"

    def counts(self):
        return {f"{what}: {label}": load.ends[what] if what in load.ends else load.seen[what]
                for label, load in self.loads.items() for what in ("half told", "told twice")}

    def simulated(self):
        with whole():
            from sdlib.labs.models import told
        found = {label: told(load.sent, _dies(load.sent), label == AGAIN) for label, load in self.loads.items()}
        return {f"{what}: {label}": count for label, counts in found.items()
                for what, count in zip(("half told", "told twice"), counts)}

    def _about(self):
        one_ms, all_ms = (self.loads[NEXT].seen[name] for name in ("one_ms", "all_ms"))
        return (f"Half of the customers were told by one queue within {one_ms:.1f} ms and by all three within "
                f"{all_ms:.1f} ms: payment waits for each send. After its restart payment goes on with the next "
                "customer, or begins again with the one whom it was telling.")


@recorded(*COMPONENTS, result=Channels)
def three_queues(customers=20):
    """Lesson 12: three real queues under the API of SQS, and a sender that is killed three times between the sends.

    customers: who pay, one after the other, 8 to 30. Once payment goes on with the next customer after its restart,
    once it begins again with the one it was telling. Returns a LabResult.
    """
    count = check_number("lab.three_queues", "customers", customers, low=8, high=30, example=20, whole=True)
    dies = _dies(count)
    modes = {NEXT: "next", AGAIN: "again"}
    with cloud("three real queues on 127.0.0.1") as running:
        queues = {label: [aws.new_queue(running.sqs, f"{name}-{channel}") for channel in CHANNELS]
                  for label, name in modes.items()}
        running.start(*({"does": "send", "queues": queues[label], "journal": f"{name}.jsonl", "dies": dies,
                         "count": count, "repeats": label == AGAIN} for label, name in modes.items()))
        journals = {label: running.journal(f"{name}.jsonl") for label, name in modes.items()}
        running.wait_until(lambda: all(journal.entries("ends") for journal in journals.values()),
                           "payment tells three queues")
        told = {label: [aws.receive_all(running.sqs, queue) for queue in queues[label]] for label in modes}
        tallies = {label: _tally(journals[label], told[label], count) for label in modes}
    return Channels(tallies, _claims(tallies, told, dies, count), _sentence(dies, count), axis="payment")


def _dies(count):
    """The customers in whose middle payment is killed -> after how many of the three sends."""
    return {part * count // parts: place for (part, parts), place in zip(KILLS, PLACES, strict=True)}


def _tally(journal, told, count):
    by_how_many = Counter(Counter(number for numbers in told for number in set(numbers)).values())
    whole = by_how_many[len(CHANNELS)]
    half = sum(by_how_many.values()) - whole
    twice = {number for numbers in told for number, times in Counter(numbers).items() if times > 1}
    times = {name: statistics.median(entry[name] for entry in journal.entries("told"))
             for name in ("one_ms", "all_ms")}
    return Tally(count, {"told by all": whole, "half told": half, "told by none": count - whole - half},
                 {"told twice": len(twice), "killed": len(journal.entries("killed"))}
                 | {channel: len(numbers) for channel, numbers in zip(CHANNELS, told)} | times)


def _claims(tallies, told, dies, count):
    goes_on, begins_again = tallies[NEXT], tallies[AGAIN]
    expected = [sorted(number for number in range(count) if dies.get(number, len(CHANNELS)) > place)
                for place in range(len(CHANNELS))]
    return [("every customer is accounted for", all(tally.conserved() for tally in tallies.values())),
            ("payment was killed three times", goes_on.seen["killed"] == begins_again.seen["killed"] == len(dies)),
            ("going on, those in whose middle it was killed were half told, and no other",
             [sorted(numbers) for numbers in told[NEXT]] == expected and goes_on.ends["half told"] == len(dies)),
            ("beginning again, all were told by all, and those were told twice, and no other",
             begins_again.ends["told by all"] == count and begins_again.seen["told twice"] == len(dies)),
            ("nobody was told twice without that", goes_on.seen["told twice"] == 0)]


def _sentence(dies, count):
    per_channel = ", ".join(f"{sum(dies.get(number, len(CHANNELS)) > place for number in range(count))} {channel}"
                            for place, channel in enumerate(CHANNELS))
    return (f"Payment told each of {count} customers by three real queues, one after the other, and was killed three "
            f"times in between. It went on with the next customer: three were half told ({per_channel}). It began "
            "again with the same customer: all were told, and three of them twice.")
