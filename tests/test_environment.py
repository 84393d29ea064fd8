"""One list of versions: pyproject.toml, environment.yml and what is installed say the same."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
ASKED_FOR = {"jupyterlab", "ipywidgets", "pandas", "plotly", "simpy", "nbval"}


def pins(requirements):
    """{name: version} of requirements like "name==1.2"; sdlib's own extras are left out."""
    return dict(item.split("==") for item in requirements if not item.startswith("sdlib["))


def environment():
    """What environment.yml asks of conda, and of pip."""
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = [item for item in wanted if isinstance(item, str)]
    return conda, next(item["pip"] for item in wanted if isinstance(item, dict))


def test_every_requirement_is_pinned_exactly():
    everything = [*PROJECT["dependencies"], *(item for extra in EXTRAS.values() for item in extra)]
    assert [item for item in everything if item.count("==") != 1 and not item.startswith("sdlib[")] == []


def test_environment_yml_is_what_pyproject_declares():
    conda, pip = environment()
    assert "python=3.11" in conda
    assert PROJECT["requires-python"] == ">=3.11"
    needed, for_tests = pins(PROJECT["dependencies"]), pins(EXTRAS["test"])
    assert pins(pip) == needed | {name: for_tests[name] for name in ("nbval", "pytest")}
    assert set(pins(pip)) >= ASKED_FOR
    assert not any(item.startswith("-e") for item in pip)


def test_what_is_declared_is_what_is_installed():
    declared = pins(PROJECT["dependencies"]) | pins(EXTRAS["test"]) | pins(EXTRAS["cluster"])
    assert {name: version(name) for name in declared} == declared


def imported(folder):
    """The top-level packages that the Python files below a folder import, Python's own and ours left out."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"sdlib", "tools"}


def test_the_library_imports_only_what_it_declares():
    names = packages_distributions()
    used = {names[package][0].lower() for package in imported("sdlib")}
    # IPython comes with ipywidgets, botocore with boto3, Werkzeug with Flask, and each pair is one program.
    assert used - {"ipython", "botocore", "werkzeug"} <= {name.lower() for name in pins(PROJECT["dependencies"])}
