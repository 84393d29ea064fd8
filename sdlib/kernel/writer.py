"""What a component says when it describes itself as a program, the instructions that its requests walk through."""

from dataclasses import dataclass, field

import numpy as np

from sdlib.kernel import chance, changes, errands
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import DISTRIBUTIONS

# The machine's own instructions, on the path of every request; those of components follow after them.
(RELEASE, BACK, CALL, WORK, ACQUIRE, CALL_CHOSEN, PUT_BACK, SKIP_IF_FAILED, FINISH, END, COLD) = range(11)
KERNEL_STEPS = (*errands.STEPS, *changes.STEPS, *chance.STEPS)

INSTRUCTION = np.dtype([("op", np.int32), ("at", np.int32), ("b", np.int32), ("x", np.float64)], align=True)
FIELDS = INSTRUCTION.names


@dataclass
class Program:
    """What the machine runs.

    code: INSTRUCTION[...]. entries: where each node's part begins. acts: where those begin that act there by
    themselves. start: where a client begins.
    changes: where each planned change begins. levels: how many things an entity can hold at the same time.
    """

    nodes: list
    code: np.ndarray
    entries: list
    acts: list
    start: int
    changes: list
    levels: int


@dataclass
class Writer:
    """numbers: each step's number among the instructions, by its function."""

    nodes: list
    numbers: dict
    code: list = field(default_factory=list)

    def __post_init__(self):
        self.entries, self.acts, self.needs = [None] * len(self.nodes), [None] * len(self.nodes), [0] * len(self.nodes)
        self.node, self.depth, self.deepest, self.errands, self.most = None, 0, 0, [], 1

    def _add(self, op, b=0, x=0.0, at=None):
        self.code.append([op, self.node.index if at is None else at, b, x])
        return len(self.code) - 1

    def holds(self, levels):
        """Count what the request holds; at the deepest point its stack must have room for it."""
        self.depth += levels
        self.deepest = max(self.deepest, self.depth)

    def write(self, node):
        """The node's entry address; its program is written once, before the program of whoever calls it."""
        if self.entries[node.index] is None:
            for child in node.children:
                self.write(self.nodes[child])
            self._begin(node)
            self.entries[node.index] = len(self.code)
            node.component.program(self)
            self._write_errands()
            self.needs[node.index] = self.deepest
            acts = node.component.act_program(self)
            self.acts[node.index] = self.entries[node.index] if acts is None else acts
        return self.entries[node.index]

    def _begin(self, node):
        self.node, self.depth, self.deepest, self.errands = node, 0, 0, []

    # --- what every component may say

    def acquire(self, part=None):
        """Wait for one of this component's places (or of one of its parts), first come, first served."""
        self.holds(1)
        self._add(ACQUIRE, at=self._pool(part))

    def release(self, part=None):
        """Give the place to whoever waits longest."""
        self.holds(-1)
        self._add(RELEASE, at=self._pool(part))

    def _pool(self, part):
        return self.node.index if part is None else self.node.parts[part]

    def work(self, mean_ms, distribution="constant"):
        """Let time pass: a draw of this request at this place of the system."""
        self._add(WORK, DISTRIBUTIONS.index(distribution), mean_ms / 1000)

    def call(self, index=0):
        """Call what stands behind, at this index, and wait for its status; as patiently as the component is."""
        patience = self.node.component.patience(index)
        link = self.node.first_link + index
        needed = 1 + self.needs[self.node.children[index]]
        if patience is None:
            self._reserve(needed)
            self._add(CALL, link)
            return
        waits_for_ever = patience.timeout_s is None and patience.hedge_s is None
        self.holds(1)
        self.do(errands.begin_tries, link)
        again = self.do(errands.attempt, link, -1.0)
        if waits_for_ever:
            self._reserve(needed)
        else:
            self.errands.append((again, "x", lambda: self._add(CALL, link), needed))
        if patience.hedge_s is not None:
            second = self.do(errands.hedge, link)
            self.errands.append((second, "x", lambda: self._add(CALL, link), needed))
        self.do(errands.judge, link, again)
        self.holds(-1)

    def _reserve(self, levels):
        self.holds(levels)
        self.holds(-levels)

    def call_all(self, groups):
        """One group of calls after another, each a list of indices; those of a group at the same time. The first
        failure ends it."""
        checks = []
        for group in groups:
            if len(group) == 1:
                self.call(group[0])
            else:
                self.call_together(group)
            checks.append(self._add(SKIP_IF_FAILED))
        for check in checks:
            self.land(check)

    def call_together(self, indices):
        """Call all of them at the same time, and wait until the last has returned."""
        self.do(errands.gather, len(indices))
        for index in indices:
            sent = self.do(errands.fork)
            self.errands.append((sent, "b", lambda index=index: self.call(index), 0))
        self.do(errands.join)

    def send_off(self, index, mean_ms):
        """Call it so long after now (exponential), and do not wait for that."""
        def later():
            self.work(mean_ms, "exponential")
            self.call(index)
        self.errands.append((self.do(errands.send_off), "b", later, 0))

    def errand(self, sent, field_name, what_it_does):
        """What an errand does that this instruction sends off, and for which nobody waits, behind all else here; its
        address is the instruction's b or x."""
        self.errands.append((sent, field_name, what_it_does, 0))

    def enter(self):
        """What who acts here does: a visit to this component, along the way that leads to it from its parent."""
        parent = self.nodes[self.node.parent]
        self._add(CALL, parent.first_link + parent.children.index(self.node.index))

    def _write_errands(self):
        """What the errands do, behind the component's own program. An errand may send off others."""
        while self.errands:
            sent, field_name, what_it_does, needed = self.errands.pop(0)
            self.land(sent, field_name)
            own_depth, self.depth, deepest, self.deepest = self.depth, 0, self.deepest, 0
            self._reserve(needed)
            what_it_does()
            self.do(errands.tell)
            self.most = max(self.most, self.deepest)
            self.depth, self.deepest = own_depth, deepest

    def call_chosen(self):
        """Call the target whose link a step has put into entity.chosen."""
        self._reserve(2 + max(self.needs[child] for child in self.node.children))
        self._add(CALL_CHOSEN)
        self._add(PUT_BACK)

    def do(self, step, b=0, x=0.0, at=None):
        """An instruction of the component's own: step(m, who, at, b, x). Returns it, for `land`."""
        return self._add(COLD + self.numbers[step], b, x, at)

    def here(self):
        """The address of what comes next."""
        return len(self.code)

    def land(self, instruction, field_name="b"):
        """Let this instruction's b (or x) be the address of what comes next."""
        self.code[instruction][FIELDS.index(field_name)] = len(self.code)

    def back(self, status=NONE):
        """Return to the caller with this status, or with the one that the last call gave."""
        self._add(BACK, status, float(self.node.component.serves))

    # --- what stands around the system

    def clients(self, node):
        """What each client does: its calls, and the end. Returns where it starts."""
        self._begin(node)
        start = self.here()
        self.call()
        self._add(FINISH)
        self._write_errands()
        self.most = max(self.most, self.deepest)
        return start

    def change(self, step, at, b, x):
        """One planned change. Returns where it starts."""
        self._begin(self.nodes[at])
        start = self.do(step, b, x)
        self._add(END)
        return start

    def finished(self, start, changes):
        """The whole program."""
        code = np.array([tuple(instruction) for instruction in self.code], INSTRUCTION)
        return Program(self.nodes, code, self.entries, self.acts, start, changes, max(self.most, *self.needs) + 1)
