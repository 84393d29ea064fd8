"""What a notebook saves: constant, readable in any theme, and the same with a progress file and without."""

import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from sdlib import lessons
from sdlib.teach.book import book
from sdlib.teach.calibration import calibration
from sdlib.teach.exercise import exercise
from sdlib.teach.goals import goals
from sdlib.teach.predict import predict
from sdlib.teach.progress import progress
from sdlib.teach.quiz import quiz
from sdlib.teach.view import WIDGET_MIME, Card, Code

CELLS = ["""
from types import SimpleNamespace
import pandas as pd
from sdlib.teach.calibration import calibration
from sdlib.teach.exercise import exercise
from sdlib.teach.goals import goals
from sdlib.teach.predict import predict
from sdlib.teach.progress import progress
from sdlib.teach.quiz import quiz
run = SimpleNamespace(stations=None, summary=lambda: pd.DataFrame([{"utilization_percent": 1.7}]))""",
         'predict("01-utilization")', 'predict("01-utilization").reveal(run)', 'q = exercise("01-easy")\nq',
         "answer = ...", "q.check(answer)", "q.hint(1)", "q.solution()", 'quiz("01")', 'goals("01")', "progress()",
         "calibration()"]


def executed(folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return [output["data"] for cell in notebook.cells for output in cell.outputs]


def test_a_notebook_saves_the_same_for_everybody_and_leaves_no_file(folder):
    fresh = executed(folder)
    assert list(folder.iterdir()) == []
    predict("01-utilization").choose(3)
    exercise("01-easy").check("B")
    quiz("01").answer(1, 1)
    book().record("goals", "01-1")
    assert goals("01").ticked == [True, False, False]
    later = executed(folder)
    assert [WIDGET_MIME in data for data in fresh] == [True, True, False, False, False, False, True, False, True,
                                                        True]
    for data in (*fresh, *later):
        data.pop(WIDGET_MIME, None)
    assert fresh == later
    assert len(fresh) == 10 and all(set(data) == {"text/plain", "text/html"} for data in fresh)


def shown():
    """Every impersonal form of every tool."""
    for number in lessons.numbers():
        lesson = lessons.lesson("quiz", number)
        yield from (predict(item.key) for item in lesson.predictions)
        for item in lesson.exercises:
            task = exercise(item.key)
            yield from (task, task.hint(1), task.hint(2), task.check(), task.solution(), task.solution(really=True))
        yield from (quiz(number), goals(number))
    yield from (progress(), calibration())


def test_text_and_html_are_constant_themed_and_speak_without_colour():
    for tool in shown():
        bundle = tool._repr_mimebundle_()
        assert bundle == tool._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html"}, "no widget outside a notebook"
        html = bundle["text/html"]
        assert "var(--jp-layout-color1,#fff)" in html and "var(--jp-ui-font-color1,#222)" in html
        assert 'aria-label="' in html and "<script" not in html and "http" not in html
        assert re.search(r"<strong>\w", html), "a title in words beside the shape"
        assert not re.search(r"0x[0-9a-f]{6}", bundle["text/plain"])


def test_choices_are_short_enough_for_one_line_of_a_form():
    for number in lessons.numbers():
        lesson = lessons.lesson("quiz", number)
        for question in (*lesson.predictions, *lesson.quiz):
            assert all(len(choice.text) <= 80 for choice in question.choices)


def test_two_prices_in_a_line_are_no_formula():
    html = Card("note", "$1 or $2?", ("from $30 to $34 a month", "one of $5")).html()
    assert html.count("<span>$</span>") == 4 and "one of $5" in html


def test_a_card_escapes_what_a_learner_gave():
    html = Card("wrong", "<b>", ("<script>alert(1)</script>", Code("a < b"))).html()
    assert "<script>" not in html and "&lt;script&gt;" in html and "a &lt; b</pre>" in html


def test_a_plain_python_prompt_shows_the_text():
    assert repr(exercise("01-easy").hint(1)) == str(exercise("01-easy").hint(1))


@pytest.mark.parametrize("module", ["predict", "exercise", "quiz", "goals", "progress", "calibration"])
def test_importing_a_tool_is_light(module):
    heavy = "{'plotly', 'ipywidgets', 'IPython', 'numba', 'matplotlib'}"
    code = f"import sys, sdlib.teach.{module}; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
