"""docs/index.md is what the lessons say, and nothing of the document is left out."""

import re

from tools.build_index import INDEX, ROOT, content, listed_steps, missing_steps, pages

PAGES = pages()


def test_the_saved_index_is_that_of_the_lessons():
    assert INDEX.read_text(encoding="utf-8") == content(PAGES), "run make index"


def test_every_step_of_the_document_is_listed_once_with_its_lesson():
    listed = listed_steps(PAGES[0])
    assert list(listed) == list(range(1, 36))
    numbers = [number for _, number in listed.values()]
    assert numbers == sorted(numbers) and set(numbers) == set(range(1, 19))


def test_only_steps_of_lessons_that_are_not_there_are_missing():
    there = {page.number for page in PAGES}
    assert missing_steps(PAGES) == [step for step, (_, number) in listed_steps(PAGES[0]).items() if number not in there]


def test_a_lesson_covers_the_steps_that_the_list_says():
    for page in PAGES[1:]:
        said = {step for step, (_, number) in listed_steps(PAGES[0]).items() if number == page.number}
        assert said <= set(page.steps()), page.title


def test_every_link_leads_to_a_heading_that_is_there():
    headings = {page.file: page.headings for page in PAGES}
    a_link = r"\]\(\.\./notebooks/([^)#]+)(?:#((?:[^()]|\([^)]*\))+))?\)"
    links = re.findall(a_link, INDEX.read_text(encoding="utf-8"))
    assert len(links) > 100
    for file, anchor in links:
        assert (ROOT / "notebooks" / file).is_file()
        assert not anchor or anchor in {heading.replace(" ", "-") for heading in headings[file]}, (file, anchor)


def test_every_lesson_has_its_words_and_exercises():
    text = content(PAGES)
    for page in PAGES:
        assert page.words(), page.title
        assert f"| {page.link()} | " in text.split("## Exercises")[1]
