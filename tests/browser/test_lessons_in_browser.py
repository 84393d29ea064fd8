"""Every lesson as a learner meets it: JupyterLab in a real Chromium, all cells run, every slider panel moved.

A lab's cell shows its recorded run, which is drawn as a live one is, but in no time: that each lab runs and what it
says is held by the notebooks' saved outputs, and what it does by tests/labs. The lab of LIVE runs here too.
"""

import re

import pytest

from tools.lab_browser import ROOT

LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
LIVE = "01-one-server.ipynb"
A_LAB = re.compile(r"sd\.lab\.(\w+)\(.*\)")


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_and_its_panels_follow_the_hand(open_notebook, name):
    with open_notebook(name) as notebook:
        if name != LIVE:
            read_the_labs(notebook)
        notebook.run_all()
        assert notebook.errors() == []
        panels = notebook.cells_with("sd.explore(")
        assert panels, "a lesson without a panel"
        for panel in panels:
            assert_the_panel_follows(notebook, panel)
        assert notebook.traffic.console_errors == []
        assert notebook.traffic.beyond_this_machine() == []


def read_the_labs(notebook):
    """Let each cell that runs a lab show its recorded run instead."""
    for place in notebook.cells_with("sd.lab."):
        source = notebook.cells()[place]["source"]
        shown, labs = A_LAB.subn(r"recordings.read('\1')", source)
        assert labs, f"cell {place} runs a lab in a way that this test does not know: {source}"
        notebook.set_source(place, "from sdlib.labs import recordings\n" + shown)


def assert_the_panel_follows(notebook, panel):
    """Each slider moves the panel when the keyboard moves it, and the first also when the mouse drags it."""
    notebook.wait_for_plots(panel)
    shown = notebook.panel_says(panel)
    for slider in range(len(notebook.sliders(panel))):
        notebook.press_slider(panel, slider, times=3)
        shown = notebook.wait_for_panel(panel, shown)
    notebook.drag_slider(panel, 0, to=0.5)
    notebook.wait_for_panel(panel, shown)
