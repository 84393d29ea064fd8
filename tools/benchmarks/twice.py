"""The first simulation ever of a machine with twice as many steps: python -m tools.benchmarks.twice prints
[steps, steps of the larger machine, seconds] as JSON."""

import json
import time
from dataclasses import dataclass
from types import FunctionType

import sdlib as sd
from sdlib.components.base import Component
from sdlib.engine.kinds import KINDS, steps_of
from sdlib.kernel.jit import jit


def copies(steps):
    """Each step, with all that it calls of the components, as functions of their own: all is compiled once more."""
    made = {}

    def copied(step):
        if step not in made:
            function = step.py_func
            around = dict(function.__globals__)
            for name in function.__code__.co_names:
                if getattr(around.get(name), "__module__", "").startswith("sdlib.components") \
                        and hasattr(around[name], "py_func"):
                    around[name] = copied(around[name])
            made[step] = jit(FunctionType(function.__code__, around, f"{function.__name__}_again"))
        return made[step]
    return tuple(map(copied, steps))


@dataclass(frozen=True, eq=False)
class Twin(Component):
    """A component that does nothing, and brings along the steps of all others."""

    steps = copies(steps_of(KINDS))

    def process(self, here, request):
        yield here.work(request, 1.0)

    def program(self, write):
        write.work(1.0)
        write.back()


def main():
    begin = time.perf_counter()
    sd.simulate(sd.Server(cpus=4, ram_gb=4, calls=[Twin()]), sd.Clients(users=100), seconds=60)
    took_s = time.perf_counter() - begin
    print(json.dumps([len(steps_of(KINDS)), len(steps_of((*KINDS, Twin))), took_s]))


if __name__ == "__main__":
    main()
