"""The panel of every lesson as it stands in its notebook: from a key on each of its sliders to the plot painted."""

from tools import lab_browser
from tools.benchmarks.pairs import Spread
from tools.benchmarks.redraw import WATCH, press
from tools.benchmarks.table import Row

MOST_MS, MOST_OF_THE_WHOLE_MS, WAIT_MS = 150, 200, 2_000
WHOLE = "19-"  # the lesson with all of the shop
FOLDER = lab_browser.ROOT / "notebooks"


def panels(sizes):
    """A row for each lesson: its slowest slider."""
    lessons = sorted(path.name for path in FOLDER.glob("[0-9][0-9]-*.ipynb"))[:sizes.lessons]
    if lab_browser.find_browser() is None:
        return [Row(title(lessons[0], "slider"), "no Chromium", f"median under {most_ms(lessons[0])} ms")]
    with lab_browser.jupyter_lab(FOLDER) as lab, lab_browser.chromium() as browser:
        slowest = [measure(browser, lab, name, sizes.panel_moves) for name in lessons]
    return [Row(title(name, slider), took_ms.text("ms", 0), f"median under {most_ms(name)} ms",
                took_ms.median < most_ms(name)) for name, (slider, took_ms) in zip(lessons, slowest)]


def most_ms(name):
    """The bar of a lesson's panel."""
    return MOST_OF_THE_WHOLE_MS if name.startswith(WHOLE) else MOST_MS


def title(name, slider):
    return f"panel of {name.removesuffix('.ipynb')}, slowest slider ({slider}) moved to plot redrawn"


def measure(browser, lab, name, moves):
    """The name of the slider with the largest median, and its times in ms. RuntimeError if the notebook fails."""
    with lab_browser.opened(browser, lab, name) as notebook:
        panel = notebook.cells_with("sd.explore(")[0]
        for place, cell in enumerate(notebook.cells()[:panel + 1]):
            if cell["kind"] == "code":
                notebook.run_cell(place)
        if notebook.errors():
            raise RuntimeError(f"{name} failed: {notebook.errors()}")
        notebook.wait_for_plots(panel)
        notebook.cell(panel).evaluate(WATCH)
        names = [handle.get_attribute("aria-label") for handle in notebook.sliders(panel)]
        times = [(name, painted_ms(notebook, panel, which, moves + 2)[2:]) for which, name in enumerate(names)]
        return max(((name, Spread.of(some)) for name, some in times if some), key=lambda named: named[1].median)


def painted_ms(notebook, panel, which, moves):
    """The time of each move after which the plot was painted anew, up to the first that changes only stage and tiles,
    such as memory that suffices."""
    from playwright.sync_api import TimeoutError
    times = []
    for _ in range(moves):
        try:
            times.append(press(notebook, panel, which, WAIT_MS))
        except TimeoutError:
            break
    return times
