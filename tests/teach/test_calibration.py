"""How well the first predictions did: counted by what they were about, and the one thing that stands out."""

import json

import pytest
from test_predict import PREDICTIONS, PROOFS

from sdlib import lessons
from sdlib.teach.book import FILE_NAME
from sdlib.teach.calibration import COLUMNS, calibration
from sdlib.teach.content import ABOUT
from sdlib.teach.predict import predict
from sdlib.teach.progress import progress

IN_ORDER = {asked.key: asked for asked in PREDICTIONS if asked.rises is not None}


def of(about):
    return [asked.key for asked in PREDICTIONS if asked.about == about]


@pytest.fixture
def predicted(a_run):
    """predicted(key, number, right): choose a number, and reveal a run that proves another one."""
    def play(key, number, right):
        predict(key).choose(number)
        predict(key).reveal(a_run(**PROOFS[key][right - 1]))
    return play


@pytest.fixture
def lean(predicted):
    """lean(key, side): a prediction that was "right", "too low" or "too high"."""
    def play(key, side):
        last = len(PROOFS[key])
        low, high = (1, last) if IN_ORDER[key].rises else (last, 1)
        predicted(key, *{"right": (2, 2), "too low": (low, high), "too high": (high, low)}[side])
    return play


def rows():
    return {tally.about: dict(zip(COLUMNS[1:], map(int, tally.cells()[1:]), strict=True))
            for tally in calibration().tallies()}


def counted(predicted=0, right=0, low=0, high=0):
    return {"predicted": predicted, "right at first": right, "too low": low, "too high": high}


@pytest.mark.parametrize("number", lessons.numbers())
def test_every_prediction_says_what_it_is_about_and_which_way_its_choices_run(number):
    for asked in lessons.lesson("predict", number).predictions:
        assert asked.about in ABOUT, f"{asked.key} is about one of {', '.join(ABOUT)}"
        assert asked.rises in (True, False, None)


@pytest.mark.parametrize("key, rises", [
    ("02-hockey", True),    # a mean that grows from choice to choice
    ("06-policy", False),   # a wait that shrinks
    ("02-memory", True),    # fewer and fewer answers: the losses grow
    ("08-for-all", False),  # more and more answers: the losses shrink
    ("00-million", True), ("09-p99", True), ("03-price", True), ("14-load", True), ("12-half", True)])
def test_the_choices_run_as_the_lesson_says(key, rises):
    assert IN_ORDER[key].rises is rises


@pytest.mark.parametrize("side, name", [("too low", "low"), ("too high", "high")])
@pytest.mark.parametrize("key", IN_ORDER)
def test_a_choice_on_the_wrong_side_is_counted_there(key, side, name, lean):
    lean(key, side)
    assert rows() == {IN_ORDER[key].about: counted(1, **{name: 1})}


def test_a_prediction_of_fewer_losses_than_came_is_too_low(predicted):
    predicted("02-memory", 1, 4)   # nearly all would be answered; hardly any was
    predicted("08-for-all", 4, 1)  # the same, with its choices the other way round
    predicted("02-hockey", 3, 2)
    predicted("06-policy", 1, 3)   # about as long; it was a fifth
    assert rows() == {"losses": counted(2, low=2), "averages": counted(2, high=2)}


def test_only_the_first_choice_counts_and_it_counts_once(predicted, a_run):
    predict("01-utilization").choose(1)
    predicted("01-utilization", 2, 2)
    predicted("01-utilization", 4, 2)
    assert rows() == {"loads": counted(1, low=1)}


def test_late_skipped_and_unrevealed_predictions_do_not_count(a_run):
    predict("01-utilization").reveal(a_run())
    predict("01-utilization").choose(1)
    predict("01-utilization").reveal(a_run())
    predict("01-cores").skip()
    predict("01-cores").reveal(a_run(mean_ms=11))
    predict("02-hockey").choose(1)
    assert calibration().tallies() == []


