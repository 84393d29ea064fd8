"""Nothing is given away: what a learner is asked to predict or to find is not open on the page before.

A prediction and a goal carry `answer_shown_as`, patterns of how their answer would look. What counts as open: prose,
code, and every saved output that is not folded away.
"""

import re

ANSWER = "answer"


def content_of(lesson):
    """The lesson's texts in sdlib.lessons, or None."""
    from sdlib import lessons
    number = f"{lesson.number:02d}"
    return lessons.lesson("lesson", number) if number in lessons.numbers() else None


def asks_only(cell):
    """Whether a cell does nothing but ask: a prediction, an exercise or the quiz as it stands."""
    return {call.name for call in cell.calls} <= {"sd.predict", "sd.exercise", "sd.quiz"} and bool(cell.calls)


def shows(cells, patterns):
    """[(cell, what it shows)]: the cells in which one of the patterns is open to see."""
    found = ((cell, re.search(pattern, cell.shown, re.IGNORECASE)) for cell in cells for pattern in patterns)
    return [(cell, match[0]) for cell, match in found if match]


def spans(lesson):
    """[(prediction, its cell, the cell of its reveal)] as places; only of those that are there."""
    content = content_of(lesson)
    found = []
    for asked in content.predictions if content else ():
        places = lesson.places("sd.predict", asked.key)
        reveals = [cell.place for cell in lesson.code if cell.place in places and
                   any(call.name.endswith("reveal") for call in cell.calls)]
        asks = [place for place in places if place not in reveals]
        if asks and reveals:
            found.append((asked, asks[0], reveals[0]))
    return found


def given_away(lesson):
    """Before a prediction nothing shows its answer, here or earlier; until its reveal no output stands open."""
    for asked, ask, reveal in spans(lesson):
        before = [cell for other in lesson.earlier() for cell in other.cells] + lesson.cells[:ask]
        for cell, shown in shows(before, asked.answer_shown_as):
            yield f"{asked.key} is given away before it is asked, in cell {cell.place}: {shown!r}"
        for cell in lesson.cells[ask + 1:reveal + 1]:
            if cell.outputs and not cell.is_closed and not asks_only(cell):
                yield f"cell {cell.place}: its output stands open between {asked.key} and its reveal"
        for cell, shown in shows([cell for cell in lesson.code if cell.place > ask], asked.answer_shown_as):
            if shown in (cell.placeholder if cell.is_closed else cell.printed):
                yield f"cell {cell.place}: its open output shows the answer of {asked.key}: {shown!r}"


def goals_given_away(lesson):
    """No open output of this lesson, and nothing before the panel or in an earlier lesson, shows a goal's answer."""
    content, panel = content_of(lesson), lesson.first("sd.explore")
    for goal in content.goals if content and panel else ():
        before = [cell for other in lesson.earlier() for cell in other.cells] + lesson.cells[:panel.place]
        after = [cell for cell in lesson.code if cell.place >= panel.place]
        for cell, shown in shows(before + after, goal.answer_shown_as):
            yield f"cell {cell.place} shows the answer of the goal \"{goal.text}\": {shown!r}"


def without_answer(lesson):
    """Each prediction says how its answer would look, and the lesson's own reveal does look like that."""
    for asked, _, reveal in spans(lesson):
        revealed = lesson.cells[reveal].printed
        if not any(re.search(pattern, revealed, re.IGNORECASE) for pattern in asked.answer_shown_as):
            yield f"{asked.key}: its reveal looks like none of its answer_shown_as"


def tags(lesson):
    """The tag "answer" and folded outputs go together: the build folds what is tagged, and only that."""
    for cell in lesson.code:
        if (ANSWER in cell.metadata.get("tags", [])) != cell.is_closed:
            yield f"cell {cell.place}: tagged as an answer or folded away, but not both (make notebooks)"
