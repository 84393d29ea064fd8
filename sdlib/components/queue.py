"""A message queue: it keeps messages until a worker has done their work."""

import math
import operator
from dataclasses import dataclass

from sdlib.components.base import Component, Machine
from sdlib.components.checks import check_number, complain, knob, shown, takes
from sdlib.components.message_steps import A_MESSAGE, OWN, appear, look_at_age, revive, send
from sdlib.components.messages import DEAD_SHELF, MessagesHere, Shelf
from sdlib.components.retry import Retry
from sdlib.components.worker import Worker
from sdlib.kernel.incidents import REDRIVEN, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import has_room, retreat
from sdlib.kernel.state import GO_ON, NONE, SLEEP
from sdlib.kernel.statuses import LOST, OK, STATUSES

MOST_RECEIVES = 1_000
MOST_REDRIVEN_PER_S = 500  # of a redrive of SQS


class QueueHere(MessagesHere):
    """What a queue sees beside its messages: whether a redrive is under way."""

    def redrive(self, entity, b, x):
        """Dead letters become messages again: all at once, or one every x seconds until none is left."""
        if self.is_redriving:
            return
        self.note_incident(REDRIVEN, self.world.now)
        self.is_redriving = True
        self.redrive_next(entity, x)

    def redrive_next(self, entity, pause_s):
        while self.dead:
            self.revive()
            if pause_s:
                self.sleep(entity, pause_s).callbacks.append(lambda _: self.redrive_next(entity, pause_s))
                return
        self.is_redriving = False


@jit
def redrive(m, who, at, b, x):
    """Dead letters become messages again: all at once, or one every x seconds until none is left."""
    own, acting = m.nodes[at].queue_state, m.entities[who]
    if acting.left == 0:
        if own.is_redriving:
            return GO_ON
        own.is_redriving, acting.left = 1, 1
        write_incident(m, at, REDRIVEN, m.clock[0].now)
    while m.nodes[m.nodes[at].first_part + DEAD_SHELF].head != NONE:
        if not has_room(m, A_MESSAGE):
            return retreat(m, who)
        revive(m, at)
        if x > 0.0:
            acting.delay_s = x
            acting.pc -= 1
            return SLEEP
    own.is_redriving = 0
    return GO_ON


