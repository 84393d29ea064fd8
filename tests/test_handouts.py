"""A handout has what is asked, and nothing that answers it."""

from html import unescape

import pytest

from sdlib import lessons
from tools.build_handouts import handout
from tools.build_index import pages

PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.file)
def test_a_handout_asks_everything_and_answers_nothing(page):
    lesson, made = lessons.lesson("handout", f"{page.number:02d}"), unescape(handout(page))
    for one in (*lesson.predictions, *lesson.exercises, *lesson.quiz):
        assert one.ask in made
    for one in (*lesson.predictions, *lesson.quiz):
        assert all(choice.text in made and choice.why not in made for choice in one.choices)
    for one in lesson.predictions:
        assert one.because not in made
    for task in lesson.exercises:
        assert task.solution not in made and task.because not in made and not any(hint in made for hint in task.hints)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.file)
def test_a_handout_needs_nothing_from_elsewhere(page):
    made = handout(page)
    assert "<script" not in made and 'src="http' not in made and "@import" not in made and len(made) < 200_000
    assert "<h2>Key points</h2>" in made and "The question" in made and ".ipynb" not in made
