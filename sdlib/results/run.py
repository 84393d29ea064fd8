"""The result of a simulation, as tables."""

from functools import cached_property

import numpy as np
import pandas as pd

from sdlib.components.checks import check_number, shown
from sdlib.engine.records import SAMPLES, count_names
from sdlib.kernel.incidents import INCIDENTS
from sdlib.kernel.state import DEAD, DELIVERED, DROPPED, EXPIRED, IN_PROGRESS, WAITING
from sdlib.kernel.statuses import FAILED, IN_FLIGHT, LOST, OK, STATUSES, TIMED_OUT, TURNED_AWAY
from sdlib.results.backlog import backlog_table
from sdlib.results.bill import usd_per_month
from sdlib.results.countries import country_table
from sdlib.results.trace import story_table, trace_table

OUTCOMES = ("delivered", "dead-lettered", "waiting", "in progress", "lost", "expired")


class Run:
    """What happened in one simulation. All tables are DataFrames; times in seconds, latencies in milliseconds.

    system, clients, seconds, seed, engine: what was asked. nodes: the components, as `blueprint` lists them.
    Each table that it hands out is the reader's own: whatever is written into it stays there (pandas copies on write).
    """

    def __init__(self, system, plan, seconds, seed, engine, records):
        self.system, self.clients, self.seconds, self.seed, self.engine = system, plan.clients, seconds, seed, engine
        self.records, self.plan, self.nodes, self._summaries = records, plan, plan.nodes, {}

    def __repr__(self):
        return (f"Run: {len(self.records.requests):,} requests of {self.clients.users:,} users in {self.seconds:g} s, "
                f"seed {self.seed}, {self.engine} engine")

    @property
    def requests(self):
        """A row per request: arrived_s, finished_s, latency_ms, status, route, country, served_by, attempts.

        finished_s and latency_ms are NaN while in flight. served_by: the server that answered.
        """
        return self._requests.copy(deep=False)

    @cached_property
    def _requests(self):
        rows = self.records.requests.view()
        rows.flags.writeable = False  # the columns are the records themselves: 24 bytes a request less than a copy
        names = [node.name for node in self.nodes]
        return pd.DataFrame({
            "arrived_s": rows["arrived_s"], "finished_s": rows["finished_s"],
            "latency_ms": (rows["finished_s"] - rows["arrived_s"]) * 1000,
            "status": pd.Categorical.from_codes(rows["status"], STATUSES),
            "route": self._attribute("routes", self.clients.routes),
            "country": self._attribute("countries", self.clients.countries),
            "served_by": pd.Categorical.from_codes(rows["served_by"], names), "attempts": rows["attempts"],
        }, copy=False)

    def _attribute(self, name, pairs):
        """What each request is about: computed from seed and request, as the engines do."""
        codes = self.plan.attributes.column(name, self.seed, len(self.records.requests))
        return pd.Categorical.from_codes(codes, [text for text, _ in pairs])

    @cached_property
    def traffic(self):
        """A row per way between components: caller, called, calls."""
        nodes = [self.plan.client_node, *self.nodes]
        ways = [(node.name, self.nodes[child].name) for node in nodes for child in node.children]
        table = pd.DataFrame(ways, columns=["caller", "called"])
        table["calls"] = self.records.calls
        return table

    @cached_property
    def incidents(self):
        """A row per crash and scheduled change: time_s, station, what, until_s (when it serves again)."""
        rows, names = self.records.incidents, [node.name for node in self.nodes]
        return pd.DataFrame({"time_s": rows["time_s"], "station": pd.Categorical.from_codes(rows["node"], names),
                             "what": pd.Categorical.from_codes(rows["what"], INCIDENTS), "until_s": rows["until_s"]})

    @property
    def messages(self):
        """A row per message: channel, sent_s, done_s, receives, outcome, request, times_done.

        channel: its queue. done_s: when it was delivered, dead-lettered, lost or expired; NaN before. request: the row
        of the request that sent it. times_done: how often its work was done, twice where it was delivered twice.
        """
        return self._messages.copy(deep=False)

    @cached_property
    def _messages(self):
        rows = self.records.messages
        names = [node.name for node in self.nodes]
        return pd.DataFrame({
            "channel": pd.Categorical.from_codes(rows["channel"], names), "sent_s": rows["sent_s"],
            "done_s": rows["done_s"], "receives": rows["receives"],
            "outcome": pd.Categorical.from_codes(rows["outcome"], OUTCOMES), "request": rows["request"],
            "times_done": rows["times_done"]})

    @property
    def stations(self):
        """A row per component: kind, capacity, utilization (0 to 1), mean_queue, max_queue, served, refused,
        lost, failed, crashes, and what single kinds count, such as hits and misses."""
        return self._stations.copy(deep=False)

    @cached_property
    def _stations(self):
        stations = self.records.stations
        capacity = stations["capacity"]
        table = pd.DataFrame({
            "kind": [node.kind for node in self.nodes], "capacity": capacity,
            "utilization": stations["busy_area"] / np.maximum(capacity, 1) / self.seconds,
            "mean_queue": stations["queue_area"] / self.seconds, "max_queue": stations["longest_queue"]},
            index=pd.Index([node.name for node in self.nodes], name="station"))
        for name in ("served", "refused", "lost", "failed", "crashes", *count_names(self.nodes)):
            table[name] = stations[name]
        return table

    @property
    def samples(self):
        """Every component looked at on an even grid: second, station, queue, busy, in_flight (long form)."""
        return self._samples.copy(deep=False)

    @cached_property
    def _samples(self):
        counts = self.records.samples.reshape(-1, 3)
        names = [node.name for node in self.nodes]
        return pd.DataFrame({
            "second": np.repeat(np.arange(SAMPLES) * (self.seconds / SAMPLES), len(names)),
            "station": pd.Categorical.from_codes(np.tile(np.arange(len(names)), SAMPLES), names),
            "queue": counts[:, 0], "busy": counts[:, 1], "in_flight": counts[:, 2]})

    def timeline(self, every_s=None):
        """A row per `every_s` seconds (1, unless the run is shorter).

        second, sent, answered, failed, throughput_per_s, error_percent, p50_ms, p95_ms, p99_ms, in_system (at the end
        of the bin). A request counts as sent in the bin in which it arrives, as answered or failed in that in which it
        ends. The latencies are those of what was answered then, NaN if nothing was: what failed or still waits is not
        in them, so read them beside error_percent and in_system.
        """
        return pd.DataFrame(self.bins(min(1.0, self.seconds) if every_s is None else every_s))

    def bins(self, every_s):
        """The columns of `timeline` as arrays: a dictionary, which is quicker to make."""
        every_s = check_number("timeline", "every_s", every_s, low=self.seconds / 100_000, high=self.seconds,
                               example=1.0, unit="s")
        rows = self.records.requests
        bins = int(np.ceil(self.seconds / every_s - 1e-9))
        done, ok = rows["status"] != IN_FLIGHT, rows["status"] == OK
        starts_s = np.arange(bins) * every_s
        sent = np.diff(np.searchsorted(rows["arrived_s"], starts_s), append=len(rows))
        bin_of = _bin_of(rows["finished_s"][ok], starts_s)
        answered = np.bincount(bin_of, minlength=bins)
        failed = np.bincount(_bin_of(rows["finished_s"][done & ~ok], starts_s), minlength=bins)
        lengths_s = np.minimum(starts_s + every_s, self.seconds) - starts_s
        return {"second": starts_s, "sent": sent, "answered": answered, "failed": failed,
                "throughput_per_s": answered / lengths_s,
                "error_percent": 100 * failed / np.maximum(answered + failed, 1),
                **_latency_quantiles(self._latency_ms, bin_of, answered),
                "in_system": np.cumsum(sent - answered - failed)}

    def summary(self, after_s=0.0):
        """The run in one row. after_s leaves out what happened before, while the queues were still filling.

        sent: requests that arrived from after_s on. answered, failed: those that ended from after_s on, whenever they
        had arrived, as the bins of `timeline` count them. in_flight: without an end when the run was over.
        throughput_per_s: answered per second. error_percent: failed of failed and answered. percent_answered: answered
        of answered, failed and in flight; it is the share of requests that the latencies speak of.
        mean_ms, p50_ms, p95_ms, p99_ms: of the answered alone, NaN where nothing was. busiest: a component, and
        utilization_percent, its, over the whole run, after_s or not. usd_per_month: NaN where a price is not known.
        """
        row = self.measures(after_s)
        del row["p99_limits_ms"]
        return pd.DataFrame([row])

    @cached_property
    def _latency_ms(self):
        """The latencies of what was answered, in the order of the requests."""
        rows = self.records.requests
        ok = rows["status"] == OK
        return (rows["finished_s"][ok] - rows["arrived_s"][ok]) * 1000

    @cached_property
    def ascending_ms(self):
        """The latencies of what was answered, ascending."""
        ascending_ms = np.sort(self._latency_ms)
        ascending_ms.flags.writeable = False
        return ascending_ms

    def measures(self, after_s=0.0):
        """`summary` as a dictionary, which is quicker to make; with p99_limits_ms, how far chance alone moves the p99.

        The limits hold 95 of 100 times for requests that do not know of each other (order statistics; Conover 1999,
        3.2). Neighbours in a queue do: then chance moves it further.
        """
        after_s = check_number("summary", "after_s", after_s, low=0, high=self.seconds, example=10, unit="s")
        if after_s not in self._summaries:
            self._summaries[after_s] = self._summarize(after_s)
        return dict(self._summaries[after_s])

    def _summarize(self, after_s):
        rows = self.records.requests
        in_flight = int(np.sum(rows["status"] == IN_FLIGHT))
        sent = len(rows) - int(np.searchsorted(rows["arrived_s"], after_s))
        ended = rows["status"] != IN_FLIGHT
        if after_s:
            ended &= rows["finished_s"] >= after_s
        ok = ended & (rows["status"] == OK)
        answered = int(np.sum(ok))
        failed = int(np.sum(ended)) - answered
        latency_ms = (rows["finished_s"][ok] - rows["arrived_s"][ok]) * 1000 if after_s else self._latency_ms
        ascending_ms = np.sort(latency_ms) if after_s else self.ascending_ms
        p50, p95, p99, *limits_ms = _quantiles(ascending_ms)
        busy_s = self.records.stations["busy_area"] / np.maximum(self.records.stations["capacity"], 1)
        busiest = int(np.argmax(busy_s))
        concerned = answered + failed + in_flight
        return {
            "sent": sent, "answered": answered, "failed": failed, "in_flight": in_flight,
            "throughput_per_s": answered / (self.seconds - after_s) if self.seconds > after_s else np.nan,
            "error_percent": 100 * failed / max(answered + failed, 1),
            "percent_answered": 100 * answered / concerned if concerned else np.nan,
            "mean_ms": latency_ms.mean() if answered else np.nan, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99,
            "busiest": self.nodes[busiest].name, "utilization_percent": 100 * (busy_s[busiest] / self.seconds),
            "usd_per_month": usd_per_month(self.system), "p99_limits_ms": tuple(limits_ms)}

    def trace(self, request):
        """One request's story as a table: when_s, where, what. request: its row in `requests`."""
        return trace_table(self, request)

    def story(self, message):
        """One message's life as a table: when_s, where, what. message: its row in `messages`."""
        return story_table(self, message)

    def backlog(self):
        """Every queue looked at on an even grid: second, channel, visible, hidden, dead, oldest_s (long form).

        visible: messages that can be received; hidden: received, or waiting for their next attempt; dead: dead letters.
        oldest_s: the age of the oldest that is neither done nor dead, NaN for none; a redriven message counts from its
        redrive on.
        """
        return backlog_table(self)

    def by_country(self):
        """A row per country, in the order of the clients': country, requests, answered_percent, p50_ms, p95_ms.

        The latencies are those of answered requests, NaN where none was.
        """
        return country_table(self)

    def conservation(self):
        """Nothing may vanish: a row each for requests and messages, with where all of them are; `balanced` is exact."""
        counts = np.bincount(self.records.requests["status"], minlength=len(STATUSES))
        sent = len(self.records.requests)
        requests = {"sent": sent, "answered": counts[OK], "refused": counts[list(TURNED_AWAY)].sum(),
                    "failed": counts[FAILED], "lost": counts[LOST], "timed_out": counts[TIMED_OUT],
                    "dead_lettered": 0, "expired": 0, "in_flight": counts[IN_FLIGHT]}
        requests["balanced"] = self._finished_as_counted() and sum(counts) == sent
        outcomes = np.bincount(self.records.messages["outcome"], minlength=len(OUTCOMES))
        sent = len(self.records.messages)
        messages = {"sent": sent, "answered": outcomes[DELIVERED], "refused": 0, "failed": 0,
                    "lost": outcomes[DROPPED], "timed_out": 0, "dead_lettered": outcomes[DEAD],
                    "expired": outcomes[EXPIRED], "in_flight": outcomes[WAITING] + outcomes[IN_PROGRESS]}
        messages["balanced"] = self._messages_as_counted() and sum(outcomes) == sent
        return pd.DataFrame([requests, messages], index=pd.Index(["requests", "messages"], name="what"))

    def _finished_as_counted(self):
        """Every arrival has a row; a row has an end, not before its beginning, exactly when no client waits for it."""
        rows = self.records.requests
        ended = ~np.isnan(rows["finished_s"])
        in_order = np.all(rows["finished_s"][ended] >= rows["arrived_s"][ended])
        as_the_engine_saw = len(rows) == self.records.arrivals and np.sum(~ended) == self.records.alive
        return bool(in_order and as_the_engine_saw and np.array_equal(ended, rows["status"] != IN_FLIGHT))

    def _messages_as_counted(self):
        """The queues hold exactly the messages that wait, and every message sent came from a visit to a queue."""
        stations, rows = self.stations, self.records.messages
        dead = np.sum(rows["outcome"] == DEAD)
        waiting = np.sum((rows["outcome"] == WAITING) | (rows["outcome"] == IN_PROGRESS))
        if "dead_lettered" not in stations:
            return len(rows) == 0
        queues = stations[self._keeps("dead_lettered")]
        return bool(queues["served"].sum() == len(rows) and queues["dead_lettered"].sum() == dead
                    and queues["outstanding"].sum() == waiting)

    def _keeps(self, count):
        """Which components count that."""
        return [count in node.component.counts for node in self.nodes]


