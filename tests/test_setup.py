"""`make` sets itself up, and mends what moves, dangles or runs twice. pip, uv, venv, JupyterLab are stand-ins."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]
# Each stands in for the module of its name, found first through PYTHONPATH. No network, and a tenth of a second.
STAND_INS = {
    "venv": """
        import importlib.util, os, sys
        real = importlib.util.spec_from_file_location("real_venv", os.path.join(os.path.dirname(os.__file__), "venv",
                                                                                "__init__.py"))
        module = importlib.util.module_from_spec(real)
        real.loader.exec_module(module)
        module.main([*sys.argv[1:], "--without-pip"])
        """,
    "pip": "",
    "uv": """
        import os, pathlib, sys, sysconfig, time
        work = pathlib.Path(os.environ["STAND_IN_WORK"])
        with (work / "calls").open("a") as calls:
            calls.write(" ".join(sys.argv[1:]) + chr(10))
        busy = work / "busy"
        busy.mkdir()                                      # fails where two install at once
        time.sleep(float(os.environ.get("STAND_IN_SECONDS", "0")))
        busy.rmdir()
        if "-e" in sys.argv:                              # what an editable install leaves: an absolute path
            target = pathlib.Path(sysconfig.get_path("purelib"), "__editable__.sdlib.pth")
            target.write_text(os.getcwd())
        tool = pathlib.Path(sys.prefix, "bin", "some-tool")
        tool.write_text("#!" + sys.prefix + "/bin/python" + chr(10) + "import sdlib; print(sdlib.__file__)")
        tool.chmod(0o755)
        """,
    "jupyterlab": """
        import subprocess, sys
        code = "import sdlib; print('lesson uses', sdlib.__file__)"
        sys.exit(subprocess.run([sys.executable, "-c", code], cwd="notebooks").returncode)
        """}


class Checkout:
    """A small copy of the repository: its Makefile and tools, a library of two lines, an empty notebooks folder."""

    def __init__(self, home):
        self.home, self.folder = home, home / "first place"
        self.folder.mkdir()
        shutil.copy(ROOT / "Makefile", self.folder)
        shutil.copy(ROOT / "pyproject.toml", self.folder)
        (self.folder / "tools").mkdir()
        for tool in ("make_venv.sh", "set_up.py"):
            if (ROOT / "tools" / tool).exists():
                shutil.copy(ROOT / "tools" / tool, self.folder / "tools")
        for path in ("notebooks/.keep", "sdlib/__init__.py", "sdlib/warm_up.py"):
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).touch()
        for name, code in STAND_INS.items():
            package = home / "stand-ins" / name
            package.mkdir(parents=True)
            (package / "__init__.py").touch()
            (package / "__main__.py").write_text("\n".join(row[8:] for row in code.splitlines()))

    def start(self, target="lab", **environment):
        """`make TARGET`, running."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PYTHON"))}
        environment = {**kept, "PYTHONPATH": str(self.home / "stand-ins"), "STAND_IN_WORK": str(self.home),
                       "PYTHONDONTWRITEBYTECODE": "1", **environment}
        python = getattr(sys, "_base_executable", sys.executable)
        return subprocess.Popen(["make", target, f"PYTHON={python}"], cwd=self.folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def make_lab(self):
        """What `make lab` prints, after it ended well."""
        return self.make("lab")

    def make(self, target):
        process = self.start(target)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        return said

    def move(self, name):
        target = self.home / name
        self.folder.rename(target)
        self.folder = target

    def installs(self):
        """How often packages were asked for."""
        calls = (self.home / "calls").read_text().splitlines()
        return sum(call.startswith("pip install") for call in calls)

    def lesson_uses_it(self, said):
        return f"lesson uses {self.folder / 'sdlib' / '__init__.py'}" in said


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_a_fresh_folder_is_set_up_once(checkout):
    first, again = checkout.make_lab(), checkout.make_lab()
    assert "Setting up .venv with Python" in first and "Setting up" not in again
    assert checkout.lesson_uses_it(first) and checkout.lesson_uses_it(again)
    assert checkout.installs() == 1


def test_all_that_starts_under_make_finds_and_keeps_bytecode(checkout):
    """Also where the machine says that Python is to keep none, which makes imports three times as slow."""
    checkout.make_lab()
    calls = (checkout.home / "calls").read_text().splitlines()
    installs = [call for call in calls if call.startswith("pip install")]
    assert installs and all("--compile-bytecode" in call for call in installs)
    assert list((checkout.folder / "sdlib" / "__pycache__").glob("__init__.*.pyc"))


@pytest.mark.parametrize("place", ["second", "a place with spaces", "deep" * 40])
def test_a_moved_checkout_works_without_the_network(checkout, place):
    checkout.make_lab()
    checkout.move(place)
    said = checkout.make_lab()
    assert checkout.lesson_uses_it(said)
    assert checkout.installs() == 1
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    tool = subprocess.run([checkout.folder / ".venv/bin/some-tool"], capture_output=True, text=True, env=alone)
    assert tool.stdout.strip() == str(checkout.folder / "sdlib" / "__init__.py"), tool.stderr
    assert "first place" not in (checkout.folder / ".venv/bin/activate").read_text()
    assert "mending" not in checkout.make_lab()


def test_a_copy_uses_its_own_library(checkout):
    checkout.make_lab()
    original = checkout.folder
    checkout.folder = checkout.home / "copy"
    shutil.copytree(original, checkout.folder, symlinks=True)
    assert checkout.lesson_uses_it(checkout.make_lab())


def test_a_dangling_python_is_replaced(checkout):
    checkout.make_lab()
    for link in (checkout.folder / ".venv/bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")
    said = checkout.make_lab()
    assert "Setting up .venv with Python" in said and checkout.lesson_uses_it(said)


def test_two_at_once_in_a_fresh_folder(checkout):
    both = [checkout.start(STAND_IN_SECONDS="0.5") for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(said)
    assert all(map(checkout.lesson_uses_it, said))
    assert checkout.installs() == 1
    assert sum("Another make is setting up .venv; waiting for it." in text for text in said) == 1


def test_an_interrupted_set_up_goes_on(checkout):
    first = checkout.start(STAND_IN_SECONDS="30")
    while not (checkout.home / "busy").exists():
        assert first.poll() is None
        time.sleep(0.01)
    for process in stand_ins_of(checkout.home):
        process.kill()
    first.communicate(timeout=20)
    (checkout.home / "busy").rmdir()
    assert checkout.lesson_uses_it(checkout.make_lab())


def stand_ins_of(home):
    """The processes that carry this test's folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("STAND_IN_WORK") == str(home):
                found.append(process)
        except psutil.Error:                              # ended, or somebody else's
            continue
    return found


def test_new_requirements_are_installed(checkout):
    checkout.make_lab()
    project = checkout.folder / "pyproject.toml"
    project.write_text(project.read_text() + "\n# changed\n")
    checkout.make_lab()
    assert checkout.installs() == 2


def test_extras_asked_for_once_are_kept(checkout):
    checkout.make_lab()
    checkout.make("ready-bench")
    checkout.make_lab()
    assert checkout.installs() == 2
    project = checkout.folder / "pyproject.toml"
    project.write_text(project.read_text() + "\n# changed\n")
    checkout.make_lab()
    assert (checkout.home / "calls").read_text().splitlines()[-1].endswith("--extra bench --extra test")


def test_a_damaged_marker_is_no_marker(tmp_path):
    for content in ("", "{", "[]", '{"folder": 1}', "\0"):
        (tmp_path / ".ready").write_text(content)
        assert loaded_set_up().read_marker(tmp_path) is None


def loaded_set_up():
    place = importlib.util.spec_from_file_location("set_up", ROOT / "tools" / "set_up.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module
