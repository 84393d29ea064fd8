"""What the event machine knows: records in arrays, one kind for each thing that it moves.

Vocabulary of all that runs on the machine: `m` the state, `who` an entity, `at` a node, `link` the way from one node
to another, `b` and `x` the whole and the real number that an instruction carries.
"""

from typing import NamedTuple

import numpy as np

NONE = -1
index = np.uint32  # an index that is surely not negative spares the machine the question
HELD, INSIDE, PICKED, TRIES, RETURN = range(5)  # what a level of an entity's stack records
GO_ON, WAIT, SLEEP = range(3)  # after an instruction: continue at once; wait for someone else; until a time
RESUME, CRASH = range(2)  # what waits in the ready queue
DELIVERED, DEAD, WAITING, IN_PROGRESS, DROPPED, EXPIRED = range(6)  # a message's outcome

ENTITY = np.dtype([
    ("number", "i8"),  # who it is, for the order of equal times; NONE while the record is free
    ("place", "i8"), ("request", "i4"), ("turn", "i4"),  # what its draws depend on
    ("pc", "i4"), ("status", "i4"), ("top", "i4"),  # its next instruction, the last answer, levels on its stack
    ("token", "i4"),  # changes when what it waits for is called off: older events then find nobody
    ("previous", "i4"), ("next", "i4"), ("waits_at", "i4"),  # its neighbours in a queue, and whose queue it is
    ("server", "i4"), ("delay_s", "f8"),  # the last machine that it was on; how long it sleeps next
    ("awaits", "i8"), ("left", "i4"), ("answer", "i4"),  # the errands it waits for, how many are out, what they said
    ("partner", "i4"), ("partner_number", "i8"),  # an errand's sender and what that awaits; a message's receipt
    ("row", "i4"), ("chosen", "i4")], align=True)  # a message's row, a worker's number; the link that a policy chose
LEVEL = np.dtype([("place", "i8"), ("delay_s", "f8"), ("kind", "i4"), ("value", "i4"),
                  ("about", "i4"),  # the node of a visit; the turn before tries
                  ("previous", "i4"), ("next", "i4"), ("doomed", "i4")], align=True)
NODE = [
    ("changed_s", "f8"), ("busy_area", "f8"), ("queue_area", "f8"), ("down_until_s", "f8"), ("restart_s", "f8"),
    ("served", "i8"), ("refused", "i8"), ("lost", "i8"), ("failed", "i8"), ("crashes", "i8"),
    ("capacity", "i4"), ("busy", "i4"), ("queue", "i4"), ("longest_queue", "i4"), ("head", "i4"), ("tail", "i4"),
    ("limit", "i4"), ("memory", "i4"), ("inside", "i4"), ("first_in", "i4"), ("last_in", "i4"),
    ("first_link", "i4"), ("links", "i4"), ("first_part", "i4"), ("cells_from", "i8"), ("cells", "i8")]
CLOCK = np.dtype([
    ("now", "f8"), ("end_s", "f8"), ("next_sample_s", "f8"), ("sample_every_s", "f8"), ("next_number", "i8"),
    ("seed", "i8"), ("arrival", "i8"), ("traced", "i8"), ("free", "i4"), ("free_count", "i4"), ("heap_size", "i4"),
    ("ready_head", "i4"), ("ready_count", "i4"), ("rows", "i4"), ("incidents", "i4"), ("sample", "i4"),
    ("levels", "i4"), ("margin", "i4"), ("start", "i4"), ("users", "i8"), ("greedy_share", "f8"),
    ("keys_from", "i8"), ("keys", "i8"),
    ("routes_from", "i8"), ("routes", "i8"), ("countries_from", "i8"), ("countries", "i8"), ("tokens_from", "i8"),
    ("tokens", "i8")], align=True)
EVENT = np.dtype([("time", "f8"), ("number", "i8"), ("who", "i4"), ("token", "i4")], align=True)
READY = np.dtype([("who", "i4"), ("token", "i4"), ("kind", "i4")], align=True)
LINK = np.dtype([
    ("entry", "i4"), ("node", "i4"), ("place", "i4"), ("origin", "i4"),  # where it leads, its place there, whence
    ("in_flight", "i4"), ("cores", "i4"), ("out", "i4"), ("calls", "i8"),  # now on the way; cores there; why not in use
    ("weight", "f8"), ("credit", "f8"), ("rest_until_s", "f8"), ("fails", "i4"),  # what a balancer knows of a target
    ("timeout_s", "f8"), ("hedge_s", "f8"), ("retries", "i4"), ("schedule", "i4"), ("jitter", "i4"),
    ("first_s", "f8"), ("most_s", "f8"),
    ("budget", "f8"), ("saved", "f8")], align=True)  # the policy of calls along it; retries that the budget has left
REQUEST = np.dtype([("arrived_s", "f8"), ("finished_s", "f8"), ("served_by", "i4"), ("attempts", "i2"),
                    ("status", "i1")], align=True)
MESSAGE = np.dtype([("sent_s", "f8"), ("done_s", "f8"), ("enqueued_s", "f8"), ("request", "i4"), ("channel", "i4"),
                    ("receives", "i4"), ("times_done", "i4"), ("outcome", "i4")], align=True)
INCIDENT = np.dtype([("time_s", "f8"), ("until_s", "f8"), ("node", "i4"), ("what", "i4")], align=True)
SAMPLE = np.dtype([("queue", "i4"), ("busy", "i4"), ("inside", "i4")])
CELL = np.dtype([("time_s", "f8"), ("amount", "f8"), ("one", "i4"), ("other", "i4")], align=True)


class State(NamedTuple):
    """All that the machine knows; every member an array of records."""

    code: np.ndarray
    links: np.ndarray
    nodes: np.ndarray
    clock: np.ndarray
    entities: np.ndarray
    stack: np.ndarray
    heap: np.ndarray
    ready: np.ndarray
    requests: np.ndarray
    messages: np.ndarray
    samples: np.ndarray
    incidents: np.ndarray
    cells: np.ndarray  # storage that components share out: a cache's keys, a limiter's buckets, alias tables
    book: np.ndarray  # where each of them is, for `view`


_members = [(name, np.ndarray) for name in State._fields]
# The same while every step is written down. A type of its own, so that the other pays nothing for it.
TracedState = NamedTuple("TracedState", [*_members[:-1], ("trace", np.ndarray), _members[-1]])


def node_dtype(kinds):
    """NODE with a record of its own for each kind of component that has `own` state: node.gateway.tokens."""
    own = {kind.own_name: np.dtype(list(kind.own), align=True) for kind in kinds if kind.own}
    return np.dtype([*NODE, *own.items()], align=True)
