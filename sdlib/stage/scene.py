"""The stage without actors: boxes with their slots, memory cells and queues, in design units.

The widget scales it to the width that it finds. A box has a column; its x values count from the column's middle.
"""

import math
from dataclasses import fields

from sdlib.charts.diagram import spec
from sdlib.charts.layout import columns_of, groups_of
from sdlib.charts.shapes import outline_of

WIDTH, INNER, QUEUE_WIDTH, PITCH = 144, 124, 56, 232
EDGE, GAP, HEAD, ROOF = 10, 26, 40, 30
MOST_MACHINES, MOST_CELLS, MOST_GRID = 12, 256, 200
MANY_BOXES = 14
SLOT_SIZES = (15, 11, 8, 6, 4)


def scene_of(nodes):
    """The scene as plain dictionaries: width, height, columns, clients, boxes, lines.

    boxes: {column, x, y, w, h, shape, name, spec, unit, dashed, machines}; y counts downwards from the top.
    machines: {node, queue, slots, memory, hold, row}; rectangles are [x, y, w, h]. shares: many machines, one queue.
    lines: {from, to, dashed}, places in boxes; -1 for the clients.
    """
    groups = groups_of(nodes)
    columns = columns_of(groups)
    is_small = len(groups) > MANY_BOXES
    boxes = [_box(group, nodes, is_small) for group in groups]
    height = max(sum(box["h"] + GAP for box in (boxes[place] for place in column)) for column in columns) + ROOF + EDGE
    height = max(height, 210)
    for column in columns:
        _stack(column, boxes, height)
    lines = [{"from": -1, "to": 0, "dashed": False}]
    lines += [{"from": place, "to": child, "dashed": boxes[child]["dashed"]}
              for place, group in enumerate(groups) for child in group.behind]
    return {"width": PITCH * (len(columns) + 0.7), "height": height, "columns": len(columns) + 0.7,
            "clients": {"y": boxes[0]["y"] + boxes[0]["h"] / 2}, "boxes": boxes, "lines": lines, "nodes": len(nodes)}


def _stack(column, boxes, height):
    """Spread a column's boxes evenly over the height."""
    free = height - ROOF - EDGE - sum(boxes[place]["h"] for place in column)
    y = ROOF + free / (2 * len(column))
    for place in column:
        _shift(boxes[place], y)
        y += boxes[place]["h"] + free / len(column)


def _shift(box, dy):
    box["y"] += dy
    for machine in box["machines"]:
        for name in ("queue", "slots", "memory", "hold", "row"):
            if machine[name]:
                machine[name][1] += dy


def _box(group, nodes, is_small):
    component, count = group.component, len(group.nodes)
    name = group.name if count == 1 else f"{count} x {group.name}"
    box = {"column": group.column + 1, "x": -WIDTH / 2 + QUEUE_WIDTH / 2, "y": 0.0, "w": WIDTH, "name": name,
           "spec": "" if is_small else spec(component), "unit": unit(component), "dashed": component.is_asynchronous,
           "shape": component.shape, "outline": outline_of(component.shape)}
    if count > MOST_MACHINES:
        box["machines"], box["h"] = _crowd(group, nodes, box)
    elif count > 1 or is_small:
        box["machines"], box["h"] = _rows(group, nodes, box, is_small)
    else:
        box["machines"], box["h"] = _single(group, nodes, box)
    return box


def _single(group, nodes, box):
    """One machine: slots above, memory below."""
    component, x, y = group.component, box["x"] + EDGE, HEAD
    machine = {"node": group.nodes[0], "slots": None, "memory": None, "hold": None, "row": None}
    if component.places:
        slots, used = _slots(component.places, x, y, INNER, 54)
        machine["slots"], y = slots, y + used + 6
    else:
        machine["hold"], y = [x, y, INNER, 36], y + 42
    if component.memory_cells:
        y += 13  # its words
        memory, used = _grid(min(component.memory_cells, MOST_CELLS), x, y, INNER, 30)
        machine["memory"] = memory
        y += used + 4
    machine["row"] = [box["x"], 0.0, box["w"], y + EDGE - 4]
    machine["queue"] = [box["x"] - QUEUE_WIDTH - 4, 2.0, QUEUE_WIDTH, y + EDGE - 8]
    return [machine], y + EDGE - 4


def _rows(group, nodes, box, is_small):
    """A few machines below each other: a row of slots and a thin memory bar each."""
    component, x, head = group.component, box["x"] + EDGE, 22 if is_small else HEAD
    high = 15 if len(group.nodes) > 6 else 24
    machines, y = [], head
    for index in group.nodes:
        machine = {"node": index, "slots": None, "memory": None, "hold": None,
                   "queue": [box["x"] - QUEUE_WIDTH - 4, y, QUEUE_WIDTH, high],
                   "row": [box["x"] + 4, y - 1, box["w"] - 8, high + 2]}
        bar = 4 if component.memory_cells else 0
        if component.places:
            machine["slots"], _ = _slots(component.places, x, y, INNER, high - bar - 2)
        else:
            machine["hold"] = [x, y, INNER, high - bar - 2]
        if bar:
            machine["memory"] = [x, y + high - bar, INNER, bar, 1, 1]
        machines.append(machine)
        y += high + 4
    return machines, y + EDGE - 4


def _crowd(group, nodes, box):
    """Many machines: a cell each, filled as far as it is busy; the queues of all in one."""
    x, count = box["x"] + EDGE, len(group.nodes)
    cells = min(count, MOST_GRID)
    grid, used = _grid(cells, x, HEAD, INNER, 90)
    _, _, _, _, across, size = grid
    machines = []
    for place, index in enumerate(group.nodes):
        row, column = divmod(place * cells // count, across)
        cell = [x + column * size, HEAD + row * size, size - 1, size - 1]
        machines.append({"node": index, "slots": None, "memory": None, "hold": cell, "row": list(cell), "shares": True,
                         "queue": [box["x"] - QUEUE_WIDTH - 4, 2.0, QUEUE_WIDTH, HEAD + used]})
    return machines, HEAD + used + EDGE


def _slots(places, x, y, width, height):
    """[x, y, w, h, across, size, gap, cells] of the slots, and the height used; the largest slots that fit."""
    for size in SLOT_SIZES:
        gap = 3 if size > 8 else 2
        across = int((width + gap) // (size + gap))
        most = across * int((height + gap) // (size + gap))
        if most >= places:
            break
    cells = max(1, min(places, most))
    down = math.ceil(cells / across)
    used = down * (size + gap) - gap
    return [x, y, width, used, across, size, gap, cells], used


def _grid(cells, x, y, width, height):
    """[x, y, w, h, across, size] of square cells that fill the width as well as they can."""
    size = min(9.0, max(2.0, math.sqrt(width * height / cells)))
    across = max(1, int(width // size))
    size = min(9.0, width / across)
    used = math.ceil(cells / across) * size
    return [x, y, width, used, across, size], used


def unit(component):
    """What its places are called: "cores", "connections"."""
    for one in fields(component):
        is_whole = one.metadata.get("kind") == "whole"
        if is_whole and one.metadata["unit"] and vars(component)[one.name] == component.places:
            return one.metadata["unit"]
    return "places"
