"""An edited source makes kept machine code stale, wherever in the engine or the components it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sdlib
from sdlib.kernel.jit import sources_stamp

PACKAGE = Path(sdlib.__file__).parent
FIRST_ARRIVAL = """
import sdlib as sd
from sdlib.engine.arrivals import arrival_times
print(arrival_times(sd.Clients(users=100), 100, 1)[0])
"""


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "sdlib", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def python(code, folder):
    environment = os.environ | {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "machine-code")}
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, env=environment, capture_output=True,
                          text=True, check=True)
    return done.stdout.strip()


def stamp_of(folder):
    return python("from sdlib.kernel.jit import sources_stamp; print(sources_stamp())", folder)


def test_the_stamp_is_that_of_the_sources_and_not_of_the_folder(copy):
    assert stamp_of(copy) == sources_stamp()


@pytest.mark.parametrize("source", ["engine/walk.py", "kernel/machine.py", "kernel/draws.py",
                                    "components/load_balancer.py", "components/clients.py", "components/base.py"])
def test_editing_a_callee_changes_the_stamp(copy, source):
    with (copy / "sdlib" / source).open("a") as file:
        file.write("\n# edited\n")
    assert stamp_of(copy) != sources_stamp()


def test_editing_what_is_not_compiled_keeps_the_machine_code(copy):
    with (copy / "sdlib" / "cost.py").open("a") as file:
        file.write("\n# edited\n")
    assert stamp_of(copy) == sources_stamp()


def test_every_entry_carries_the_stamp(copy):
    code = ("from sdlib.engine import arrivals, walk\nfrom sdlib.kernel import draws\n"
            "for entry in (arrivals._fill, walk.advance, walk.start, draws.uniform, draws.alias_table):\n"
            "    print(entry._cache._cache_file._source_stamp)")
    assert set(python(code, copy).split()) == {sources_stamp()}


def test_an_edited_callee_is_used_although_the_machine_code_was_kept(copy):
    """Gaps between arrivals are computed by `log` in draws.py, which is compiled into `_fill` in arrivals.py."""
    before = float(python(FIRST_ARRIVAL, copy))
    assert list((copy / "machine-code").rglob("arrivals._fill*.nbi")), "nothing was kept: this would prove nothing"
    source = copy / "sdlib" / "kernel" / "draws.py"
    text = source.read_text()
    assert "def log(x):" in text
    edited = text.replace("def log(x):", "def log(x):\n    return 2.0 * _log(x)\n\n\n@jit(inline=True)\ndef _log(x):")
    source.write_text(edited)
    assert float(python(FIRST_ARRIVAL, copy)) == 2 * before


def test_an_index_that_names_modules_which_are_gone_is_passed_over(copy):
    """As after an update that moved a module: the index must not be unpickled before its stamp is known."""
    before = float(python(FIRST_ARRIVAL, copy))
    for module in (copy / "sdlib" / "kernel").glob("draws.py"):
        moved = module.rename(module.with_name("chance.py"))
        for source in (copy / "sdlib").rglob("*.py"):
            source.write_text(source.read_text().replace("sdlib.kernel.draws", "sdlib.kernel.chance"))
        assert moved.exists()
    assert float(python(FIRST_ARRIVAL, copy)) == before


NOWHERE = """
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from sdlib.engine.arrivals import arrival_times
    import sdlib as sd, numba
    print(arrival_times(sd.Clients(users=100), 100, 1)[0])
print(numba.config.CACHE_DIR.count("sdlib-machine-"), sum("can be written" in str(one.message) for one in said))
"""


def test_where_nothing_can_be_written_it_compiles_and_says_so(copy):
    for folder in [copy / "sdlib", *(path for path in (copy / "sdlib").rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()  # a file where the folder would be: nobody can write into it, not even root
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG"))}
    done = subprocess.run([sys.executable, "-B", "-c", NOWHERE], cwd=copy, capture_output=True, text=True, check=False,
                          env=environment | {"PYTHONPATH": str(copy), "HOME": os.devnull})
    assert done.returncode == 0, done.stderr
    first_s, told = done.stdout.splitlines()
    assert float(first_s) == float(python(FIRST_ARRIVAL, copy)) and told == "1 1"
