"""The lesson contract: every notebook keeps every rule, and every rule is able to fail."""

from pathlib import Path

import lesson_contract as contract
import pytest
from lesson_facts import FACTS
from lesson_numbers import agrees, backed, value, values
from lesson_reader import Lesson
from sample_lesson import change, code, figure, good_lesson, markdown, table

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


# (rule, what is done to the good lesson, what the rule must then say)
BROKEN = [
    ("parts", lambda cells: cells.__delitem__(slice(6, 8)), "prediction: missing"),
    ("parts", change("sd.quiz", code("1")), "quiz: missing"),
    ("parts", change("01-medium", code("1")), "medium exercise: missing"),
    ("parts", change("engine='reference'", code("1")), "open the box: missing"),
    ("parts", change("sd.explore", code("1")), "explore: missing"),
    ("parts", change("sd.theory", code("1")), "theory check: missing"),
    ("parts", change("sd.lab", code("1")), "lab: missing"),
    ("parts", change("Where the model", markdown("## Limits")), "where the model lies: missing"),
    ("parts", lambda cells: cells.insert(2, cells.pop(-1)), "progress: in cell 2"),
    ("title", change("# One server", markdown("# One server\n\nSteps 1 to 3. Client → **server**")), "minutes"),
    ("title", change("# One server", markdown("# One server\n\nSteps 1 to 3. 35 minutes.")), "architecture strip"),
    ("steps", change("# One server", markdown("# One server\n\nSteps 1 to 4. 35 minutes.")), "must name steps 1 to 3"),
    ("steps", change("## Step 3", markdown("## A hundred")), "step 3 is not taken up"),
    ("steps", change("## Step 3", markdown("## Steps 3 to 4")), "step 4 belongs to another lesson"),
    ("wiring", change("sd.quiz", code("sd.quiz('02')")), "sd.quiz('01') is not in the notebook"),
    ("wiring", change("sd.goals", code("sd.goals('77')")), "sd.goals('77') is unknown"),
    ("wiring", change("01-hard", code("sd.exercise('01-hard')")), "2 of 3 exercises are checked"),
    ("numbers", change("1.7 %", markdown("It is 1.8 % busy.")), "nothing backs the number 1.8"),
    ("numbers", change("1.7 %", markdown("It serves 2 of them.")), "nothing backs the number 2"),
    ("figures", change("show()", code("show()", figure(picture=False))), "no picture beside it"),
    ("figures", change("show()", code("show()", figure(alt="a figure"))), "not a sentence"),
    ("figures", change("## Key", markdown("## Key points\n![strip](sample_lesson.py)")), "not a sentence"),
    ("code", change("import", code("import sdlib as sd\nx = 1")), "imports only"),
    ("code", change("show()", code("x = 1\n" * 21)), "lines of code"),
    ("code", change("show()", code("open('https://example.org/data.csv')")), "leaves this machine"),
    ("saved", lambda cells: cells[4].update(execution_count=None), "not run in order"),
    ("saved", lambda cells: cells[4].metadata.update(tags=["nbval-skip"]), "exempt"),
    ("saved", change("show()", code("show()", {"output_type": "stream", "name": "stderr", "text": "oh"})), "warning"),
    ("saved", change("show()", code("show()", {"output_type": "error", "ename": "E", "evalue": "", "traceback": []})),
     "an error"),
    ("headings", change("## Key", markdown("#### Key points")), "level 4 follows one of level 2"),
    ("headings", change("## Key", markdown("# Key points")), "exactly one heading of level 1"),
    ("size", lambda cells: cells.append(markdown("word " * 1_901)), "words of prose"),
    ("size", lambda cells: cells.__delitem__(slice(15, None)), "cells;"),
    ("size", lambda cells: cells.append(markdown("x" * 600_000)), "bytes"),
    ("wording", change("## Key", markdown("## Key points\nIn this notebook we look at it.")), "filler"),
    ("wording", change("## Key", markdown("## Key points\nIt is just a server.")), "filler"),
    ("links", change("## Key", markdown("## Key points\n[more](nowhere.ipynb)")), "no such file"),
    ("links", change("## Key", markdown("## Key points\n[more](#Nowhere)")), "no such heading"),
    ("links", change("## Key", markdown("## Key points\n[more](https://example.org)")), "belongs under Sources"),
    ("links", change("## Sources", markdown("## Sources\n[more](http://example)")), "with https"),
]


@pytest.mark.parametrize(("rule", "breaks", "says"), BROKEN, ids=lambda item: item if isinstance(item, str) else "")
def test_a_broken_lesson_is_caught(rule, breaks, says):
    found = list(getattr(contract, rule)(good_lesson(breaks)))
    assert any(says in problem for problem in found), found


def test_every_rule_was_seen_to_fail():
    elsewhere = {"facts"}
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


@pytest.mark.parametrize(("said", "shown", "agree"), [
    ("1.7", "1.6667", True), ("1.7", "1.75", False), ("66.7", "66.6667", True), ("2", "1.667", False),
    ("1,000,000", "1000000", True), ("17", "16.7", True), ("0", "0.0", True), ("20", "0", False)])
def test_when_a_number_agrees_with_an_output(said, shown, agree):
    assert agrees(value(said), value(shown)) is agree


def test_a_percentage_is_backed_by_its_share():
    assert backed(value("95"), True, values("confidence=0.95"))
    assert not backed(value("95"), False, values("confidence=0.95"))


def test_a_table_is_read_without_its_style():
    lesson = good_lesson(change("show()", code("show()", table("a", 41))))
    printed = next(cell.printed for cell in lesson.code if "show()" in cell.source)
    assert "41" in printed and "7331" not in printed
