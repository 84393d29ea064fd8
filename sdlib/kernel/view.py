"""How the machine's parts see its state: through one pointer.

A named tuple of arrays would reach each part as a hundred values, and be taken apart and put together again at each
call: compiling would take a tenth to a third longer. `view(m)` makes of it one pointer to `m.book`, which says where
each array begins and how long it is. Behind it stand only arrays of records, without a look at whether an index is
inside.
"""

import operator

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.cgutils import ir
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    intrinsic,
    lower_builtin,
    lower_getattr_generic,
    models,
    register_model,
    type_callable,
)

BEGINS, LENGTH = range(2)  # what the book says of an array


class View(types.Type):
    """A whole state. kind: its class; members: the name and the type of record of each array, in order."""

    def __init__(self, kind, members):
        self.kind, self.members = kind, members
        super().__init__(f"View({kind.__name__}, {id(kind)})")  # two of one name would be one symbol to LLVM


class Rows(types.Type):
    """One of its arrays, as a pointer to its line in the book."""

    def __init__(self, record):
        self.record = record
        super().__init__(f"Rows({record})")


register_model(View)(models.OpaqueModel)
register_model(Rows)(models.OpaqueModel)


def book_of(arrays):
    """Where each array begins and how long it is: int64[arrays, 2]."""
    return np.array([(array.ctypes.data, len(array)) for array in arrays], np.int64)


@intrinsic
def view(_typing, m):
    """The state as all parts but an entry see it. m: a named tuple of arrays of records, the last one its book."""
    *arrays, _ = m.types
    members = tuple((name, array.dtype) for name, array in zip(m.fields, arrays))

    def point(context, builder, signature, arguments):
        book = builder.extract_value(arguments[0], len(arrays))
        data = context.make_array(signature.args[0].types[-1])(context, builder, book).data
        return builder.bitcast(data, cgutils.voidptr_t)
    return View(m.instance_class, members)(m), point


@infer_getattr
class _Members(AttributeTemplate):
    key = View

    def generic_resolve(self, of, name):
        return next((Rows(record) for member, record in of.members if member == name), None)


@lower_getattr_generic(View)
def _rows(context, builder, of, pointer, name):
    line = [member for member, _ in of.members].index(name)
    return cgutils.pointer_add(builder, pointer, 16 * line)


@type_callable(operator.getitem)
def _type_row(context):
    def typer(rows, index):
        if isinstance(rows, Rows) and isinstance(index, types.Integer):
            return rows.record
    return typer


@lower_builtin(operator.getitem, Rows, types.Integer)
def _row(context, builder, signature, arguments):
    rows, index = arguments
    index = context.cast(builder, index, signature.args[1], types.intp)
    return row_at(context, builder, signature.args[0], rows, index)


def row_at(context, builder, of, rows, index):
    """Code for the pointer to one record."""
    data = builder.inttoptr(_line(builder, rows, BEGINS), cgutils.voidptr_t)
    size = context.get_constant(types.intp, of.record.size)
    return builder.bitcast(builder.gep(data, [builder.mul(index, size)]), context.get_value_type(of.record))


@type_callable(len)
def _type_length(context):
    def typer(rows):
        if isinstance(rows, Rows):
            return types.intp
    return typer


@lower_builtin(len, Rows)
def _length(context, builder, signature, arguments):
    return _line(builder, arguments[0], LENGTH)


def _line(builder, rows, what):
    """A number of the book, which stays as it is as long as the machine runs: it need not be read again."""
    line = builder.bitcast(rows, ir.IntType(64).as_pointer())
    number = builder.load(builder.gep(line, [ir.Constant(ir.IntType(32), what)]))
    number.set_metadata("invariant.load", builder.module.add_metadata([]))
    return number
