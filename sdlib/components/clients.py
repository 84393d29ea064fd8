"""The clients: who asks, how often, and how patiently."""

import warnings
from dataclasses import dataclass

import numpy as np

from sdlib.components.access_log import AccessLog, read_access_log
from sdlib.components.base import Component
from sdlib.components.calls import check_retry
from sdlib.components.checks import check_number, complain, is_storable, knob, pairs_of_numbers
from sdlib.components.retry import NEVER, Retry
from sdlib.kernel.here import Here
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import OK

MOST_TIMES = 1_000_000
MOST_SHARES = 1_000


class CrowdHere(Here):
    """What a client sees: its attempts, and the end."""

    def attempts(self, client, attempt):
        self.simulation.requests["attempts"][client.request] = attempt

    def finish(self, client, status):
        self.simulation.alive -= 1
        row = self.simulation.requests[client.request]
        row["finished_s"], row["status"] = self.world.now, status
        row["served_by"] = client.server if status == OK else NONE



@dataclass(frozen=True, eq=False)
class Clients(Component):
    """A crowd of users. Each asks `requests_per_minute` times a minute, independently: a Poisson process.

    profile: ((start_s, factor), ...) multiplies the rate from start_s on, until the next step.
    arrivals_s: exact arrival times to replay instead (see `from_access_log`).
    timeout_s, retry: how long a client waits for an answer, and how it tries again after a failed attempt.
    objects, skew: each request asks for one key of a Zipf distribution with this exponent.
    routes, countries, tokens: what a request is about, as (name, share) pairs. greedy_share: of all requests that
    one user sends, beside what everybody sends.
    """

    users: int = knob(doc="people who use the shop", unit="users", kind="whole", low=1, high=1_000_000_000,
                      example=100)
    requests_per_minute: float = knob(4.0, doc="requests of one user", unit="requests per minute", low=1e-6,
                                      high=1e6)
    profile: tuple = knob((), doc="the rate over time, as (start_s, factor) steps", kind="other",
                          example=((0, 1.0), (30, 5.0)))
    timeout_s: float = knob(None, doc="how long a client waits for an answer; None: for ever", unit="s", low=0.001,
                            high=86_400, optional=True, example=5)
    retry: Retry = knob(NEVER, doc="how a client tries again after a failure", kind="other",
                        example="sd.Retry(times=3)")
    objects: int = knob(10_000, doc="different keys that requests ask for", unit="objects", kind="whole", low=1,
                        high=10_000_000)
    skew: float = knob(0.8, doc="Zipf exponent of the keys' popularity", low=0.0, high=10.0)
    routes: tuple = knob((("/", 1.0),), doc="paths that are asked for, as (path, share)", kind="other",
                         example=(("/product", 0.8), ("/order", 0.2)))
    countries: tuple = knob((("IN", 1.0),), doc="where the users are, as (country code, share)", kind="other",
                            example=(("IN", 0.6), ("US", 0.4)))
    tokens: tuple = knob((("valid", 1.0),), doc="tokens that requests carry, as (kind, share)", kind="other",
                         example=(("valid", 0.9), ("expired", 0.1)))
    greedy_share: float = knob(0.0, doc="share of all requests that one user sends", low=0.0, high=0.999, example=0.5)
    arrivals_s: np.ndarray = knob(None, doc="arrival times to replay, ascending", unit="s", kind="other",
                                  optional=True)
    access_log: AccessLog = knob(None, doc="the log that the arrivals were read from", kind="other", optional=True)

    @property
    def requests_per_second(self):
        """Mean arrival rate without a profile, over all users."""
        return self.users * self.requests_per_minute / 60

    takes_requests = False
    hedge_s = None  # a client asks once
    Here = CrowdHere
    actions = {}

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "profile", _steps(self.profile))
        check_retry("Clients", self.retry)
        for name in ("routes", "countries", "tokens"):
            object.__setattr__(self, name, _shares(name, getattr(self, name)))
        if not isinstance(self.access_log, (AccessLog, type(None))):
            complain("Clients", "access_log", self.access_log, "left out: Clients.from_access_log sets it", None)
        if self.arrivals_s is not None:
            object.__setattr__(self, "arrivals_s", _replay(self.arrivals_s))

    def behind(self):
        return ()

    def patience(self, index):
        return None if self.timeout_s is None and not self.retry.times else self

    def process(self, here, request):
        """One client with one request: it calls, as patiently as it is, and that is all."""
        status = yield from here.call(request)
        here.finish(request, status)

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


def _shares(name, pairs):
    """(name, share) pairs, as given: a dict or a list."""
    example = {"routes": (("/product", 0.8), ("/order", 0.2)), "countries": (("IN", 0.6), ("US", 0.4)),
               "tokens": (("valid", 0.9), ("expired", 0.1))}[name]
    allowed = f"at most {MOST_SHARES:,} (name, share) pairs, each name once, shares positive"
    pairs = tuple(pairs.items()) if isinstance(pairs, dict) else pairs
    good = isinstance(pairs, (list, tuple)) and 1 <= len(pairs) <= MOST_SHARES and all(map(_is_share, pairs))
    if not good or len({pair[0] for pair in pairs}) < len(pairs):
        complain("Clients", name, pairs, allowed, example)
    return tuple((pair[0], float(pair[1])) for pair in pairs)


def _is_share(pair):
    return (isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str) and bool(pair[0])
            and is_storable(pair[1]) and 0 < pair[1] < float("inf"))


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
