"""The rules that every lesson keeps. A rule takes a Lesson and yields what is wrong, in words."""

import ast
import re
from urllib.parse import unquote, urlsplit

from lesson_facts import FACTS
from lesson_hidden import given_away, goals_given_away, tags, without_answer
from lesson_numbers import unbacked
from lesson_parts import EXERCISES, parts
from lesson_reader import Lesson, alt_text

# The steps of the document that each lesson covers; lesson 0 and the capstone look at all of them.
STEPS = {0: (1, 35), 1: (1, 3), 2: (3, 5), 3: (5, 7), 4: (8, 8), 5: (9, 10), 6: (11, 14), 7: (15, 16), 8: (17, 18),
         9: (19, 19), 10: (20, 21), 11: (22, 23), 12: (24, 27), 13: (28, 30), 14: (31, 31), 15: (32, 32),
         16: (33, 33), 17: (34, 34), 18: (35, 35), 19: (1, 35)}
OVERVIEWS = (0, 19)
MOST_CODE_LINES, LONGEST_LINE, MOST_WORDS, MOST_BYTES = 20, 100, 1_400, 500_000
FEWEST_CELLS, MOST_CELLS, MOST_COLUMNS = 20, 30, 6
FILLER = re.compile(
    r"\b(in this (notebook|lesson|section),? (we|you)|we will now|let'?s|simply|just|obviously|of course|basically"
    r"|easy as|as (we|you) can see|it is important to|great job|well done|congratulations|awesome|amazing|powerful"
    r"|exciting|dive|delve|welcome)\b", re.IGNORECASE)
TERM = r"\*{1,2}[^*\n]*\b%ss?\b[^*\n]*\*{1,2}|^#+ .*\b%ss?\b"
STEP = re.compile(r"\bsteps?\s+(\d+)(?:\s*(?:to|and|-|–)\s*(\d+))?", re.IGNORECASE)
NETWORK = re.compile(r"https?://(?!127\.0\.0\.1|localhost)|\b(urllib|requests\.(get|post)|httpx|wget|curl|pip)\b")
SENTENCE = re.compile(r"[A-Z0-9].{15,}[.!?]$", re.DOTALL)


def title(lesson):
    """The title is the lesson's own; it names the steps, the minutes, and shows the architecture so far with the new
    box in bold."""
    from sdlib import lessons
    cell, number = lesson.cells[0], f"{lesson.number:02d}"
    if number in lessons.numbers() and not cell.headings[0][1].endswith(lessons.lesson("lesson", number).title):
        yield f"the heading is not the lesson's title, {lessons.lesson('lesson', number).title!r}"
    if not re.search(r"\b\d+( to \d+)? minutes\b", cell.text):
        yield "the title does not say how many minutes the lesson takes"
    if not re.search(r"\*\*[^*]+\*\*.*→|→.*\*\*[^*]+\*\*", cell.text):
        yield "the title has no architecture strip (a line with →, the new box in bold)"


def steps(lesson):
    """The title names the document's steps as planned; the body takes up each of them and no other."""
    first, last = STEPS[lesson.number]
    named = STEP.search(lesson.cells[0].text)
    if not named or (int(named[1]), int(named[2] or named[1])) != (first, last):
        yield f"the title must name steps {first} to {last}" if last > first else f"the title must name step {first}"
    if lesson.number in OVERVIEWS:
        return
    taken_up = {step for cell in lesson.markdown[1:-1] for match in STEP.finditer(cell.text)
                for step in range(int(match[1]), int(match[2] or match[1]) + 1)}
    planned = set(range(first, last + 1))
    yield from (f"step {step} is not taken up" for step in sorted(planned - taken_up))
    yield from (f"step {step} belongs to another lesson" for step in sorted(taken_up - planned))


def journey(lesson):
    """Lesson 0 lists all 35 steps, in order, each with the lesson that takes it up, and links all lessons, in order."""
    if lesson.number != 0:
        return
    text = "\n".join(cell.text for cell in lesson.markdown)
    found = re.findall(r"^(\d+)\. .+\(lesson (\d+)\)", text, re.MULTILINE)
    listed = [(int(step), int(number)) for step, number in found]
    if [step for step, _ in listed] != list(range(1, 36)):
        yield f"the document's steps are not listed from 1 to 35, each with its lesson: {len(listed)} found"
    for step, number in listed:
        first, last = STEPS.get(number, (0, 0))
        if number in OVERVIEWS or not first <= step <= last:
            yield f"step {step} is not taken up in lesson {number}"
    table = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    mapped = [int(number) for number in re.findall(r"\]\((\d\d)-[a-z-]+\.ipynb\)", table)]
    if mapped != list(range(1, max(STEPS) + 1)):
        yield f"the journey does not link the lessons from 1 to {max(STEPS)}, in order: {mapped}"


