"""A message queue and its workers: work that outlives the request that asked for it."""

from dataclasses import dataclass

from sdlib.components.base import DISTRIBUTIONS, OK, Component, knob


@dataclass(frozen=True, eq=False)
class Worker(Component):
    """A pool of workers that take messages from a queue, one at a time each."""

    takes_requests = False
    shape, shown = "gear", ("count",)

    count: int = knob(1, doc="workers in the pool", unit="workers", kind="whole", low=1, high=10_000)
    work_ms: float = knob(100.0, doc="mean time to work on one message", unit="ms", low=0.0, high=3_600_000)
    distribution: str = knob("exponential", doc="how the work time varies", kind="choice", choices=DISTRIBUTIONS)
    failure_rate: float = knob(0.0, doc="share of attempts that fail", low=0.0, high=1.0, example=0.1)

    @property
    def places(self):
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
        write.consume(self.work_ms, self.distribution, self.failure_rate)


@dataclass(frozen=True, eq=False)
class Queue(Component):
    """Keeps messages until a worker has deleted them: at-least-once delivery.

    A received message is hidden for `visibility_timeout_s`. A worker that succeeds deletes it; otherwise it
    reappears. After `max_receives` it goes to the dead-letter queue instead.
    """

    copies_what_is_behind = True
    shape, shown, is_asynchronous = "envelope", ("max_receives",), True

    worker: Component = knob(doc="who takes the messages", kind="component", example="sd.Worker(count=2)")
    visibility_timeout_s: float = knob(30.0, doc="time a received message stays hidden", unit="s", low=0.001,
                                       high=43_200)
    max_receives: int = knob(11, doc="receives before a message goes to the dead-letter queue", unit="receives",
                             kind="whole", low=1, high=1_000)

    def __post_init__(self):
        super().__post_init__()
        if not isinstance(self.worker, Worker):
            raise ValueError(f"Queue(worker={self.worker!r:.60}): worker must be a sd.Worker; "
                             "for example worker=sd.Worker(count=2).")

    def behind(self):
        return (self.worker,)

    def process(self, here, request):
        """Take the message and let the sender go on at once."""
        here.send(request, self.life)
        return OK
        yield  # a process like the others, though it waits for nothing

    def life(self, here, message):
        """What happens to one message until a worker deletes it."""
        while message.receives < self.max_receives:
            yield here.appear(message)
        here.dead_letter(message)

    def program(self, write):
        """The same as instructions."""
        write.send(self.max_receives)
