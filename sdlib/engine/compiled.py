"""The compiled engine: the program of a system on the event machine."""

import functools

import numba
import numpy as np

from sdlib.engine.dispatch import state_class
from sdlib.engine.kinds import KINDS, kinds_in, numbers_of
from sdlib.engine.records import SAMPLES, STATION_COUNTS, Records, count_names, empty_requests
from sdlib.engine.room import A_STEP, grown
from sdlib.engine.walk import ENDED, MORE_ROOM, advance, start
from sdlib.kernel.retry import MOST_SAVED
from sdlib.kernel.state import (
    CELL,
    CLOCK,
    ENTITY,
    EVENT,
    INCIDENT,
    LEVEL,
    LINK,
    MESSAGE,
    NONE,
    READY,
    SAMPLE,
    node_dtype,
)
from sdlib.kernel.trace import ROWS_A_REQUEST, TRACE
from sdlib.kernel.writer import Writer

EVENTS_BETWEEN_PAUSES = 2_000_000  # about 0.2 s: then Python may handle an interrupt or show progress


def run(system, arrived_s, seconds, seed, on_progress=None, until_s=None, traced=False):
    """Simulate a `Plan` until `seconds` (or only until until_s of them); returns Records. on_progress(share) is called
    every few million events. traced: write down every step."""
    program = translate(system)
    kinds = kinds_in(system.nodes)
    m = _state(kinds, system, program, arrived_s, seconds, seed, traced)
    if until_s is not None:
        m.clock["end_s"] = until_s
    early = _early(system, program)
    m = grown(m, len(early) + m.clock["margin"][0])
    step, begin = _entries(kinds)
    begin(m, early)
    while (outcome := step(m, EVENTS_BETWEEN_PAUSES)) != ENDED:
        if outcome == MORE_ROOM:
            m = grown(m, m.clock["margin"][0])
        if on_progress:
            on_progress(m.clock["now"][0] / seconds)
    for node in system.nodes:
        node.component.look_back(m.nodes[node.index][node.component.own_name] if node.component.own else None)
    return _records(m, system.nodes, seconds)


def translate(system):
    """The program of a system under its clients."""
    writer = Writer(system.nodes, numbers_of(kinds_in(system.nodes)))
    writer.write(system.nodes[0])
    start = writer.clients(system.client_node)
    changes = [writer.change(system.nodes[change.node].component.actions[change.action], change.node, change.b,
                             change.x) for change in system.changes]
    return writer.finished(start, changes)


@functools.cache
def _entries(kinds):
    """The machine's entries; for components that are not the course's own a machine of their own, not kept on disk."""
    if kinds == KINDS:
        return advance, start
    return tuple(numba.njit(nogil=True, error_model="numpy", _nrt=False)(entry.py_func) for entry in (advance, start))


def _state(kinds, system, program, arrived_s, seconds, seed, traced):
    """All arrays, sized for a quiet start; what turns out too small grows."""
    nodes = np.zeros(len(system.nodes), node_dtype(kinds))
    cells = _cells(system, nodes)
    for node in system.nodes:
        _fill_node(nodes[node.index], node, cells, system.clients)
    clock = np.zeros(1, CLOCK)
    _fill_clock(clock[0], system, program, len(arrived_s), seconds, seed)
    arrays = [program.code, _links(system, program), nodes, clock, np.zeros(0, ENTITY), np.zeros(0, LEVEL),
              np.zeros(0, EVENT), np.zeros(0, READY), empty_requests(arrived_s), np.zeros(0, MESSAGE),
              np.zeros(SAMPLES * len(nodes), SAMPLE), np.zeros(0, INCIDENT), cells]
    trace = [np.zeros(ROWS_A_REQUEST * len(arrived_s), TRACE)] if traced else []  # takes memory only where written
    return state_class(kinds, traced)(*arrays, *trace, book=None)  # `grown` writes it


def _cells(system, nodes):
    """The attributes' tables first, then what each component wants."""
    begin = len(system.attributes.cells)
    for node in system.nodes:
        wanted = node.component.cells(system.clients)
        nodes["cells_from"][node.index], nodes["cells"][node.index] = begin, wanted
        begin += wanted
    cells = np.zeros(begin, CELL)
    cells[:len(system.attributes.cells)] = system.attributes.cells
    return cells


