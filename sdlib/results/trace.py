"""One request's story, in plain words."""

import math

import pandas as pd

from sdlib.components.checks import check_number, shown
from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import STATUSES
from sdlib.results import trace_rows

NONE = -1
WORDS = {codes.CALLED: "goes in", codes.QUEUED: "waits in the queue", codes.STARTED: "gets a place, work begins",
         codes.FREED: "work is done, gives its place back", codes.GAVE_UP: "stops waiting for this attempt",
         codes.PUBLISHED: "a message is published", codes.VISIBLE: "the message can be received",
         codes.DELETED: "the message is done and deleted",
         codes.DEAD_LETTERED: "the message moves to the dead-letter queue",
         codes.EXPIRED: "the message is too old and is removed", codes.DROPPED: "the message is lost",
         codes.TAKEN_UP: "turns to a message",
         codes.REDRIVEN: "the message is put back into its queue"}


def trace_table(run, request):
    """A row for each thing that happened to a request: when_s (from the run's start), where, what.

    request: its row in `run.requests`. All its attempts, parallel calls and messages are told. ValueError for a
    request that there is not.
    """
    last = len(run.requests) - 1
    if last < 0:
        raise ValueError(f"trace(request={shown(request)}): this run has no requests; simulate longer, "
                         "for example 60 seconds.")
    request = check_number("trace", "request", request, low=0, high=last, example=0, whole=True)
    rows = trace_rows.rows_of(run, _until_s(run, request))
    return _told(run, rows[(rows["request"] == request) & (rows["number"] != NONE)])


def _told(run, rows):
    names = [node.name for node in run.nodes]
    return pd.DataFrame({"when_s": rows["time_s"],
                         "where": [names[node] if node != NONE else "client" for node in rows["node"]],
                         "what": [_said(what, value, names) for what, value in zip(rows["what"].tolist(),
                                                                                   rows["value"].tolist())]})


def story_table(run, message):
    """A row for each thing that happened to a message: when_s (from the run's start), where, what.

    message: its row in `run.messages`. ValueError for a message that there is not.
    """
    last = len(run.messages) - 1
    if last < 0:
        raise ValueError(f"story(message={shown(message)}): this run has no messages; simulate a system with a "
                         "sd.Queue, for example sd.Server(cpus=4, ram_gb=4, calls=[sd.Queue(sd.Worker())]).")
    message = check_number("story", "message", message, low=0, high=last, example=0, whole=True)
    rows = trace_rows.rows_of(run)
    published = rows[(rows["what"] == codes.PUBLISHED) & (rows["value"] == message)]
    return _told(run, rows[rows["number"] == published["number"][0]])


def _until_s(run, request):
    """When its story is over: its messages may outlive it, so with messages only the run's end is late enough."""
    finished_s = run.requests["finished_s"].iloc[request]
    has_more = len(run.messages) or run.requests["attempts"].iloc[request] > 1 or run.clients.timeout_s is not None
    return run.seconds if has_more or finished_s != finished_s else math.nextafter(float(finished_s), math.inf)


def _said(what, value, names):
    if what == codes.SENT:
        return "sends" if value == 1 else f"sends again, attempt {value}"
    if what == codes.RETURNED:
        return f"goes back: {STATUSES[value]}"
    if what == codes.DONE:
        return f"has the answer: {STATUSES[value]}"
    if what == codes.RECEIVED:
        return f"a worker receives the message, time {value}"
    if what == codes.WORK_FAILED:
        return f"the work on it fails: {STATUSES[value]}"
    return WORDS.get(what, "something changes")
