"""Compile with Numba, and keep the machine code between processes."""

import functools
import hashlib
from pathlib import Path

import numba

from sdlib.whole import whole


def jit(function=None, entry=False, allocates=False, inline=False):
    """Compile a part of the machine.

    entry: Python calls it, so it gets a wrapper and its machine code is kept on disk. It lets go of Python's lock, so
    that a panel can say meanwhile that it runs. All others are compiled into
    the entries that use them, which is why an entry's cache must notice a change in *any* source of the engine or the
    components; Numba alone looks at the file of the function itself.
    allocates: it makes new arrays. All others do without reference counts, which cost ten times the work that they
    guard: the arrays belong to the caller in Python, which outlives every call.
    inline: on the path of every request; a call would copy the whole state.
    """
    if function is None:
        return functools.partial(jit, entry=entry, allocates=allocates, inline=inline)
    options = {"error_model": "numpy", "_nrt": allocates, "forceinline": inline}
    if not entry:
        return numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function)
    dispatcher = numba.njit(cache=True, nogil=True, **options)(function)
    dispatcher._cache._cache_file._source_stamp = sources_stamp()
    return _compiled_whole(dispatcher)


def _compiled_whole(dispatcher):
    """Interrupted while it loads or compiles, LLVM can end the process; Numba imports much of itself only then."""
    compile_for_arguments = dispatcher._compile_for_args

    def compile_whole(*arguments, **named):
        with whole():
            return compile_for_arguments(*arguments, **named)
    dispatcher._compile_for_args = compile_whole
    return dispatcher


@functools.cache
def sources_stamp():
    """A digest of all sources that the machine is compiled from, the same on every machine that has them."""
    package = Path(__file__).parent.parent
    sources = sorted(source for folder in ("kernel", "components", "engine")
                     for source in (package / folder).glob("*.py"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()
