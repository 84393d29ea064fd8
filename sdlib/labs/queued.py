"""The lab of lesson 11: the API of SQS, a worker that is killed, retries, a dead-letter queue, and the way back."""

import json
from itertools import pairwise

from sdlib.components.checks import check_number
from sdlib.labs import aws
from sdlib.labs.cloud import COMPONENTS, cloud
from sdlib.labs.hands import next_delay_s
from sdlib.labs.recordings import recorded
from sdlib.labs.tally import Tally, TallyResult
from sdlib.whole import whole

AFTER, BEFORE, TRIED, SENT_BACK = "deleted after", "deleted before", "with retries", "sent back"
HIDDEN_S = 3                       # whose worker was killed is shown again after that; a stall may not be as long
RETRIES = 3                        # the document's ten take 511 s; the first delivery counts, so maxReceiveCount is 4
MAILS, KINDS = 12, 3               # by turn: a good one, one that fails twice, one that fails until it is mended
GOOD, LATE, BAD = (list(range(kind, MAILS, KINDS)) for kind in range(KINDS))
LATE_FAILS = 2
LOST_BEFORE, LOST_AFTER = (f"lost: {label}" for label in (BEFORE, AFTER))
DEAD, STILL_DEAD = f"dead letters: after {RETRIES + 1} tries", f"dead letters: {SENT_BACK}"
MENDED = "mended"
CLOCK_S = 0.05                     # two processes' clocks


class Queued(TallyResult):
    """What was lost, sent twice and laid aside."""

    def counts(self):
        after, before, tried, back = (self.loads[label] for label in (AFTER, BEFORE, TRIED, SENT_BACK))
        return {LOST_BEFORE: before.ends["lost"], LOST_AFTER: after.ends["lost"],
                f"twice: {AFTER}": after.seen["twice"],
                DEAD: tried.ends["dead letters"], STILL_DEAD: back.ends["dead letters"]}

    def simulated(self):
        with whole():
            from sdlib.labs.models import dead_letters, messages_lost
        count = self.loads[AFTER].sent
        (late, late_at_end), (bad, bad_at_end) = (dead_letters(len(numbers), RETRIES, mended_s)
                                                  for numbers, mended_s in ((LATE, 0.5), (BAD, 30)))
        return {LOST_BEFORE: messages_lost(count, "before work"), LOST_AFTER: messages_lost(count, "after work"),
                DEAD: late + bad, STILL_DEAD: late_at_end + bad_at_end}

    def _about(self):
        pauses = self.loads[TRIED].seen
        told = ", ".join(f"{pauses[_pause(retry)]:.1f}" for retry in range(1, RETRIES + 1))
        return (f"The worker set the pause before each retry itself (ChangeMessageVisibility): {told} s were measured, "
                f"0, 1, 2 s asked for. The lab's queue allows {RETRIES} retries, since ten take 511 s. To send dead "
                "letters back SQS has a call, StartMessageMoveTask, which this server lacks: the lab receives them and "
                "sends them again. The simulation has no moment between the work and the deletion, and so none twice.")