def panel(lesson):
    """The panel stands in the first third, of the cells or of the words, and has a chart that no earlier lesson had."""
    cell = lesson.first("sd.explore")
    if not cell:
        return
    words = [lesson.words(other) for other in lesson.cells]
    if cell.place > len(lesson.cells) / 3 and sum(words[:cell.place]) > sum(words) / 3:
        yield f"the panel is cell {cell.place} of {len(lesson.cells)}, after {sum(words[:cell.place])} of " \
              f"{sum(words)} words: it belongs in the first third"
    for other in lesson.earlier():
        if chart(other) == chart(lesson):
            yield f"its chart, {chart(lesson)}, is that of lesson {other.number}"


def chart(lesson):
    """What the lesson's panel draws beside the system."""
    cell = lesson.first("sd.explore")
    return next((call.keywords.get("chart", "latency") for call in cell.calls if call.name == "sd.explore"), "")


def tables(lesson):
    """A table has at most six columns; before "Go deeper" their names are plain words."""
    is_deep = False
    for cell in lesson.cells:
        is_deep = is_deep or any("go deeper" in text.lower() for _, text in cell.headings)
        for names in cell.table_heads():
            if len(names) > MOST_COLUMNS:
                yield f"cell {cell.place}: a table of {len(names)} columns: {', '.join(names)}"
            if not is_deep:
                yield from (f"cell {cell.place}: the column {name!r} is no plain word" for name in names if "_" in name)


def terms(lesson):
    """Each new word is set off and explained in the first cell, after the title, that uses it."""
    listed = re.search(r"\*\*New words\*\*:(.+?)\.\s*$", "\n".join(cell.text for cell in lesson.markdown), re.MULTILINE)
    for term in (listed[1].split(",") if listed else ()):
        word = re.escape(term.strip())
        uses = [cell for cell in lesson.markdown[1:] if re.search(rf"\b{word}s?\b", cell.text, re.IGNORECASE)]
        if not re.search(TERM % (word, word), uses[0].text, re.IGNORECASE | re.MULTILINE):
            yield f"the new word {term.strip()!r} is used in cell {uses[0].place} and not set off there"
        elif "New words" in uses[0].text and "New words" not in uses[0].text[:40] and len(uses) == 1:
            yield f"the new word {term.strip()!r} is used nowhere"


def wiring(lesson):
    """Prediction, exercises, quiz and goals exist in the registry, and each exercise is checked."""
    from sdlib import lessons
    number = f"{lesson.number:02d}"
    if number not in lessons.numbers():
        yield f"sdlib.lessons has no lesson {number}"
        return
    content = lessons.lesson("lesson", number)
    used = {name: {call.text for cell in lesson.code for call in cell.calls if call.name == f"sd.{name}"}
            for name in ("predict", "exercise", "quiz", "goals")}
    wanted = {"predict": {item.key for item in content.predictions}, "quiz": {number}, "goals": {number},
              "exercise": {f"{number}-{level}" for level in EXERCISES}}
    for tool, keys in wanted.items():
        yield from (f"sd.{tool}({key!r}) is not in the notebook" for key in sorted(keys - used[tool]))
        yield from (f"sd.{tool}({key!r}) is unknown" for key in sorted(used[tool] - keys))
    if {item.key for item in content.exercises} != wanted["exercise"]:
        yield "the registry must hold an easy, a medium and a hard exercise"
    if len(content.quiz) != 3 or sum(question.is_trade_off for question in content.quiz) != 1:
        yield "the quiz must have three questions, one of them a trade-off"
    if len(content.goals) != 3:
        yield "there must be three goals"
    checks = sum(call.name.endswith(".check") for cell in lesson.code for call in cell.calls)
    if checks < len(EXERCISES):
        yield f"{checks} of {len(EXERCISES)} exercises are checked"


def numbers(lesson):
    """Each number in prose is backed."""
    for place, number in unbacked(lesson, FACTS.get(lesson.number, {})):
        yield f"cell {place}: nothing backs the number {number}"


def facts(lesson):
    """Each fact asserted for the lesson is stated in it."""
    text = " ".join(cell.prose for cell in lesson.markdown)
    for number in FACTS.get(lesson.number, {}):
        if not re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d])", text):
            yield f"the fact {number} is stated nowhere"


def figures(lesson):
    """Each figure has a picture beside it and an alt text that is a sentence; so has each picture in markdown."""
    for cell in lesson.cells:
        for output in cell.figures():
            if "image/png" not in output.data:
                yield f"cell {cell.place}: a figure has no picture beside it (make notebooks)"
            if not SENTENCE.match(alt_text(output)):
                yield f"cell {cell.place}: a figure's alt text is not a sentence: {alt_text(output)!r}"
        for is_picture, text, _ in cell.links:
            if is_picture and not SENTENCE.match(text):
                yield f"cell {cell.place}: a picture's alt text is not a sentence: {text!r}"
        for output in cell.outputs:
            drawn = output.get("data", {}).get("image/svg+xml", "") + output.get("data", {}).get("text/html", "")
            if "<svg" in drawn and not re.search(r"<title|aria-label", drawn):
                yield f"cell {cell.place}: a drawing has neither title nor aria-label"


