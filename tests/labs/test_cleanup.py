"""No process and no folder of a lab is left, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from sdlib import labs as lab
from sdlib.labs import stage as stage_module
from sdlib.labs.stage import Stage

ROOT = str(Path(lab.__file__).resolve().parents[2])
PROCESSES = 6          # watchdog, load generator, supervisor, front, two workers


def test_normal_end(traces):
    with lab.web_server() as server:
        assert len(traces.processes()) == PROCESSES and len(traces.folders()) == 1
        assert server.load(50, 0.5).conserved()
    assert traces.processes() == [] and traces.folders() == []


def test_exception_in_the_block(traces):
    with pytest.raises(KeyError), lab.web_server():
        raise KeyError("a mistake in a cell")
    assert traces.processes() == [] and traces.folders() == []


@pytest.mark.parametrize("after_s", [0.0, 0.1, 1.5])
def test_interrupt_while_starting_or_loading(traces, after_s):
    timer = threading.Timer(after_s, os.kill, (os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        timer.start()
        with lab.web_server() as server:
            server.load(50, 30)
    timer.join()
    assert traces.processes() == [] and traces.folders() == []


@pytest.mark.parametrize("moment", ["mkdtemp", "_is_listening"])
def test_interrupt_at_a_bad_moment(traces, monkeypatch, moment):
    """An interrupt in the middle of a step that starts something waits for the step, then everything ends."""
    home = tempfile if moment == "mkdtemp" else stage_module
    step = getattr(home, moment)

    def interrupted(*given, **named):
        done = step(*given, **named)
        signal.raise_signal(signal.SIGINT)
        return done
    monkeypatch.setattr(home, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), lab.web_server():
        pass
    assert traces.processes() == [] and traces.folders() == []


def test_crashed_server_leaves_no_worker(traces):
    with lab.web_server(cpus=2, ram_requests=4, service_ms=50, restart_s=0.2) as server:
        result = server.load(200, 1)
        server.wait_until_up()
        assert result.crashes >= 1 and result.conserved()
        assert len(traces.processes()) == PROCESSES
    assert traces.processes() == [] and traces.folders() == []


@pytest.mark.parametrize("killed", [0, 1])
def test_helper_killed_in_the_middle(traces, killed):
    """Without its watchdog, or without its server, a lab still cleans up."""
    with lab.web_server() as server:
        victim = [server._stage._watchdog, server._process][killed]
        victim.kill()
        victim.wait()
        if killed == 1:
            with pytest.raises(lab.LabError, match=r"did not start|too early"):
                server.load(50, 0.5)
    assert traces.wait_until_gone()


def test_python_ends_without_leaving_the_block(traces):
    code = "from sdlib import labs; running = labs.web_server(); running.__enter__(); print('up')"
    said = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": ROOT}, text=True,
                          capture_output=True, timeout=120)
    assert said.stdout == "up\n" and said.returncode == 0, said.stderr
    assert traces.wait_until_gone()


IN_A_THREAD = """\
import threading
def run():
    with labs.web_server() as server:
        server.load(100, 30)
threading.Thread(target=run).start()"""


@pytest.mark.parametrize("code", ["labs.one_server(seconds=30)", "labs.hockey_stick(seconds=10)", IN_A_THREAD])
def test_kernel_killed_in_the_middle_of_a_lab(traces, code):
    """kill -9 of a real kernel; from another thread the watchdog alone has to do it."""
    with traces.kernel_to_be_killed(code):
        assert len(traces.processes()) >= PROCESSES


def test_two_labs_at_once(traces):
    with lab.web_server() as one, lab.web_server() as other:
        assert one.port != other.port and len(traces.folders()) == 2
        assert one.load(50, 0.5).conserved() and other.load(50, 0.5).conserved()


def test_taken_port_gives_the_next(traces):
    with Stage() as stage:
        taken = stage.reserve_port()
        with lab.web_server(port=taken) as server:
            assert taken < server.port <= taken + 10
            with lab.web_server(port=server.port) as third:
                assert third.port > server.port
                assert server.load(50, 0.5).conserved() and third.load(50, 0.5).conserved()


def test_software_that_does_not_start(traces):
    with pytest.raises(lab.LabError, match="no such option"), Stage() as stage:
        port = stage.reserve_port()
        process = stage.start(["sh", "-c", "echo no such option >&2; exit 3"], log="broken.log")
        stage.wait_until_listening(process, port)


def test_no_room_for_the_folder(traces, monkeypatch):
    def full(**options):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(stage_module.tempfile, "mkdtemp", full)
    with pytest.raises(lab.LabError, match=r"set up: the temporary folder .* takes no more data"), lab.web_server():
        pass


def test_windows_is_told_about_wsl(traces, monkeypatch):
    monkeypatch.setattr(stage_module.sys, "platform", "win32")
    with pytest.raises(lab.LabError, match="WSL"), lab.web_server():
        pass
