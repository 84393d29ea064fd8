"""What a browser test needs: a JupyterLab that serves a copy of the lessons, and a Chromium."""

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
