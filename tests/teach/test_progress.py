"""The progress file: its table, and everything that can happen to a file."""

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from sdlib.teach.book import FILE_NAME, Book, book
from sdlib.teach.exercise import exercise
from sdlib.teach.predict import predict
from sdlib.teach.progress import COLUMNS, progress
from sdlib.teach.quiz import quiz


def row(number):
    return dict(zip(COLUMNS, progress(number).rows()[0], strict=True))


def test_the_table_names_what_was_never_checked():
    exercise("01-easy").check(1)
    exercise("01-easy").check("B")
    exercise("01-easy").check(2)
    exercise("01-medium").check(lambda waiting: 0)
    quiz("01").answer(1, 1)
    assert row("01") == {"lesson": "01 One server", "predictions": "0 of 2 made", "easy": "✓ right, 2 tries",
                         "medium": "✗ not yet, 1 try", "hard": "○ never checked",
                         "quiz": "1 of 3 answered, 0 of 2 right at first", "goals": "0 of 3 reached"}


def test_predictions_are_counted_and_scored(a_run):
    from sdlib.teach.predict import predict
    predict("01-utilization").choose(2)
    predict("01-utilization").reveal(a_run())
    predict("01-cores").skip()
    assert row("01")["predictions"] == "1 of 2 made, 1 of 2 right at first"


def test_the_saved_form_is_the_same_for_everybody():
    nobody = progress()._repr_mimebundle_()
    exercise("01-easy").check(1)
    assert progress()._repr_mimebundle_() == nobody
    assert "1 try" in str(progress()) and "1 try" in progress("01").widget().value


def test_an_unknown_lesson_names_the_known_ones():
    with pytest.raises(ValueError, match=r"progress\('99'\).*Known: 00, 01, 02"):
        progress("99")


def test_two_kernels_share_one_file(folder):
    one, other = Book(folder / FILE_NAME), Book(folder / FILE_NAME)
    one.record("exercises", "01-easy", outcome="wrong")
    other.record("exercises", "01-easy", outcome="right")
    one.record("quiz", "01-1", choice=1)
    assert [entry["outcome"] for entry in one.entries("exercises", "01-easy")] == ["wrong", "right"]
    assert len(other.entries("quiz", "01-1")) == 1
    assert sorted(path.name for path in folder.iterdir()) == [FILE_NAME, f"{FILE_NAME}.lock"]


def test_deleting_the_file_begins_anew(folder):
    exercise("01-easy").check(1)
    (folder / FILE_NAME).unlink()
    assert row("01")["easy"] == "○ never checked"


def test_damage_while_the_notebook_runs_begins_anew_as_it_says(folder):
    exercise("01-easy").check(1)
    (folder / FILE_NAME).write_text("damaged")
    with pytest.warns(UserWarning, match="a new one begins"):
        book().record("quiz", "01-1", choice=1)
    assert row("01")["easy"] == "○ never checked" and row("01")["quiz"].startswith("1 of 3 answered")


DAMAGED = [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"version": 1}', b'{"version": "1", "entries": {}}',
           b'{"version": 1, "entries": []}', b'{"version": 1, "entries": {"quiz": {"01-1": [1]}}}',
           b'{"version": 1, "entries": {"quiz": []}}', b"[" * 100_000, *(
               json.dumps({"version": 1, "entries": {"predictions": {"01-utilization": [{"choice": choice}]}}}).encode()
               for choice in ("x", None, True, 1.5, -1, [1]))]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:30]))
def test_a_damaged_file_is_kept_aside_and_a_new_one_begins(content, folder):
    (folder / FILE_NAME).write_bytes(content)
    with pytest.warns(UserWarning, match="was damaged. It was kept as .*damaged-1, and a new one begins"):
        assert exercise("01-easy").check(1).tone == "wrong"
    assert (folder / f"{FILE_NAME}.damaged-1").read_bytes() == content
    assert len(json.loads((folder / FILE_NAME).read_text())["entries"]["exercises"]["01-easy"]) == 1
    assert "damaged" in str(progress())


def test_a_second_damaged_file_does_not_overwrite_the_first(folder):
    for text in ("first", "second"):
        (folder / FILE_NAME).write_text(text)
        with pytest.warns(UserWarning, match="damaged"):
            book().record("quiz", "01-1", choice=1)
    assert [(folder / f"{FILE_NAME}.damaged-{n}").read_text() for n in (1, 2)] == ["first", "second"]


