"""Workers: they take messages from a queue and do the work, outside of any request."""

import math
from dataclasses import dataclass

import simpy

from sdlib.components.base import Component
from sdlib.components.calls import Caller, as_groups
from sdlib.components.checks import knob
from sdlib.components.message_steps import done, end, fail, give, leave_line
from sdlib.components.messages import MessagesHere
from sdlib.kernel.chance import fail_some
from sdlib.kernel.changes import kill as bring_down
from sdlib.kernel.changes import restore as bring_up
from sdlib.kernel.here import Here
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import has_room, make_ready, retreat, wake_at
from sdlib.kernel.retry import next_turn as _next_turn
from sdlib.kernel.state import DROPPED, GO_ON, NONE, RESUME, WAIT
from sdlib.kernel.statuses import DISTRIBUTIONS, FAILED, LOST, OK
from sdlib.kernel.trace import TAKEN_UP, note

MOST_RECEIVED = 10  # so many messages one receive of SQS brings at most
ROOM_TO_RECEIVE = MOST_RECEIVED + 2
DELETES = ("after work", "before work")


class WorkerHere(Here):
    """What a worker sees: its queue, and whether its pool is up."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.next_s, self.parked, self.duplicates, self.skipped = 0.0, [], 0, 0

    @property
    def queue(self) -> MessagesHere:
        return self.simulation.here[self.node.parent]

    def until_up(self, worker):
        """Nothing while the pool is up; else until it is restored, or its time is over."""
        while self.is_down():
            up = simpy.Event(self.world)
            self.parked.append(up)
            if self.down_until_s < math.inf:
                timer = self.world.wake_at(self.down_until_s, worker.number)
                timer.callbacks.append(lambda _, up=up: self.unpark(up))
            yield up

    def unpark(self, up):
        if up in self.parked:
            self.parked.remove(up)
            up.succeed()

    def receive(self):
        """An event with receipts for what the worker gets: a batch; nothing when the pool is killed."""
        queue, received = self.queue, simpy.Event(self.world)
        if queue.visible:
            received.succeed([queue.take() for _ in range(min(self.component.batch, len(queue.visible)))])
        else:
            queue.idle.append(received)
        return received

    def begin(self, worker, receipt):
        """The worker turns to this message: its draws are those of this message and this receive."""
        message = receipt.message
        worker.request, worker.place = message.request, message.place
        worker.turn = _next_turn(message.turn, receipt.receives)

    def knows(self, receipt):
        """Whether the work was done before: then the message is deleted, and that is all."""
        if not self.component.idempotent or not self.queue.row(receipt.message)["times_done"]:
            return False
        self.skipped += 1
        self.queue.done(receipt)
        return True

    def settle(self, worker, receipt, status):
        """Tell the queue what became of the message."""
        if status == OK:
            row = self.queue.row(receipt.message)
            row["times_done"] += 1
            self.duplicates += row["times_done"] > 1
            self.queue.done(receipt)
        else:
            self.queue.fail(worker, receipt, status)

    def pace(self, worker):
        """Wait for the pool's next turn to send."""
        turn_s = max(self.world.now, self.next_s)
        self.next_s = turn_s + 1 / self.component.per_s
        if turn_s > self.world.now:
            yield self.world.wake_at(turn_s, worker.number)

    def kill(self, entity, b, x):
        """Whoever works loses what it holds. What waits in its memory is lost, too."""
        queue = self.queue
        while queue.idle:
            queue.idle.pop(0).succeed([])
        if queue.component.in_memory:
            while queue.visible:
                queue.end(queue.visible[0], DROPPED)
        super().kill(entity, b, x)

    def restore(self, entity, b, x):
        while self.parked:
            self.parked.pop(0).succeed()
        super().restore(entity, b, x)


# --- on the machine. A worker's `row` is its first cell; what stands there, `give` says.

@jit
def enrol(m, who, at, b, x):
    """A worker's first step: it gets cells for itself and for x messages. b: its queue."""
    own, worker = m.nodes[at].worker, m.entities[who]
    worker.row = m.nodes[at].cells_from + own.enrolled * (2 * int(x) + 1)
    own.enrolled += 1
    own.queue = b
    return GO_ON


@jit
def until_up(m, who, at, b, x):
    """Go on when the pool is up. Who waits for that stands in a list, and its cell's time_s is 1."""
    own, cell, until_s = m.nodes[at].worker, m.cells[m.entities[who].row], m.nodes[at].down_until_s
    if cell.time_s > 0.0:
        unpark(m, own, who)
    if not m.clock[0].now < until_s:
        return GO_ON
    cell.time_s = 1.0
    m.entities[who].next = NONE
    if own.parked_tail == NONE:
        own.parked_head = who
    else:
        m.entities[own.parked_tail].next = who
    own.parked_tail = who
    m.entities[who].pc -= 1
    if until_s < math.inf:
        wake_at(m, until_s, who)
    return WAIT


