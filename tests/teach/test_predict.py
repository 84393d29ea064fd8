"""Predictions: recorded, skippable, scored against the learner's own run."""

import json

import pytest

from sdlib import lessons
from sdlib.teach.book import FILE_NAME
from sdlib.teach.predict import predict

PREDICTIONS = [asked for number in lessons.numbers() for asked in lessons.lesson("quiz", number).predictions]

PROOFS = {
    "00-million": [{"error_percent": percent} for percent in (90, 99.4, 99.95, 99.9999)],
    "01-utilization": [{"utilization_percent": percent} for percent in (0.4, 1.7, 6.7, 25)],
    "01-cores": [{"mean_ms": ms} for ms in (6, 9, 11, 12)],
    "02-hockey": [{"mean_ms": ms} for ms in (20, 55, 120, 220)],
    "02-memory": [{"error_percent": percent, "crashes": 4} for percent in (3, 25, 38, 91)],
    "03-database": [{"error_percent": percent, "crashes": 1} for percent in (2, 75, 95, 99.7)],
    "03-price": [{"usd_per_month": usd} for usd in (6_000, 13_134, 25_000, 91_675)],
    "04-hour": [{"lost_in_stops": (night, 100)} for night in (2, 20, 53, 90)],
    "08-for-all": [{"others_answered": percent} for percent in (20, 52, 80, 100)],
    "09-p99": [{"p99_ms": ms} for ms in (465, 531, 641, 900)],
    "09-limit": [{"error_percent": percent} for percent in (0, 8, 25.6, 90)],
    "08-bucket": [{"error_percent": percent} for percent in (0.2, 8, 30, 50)],
    "04-retries": [{"answered": answered, "crashes": 1} for answered in (400, 380, 300, 50)],
    "05-dies": [{"error_percent": percent} for percent in (1, 10, 20, 45)],
    "05-list": [{"error_percent": percent, "crashes": 4} for percent in (2, 7, 13, 46)],
    "06-policy": [{"mean_ms": ms} for ms in (13.5, 11.6, 10.8, 10.1)],
    "06-dead": [{"error_percent": percent} for percent in (0, 10, 36, 49)],
    "07-split": [{"answered": answered} for answered in (400, 390, 300, 100)],
    "07-threads": [{"answered": answered, "crashes": 2} for answered in (390, 340, 200, 90)],
    "10-down": [{"lost_mails": mails} for mails in (0, 130, 240, 670)],
    "10-restart": [{"lost_mails": mails} for mails in (0, 8, 15, 250)],
    "11-drain": [{"empty_after_s": seconds} for seconds in (60, 96, 160, 240)],
    "11-herd": [{"dead_percent": percent} for percent in (0, 10, 47, 90)],
    "12-half": [{"half_told": customers} for customers in (5, 45, 96, 150)],
    "12-together": [{"mean_ms": ms} for ms in (130, 160, 230, 330)],
    "13-time": [{"mean_ms": ms} for ms in (133, 150, 180, 250)],
    "15-one": [{"error_percent": percent} for percent in (0, 2.5, 5, 25)],
    "15-two": [{"failed": requests} for requests in (0, 60, 120, 240)],
    "13-silent": [{"told_nothing": customers} for customers in (0, 62, 100, 160)],
    "17-faster": [{"p95_ms": ms} for ms in (381, 340, 200, 40)],
    "17-us": [{"us_p95_ms": ms} for ms in (230, 430, 640, 850)],
    "14-load": [{"left_per_s": requests} for requests in (800, 1_150, 1_476, 1_880)],
    "19-first": [{"fullest": part} for part in ("product", "product balancer", "product database", "mail worker")],
    "19-redis": [{"failed_routes": paths} for paths in (
        (), ("/product",), ("/order", "/payment"), ("/order", "/payment", "/product", "/user"))],
    "16-time": [{"hits": share, "misses": 100 - share} for share in (95, 60, 44, 20)],
    "16-rush": [{"queries": count} for count in (6, 60, 246, 2_400)],
    "14-leak": [{"leaks": answers, "answered": 4_000} for answers in (0, 40, 2_000, 3_990)],
    "18-pages": [{"pages_ms": ms} for ms in (10, 260, 430, 650)],
    "18-cold": [{"hits": percent, "misses": 100 - percent} for percent in (8, 50, 71, 88)],
}


def test_every_prediction_has_proofs_here():
    assert {asked.key for asked in PREDICTIONS} == set(PROOFS)


@pytest.mark.parametrize("key", PROOFS)
def test_each_choice_can_be_the_right_one_and_is_read_off_the_run(key, a_run):
    asked = predict(key)
    for number, figures in enumerate(PROOFS[key], start=1):
        asked.choose(number)
        card = asked.reveal(a_run(**figures)).personal()
        assert card.tone == "right" and "As predicted" in card.title
        assert asked.prediction.because in card.lines and "The answer" not in str(card)