@dataclass(frozen=True, eq=False)
class Queue(Component):
    """Keeps messages until a worker has deleted them: at-least-once delivery, as SQS does it.

    A received message is hidden for `visibility_timeout_s`, and reappears then unless it was deleted. retry: how long a
    message whose work failed stays hidden (the worker changes its visibility timeout, which AWS leaves to it).
    After `max_receives` (with a retry one more than its times, else 11) it moves to the dead letters instead, until
    it is redriven. dead_letter: a rule of your own, should_dead_letter(receives, error), where error is a status such
    as "failed". retention_s: how old a message may become, among the dead letters too. in_memory: the queue is a list
    in the worker's process; a message is received once, and what waits there is lost when the worker is killed.
    """

    worker: Component = knob(doc="who takes the messages", kind="component", example="sd.Worker(count=2)")
    visibility_timeout_s: float = knob(30.0, doc="time a received message stays hidden", unit="s", low=0.001,
                                       high=43_200)
    max_receives: int = knob(None, doc="receives before a message goes to the dead letters", unit="receives",
                             kind="whole", low=1, high=MOST_RECEIVES, optional=True, example=11)
    retry: Retry = knob(None, doc="when a message whose work failed comes back; None: after the visibility timeout",
                        kind="other", optional=True, example="sd.Retry(times=10)")
    dead_letter: object = knob(None, doc="a rule of your own, besides max_receives", kind="other", optional=True,
                               example="should_dead_letter")
    delay_s: float = knob(0.0, doc="time from sending until it can be received", unit="s", low=0.0, high=900)
    retention_s: float = knob(None, doc="how old a message may become; None: as old as the run", unit="s", low=0.001,
                              high=1_209_600, optional=True, example=345_600)
    send_ms: float = knob(0.0, doc="mean time that sending takes the sender", unit="ms", low=0.0, high=60_000)
    in_memory: bool = knob(False, doc="whether it is only a list in the worker's process", kind="flag")

    copies_what_is_behind = True
    is_asynchronous = True
    shape, shown = "envelope", ("visibility_timeout_s", "max_receives")
    Here = QueueHere
    own_name, own = "queue_state", OWN
    counts = ("outstanding", "dead_lettered")
    steps = (send, appear, look_at_age)
    actions = Component.actions | {"redrive": redrive}

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.worker, Worker):
            raise ValueError(f"Queue(worker={shown(self.worker)}): worker must be a sd.Worker; "
                             "for example worker=sd.Worker(count=2).")
        if self.retry is not None and not (isinstance(self.retry, Retry) and self.retry.budget is None):
            complain("Queue", "retry", self.retry, "a sd.Retry without a budget", "sd.Retry(times=10)")
        waits_s = () if self.retry is None else (*self.retry.waits_s(self.most_receives - 1), 0.0)
        object.__setattr__(self, "waits_s", waits_s)
        object.__setattr__(self, "shown", () if self.in_memory else type(self).shown)
        object.__setattr__(self, "rules", _rules(self.dead_letter, self.most_receives, self.retry is not None))

    @property
    def most_receives(self):
        """After so many receives a message moves to the dead letters."""
        if self.max_receives is not None:
            return self.max_receives
        return 11 if self.retry is None else self.retry.times + 1

    @property
    def delivers_once(self):
        """Whether a message is gone from the queue as soon as a worker has it."""
        return self.in_memory or self.worker.delete == "before work"

    def gives_up(self, receives, status):
        return bool(self.rules[receives - 1] >> status & 1)

    def behind(self):
        return (self.worker,)

    def machine(self):
        return Machine(count=0)

    def parts(self):
        return (("hidden", Shelf()), ("dead letters", Shelf()))

    def plan(self, action, settings):
        """A redrive moves all dead letters at once, or so many per second."""
        if action != "redrive":
            return super().plan(action, settings)
        per_s = settings.pop("per_s", None)
        if per_s is not None:
            per_s = check_number("at", "per_s", per_s, low=0.001, high=MOST_REDRIVEN_PER_S, example=10,
                                 unit="per second")
        return [(0.0, "redrive", 0, 0.0 if per_s is None else 1 / per_s)]

    def cells(self, clients):
        return self.most_receives

    def fill(self, own, cells, clients):
        own["visibility_s"], own["delay_s"], own["most_receives"] = (self.visibility_timeout_s, self.delay_s,
                                                                     self.most_receives)
        own["retention_s"] = math.inf if self.retention_s is None else self.retention_s
        own["delivers_once"], own["in_memory"] = self.delivers_once, self.in_memory
        own["idle_head"] = own["idle_tail"] = NONE
        cells["one"] = self.rules
        if self.retry is not None:
            own["has_retry"], own["jitter"] = 1, self.retry.jitter_number
            own["first_s"], own["most_s"] = self.retry.first_s, self.retry.most_s
            cells["amount"] = self.waits_s

    def process(self, here, request):
        """Take the message and let the sender go on."""
        if self.send_ms:
            yield here.work(request, self.send_ms, "exponential")
        here.send(request)
        return OK

    def program(self, write):
        """The same as instructions."""
        if self.send_ms:
            write.work(self.send_ms, "exponential")
        sent = write.do(send)
        write.back(OK)
        write.land(sent)
        write.do(appear)
        write.land(sent, "x")
        write.do(look_at_age)


def _rules(rule, most_receives, has_retry):
    """For each count of receives the statuses after which a message moves to the dead letters, as bits of a number.

    With a retry it does so at the last failure, without another wait.
    """
    if rule is not None and not takes(rule, 1, "failed"):
        complain("Queue", "dead_letter", rule, "a function of receives and error", "should_dead_letter")
    errors = [(number, error) for number, error in enumerate(STATUSES) if number > OK and number != LOST]

    def moves(receives, error):
        return has_retry and receives == most_receives or rule is not None and _answer(rule, receives, error)
    return tuple(sum(int(moves(receives, error)) << number for number, error in errors)
                 for receives in range(1, most_receives + 1))


def _answer(rule, receives, error):
    try:
        return operator.truth(rule(receives, error))
    except Exception as problem:
        raise ValueError(f"Queue(dead_letter={shown(rule)}): it raised {type(problem).__name__} for "
                         f"receives={receives}, error={error!r}: {problem}") from problem
