"""From a key pressed on a slider to the plot painted, in JupyterLab in a real browser."""

import re
import tempfile
from pathlib import Path

import nbformat

from tools import lab_browser
from tools.benchmarks.pairs import Spread
from tools.benchmarks.table import Row
from tools.build_notebooks import METADATA

MOST_MS = 100
CHARTS = ("latency", "timeline", "distribution")
SECONDS, REST_MS = 15, 200
CORES = 80  # of the full size: 100,000 requests of 10 ms in 15 s need 67
PANEL = """import sdlib as sd

def build(users={users}):
    return sd.Server(cpus={cpus}, ram_gb=64, calls=[sd.Database(connections=64)]), sd.Clients(users=users)

sd.explore(build, users=({users}, {most}, {step}), seconds={seconds}, chart="{chart}")"""

# What Plotly says when it has drawn; the next frame shows it, and the task after that frame begins when it has.
WATCH = """(cell) => {
    const moves = window.benchMoves = { pressed: 0, painted: null };
    document.addEventListener("keydown", (event) => {
        moves.pressed = event.timeStamp;
        moves.painted = null;
    }, true);
    cell.querySelector(".js-plotly-plot").on("plotly_afterplot", () => requestAnimationFrame(() => setTimeout(() => {
        moves.painted = performance.now();
    })));
}"""
PAINTED = "() => window.benchMoves.painted !== null"
TOOK_MS = "() => window.benchMoves.painted - window.benchMoves.pressed"


def redraw(sizes):
    """A row for each of the panel's charts."""
    bar = f"median under {MOST_MS} ms"
    if lab_browser.find_browser() is None:
        return [Row(title(sizes, CHARTS[0]), "no Chromium", bar)]
    rows = []
    with tempfile.TemporaryDirectory(prefix="sdlib-bench-") as folder:
        for chart in CHARTS:
            write_notebook(Path(folder, f"{chart}.ipynb"), sizes, chart)
        with lab_browser.jupyter_lab(folder) as lab, lab_browser.chromium() as browser:
            for chart in CHARTS:
                took_ms = Spread.of(measure(browser, lab, f"{chart}.ipynb", sizes))
                rows.append(Row(title(sizes, chart), took_ms.text("ms", 0), bar, took_ms.median < MOST_MS))
    return rows


def title(sizes, chart):
    return (f"slider moved to plot redrawn in the browser, {sizes.redraw_requests:,} requests, chart \"{chart}\", "
            f"{sizes.moves} moves")


def write_notebook(path, sizes, chart):
    """A notebook with one panel and a slider for the users, a few more at each stop: no two pictures are equal."""
    share = sizes.redraw_requests / 100_000
    users = round(sizes.redraw_requests / SECONDS * 60 / 4)
    step = max(1, users // 1000)
    source = PANEL.format(users=users, most=users + 2 * step * sizes.moves, step=step,
                          cpus=max(2, round(CORES * share)), seconds=SECONDS, chart=chart)
    cells = [nbformat.v4.new_code_cell(source)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), path)


def measure(browser, lab, name, sizes):
    """Milliseconds from key to paint of each move; the first two warm up and do not count.

    RuntimeError if the notebook fails, or if the panel simulates another number of requests than it should.
    """
    with lab_browser.opened(browser, lab, name) as notebook:
        notebook.run_all()
        if notebook.errors():
            raise RuntimeError(f"the panel failed: {notebook.errors()}")
        notebook.wait_for_plots(0)
        cell = notebook.cell(0)
        cell.evaluate(WATCH)
        took_ms = [press(notebook) for _ in range(sizes.moves + 2)][2:]
        check_requests(cell.locator(".sdlib-status").inner_text(), sizes.redraw_requests)
        return took_ms


def press(notebook, cell=0, slider=0, wait_ms=30_000):
    """One move; what the plot does within a short rest after it counts as well.

    The browser's TimeoutError if the plot is not painted within wait_ms.
    """
    notebook.press_slider(cell, slider)
    notebook.page.wait_for_function(PAINTED, polling=20, timeout=wait_ms)
    notebook.wait_until_idle()
    notebook.page.wait_for_timeout(REST_MS)
    return notebook.page.evaluate(TOOK_MS)


def check_requests(status, wanted):
    """RuntimeError unless the panel says that it simulated about as many requests as wanted."""
    said = re.match(r"Simulated: ([\d,]+) requests", status)
    if not said or not 0.8 * wanted < int(said[1].replace(",", "")) < 1.2 * wanted:
        raise RuntimeError(f"the panel should simulate {wanted:,} requests, and says: {status}")