def code(lesson):
    """Code is short, plain Python; nothing is installed or fetched."""
    for cell in lesson.code:
        lines = cell.source.count("\n") + 1
        if lines > MOST_CODE_LINES:
            yield f"cell {cell.place}: {lines} lines of code"
        longest = max(map(len, cell.source.splitlines()), default=0)
        if longest > LONGEST_LINE:
            yield f"cell {cell.place}: a line of {longest} characters; beside a sidebar {LONGEST_LINE} can be read"
        if NETWORK.search(cell.source):
            yield f"cell {cell.place}: installs something or leaves this machine"


def setup(lesson):
    """The first code cell imports what the required part uses; it ends with sd.ready(), saved as "ready"."""
    if not lesson.code:
        return
    first, imports = lesson.code[0], (ast.Import, ast.ImportFrom)
    *lines, last = first.tree.body
    if not all(isinstance(line, imports) for line in lines) or ast.unparse(last) != "sd.ready()":
        yield "the first code cell must hold imports, and end with sd.ready()"
        return
    if [output.get("data") for output in first.outputs] != [{"text/plain": "ready"}]:
        yield "the first code cell must have saved the word ready, and nothing else"
    required = "\n".join(cell.source for cell in lesson.code[1:] if cell.place < lesson.optional_from)
    names = [(name.asname or name.name) for line in lines for name in line.names]
    yield from (f"the first code cell imports {name}, which only the optional part uses" for name in names
                if not re.search(rf"\b{name}\b", required))


def opened(lesson):
    """The text above printed source speaks of that source: each code word in backticks occurs in it."""
    for cell in lesson.code:
        above = next((other for other in reversed(lesson.cells[:cell.place]) if other.kind == "markdown"), None)
        if any(call.name == "inspect.getsource" for call in cell.calls) and above:
            for word in re.findall(r"`([^`\n]+)`", above.text):
                if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", cell.printed):
                    yield f"cell {above.place}: speaks of `{word}`, which the source below does not hold"


def saved(lesson):
    """All cells ran, in order, without error or warning; nothing is exempt from the comparison of outputs."""
    counts = [cell.execution_count for cell in lesson.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the cells were not run in order, once each: {counts}"
    for cell in lesson.code:
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"cell {cell.place}: an error or a warning was saved"
        tags = " ".join(cell.metadata.get("tags", []))
        if "nbval" in tags.lower() or "NBVAL_" in cell.source:
            yield f"cell {cell.place}: is exempt from the comparison of outputs"


def headings(lesson):
    """One title, on top; no level is skipped."""
    levels = [level for cell in lesson.markdown for level, _ in cell.headings]
    if levels[:1] != [1] or levels.count(1) != 1:
        yield "there must be exactly one heading of level 1, and it must be the first"
    for before, after in zip(levels, levels[1:], strict=False):
        if after > before + 1:
            yield f"a heading of level {after} follows one of level {before}"


def size(lesson):
    """A lesson stays readable in one sitting."""
    words = sum(map(lesson.words, lesson.markdown))
    if words > MOST_WORDS:
        yield f"{words} words of prose; {MOST_WORDS} at most"
    if not FEWEST_CELLS <= len(lesson.cells) <= MOST_CELLS:
        yield f"{len(lesson.cells)} cells; {FEWEST_CELLS} to {MOST_CELLS} are a lesson"
    if lesson.bytes > MOST_BYTES:
        yield f"{lesson.bytes:,} bytes; {MOST_BYTES:,} at most"


def wording(lesson):
    """No filler, no praise, no pair of dollar signs: JupyterLab sets what stands between them as a formula."""
    for cell in lesson.markdown:
        if cell.prose.count("$") > 1:
            yield f"cell {cell.place}: between two dollar signs stands a formula; write dollars"
        yield from (f"cell {cell.place}: filler: {match[0]!r}" for match in FILLER.finditer(cell.prose))


def links(lesson):
    """Links lead somewhere; the outside world is linked under Sources only; neighbours are linked if they exist."""
    for cell in lesson.markdown:
        for _, _, target in cell.links:
            problem = link_problem(lesson, cell, target)
            if problem:
                yield f"cell {cell.place}: {target}: {problem}"
    targets = {target.partition("#")[0] for cell in lesson.markdown for _, _, target in cell.links}
    for number in (lesson.number - 1, lesson.number + 1):
        for neighbour in lesson.path.parent.glob(f"{number:02d}-*.ipynb"):
            if neighbour.name not in targets:
                yield f"no link to {neighbour.name}"


def link_problem(lesson, cell, target):
    """What is wrong with one link, or ""."""
    parts_of = urlsplit(target)
    if parts_of.scheme:
        well_formed = parts_of.scheme == "https" and "." in parts_of.netloc
        in_sources = target in cell.sources
        return "" if well_formed and in_sources else "an address of the outside world belongs under Sources, with https"
    file = lesson.path.parent / unquote(parts_of.path) if parts_of.path else lesson.path
    if parts_of.path and not file.exists():
        return "there is no such file"
    if not parts_of.fragment:
        return ""
    other = lesson if not parts_of.path else Lesson(file)
    return "" if unquote(parts_of.fragment) in other.anchors else "there is no such heading"


RULES = [parts, title, steps, journey, panel, tables, terms, given_away, goals_given_away, without_answer, tags,
         wiring, numbers, facts, figures, code, setup, opened, saved, headings, size, wording, links]
