"""The guides for teachers say what the lessons say, and their plans add up."""

import re

from tools.build_guide import GUIDE, content, minutes_of
from tools.build_index import ROOT, pages

PAGES = {page.number: page for page in pages()}
TEACHING = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
A_ROW = re.compile(r"^\| ([^|]+) \| (\d+) \|", re.M)


def rows(after, before):
    """The rows of the table between two texts: [(first column, minutes)]."""
    return [(what, int(minutes)) for what, minutes in A_ROW.findall(TEACHING.split(after)[1].split(before)[0])]


def test_the_saved_guide_is_that_of_the_lessons():
    assert GUIDE.read_text(encoding="utf-8") == content(list(PAGES.values())), "run make index"


def test_no_lesson_is_left_out_of_the_guide():
    for page in PAGES.values():
        assert f"## {page.number} · {page.title} ({minutes_of(page)} minutes)" in content(list(PAGES.values()))


def test_the_parts_of_a_lesson_take_as_long_as_a_lesson():
    assert sum(minutes for _, minutes in rows("## One lesson", "## Three plans")) == 40
    assert all(30 <= minutes_of(page) <= 40 for page in PAGES.values())


def test_the_short_plan_takes_ninety_minutes():
    assert sum(minutes for _, minutes in rows("**90 minutes", "**One day")) == 90


def test_the_day_takes_six_hours_and_its_lessons_as_long_as_they_say():
    plan = rows("**One day", "**The whole course")
    assert sum(minutes for _, minutes in plan) == 6 * 60
    for what, minutes in plan[:-1]:
        assert minutes == minutes_of(PAGES[int(what)])


def test_what_it_names_is_there():
    for link in re.findall(r"\]\(([^)]+)\)", TEACHING):
        assert (ROOT / "docs" / link).is_file()
