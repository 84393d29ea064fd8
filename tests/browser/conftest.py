"""What a browser test needs: a JupyterLab that serves a copy of the lessons, and a Chromium."""

from contextlib import contextmanager

import pytest

from tools import lab_browser


@pytest.fixture(scope="session")
def browser():
    if lab_browser.find_browser() is None:
        pytest.skip("needs Chromium; on Debian and Ubuntu: sudo apt install chromium")
    with lab_browser.chromium() as running:
        yield running


@pytest.fixture(scope="session")
def lab():
    with lab_browser.jupyter_lab(lab_browser.ROOT / "notebooks") as running:
        yield running


@pytest.fixture
def open_notebook(browser, lab):
    """open_notebook(name): a context manager with the notebook's LabPage."""
    return lambda name: lab_browser.opened(browser, lab, name)


@pytest.fixture
def open_drawn(browser):
    """open_drawn(lab, name, place): the notebook, run without an error, its plot in the cell `place` drawn, in a window
    of 1400 x 900. At the end the page must have complained of nothing, and asked for nothing beyond this machine."""
    @contextmanager
    def opened(lab, name, place):
        with lab_browser.opened(browser, lab, name, 1400, 900) as notebook:
            notebook.run_all()
            assert notebook.errors() == []
            notebook.wait_for_plots(place)
            yield notebook
            assert notebook.traffic.console_errors == [] and notebook.traffic.beyond_this_machine() == []
    return opened
