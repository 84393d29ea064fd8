"""The workers and senders of the labs of lessons 11 to 13, each in a process that is started again after kill -9.

Run as `python -m sdlib.labs.hands '[PLAN, ...]'`. A plan (dict) has: does ("work" or "send"), port (of the SQS API),
journal (a file), dies (a number -> where in its work the process is killed, once), and

- of a worker: queue (URL), deletes ("after" the work or "before"), work_ms, and what fails: fails_first (numbers -> how
  often), fails_until (a file: fails until it is there, those of `broken`, or all where that is None), retries (after so
  many the worker does not wait any more), most_wait_s (between two tries);
- of a sender: queues (URLs, in their order), count (of customers), repeats (bool: after a start, the customer who was
  interrupted again; or the next).

A number of a plan is a string: JSON knows no other keys.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing.connection import wait
from pathlib import Path

from sdlib.labs.aws import client
from sdlib.labs.journal import Journal

WHEN_EMPTY_S = 0.1                      # until the next look
fork = multiprocessing.get_context("fork")


def next_delay_s(receives, most_wait_s):
    """Exponential backoff: 0, 1, 2, 4, ... s after the first, second, third, fourth try."""
    return min(2 ** (receives - 2), most_wait_s) if receives > 1 else 0


def work(plan):
    """A worker: one message after the other, until somebody ends it."""
    sqs, queue = client("sqs", plan["port"]), plan["queue"]
    while True:
        got = sqs.receive_message(QueueUrl=queue, MessageSystemAttributeNames=["ApproximateReceiveCount"])
        if not got.get("Messages"):
            time.sleep(WHEN_EMPTY_S)
            continue
        message, = got["Messages"]
        handle_message(plan, sqs, message)


def handle_message(plan, sqs, message):
    journal, number = Journal(plan["journal"]), int(message["Body"])
    receives = int(message["Attributes"]["ApproximateReceiveCount"])
    named = {"QueueUrl": plan["queue"], "ReceiptHandle": message["ReceiptHandle"]}
    if plan["deletes"] == "before":
        sqs.delete_message(**named)
    die_at(plan, journal, number, "in the work")
    time.sleep(plan["work_ms"] / 1000)
    if is_failing(plan, number, receives):
        journal.write("failed", number, receives=receives)
        wait_s = next_delay_s(receives, plan["most_wait_s"]) if receives <= plan["retries"] else 0
        sqs.change_message_visibility(VisibilityTimeout=wait_s, **named)
        return
    journal.write("delivered", number, receives=receives)
    die_at(plan, journal, number, "after the work")
    if plan["deletes"] == "after":
        sqs.delete_message(**named)


def is_failing(plan, number, receives):
    if receives <= plan["fails_first"].get(str(number), 0):
        return True
    is_broken = plan["broken"] is None or number in plan["broken"]
    return is_broken and plan["fails_until"] is not None and not Path(plan["fails_until"]).exists()


def send(plan):
    """A sender: for each customer, one message to one queue after the other."""
    sqs, journal = client("sqs", plan["port"]), Journal(plan["journal"])
    first = len(journal.entries("told")) if plan["repeats"] else len(journal.entries("begins"))
    for number in range(first, plan["count"]):
        journal.write("begins", number)
        times_s = [time.monotonic()]
        for place, queue in enumerate(plan["queues"]):
            die_at(plan, journal, number, place)
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
            times_s.append(time.monotonic())
        journal.write("told", number, one_ms=1000 * (times_s[1] - times_s[0]),
                      all_ms=1000 * (times_s[-1] - times_s[0]))
    journal.write("ends", plan["count"])


def die_at(plan, journal, number, place):
    """kill -9 of this process, where the plan says so, and not a second time."""
    if plan["dies"].get(str(number)) == place and number not in journal.numbers("killed"):
        journal.write("killed", number)
        os.kill(os.getpid(), signal.SIGKILL)


def keep_running(plans):
    """Run each plan in a process of its own; one that is killed is started again."""
    def started(plan):
        process = fork.Process(target={"work": work, "send": send}[plan["does"]], args=(plan,))
        process.start()
        return process
    running = {process.sentinel: (process, plan) for plan in plans for process in [started(plan)]}
    while running:
        for sentinel in wait(list(running)):
            process, plan = running.pop(sentinel)
            process.join()
            if process.exitcode == -signal.SIGKILL:
                again = started(plan)
                running[again.sentinel] = again, plan
            elif process.exitcode != 0:
                sys.exit(f"a process of this lab ended by itself, with {process.exitcode}")


if __name__ == "__main__":
    import boto3  # noqa: F401 (once for all the processes)
    keep_running(json.loads(sys.argv[1]))
