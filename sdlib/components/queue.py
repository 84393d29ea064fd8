"""A message queue and its workers: work that outlives the request that asked for it."""

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import simpy

from sdlib.components.base import Component
from sdlib.components.checks import knob, shown
from sdlib.kernel.draws import PART_FAILURE, uniform
from sdlib.kernel.here import Here
from sdlib.kernel.incidents import REDRIVEN, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import free_entity, go_on_first, has_room, make_ready, spawn, wake_at
from sdlib.kernel.retry import next_turn as _next_turn
from sdlib.kernel.state import DEAD, DELIVERED, GO_ON, IN_PROGRESS, NONE, RESUME, WAIT, WAITING
from sdlib.kernel.stations import account, join_queue, leave_queue
from sdlib.kernel.statuses import DISTRIBUTIONS, OK
from sdlib.kernel.trace import DEAD_LETTERED, DELETED, PUBLISHED, RECEIVED, VISIBLE, note
from sdlib.kernel.world import Entity

A_MESSAGE = 2  # room that sending one takes at most, in each array
next_turn = jit(_next_turn)


class Message(Entity):
    """A message on SimPy; `receives` counts how often a worker got it since it was sent or redriven."""

    def __init__(self, number, sender, row):
        super().__init__(number, sender.request, sender.place, sender.turn)
        self.row, self.receives, self.gone, self.hidden = row, 0, False, None


class QueueHere(Here):
    """What a queue sees: its visible messages, its idle workers, its dead letters."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.visible, self.idle, self.dead, self.dead_lettered = [], [], [], 0

    def send(self, request):
        """A new message, with a life of its own."""
        simulation = self.simulation
        message = Message(simulation.next_number(), request, len(simulation.messages))
        simulation.messages.append((self.world.now, np.nan, self.node.index, 0, WAITING))
        self.world.process(self.life(message))

    def life(self, message):
        """What happens to one message until a worker deletes it."""
        while message.receives < self.component.max_receives:
            yield self.appear(message)
        self.dead_letter(message)

    def note(self, message, outcome, done_s=np.nan, received=0):
        sent_s, _, channel, receives, _ = self.simulation.messages[message.row]
        self.simulation.messages[message.row] = (sent_s, done_s, channel, receives + received, outcome)

    def appear(self, message):
        """The message is visible: the worker that is idle longest gets it, or it waits. It comes back as an event
        when its visibility timeout ends."""
        self.account()
        message.hidden = simpy.Event(self.world)
        self.note(message, WAITING)
        if self.idle:
            self.give(message, *self.idle.pop(0))
        else:
            self.visible.append(message)
            self.places.areas.longest_queue = max(self.places.areas.longest_queue, len(self.visible))
        return message.hidden

    def give(self, message, worker, received):
        """A worker receives the message, which hides until its visibility timeout ends."""
        message.receives += 1
        self.note(message, IN_PROGRESS, received=1)
        reappears, hidden = self.sleep(message, self.component.visibility_timeout_s), message.hidden
        reappears.callbacks.append(lambda _: message.gone or hidden.succeed())
        total = self.simulation.messages[message.row][3]
        task = Entity(worker.number, message.request, message.place, _next_turn(message.turn, total))
        task.message = message
        received.succeed(task)

    def delete(self, message):
        """Unless it was deleted or moved away meanwhile."""
        if not message.gone:
            if message in self.visible:
                self.account()
                self.visible.remove(message)
            message.gone = True
            self.note(message, DELIVERED, self.world.now)

    def dead_letter(self, message):
        """It was received too often: it moves to the dead-letter queue."""
        self.dead_lettered += 1
        message.gone = True
        self.dead.append(message)
        self.note(message, DEAD, self.world.now)

    def redrive(self, b, x):
        """All dead letters become messages again, as if they were new."""
        while self.dead:
            message = self.dead.pop(0)
            message.receives, message.gone = 0, False
            self.dead_lettered -= 1
            self.note(message, WAITING)
            self.world.process(self.life(message))
        self.note_incident(REDRIVEN, self.world.now)

    def looked_at(self):
        return len(self.visible), 0, len(self.visits)


class WorkerHere(Here):
    """What a worker sees: its queue, and how many of the pool work."""

    working = 0

    @property
    def queue(self):
        return self.simulation.here[self.node.parent]

    def receive(self, worker):
        """An event with the worker's next task."""
        queue, received = self.queue, simpy.Event(self.world)
        if queue.visible:
            queue.account()
            queue.give(queue.visible.pop(0), worker, received)
        else:
            queue.idle.append((worker, received))
        return received

    @contextmanager
    def busy(self):
        """A worker works."""
        self.account()
        self.working += 1
        yield
        self.account()
        self.working -= 1

    def fails(self, task, failure_rate):
        return self.die(task, PART_FAILURE) < failure_rate

    def delete(self, task):
        self.served += 1
        self.queue.delete(task.message)

    def looked_at(self):
        return 0, self.working, 0


