"""A small notebook that keeps the whole lesson contract, and ways to break it."""

from pathlib import Path

import nbformat
from lesson_reader import PLOTLY, Lesson

HERE = Path(__file__).parent


READY = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "ready"}}


def markdown(source):
    return nbformat.v4.new_markdown_cell(source)


def code(source, *outputs, answer=False):
    """A code cell; as an answer its outputs are folded away."""
    metadata = {"tags": ["answer"], "jupyter": {"outputs_hidden": True}} if answer else {}
    return nbformat.v4.new_code_cell(source, outputs=[nbformat.from_dict(output) for output in outputs],
                                     metadata=metadata)


def printed(text):
    """What print leaves."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def table(name, shown, columns=1):
    """The output of a cell that ends in a DataFrame with one number, or with that number in several columns."""
    head = "".join(f"<th>{name}</th>" for _ in range(columns))
    rows = f"<table><thead><tr>{head}</tr></thead><td>{shown}</td></table>"
    page = f"<div>\n<style>.x {{{{ width: 7331px }}}}</style>{rows}</div>"
    data = {"text/plain": f"{name}\n{shown}", "text/html": page}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def figure(alt="A line that rises from left to right.", picture=True):
    """The output of a cell that ends in a plotly figure."""
    data = {PLOTLY: {"data": [], "layout": {"meta": {"alt": alt}}}}
    return {"output_type": "display_data", "metadata": {}, "data": data | ({"image/png": "AAAA"} if picture else {})}


def change(mark, cell):
    """A way to break a lesson: put this cell where the first cell is whose source holds the mark."""
    def changed(cells):
        place = next(place for place, old in enumerate(cells) if mark in old.source)
        cells[place] = nbformat.from_dict(cell)
        number_runs(cells)
    return changed


def good_cells():
    return [
        markdown("# One server\n\nSteps 1 to 3 of the document. 35 minutes.\n\nclient → **server** → database\n\n"
                 "- name a thing\n- measure it\n- size it\n\nHow busy is one server?"),
        code("import sdlib as sd\n\nsd.ready()", READY),
        markdown("## Steps 1 and 2\n\nA client asks, a server answers."),
        code("sd.charts.diagram(shop)", figure()),
        code("sd.predict('01-utilization')"),
        code("run = sd.simulate(shop, crowd)\ndisplay(sd.table(run))\nsd.predict('01-utilization').reveal(run)",
             table("busy (%)", 1.667), answer=True),
        code("sd.predict('01-cores')"),
        code("sd.predict('01-cores').reveal(run)", printed("mean latency\n11.0 ms"), answer=True),
        code("sd.explore(build, chart=sd.charts.where_the_time_goes, goals=sd.goals('01'))", answer=True),
        markdown("## Step 3: a hundred clients\n\nThe server is 1.7 % busy: its *utilization*."),
        code("sd.replicate(build, seeds=20)\nsd.theory.mmc(1, 2, 3)", figure()),
        code("sd.lab.serve()"),
        *(code(f"answer = ...\nsd.exercise('01-{level}').check(answer)") for level in ("easy", "medium", "hard")),
        code("sd.quiz('01')"),
        code("sd.ledger('01')", table("$ a month", 140)),
        markdown("## Go deeper (optional)\n\nAt a `yield` it waits, `here`."),
        code("inspect.getsource(sd.Server)\nsd.simulate(shop, crowd, engine='reference').requests",
             printed("def process(self, here):\n    yield core"), table("arrived_s", 100)),
        markdown("### Where the model lies\n\nNo server is this calm.\n\n"
                 "### Sources\n\n- [Erlang, 1917](https://example.org/erlang)"),
        markdown("## Key points\n\n" + 12 * "Work is rate times time. " + "\n\n**New words**: utilization."),
        code("sd.progress('01')"),
    ]


def good_lesson(breaks=None):
    """The Lesson made of these cells, after `breaks` has had its way with them."""
    cells = good_cells()
    number_runs(cells)
    if breaks:
        breaks(cells)
    return Lesson(HERE / "01-sample.ipynb", nbformat.v4.new_notebook(cells=cells))


def number_runs(cells):
    """Count the code cells as if they had been run in order."""
    for count, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
