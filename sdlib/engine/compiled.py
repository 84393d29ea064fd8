"""The compiled engine: the program of a system on the event machine."""

import functools

import numpy as np

from sdlib.components.clients import BACKOFFS, JITTERS
from sdlib.engine.memory import check_growth
from sdlib.engine.program import translate
from sdlib.engine.records import SAMPLES, STATION_COUNTS, Records, empty_requests
from sdlib.engine.stations import bring_down, lose
from sdlib.engine.steps import walk
from sdlib.kernel.draws import alias_table, zipf_shares
from sdlib.kernel.jit import jit
from sdlib.kernel.machine import comes_first, drop_first, has_room, make_ready, new_entity, wake_at
from sdlib.kernel.state import (
    CLOCK,
    COLUMN,
    CRASH,
    ENTITY,
    EVENT,
    KEY,
    LEVEL,
    MESSAGE,
    NODE,
    NONE,
    READY,
    RESUME,
    TARGET,
    State,
    index,
)

DONE, MORE_ROOM, PAUSE = range(3)
NOBODY, SKIP = -1, -2
EVENTS_BETWEEN_PAUSES = 2_000_000  # about 0.2 s: then Python may handle an interrupt or show progress
FIRST_ROOM = 1024
A_STEP = 8  # room that one step takes at most, beside what leaving all levels of the stack sets free


def run(system, clients, arrived_s, seconds, seed, on_progress=None):
    """Simulate until `seconds`; returns Records. on_progress(share) is called every few million events."""
    program = translate(system, clients)
    early = _early(program)
    m = _state(program, clients, arrived_s, seconds, seed)
    m = _grown(m, len(early) + m.clock["margin"][0])
    _start(m, early)
    while (outcome := _advance(m, EVENTS_BETWEEN_PAUSES)) != DONE:
        if outcome == MORE_ROOM:
            m = _grown(m, m.clock["margin"][0])
        if on_progress:
            on_progress(m.clock["now"][0] / seconds)
    return _records(m, seconds)


@jit(entry=True)
def _advance(m, most_events):
    """Run until the end, until more room is needed, or for so many events."""
    clock = m.clock[0]
    for _ in range(most_events):
        if not has_room(m, clock.margin):
            return MORE_ROOM
        who = _next_ready(m) if clock.ready_count else _next_event(m)
        if who == NOBODY:
            return DONE
        if who != SKIP:
            walk(m, index(who))
    return PAUSE


@jit(inline=True)
def _next_ready(m):
    """Who goes on at this instant; SKIP when that was cancelled."""
    clock = m.clock[0]
    slot = m.ready[clock.ready_head]
    if slot.kind == CRASH:
        victim = m.nodes[slot.who].first_in
        if victim != NONE and m.stack[victim].doomed:
            return lose(m, victim)  # the crash stays first in line until all that was inside is lost
    clock.ready_head = (clock.ready_head + 1) & (len(m.ready) - 1)
    clock.ready_count -= 1
    is_valid = slot.kind == RESUME and m.entities[slot.who].token == slot.token
    return slot.who if is_valid else SKIP


@jit(inline=True)
def _next_event(m):
    """Who the earliest arrival or event concerns; NOBODY when none is left before the end."""
    clock = m.clock[0]
    time, is_arrival = clock.end_s, clock.arrival < len(m.requests)
    if is_arrival:
        time = m.requests[clock.arrival].arrived_s
    if clock.heap_size:
        first = m.heap[0]
        if not is_arrival or comes_first(first.time, first.number, time, clock.arrival):
            time, is_arrival = first.time, False
    if clock.next_sample_s <= time:
        _sample_until(m, min(time, clock.end_s))
    if time >= clock.end_s:
        return NOBODY
    clock.now = time
    if is_arrival:
        clock.arrival += 1
        return new_entity(m, clock.arrival - 1, clock.arrival - 1, clock.start)
    who, token = m.heap[0].who, m.heap[0].token
    drop_first(m)
    if m.entities[who].token != token:
        return SKIP
    if m.entities[who].pc == NONE:
        _stop(m, who)
        return SKIP
    return who


@jit
def _stop(m, who):
    """A planned stop begins."""
    stop = m.entities[who]
    bring_down(m, stop.server, stop.delay_s)


@jit
def _sample_until(m, time):
    clock = m.clock[0]
    while clock.next_sample_s <= time and clock.sample < len(m.samples):
        for at in range(len(m.nodes)):
            node = m.nodes[at]
            m.samples[clock.sample, at, 0] = node.queue
            m.samples[clock.sample, at, 1] = node.busy
            m.samples[clock.sample, at, 2] = node.inside
        clock.sample += 1
        clock.next_sample_s = clock.sample * clock.sample_every_s


def _state(program, clients, arrived_s, seconds, seed):
    """All arrays, sized for a quiet start; what turns out too small grows."""
    requests = len(arrived_s)
    caches = [node for node in program.nodes if node.kind == "Cache"]
    nodes = np.zeros(len(program.nodes), NODE)
    for node in program.nodes:
        _fill_node(nodes[node.index], node)
    for number, cache in enumerate(caches):
        nodes["keys_from"][cache.index] = number * clients.objects
    clock = np.zeros(1, CLOCK)
    _fill_clock(clock[0], program, clients, requests, seconds, seed)
    keys = np.zeros(max(len(caches) * clients.objects, 1), KEY)
    keys["expires_s"] = -1.0
    return State(
        program.code, _targets(program), nodes, clock, np.zeros(0, ENTITY), np.zeros(0, LEVEL), np.zeros(0, EVENT),
        np.zeros(0, READY), empty_requests(arrived_s), np.zeros(0, MESSAGE),
        np.zeros((SAMPLES, len(nodes), 3), np.int32), keys,
        popularity(clients.objects, clients.skew) if caches else np.zeros(1, COLUMN))