# --- on the machine: a message is an entity that sleeps while it is hidden and stands in the queue while it is visible

@jit
def send(m, who, at, b, x):
    """A new message, whose life begins at b."""
    if not has_room(m, A_MESSAGE):
        m.entities[who].pc -= 1
        go_on_first(m, who)
        return WAIT
    sender, number = m.entities[who], m.clock[0].rows
    message = spawn(m, sender.request, b)
    entity = m.entities[message]
    entity.turn, entity.place, entity.row, entity.left = sender.turn, sender.place, number, 0
    m.clock[0].rows += 1
    row = m.messages[number]
    row.sent_s, row.done_s, row.channel, row.outcome = m.clock[0].now, np.nan, at, WAITING
    note(m, message, PUBLISHED, at, number)
    return GO_ON


@jit
def appear(m, who, at, b, x):
    """The message is visible: the worker that is idle longest gets it, or it waits. After b receives it is dead."""
    message, node = m.entities[who], m.nodes[at]
    message.pc -= 1
    if message.left >= b:
        dead_letter(m, who, at)
        return WAIT
    m.messages[message.row].outcome = WAITING
    note(m, who, VISIBLE, at, message.row)
    account(m, at)
    worker = node.queue_state.idle_head
    if worker == NONE:
        join_queue(m, at, who)
        return WAIT
    node.queue_state.idle_head = m.entities[worker].next
    if node.queue_state.idle_head == NONE:
        node.queue_state.idle_tail = NONE
    give(m, at, who, worker)
    make_ready(m, worker, m.entities[worker].token, RESUME)
    return WAIT


@jit
def dead_letter(m, who, at):
    message, own = m.entities[who], m.nodes[at].queue_state
    row = m.messages[message.row]
    row.outcome, row.done_s = DEAD, m.clock[0].now
    message.next = NONE
    if own.dead_tail == NONE:
        own.dead_head = who
    else:
        m.entities[own.dead_tail].next = who
    own.dead_tail = who
    own.dead_lettered += 1
    note(m, who, DEAD_LETTERED, at, message.row)


@jit
def redrive(m, who, at, b, x):
    """All dead letters become messages again, as if they were new."""
    own = m.nodes[at].queue_state
    while own.dead_head != NONE:
        if not has_room(m, A_MESSAGE):
            m.entities[who].pc -= 1
            go_on_first(m, who)
            return WAIT
        dead = own.dead_head
        message = m.entities[dead]
        own.dead_head = message.next
        if own.dead_head == NONE:
            own.dead_tail = NONE
        own.dead_lettered -= 1
        message.left = 0
        row = m.messages[message.row]
        row.outcome, row.done_s = WAITING, np.nan
        make_ready(m, dead, message.token, RESUME)
    write_incident(m, at, REDRIVEN, m.clock[0].now)
    return GO_ON


@jit
def receive(m, who, at, b, x):
    """A worker takes the first visible message of queue b, or is idle until one appears."""
    worker = m.entities[who]
    if worker.partner == NONE and not take_first(m, b, who):
        worker.pc -= 1
        return WAIT
    account(m, at)
    m.nodes[at].busy += 1
    return GO_ON


@jit
def take_first(m, at, worker):
    """True when the worker has a message and may go on now."""
    node, message = m.nodes[at], m.nodes[at].head
    if message == NONE:
        own = node.queue_state
        m.entities[worker].next = NONE
        if own.idle_tail == NONE:
            own.idle_head = worker
        else:
            m.entities[own.idle_tail].next = worker
        own.idle_tail = worker
        return False
    account(m, at)
    leave_queue(m, message)
    give(m, at, message, worker)
    if m.clock[0].ready_count == 0:
        return True
    make_ready(m, worker, m.entities[worker].token, RESUME)
    return False


@jit
def give(m, at, message, worker):
    """The worker receives the message, which hides until its visibility timeout ends."""
    sent, receiver = m.entities[message], m.entities[worker]
    row = m.messages[sent.row]
    row.receives += 1
    sent.left += 1
    row.outcome = IN_PROGRESS
    receiver.partner, receiver.partner_number = message, sent.number
    receiver.request, receiver.place = sent.request, sent.place
    receiver.turn = next_turn(sent.turn, row.receives)
    note(m, message, RECEIVED, at, row.receives)
    wake_at(m, m.clock[0].now + m.nodes[at].queue_state.visibility_s, message)


