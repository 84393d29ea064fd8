"""The browser harness itself, on a small notebook: it must see what a panel does, and what goes wrong."""

import nbformat
import pytest

from tools import build_notebooks, lab_browser
from tools.build_notebooks import METADATA

PANEL = """import ipywidgets
import plotly.graph_objects as go

slider = ipywidgets.IntSlider(value=1, min=1, max=50)
figure = go.FigureWidget(go.Scatter(x=[1, 2, 3], y=[1, 2, 3]))
slider.observe(lambda change: figure.data[0].update(y=[change["new"] * x for x in (1, 2, 3)]), "value")
ipywidgets.VBox([slider, figure])"""
BROKEN = "raise RuntimeError('broken on purpose')"
IS_UNSAVED = "() => window.jupyterapp.shell.currentWidget.content.model.dirty"
OUTSIDE = """from IPython.display import HTML
HTML("<img src='http://192.0.2.1/picture.png' alt='a picture from outside'>")"""


@pytest.fixture(scope="module")
def small_lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    for name, sources in {"panel": [PANEL, "1"], "broken": [BROKEN, "1"], "outside": [OUTSIDE]}.items():
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / f"{name}.ipynb")
    saved = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import time\ntime.sleep(1); 1 + 1")])
    nbformat.write(saved, folder / "saved.ipynb")
    build_notebooks.build(folder / "saved.ipynb")
    with lab_browser.jupyter_lab(folder) as running:
        yield running


def test_keyboard_and_mouse_move_the_curve(browser, small_lab):
    with lab_browser.opened(browser, small_lab, "panel.ipynb") as notebook:
        notebook.run_all()
        assert notebook.errors() == []
        assert notebook.cells_with("FigureWidget") == [0]
        start = notebook.wait_for_plots(0)
        assert start[0][0]["y"] == [1, 2, 3]
        notebook.press_slider(0)
        pressed = notebook.wait_for_change(0, start)
        assert pressed[0][0]["y"] == [2, 4, 6]
        notebook.drag_slider(0, to=0.8)
        assert notebook.wait_for_change(0, pressed)[0][0]["y"][0] > 20
        assert notebook.traffic.console_errors == []
        assert notebook.traffic.beyond_this_machine() == []


def test_a_failing_cell_is_seen(browser, small_lab):
    with lab_browser.opened(browser, small_lab, "broken.ipynb") as notebook:
        notebook.run_all()
        assert notebook.errors() == [(0, "RuntimeError: broken on purpose")]


def test_a_built_notebook_is_not_called_unsaved_and_a_cell_that_was_saved_as_the_first_runs_as_the_first(
        browser, small_lab):
    with lab_browser.opened(browser, small_lab, "saved.ipynb") as notebook:
        notebook.page.wait_for_timeout(1000)
        assert not notebook.page.evaluate(IS_UNSAVED)
        notebook.set_source(0, "import time\ntime.sleep(1); 1 / 0")
        notebook.run_cell(0)
        assert notebook.errors() == [(0, "ZeroDivisionError: division by zero")]
        assert notebook.page.evaluate(IS_UNSAVED), "and now it is"


def test_a_request_to_another_machine_is_seen(browser, small_lab):
    with lab_browser.opened(browser, small_lab, "outside.ipynb") as notebook:
        notebook.run_all()
        notebook.cell(0)
        assert set(notebook.traffic.beyond_this_machine()) == {"http://192.0.2.1/picture.png"}


def test_nothing_is_left_behind(tmp_path):
    with lab_browser.jupyter_lab(tmp_path) as lab:
        served = lab.notebooks
        assert served.is_dir()
    assert not served.parent.exists()
