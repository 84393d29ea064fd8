"""What a lab found: a verdict that reads the same on every machine, and measured times that never do."""

import html
from functools import partial

import numpy as np
import pandas as pd

from sdlib.whole import whole

MB_PER_REQUEST = 8
WHY_THEY_DIFFER = ("One run is noisy: a simulated range holds nine of ten runs of the same length. "
                   "Outside the server a real request also crosses the network, HTTP and the client's timer; "
                   "and this machine's other work takes its share.")


class LabResult:
    """The result of a lab; a notebook shows `verdict` as text, and the measured times in a widget.

    loads: dict, load in percent of capacity -> LoadResult. verdict: tuple of lines. measured: DataFrame, a row
    per load, times in ms. `measured` and `compare()` differ from run to run: do not leave them as a cell's last
    line where saved outputs are compared.
    """

    def __init__(self, loads, verdict):
        self.loads, self.verdict = loads, tuple(verdict)
        tables = [load.summary() for load in loads.values()]
        self.measured = pd.concat(tables).set_axis(pd.Index(loads, name="load_percent"))

    def __str__(self):
        return "\n".join(self.verdict)

    __repr__ = __str__

    def compare(self, simulate=None, seeds=20):
        """Simulated beside measured, fed with the measured service time and the same arrivals.

        simulate(load, seed) -> (latencies in ms, share that failed); the course's engine unless given.
        Returns a DataFrame, a row per load: measured_ms (mean time in the server), simulated_ms (median of the
        seeds' means), low_ms and high_ms (their 5 % and 95 % points), measured_over_simulated, outside_ms (measured,
        outside the server), and measured and simulated failed_percent.
        """
        rows = [_compared(load, partial(simulate or simulate_load, load), seeds) for load in self.loads.values()]
        return pd.DataFrame(rows, index=self.measured.index)

    def panel(self):
        """The widget: the verdict, simulated beside measured, and all that was measured."""
        with whole():
            import ipywidgets
        compared = self.compare()
        parts = [_list(self.verdict), picture(compared) if len(compared) > 1 else "",
                 _table("Simulated beside measured", compared), f"<p>{WHY_THEY_DIFFER}</p>",
                 _table("All that was measured on this machine, now", self.measured)]
        return ipywidgets.VBox([ipywidgets.HTML(part) for part in parts if part])

    def _repr_mimebundle_(self, **options):
        return {**self.panel()._repr_mimebundle_(**options), "text/plain": str(self)}


def simulate_load(load, seed):
    """The same arrivals on a simulated server of the same size and *measured* service time."""
    with whole():
        from sdlib.components.clients import Clients
        from sdlib.components.server import MB_PER_GB, Server
        from sdlib.results.simulate import simulate
    ram_gb = load.server["ram_requests"] * MB_PER_REQUEST / MB_PER_GB
    shop = Server(cpus=load.server["cpus"], ram_gb=ram_gb, memory_mb=MB_PER_REQUEST,
                  service_ms=load.answered["service_ms"].mean(), restart_s=load.server["restart_s"])
    arrivals_s = load.requests["intended_s"].to_numpy()
    run = simulate(shop, Clients(users=len(arrivals_s), arrivals_s=arrivals_s), seconds=load.seconds + 5, seed=seed)
    is_ok = (run.requests["status"] == "ok").to_numpy()
    return run.requests["latency_ms"].to_numpy()[is_ok], 1 - is_ok.mean()


def _compared(load, run_once, seeds):
    runs = [run_once(seed) for seed in range(seeds)]
    low, simulated, high = np.quantile([np.mean(latencies) for latencies, _ in runs], [0.05, 0.5, 0.95])
    in_server_ms = (load.answered["waited_ms"] + load.answered["service_ms"]).mean()
    return {"measured_ms": in_server_ms, "simulated_ms": simulated, "low_ms": low, "high_ms": high,
            "measured_over_simulated": in_server_ms / simulated,
            "outside_ms": load.answered["latency_ms"].mean() - in_server_ms,
            "measured_failed_percent": 100 * (1 - len(load.answered) / len(load.requests)),
            "simulated_failed_percent": 100 * np.median([failed for _, failed in runs])}


def _list(lines):
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>"


def _table(title, table):
    """A row per measure, a column per load."""
    shown = table.rename(columns=lambda name: name.replace("_", " "), index="{} %".format).rename_axis("load")
    cells = [[f"{value:,.{0 if (row % 1 == 0).all() else 2}f}" for value in row] for row in shown.T.to_numpy(float)]
    return f"<b>{html.escape(title)}</b>" + pd.DataFrame(cells, shown.columns, shown.index).to_html(border=0)


def picture(compared):
    """SVG: mean time in the server against load, logarithmic; the simulated range as a bar, the measured as a dot."""
    top, left, width, height = 20, 50, 420, 180
    tops, bottoms = compared[["high_ms", "measured_ms"]].max().max(), compared[["low_ms", "measured_ms"]].min().min()
    log_low, log_high = np.log10(bottoms / 1.3), np.log10(tops * 1.3)

    def y(value_ms):
        return top + height * (log_high - np.log10(value_ms)) / (log_high - log_low)
    marks = []
    for load, row in compared.iterrows():
        x = left + width * load / (compared.index.max() * 1.08)
        marks.append(f'<rect x="{x - 6:.1f}" y="{y(row["high_ms"]):.1f}" width="12" fill="#e69f00" stroke="#7a5200" '
                     f'height="{y(row["low_ms"]) - y(row["high_ms"]):.1f}"/>'
                     f'<circle cx="{x:.1f}" cy="{y(row["measured_ms"]):.1f}" r="5" fill="#0072b2" stroke="#fff"/>'
                     f'<text x="{x:.1f}" y="{top + height + 16}" text-anchor="middle">{load} %</text>')
    marks += [f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick} ms</text>'
              f'<line x1="{left}" x2="{left + width}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ccc"/>'
              for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if log_low < np.log10(tick) < log_high][::-1]
    says = "Mean time in the server against load: measured (dot), simulated (bar: nine of ten runs)"
    return (f'<svg role="img" aria-label="{says}; the numbers are in the table below" width="490" height="240" '
            f'style="background:#fff;font:12px sans-serif;display:block">'
            f'<text x="8" y="13">{says}</text>{"".join(marks[::-1])}</svg>')


def yes(condition):
    """The word of a verdict."""
    return "yes" if condition else "NO"
