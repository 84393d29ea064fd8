"""A policy that a learner wrote: a plain Python function, which both engines call."""

import inspect
import operator
from functools import cached_property

import numba
from numba import carray, types
from numba.core.cgutils import ir
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from sdlib.components.checks import complain
from sdlib.kernel.jit import on_both_engines
from sdlib.kernel.state import LINK, NONE
from sdlib.kernel.view import row_at

FACTS = ("machines", "in_use", "turn", "draw", "user")
NO_REASON = ("Failed in nopython mode", "During")  # how Numba's messages begin, before the reason
_TYPES = types.int64(types.CPointer(numba.from_dtype(LINK)), types.int64, types.int64, types.int64, types.float64,
                     types.int64)


class PolicyFailed(Exception):
    """A compiled policy raised an error or named no machine; what it was, the reference engine can tell."""


class OwnPolicy:
    """A function of `machines` and, where it names them, of in_use, turn, draw and user (see `policies`); it returns
    the index of a machine. If that is not in use, the next one that is gets the request."""

    def __init__(self, owner, function):
        allowed = "the name of a policy, or a function of machines and, where it wants them, " + ", ".join(FACTS[1:])
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            complain(owner, "policy", function, allowed, "round_robin")
        if not parameters or any(name not in FACTS for name in parameters):
            complain(owner, "policy", function, allowed, "round_robin")
        self.function, self.wanted = function, tuple(parameters)

    def __call__(self, machines, in_use, turn, draw, user):
        facts = dict(zip(FACTS, (machines, in_use, turn, draw, user)))
        try:
            answer = self.function(*[facts[name] for name in self.wanted])
        except Exception as problem:
            raise ValueError(f"policy {self.function.__name__}: it raised {type(problem).__name__}: "
                             f"{problem}") from problem
        try:
            number = operator.index(answer)
        except TypeError:
            number = NONE
        if not 0 <= number < len(machines):
            raise ValueError(f"policy {self.function.__name__}: it returned {answer!r:.60}; it must return the number "
                             f"of a machine, from 0 to {len(machines) - 1}.")
        return next_in_use(machines, number)

    def __getstate__(self):
        return {"function": self.function, "wanted": self.wanted}  # machine code belongs to one process

    @property
    def address(self):
        """Where its machine code is."""
        return self._compiled[0].address

    @property
    def problem(self):
        """Why it cannot be compiled, or None."""
        return self._compiled[1]

    @cached_property
    def _compiled(self):
        try:
            chosen = numba.njit(boundscheck=True)(self.function)
            written = {"chosen": chosen, "carray": carray}
            exec(f"def choose(pointer, count, in_use, turn, draw, user):\n"
                 f"    machines = carray(pointer, count)\n"
                 f"    try:\n"
                 f"        return chosen({', '.join(self.wanted)})\n"
                 f"    except Exception:\n"
                 f"        return {NONE}\n", written)
            compiled = numba.cfunc(_TYPES)(written["choose"])
        except numba.core.errors.NumbaError as problem:
            lines = [line for line in str(problem).splitlines() if line.strip() and not line.startswith(NO_REASON)]
            return None, lines[0].strip() if lines else type(problem).__name__
        if not all(isinstance(one.return_type, types.Integer) for one in chosen.nopython_signatures):
            return None, "it does not always return a whole number"
        return compiled, None


@on_both_engines
def next_in_use(machines, number):
    """This machine, or the next one that is in use."""
    while machines[number].out != 0:
        number = (number + 1) % len(machines)
    return number


@intrinsic
def stretch(_typing, rows, first, count):
    """rows[first:first + count] as an array, as a policy sees its machines."""
    machines = types.Array(rows.record, 1, "C")

    def cut_out(context, builder, signature, arguments):
        all_rows, first, count = arguments
        part = context.make_array(machines)(context, builder)
        itemsize = context.get_constant(types.intp, rows.record.size)
        populate_array(part, data=builder.bitcast(row_at(context, builder, rows, all_rows, first), part.data.type),
                       shape=[count], strides=[itemsize], itemsize=itemsize, meminfo=None)
        return part._getvalue()
    return machines(rows, types.int64, types.int64), cut_out


@intrinsic
def call_policy(_typing, address, machines, in_use, turn, draw, user):
    """The number that the policy at this address returns for these machines."""
    def call(context, builder, signature, arguments):
        address, machines, *facts = arguments
        array = context.make_array(signature.args[1])(context, builder, machines)
        real, whole = ir.DoubleType(), ir.IntType(64)
        function = ir.FunctionType(whole, [array.data.type, whole, whole, whole, real, whole])
        count = builder.extract_value(array.shape, 0)
        return builder.call(builder.inttoptr(address, function.as_pointer()), [array.data, count, *facts])
    return types.int64(types.int64, machines, types.int64, types.int64, types.float64, types.int64), call
