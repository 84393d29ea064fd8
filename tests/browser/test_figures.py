"""A figure outside the panel in JupyterLab in a real browser: as wide as the page, and in its colours."""

import nbformat
import pytest

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
def page(open_notebook, write_notebook):
    """The figure, run once; the tests share it."""
    texts = [nbformat.v4.new_markdown_cell(TEXT) for _ in range(TEXTS)]
    with open_notebook(write_notebook("figure", READY, *texts, FIGURE), 1400, 900) as opened:
        opened.run_all()
        assert opened.errors() == []
        opened.wait_for_plots(PLACE)
        yield opened


@pytest.fixture
def notebook(page, in_peace, put_back):
    """The figure, drawn, in a light window of 1400 x 900 with the files at the left."""
    with in_peace(page):
        put_back(page)
        page.wait_for(fits, 840)
        yield page


def fits(notebook):
    """The width of the figure that is drawn, when it is that of its place; else 0."""
    place, drawn, room = notebook.cell(PLACE).evaluate(WIDTHS)
    return drawn if place == drawn <= room else 0


def test_a_figure_is_as_wide_as_the_page_lets_it_be_and_840_pixels_at_most(notebook):
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.wait_for(lambda it: 250 < fits(it) < 450, True)
    beside_the_files = fits(notebook)
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.wait_for(lambda it: fits(it) > beside_the_files + 150, True)


def test_a_figure_that_was_out_of_sight_takes_the_new_width_when_it_comes_back(notebook):
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
