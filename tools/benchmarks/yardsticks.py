"""M/M/4 in the programs that we compare with: each draws its own arrivals and service times, and returns Measured."""

import random
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tools.benchmarks.pairs import Measured, timed
from tools.benchmarks.systems import ARRIVALS_PER_S, CORES, SERVICE_S

SOURCE = Path(__file__).with_name("mmc.c")


def compile_c(folder):
    """The path of the C event heap, compiled with -O3 on the spot; None without a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = Path(folder, "mmc")
    subprocess.run([compiler, "-O3", "-o", program, SOURCE, "-lm"], check=True)
    return program


def c_heap(program, requests, seed=1):
    """The C event heap, by its own clock, without its start.

    What each side does beyond the queue itself. C: arrivals pass through the heap one at a time, lengths of time
    come from libm's log, and arrival and end are kept for each request. Ours: all arrivals are drawn beforehand,
    lengths of time come from counters and a log that is the same on every machine, and besides arrival and end it keeps
    status, server and attempts, checks memory for a crash, integrates utilization and queue, samples both 600
    times, checks its arguments and takes fresh memory from the system. Both touch that memory for the first time.
    """
    words = [program, CORES, ARRIVALS_PER_S, SERVICE_S, requests, seed]
    answer = subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True)
    seconds, mean_s = map(float, answer.stdout.split())
    return Measured(seconds, requests, mean_s)


def plain_simpy(requests, seed=1):
    """What one would write by hand: a resource, a process for each request, a list of the times spent."""
    import simpy

    draw, env, spent = random.Random(seed), simpy.Environment(), []
    cores = simpy.Resource(env, CORES)

    def request():
        came = env.now
        with cores.request() as core:
            yield core
            yield env.timeout(draw.expovariate(1 / SERVICE_S))
        spent.append(env.now - came)

    def source():
        for _ in range(requests):
            yield env.timeout(draw.expovariate(ARRIVALS_PER_S))
            env.process(request())

    env.process(source())
    seconds, _ = timed(env.run)
    return Measured(seconds, requests, sum(spent) / requests)


def ciw(requests, seed=1):
    """Ciw, with its records of individuals, without reading them."""
    import ciw

    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(ARRIVALS_PER_S)],
        service_distributions=[ciw.dists.Exponential(1 / SERVICE_S)], number_of_servers=[CORES])
    simulation = ciw.Simulation(network)
    seconds, _ = timed(lambda: simulation.simulate_until_max_customers(requests, method="Finish"))
    records = simulation.get_all_records()
    return Measured(seconds, requests, sum(one.exit_date - one.arrival_date for one in records) / len(records))


def salabim(requests, seed=1):
    """salabim with generators, and with its monitors off: it would measure what nobody reads."""
    import salabim

    draw, env, spent = random.Random(seed), salabim.Environment(yieldless=False, trace=False), []
    cores = salabim.Resource("cores", capacity=CORES, monitor=False)

    class Request(salabim.Component):
        def process(self):
            came = env.now()
            yield self.request(cores)
            yield self.hold(draw.expovariate(1 / SERVICE_S))
            self.release()
            spent.append(env.now() - came)

    class Source(salabim.Component):
        def process(self):
            for _ in range(requests):
                yield self.hold(draw.expovariate(ARRIVALS_PER_S))
                Request(mode=None)

    Source()
    seconds, _ = timed(env.run)
    return Measured(seconds, requests, sum(spent) / requests)


def other_simulators():
    """{name: function(requests)} of the other simulators that are installed."""
    return {name: run for name, run in {"Ciw": ciw, "salabim": salabim}.items() if find_spec(name.lower())}
