"""A small notebook that keeps the whole lesson contract, and ways to break it."""

from pathlib import Path

import nbformat
from lesson_reader import PLOTLY, Lesson

HERE = Path(__file__).parent


def markdown(source):
    return nbformat.v4.new_markdown_cell(source)


def code(source, *outputs):
    return nbformat.v4.new_code_cell(source, outputs=[nbformat.from_dict(output) for output in outputs])


def table(name, shown):
    """The output of a cell that ends in a DataFrame with one number."""
    page = f"<style>.x {{ width: 7331px }}</style><table><tr><th>{name}</th><td>{shown}</td></tr></table>"
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
        markdown("# One server\n\nSteps 1 to 3 of the document. 35 minutes.\n\nclient → **server** → database"),
        markdown("## What this is about\n\n- name a thing\n- measure it\n- size it\n\nHow busy is one server?"),
        code("import sdlib as sd"),
        markdown("## Steps 1 and 2\n\nA client asks, a server answers."),
        code("sd.charts.diagram(shop)", figure()),
        markdown("## Step 3: a hundred clients"),
        code("first = sd.predict('01-utilization')\nfirst"),
        code("second = sd.predict('01-latency')\nsecond"),
        code("run = sd.simulate(shop, crowd)\nrun.summary()", table("utilization_percent", 1.667)),
        markdown("The server is 1.7 % busy."),
        code("first.reveal(run)"),
        code("sd.simulate(shop, crowd, engine='reference').summary()", table("users", 100)),
        code("goals = sd.goals('01')"),
        code("sd.explore(build, goals=goals)"),
        code("show()", figure()),
        code("settings", table("users", 100)),
        code("sd.theory.mmc(1, 2, 3)"),
        code("sd.lab.serve()"),
        code("answer = ...\nsd.exercise('01-easy').check(answer)"),
        code("answer = ...\nsd.exercise('01-medium').check(answer)"),
        code("answer = ...\nsd.exercise('01-hard').check(answer)"),
        code("sd.quiz('01')"),
        code("sd.cost(shop)", table("usd", 140)),
        markdown("## Where the model lies\n\nNo server is this calm."),
        markdown("## Sources\n\n- [Erlang, 1917](https://example.org/erlang)"),
        markdown("## Key points\n\nWork is rate times time."),
        markdown("**New words**: utilization."),
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
