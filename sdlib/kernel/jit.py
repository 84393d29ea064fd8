"""Compile with Numba, and keep the machine code between processes."""

import atexit
import functools
import hashlib
import shutil
import tempfile
import warnings
from pathlib import Path

import numba
from numba.extending import register_jitable

from sdlib.whole import whole


def jit(function=None, entry=False, allocates=False, inline=False):
    """Compile a part of the machine.

    entry: Python calls it, so it gets a wrapper and its machine code is kept on disk. It lets go of Python's lock, so
    that a panel can say meanwhile that it runs. All others are compiled into
    the entries that use them, which is why an entry's cache must notice a change in *any* source of the engine or the
    components; Numba alone looks at the file of the function itself.
    allocates: it makes new arrays. All others do without reference counts, which cost ten times the work that they
    guard: the arrays belong to the caller in Python, which outlives every call.
    inline: on the path of every request, where a call costs more than what it does.
    """
    if function is None:
        return functools.partial(jit, entry=entry, allocates=allocates, inline=inline)
    options = {"error_model": "numpy", "_nrt": allocates, "forceinline": inline}
    if not entry:
        return _for_all_widths(numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)(function))
    dispatcher = _for_all_widths(_kept(function, options))
    kept = dispatcher._cache._cache_file
    kept._source_stamp = sources_stamp()
    # Compared before anything is unpickled, which may name modules that a newer version of the sources has no more.
    kept._version = f"{numba.__version__} {sources_stamp()}"
    return _compiled_whole(dispatcher)


def on_both_engines(function):
    """A plain function that the machine may call, too."""
    return register_jitable(error_model="numpy", _nrt=False)(function)


def _for_all_widths(dispatcher):
    """Compiled once for all widths of whole numbers and for constants: else a function that takes three of them would
    be compiled a dozen times, which is a third of all the time that compiling takes."""
    compile_for_types = dispatcher.compile

    def compile_wide(signature):
        types_, returned = numba.core.sigutils.normalize_signature(signature)
        wide = tuple(_wide(one) for one in types_)
        return compile_for_types(wide if returned is None else returned(*wide))
    dispatcher.compile = compile_wide
    return dispatcher


def _wide(type_):
    plain = numba.types.unliteral(type_)
    fits = isinstance(plain, numba.types.Integer) and plain != numba.uint64
    return numba.int64 if fits else plain


def _kept(function, options):
    """Compiled by Numba, its machine code kept beside the source or in the home folder; or, where neither can be
    written, in a folder that goes with this process."""
    keep = numba.njit(cache=True, nogil=True, **options)
    try:
        return keep(function)
    except RuntimeError as problem:
        if "no locator" not in str(problem):
            raise
    numba.config.CACHE_DIR = _passing_folder()
    return keep(function)


@functools.cache
def _passing_folder():
    folder = tempfile.mkdtemp(prefix="sdlib-machine-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    warnings.warn("Neither the folder of sdlib nor the home folder can be written, so the event machine is compiled "
                  "anew in each session: the first simulation takes about ten seconds.", stacklevel=2)
    return folder


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