def _fill_node(row, node, cells, clients):
    part = node.component
    row["capacity"], row["memory"] = part.places, part.memory_cells or np.iinfo(np.int32).max
    row["limit"] = min(part.most_inside, row["memory"])
    row["restart_s"], row["first_link"], row["links"] = part.crash_s, node.first_link, len(node.children)
    for link in ("head", "tail", "first_in", "last_in"):
        row[link] = NONE
    row["first_part"] = node.parts[0] if node.parts else NONE
    begin, wanted = row["cells_from"], row["cells"]
    part.fill(row[part.own_name] if part.own else None, cells[begin:begin + wanted], clients)


def _links(system, program):
    """A row for each way between components, in the order of their numbers: LINK[links]."""
    ways = [(system.client_node, 0), *((node, index) for node in system.nodes for index in range(len(node.children)))]
    links = np.zeros(len(ways), LINK)
    for link, (node, index) in zip(links, ways):
        child = node.children[index]
        link["entry"] = NONE if program.entries[child] is None else program.entries[child]
        link["node"], link["origin"], link["place"] = child, node.index, node.component.place_of(index)
        link["cores"] = system.nodes[child].component.places
        link["timeout_s"] = link["hedge_s"] = link["budget"] = NONE
        link["saved"], link["weight"] = MOST_SAVED, node.component.weight_of(index)
        _fill_patience(link, node.component.patience(index))
    return links


def _fill_patience(link, patience):
    if patience is None:
        return
    retry = patience.retry
    link["timeout_s"] = NONE if patience.timeout_s is None else patience.timeout_s
    link["hedge_s"] = NONE if patience.hedge_s is None else patience.hedge_s
    link["retries"], link["schedule"], link["jitter"] = retry.times, retry.schedule, retry.jitter_number
    link["first_s"], link["most_s"] = retry.first_s, retry.most_s
    link["budget"] = NONE if retry.budget is None else retry.budget


def _fill_clock(clock, system, program, requests, seconds, seed):
    clock["end_s"], clock["sample_every_s"], clock["seed"] = seconds, seconds / SAMPLES, seed
    clock["next_number"], clock["start"], clock["levels"] = requests, program.start, program.levels
    clock["margin"], clock["free"] = program.levels + A_STEP, NONE
    attributes = system.attributes
    clock["users"], clock["greedy_share"] = attributes.users, attributes.greedy_share
    for name, first in attributes.first.items():
        clock[f"{name}_from"], clock[name] = first, attributes.count[name]


def _early(system, program):
    """Where those begin that act by themselves, and when (NaN: at once), first those of the components."""
    actors = [(program.acts[node.index], np.nan) for node in system.nodes for _ in range(node.component.actors())]
    changes = [(begin, change.at_s) for begin, change in zip(program.changes, system.changes)]
    return np.array([*actors, *changes], float).reshape(-1, 2)


def _records(m, nodes, seconds):
    left_s = seconds - m.nodes["changed_s"]
    stations = {name: m.nodes[name].copy() for name in (*STATION_COUNTS, "capacity")}
    stations["busy_area"] = m.nodes["busy_area"] + left_s * m.nodes["busy"]
    stations["queue_area"] = m.nodes["queue_area"] + left_s * m.nodes["queue"]
    for name in count_names(nodes):
        stations[name] = np.array([m.nodes[node.component.own_name][name][node.index]
                                   if name in node.component.counts else 0 for node in nodes])
    clock = m.clock[0]
    alive = (m.entities["number"] >= 0) & (m.entities["number"] < len(m.requests))
    samples = m.samples.view(np.int32).reshape(SAMPLES, len(nodes), 3)
    trace = m.trace[:clock["traced"]] if hasattr(m, "trace") else None
    return Records(m.requests, m.messages[:clock["rows"]].copy(), stations, samples, m.links["calls"].copy(),
                   m.incidents[:clock["incidents"]].copy(), int(clock["arrival"]), int(np.sum(alive)), trace)


