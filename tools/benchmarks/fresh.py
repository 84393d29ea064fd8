"""What is measured in Python processes of their own: the first simulation, and memory."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.benchmarks.pairs import Spread
from tools.benchmarks.table import Row

ROOT = Path(__file__).resolve().parents[2]
MOST_FIRST_S, MOST_COMPILE_S, MOST_BYTES = 0.6, 15, 120

FIRST_RUN = """
import json, time
begin = time.perf_counter()
import sdlib as sd
sd.simulate, sd.Server, sd.Clients
imported = time.perf_counter()
sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100), seconds=60)
print(json.dumps([imported - begin, time.perf_counter() - imported]))
"""

# The peak is the process's own: getrusage would begin with that of the process it was started from.
PEAK = """
import json, re, resource, sys
from pathlib import Path
from tools.benchmarks.systems import one_server
import sdlib as sd

def peak_bytes():
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

system, clients = one_server()
run = sd.simulate(system, clients, seconds=int(sys.argv[1]) / clients.requests_per_second)
run.requests
simulated = peak_bytes()
run.summary(), run.timeline()
print(json.dumps([len(run.requests), simulated, peak_bytes()]))
"""


def in_fresh_python(script, *words, **variables):
    """What the script prints as JSON, from a new Python process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    answer = subprocess.run([sys.executable, "-c", script, *map(str, words)], env=environment, cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)


def first_simulation(sizes):
    """The first ever, which compiles the machine, and the first of a process that finds it compiled."""
    with tempfile.TemporaryDirectory(prefix="sdlib-bench-") as folder:
        _, compiled_s = in_fresh_python(FIRST_RUN, NUMBA_CACHE_DIR=folder)
        starts = [in_fresh_python(FIRST_RUN, NUMBA_CACHE_DIR=folder) for _ in range(sizes.fresh_starts)]
    simulated_s = Spread.of([simulate_s for _, simulate_s in starts])
    whole_s = Spread.of([sum(start) for start in starts])
    what = "first simulation in a fresh Python process"
    return [Row(f"{what}, machine loaded from the cache: the call", simulated_s.text("s"), f"under {MOST_FIRST_S} s",
                simulated_s.median < MOST_FIRST_S),
            Row("the same with `import sdlib` and all that it needs (Numba, pandas)", whole_s.text("s")),
            Row("first simulation ever, which compiles the machine: the call", f"{compiled_s:.1f} s",
                f"under {MOST_COMPILE_S} s", compiled_s < MOST_COMPILE_S), *(twice_as_many() if sizes.twins else [])]


def twice_as_many():
    """The first ever of a machine with each step once more."""
    steps, more, took_s = in_fresh_python("from tools.benchmarks.twice import main; main()")
    return [Row(f"the same with {more} kinds of instruction where now are {steps}", f"{took_s:.1f} s")]


def memory(sizes):
    """By how many bytes the largest memory of the process grows with each further request."""
    in_fresh_python(PEAK, 1_000)  # compiling would raise the first peak, and so hide a part of the growth
    few, many = (in_fresh_python(PEAK, times * sizes.requests) for times in (1, 2))
    simulated, described = ((after - before) / (many[0] - few[0]) for before, after in zip(few[1:], many[1:]))
    what = f"memory, {sizes.requests:,} to {2 * sizes.requests:,} requests of M/M/4"
    return [Row(f"{what}: the run and its table `requests`", f"{simulated:.0f} bytes per request",
                f"under {MOST_BYTES}", simulated < MOST_BYTES),
            Row("the same with `summary()` and `timeline()`", f"{described:.0f} bytes per request")]
