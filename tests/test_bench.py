"""The parts of the benchmark, at tiny sizes: does it compare the same work, and say what it saw? Never how fast."""

import re
import socket
from dataclasses import replace
from statistics import mean

import pytest

from sdlib.theory import mmc
from tools import bench, lab_browser
from tools.benchmarks import panels, redraw, speed, systems, yardsticks
from tools.benchmarks.pairs import Measured, Spread, compare
from tools.benchmarks.sizes import QUICK
from tools.benchmarks.table import BEGIN, END, Row, load_note, machine_line, markdown, write

TINY = replace(QUICK, requests=200_000, slow_requests=300, other_requests=50, pairs=1, slow_pairs=1,
               growth=(1_000, 10_000), growth_rounds=1)
SYSTEM = mmc(arrivals_per_s=systems.ARRIVALS_PER_S, service_ms=1000 * systems.SERVICE_S, servers=systems.CORES)
MEAN_S = (SYSTEM.mean_wait_ms / 1000) + systems.SERVICE_S
SEEDS = range(5)


# --- everyone simulates the same queue ------------------------------------------------------------------------------
# Waits are correlated: the mean of 100,000 of them strays by 2.5 % (one standard error), of a million by 0.8 %.

def test_our_engines_simulate_the_queue_of_theory():
    ours = systems.simulate(systems.one_server(), 1_000_000)
    assert ours.mean_s == pytest.approx(MEAN_S, rel=0.025)
    assert ours.requests == pytest.approx(1_000_000, rel=0.004)
    few, same = (systems.simulate(systems.one_server(), 2_000, engine) for engine in ("compiled", "reference"))
    assert (few.mean_s, few.requests) == (same.mean_s, same.requests)


def test_the_c_heap_simulates_the_queue_of_theory(tmp_path):
    program = yardsticks.compile_c(tmp_path)
    if program is None:
        pytest.skip("needs a C compiler; on Debian and Ubuntu: sudo apt install gcc")
    assert yardsticks.c_heap(program, 1_000_000).mean_s == pytest.approx(MEAN_S, rel=0.025)


def test_plain_simpy_simulates_the_queue_of_theory():
    assert mean(yardsticks.plain_simpy(20_000, seed).mean_s for seed in SEEDS) == pytest.approx(MEAN_S, rel=0.08)


def test_other_simulators_simulate_the_queue_of_theory():
    others = yardsticks.other_simulators()
    if "Ciw" in others:
        assert mean(others["Ciw"](20_000, seed).mean_s for seed in SEEDS) == pytest.approx(MEAN_S, rel=0.08)
    if "salabim" in others:  # it draws the same numbers as SimPy
        assert others["salabim"](500).mean_s == pytest.approx(yardsticks.plain_simpy(500).mean_s, rel=1e-9)
    assert set(others) <= {"Ciw", "salabim"}


def test_the_shop_is_at_80_percent():
    system, clients = systems.shop()
    cores = sum(server.cpus for server in system.targets)
    assert clients.requests_per_second * systems.SERVICE_S / cores == pytest.approx(systems.LOAD)


# --- comparing and telling ------------------------------------------------------------------------------------------

def test_pairs_are_measured_in_turns_and_per_request():
    calls, seconds = [], iter([9.0, 1.0, 1.0, 2.0, 1.0, 6.0, 1.0, 8.0])

    def one(name, requests):
        calls.append(name)
        return Measured(next(seconds), requests, 0.0)

    ratios, ours = compare(lambda: one("A", 10), lambda: one("B", 5), pairs=3)
    assert "".join(calls) == "AB" * 4
    assert (ratios.low, ratios.median, ratios.high) == pytest.approx((4, 12, 16))
    assert [our.seconds for our in ours] == [1.0, 1.0, 1.0]


def test_a_spread_in_words():
    assert Spread.of([3.0, 1.0, 20.0]).text("x", 1) == "3.0 x (1.0 to 20.0)"


