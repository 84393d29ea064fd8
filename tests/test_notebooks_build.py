"""Building notebooks: the same bytes twice, a picture beside each figure, no widget state, loud about errors."""

import json
import platform

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from skips import fail_if_skipped

from tools import build_notebooks, lab_browser

PANEL = """import ipywidgets
import plotly.graph_objects as go

figure = go.FigureWidget(go.Scatter(y=[1, 2, 3]))

class Panel(ipywidgets.VBox):
    def _repr_mimebundle_(self, **options):
        return super()._repr_mimebundle_(**options) | {"text/plain": "a panel"}

Panel([ipywidgets.IntSlider(), figure])"""
FIGURE = """go.Figure(go.Scatter(y=[1, 4, 9]), {"meta": {"alt": "A curve that rises."}, "width": 500, "height": 300})"""
TWIN = """import json
import os
import platform

import ipywidgets
import plotly.graph_objects as go

class Panel(ipywidgets.VBox):
    def _repr_mimebundle_(self, **options):
        twin = go.Figure(go.Scatter(y=[2, 1]), {"meta": {"alt": "A line that falls."}, "width": 300, "height": 200})
        asked = os.environ.get("SDLIB_BUILD") == "1"
        shown = {"application/vnd.sdlib.still+json": json.loads(twin.to_json())} if asked else {}
        return super()._repr_mimebundle_(**options) | {"text/plain": "a panel with a twin"} | shown

Panel([ipywidgets.IntSlider()])"""
TABLE = """import pandas as pd
pd.DataFrame({"users": [100, 1_000_000]})"""


def save(folder, *sources, name="07-small.ipynb"):
    """A notebook with these code cells, without cell ids, as an editor may leave it."""
    cells = [nbformat.v4.new_code_cell(source, metadata={"collapsed": True}) for source in sources]
    content = nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"state": "old"}})
    for cell in content.cells:
        del cell["id"]
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small notebook, and the bytes of it after a first, a second, and a redrawn build."""
    if lab_browser.find_browser() is None:
        pytest.skip("needs Chromium to draw pictures; on Debian and Ubuntu: sudo apt install chromium")
    path = save(tmp_path_factory.mktemp("build"), PANEL, FIGURE, TABLE, TWIN)
    versions = []
    for options in ([], [], ["--redraw"]):
        build_notebooks.main([str(path), *options])
        versions.append(path.read_bytes())
    return path, versions


def test_a_second_build_is_the_same_to_the_byte(built):
    _, (first, second, redrawn) = built
    assert first == second == redrawn


def test_what_is_saved_lives_without_a_kernel(built):
    path, _ = built
    notebook = nbformat.read(path, as_version=4)
    panel, figure, table, _ = notebook.cells
    assert [cell.id for cell in notebook.cells] == ["07-01", "07-02", "07-03", "07-04"]
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3, 4]
    assert panel.outputs[0].data == {"text/plain": "a panel"}
    assert "<table" in table.outputs[0].data["text/html"]
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info.version == platform.python_version(), "as JupyterLab would write it"
    assert all(cell.metadata == {} for cell in notebook.cells)
    shown = figure.outputs[0]
    assert shown.data["image/png"].startswith("iVBORw0KGgo")
    assert shown.metadata["image/png"]["alt"] == "A curve that rises."
    assert path.stat().st_size < 100_000


def test_of_a_panel_its_text_and_its_picture_are_saved_and_no_figure(built):
    twin = nbformat.read(built[0], as_version=4).cells[-1].outputs[0]
    assert set(twin.data) == {"text/plain", "image/png"}
    assert twin.metadata["image/png"]["alt"] == "A line that falls."


def test_what_answers_a_prediction_is_saved_folded_away():
    cells = [nbformat.v4.new_code_cell("1", metadata={"tags": ["answer"], "jupyter": {"source_hidden": True}}),
             nbformat.v4.new_code_cell("2", metadata={"jupyter": {"outputs_hidden": True}})]
    notebook = nbformat.v4.new_notebook(cells=cells)
    build_notebooks.clean(notebook)
    assert notebook.cells[0].metadata == {"tags": ["answer"], "jupyter": {"outputs_hidden": True}}
    assert notebook.cells[1].metadata == {}


def test_what_is_printed_is_saved_in_one_piece_however_the_clock_cut_it():
    pieces = [nbformat.v4.new_output("stream", name=name, text=text)
              for name, text in (("stdout", "a\n"), ("stdout", "b\n"), ("stderr", "c\n"), ("stdout", "d\n"))]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=pieces)])
    build_notebooks.clean(notebook)
    assert [output.text for output in notebook.cells[0].outputs] == ["a\nb\n", "c\n", "d\n"]


def test_the_folder_holds_the_notebook_and_nothing_else(built):
    path, _ = built
    assert list(path.parent.iterdir()) == [path]


def test_a_picture_that_belongs_to_another_figure_is_not_kept():
    figure = {"data": [], "layout": {}}
    output = nbformat.from_dict({"output_type": "display_data", "metadata": {},
                                 "data": {build_notebooks.PLOTLY: figure, "image/png": "AAAA\n"}})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=[output])])
    known = build_notebooks.pictures(notebook)
    assert known == {build_notebooks.name_of(figure): "AAAA\n"}
    output.data[build_notebooks.PLOTLY]["layout"] = {"width": 5}
    assert build_notebooks.name_of(output.data[build_notebooks.PLOTLY]) not in known


def test_an_error_ends_the_build_and_saves_nothing(tmp_path):
    path = save(tmp_path, "raise RuntimeError('broken on purpose')")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="broken on purpose"):
        build_notebooks.build(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


class Report:
    skipped, outcome, longrepr = True, "skipped", ("file.py", 1, "Skipped: needs NGINX")


def test_a_skip_is_a_failure_on_ci_only():
    assert fail_if_skipped(Report(), on_ci=False).outcome == "skipped"
    failed = fail_if_skipped(Report(), on_ci=True)
    assert failed.outcome == "failed"
    assert "needs NGINX" in failed.longrepr


def test_an_expected_failure_is_no_skip():
    expected = Report()
    expected.wasxfail = "known"
    assert fail_if_skipped(expected, on_ci=True).outcome == "skipped"
