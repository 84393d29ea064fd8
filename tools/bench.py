"""Measure what the README promises: python -m tools.bench [--quick] [--only NAME]

Whatever is compared runs in turns within one process, A B A B, and the figure is the median of the ratios of the
pairs, with the smallest and the largest behind it. A whole run writes the table into the README; a part of it, or
a quick one, only prints it.
"""

import argparse
import os
from pathlib import Path

from tools.benchmarks import fresh, moving, panels, redraw, speed
from tools.benchmarks.sizes import FULL, QUICK
from tools.benchmarks.table import load_note, machine_line, markdown, write

README = Path(__file__).resolve().parents[1] / "README.md"
BENCHMARKS = {"c": speed.against_c, "simpy": speed.against_simpy, "shop": speed.against_simpy_shop,
              "messages": speed.against_simpy_messages, "whole": speed.against_simpy_whole_shop,
              "others": speed.against_others, "start": fresh.first_simulation, "memory": fresh.memory,
              "redraw": redraw.redraw, "panels": panels.panels, "stage": moving.stage, "growth": speed.growth}
EXPLANATION = "Medians, with the smallest and the largest in brackets; ratios per request, of pairs measured in turns."


def main(arguments=None):
    options = parser().parse_args(arguments)
    note = load_note(os.getloadavg()[0], os.cpu_count())
    rows = measure([options.only] if options.only else BENCHMARKS, QUICK if options.quick else FULL)
    parts = [machine_line() + " " + EXPLANATION, note, markdown(rows)]
    text = "\n\n".join(filter(None, parts))
    print(f"\n{text}")
    if not options.only and not options.quick:
        write(README, text)


def parser():
    made = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__.splitlines()[0])
    made.add_argument("--quick", action="store_true", help="small sizes: to see that it works, not how fast it is")
    made.add_argument("--only", choices=BENCHMARKS, help="one of the measurements")
    return made


def measure(names, sizes):
    """The rows of these benchmarks; each is printed when it is there."""
    rows = []
    for name in names:
        for row in BENCHMARKS[name](sizes):
            print(" | ".join(row.cells()), flush=True)
            rows.append(row)
    return rows


if __name__ == "__main__":
    main()
