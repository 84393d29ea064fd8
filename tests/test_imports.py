"""An interrupt at any moment of a fresh kernel's first cells leaves a kernel in which the same cell works."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from sdlib import warm_up
from sdlib.whole import whole

ROOT = Path(__file__).parents[1]
CELL = """
import sdlib as sd
def build(users=100, cpus=4):
    return sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)
assert sd.simulate(*build(), seconds=1).summary()["sent"].iloc[0] > 0
panel = sd.explore(build)
assert "widget" in str(panel._repr_mimebundle_())
"""
# As a kernel does it: the handler is Python's own while a cell runs, and the cell's error ends the cell only.
INTERRUPTED = f"""
import os, signal, sys, threading, time
cell = compile({CELL!r}, "cell", "exec")
import sdlib
signal.signal(signal.SIGINT, signal.default_int_handler)
def interrupt_later():
    moment = time.process_time() + float(sys.argv[1])  # so that it does not depend on what else the machine does
    while time.process_time() < moment and not done:
        time.sleep(0.001)
    done or os.kill(os.getpid(), signal.SIGINT)
done = []
threading.Thread(target=interrupt_later).start()
try:
    exec(cell, {{}})
    done.append(True)
    print("done before")
except KeyboardInterrupt:
    print("interrupted")
exec(cell, {{}})
print("works")
"""
WATCHED = f"""
import signal, sys
could_be_cut = set()
def watch(event, details):
    if event == "import" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        package = details[0].split(".")[0]
        if package not in sys.modules and package not in sys.stdlib_module_names:
            could_be_cut.add(package)
signal.signal(signal.SIGINT, signal.default_int_handler)
import sdlib as sd
sys.addaudithook(watch)
exec({CELL!r})
shop, _ = build()
sd.simulate(*build(), seconds=1, engine="reference").summary()._repr_html_()
sd.charts.diagram(shop), sd.charts.still(build, {{}}), sd.data, sd.theory, sd.lab.check
sd.quiz("01").widget(), sd.progress().widget(), sd.calibration().widget(), sd.exercise("01-easy").check(1), sd.ready()
print(*could_be_cut)
"""
DRAWS = random.Random(7)
MOMENTS = sorted(DRAWS.uniform(0, 3) for _ in range(8))


def python(code, *arguments, folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120,
                         env=environment, cwd=folder)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout.split("\n")[:-1]


@pytest.mark.parametrize("after_s", MOMENTS, ids="{:.2f}s".format)
def test_the_first_simulation_and_the_first_panel_work_again_after_an_interrupt(after_s, tmp_path):
    assert python(INTERRUPTED, str(after_s), folder=tmp_path)[-1] == "works"


def test_no_package_is_imported_while_an_interrupt_could_cut_it(tmp_path):
    """Parts of loaded packages may be. Plotly's __init__ imports nothing of its own before it is asked."""
    found = python(WATCHED, folder=tmp_path)[-1].split()
    assert set(found) <= {"plotly", "_plotly_utils"}


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_waits_for_the_end_of_the_block_and_the_handler_is_put_back():
    before, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), whole(), whole():
        interrupt()
        done.append("all of it")
    assert done == ["all of it"] and signal.getsignal(signal.SIGINT) is before


def test_an_error_in_the_block_passes_and_the_handler_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), whole():
        1 / 0  # noqa: B018
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_it_changes_nothing():
    found, before = [], signal.getsignal(signal.SIGINT)

    def work():
        with whole():
            found.append(signal.getsignal(signal.SIGINT))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


def test_a_process_that_ignores_interrupts_goes_on_ignoring_them():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with whole():
            interrupt()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_setup_cell_saves_one_constant_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("import sdlib as sd\nsd.ready()") for _ in range(2)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for cell in notebook.cells:
        output, = cell.outputs
        assert output["data"].pop("application/vnd.jupyter.widget-view+json")
        assert output["data"] == {"text/plain": "ready"}
    lines = [state["state"]["value"] for state in notebook.metadata.widgets.popitem()[1]["state"].values()
             if state["model_name"] == "LabelModel"]
    assert lines == ["ready", "ready"]


def test_outside_a_notebook_it_says_so_in_a_line(tmp_path):
    assert python("import sdlib as sd; sd.ready()", folder=tmp_path) == ["ready"]


def test_while_it_loads_it_says_what(monkeypatch):
    said = []
    monkeypatch.setattr(warm_up, "in_notebook", lambda: True)
    monkeypatch.setattr(warm_up, "_line", lambda: said.append)
    warm_up.ready()
    assert said[0] == "getting ready: tables (1 of 5)" and "getting ready: charts (3 of 5)" in said
    assert said[-1] == "ready" and len(said) == 6


FIRST_PICTURES = """
import sys
import sdlib as sd
def build(users=100, cpus=4):
    return sd.Server(cpus=cpus, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)
sd.ready()
before = set(sys.modules)
sd.charts.diagram(build()[0])._repr_mimebundle_(), sd.explore(build)._repr_mimebundle_()
print(*{name.partition(".")[0] for name in set(sys.modules) - before})
"""


def test_the_first_diagram_and_the_first_panel_find_all_loaded(tmp_path):
    """The first diagram took 6 to 9 s without a word: most of it was loading."""
    assert python(FIRST_PICTURES, folder=tmp_path) == ["ready", ""]
