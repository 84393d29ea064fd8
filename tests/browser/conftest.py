"""What a browser test needs: a JupyterLab that serves a copy of the lessons, a Chromium, and notebooks open in them.

The folder is a package, so that both end when a worker goes on to another folder: while Playwright runs, its event
loop runs too, and no other test may start one.
"""

from contextlib import contextmanager

import nbformat
import pytest

from tools import lab_browser
from tools.build_notebooks import METADATA

SHOW_FILES = "() => window.jupyterapp.shell.expandLeft()"


@pytest.fixture(scope="package")
def browser():
    if lab_browser.find_browser() is None:
        pytest.skip("needs Chromium; on Debian and Ubuntu: sudo apt install chromium")
    with lab_browser.chromium() as running:
        yield running


@pytest.fixture(scope="package")
def lab():
    with lab_browser.jupyter_lab(lab_browser.ROOT / "notebooks") as running:
        yield running


@pytest.fixture(scope="module")
def write_notebook(lab, request):
    """write_notebook(name, *cells): its path in the lab, in a folder of this module's. A cell may be its source."""
    def written(name, *cells):
        path = lab.notebooks / request.module.__name__ / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        cells = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), path)
        return path.relative_to(lab.notebooks).as_posix()
    return written


@pytest.fixture(scope="module")
def open_notebook(browser, lab):
    """open_notebook(path, width, height): a context manager with the notebook's LabPage."""
    return lambda path, *size: lab_browser.opened(browser, lab, path, *size)


@pytest.fixture(scope="module")
def in_peace():
    """in_peace(notebook): a block until whose end, since the last one, the page must have complained of nothing, and
    asked for nothing beyond this machine."""
    @contextmanager
    def block(notebook):
        yield notebook
        complaints, asked = list(notebook.traffic.console_errors), notebook.traffic.beyond_this_machine()
        notebook.traffic.console_errors.clear()
        notebook.traffic.requests.clear()
        assert complaints == [] and asked == []
    return block


@pytest.fixture(scope="module")
def put_back():
    """put_back(notebook): the window that a shared page's tests begin with: 1400 x 900, files at the left, light."""
    def done(notebook):
        notebook.page.set_viewport_size({"width": 1400, "height": 900})
        notebook.page.evaluate(SHOW_FILES)
        notebook.change_theme("JupyterLab Light")
    return done