@jit
def unpark(m, own, who):
    """Out of the list; all wake up in its order, so this one stands near its head."""
    m.cells[m.entities[who].row].time_s = 0.0
    before, one = NONE, own.parked_head
    while one != who:
        before, one = one, m.entities[one].next
    if before == NONE:
        own.parked_head = m.entities[who].next
    else:
        m.entities[before].next = m.entities[who].next
    if own.parked_tail == who:
        own.parked_tail = before


@jit
def receive(m, who, at, b, x):
    """Up to x of the visible messages of queue b; or idle until one appears."""
    if not has_room(m, ROOM_TO_RECEIVE):
        return retreat(m, who)
    queue, cell = m.nodes[b], m.cells[m.entities[who].row]
    own = queue.queue_state
    cell.one, cell.other = 0, 0
    if queue.head == NONE:
        m.entities[who].next = NONE
        if own.idle_tail == NONE:
            own.idle_head = who
        else:
            m.entities[own.idle_tail].next = who
        own.idle_tail = who
        return WAIT
    while queue.head != NONE and cell.one < x:
        message = queue.head
        leave_line(m, message)
        give(m, b, message, who)
    if m.clock[0].ready_count == 0:
        return GO_ON
    make_ready(m, who, m.entities[who].token, RESUME)
    return WAIT


@jit
def turn_to_next(m, who, at, b, x):
    """The next message that it holds; when none is left, on at b. x: 1 where it remembers what was done."""
    worker, own = m.entities[who], m.nodes[at].worker
    cell = m.cells[worker.row]
    while cell.other < cell.one:
        held = worker.row + 1 + 2 * cell.other
        cell.other += 1
        receipt, draws = m.cells[held], m.cells[held + 1]
        row = m.messages[receipt.other]
        if x == 0.0 or row.times_done == 0:
            worker.request, worker.place, worker.turn = row.request, int(draws.amount), draws.one
            note(m, who, TAKEN_UP, at, receipt.other)
            return GO_ON
        own.skipped += 1
        done(m, receipt, own.queue)
    worker.pc = b
    return GO_ON


@jit
def settle(m, who, at, b, x):
    """Tell the queue what became of the message; whoever was killed loses the others that it held, too. On at b."""
    if not has_room(m, ROOM_TO_RECEIVE):
        return retreat(m, who)
    worker, own = m.entities[who], m.nodes[at].worker
    cell = m.cells[worker.row]
    receipt = m.cells[worker.row + 2 * cell.other - 1]
    worker.pc = b
    if worker.status == OK:
        row = m.messages[receipt.other]
        row.times_done += 1
        own.duplicates += int(row.times_done > 1)
        done(m, receipt, own.queue)
        return GO_ON
    if m.clock[0].now < m.nodes[at].down_until_s:
        worker.status = LOST
    fail(m, who, receipt, own.queue)
    while worker.status == LOST and cell.other < cell.one:
        fail(m, who, m.cells[worker.row + 1 + 2 * cell.other], own.queue)
        cell.other += 1
    return GO_ON


@jit
def pace(m, who, at, b, x):
    """Wait for the pool's next turn to send; turns are x seconds apart."""
    own, now = m.nodes[at].worker, m.clock[0].now
    turn_s = max(now, own.next_s)
    own.next_s = turn_s + x
    if turn_s > now:
        wake_at(m, turn_s, who)
        return WAIT
    return GO_ON


@jit
def lost_is_failed(m, who, at, b, x):
    """What was lost behind it is a failure here: only who is killed is lost itself."""
    if m.entities[who].status == LOST:
        m.entities[who].status = FAILED
    return GO_ON


@jit
def kill_workers(m, who, at, b, x):
    """Whoever works loses what it holds. What waits in its memory is lost, too."""
    queue = m.nodes[at].worker.queue
    own = m.nodes[queue].queue_state
    while own.idle_head != NONE:
        if not has_room(m, ROOM_TO_RECEIVE):
            return retreat(m, who)
        idle = own.idle_head
        own.idle_head = m.entities[idle].next
        make_ready(m, idle, m.entities[idle].token, RESUME)
    own.idle_tail = NONE
    while own.in_memory and m.nodes[queue].head != NONE:
        if not has_room(m, ROOM_TO_RECEIVE):
            return retreat(m, who)
        end(m, m.nodes[queue].head, queue, DROPPED)
    return bring_down(m, who, at, b, x)