def check_run(owner, run, parameter="run"):
    """ValueError unless it is what `simulate` gives."""
    if not isinstance(run, Run):
        raise ValueError(f"{owner}({parameter}={shown(run)}): {parameter} must be what sd.simulate gives; "
                         f"for example {parameter}=sd.simulate(system, clients).")


def check_messages(owner, run):
    """ValueError unless it is what `simulate` gives for a system with a queue."""
    check_run(owner, run)
    if not any("dead_lettered" in node.component.counts for node in run.nodes):
        raise ValueError(f"{owner}(run={shown(run)}): run must be of a system with a sd.Queue; for example "
                         "run=sd.simulate(sd.Queue(sd.Worker()), clients).")


def quantiles(ascending, shares):
    """The same as np.quantile(ascending, shares), to the last bit; that would put in order again what is in order."""
    place = (len(ascending) - 1) * np.asarray(shares)
    below = np.floor(place).astype(int)
    low, high, part = ascending[below], ascending[np.minimum(below + 1, len(ascending) - 1)], place - below
    return np.where(part < 0.5, low + (high - low) * part, high - (high - low) * (1 - part))


def _quantiles(ascending_ms):
    """p50, p95, p99, and the limits of the p99; NaN where nothing was answered, no upper limit where so few were."""
    if not len(ascending_ms):
        return [np.nan] * 5
    reach = 1.96 * np.sqrt(0.99 * 0.01 / len(ascending_ms))
    shares = (0.5, 0.95, 0.99, max(0.99 - reach, 0.0), min(0.99 + reach, 1.0))
    *found, high = quantiles(ascending_ms, shares)
    return [*found, high if shares[-1] < 1 else np.inf]


def _latency_quantiles(latency_ms, bin_of, counts):
    """p50, p95, p99 of each bin: bring together what belongs together, then sort each bin by itself."""
    order = np.argsort(bin_of.astype(np.int16) if len(counts) < 2**15 else bin_of, kind="stable")
    latency_ms = latency_ms[order]
    starts = np.cumsum(counts) - counts
    for start, count in zip(starts, counts, strict=True):
        latency_ms[start:start + count].sort()
    return {f"p{percent}_ms": _between(latency_ms, starts, counts, percent / 100) for percent in (50, 95, 99)}


def _bin_of(times_s, starts_s):
    """The bin that each time lies in: the last that starts no later. Division would round times on an edge."""
    return np.searchsorted(starts_s, times_s, side="right") - 1


def _between(ascending, starts, counts, share):
    """The quantile of each stretch, linear between its two nearest values (as np.quantile); NaN for an empty one."""
    place = np.where(counts > 0, starts + (counts - 1) * share, 0)
    below = np.floor(place).astype(int)
    padded = np.append(ascending, [0.0, 0.0])
    values = padded[below] + (padded[below + 1] - padded[below]) * (place - below)
    return np.where(counts > 0, values, np.nan)
