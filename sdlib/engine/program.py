"""A system as a program: one short list of instructions that every request walks through.

`translate(system, clients)` asks each component for its part. The vocabulary is the methods of `Writer`; the
compiled machine gives each instruction its meaning.
"""

from dataclasses import dataclass

import numpy as np

from sdlib.components.base import DISTRIBUTIONS, OK
from sdlib.engine.blueprint import blueprint

KEEP_STATUS = 255
LEVELS_A_CALL = 3  # the return, and at most two things held: a place and a picked target, or memory and a core
(LEAVE, BACK, RELEASE, UNPICK,  # these four close what the topmost level of the stack records
 TRY, JUDGE, TELL, CALL, ENTER, ACQUIRE, WORK, SKIP_IF_FAILED, PICK, LOOK_UP, STORE, SEND,
 APPEAR, RECEIVE, REPEAT_IF_FAILED, DELETE) = range(20)

INSTRUCTION = np.dtype([("op", np.int32), ("a", np.int32), ("b", np.int32), ("x", np.float64)], align=True)


@dataclass
class Program:
    """What the machine runs.

    code: INSTRUCTION[...]. targets: node and entry of each balancer's targets, all in a row. entries: where each
    node's part begins. start: where a client begins. levels: how deep a request can be nested.
    """

    nodes: list
    code: np.ndarray
    targets: list
    entries: list
    start: int
    levels: int


class Writer:
    """What a component says when it describes itself as a program."""

    def __init__(self, nodes):
        self.nodes, self.node = nodes, None
        self.code, self.targets = [], []
        self.entries = [None] * len(nodes)

    def _add(self, op, a=0, b=0, x=0.0):
        self.code.append([op, a, b, x])
        return len(self.code) - 1

    def write(self, node):
        """The node's entry address; its program is written once, before the program of whoever calls it."""
        if self.entries[node.index] is None:
            for child in node.children:
                self.write(self.nodes[child])
            self.node, self.entries[node.index] = node, len(self.code)
            node.component.program(self)
        return self.entries[node.index]

    def enter(self):
        """Into a machine: refused while it is down; a crash when memory is full. A failure skips to the end."""
        return self._add(ENTER, self.node.index)

    def leave_and_back(self, failed_from):
        """Out of the machine, whose memory is free again, and back to the caller with the last status."""
        self._add(LEAVE, self.node.index, self.node.index)
        self.code[failed_from][2] = len(self.code)
        self.back()

    def acquire(self):
        """Wait for one of this component's places, first come, first served."""
        self._add(ACQUIRE, self.node.index)

    def release(self):
        """Give the place to whoever waits longest."""
        self._add(RELEASE, self.node.index)

    def work(self, mean_ms, distribution="constant"):
        """Let time pass: a draw of this request at this place of the system."""
        self._add(WORK, 0, DISTRIBUTIONS.index(distribution), mean_ms / 1000)

    def call(self, index=0):
        """Call what stands behind, at this index, and wait for its status."""
        self._add(CALL, self.entries[self.node.children[index]], index)

    def call_all(self):
        """Call everything behind, one after another; the first failure ends it."""
        checks = []
        for index in range(len(self.node.children)):
            self.call(index)
            checks.append(self._add(SKIP_IF_FAILED))
        for check in checks:
            self.code[check][1] = len(self.code)

    def pick_and_call(self, policy_number):
        """Choose one of the targets, and call it."""
        first = len(self.targets)
        self.targets += [(child, self.entries[child]) for child in self.node.children]
        self._add(PICK, self.node.index, first, policy_number)
        self._add(UNPICK, self.node.index)

    def fetch(self):
        """Answer from the cache, or call what stands behind and store its answer."""
        look_up = self._add(LOOK_UP, self.node.index)
        self.call()
        self._add(STORE, self.node.index)
        self.code[look_up][2] = len(self.code)

    def send(self, max_receives):
        """Leave a message here and return. The message goes its own way: it appears, and appears again whenever
        its visibility timeout ends, until it is deleted or dead."""
        self._add(SEND, self.node.index, len(self.code) + 2)
        self.back(OK)
        self._add(APPEAR, self.node.index, max_receives)

    def consume(self, work_ms, distribution, failure_rate):
        """What each worker does for ever: receive, work, and delete the message unless the work failed."""
        start = self._add(RECEIVE, self.node.index, self.node.parent)
        self.work(work_ms, distribution)
        self._add(REPEAT_IF_FAILED, self.node.index, start, failure_rate)
        self._add(DELETE, self.node.index, start)

    def back(self, status=KEEP_STATUS):
        """Return to the caller with this status, or with the one that the last call gave."""
        self._add(BACK, status, self.node.index)

    def clients(self, clients):
        """What each client does: try, judge the answer, wait and try again. Returns where it starts."""
        start = len(self.code)
        patient = clients.timeout_s is None
        self._add(TRY, self.entries[0], 0 if patient else start + 2, clients.timeout_s or 0.0)
        self._add(JUDGE, start)
        if not patient:
            self._add(CALL, self.entries[0])
            self._add(TELL)
        return start


def translate(system, clients):
    """The program of a system under these clients."""
    nodes = blueprint(system)
    writer = Writer(nodes)
    writer.write(nodes[0])
    start = writer.clients(clients)
    code = np.array([tuple(instruction) for instruction in writer.code], INSTRUCTION)
    levels = LEVELS_A_CALL * (longest_path(nodes) + 1)
    return Program(nodes, code, writer.targets, writer.entries, start, levels)


def longest_path(nodes):
    """How many components the longest chain of calls passes; a shared one may stand at several depths."""
    lengths = {}
    for node in reversed(nodes):
        _measure(node, nodes, lengths)
    return lengths[0]


def _measure(node, nodes, lengths):
    for child in node.children:
        if child not in lengths:
            _measure(nodes[child], nodes, lengths)
    lengths[node.index] = 1 + max((lengths[child] for child in node.children), default=0)
