"""The browser harness itself, on a small notebook: it must see what a panel does, and what goes wrong."""

import pytest

from tools import build_notebooks, lab_browser

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
def page(open_notebook, write_notebook):
    with open_notebook(write_notebook("small", "1", "1")) as opened:
        yield opened


@pytest.fixture
def run(page):
    """run(source): the notebook, all run, with this source in its first cell."""
    def all_run(source):
        page.set_source(0, source)
        page.run_all()
        return page
    return all_run


def test_keyboard_and_mouse_move_the_curve(run):
    notebook = run(PANEL)
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


def test_a_failing_cell_is_seen(run):
    assert run(BROKEN).errors() == [(0, "RuntimeError: broken on purpose")]


def test_a_request_to_another_machine_is_seen(run):
    notebook = run(OUTSIDE)
    notebook.cell(0)
    assert set(notebook.traffic.beyond_this_machine()) == {"http://192.0.2.1/picture.png"}


def test_a_built_notebook_is_not_called_unsaved_and_a_cell_that_was_saved_as_the_first_runs_as_the_first(
        open_notebook, write_notebook, lab):
    path = write_notebook("saved", "import time\ntime.sleep(1); 1 + 1")
    build_notebooks.build(lab.notebooks / path)
    with open_notebook(path) as notebook:
        notebook.page.wait_for_timeout(1000)
        assert not notebook.page.evaluate(IS_UNSAVED)
        notebook.set_source(0, "import time\ntime.sleep(1); 1 / 0")
        notebook.run_cell(0)
        assert notebook.errors() == [(0, "ZeroDivisionError: division by zero")]
        assert notebook.page.evaluate(IS_UNSAVED), "and now it is"


def test_nothing_is_left_behind(tmp_path):
    with lab_browser.jupyter_lab(tmp_path) as lab:
        served = lab.notebooks
        assert served.is_dir()
    assert not served.parent.exists()
