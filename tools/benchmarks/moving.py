"""Frames per second of the moving stage with 2,000 dots on it, as boxes and as a map, in JupyterLab in a browser."""

import statistics
import tempfile
from pathlib import Path

import nbformat

from tools import lab_browser
from tools.benchmarks.table import Row
from tools.build_notebooks import METADATA

DOTS, FEWEST_PER_S, WATCHED_MS = 2_000, 50, 8_000
WHAT = f"the moving stage with {DOTS:,} dots, frames per second in the browser"
ON_A_MAP = f"the same on a map with {DOTS:,} dots"
# Six overloaded shops with a queue of more than 300 each.
CELL = """import sdlib as sd

shops = [sd.Server(4, 4, name=f"shop {number}") for number in range(1, 7)]
run = sd.simulate(sd.LoadBalancer(shops), sd.Clients(120_000), seconds=1, seed=1)
sd.watch(run, from_s=0.38, seconds=0.08)"""
# A crowd all over the world, far from its server.
MAP_CELL = """import sdlib as sd

shop = sd.Region(sd.Server(1_000, 128, calls=[sd.Database(600)]))
run = sd.simulate(shop, sd.Clients(250_000, countries=sd.data.crowd()), seconds=1, seed=1)
sd.watch(run, from_s=0.6, seconds=0.08)"""
STAGE = "document.querySelector('.sdlib-stage').stage"
ON_SCREEN = f"""() => {{ const {{ waiting, working, elsewhere, clients }} = {STAGE}.drawn();
    return [...waiting, ...working, ...elsewhere, clients].reduce((sum, dots) => sum + dots); }}"""


def stage(sizes):
    """A row for boxes and one for a map: the median over the frames that were drawn while it played. RuntimeError for
    too few dots."""
    bar = f"median at least {FEWEST_PER_S}"
    cells = {WHAT: CELL, ON_A_MAP: MAP_CELL}
    if lab_browser.find_browser() is None:
        return [Row(what, "no Chromium", bar) for what in cells]
    with tempfile.TemporaryDirectory(prefix="sdlib-bench-") as folder:
        for place, cell in enumerate(cells.values()):
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)], metadata=METADATA)
            nbformat.write(notebook, Path(folder, f"stage-{place}.ipynb"))
        with lab_browser.jupyter_lab(folder) as lab, lab_browser.chromium() as browser:
            return [_row(what, bar, *measure(browser, lab, f"stage-{place}.ipynb"))
                    for place, what in enumerate(cells)]


def _row(what, bar, frames_ms, dots):
    if dots < DOTS:
        raise RuntimeError(f"{what}: it shows {dots:,}")
    slowest = sorted(frames_ms)[int(0.95 * len(frames_ms))]
    per_s = 1000 / statistics.median(frames_ms)
    return Row(what, f"{per_s:.0f} ({1000 / slowest:.0f} at the 95th percentile of frame times)", bar,
               per_s >= FEWEST_PER_S)


def measure(browser, lab, name):
    """(milliseconds between frames, dots on the screen at the end)."""
    with lab_browser.opened(browser, lab, name, width=1400, height=900) as notebook:
        notebook.run_all()
        if notebook.errors():
            raise RuntimeError(f"the stage failed: {notebook.errors()}")
        notebook.cell(0)
        notebook.page.evaluate(f"() => {{ const {{ player }} = {STAGE}; player.speed = 0.01; player.start(); }}")
        notebook.page.wait_for_timeout(1_000)
        notebook.page.evaluate(f"() => {{ {STAGE}.player.frame = 0; }}")
        notebook.page.wait_for_timeout(WATCHED_MS)
        return notebook.page.evaluate(f"() => {STAGE}.frames()"), notebook.page.evaluate(ON_SCREEN)
