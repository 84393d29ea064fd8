"""A figure outside the panel in JupyterLab in a real browser: as wide as the page, and in its colours."""

import nbformat
import pytest

from tools import lab_browser
from tools.build_notebooks import METADATA

READY = "import sdlib as sd\nsd.ready()"
TEXT = "One paragraph of many.\n\n" * 10
TEXTS = 20    # so many that the figure is far out of sight at the top
FIGURE = """shop = sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()])
sd.charts.timeline(sd.simulate(shop, sd.Clients(users=8000), seconds=60, seed=1))"""
PLACE = TEXTS + 1
WIDTHS = """(cell) => [cell.querySelector('.jp-RenderedPlotly').clientWidth,
    Number(cell.querySelector('.jp-RenderedPlotly .main-svg').getAttribute('width')),
    cell.querySelector('.jp-OutputArea-child').clientWidth]"""
LOOKS = """(cell) => [getComputedStyle(cell.querySelector('.main-svg')).backgroundColor,
    getComputedStyle(cell.querySelector('.x3title')).fill]"""


@pytest.fixture(scope="module")
def figure_lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    texts = [nbformat.v4.new_markdown_cell(TEXT) for _ in range(TEXTS)]
    cells = [nbformat.v4.new_code_cell(READY), *texts, nbformat.v4.new_code_cell(FIGURE)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "figure.ipynb")
    with lab_browser.jupyter_lab(folder) as running:
        yield running


@pytest.fixture
def notebook(open_drawn, figure_lab):
    """The figure, drawn, in a window of 1400 x 900."""
    with open_drawn(figure_lab, "figure.ipynb", PLACE) as drawn:
        yield drawn


def fits(notebook):
    """The width of the figure that is drawn, when it is that of its place; else 0."""
    place, drawn, room = notebook.cell(PLACE).evaluate(WIDTHS)
    return drawn if place == drawn <= room else 0


def test_a_figure_is_as_wide_as_the_page_lets_it_be_and_840_pixels_at_most(notebook):
    notebook.wait_for(fits, 840)
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.wait_for(lambda it: 250 < fits(it) < 450, True)
    beside_the_files = fits(notebook)
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.wait_for(lambda it: fits(it) > beside_the_files + 150, True)


def test_a_figure_that_was_out_of_sight_takes_the_new_width_when_it_comes_back(notebook):
    notebook.wait_for(fits, 840)
    notebook.cell(0)
    notebook.page.set_viewport_size({"width": 700, "height": 500})
    notebook.page.wait_for_timeout(800)
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.page.wait_for_timeout(800)
    notebook.wait_for(lambda it: fits(it) > 450, True)


def test_a_figure_follows_the_theme(notebook):
    light = notebook.cell(PLACE).evaluate(LOOKS)
    assert light == ["rgb(255, 255, 255)", "rgba(0, 0, 0, 0.87)"]
    notebook.change_theme("JupyterLab Dark")
    notebook.wait_for(lambda it: it.cell(PLACE).evaluate(LOOKS), ["rgb(17, 17, 17)", "rgb(255, 255, 255)"])
    notebook.change_theme("JupyterLab Light")
    notebook.wait_for(lambda it: it.cell(PLACE).evaluate(LOOKS), light)
