"""Write docs/lessons.md: what a teacher wants to know of each lesson, read from the lessons themselves.

    python -m tools.build_guide

How to teach with it is written by hand, in docs/teaching.md.
"""

import re

from sdlib import lessons
from tools.build_index import ROOT, pages

GUIDE = ROOT / "docs" / "lessons.md"
WARNING = ("Made by `make index` from the lessons themselves. It names wrong ideas and so gives answers away: it is "
           "not for learners. How to teach with it: [teaching.md](teaching.md).")
MINUTES = re.compile(r"· (\d+) minutes$", re.M)
QUESTION = re.compile(r"^\*\*The question:\*\* (.+)$", re.M)


def minutes_of(page):
    """How long the lesson takes, as its title says."""
    return int(MINUTES.search(page.text)[1])


def content(read):
    """The text of docs/lessons.md."""
    by_number = {page.number: page for page in read}
    parts = ["# The lessons, for those who teach them", WARNING]
    for number in lessons.numbers():
        parts += _chapter(by_number[int(number)], lessons.lesson("guide", number))
    return "\n\n".join(parts) + "\n"


def _chapter(page, lesson):
    question = QUESTION.search(page.text)[1]
    yield f"## {page.number} · {page.title} ({minutes_of(page)} minutes)"
    yield f"{question[0].upper()}{question[1:]}"
    yield f"On the projector: {page.link('The panel')}."
    for asked in lesson.predictions:
        wrong = [f"- \"{choice.text}\": {choice.why}" for choice in asked.choices]
        yield "\n".join([f"**Let them vote** (`{asked.key}`): {asked.ask}", "", *wrong])
    yield "\n".join(["**What they get wrong in the exercises**", "", *(
        f"- {task.key.split('-')[1]}, {task.title}: {mistake.name}" for task in lesson.exercises
        for mistake in task.misconceptions)])
    yield "\n".join(["**To discuss**", "", *(f"- {question.ask}" for question in lesson.quiz if question.is_trade_off),
                     "", "**To find on the panel**", "", *(f"- {goal.text}" for goal in lesson.goals)])


def main():
    GUIDE.write_text(content(pages()), encoding="utf-8")
    print(GUIDE.relative_to(ROOT))


if __name__ == "__main__":
    main()
