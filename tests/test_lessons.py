"""The lesson contract: every notebook keeps every rule, and every rule is able to fail."""

from pathlib import Path

import lesson_contract as contract
import nbformat
import pytest
from lesson_facts import FACTS
from lesson_numbers import agrees, backed, value, values
from lesson_reader import Lesson
from sample_lesson import READY, change, code, figure, good_lesson, markdown, printed, table

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
LESSONS = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))


@pytest.mark.parametrize("rule", contract.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_keeps_the_contract(path, rule):
    assert list(rule(Lesson(path))) == []


def test_lessons_are_there_without_a_gap():
    assert [int(path.name[:2]) for path in LESSONS] == list(range(len(LESSONS)))
    assert len(LESSONS) >= 3


def test_no_notebook_hides_from_the_contract():
    assert sorted(NOTEBOOKS.glob("*.ipynb")) == LESSONS


def test_every_fact_is_true():
    wrong = [(lesson, number) for lesson in FACTS for number, proof in FACTS[lesson].items() if proof() is not True]
    assert wrong == []


def test_the_plan_covers_every_step_in_order():
    spans = [contract.STEPS[lesson] for lesson in range(1, 19)]
    assert {step for first, last in spans for step in range(first, last + 1)} == set(range(1, 36))
    assert spans == sorted(spans)


@pytest.mark.parametrize("rule", contract.RULES, ids=lambda rule: rule.__name__)
def test_a_good_lesson_passes(rule, monkeypatch):
    monkeypatch.setitem(FACTS, 1, {})
    assert list(rule(good_lesson())) == []


def remove(mark):
    """A way to break a lesson: take away the first cell whose source holds the mark."""
    def removed(cells):
        del cells[next(place for place, old in enumerate(cells) if mark in old.source)]
    return removed


def insert(place, cell):
    """A way to break a lesson: put a cell in at this place."""
    return lambda cells: cells.insert(place, cell)


def long_before_the_panel(cells):
    cells[2]["source"] += " word" * 300
    cells.extend(code("1") for _ in range(2))
    cells.insert(2, code("1"))


OPEN_RESULT = code("run = sd.simulate(shop, crowd)\nsd.predict('01-utilization').reveal(run)", table("busy (%)", 1.667))
DEAF_REVEAL = code("sd.predict('01-cores').reveal(run)", printed("it was as before"), answer=True)
HALF_TAGGED = code("show()")
HALF_TAGGED.metadata["tags"] = ["answer"]

# (rule, what is done to the good lesson, what the rule must then say)
BROKEN = [
    ("parts", change("sd.predict('01-utilization').reveal", code("1")), "reveal: in cell 7"),
    ("parts", change("sd.quiz", code("1")), "quiz: missing"),
    ("parts", change("01-medium", code("1")), "medium exercise: missing"),
    ("parts", change("inspect.getsource", code("sd.simulate(shop, crowd, engine='reference')")),
     "open the box: missing"),
    ("parts", change("sd.explore", code("1")), "panel: missing"),
    ("parts", change("sd.theory", code("sd.theory.mmc(1, 2, 3)", figure())), "check: missing"),
    ("parts", change("seeds=20", code("sd.replicate(build, seeds=5)\nsd.theory.mmc(1, 2, 3)", figure())),
     "check: missing"),
    ("parts", change("sd.lab", code("1")), "lab: missing"),
    ("parts", change("Where the model", markdown("## Limits")), "where the model lies: missing"),
    ("parts", change("Go deeper", markdown("## Go deeper")), "go deeper, which says that it is optional: missing"),
    ("parts", lambda cells: cells.insert(2, cells.pop(-1)), "progress: in cell 2"),
    ("parts", lambda cells: cells.insert(9, cells.pop(15)), "quiz: in cell 9"),
    ("title", change("# One server", markdown("# One server\n\nSteps 1 to 3. Client → **server**")), "minutes"),
    ("title", change("# One server", markdown("# One server\n\nSteps 1 to 3. 35 minutes.")), "architecture strip"),
    ("steps", change("# One server", markdown("# One server\n\nSteps 1 to 4. 35 minutes.")), "must name steps 1 to 3"),
    ("steps", change("## Step 3", markdown("## A hundred")), "step 3 is not taken up"),
    ("steps", change("## Step 3", markdown("## Steps 3 to 4")), "step 4 belongs to another lesson"),
    ("panel", long_before_the_panel, "belongs in the first third"),
    ("tables", change("sd.ledger", code("sd.ledger('01')", table("users", 1, columns=7))), "a table of 7 columns"),
    ("tables", change("sd.ledger", code("sd.ledger('01')", table("p99_ms", 1))), "'p99_ms' is no plain word"),
    ("terms", change("## Step 3", markdown("## Step 3\n\nThe server's utilization is low.")), "not set off there"),
    ("given_away", change("## Steps 1", markdown("## Steps 1 and 2\n\nIt is nearly idle.")),
     "01-utilization is given away before it is asked, in cell 2: 'nearly idle'"),
    ("given_away", insert(3, code("print(busy)", printed("busy: 1.67 %"))), "01-utilization is given away"),
    ("given_away", change("reveal(run)", OPEN_RESULT), "stands open between 01-utilization and its reveal"),
    ("given_away", change("'01-cores').reveal", code("sd.predict('01-cores').reveal(run)", printed("now 11.0 ms"),
                                                     answer=True)), "its open output shows the answer of 01-cores"),
    ("given_away", change("sd.ledger", code("sd.ledger('01')", printed("it was 1.67 % busy"))),
     "its open output shows the answer of 01-utilization"),
    ("goals_given_away", change("## Steps 1", markdown("## Steps 1 and 2\n\nTake 17 cores.")), "'17 cores'"),
    ("goals_given_away", change("sd.ledger", code("sd.ledger('01')", printed("5,150 users"))), "'5,150 users'"),
    ("without_answer", change("'01-cores').reveal", DEAF_REVEAL), "looks like none of its answer_shown_as"),
    ("tags", change("sd.lab", HALF_TAGGED), "but not both"),
    ("wiring", change("sd.quiz", code("sd.quiz('02')")), "sd.quiz('01') is not in the notebook"),
    ("wiring", change("sd.explore", code("sd.explore(goals=sd.goals('77'))")), "sd.goals('77') is unknown"),
    ("wiring", change("01-hard", code("sd.exercise('01-hard')")), "2 of 3 exercises are checked"),
    ("numbers", change("1.7 %", markdown("It is 1.8 % busy.")), "nothing backs the number 1.8"),
    ("numbers", change("1.7 %", markdown("It serves 5 of them.")), "nothing backs the number 5"),
    ("figures", change("sd.theory", code("show()", figure(picture=False))), "no picture beside it"),
    ("figures", change("sd.theory", code("show()", figure(alt="a figure"))), "not a sentence"),
    ("figures", change("## Key", markdown("## Key points\n![strip](sample_lesson.py)")), "not a sentence"),
    ("setup", change("import", code("import sdlib as sd\nx = 1\nsd.ready()", READY)), "must hold imports"),
    ("setup", change("import", code("import sdlib as sd", READY)), "end with sd.ready()"),
    ("setup", change("import", code("import sdlib as sd\nsd.ready()")), "must have saved the word ready"),
    ("setup", change("import", code("import inspect\nimport sdlib as sd\nsd.ready()", READY)), "imports inspect"),
    ("opened", change("Go deeper", markdown("## Go deeper (optional)\n\nIt is `LOST`.")), "speaks of `LOST`"),
    ("code", change("sd.lab", code("x = 1\n" * 21)), "lines of code"),
    ("code", change("sd.lab", code("x = " + "1 + " * 25 + "1")), "a line of 105 characters"),
    ("code", change("sd.lab", code("open('https://example.org/data.csv')")), "leaves this machine"),
    ("saved", lambda cells: cells[3].update(execution_count=None), "not run in order"),
    ("saved", lambda cells: cells[3].metadata.update(tags=["nbval-skip"]), "exempt"),
    ("saved", change("sd.lab", code("show()", {"output_type": "stream", "name": "stderr", "text": "oh"})), "warning"),
    ("saved", change("sd.lab", code("show()", {"output_type": "error", "ename": "E", "evalue": "", "traceback": []})),
     "an error"),
    ("headings", change("## Step 3", markdown("#### Step 3")), "level 4 follows one of level 2"),
    ("headings", change("## Key", markdown("# Key points")), "exactly one heading of level 1"),
    ("size", insert(-1, markdown("word " * 1_401)), "words of prose"),
    ("size", lambda cells: cells.__delitem__(slice(15, None)), "cells;"),
    ("size", insert(-1, markdown("x" * 600_000)), "bytes"),
    ("wording", change("## Key", markdown("## Key points\nIn this notebook we look at it.")), "filler"),
    ("wording", change("## Key", markdown("## Key points\nIt is just a server.")), "filler"),
    ("wording", change("## Key", markdown("## Key points\nIt is $10, not $20.")), "write dollars"),
    ("links", change("## Key", markdown("## Key points\n[more](nowhere.ipynb)")), "no such file"),
    ("links", change("## Key", markdown("## Key points\n[more](#Nowhere)")), "no such heading"),
    ("links", change("## Key", markdown("## Key points\n[more](https://example.org)")), "belongs under Sources"),
    ("links", change("### Sources", markdown("### Where the model lies\n### Sources\n[more](http://example)")),
     "with https"),
]


@pytest.mark.parametrize(("rule", "breaks", "says"), BROKEN, ids=lambda item: item if isinstance(item, str) else "")
def test_a_broken_lesson_is_caught(rule, breaks, says):
    found = list(getattr(contract, rule)(good_lesson(breaks)))
    assert any(says in problem for problem in found), found


def test_every_rule_was_seen_to_fail():
    elsewhere = {"facts", "journey"}
    assert {rule.__name__ for rule in contract.RULES} == {rule for rule, _, _ in BROKEN} | elsewhere


def test_a_fact_that_no_lesson_states_is_caught(monkeypatch):
    monkeypatch.setitem(FACTS, 1, {"512": lambda: True})
    assert list(contract.facts(good_lesson())) == ["the fact 512 is stated nowhere"]
    stated = good_lesson(change("## Key", markdown("## Key points\n512 requests fit.")))
    assert list(contract.facts(stated)) == []
    assert list(contract.numbers(stated)) == []


def test_a_neighbour_must_be_linked(tmp_path):
    Path(tmp_path, "02-overload.ipynb").write_text("{}")
    lesson = good_lesson()
    lesson.path = tmp_path / "01-sample.ipynb"
    assert "no link to 02-overload.ipynb" in list(contract.links(lesson))


def first_lesson(*lines):
    """Lesson 0, whose map and list of steps have these lines."""
    lesson = good_lesson(change("## Steps 1", markdown("## The journey\n\n" + "\n".join(lines))))
    lesson.number = 0
    return lesson


def test_lesson_0_lists_every_step_with_the_lesson_that_takes_it_up():
    taken_up = {step: number for number in range(1, 19) for step in range(contract.STEPS[number][0],
                                                                          contract.STEPS[number][1] + 1)}
    lines = [f"{step}. It goes on (lesson {taken_up[step]})" for step in range(1, 36)]
    lines += [f"| the shop | [lesson]({number:02d}-lesson.ipynb) |" for number in range(1, 20)]
    assert list(contract.journey(first_lesson(*lines))) == []
    assert any("34 found" in problem for problem in contract.journey(first_lesson(*lines[1:])))
    assert any("in order: [1, 2," in problem for problem in contract.journey(first_lesson(*lines[:-1])))
    lines[7] = "8. It goes on (lesson 9)"
    assert list(contract.journey(first_lesson(*lines))) == ["step 8 is not taken up in lesson 9"]


def beside_an_earlier_one(folder, *cells):
    """The good lesson 1, in a folder with a lesson 0 of these cells."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    nbformat.write(notebook, folder / "00-before.ipynb")
    lesson = good_lesson()
    lesson.path = folder / "01-sample.ipynb"
    return lesson


def test_what_an_earlier_lesson_gives_away_is_found(tmp_path):
    lesson = beside_an_earlier_one(tmp_path, code("run.summary()", printed("busy 1.67 %")))
    assert any("given away before it is asked" in problem for problem in contract.given_away(lesson))
    lesson = beside_an_earlier_one(tmp_path, code("run.summary()", printed("busy\n1.67 %"), answer=True))
    assert list(contract.given_away(lesson)) == []


def test_a_chart_that_an_earlier_lesson_had_is_found(tmp_path):
    lesson = beside_an_earlier_one(tmp_path, code("sd.explore(build, chart=sd.charts.where_the_time_goes)"))
    assert any("is that of lesson 0" in problem for problem in contract.panel(lesson))
    assert list(contract.panel(beside_an_earlier_one(tmp_path, code("sd.explore(build)")))) == []


@pytest.mark.parametrize(("said", "shown", "agree"), [
    ("1.7", "1.6667", True), ("1.7", "1.75", False), ("66.7", "66.6667", True), ("2", "1.667", False),
    ("1,000,000", "1000000", True), ("17", "16.7", True), ("0", "0.0", True), ("20", "0", False)])
def test_when_a_number_agrees_with_an_output(said, shown, agree):
    assert agrees(value(said), value(shown)) is agree


def test_a_percentage_is_backed_by_its_share():
    assert backed(value("95"), True, values("confidence=0.95"))
    assert not backed(value("95"), False, values("confidence=0.95"))


def test_a_table_is_read_without_its_style():
    lesson = good_lesson(change("sd.lab", code("show()", table("a", 41))))
    said = next(cell.printed for cell in lesson.code if "show()" in cell.source)
    assert "41" in said and "7331" not in said
