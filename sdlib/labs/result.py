"""What a lab found: a verdict that reads the same on every machine, and measured times that never do."""

import html
from functools import partial

import numpy as np
import pandas as pd

from sdlib.labs.picture import STYLE, drawn
from sdlib.labs.plots import failed_over, latency_over, latency_spread
from sdlib.whole import whole

MB_PER_REQUEST = 8
STOP, TWO_LINES = ". ", 220          # letters of a headline in a notebook's column
BUSY_WAY_MS = 25                     # on a machine at rest nine of ten requests need less for the way
LATENCY = ("Latency here is the time from the moment at which a request was meant to be sent until its answer was "
           "there, measured by the client.")
FAILED = ("A request failed when the server was stopped while it was inside, or when nobody listened. Simulated is the "
          "same stop, under the same arrivals.")
FED_WITH = ("The simulation is given the arrivals of the real run, the measured time that a request keeps a worker "
            "busy, and the measured time of the way there and back (network, HTTP, the client's timer). Its range "
            "holds nine of ten simulated runs; one real run is as noisy, and shares the machine with other work.")

WORDS = {"sent": "sent", "answered": "answered", "refused": "refused", "lost": "lost", "timed_out": "timed out",
         "crashes": "crashes", "throughput_per_s": "answers per second", "mean_ms": "mean latency (ms)",
         "p50_ms": "median latency (ms)", "p95_ms": "p95 latency (ms)", "p99_ms": "p99 latency (ms)",
         "service_ms": "time with a worker (ms)", "waited_ms": "wait for a worker (ms)",
         "utilization_percent": "workers busy (%)", "measured_ms": "measured mean latency (ms)",
         "simulated_ms": "simulated mean latency (ms)", "low_ms": "nine of ten simulated runs: from (ms)",
         "high_ms": "nine of ten simulated runs: to (ms)", "measured_over_simulated": "measured / simulated",
         "way_ms": "way there and back (ms)", "measured_failed_percent": "measured: failed (%)",
         "simulated_failed_percent": "simulated: failed (%)"}

BAND = ("Read across: at 50 % stands the time within which half of the requests were answered. The shaded band holds "
        "nine of ten simulated runs. The simulation gives all requests the same time for the way there and back, the "
        "median: where real ones took less, the measured line lies left of the band; where more, right of it.")
RANGES = "The bars hold nine of ten simulated runs."


class LabResult:
    """The result of a lab: a notebook shows `verdict` as text; the picture and the measured times in a widget.

    loads: dict, label (load in percent of capacity, number of workers, ...) -> LoadResult. axis: what the labels
    are, in words. claims: (sentence, whether it held), ... sentence: the verdict when all of them held.
    measured: DataFrame, a row per load, times in ms. `measured` and `compare()` differ from run to run: do not
    leave them as a cell's last line where saved outputs are compared.
    recorded: None for a run of this machine, now; else {"date", "machine", "versions", "why"} of a recorded one.
    """

    def __init__(self, loads, claims, sentence, axis="load (% of the capacity)", recorded=None):
        self.loads, self.sentence, self.axis, self.recorded = loads, sentence, axis, recorded
        self.claims = tuple((text, bool(held)) for text, held in claims)
        tables = [load.summary() for load in loads.values()]
        self.measured = pd.concat(tables).set_axis(pd.Index(loads, name="load"))

    @property
    def verdict(self):
        """One sentence; if a claim did not hold, which."""
        broken = [text for text, held in self.claims if not held]
        return "This run does not show it. It did not hold that " + "; and that ".join(broken) + "." if broken \
            else self.sentence

    def __str__(self):
        return self.verdict

    __repr__ = __str__

    def compare(self, simulate=None, seeds=20):
        """Simulated beside measured latency (see LATENCY), fed with measured service time, way and arrivals.

        simulate(load, seed) -> (time in the server in ms of each answered request, share that failed); the course's
        engine unless given. Returns a DataFrame, a row per load: measured_ms (mean), simulated_ms (median of the
        seeds' means), low_ms and high_ms (their 5 % and 95 % points), measured_over_simulated, way_ms (in the
        simulated ones; measured under the first load), and measured and simulated failed_percent.
        """
        way_ms = self.way_ms()
        rows = [_compared(load, partial(simulate or simulate_load, load), way_ms, seeds)
                for load in self.loads.values()]
        return pd.DataFrame(rows, index=self.measured.index)

    def way_ms(self, share=0.5):
        """Time of the way there and back under the first load (latency without the time in the server): a quantile."""
        first = next(iter(self.loads.values())).answered
        return float((first["latency_ms"] - first["waited_ms"] - first["service_ms"]).quantile(share))

    def plot(self, seeds=20):
        """The picture as a `charts.Plot`: how one load's latencies are spread, or the mean over several loads.

        Of loads under which the server was restarted: how many requests failed.
        """
        if self._restarted():
            counts = {label: (len(load.requests) - len(load.answered),
                              [simulate_load(load, seed)[1] * len(load.requests) for seed in range(seeds)])
                      for label, load in self.loads.items()}
            return failed_over(counts, self.axis)
        if len(self.loads) > 1:
            return latency_over(self.compare(seeds=seeds), self.axis)
        load = next(iter(self.loads.values()))
        runs = [simulate_load(load, seed)[0] + self.way_ms() for seed in range(seeds)]
        return latency_spread(load.answered["latency_ms"].to_numpy(), runs)

    def panel(self):
        """The widget: the verdict, the picture, and, folded away, what held and all that was measured."""
        with whole():
            import ipywidgets
        held = "".join(f"<li>{html.escape(text)}: {'yes' if was else 'NO'}</li>" for text, was in self.claims)
        parts = [STYLE, self._label(), _headed(self.verdict), drawn(self.plot()),
                 f"<p>{self._about()} {self._shape()}{self._busy()}</p>",
                 _folded("What was checked", f"<ul>{held}</ul><p>{self._fed_with()}</p>"),
                 _folded(self._numbers(), _table(self.compare(), self.axis)),
                 _folded("All that was measured", _table(self.measured, self.axis) + f"<p>{self._overhead()}</p>")]
        return ipywidgets.HTML(f'<div class="sdlib-lab">{"".join(parts)}</div>')

    def _about(self):
        """What the picture shows."""
        return FAILED if self._restarted() else LATENCY

    def _fed_with(self):
        """What the simulation was given."""
        return FED_WITH

    def _numbers(self):
        """The title of what `compare` gives."""
        return "The numbers: simulated beside measured"

    def _restarted(self):
        return all("down" in load.server for load in self.loads.values())

    def _shape(self):
        """How to read the picture."""
        return RANGES if len(self.loads) > 1 else BAND

    def _overhead(self):
        """Why the workers are busier than the load says."""
        load = next(iter(self.loads.values()))
        held_ms, asked_ms = load.answered["service_ms"].mean(), load.answered["drawn_ms"].mean()
        where = "In the first column" if len(self.loads) > 1 else "Here"
        return (f"{where} {asked_ms:.1f} ms of work were asked for on average, and a worker was held for "
                f"{held_ms:.1f} ms: a real machine needs a moment to wake it up. So the workers are a little busier "
                "than that work alone would keep them.")

    def _busy(self):
        """A sentence where other work on this machine spoils the comparison."""
        slow_ms = self.way_ms(0.9)
        if slow_ms < BUSY_WAY_MS:
            return ""
        return (f" <strong>This machine was busy with other work</strong> (one request in ten took more than "
                f"{slow_ms:.0f} ms on the way alone). The simulation gives all requests the median way of the first "
                "load, so what was measured may lie above it or below: run the cell again when the machine is at rest.")

    def _label(self):
        if self.recorded is None:
            return ""
        versions = ", ".join(f"{name} {version}" for name, version in self.recorded["versions"].items())
        missing = f" A run of your own needs {self.recorded['why']}." if self.recorded["why"] else ""
        return html.escape(f"A recorded real run, of {self.recorded['date']} on {self.recorded['machine']} with "
                           f"{versions}.{missing}")

    def _repr_mimebundle_(self, **options):
        return {**self.panel()._repr_mimebundle_(**options), "text/plain": str(self)}


