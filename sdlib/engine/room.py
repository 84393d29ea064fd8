"""Room for what is pending: the machine's arrays grow when a step might not fit any more."""

import numpy as np

from sdlib.engine.memory import check_growth
from sdlib.kernel.state import ENTITY, EVENT, INCIDENT, LEVEL, MESSAGE, NONE, READY
from sdlib.kernel.trace import TRACE
from sdlib.kernel.view import book_of

FIRST_ROOM = 1024
A_STEP = 16  # room that one step asks for at most, beside what leaving all levels of the stack sets free
ROWS_A_STEP = 4  # and so many times that in the trace


def grown(m, wanted):
    """The same state with room for `wanted` more of everything. Only what has no room grows, at least to the double."""
    clock, old = m.clock[0], len(m.entities)
    levels = int(clock["levels"])  # a NumPy integer of 32 bits would overflow in the products below
    if clock["free_count"] < wanted:
        room = _larger(old, wanted, ENTITY.itemsize + levels * LEVEL.itemsize, clock)
        entities = _longer(m.entities, room)
        for link in ("number", "awaits", "waits_at", "partner"):
            entities[link][old:] = NONE
        entities["next"][old:] = np.append(np.arange(old + 1, room), clock["free"])
        clock["free"], clock["free_count"] = old, clock["free_count"] + room - old
        m = m._replace(entities=entities, stack=_longer(m.stack, room * levels))
    if clock["heap_size"] + wanted > len(m.heap):
        m = m._replace(heap=_longer(m.heap, _larger(len(m.heap), wanted, EVENT.itemsize, clock)))
    if clock["ready_count"] + wanted > len(m.ready):
        order = (clock["ready_head"] + np.arange(clock["ready_count"])) % max(len(m.ready), 1)
        m = m._replace(ready=_longer(m.ready[order], _larger(len(m.ready), wanted, READY.itemsize, clock)))
        clock["ready_head"] = 0
    if clock["rows"] + wanted > len(m.messages):
        m = m._replace(messages=_longer(m.messages, _larger(len(m.messages), wanted, MESSAGE.itemsize, clock)))
    if clock["incidents"] + wanted > len(m.incidents):
        m = m._replace(incidents=_longer(m.incidents, _larger(len(m.incidents), wanted, INCIDENT.itemsize, clock)))
    if hasattr(m, "trace") and clock["traced"] + ROWS_A_STEP * wanted > len(m.trace):
        m = m._replace(trace=_longer(m.trace, _larger(len(m.trace), ROWS_A_STEP * wanted, TRACE.itemsize, clock)))
    return m._replace(book=book_of(m[:-1]))


def _larger(length, wanted, item_bytes, clock):
    """The next power of two that holds as many again, or as many more as wanted (the ready queue is a ring)."""
    larger = 1 << (max(2 * length, length + int(wanted), FIRST_ROOM) - 1).bit_length()
    check_growth(larger * item_bytes, clock["now"])
    return larger


def _longer(array, length):
    grown = np.zeros(length, array.dtype)
    grown[:len(array)] = array
    return grown