@jit
def restore_workers(m, who, at, b, x):
    """Up again, now."""
    own = m.nodes[at].worker
    while own.parked_head != NONE:
        if not has_room(m, ROOM_TO_RECEIVE):
            return retreat(m, who)
        parked = m.entities[own.parked_head]
        m.cells[parked.row].time_s = 0.0
        parked.token += 1
        make_ready(m, own.parked_head, parked.token, RESUME)
        own.parked_head = parked.next
    own.parked_tail = NONE
    return bring_up(m, who, at, b, x)


@dataclass(frozen=True, eq=False)
class Worker(Caller, Component):
    """A pool of workers that take messages from a queue: work in the background.

    A worker receives up to `batch` messages and works on them one after another: it computes for `work_ms`, then calls
    what it was given as `calls`, such as a mail provider. If all went well it deletes the message; if not, it says so,
    and the queue's retry decides when the message comes back. delete: "before work" deletes it when it is received:
    then what fails is lost. per_s: the whole pool begins at most so many messages per second, evenly spaced.
    idempotent: a message whose work was done before is deleted without doing it again. Killed, the pool loses what it
    works on; those messages reappear when their visibility timeout ends.
    """

    count: int = knob(1, doc="workers in the pool", unit="workers", kind="whole", low=1, high=10_000)
    work_ms: float = knob(100.0, doc="mean time to work on one message", unit="ms", low=0.0, high=3_600_000)
    distribution: str = knob("exponential", doc="how the work time varies", kind="choice", choices=DISTRIBUTIONS)
    failure_rate: float = knob(0.0, doc="share of attempts that fail", low=0.0, high=1.0, example=0.1)
    calls: tuple = knob((), doc="what is called for each message, one after another", kind="other",
                        example="[sd.MailProvider()]")
    per_s: float = knob(None, doc="messages that the pool begins per second; None: no limit", unit="per second",
                        low=0.001, high=1e6, optional=True, example=25)
    batch: int = knob(1, doc="messages that one receive brings at most", unit="messages", kind="whole", low=1,
                      high=MOST_RECEIVED)
    delete: str = knob("after work", doc="when the message is deleted", kind="choice", choices=DELETES)
    idempotent: bool = knob(False, doc="whether it remembers what was done", kind="flag")

    takes_requests = False
    shape, shown = "gear", ("count", "work_ms", "per_s")
    Here = WorkerHere
    own_name = "worker"
    own = (("enrolled", "i4"), ("parked_head", "i4"), ("parked_tail", "i4"), ("queue", "i4"), ("next_s", "f8"),
           ("duplicates", "i8"), ("skipped", "i8"))
    counts = ("duplicates", "skipped")
    steps = (enrol, until_up, receive, turn_to_next, settle, pace, lost_is_failed)
    actions = {"kill": kill_workers, "restore": restore_workers}

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "groups", as_groups(type(self).__name__, self.calls))
        object.__setattr__(self, "calls", tuple(self.calls))

    @property
    def places(self):
        return self.count

    def cells(self, clients):
        return self.count * (2 * self.batch + 1)

    def fill(self, own, cells, clients):
        own["parked_head"] = own["parked_tail"] = NONE

    def actors(self):
        return self.count

    def act(self, here, worker):
        """One worker, for ever: receive, and work on what it got."""
        while True:
            yield from here.until_up(worker)
            receipts = yield here.receive()
            while receipts:
                receipt = receipts.pop(0)
                if here.knows(receipt):
                    continue
                here.begin(worker, receipt)
                status = yield from here.queue.visit(worker, 0)
                if status != OK and here.is_down():
                    status = LOST
                here.settle(worker, receipt, status)
                while status == LOST and receipts:
                    here.settle(worker, receipts.pop(0), LOST)

    def act_program(self, write):
        """The same as instructions."""
        start = write.do(enrol, write.node.parent, float(self.batch))
        again = write.do(until_up)
        write.do(receive, write.node.parent, float(self.batch))
        turn = write.do(turn_to_next, again, float(self.idempotent))
        write.enter()
        write.do(settle, turn)
        return start

    def process(self, here, worker):
        """The work on one message."""
        with here.places.request() as place:
            yield place
            if self.per_s is not None:
                yield from here.pace(worker)
            yield here.work(worker, self.work_ms, self.distribution)
            if here.fails(worker, self.failure_rate):
                return FAILED
            status = yield from here.call_all(worker, self.indices())
        return FAILED if status == LOST else status

    def program(self, write):
        """The same as instructions."""
        write.acquire()
        if self.per_s is not None:
            write.do(pace, 0, 1 / self.per_s)
        write.work(self.work_ms, self.distribution)
        fails = write.do(fail_some, 0, self.failure_rate)
        write.call_all(self.indices())
        write.do(lost_is_failed)
        write.land(fails)
        write.release()
        write.back()