def test_the_table_goes_between_the_markers_and_nowhere_else(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    table = markdown([Row("speed", "2 x", "at least 3 x", False), Row("size", "7")])
    write(readme, table)
    assert table.splitlines()[2:] == ["| speed | 2 x | at least 3 x | **no** |", "| size | 7 | - | - |"]
    assert readme.read_text() == f"before\n{BEGIN}\n{table}\n{END}\nafter\n"
    write(readme, table)
    assert readme.read_text().count("speed") == 1


@pytest.mark.parametrize("text", ["none", f"{BEGIN} only", f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}"])
def test_a_readme_without_markers_stays_as_it_is(tmp_path, text):
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(ValueError, match="must hold"):
        write(readme, "table")
    assert readme.read_text() == text


def test_the_machine_is_described_and_not_named():
    line = machine_line()
    assert re.search(r"\d+ cores .* Python 3\.\d+\.\d+, numba \d", line)
    assert "/" not in line
    assert socket.gethostname() not in line


def test_a_busy_machine_is_mentioned():
    assert load_note(0.4, 2) == ""
    assert "load 3.0 on 2 cores" in load_note(3.0, 2)


# --- each measurement -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", sorted(set(bench.BENCHMARKS) - {"redraw", "panels"}))
def test_a_measurement_fills_its_rows(name):
    rows = bench.BENCHMARKS[name](TINY)
    assert rows
    for row in rows:
        nothing_there = row.measured.startswith(("no C compiler", "none is installed"))
        assert nothing_there or float(re.match(r"[\d,.]+", row.measured)[0].replace(",", "")) > 0
        assert (row.met is None) == (row.bar == "-" or nothing_there)


def test_every_promise_has_its_bar():
    assert (speed.LEAST_OF_C, speed.LEAST_TRACED) == (0.75, 0.4)
    assert (speed.LEAST_OF_SIMPY, speed.LEAST_OF_SIMPY_SHOP, speed.MOST_GROWTH) == (60, 40, 11)
    assert (redraw.MOST_MS, panels.MOST_MS) == (100, 150)


def test_without_a_c_compiler_the_row_says_so(monkeypatch):
    monkeypatch.setattr(yardsticks.shutil, "which", lambda name: None)
    row, = speed.against_c(TINY)
    assert (row.measured, row.met) == ("no C compiler", None)


def test_a_part_is_printed_and_not_written(capsys):
    before = bench.README.read_bytes()
    bench.main(["--quick", "--only", "growth"])
    assert "| M/M/4, from 1,000 to 10,000 requests |" in capsys.readouterr().out
    assert bench.README.read_bytes() == before


def test_moves_are_measured_in_the_browser(tmp_path):
    if lab_browser.find_browser() is None:
        pytest.skip("needs Chromium; on Debian and Ubuntu: sudo apt install chromium")
    redraw.write_notebook(tmp_path / "panel.ipynb", TINY, "latency")
    with lab_browser.jupyter_lab(tmp_path) as lab, lab_browser.chromium() as browser:
        took_ms = redraw.measure(browser, lab, "panel.ipynb", TINY)
    assert len(took_ms) == TINY.moves
    assert all(0 < one_ms < 10_000 for one_ms in took_ms)


@pytest.mark.parametrize("status", ["", "running ...", "Simulated: 200,000 requests in 15 s"])
def test_a_panel_that_simulates_something_else_is_noticed(status):
    with pytest.raises(RuntimeError, match="should simulate 100,000 requests"):
        redraw.check_requests(status, 100_000)
    redraw.check_requests("Simulated: 99,123 requests of 100,000 users in 15 s. Seed 0.", 100_000)


def test_the_panels_of_the_lessons_are_measured_in_the_browser():
    if lab_browser.find_browser() is None:
        pytest.skip("needs Chromium; on Debian and Ubuntu: sudo apt install chromium")
    row, = panels.panels(TINY)
    assert re.match(r"panel of 00-start-here, slowest slider \(users\) moved to plot redrawn$", row.what)
    assert 0 < float(row.measured.split()[0]) < 10_000