def _targets(program):
    """Each target's entry, how many requests it has now, and how many it can work on."""
    rows = [(entry, 0, getattr(program.nodes[node].component, "cpus", 0)) for node, entry in program.targets]
    return np.array(rows or [(0, 0, 0)], TARGET)


def _fill_node(row, node):
    part = node.component
    row["capacity"] = part.places
    limit = getattr(part, "most_in_flight", None) or getattr(part, "capacity", None) or len(node.children)
    row["limit"] = min(limit, np.iinfo(np.int32).max)
    row["restart_s"] = getattr(part, "restart_s", 0.0)
    row["timeout_s"] = getattr(part, "visibility_timeout_s", 0.0)
    row["ttl_s"] = getattr(part, "ttl_s", None) or np.inf
    for link in ("head", "tail", "first_in", "last_in", "idle_head", "idle_tail", "newest", "oldest"):
        row[link] = NONE


def _fill_clock(clock, program, clients, requests, seconds, seed):
    clock["end_s"], clock["sample_every_s"], clock["seed"] = seconds, seconds / SAMPLES, seed
    clock["next_number"], clock["start"], clock["levels"] = requests, program.start, program.levels
    clock["margin"], clock["free"] = program.levels + A_STEP, NONE
    clock["retries"], clock["first_delay_s"], clock["max_delay_s"] = (clients.retries, clients.first_delay_s,
                                                                      clients.max_delay_s)
    clock["backoff"], clock["jitter"] = BACKOFFS.index(clients.backoff), JITTERS.index(clients.jitter)


@functools.lru_cache(maxsize=8)
def popularity(objects, skew):
    """Zipf popularity of the keys 0, 1, ... as an alias table, COLUMN[objects]."""
    table = np.zeros(objects, COLUMN)
    table["threshold"], table["alias"] = alias_table(zipf_shares(objects, skew))
    return table


def _early(program):
    """Workers and planned stops: where each begins (NONE for a stop), its node, and the stop's start and end."""
    workers = [(program.entries[node.index], node.index, 0.0, 0.0)
               for node in program.nodes for _ in range(getattr(node.component, "count", 0))]
    stops = [(NONE, node.index, start_s, end_s)
             for node in program.nodes for start_s, end_s in getattr(node.component, "down", ())]
    return np.array([*workers, *stops], float).reshape(-1, 4)


@jit(entry=True)
def _start(m, early):
    """Workers start at once; planned stops are put on the heap. Their numbers are negative: they go first."""
    for row in range(len(early)):
        who = new_entity(m, NONE - 1 - row, 0, int(early[row, 0]))
        entity = m.entities[who]
        if entity.pc == NONE:
            entity.server, entity.delay_s = int(early[row, 1]), early[row, 3]
            wake_at(m, early[row, 2], who)
        else:
            make_ready(m, who, entity.token, RESUME)


def _grown(m, wanted):
    """The same state with room for `wanted` more of everything. Only what has no room grows, at least to the double."""
    clock, old = m.clock[0], len(m.entities)
    if clock["free_count"] < wanted:
        room = _larger(old, wanted, ENTITY.itemsize + clock["levels"] * LEVEL.itemsize, clock)
        entities = _longer(m.entities, room)
        for link in ("number", "awaits", "waits_at", "holds"):
            entities[link][old:] = NONE
        entities["next"][old:] = np.append(np.arange(old + 1, room), clock["free"])
        clock["free"], clock["free_count"] = old, clock["free_count"] + room - old
        m = m._replace(entities=entities, stack=_longer(m.stack, room * clock["levels"]))
    if clock["heap_size"] + wanted > len(m.heap):
        m = m._replace(heap=_longer(m.heap, _larger(len(m.heap), wanted, EVENT.itemsize, clock)))
    if clock["ready_count"] + wanted > len(m.ready):
        order = (clock["ready_head"] + np.arange(clock["ready_count"])) % max(len(m.ready), 1)
        m = m._replace(ready=_longer(m.ready[order], _larger(len(m.ready), wanted, READY.itemsize, clock)))
        clock["ready_head"] = 0
    if clock["rows"] + wanted > len(m.messages):
        m = m._replace(messages=_longer(m.messages, _larger(len(m.messages), wanted, MESSAGE.itemsize, clock)))
    return m


def _larger(length, wanted, item_bytes, clock):
    """The next power of two that holds as many again, or as many more as wanted (the ready queue is a ring)."""
    larger = 1 << int(max(2 * length, length + wanted, FIRST_ROOM) - 1).bit_length()
    check_growth(larger * item_bytes, clock["now"])
    return larger


def _longer(array, length):
    grown = np.zeros(length, array.dtype)
    grown[:len(array)] = array
    return grown


def _records(m, seconds):
    left_s = seconds - m.nodes["changed_s"]
    stations = {name: m.nodes[name].copy() for name in (*STATION_COUNTS, "capacity")}
    stations["busy_area"] = m.nodes["busy_area"] + left_s * m.nodes["busy"]
    stations["queue_area"] = m.nodes["queue_area"] + left_s * m.nodes["queue"]
    messages = m.messages[:m.clock["rows"][0]].copy()
    alive = (m.entities["number"] >= 0) & (m.entities["number"] < len(m.requests))
    return Records(m.requests, messages, stations, m.samples, int(m.clock["arrival"][0]), int(np.sum(alive)))