@jit
def repeat_if_failed(m, who, at, b, x):
    """With chance x the work failed: the message is left to reappear, and the worker begins again at b."""
    entity = m.entities[who]
    if uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_FAILURE) < x:
        let_go(m, who, at)
        entity.pc = b
    return GO_ON


@jit
def let_go(m, who, at):
    """The worker is free again; returns the message that it held."""
    account(m, at)
    m.nodes[at].busy -= 1
    message = m.entities[who].partner
    m.entities[who].partner = NONE
    return message


@jit
def delete(m, who, at, b, x):
    """The work is done: delete the message, unless it was deleted or moved away meanwhile; begin again at b."""
    message = let_go(m, who, at)
    entity = m.entities[message]
    m.nodes[at].served += 1
    m.entities[who].pc = b
    if entity.number != m.entities[who].partner_number or m.messages[entity.row].outcome == DEAD:
        return GO_ON
    if entity.waits_at != NONE:
        account(m, entity.waits_at)
        leave_queue(m, message)
    row = m.messages[entity.row]
    row.outcome, row.done_s = DELIVERED, m.clock[0].now
    note(m, message, DELETED, row.channel, entity.row)
    free_entity(m, message)
    return GO_ON


@dataclass(frozen=True, eq=False)
class Worker(Component):
    """A pool of workers that take messages from a queue, one at a time each."""

    count: int = knob(1, doc="workers in the pool", unit="workers", kind="whole", low=1, high=10_000)
    work_ms: float = knob(100.0, doc="mean time to work on one message", unit="ms", low=0.0, high=3_600_000)
    distribution: str = knob("exponential", doc="how the work time varies", kind="choice", choices=DISTRIBUTIONS)
    failure_rate: float = knob(0.0, doc="share of attempts that fail", low=0.0, high=1.0, example=0.1)

    takes_requests = False
    shape, shown = "gear", ("count", "work_ms")
    Here = WorkerHere
    steps = (receive, repeat_if_failed, delete)
    actions = {}

    @property
    def places(self):
        return self.count

    def actors(self):
        return self.count

    def process(self, here, worker):
        """One worker, for ever: receive, work, and delete the message unless the work failed."""
        while True:
            task = yield here.receive(worker)
            with here.busy():
                yield here.work(task, self.work_ms, self.distribution)
            if not here.fails(task, self.failure_rate):
                here.delete(task)

    def program(self, write):
        """The same as instructions."""
        start = write.here()
        write.do(receive, write.node.parent)
        write.work(self.work_ms, self.distribution)
        write.do(repeat_if_failed, start, self.failure_rate)
        write.do(delete, start)


@dataclass(frozen=True, eq=False)
class Queue(Component):
    """Keeps messages until a worker has deleted them: at-least-once delivery.

    A received message is hidden for `visibility_timeout_s`. A worker that succeeds deletes it; otherwise it
    reappears. After `max_receives` it moves to the dead-letter queue instead, until it is redriven.
    """

    worker: Component = knob(doc="who takes the messages", kind="component", example="sd.Worker(count=2)")
    visibility_timeout_s: float = knob(30.0, doc="time a received message stays hidden", unit="s", low=0.001,
                                       high=43_200)
    max_receives: int = knob(11, doc="receives before a message goes to the dead-letter queue", unit="receives",
                             kind="whole", low=1, high=1_000)

    copies_what_is_behind = True
    is_asynchronous = True
    shape, shown = "envelope", ("visibility_timeout_s", "max_receives")
    Here = QueueHere
    own_name = "queue_state"
    own = (("idle_head", "i4"), ("idle_tail", "i4"), ("dead_head", "i4"), ("dead_tail", "i4"), ("dead_lettered", "i8"),
           ("visibility_s", "f8"))
    counts = ("dead_lettered",)
    steps = (send, appear)
    actions = Component.actions | {"redrive": redrive}

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.worker, Worker):
            raise ValueError(f"Queue(worker={shown(self.worker)}): worker must be a sd.Worker; "
                             "for example worker=sd.Worker(count=2).")

    def behind(self):
        return (self.worker,)

    def fill(self, own, cells, clients):
        own["visibility_s"] = self.visibility_timeout_s
        for link in ("idle_head", "idle_tail", "dead_head", "dead_tail"):
            own[link] = NONE

    def process(self, here, request):
        """Take the message and let the sender go on at once."""
        here.send(request)
        return OK
        yield  # a process like the others, though it waits for nothing

    def program(self, write):
        """The same as instructions."""
        sent = write.do(send)
        write.back(OK)
        write.land(sent)
        write.do(appear, self.max_receives)
