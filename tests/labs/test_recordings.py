"""A recorded real run reads like a live one, and says what it is."""

import json

import pandas as pd
import pytest
from test_labs import one_request

from sdlib import labs as lab
from sdlib.labs import recordings
from sdlib.labs.result import LabResult


@pytest.fixture
def toy(monkeypatch):
    """A lab that needs NGINX, without any server."""
    monkeypatch.setattr(recordings, "LABS", {})

    @recordings.recorded("NGINX")
    def toy_lab(times=1):
        return LabResult({50: one_request(), 80: one_request()}, [("all is well", times == 1)], "All is well.")
    return toy_lab


def test_what_was_saved_is_read(toy, tmp_path):
    live = toy()
    recordings.save("toy_lab", live, tmp_path)
    read = recordings.read("toy_lab", tmp_path)
    assert (str(read), read.claims, read.axis) == (str(live), live.claims, live.axis)
    assert list(read.loads) == [50, 80]
    pd.testing.assert_frame_equal(read.measured, live.measured)
    pd.testing.assert_frame_equal(read.loads[50].requests, live.loads[50].requests)
    assert read.recorded["versions"]["NGINX"] == lab.check().loc["NGINX", "version"]
    shown = read.panel().value
    assert f"A recorded real run, of {read.recorded['date']} on {read.recorded['machine']} with Python" in shown
    assert "A recorded real run" not in live.panel().value


def test_a_recorded_run_stands_in_where_software_is_missing(toy, tmp_path, monkeypatch):
    recordings.save("toy_lab", toy(), tmp_path)
    monkeypatch.setattr(recordings, "FOLDER", tmp_path)
    monkeypatch.setattr("sdlib.labs.inventory.find_program", lambda *names: None)
    stands_in = toy()
    assert str(stands_in) == "All is well." and stands_in.recorded
    assert "NGINX (get it with: apt install nginx" in stands_in.panel().value
    with pytest.raises(lab.LabError, match=r"toy_lab with these arguments needs NGINX \(get it with: apt install"):
        toy(times=2)


def test_on_windows_the_recording_names_wsl(monkeypatch):
    monkeypatch.setattr(recordings.sys, "platform", "win32")
    assert "wsl --install" in lab.one_server().panel().value


def test_a_run_that_shows_nothing_is_not_saved(toy, tmp_path):
    with pytest.raises(ValueError, match="does not show what the lab claims.*It did not hold that all is well"):
        recordings.save("toy_lab", toy(times=2), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_recording(toy, tmp_path):
    with pytest.raises(lab.LabError, match="no recorded run of lab.toy_lab; `make recordings` makes one"):
        recordings.read("toy_lab", tmp_path)


def test_every_lab_is_recorded_and_reads_as_the_lesson_does():
    from sdlib.labs import lessons
    assert {path.stem for path in recordings.FOLDER.iterdir()} == set(recordings.LABS)
    for name, (live, _) in recordings.LABS.items():
        read = recordings.read(name)
        told = json.loads((recordings.FOLDER / f"{name}.json").read_text())
        assert live is getattr(lessons, name)
        assert told["knobs"] == json.loads(json.dumps(recordings.knobs_of(live.__wrapped__)))
        assert str(read) == read.sentence and all(load.conserved() for load in read.loads.values())
