"""The clients: who asks, how often, and how patiently."""

import warnings
from dataclasses import dataclass

import numpy as np

from sdlib.components.access_log import AccessLog, read_access_log
from sdlib.components.base import OK, Component, check_number, complain, knob, pairs_of_numbers

BACKOFFS = ("none", "constant", "exponential")
MOST_TIMES = 1_000_000
JITTERS = ("none", "full", "equal", "decorrelated")


@dataclass(frozen=True, eq=False)
class Clients(Component):
    """A crowd of users. Each asks `requests_per_minute` times a minute, independently: a Poisson process.

    profile: ((start_s, factor), ...) multiplies the rate from start_s on, until the next step.
    arrivals_s: exact arrival times to replay instead (see `from_access_log`).
    timeout_s, retries, backoff, jitter: how a client waits and tries again after a failed attempt.
    objects, skew: each request asks for one key of a Zipf distribution with this exponent.
    """

    users: int = knob(doc="people who use the shop", unit="users", kind="whole", low=1, high=1_000_000_000,
                      example=100)
    requests_per_minute: float = knob(4.0, doc="requests of one user", unit="requests per minute", low=1e-6,
                                      high=1e6)
    profile: tuple = knob((), doc="the rate over time, as (start_s, factor) steps", kind="other",
                          example=((0, 1.0), (30, 5.0)))
    timeout_s: float = knob(None, doc="how long a client waits for an answer; None: for ever", unit="s", low=0.001,
                            high=86_400, optional=True, example=5)
    retries: int = knob(0, doc="further attempts after a failed one", unit="retries", kind="whole", low=0, high=100)
    backoff: str = knob("exponential", doc="how the wait before a retry grows", kind="choice", choices=BACKOFFS)
    first_delay_s: float = knob(1.0, doc="wait before the first retry", unit="s", low=0.0, high=86_400)
    max_delay_s: float = knob(60.0, doc="longest wait before a retry", unit="s", low=0.0, high=86_400)
    jitter: str = knob("none", doc="how the wait is spread at random", kind="choice", choices=JITTERS)
    objects: int = knob(10_000, doc="different keys that requests ask for", unit="objects", kind="whole", low=1,
                        high=10_000_000)
    skew: float = knob(0.8, doc="Zipf exponent of the keys' popularity", low=0.0, high=10.0)
    arrivals_s: np.ndarray = knob(None, doc="arrival times to replay, ascending", unit="s", kind="other",
                                  optional=True)
    access_log: AccessLog = knob(None, doc="the log that the arrivals were read from", kind="other", optional=True)

    @property
    def requests_per_second(self):
        """Mean arrival rate without a profile, over all users."""
        return self.users * self.requests_per_minute / 60

    takes_requests = False

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "profile", _steps(self.profile))
        if self.arrivals_s is not None:
            object.__setattr__(self, "arrivals_s", _replay(self.arrivals_s))

    def process(self, here, request):
        """One client with one request: try, judge the answer, wait, try again."""
        while True:
            here.begin_attempt(request)
            if self.timeout_s is None:
                status = yield from here.call(request)
            else:
                status = yield here.answer_or_timeout(request, self.timeout_s)
            if status == OK or request.attempt > self.retries:
                here.finish(request, status)
                return
            request.delay_s = retry_delay_s(BACKOFFS.index(self.backoff), JITTERS.index(self.jitter), request.attempt,
                                            self.first_delay_s, self.max_delay_s, request.delay_s, here.jitter(request))
            yield here.sleep(request, request.delay_s)

    @classmethod
    def from_access_log(cls, path, max_disorder_s=60, **knobs):
        """Clients that ask exactly when a real web server was asked.

        path: an access log in Common or Combined Log Format, plain or gzip; `read_access_log` says what is
        accepted. max_disorder_s: how far lines may lie out of order, 0 to 86,400 s. users is the number of
        different addresses in the log. knobs: any other field. Lines that are malformed, or dated far from all
        others, are left out, counted in `access_log`, and warned about. Raises ValueError for a file that is no
        such log.
        """
        log = read_access_log(path, max_disorder_s)
        for remark in log.remarks():
            warnings.warn(f"{path}: {remark}", stacklevel=2)
        return cls(**{"users": log.clients, "arrivals_s": log.arrivals_s, "access_log": log} | knobs)


def retry_delay_s(backoff, jitter, attempt, first_s, most_s, last_s, draw):
    """How long to wait before the next attempt.

    backoff, jitter: positions in BACKOFFS and JITTERS. attempt: 1 after the first failure. last_s: the wait before.
    draw: a number in (0, 1). "exponential" doubles from first_s; "full" jitter draws from 0 to that, "equal" keeps
    half of it, "decorrelated" draws from first_s to three times the last wait (Brooker 2015).
    """
    if backoff == 0:
        return 0.0
    wait_s = first_s
    if backoff == 2:
        for _ in range(attempt - 1):
            wait_s = min(2.0 * wait_s, most_s)
    wait_s = min(wait_s, most_s)
    if jitter == 1:
        return draw * wait_s
    if jitter == 2:
        return wait_s / 2.0 + draw * wait_s / 2.0
    if jitter == 3:
        last_s = max(last_s, first_s)
        return min(most_s, first_s + draw * (3.0 * last_s - first_s))
    return wait_s


def spike(at_s, seconds, times):
    """A profile: `times` as many requests from at_s on, for so many seconds; then as before."""
    at_s = check_number("spike", "at_s", at_s, low=0, high=1e9, example=20, unit="s")
    seconds = check_number("spike", "seconds", seconds, low=0.001, high=1e9, example=10, unit="s")
    times = check_number("spike", "times", times, low=0, high=MOST_TIMES, example=5)
    return tuple({0.0: 1.0, at_s: times, at_s + seconds: 1.0}.items())


def _steps(profile):
    example = ((0, 1.0), (30, 5.0))
    allowed = f"a list of (start_s, factor) steps, start_s from 0 on and ascending, factor from 0 to {MOST_TIMES:,}"
    steps = pairs_of_numbers(profile)
    if steps is None:
        complain("Clients", "profile", profile, allowed, example)
    starts_s, factors = np.array(steps, float).reshape(-1, 2).T
    is_good = (starts_s >= 0).all() and np.isfinite(starts_s).all() and (np.diff(starts_s) > 0).all()
    if not is_good or not ((factors >= 0) & (factors <= MOST_TIMES)).all() or (len(factors) and not factors.any()):
        complain("Clients", "profile", profile, allowed + ", not all of them 0", example)
    return steps


def _replay(arrivals_s):
    allowed = "a list of at least one finite time, not negative, in ascending order"
    try:
        times = np.array(arrivals_s)
    except ValueError:
        times = np.array(None)
    if times.dtype.kind not in "iuf":
        complain("Clients", "arrivals_s", arrivals_s, allowed, [0.5, 1.2])
    times = times.astype(float)
    if times.ndim != 1 or not len(times) or not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) < 0).any():
        complain("Clients", "arrivals_s", arrivals_s, allowed, [0.5, 1.2])
    times.flags.writeable = False
    return times