@recorded(*COMPONENTS, result=Queued)
def queue(messages=60):
    """Lesson 11: a real queue under the API of SQS (boto3 against moto's server on this machine).

    Two queues of `messages` (20 to 60) with a worker each, which is killed three times: one deletes a message after the
    work and is killed twice in it and once between the two, one deletes it before the work and is killed in it. A third
    queue has retries with exponential backoff and a dead-letter queue, from which the mails go back once their cause is
    mended. Returns a LabResult.
    """
    count = check_number("lab.queue", "messages", messages, low=20, high=60, example=60, unit="messages", whole=True)
    in_work = dict.fromkeys((count // 4, count // 2, 3 * count // 4), "in the work")
    dies = {"after": in_work | {3 * count // 4: "after the work"}, "before": in_work}
    with cloud("real queue on 127.0.0.1") as running:
        sqs = running.sqs
        after, before = (aws.new_queue(sqs, name, HIDDEN_S) for name in ("after", "before"))
        dead = aws.new_queue(sqs, "dead")
        policy = {"deadLetterTargetArn": aws.arn(sqs, dead), "maxReceiveCount": RETRIES + 1}
        tried = aws.new_queue(sqs, "mails", RedrivePolicy=json.dumps(policy))
        for url, numbers in ((after, range(count)), (before, range(count)), (tried, range(MAILS))):
            aws.send_numbers(sqs, url, numbers)
        running.start({"does": "work", "queue": after, "journal": "after.jsonl", "dies": dies["after"]},
                      {"does": "work", "queue": before, "journal": "before.jsonl", "dies": dies["before"],
                       "deletes": "before"},
                      {"does": "work", "queue": tried, "journal": "tried.jsonl", "retries": RETRIES, "broken": BAD,
                       "fails_first": dict.fromkeys(LATE, LATE_FAILS), "fails_until": MENDED})
        journals = {name: running.journal(f"{name}.jsonl") for name in ("after", "before", "tried")}
        queues = {"after": after, "before": before, "tried": tried, "dead": dead}
        tallies = _worked_off(running, journals, count, queues)
        claims = _claims(tallies, journals)
    return Queued(tallies, claims, _sentence(count), axis="the messages")


def _worked_off(running, journals, count, queues):
    """Wait until each queue is worked off, send the dead letters back, wait again; the tallies."""
    def delivered(name):
        return set(journals[name].numbers("delivered"))

    def left(name):
        return aws.depth(running.sqs, queues[name])
    running.wait_until(lambda: len(delivered("after")) == count and left("after") == 0,
                       "the worker that deletes after the work")
    running.wait_until(lambda: len(delivered("before") | set(journals["before"].numbers("killed"))) == count,
                       "the worker that deletes before the work")
    running.wait_until(lambda: len(delivered("tried")) == MAILS - len(BAD) and left("tried") == 0
                       and left("dead") == len(BAD), "the retries")
    tried = Tally(MAILS, _ends(len(delivered("tried")), left("dead"), MAILS), {"twice": 0} | _pauses(journals["tried"]))
    (running.folder / MENDED).touch()
    letters = aws.receive_all(running.sqs, queues["dead"])
    aws.send_numbers(running.sqs, queues["tried"], letters)
    running.wait_until(lambda: len(delivered("tried")) == MAILS and left("tried") == 0, "the way back")
    back = len(delivered("tried") & set(letters))
    return {AFTER: _of_killed(journals["after"], count), BEFORE: _of_killed(journals["before"], count), TRIED: tried,
            SENT_BACK: Tally(len(letters), _ends(back, left("dead"), len(letters)), {"twice": 0})}


def _of_killed(journal, count):
    numbers = journal.numbers("delivered")
    return Tally(count, _ends(len(set(numbers)), 0, count),
                 {"twice": len(numbers) - len(set(numbers)), "killed": len(journal.entries("killed"))})


def _ends(delivered, dead, count):
    return {"delivered": delivered, "dead letters": dead, "lost": count - delivered - dead}


def _pause(retry):
    return f"pause before retry {retry} (s)"


def _tries_s(journal, number):
    """When a mail failed, in order."""
    return [entry["at_s"] for entry in journal.entries("failed") if entry["number"] == number]


def _pauses(journal):
    """The longest pause before each retry."""
    pauses = zip(*([later - earlier for earlier, later in pairwise(_tries_s(journal, number))] for number in BAD))
    return {_pause(retry): max(lengths) for retry, lengths in enumerate(pauses, start=1)}


def _claims(tallies, journals):
    after, before, tried, back = tallies.values()
    first = [entry["number"] for entry in journals["tried"].entries("delivered") if entry["receives"] == 1]
    lengths = [(later - earlier, next_delay_s(retry, RETRIES)) for number in BAD
               for retry, (earlier, later) in enumerate(pairwise(_tries_s(journals["tried"], number)), start=1)]
    return [("every message is accounted for", all(tally.conserved() for tally in tallies.values())),
            ("each worker was killed three times", after.seen["killed"] == before.seen["killed"] == 3),
            ("deleted after the work, none was lost", after.ends["lost"] == 0),
            ("deleted after the work, the one whose worker was killed after the work was delivered twice, and no other",
             after.seen["twice"] == 1),
            ("deleted before the work, those whose worker was killed were lost, and none was delivered twice",
             before.ends["lost"] == 3 and before.seen["twice"] == 0),
            ("the good mails needed one try each", set(GOOD) <= set(first) and len(first) == len(GOOD) + back.sent),
            (f"the bad ones were tried {RETRIES + 1} times each, then laid aside",
             all(len(_tries_s(journals["tried"], number)) == RETRIES + 1 for number in BAD)
             and tried.ends["dead letters"] == len(BAD)),
            ("no retry came before its pause had passed", all(took >= due - CLOCK_S for took, due in lengths)),
            ("mended and sent back, all were delivered", back.ends["delivered"] == back.sent == len(BAD))]


def _sentence(count):
    return (f"A real worker was killed three times over {count} messages. It deleted each after the work: none was "
            "lost, and one was delivered twice. Another deleted each before the work: three were lost. Of "
            f"{MAILS} mails, {len(BAD)} failed {RETRIES + 1} times and went to the dead-letter queue; mended and sent "
            f"back, all {MAILS} were delivered.")
