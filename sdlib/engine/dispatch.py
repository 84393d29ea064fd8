"""From an instruction's number to its step: one switch, made from the registered components."""

from numba.extending import overload

from sdlib.engine.kinds import KINDS, steps_of
from sdlib.kernel.state import GO_ON, State, TracedState
from sdlib.kernel.view import View
from sdlib.kernel.writer import COLD


def carry_out_step(m, op, who, at, b, x):
    """Carry out a step that is not on the path of every request. What it may be depends on the type of m."""


@overload(carry_out_step, jit_options={"_nrt": False, "error_model": "numpy"}, inline="never")
def _carry_out_step(m, op, who, at, b, x):
    if not isinstance(m, View):
        return None
    return _switch(steps_of(getattr(m.kind, "kinds", KINDS)))


def _switch(steps):
    """One function for all steps, written out: a function for each would cost as much to compile as the steps."""
    names = [f"step_{number}" for number in range(len(steps))]
    cases = "".join(f"    if op == {COLD + number}:\n        return {name}(m, who, at, b, x)\n"
                    for number, name in enumerate(names))
    written = dict(zip(names, steps)) | {"GO_ON": GO_ON}
    exec(f"def switch(m, op, who, at, b, x):\n{cases}    return GO_ON\n", written)
    return written["switch"]


def state_class(kinds, traced):
    """The type of a state: the machine is compiled once for each."""
    plain = TracedState if traced else State
    return plain if kinds == KINDS else type(plain.__name__, (plain,), {"kinds": kinds, "__slots__": ()})