@pytest.mark.parametrize("key", PROOFS)
def test_each_wrong_choice_gets_its_own_word(key, a_run):
    asked = predict(key)
    for right, figures in enumerate(PROOFS[key]):
        for number, choice in enumerate(asked.prediction.choices):
            if number != right:
                asked.choose(number + 1)
                card = asked.reveal(a_run(**figures)).personal()
                assert card.tone == "misconception" and choice.why in card.lines
                assert asked.prediction.because in card.lines
                right_text = asked.prediction.choices[right].text.rstrip(".")
                assert f"The answer: {right_text}." in card.lines
    assert len({choice.why for choice in asked.prediction.choices}) == len(asked.prediction.choices)


def test_the_impersonal_form_is_the_same_for_everybody(a_run):
    asked = predict("01-utilization")
    def outputs():
        revealed = asked.reveal(a_run())._repr_mimebundle_()
        return asked._repr_mimebundle_(), revealed
    nobody = outputs()
    asked.choose(3)
    assert outputs() == nobody
    text = nobody[1]["text/plain"]
    assert "In this run the cores were busy 1.7 % of the time." in text and "No prediction was recorded" in text
    assert "If you thought \"about 25 percent\"" in text and "If you thought \"about 2 percent\"" not in text


def test_asking_and_revealing_write_nothing(a_run, folder):
    for key in PROOFS:
        str(predict(key)), str(predict(key).reveal(a_run()))
    assert list(folder.iterdir()) == []


def test_nothing_is_given_away_before_the_reveal():
    asked = predict("01-utilization")
    shown = str(asked) + asked._repr_mimebundle_()["text/html"]
    assert not any(choice.why in shown for choice in asked.prediction.choices)
    assert asked.prediction.because not in shown


def test_the_personal_form_without_and_with_a_skipped_prediction(a_run):
    asked = predict("01-utilization")
    assert "No prediction was recorded." in str(asked.reveal(a_run()))
    asked.skip()
    assert "You skipped the prediction." in str(asked.reveal(a_run()))


def test_the_first_prediction_is_kept_and_scored(a_run, folder):
    asked = predict("01-utilization")
    asked.choose(3)
    asked.choose(2)
    assert "Your first prediction was: about 7 percent." in str(asked.reveal(a_run()))
    entries = json.loads((folder / FILE_NAME).read_text())["entries"]
    assert [entry["choice"] for entry in entries["predictions"]["01-utilization"]] == [3, 2]
    scored = entries["reveals"]["01-utilization"][0]
    assert scored["right"] is False and scored["off"] == 1
    assert entries["predictions"]["01-utilization"][0]["at"].endswith("+00:00")


def test_a_prediction_after_the_reveal_does_not_count(a_run, folder):
    asked = predict("01-utilization")
    asked.reveal(a_run())
    assert "does not count" in str(asked.choose(1))
    asked.reveal(a_run())
    entries = json.loads((folder / FILE_NAME).read_text())["entries"]
    assert entries["predictions"]["01-utilization"][0]["late"] is True and "reveals" not in entries


@pytest.mark.parametrize("number", [0, 5, -1, "1", 1.0, True, None])
def test_a_choice_that_does_not_exist(number, folder):
    with pytest.raises(ValueError, match="the number must be a whole number from 1 to 4; for example"):
        predict("01-utilization").choose(number)
    assert list(folder.iterdir()) == []


def test_reveal_needs_a_run():
    with pytest.raises(ValueError, match="run must be what sd.simulate returned"):
        predict("01-utilization").reveal(1.7)


@pytest.mark.parametrize("key", ["01-none", None])
def test_an_unknown_key_names_the_known_ones(key):
    with pytest.raises(ValueError, match=r"predict\(.*Known: 00-million, 01-utilization"):
        predict(key)


def test_the_form_records_by_its_buttons_and_can_be_skipped(folder):
    _question, buttons, reply = predict("01-utilization").widget().children
    *choices, skip = buttons.children
    assert [button.description for button in choices] == ["1. about half a percent", "2. about 2 percent",
                                                          "3. about 7 percent", "4. about 25 percent"]
    assert not (folder / FILE_NAME).exists()
    choices[1].click()
    assert "Your prediction is recorded" in reply.value and 'role="status"' in reply.value
    assert [button.icon for button in buttons.children] == ["", "check", "", "", ""]
    skip.click()
    assert "Skipped" in reply.value
    assert [button.icon for button in buttons.children] == ["", "", "", "", "check"]
    entries = json.loads((folder / FILE_NAME).read_text())["entries"]["predictions"]["01-utilization"]
    assert [entry["choice"] for entry in entries] == [2, 0]
