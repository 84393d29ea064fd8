"""A full disk, too few files, a stopped server: one sentence that says what failed and what to do; nothing is left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sdlib import labs as lab
from sdlib.labs import faults

ROOT = str(Path(lab.__file__).resolve().parents[2])
RUN = """
import resource, sys
from sdlib import labs
import sdlib.labs.web                       # what it imports is no part of what is tried here
{before}
try:
    with labs.web_server(ram_requests=16) as server:
        {inside}
        server.load(100, 1)
    print("no error")
except labs.LabError as error:
    print(error)
"""
FILE_BYTES = "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
HELD = """
held = []
def hold(spare):
    try:
        while True:
            held.append(open("/dev/null"))
    except OSError:
        del held[:spare]
"""


def said(before="", inside="pass"):
    """What a lab says in a Python of its own, under limits of its own."""
    code = RUN.format(before=before, inside=inside)
    ran = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, timeout=90,
                         env={**os.environ, "PYTHONPATH": ROOT})
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.rstrip("\n")


def is_one_sentence(text, what, cure):
    return "\n" not in text and "Traceback" not in text and text.startswith(what) and cure in text


@pytest.mark.parametrize("file_bytes", [0, 4096, 100_000])
def test_a_full_disk_when_starting(traces, file_bytes):
    text = said(FILE_BYTES.format(file_bytes))
    assert is_one_sentence(text, "The ", "takes no more data. Free some space, or set TMPDIR"), text


def test_a_full_disk_in_the_middle(traces):
    limit = "resource.prlimit({}.pid, resource.RLIMIT_FSIZE, (1000, 1000))"
    if sys.platform != "linux":
        pytest.skip("only Linux limits another process")
    text = said(inside=limit.format("server._sender"))
    assert is_one_sentence(text, "The load ended too early", "takes no more data. Free some space"), text


def test_too_few_files_are_told_before_anything_starts(traces):
    text = said("resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))")
    assert text == ("This lab needs 86 open files, and this session may open 40. In a terminal type `ulimit -n 4096` "
                    "and start JupyterLab again there.")


@pytest.mark.parametrize("spare", [0, 2, 5, 9])
def test_a_session_that_has_opened_all_its_files(traces, spare):
    text = said(HELD + f"resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)); hold({spare})")
    assert text == "no error" or is_one_sentence(text, "The ", "`ulimit -n 4096`"), text
    assert (text == "no error") <= (spare > 3)


def test_files_that_run_out_before_the_load(traces):
    text = said(HELD + "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))", "hold(0)")
    assert is_one_sentence(text, "The load could not be sent", "`ulimit -n 4096`"), text


def test_load_after_the_block(traces):
    with lab.web_server() as server:
        pass
    with pytest.raises(lab.LabError, match=r"has stopped: its `with` block has ended. Load it inside the block\.$"):
        server.load(10, 1)


def test_a_log_that_says_nothing(monkeypatch):
    assert str(faults.failure("the load ended too early", "")) == (
        "The load ended too early: it ended without a word. Run the cell again.")
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(faults.shutil, "disk_usage", lambda folder: usage._replace(free=0))
    assert "takes no more data" in str(faults.failure("the load ended too early", ""))


def test_a_traceback_becomes_its_last_line_and_is_kept():
    log = "Traceback (most recent call last):\n  File x\nValueError: request 3 was answered with row 4\n"
    error = faults.failure("the load ended too early", log)
    assert str(error) == "The load ended too early: it said: ValueError: request 3 was answered with row 4"
    assert error.log == log