def simulate_load(load, seed):
    """The same arrivals on a simulated server, or several, of the same size and *measured* service time."""
    with whole():
        from sdlib.components.clients import Clients
        from sdlib.components.load_balancer import LoadBalancer
        from sdlib.components.server import MB_PER_GB, Server
        from sdlib.results.simulate import simulate
    ram_gb = load.server["ram_requests"] * MB_PER_REQUEST / MB_PER_GB

    def server(cpus, service_ms):
        return Server(cpus=cpus, ram_gb=ram_gb, memory_mb=MB_PER_REQUEST, service_ms=service_ms,
                      restart_s=load.server["restart_s"], down=load.server.get("down", ()))
    if "machines" in load.server:
        shop = LoadBalancer([server(**machine) for machine in load.server["machines"]], policy=load.server["policy"])
    else:
        shop = server(load.server["cpus"], load.answered["service_ms"].mean())
    arrivals_s = load.requests["intended_s"].to_numpy()
    run = simulate(shop, Clients(users=len(arrivals_s), arrivals_s=arrivals_s), seconds=load.seconds + 5, seed=seed)
    is_ok = (run.requests["status"] == "ok").to_numpy()
    return run.requests["latency_ms"].to_numpy()[is_ok], 1 - is_ok.mean()


def _compared(load, run_once, way_ms, seeds):
    runs = [run_once(seed) for seed in range(seeds)]
    low, simulated, high = way_ms + np.quantile([np.mean(times) for times, _ in runs], [0.05, 0.5, 0.95])
    measured = load.answered["latency_ms"].mean()
    return {"measured_ms": measured, "simulated_ms": simulated, "low_ms": low, "high_ms": high,
            "measured_over_simulated": measured / simulated, "way_ms": way_ms,
            "measured_failed_percent": 100 * (1 - len(load.answered) / len(load.requests)),
            "simulated_failed_percent": 100 * np.median([failed for _, failed in runs])}


def _headed(verdict):
    """In bold the finding, as many sentences as two lines hold and at least one; what else was found below, as text."""
    finding, *others = verdict.split(STOP)
    while others and len(STOP.join([finding, others[0]])) <= TWO_LINES:
        finding = STOP.join([finding, others.pop(0)])
    rest = f"<p>{html.escape(STOP.join(others))}</p>" if others else ""
    return f'<p class="verdict"><strong>{html.escape(finding + STOP.strip() * bool(others))}</strong></p>{rest}'


def _folded(title, content):
    return f'<details><summary>{html.escape(title)}</summary><div class="wide">{content}</div></details>'


def _table(table, axis):
    """A row per measure, a column per load; "-" where nothing was measured."""
    shown = table.rename(columns=WORDS).rename_axis(axis)
    cells = [["-" if np.isnan(value) else f"{value:,.{0 if (row[~np.isnan(row)] % 1 == 0).all() else 2}f}"
              for value in row] for row in shown.T.to_numpy(float)]
    return pd.DataFrame(cells, shown.columns, shown.index).to_html(border=0)