def test_a_file_of_a_newer_version_is_left_alone(folder):
    (folder / FILE_NAME).write_text('{"version": 2, "chapters": []}')
    with pytest.warns(UserWarning, match="a newer version of the course wrote it"):
        book().record("quiz", "01-1", choice=1)
    assert (folder / FILE_NAME).read_text() == '{"version": 2, "chapters": []}'
    assert len(book().entries("quiz", "01-1")) == 1


def test_a_folder_that_cannot_be_written_is_said_once_and_memory_serves(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="cannot be written .No space left") as said:
        exercise("01-easy").check(1)
        exercise("01-easy").check("B")
    assert len(said) == 1
    assert row("01")["easy"] == "✓ right, 2 tries"
    assert "cannot be written" in str(progress()) and "cannot be written" in progress().html()
    assert [path.name for path in folder.iterdir()] == [f"{FILE_NAME}.lock"]


def test_a_folder_in_the_place_of_the_file(folder):
    (folder / FILE_NAME).mkdir()
    with pytest.warns(UserWarning, match="cannot be read"):
        exercise("01-easy").check(1)
    assert row("01")["easy"] == "✗ not yet, 1 try"


def test_a_damaged_file_that_cannot_be_moved(folder, monkeypatch):
    (folder / FILE_NAME).write_text("damaged")

    def fixed(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    monkeypatch.setattr(os, "replace", fixed)
    with pytest.warns(UserWarning, match="damaged and cannot be moved"):
        exercise("01-easy").check(1)
    assert (folder / FILE_NAME).read_text() == "damaged"


WRITER = """
import sys
from sdlib.teach.book import Book
book = Book(sys.argv[1])
for number in range(int(sys.argv[3])):
    book.record("goals", sys.argv[2], number=number)
"""


def run_writer(*arguments, before=None):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-c", WRITER, *map(str, arguments)], env=environment, preexec_fn=before,
                            stderr=subprocess.PIPE, text=True)


def test_nothing_is_lost_when_notebooks_and_threads_write_at_once(folder):
    here = Book(folder / FILE_NAME)
    threads = [threading.Thread(target=lambda key=key: [here.record("goals", key) for _ in range(50)])
               for key in ("a", "b")]
    writers = [run_writer(folder / FILE_NAME, key, 50) for key in ("c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    assert [len(here.entries("goals", key)) for key in "abcd"] == [50] * 4


def test_a_symbolic_link_is_written_through(folder):
    (folder / "elsewhere").mkdir()
    kept = folder / "elsewhere" / "mine.json"
    (folder / FILE_NAME).symlink_to(kept)
    for _ in range(2):
        exercise("01-easy").check(1)
    assert (folder / FILE_NAME).is_symlink()
    assert len(json.loads(kept.read_text())["entries"]["exercises"]["01-easy"]) == 2


def test_a_choice_that_does_not_exist_is_damage(folder, a_run):
    predict("01-utilization").choose(1)
    text = (folder / FILE_NAME).read_text().replace('"choice": 1', '"choice": 99')
    (folder / FILE_NAME).write_text(text)
    with pytest.warns(UserWarning, match="was damaged. It was kept as"):
        assert "No prediction was recorded." in str(predict("01-utilization").reveal(a_run()))
    assert (folder / f"{FILE_NAME}.damaged-1").read_text() == text


def test_a_disk_that_is_full_for_real(folder):
    def small_files():
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    writer = run_writer(folder / FILE_NAME, "a", 100, before=small_files)
    said = writer.communicate()[1]
    assert writer.returncode == 0 and said.count("it cannot be written (File too large)") == 1
    assert json.loads((folder / FILE_NAME).read_text())["entries"]["goals"]["a"]


@pytest.fixture
def read_only(monkeypatch):
    """A folder that cannot be written, and no rights to do so all the same."""
    folder, was = Path(tempfile.mkdtemp()), os.geteuid()
    monkeypatch.chdir(folder)
    folder.chmod(0o555)
    os.seteuid(65534 if was == 0 else was)
    yield folder
    os.seteuid(was)
    folder.rmdir()


def test_a_folder_that_may_not_be_written(read_only):
    with pytest.warns(UserWarning, match="cannot be written .Permission denied") as said:
        assert exercise("01-easy").check(1).tone == "wrong"
        exercise("01-easy").check(2)
    assert len(said) == 1 and row("01")["easy"] == "✗ not yet, 2 tries" and list(read_only.iterdir()) == []


def test_a_device_in_the_place_of_the_file_is_not_read(folder):
    (folder / FILE_NAME).symlink_to("/dev/zero")
    with pytest.warns(UserWarning, match="no plain file"):
        exercise("01-easy").check(1)
    assert row("01")["easy"] == "✗ not yet, 1 try"
