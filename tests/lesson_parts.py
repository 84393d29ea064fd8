"""The parts of a lesson and their order: found by what a cell calls and by headings, so that a learner sees no form."""

import re

ALL = range(20)
AFTER_THE_FIRST = range(2, 20)      # lessons that begin with the failure of an earlier system
WITH_A_LAB = range(1, 19)
EXERCISES = ("easy", "medium", "hard")
QUESTION = re.compile(r"\?(\s|$)")
LIST_ITEM = re.compile(r"^\s*([-*]|\d+\.)\s+\S", re.MULTILINE)


def calls(*names):
    """A part that is there when a cell calls one of these functions."""
    return lambda lesson, cell: any(call.name in names for call in cell.calls)


def method(name):
    """A part that is there when a cell calls a method of this name."""
    return lambda lesson, cell: any(call.name.split(".")[-1] == name for call in cell.calls)


def heading(pattern):
    """A part that is there when a markdown cell has a heading, or a bold opening, that matches."""
    wanted = re.compile(pattern, re.IGNORECASE)
    return lambda lesson, cell: any(wanted.search(text) for text in openings(cell))


def openings(cell):
    """A markdown cell's headings and the bold words that begin its paragraphs."""
    return [text for _, text in cell.headings] + re.findall(r"^\*\*(.+?)\*\*", cell.text, re.MULTILINE)


def is_title(lesson, cell):
    return cell.place == 0 and cell.headings[:1] and cell.headings[0][0] == 1


def is_objectives(lesson, cell):
    return cell.kind == "markdown" and len(LIST_ITEM.findall(cell.text)) >= 3 and bool(QUESTION.search(cell.text))


def is_setup(lesson, cell):
    return cell.kind == "code" and cell is lesson.code[0]


def simulates(lesson, cell):
    return calls("sd.simulate")(lesson, cell)


def has_table(lesson, cell):
    return any("<table" in output.get("data", {}).get("text/html", "") for output in cell.outputs)


def is_open_box(lesson, cell):
    return any(call.keywords.get("engine") == "reference" for call in cell.calls)


def is_theory(lesson, cell):
    return any(name.startswith("sd.theory.") for name in cell.names)


def is_lab(lesson, cell):
    return any(name.startswith("sd.lab.") for name in cell.names)


def has_figure(lesson, cell):
    return bool(cell.figures())


def is_exercise(level):
    def found(lesson, cell):
        key = f"{lesson.number:02d}-{level}"
        return any(call.name == "sd.exercise" and call.text == key for call in cell.calls)
    return found


# (part, how it is found, the lessons that have it), in the order of the lesson. Neighbours may share a cell.
PARTS = [
    ("title", is_title, ALL),
    ("objectives", is_objectives, ALL),
    ("setup", is_setup, ALL),
    ("pain: the old system run", simulates, AFTER_THE_FIRST),
    ("pain: its table", has_table, AFTER_THE_FIRST),
    ("diagram", calls("sd.charts.diagram"), ALL),
    ("prediction", calls("sd.predict"), ALL),
    ("run", simulates, ALL),
    ("the run's table", has_table, ALL),
    ("reveal", method("reveal"), ALL),
    ("open the box", is_open_box, ALL),
    ("explore", calls("sd.explore"), ALL),
    ("goals", calls("sd.goals"), ALL),
    ("static twin: picture", has_figure, ALL),
    ("static twin: table", has_table, ALL),
    ("theory check", is_theory, ALL),
    ("lab", is_lab, WITH_A_LAB),
    *[(f"{level} exercise", is_exercise(level), ALL) for level in EXERCISES],
    ("quiz", calls("sd.quiz"), ALL),
    ("what it cost", calls("sd.cost"), ALL),
    ("where the model lies", heading(r"\bmodel\b"), ALL),
    ("sources", heading(r"\bsources?\b"), ALL),
    ("key points", heading(r"key points|to keep|remember"), ALL),
    ("new words", heading(r"\b(new words|glossary|terms)\b"), ALL),
    ("progress", calls("sd.progress"), ALL),
]
# The goals are often made just above the panel that they belong to.
MAY_COME_EARLIER = {"goals"}


def parts(lesson):
    """Every part is there, and in order."""
    place = 0
    for name, found, lessons in PARTS:
        if lesson.number not in lessons:
            continue
        places = [cell.place for cell in lesson.cells if found(lesson, cell)]
        later = [at for at in places if at >= place]
        if not places:
            yield f"{name}: missing"
        elif name in MAY_COME_EARLIER:
            continue
        elif not later:
            yield f"{name}: in cell {places[-1]}, but it must not come before cell {place}"
        else:
            place = later[0]
