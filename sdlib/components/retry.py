"""Trying again: one policy for clients, for calls between components and for workers."""

from dataclasses import dataclass, fields

from sdlib.components.base import checked
from sdlib.components.checks import check_number, complain, knob, shown, takes
from sdlib.kernel.retry import BACKOFFS, JITTERS, retry_delay_s


@dataclass(frozen=True)
class Retry:
    """When to try again after a failure, and how often.

    The wait grows from first_s: "exponential" doubles it up to most_s, "zero, then exponential" tries again at once
    first (0, 1, 2, 4, 8, ... s), "constant" keeps it, "none" never waits. A function of your own,
    next_delay_s(attempt), says the wait after this many failures; queues take one. jitter spreads it at random. budget:
    retries are at most this share of the calls, with at most ten saved up.
    """

    times: int = knob(doc="further attempts after a failed one", unit="retries", kind="whole", low=0, high=100,
                      example=3)
    backoff: str = knob("exponential", doc="how the wait grows", kind="choice", choices=BACKOFFS, or_function=True)
    first_s: float = knob(1.0, doc="wait before the first retry", unit="s", low=0.0, high=86_400)
    most_s: float = knob(60.0, doc="longest wait", unit="s", low=0.0, high=86_400)
    jitter: str = knob("none", doc="how the wait is spread at random", kind="choice", choices=JITTERS)
    budget: float = knob(None, doc="retries per call at most, on average", low=0.0, high=10.0, optional=True,
                         example=0.1)

    def __post_init__(self):
        for knob_field in fields(self):
            object.__setattr__(self, knob_field.name, checked("Retry", knob_field, getattr(self, knob_field.name)))
        if self.is_own and not takes(self.backoff, 1):
            complain("Retry", "backoff", self.backoff, "a function of the attempt, or one of "
                     + ", ".join(map(repr, BACKOFFS)), "exponential")
        if self.backoff == "none" and self.jitter != "none":
            raise ValueError(f"Retry(backoff='none', jitter={self.jitter!r}): jitter spreads a wait, and there is "
                             "none; for example backoff='exponential'.")

    @property
    def is_own(self):
        """Whether the waits come from a function of the learner's."""
        return callable(self.backoff)

    @property
    def schedule(self):
        """The backoff's number, as the engines know it."""
        return BACKOFFS.index(self.backoff)

    @property
    def jitter_number(self):
        return JITTERS.index(self.jitter)

    def delays_s(self):
        """The waits before each retry without jitter, in seconds.

        >>> Retry(times=5, backoff="zero, then exponential").delays_s()
        [0.0, 1.0, 2.0, 4.0, 8.0]
        """
        return self.waits_s(self.times)

    def waits_s(self, attempts):
        """The same for so many attempts, however often it tries."""
        wait_s = self._own_wait_s if self.is_own else self._wait_s
        return [wait_s(attempt) for attempt in range(1, attempts + 1)]

    def _wait_s(self, attempt):
        return retry_delay_s(self.schedule, 0, attempt, self.first_s, self.most_s, 0.0, 0.5)

    def _own_wait_s(self, attempt):
        try:
            wait_s = self.backoff(attempt)
        except Exception as problem:
            raise ValueError(f"Retry(backoff={shown(self.backoff)}): it raised {type(problem).__name__} for attempt "
                             f"{attempt}: {problem}") from problem
        return check_number(f"Retry: {shown(self.backoff)}", "its answer", wait_s, low=0.0, high=1e9, example=2.0,
                            unit="s")


NEVER = Retry(times=0)
