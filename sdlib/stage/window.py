"""Which part of a run to show: where something happens, slow enough to see, short enough to send."""

import math
from dataclasses import dataclass

import numpy as np

from sdlib.charts.words import number
from sdlib.kernel import trace as codes
from sdlib.kernel.incidents import CRASHED, RESTORED, STOPPED
from sdlib.results import trace_rows
from sdlib.stage.at_work import at_work
from sdlib.stage.on_earth import JOURNEY_ON_SCREEN_S, has_places, journey_s
from sdlib.stage.threads import at_the_machines

SCREEN_S = 20.0  # how long a window plays
SLOWEST, SPEEDS = 0.01, (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
WORK_ON_SCREEN_S, GAP_ON_SCREEN_S = 0.5, 1.5
MOST_ROWS = 16_000
SHARES = tuple(digit * 10**power for power in range(6) for digit in (1, 2, 5))  # one request in so many is drawn
ROWS_A_REQUEST = 8
MOST_BEFORE = 400_000
REQUESTS_LOOKED_AT = 40_000  # a busy stretch is sought among the first so many requests
DOWNS = ("crashed", "stopped")  # the incidents after which a machine serves nobody for a while
MOST_BEFORE_WARM = 25_000  # requests up to the end of a window on a map: more would be traced for longer than it shows
WARM = 0.5  # share of a run after which stores have filled
LEAD, TAIL = 0.75, 0.25  # shares of a window before and after an incident
CHANGE_LEAD = 0.4  # the same before a planned change
PILING_S, PILING_LEAD = 60.0, 0.15  # messages pile up for minutes where a request waits for milliseconds


@dataclass
class Window:
    """from_s, seconds: of the run. speed: simulated seconds per second on screen. why: what is to be seen, in words.
    rows: the trace from 0 to the window's end."""

    from_s: float
    seconds: float
    speed: float
    why: str
    rows: np.ndarray
    look_s: float = None  # when to look for a still picture, as a time of the run; None: two thirds through
    about_s: float = None  # the instant that the window is about, as a time of the run
    one_in: int = 1  # of so many requests one is drawn

    def shorten(self, share):
        """Keep this share of the window: around the instant that it is about, else its beginning."""
        keep_s = self.from_s if self.about_s is None else self.about_s
        end_s = keep_s + share * (self.from_s + self.seconds - keep_s)
        self.from_s = keep_s - share * (keep_s - self.from_s)
        self.seconds = end_s - self.from_s
        self.speed = _nice(max(self.seconds / SCREEN_S, SLOWEST))
        self.rows = self.rows[:np.searchsorted(self.rows["time_s"], end_s, side="right")]

    @property
    def still_s(self):
        """When to look for a still picture, counted from the window's start."""
        return 2 / 3 * self.seconds if self.look_s is None else self.look_s - self.from_s

    def words(self, run):
        """ "0.2 s of the 60 s, 5 times slower"."""
        thinned = f"; one request in {self.one_in:,} is drawn" if self.one_in > 1 else ""
        return f"{number(self.seconds)} s of the {number(run.seconds)} s, {in_words(self.speed)}: {self.why}{thinned}"

    def thin(self):
        """Keep so few of the requests that the window need not be cut."""
        inside = len(self.rows) - np.searchsorted(self.rows["time_s"], self.from_s, side="right")
        self.one_in = next((share for share in SHARES if inside <= share * MOST_ROWS), SHARES[-1])
        self.rows = self.rows[self.rows["request"] % self.one_in <= 0]


def in_words(speed):
    """ "20 times slower", "in real time", "2 times faster"."""
    if speed == 1:
        return "in real time"
    return f"{number(speed)} times faster" if speed > 1 else f"{number(1 / speed)} times slower"


def chosen(run, from_s, seconds, thin=False):
    """The window that somebody asked for, cut to what can be sent; thin: with fewer requests instead."""
    seconds = min(seconds if seconds is not None else SCREEN_S * natural_speed(run), run.seconds - from_s)
    rows = trace_rows.rows_of(run, from_s + seconds)
    return _cut(run, Window(from_s, seconds, _nice(max(seconds / SCREEN_S, SLOWEST)), f"from {number(from_s)} s on",
                            rows), thin)


def interesting(run, thin=False):
    """The window that shows most: the first machine that goes down, else the first planned change, else the busiest
    stretch near the beginning, or where stores stand on a map one in which they have filled; thin: with fewer requests
    rather than cut."""
    down = _first(run, run.incidents[run.incidents["what"].isin(DOWNS)])
    if down is not None:
        return _while_it_piles_up(run, down) if _is_behind_a_queue(run, down) else _around_down(run, down)
    change = _first(run, run.incidents)
    if change is not None:
        return _around_change(run, change)
    return (_warm_stretch if _has_stores_far_away(run) else _busy_stretch)(run, thin)


def natural_speed(run):
    """The speed at which one piece of work takes half a second, on a map one request three seconds, unless
    arrivals are so rare that one would wait."""
    gap_s = run.seconds / max(len(run.records.requests), 1)
    piece_s = journey_s(run) / JOURNEY_ON_SCREEN_S if has_places(run) else work_s(run) / WORK_ON_SCREEN_S
    return _nice(min(max(piece_s, gap_s / GAP_ON_SCREEN_S, SLOWEST), 1.0))


def work_s(run):
    """How long the longest piece of work takes on average, over the stations; 10 ms where nothing was done."""
    takes = np.array([node.component.takes_requests for node in run.nodes])
    stations = run.records.stations
    works = (stations["served"] > 0) & (stations["capacity"] > 0) & takes
    works_s = stations["busy_area"][works] / stations["served"][works]
    return max(float(works_s.max()), 0.001) if len(works_s) else 0.01


def _nice(speed):
    """The speed of the list that is nearest."""
    return min(SPEEDS, key=lambda one: abs(np.log(one / speed)))


def downs_of(run):
    """[(node, down from, until)] of every crash and stop whose end is known, in seconds of the run."""
    table, found = run.records.incidents, []
    restored = table[table["what"] == RESTORED]
    downs = table[np.isin(table["what"], (CRASHED, STOPPED))]
    for node, from_s, until_s in zip(*(downs[name].tolist() for name in ("node", "time_s", "until_s"))):
        backs_s = restored["time_s"][(restored["node"] == node) & (restored["time_s"] >= from_s)]
        until_s = min(until_s, float(backs_s.min())) if len(backs_s) else until_s
        if math.isfinite(until_s):
            found.append((node, from_s, until_s))
    return found


def _with_returns(run, rows):
    """The rows, with one for each machine that serves again; the engine itself has nothing to do at that instant."""
    if not len(rows) or (rows["what"] == codes.UP).any():
        return rows
    last_until_s, returns = {}, []
    for node, _, until_s in downs_of(run):
        last_until_s[node] = max(until_s, last_until_s.get(node, 0.0))
        if until_s == last_until_s[node] and until_s <= rows["time_s"][-1]:
            returns.append((until_s, -1, -1, node, codes.UP, 0))
    if not returns:
        return rows  # NumPy would copy all of them to insert nothing
    returns = np.array(sorted(returns), rows.dtype)
    return np.insert(rows, np.searchsorted(rows["time_s"], returns["time_s"]), returns)


def _first(run, incidents):
    """The first of these incidents that comes after the start. None if there is none, or if so many requests came
    before it that their trace would fill the memory."""
    incidents = incidents[incidents["time_s"] > 0]
    if not len(incidents) or incidents["time_s"].iloc[0] > _time_of(run, MOST_BEFORE):
        return None
    return incidents.iloc[0]


def _time_of(run, requests):
    """When so many requests have arrived; the run's end if they never do."""
    arrived_s = run.records.requests["arrived_s"]
    return float(arrived_s[requests]) if requests < len(arrived_s) else run.seconds


def _around_down(run, down):
    """From where memory begins to fill to a little after the machine went down."""
    down_s, name, verb = float(down["time_s"]), down["station"], "crashes" if down["what"] == "crashed" else "goes down"
    node = [node.name for node in run.nodes].index(name)
    seconds = SCREEN_S * natural_speed(run)
    known_s = min(down_s + max(TAIL * seconds, min(0.35 * down_s, seconds)), run.seconds)
    rows = trace_rows.rows_of(run, known_s)
    filling_s = down_s - _filling_since(*_level(rows, node, down_s))
    lead_s = min(max(LEAD * seconds, 1.1 * filling_s), down_s)
    from_s = max(down_s - lead_s, _earliest(rows, down_s))
    end_s = min(down_s + max(TAIL * seconds, 0.35 * (down_s - from_s)), known_s)
    seconds = end_s - from_s
    speed, just_before_s = _nice(max(seconds / SCREEN_S, SLOWEST)), down_s - 0.002 * seconds
    rows = rows[:np.searchsorted(rows["time_s"], end_s, side="right")]
    why = f"{name} {verb} at {number(down_s)} s"
    return _cut(run, Window(from_s, seconds, speed, why, rows, just_before_s, down_s))


def _is_behind_a_queue(run, down):
    """Whether messages wait for this machine, and no request does."""
    behind = set()
    for node in run.nodes:  # who calls stands before whom it calls
        if node.component.is_asynchronous or node.index in behind:
            behind.update(node.children)
    return any(run.nodes[index].name == down["station"] for index in behind)


def _while_it_piles_up(run, down):
    """From a little before what takes the messages goes down."""
    down_s = float(down["time_s"])
    from_s = max(down_s - PILING_LEAD * PILING_S, 0.0)
    seconds = min(PILING_S, run.seconds - from_s)
    why = f"{down['station']} goes down at {number(down_s)} s"
    rows = trace_rows.rows_of(run, from_s + seconds)
    return _cut(run, Window(from_s, seconds, _nice(max(seconds / SCREEN_S, SLOWEST)), why, rows, about_s=down_s))


def _around_change(run, change):
    """A little before and after something was changed."""
    change_s, seconds = float(change["time_s"]), min(SCREEN_S * natural_speed(run), run.seconds)
    from_s = min(max(change_s - CHANGE_LEAD * seconds, 0.0), run.seconds - seconds)
    rows = trace_rows.rows_of(run, from_s + seconds)
    why = f"{change['station']} is changed at {number(change_s)} s"
    return _cut(run, Window(from_s, seconds, _nice(max(seconds / SCREEN_S, SLOWEST)), why, rows, about_s=change_s))


def _level(rows, node, until_s):
    """(times, how many are inside the node) up to a time."""
    here = rows[(rows["node"] == node) & (rows["time_s"] < until_s)]
    change = (here["what"] == codes.CALLED).astype(int) - (here["what"] == codes.RETURNED)
    return here["time_s"], np.cumsum(change)


def _filling_since(times_s, level):
    """The last time at which the node was at most a tenth as full as at most."""
    calm = np.flatnonzero(level <= 0.1 * max(level.max(initial=1), 1))
    return float(times_s[calm[-1]]) if len(calm) else 0.0


def _earliest(rows, crash_s):
    """The earliest start for which the events up to the crash can be sent."""
    place = int(np.searchsorted(rows["time_s"], crash_s)) - int(0.7 * MOST_ROWS)
    return float(rows["time_s"][place]) if place > 0 else 0.0


def _busy_stretch(run, thin):
    """Around the instant with the longest queues, not later than the first so many requests."""
    table, nodes = run.samples, len(run.nodes)
    seconds = min(SCREEN_S * natural_speed(run), run.seconds)
    load = (table["queue"] + table["busy"]).to_numpy().reshape(-1, nodes).sum(axis=1)
    times_s = table["second"].to_numpy()[::nodes]
    last_s = min(_time_of(run, REQUESTS_LOOKED_AT), run.seconds - seconds / 2)
    within = times_s <= max(last_s, times_s[1])
    peak_s = float(times_s[within][load[within].argmax()])
    from_s = min(max(peak_s - 0.6 * seconds, 0.0), run.seconds - seconds)
    rows = trace_rows.rows_of(run, from_s + seconds)
    return _cut(run, Window(from_s, seconds, _nice(max(seconds / SCREEN_S, SLOWEST)), "its busiest stretch", rows),
                thin)


def _has_stores_far_away(run):
    return any(node.component.place is not None and "hits" in node.component.counts for node in run.nodes)


def _warm_stretch(run, thin):
    """When the stores have filled: at the beginning all is far. A request to the far origin stays in the picture.

    With a large crowd it ends sooner: not later than the first so many requests.
    """
    journey_s = run.measures()["mean_ms"] / 1000 if run.measures()["answered"] else 0.0
    warm_s, last_s = WARM * run.seconds, _time_of(run, MOST_BEFORE_WARM)
    seconds = min(SCREEN_S * max(SLOWEST, journey_s / JOURNEY_ON_SCREEN_S), last_s)
    from_s = max(min(warm_s, last_s - seconds), 0.0)
    why = "its stores have filled" if from_s >= warm_s else "its stores are filling"
    rows = trace_rows.rows_of(run, from_s + seconds)
    return _cut(run, Window(from_s, seconds, _nice(max(seconds / SCREEN_S, SLOWEST)), why, rows), thin)


def _cut(run, window, thin=False):
    """The window without its end, if it holds more events than can be sent; what it is about stays in."""
    if thin:
        window.thin()
    start = int(np.searchsorted(window.rows["time_s"], window.from_s, side="right"))
    limit = start + MOST_ROWS
    if window.about_s is not None:
        limit = max(limit, int(np.searchsorted(window.rows["time_s"], window.about_s, side="right")) + MOST_ROWS // 4)
    if limit < len(window.rows):
        window.seconds = float(window.rows["time_s"][limit]) - window.from_s
        window.rows = window.rows[:limit]
        window.speed = _nice(max(window.seconds / SCREEN_S, SLOWEST))
    window.rows = _with_returns(run, at_work(at_the_machines(window.rows, run.nodes)))
    return window
