"""What the event machine knows: records in arrays, one kind for each thing that it moves."""

from typing import NamedTuple

import numpy as np

NONE = -1
index = np.uint32  # an index that is surely not negative spares the machine the question
HELD, INSIDE, PICKED, RETURN = range(4)  # what a level of an entity's stack records
GO_ON, WAIT, SLEEP = range(3)  # after an instruction: continue at once; wait for someone else; until a time
RESUME, CRASH = range(2)  # what waits in the ready queue
DELIVERED, DEAD, WAITING, IN_PROGRESS = range(4)  # a message's outcome

ENTITY = np.dtype([
    ("number", "i8"),  # who it is, for the order of equal times; NONE while the record is free
    ("place", "i8"), ("request", "i4"), ("turn", "i4"),  # what its draws depend on
    ("pc", "i4"), ("status", "i4"), ("top", "i4"),  # its next instruction, the last answer, levels on its stack
    ("token", "i4"),  # changes when what it waits for is called off: older events then find nobody
    ("previous", "i4"), ("next", "i4"), ("waits_at", "i4"),  # its neighbours in a queue, and whose queue it is
    ("attempt", "i4"), ("delay_s", "f8"), ("retry_delay_s", "f8"), ("server", "i4"),  # a client, or a planned stop
    ("awaits", "i8"), ("parent", "i4"), ("parent_number", "i8"),  # a client's attempt under way; an attempt's client
    ("row", "i4"), ("holds", "i4")], align=True)  # a message's row; the message that a worker holds
LEVEL = np.dtype([("place", "i8"), ("kind", "i4"), ("value", "i4"), ("previous", "i4"), ("next", "i4"),
                  ("doomed", "i4")], align=True)
NODE = np.dtype([
    ("changed_s", "f8"), ("busy_area", "f8"), ("queue_area", "f8"), ("down_until_s", "f8"), ("restart_s", "f8"),
    ("timeout_s", "f8"), ("ttl_s", "f8"), ("served", "i8"), ("refused", "i8"), ("lost", "i8"), ("crashes", "i8"),
    ("hits", "i8"), ("misses", "i8"), ("turn", "i8"), ("capacity", "i4"), ("busy", "i4"), ("queue", "i4"),
    ("longest_queue", "i4"), ("head", "i4"), ("tail", "i4"), ("limit", "i4"), ("inside", "i4"), ("first_in", "i4"),
    ("last_in", "i4"), ("idle_head", "i4"), ("idle_tail", "i4"), ("keys_from", "i8"), ("newest", "i4"),
    ("oldest", "i4"), ("stored", "i4")], align=True)
CLOCK = np.dtype([
    ("now", "f8"), ("end_s", "f8"), ("next_sample_s", "f8"), ("sample_every_s", "f8"), ("next_number", "i8"),
    ("seed", "i8"), ("arrival", "i8"), ("free", "i4"), ("free_count", "i4"), ("heap_size", "i4"), ("ready_head", "i4"),
    ("ready_count", "i4"), ("rows", "i4"), ("sample", "i4"), ("levels", "i4"), ("margin", "i4"), ("start", "i4"),
    ("retries", "i4"), ("backoff", "i4"), ("jitter", "i4"), ("first_delay_s", "f8"), ("max_delay_s", "f8")],
    align=True)
EVENT = np.dtype([("time", "f8"), ("number", "i8"), ("who", "i4"), ("token", "i4")], align=True)
READY = np.dtype([("who", "i4"), ("token", "i4"), ("kind", "i4")], align=True)
TARGET = np.dtype([("entry", "i4"), ("in_flight", "i4"), ("room", "i4")], align=True)
REQUEST = np.dtype([("arrived_s", "f8"), ("finished_s", "f8"), ("served_by", "i4"), ("attempts", "i2"),
                    ("status", "i1")], align=True)
MESSAGE = np.dtype([("sent_s", "f8"), ("done_s", "f8"), ("channel", "i4"), ("receives", "i4"), ("outcome", "i4")],
                   align=True)
KEY = np.dtype([("expires_s", "f8"), ("newer", "i4"), ("older", "i4")], align=True)
COLUMN = np.dtype([("threshold", "f8"), ("alias", "i8")], align=True)


class State(NamedTuple):
    """All that the machine knows; every member an array of records."""

    code: np.ndarray
    targets: np.ndarray
    nodes: np.ndarray
    clock: np.ndarray
    entities: np.ndarray
    stack: np.ndarray
    heap: np.ndarray
    ready: np.ndarray
    requests: np.ndarray
    messages: np.ndarray
    samples: np.ndarray
    keys: np.ndarray
    popularity: np.ndarray
