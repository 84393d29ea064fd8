"""The parts of a lesson and their order: found by what a cell calls and by headings, so that a learner sees no form."""

import re

ALL = range(20)
AFTER_LESSON_0 = range(1, 20)
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
    """The component's own process, and a small run of it on the reference engine."""
    shows = any(call.name == "inspect.getsource" for call in cell.calls)
    return shows and any(call.keywords.get("engine") == "reference" for call in cell.calls)


def is_check(lesson, cell):
    """One picture: a formula beside at least 20 seeds. Lesson 0 comes before theory has a name."""
    runs = ("sd.beside_formula", "sd.replicate", "sd.sweep")
    seeds = [call.keywords.get("seeds", 1) for call in cell.calls if call.name in runs]
    has_theory = lesson.number == 0 or any(name.startswith("sd.theory.") for name in cell.names)
    return bool(cell.figures()) and has_theory and any(count >= 20 for count in seeds)


def is_lab(lesson, cell):
    return any(name.startswith("sd.lab.") for name in cell.names)


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
    ("panel", calls("sd.explore"), ALL),
    ("goals", calls("sd.goals"), ALL),
    ("check", is_check, ALL),
    ("lab", is_lab, WITH_A_LAB),
    *[(f"{level} exercise", is_exercise(level), ALL) for level in EXERCISES],
    ("quiz", calls("sd.quiz"), ALL),
    ("what it cost", calls("sd.ledger"), ALL),
    ("go deeper, which says that it is optional", heading(r"go deeper.*optional"), ALL),
    ("open the box", is_open_box, AFTER_LESSON_0),
    ("where the model lies", heading(r"\bmodel\b"), ALL),
    ("sources", heading(r"\bsources?\b"), ALL),
    ("key points", heading(r"key points|to keep|remember"), ALL),
    ("new words", heading(r"\b(new words|glossary|terms)\b"), ALL),
    ("progress", calls("sd.progress"), ALL),
]


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
        elif not later:
            yield f"{name}: in cell {places[-1]}, but it must not come before cell {place}"
        else:
            place = later[0]
