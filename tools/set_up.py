"""python tools/set_up.py FOLDER EXTRA...: a virtual environment in FOLDER that has what pyproject.toml asks for.

Does what is missing, and nothing when all is there: makes the environment (anew when its Python is gone), installs,
or mends what a moved or renamed checkout leaves stale. Two at once: the second waits. Python's own modules only.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

UV = "uv==0.13.9"
ROOT = Path(__file__).absolute().parents[1]
PROJECT = ROOT / "pyproject.toml"
LONGEST_SHEBANG = 120                # what Linux reads of a first line is 127 bytes
LARGEST_SCRIPT_BYTES = 1_000_000


class SetUpError(Exception):
    """What went wrong, in words for the one who typed `make`."""


def main(folder, *extras):
    folder = Path(folder).absolute()
    with alone(folder):
        found, wanted = read_marker(folder), marker_of(folder, extras)
        if works(folder) and found:
            if found == wanted | {"extras": found["extras"]} and set(extras) <= set(found["extras"]):
                return
            wanted["extras"] = sorted({*extras, *found["extras"]})
            if found["project"] == wanted["project"] and found["extras"] == wanted["extras"]:
                print(f"This folder was moved or copied: mending {folder.name}", flush=True)
                follow_move(folder, found["folder"])
                write_marker(folder, wanted)
                return
        marker_path(folder).unlink(missing_ok=True)      # from here on half done
        if not (works(folder) and has_pip(folder)):
            make(folder)
        install(folder, wanted["extras"])
        write_marker(folder, wanted)


@contextmanager
def alone(folder):
    """Hold the lock on pyproject.toml: it needs no file of its own, and ends with this process however that ends."""
    with PROJECT.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another make is setting up {folder.name}; waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def marker_of(folder, extras):
    """What the marker says when the environment is ready."""
    return {"folder": str(folder), "root": str(ROOT), "extras": sorted(extras),
            "project": hashlib.sha256(PROJECT.read_bytes()).hexdigest()}


def marker_path(folder):
    return folder / ".ready"


def read_marker(folder):
    """What was ready, or None: no marker, a damaged one, or that of an older set-up."""
    try:
        found = json.loads(marker_path(folder).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.keys() == {"folder", "root", "extras", "project"} else None


def write_marker(folder, wanted):
    unfinished = folder / ".ready.part"
    unfinished.write_text(json.dumps(wanted))
    unfinished.rename(marker_path(folder))


def python_of(folder):
    return folder / "bin" / "python"


def works(folder):
    """Whether the environment's Python starts and is new enough; a dangling link does not."""
    return _succeeds([python_of(folder), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"])


def has_pip(folder):
    return _succeeds([python_of(folder), "-m", "pip", "--version"])


def _succeeds(command):
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        return False


def make(folder):
    """A new, empty environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        version = ".".join(map(str, sys.version_info[:2]))
        raise SetUpError(f"{base} cannot make virtual environments. "
                         f"On Debian and Ubuntu: sudo apt install python{version}-venv")
    print(f"Setting up {folder.name} with Python {sys.version.split()[0]} (once; it takes a minute)", flush=True)
    _run([base, "-m", "venv", "--clear", folder])


def install(folder, extras):
    """All that pyproject.toml asks for, with its bytecode, which a shared folder may be unable to keep later; this
    checkout as a path relative to the environment; the compiled machine."""
    python = python_of(folder)
    uv = [python, "-m", "uv", "pip"]
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV])
    _run([*uv, "uninstall", "--quiet", "--python", python, "sdlib"])     # an older set-up wrote an absolute path
    asked = [word for extra in extras for word in ("--extra", extra)]
    _run([*uv, "install", "--quiet", "--compile-bytecode", "--python", python, "-r", PROJECT, *asked])
    put_on_path(folder)
    _run([python, "-m", "sdlib.warm_up"])


def put_on_path(folder):
    """Let the environment import this checkout, from wherever both stand: `import sdlib` follows a move."""
    where = [python_of(folder), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(where, capture_output=True, text=True, check=True).stdout.strip())
    (packages / "sdlib-checkout.pth").write_text(os.path.relpath(ROOT, packages) + "\n")


def follow_move(folder, old):
    """Write the environment's new place into its scripts; needs no network."""
    put_on_path(folder)
    for script in [folder / "pyvenv.cfg", *(folder / "bin").iterdir()]:
        if script.is_symlink() or not script.is_file() or script.stat().st_size > LARGEST_SCRIPT_BYTES:
            continue
        before = script.read_bytes()
        after = moved(before, os.fsencode(old), os.fsencode(folder))
        if b"\0" not in before and after != before:
            script.write_bytes(after)


def moved(script, old, new):
    """A script's bytes with the new folder in place of the old one; a first line too long for the system goes to sh."""
    first, newline, rest = script.partition(b"\n")
    if first.startswith(b"#!" + old + b"/") and (b" " in new or len(first) - len(old) + len(new) > LONGEST_SHEBANG):
        python = first[2:].replace(old, new)
        return b"#!/bin/sh\n'''exec' \"%s\" \"$0\" \"$@\"\n' '''\n" % python + rest.replace(old, new)
    return script.replace(old, new)


def _run(command):
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except SetUpError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"Setting up did not finish: `{' '.join(error.cmd)}` failed. Type the same again to go on.")
    except KeyboardInterrupt:
        sys.exit("\nSetting up was interrupted. Type the same again to go on.")
