"""Photograph lessons for looking at: python -m tools.screenshots FOLDER [notebook ...] [--theme light] [--all]

For each lesson and theme: the top, the diagram, the panel before and after a slider move, an exercise after a wrong and
a right answer, the lab; with --all every cell. Pictures show whole cells, however tall.
"""

import argparse
from pathlib import Path

from tools import lab_browser

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
PLACES = {"diagram": "sd.charts.diagram(", "prediction": "sd.predict(", "quiz": "sd.quiz(", "lab": "sd.lab.",
          "theory": "sd.theory.", "progress": "sd.progress("}
TALLEST = 6_000


def photograph(notebook, folder, prefix, everything):
    """All pictures of one lesson in one theme."""
    def shoot(name, place):
        take(notebook, place, folder / f"{prefix}-{name}.png")

    notebook.page.screenshot(path=folder / f"{prefix}-page.png")
    shoot("top", 0)
    for name, text in PLACES.items():
        for place in notebook.cells_with(text)[:1]:
            shoot(name, place)
    for place in notebook.cells_with("sd.explore(")[:1]:
        notebook.run_cell(place)    # the sliders as they were at first, also in the second theme
        notebook.wait_for_plots(place)
        shoot("panel", place)
        move_panel(notebook, place)
        shoot("panel-moved", place)
    for name, place in answered(notebook):
        shoot(f"exercise-{name}", place)
    if everything:
        for place in range(len(notebook.cells())):
            shoot(f"cell-{place:02d}", place)


def move_panel(notebook, place):
    """Drag the first slider, and wait until the picture rests."""
    before = notebook.plots(place)
    notebook.drag_slider(place, 0, to=0.8)
    notebook.wait_for_change(place, before)


def answered(notebook):
    """Answer the easy exercise wrongly, then rightly; yield ("wrong" or "right", its cell) after each."""
    from sdlib import lessons
    exercises = {item.key: item for number in lessons.numbers()
                 for item in lessons.lesson("lesson", number).exercises}
    for key, exercise in exercises.items():
        if not key.endswith("-easy"):
            continue
        for place in notebook.cells_with(f'sd.exercise("{key}").check')[:1]:
            untouched = notebook.cells()[place]["source"]
            for name, answer in (("wrong", f"{exercise.answer} = {exercise.misconceptions[0].sample!r}"),
                                 ("right", exercise.solution)):
                notebook.set_source(place, untouched.replace(exercise.starter, answer))
                notebook.run_cell(place)
                yield name, place
            notebook.set_source(place, untouched)


def take(notebook, place, path):
    """Save a picture of a whole cell: the window grows until the cell fits into it."""
    size = notebook.page.viewport_size
    tall = notebook.cell(place).bounding_box()["height"] + 300
    if tall > size["height"]:
        notebook.page.set_viewport_size({"width": size["width"], "height": min(int(tall), TALLEST)})
    cell = notebook.cell(place)
    notebook.page.wait_for_timeout(400)
    cell.screenshot(path=path)
    notebook.page.set_viewport_size(size)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all lessons")
    parser.add_argument("--theme", choices=THEMES, help="default: both")
    parser.add_argument("--all", action="store_true", help="every cell as well")
    options = parser.parse_args(arguments)
    paths = options.notebooks or sorted((lab_browser.ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        visit(path, [options.theme] if options.theme else THEMES, options.folder, options.all)


def visit(path, themes, folder, everything):
    """Run one lesson and photograph it in each theme; say what went wrong in it."""
    with (lab_browser.chromium() as browser, lab_browser.jupyter_lab(path.resolve().parent) as lab,
          lab_browser.opened(browser, lab, path.name) as notebook):
        notebook.run_all()
        for theme in themes:
            notebook.change_theme(THEMES[theme])
            photograph(notebook, folder, f"{path.stem}-{theme}", everything)
        print(path.name, "errors:", notebook.errors(), "console:", notebook.traffic.console_errors, flush=True)


if __name__ == "__main__":
    main()