def test_nothing_recorded_is_said_kindly(folder):
    assert str(calibration()).startswith("No prediction has been scored yet.")
    assert "No prediction has been scored yet." in calibration().widget().value
    assert list(folder.iterdir()) == []


def test_what_stands_out_is_said_in_one_sentence(lean):
    for key, side in zip(of("losses"), ("too low", "too low", "right", "too low", "too low", "too high")):
        lean(key, side)
    assert str(calibration()) == (
        "about   predicted  right at first  too low  too high\n"
        "losses  6          1               4        1\n"
        "1 of 6 were right at first.\n"
        "You underestimate losses: 4 of 6 of your predictions about them were too low.")
    assert "You underestimate losses" in calibration().widget().value


def test_too_high_is_an_overestimate_and_the_most_one_sided_kind_is_named(lean):
    for key, side in zip(of("losses"), ("too low", "too low", "right")):
        lean(key, side)
    for key in of("averages")[:3]:
        lean(key, "too high")
    assert str(calibration()).endswith(
        "You overestimate averages: 3 of 3 of your predictions about them were too high.")


def test_two_of_a_kind_are_too_few_to_say_anything(lean):
    for about in ("losses", "averages", "counts"):
        for key in of(about)[:2]:
            lean(key, "too low")
    assert str(calibration()).endswith("0 of 6 were right at first.\nToo few of a kind to say more: it takes 3.")


@pytest.mark.parametrize("sides", [("too low", "too high", "right"), ("right",) * 3, ("too low",) * 3 + ("right",) * 2])
def test_without_two_thirds_on_one_side_they_lean_to_none(sides, lean):
    for key, side in zip(of("losses"), sides, strict=False):
        lean(key, side)
    assert str(calibration()).endswith("They lean to no side.")


def test_the_saved_form_is_the_same_for_everybody(lean):
    nobody = calibration()._repr_mimebundle_()
    for key in of("losses")[:3]:
        lean(key, "too low")
    assert calibration()._repr_mimebundle_() == nobody and "underestimate" not in str(nobody)
    assert "underestimate" in str(calibration()) and "underestimate" in calibration().html()


def write(folder, **reveals):
    """A progress file with these reveals, by key; the text of it."""
    text = json.dumps({"version": 1, "entries": {"reveals": reveals}})
    (folder / FILE_NAME).write_text(text)
    return text


@pytest.mark.parametrize("right", [True, False])
def test_an_older_file_stays_readable(right, folder):
    """It holds no distance: what was right is known, on which side the others were is not."""
    write(folder, **{"01-utilization": [{"right": right}]})
    assert rows() == {"loads": counted(1, right=int(right))}
    assert progress("01").rows()[0][1].endswith(f"{int(right)} of 2 right at first")


@pytest.mark.parametrize("entry", [
    {"right": False, "off": "1"}, {"right": False, "off": None}, {"right": False, "off": 1.0},
    {"right": False, "off": True}, {"right": False, "off": [1]}, {"right": False, "off": 4},
    {"right": False, "off": -4}, {"right": True, "off": 1}, {"right": False, "off": 0}, {"off": 1}, {"right": 1}])
def test_a_damaged_record_is_kept_aside(entry, folder):
    text = write(folder, **{"01-utilization": [entry]})
    with pytest.warns(UserWarning, match="was damaged. It was kept as .*damaged-1, and a new one begins"):
        told = str(calibration())
    assert told.startswith("No prediction has been scored yet.") and "was damaged" in told
    assert (folder / f"{FILE_NAME}.damaged-1").read_text() == text


def test_a_record_that_turns_out_damaged_leaves_nothing_of_it_in_the_table(folder):
    write(folder, **{"00-million": [{"right": True, "off": 0}], "15-two": [{"right": True, "off": 2}]})
    with pytest.warns(UserWarning, match="was damaged"):
        assert str(calibration()).startswith("No prediction has been scored yet.")


def test_a_record_of_a_prediction_that_is_gone_and_an_empty_one_are_passed_over(folder):
    write(folder, **{"77-gone": [{"right": False, "off": 3}], "00-million": []})
    assert calibration().tallies() == []
