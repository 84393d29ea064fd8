"""Run every lesson and save what it shows: python -m tools.build_notebooks [notebook ...]

A cell with the tag "answer" shows what the learner is asked to predict or to find: its outputs are saved folded away,
and JupyterLab opens them when the cell is run.

Two builds in a row give the same bytes: no times, no random numbers, no widget state. Each plotly figure gets a picture
beside it, so that a reader on GitHub or on paper sees it too; the picture of an unchanged figure is kept, because
browsers and fonts differ from machine to machine. While SDLIB_BUILD is set, a panel brings along the figure of
what it shows; of that only the picture is saved. A cell that fails ends the build; its notebook stays as it was.
"""

import argparse
import base64
import hashlib
import io
import json
import os
import sys
from pathlib import Path

import kaleido
import nbformat
import plotly.graph_objects as go
from nbclient import NotebookClient
from PIL import Image

from tools.lab_browser import find_browser

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ENVIRONMENT = {"PYTHONHASHSEED": "0", "SDLIB_HEADLESS": "1", "SDLIB_BUILD": "1"}
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
KEPT_CELL_METADATA = ("tags", "editable")
ANSWER = "answer"
STILL = "application/vnd.sdlib.still+json"      # the figure of what a panel shows
TWIN = "sdlib_still"    # names, in an output's metadata, the figure whose picture stands in for a panel
PICTURE = {"width": 860, "height": 420, "scale": 1.25}
COLOURS = 96
CELL_SECONDS = 180


def read(path):
    """The notebook in the file; a cell without an id gets one made of the lesson's number and its place."""
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    content["nbformat_minor"] = max(5, content.get("nbformat_minor", 5))
    taken = {cell.get("id") for cell in content["cells"]}
    for place, cell in enumerate(content["cells"], start=1):
        if not cell.get("id"):
            cell["id"] = free_id(f"{Path(path).stem[:2]}-{place:02d}", taken)
    return nbformat.reads(json.dumps(content), as_version=4)


def free_id(wanted, taken):
    """The id wanted, or with as many x behind it as make it the only one; it is taken from now on."""
    while wanted in taken:
        wanted += "x"
    taken.add(wanted)
    return wanted


def execute(notebook, folder):
    """Run all cells in a fresh kernel whose current folder is `folder`. Raises CellExecutionError."""
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=CELL_SECONDS, record_timing=False, store_widget_state=False,
        resources={"metadata": {"path": str(folder)}}, extra_arguments=["--IPKernelApp.log_level=ERROR"])
    client.execute(env={**os.environ, **ENVIRONMENT})


def clean(notebook):
    """Keep of the metadata what a reader needs, and of the outputs what lives without a kernel."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        if ANSWER in kept.get("tags", []):
            kept["jupyter"] = {"outputs_hidden": True}
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", []):
            # A saved view of a widget that is gone hides the text or the picture that could stand in for it.
            output.get("data", {}).pop(WIDGET_VIEW, None)


def joined(outputs):
    """The outputs with neighbouring pieces of one stream as one: how print is cut depends on the clock."""
    whole = []
    for output in outputs:
        is_more = whole and output.output_type == whole[-1].output_type == "stream" and output.name == whole[-1].name
        if is_more:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def take_stills(notebook):
    """Where a panel brought along the figure of what it shows, put it as a figure of its own kind."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if STILL in output.get("data", {}):
                figure = output.data[PLOTLY] = output.data.pop(STILL)
                output.metadata = nbformat.from_dict({TWIN: name_of(figure)})


def figures(notebook):
    """The outputs that hold a plotly figure."""
    return [output for cell in notebook.cells for output in cell.get("outputs", []) if PLOTLY in output.get("data", {})]


def name_of(figure):
    """A short name that no other figure has."""
    return hashlib.sha256(json.dumps(figure, sort_keys=True).encode()).hexdigest()[:16]


def pictures(notebook):
    """The pictures that the notebook holds already: name of the figure -> PNG in base64."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    named = [(output.get("metadata", {}).get(TWIN) or name_of(output.get("data", {}).get(PLOTLY)), output)
             for output in outputs]
    return {name: output.data["image/png"] for name, output in named if "image/png" in output.get("data", {})}


def add_pictures(notebook, known):
    """Put a PNG beside each plotly figure, with the figure's alt text. `known`: the pictures that need no drawing.

    Of a panel's figure only the picture stays: the panel itself would not show it.
    """
    for output in figures(notebook):
        content = output.data[PLOTLY]
        figure, name = go.Figure({key: content[key] for key in ("data", "layout")}), name_of(content)
        output.data["image/png"] = known.get(name) or draw(figure)
        alt = (figure.layout.meta or {}).get("alt")
        is_twin = TWIN in output.metadata
        output.metadata = nbformat.from_dict(({"image/png": {"alt": alt}} if alt else {})
                                             | ({TWIN: name} if is_twin else {}))
        if is_twin:
            del output.data[PLOTLY]


def draw(figure):
    """The figure as a PNG in base64, at the size of its layout, or the width that it has where none is set, or ours."""
    width = figure.layout.width or (figure.layout.meta or {}).get("width") or PICTURE["width"]
    size = {"width": width, "height": figure.layout.height or PICTURE["height"]}
    image = kaleido.calc_fig_sync(figure, opts={"format": "png", "scale": PICTURE["scale"], **size})
    return base64.b64encode(smaller(image)).decode("ascii") + "\n"


def smaller(png):
    """The PNG with a palette: a fifth of the bytes, since charts are made of few colours."""
    packed = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def write(notebook, path):
    """Save the notebook if the file differs from it; True if it did. The file is never half written."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    if Path(path).read_text(encoding="utf-8") == text:
        return False
    unfinished = Path(path).with_suffix(".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return True


def build(path, redraw=False):
    """Run one notebook where it stands and save it; True if the file changed."""
    notebook = read(path)
    known = {} if redraw else pictures(notebook)
    execute(notebook, Path(path).resolve().parent)
    clean(notebook)
    take_stills(notebook)
    add_pictures(notebook, known)
    return write(notebook, path)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons")
    parser.add_argument("--redraw", action="store_true", help="draw every picture anew")
    options = parser.parse_args(arguments)
    paths = options.notebooks or sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
    if not paths:
        sys.exit(f"no notebook in {NOTEBOOKS.name}/")
    if find_browser() is None:
        sys.exit("The pictures are drawn by Chromium; on Debian and Ubuntu: sudo apt install chromium")
    # Without MathJax, which Kaleido would fetch from the network.
    kaleido.start_sync_server(page_generator=kaleido.PageGenerator(mathjax=False))
    try:
        for path in paths:
            changed = build(path, options.redraw)
            what = "saved" if changed else "unchanged"
            print(f"{path.name}: {what}, {path.stat().st_size / 1000:.0f} kB", flush=True)
    finally:
        kaleido.stop_sync_server()


if __name__ == "__main__":
    main()
