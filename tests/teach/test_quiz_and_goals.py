"""Quizzes: a word on every choice. Goals: reached by trying, with a sentence why not; a tick stays."""

from html import escape

import numpy as np
import pytest
from toys import GOALS

from sdlib import lessons
from sdlib.teach.book import book
from sdlib.teach.content import Goal, Lesson
from sdlib.teach.goals import NOT_YET, Goals, goals
from sdlib.teach.quiz import quiz

NUMBERS = lessons.numbers()
CHOICES = [(number, place, choice) for number in NUMBERS
           for place, question in enumerate(lessons.lesson("quiz", number).quiz, start=1)
           for choice, _ in enumerate(question.choices, start=1)]


@pytest.mark.parametrize("number", NUMBERS)
def test_three_questions_one_of_them_a_trade_off_and_the_others_with_one_right_side(number):
    questions = quiz(number).lesson.quiz
    assert len(questions) == 3
    assert sum(question.is_trade_off for question in questions) == 1
    for question in questions:
        rights = [choice.right for choice in question.choices]
        assert rights == [None] * len(rights) if question.is_trade_off else rights.count(True) == 1
        assert all("Right when" in choice.why for choice in question.choices if choice.right is None)


@pytest.mark.parametrize("number, question, choice", CHOICES)
def test_every_choice_gets_its_own_word(number, question, choice):
    asked = quiz(number).lesson.quiz[question - 1].choices
    card = quiz(number).answer(question, choice)
    assert card.lines[-1] == asked[choice - 1].why
    assert len({other.why for other in asked}) == len(asked)
    assert card.tone == {True: "right", False: "misconception", None: "note"}[asked[choice - 1].right]


@pytest.mark.parametrize("number", NUMBERS)
def test_the_quiz_gives_nothing_away_and_says_how_to_answer_without_the_form(number):
    shown = quiz(number)._repr_mimebundle_()
    text = " ".join(shown["text/plain"].split())
    for question in quiz(number).lesson.quiz:
        assert question.ask in text
        assert not any(choice.why in text for choice in question.choices)
    assert f'sd.quiz("{number}").answer(question, choice)' in text and set(shown) == {"text/plain", "text/html"}


@pytest.mark.parametrize("question, choice", [(0, 1), (4, 1), (1, 9), ("1", 1), (1, None)])
def test_a_question_or_choice_that_does_not_exist(question, choice):
    with pytest.raises(ValueError, match="whole number from 1 to 3"):
        quiz("01").answer(question, choice)


def test_the_form_answers_each_question():
    forms = quiz("01").widget().children
    assert len(forms) == 3
    for form, question in zip(forms, quiz("01").lesson.quiz, strict=True):
        _question, buttons, reply = form.children
        for button, choice in zip(buttons.children, question.choices, strict=True):
            button.click()
            assert escape(choice.why) in reply.value


@pytest.mark.parametrize("tool", [quiz, goals])
@pytest.mark.parametrize("number", ["99", "1", 1, None])
def test_an_unknown_lesson_names_the_known_ones(tool, number):
    with pytest.raises(ValueError, match=r"Known: 00, 01, 02"):
        tool(number)


START = {"users": 100, "cpus": 4, "ram_gb": 4}


def reached(tasks, run, settings):
    """Whether each goal is reached when it is tried on this run."""
    return [tasks.attempt(place, run, settings).reached for place in range(len(tasks.texts))]


def test_goals_are_reached_one_by_one_by_trying_and_stay_ticked(a_run):
    tasks = Goals(GOALS)
    assert reached(tasks, a_run(), START) == [False] * 3 == tasks.ticked, "a sentence is no yes"
    expected = [False] * 3
    steps = [({"users": 2000}, {}), ({}, {"utilization_percent": 66}), ({}, {"mean_ms": 30})]
    for place, (settings, figures) in enumerate(steps):
        expected[place] = True
        verdict = tasks.attempt(place, a_run(**figures), {**START, **settings})
        assert (verdict.reached, verdict.why, verdict.goal) == (True, "", tasks.texts[place])
        assert tasks.ticked == expected, "one try, one goal"
    assert reached(tasks, a_run(), START) == [False] * 3 and tasks.ticked == [True] * 3, "the tick stays"
    assert Goals(GOALS).ticked == [True] * 3, "kept in the progress file"
    assert [len(book().entries("goals", f"90-{place}")) for place in (1, 2, 3)] == [1, 1, 1]


def with_one_goal(check):
    return Goals(Lesson("77", "A lesson", (), (), (), (Goal("do it", check),)))


@pytest.mark.parametrize("said, why", [("p99 is 40 ms.", "p99 is 40 ms."), (False, NOT_YET), (np.False_, NOT_YET)])
def test_a_check_gives_a_sentence_or_false(a_run, said, why):
    verdict = with_one_goal(lambda run, settings: said).attempt(0, a_run(), START)
    assert (verdict.reached, verdict.why) == (False, why)


@pytest.mark.parametrize("said", [True, np.True_])
def test_a_check_gives_true(a_run, said):
    assert with_one_goal(lambda run, settings: said).attempt(0, a_run(), START).reached


def test_the_saved_form_of_goals_is_the_same_for_everybody(a_run):
    nobody = Goals(GOALS)._repr_mimebundle_()
    tasks = Goals(GOALS)
    tasks.update(a_run(), {"users": 2000})
    assert tasks._repr_mimebundle_() == nobody and "☑" not in nobody["text/plain"]
    assert "☑ Have 2,000 users" in str(tasks)


def test_a_broken_condition_is_not_hidden(a_run):
    def broken(run, settings):
        return settings["no such slider"] > 1

    with pytest.raises(KeyError):
        with_one_goal(broken).attempt(0, a_run(), {})
