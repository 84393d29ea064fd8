"""The stage without actors: boxes with their slots, memory cells and queues, in design units.

The widget scales it to the width that it finds. A box has a column; its x values count from the column's middle.
"""

import math
from dataclasses import fields

from sdlib.charts.diagram import spec
from sdlib.charts.layout import columns_of, groups_of, way_past
from sdlib.charts.shapes import outline_of

CLIENTS_WIDTH, COLUMN_GAP, MIN_HEIGHT = 62, 34, 248
MEMORY_WIDTH, PLACES_WIDTH, HOLD_WIDTH, GROUP_WIDTH = 204, 134, 108, 176
SQUEEZED, GAP_SQUEEZED, MOST_WIDE_COLUMNS = 0.82, 0.7, 2  # with more columns, boxes and gaps are narrower
HEIGHT_OF_WIDTH, MOST_MIN_HEIGHT = 0.51, 320
EDGE, ROOM, GAP, PAD, HEAD, LABEL = 6, 13, 28, 9, 34, 13  # LABEL: a line of small words; ROOM: above and below all
BODY, CHANNEL, LANES = 80, 14, 20  # LANES: the answers' lane is so far below the requests' one
LANES_PAST, LANES_ROOM = 5, 11  # where they pass by boxes: how far each is from the middle; what both need on a side
QUEUE_SHARE = {True: 0.56, False: 0.44}  # of a box's inner width, with memory and without
MOST_MACHINES, MOST_CELLS, MOST_GRID = 12, 512, 200
MANY_BOXES, MOST_BELOW = 14, 6  # where more boxes are, they are small; where more are below each other, low as well
SMALL_HEAD, LOW_ROW, ROW = 24, 15, 32  # of small boxes: room for the name, and for a machine
SLOT_SIZES = (22, 18, 15, 11, 8, 6, 4)
PARTS = ("queue", "slots", "memory", "hold", "row", "level")


def scene_of(nodes, places=None):
    """The scene as plain dictionaries: width, height, columns, clients, boxes, lines.

    places: for each node as many slots as it ever has; without it as many as it was declared with.
    columns: the middle of each column, the clients first. clients: {y, request_y, answer_y}.
    boxes: {column, x, y, w, h, shape, name, spec, unit, dashed, request_y, answer_y, labels, machines}; y counts
    downwards from the top; requests come and go at request_y, answers at answer_y; labels: {queue, slots, memory}.
    machines: {node, queue, slots, memory, hold, row, level}; rectangles are [x, y, w, h]. shares: many machines, one
    queue. row: what is hatched when it is down; level: what shows how busy it is.
    left, right of a box: where the lanes touch its outline. works_for_a_queue: it takes messages, and nobody calls it.
    lines: {from, to, dashed, one_way, past}, places in boxes; -1 for the clients; dashed: nobody waits for the answer.
    past: [column, half a width, request_y, answer_y] of each column in between, where the lanes pass by its boxes.
    """
    places = [node.component.places for node in nodes] if places is None else places
    groups = groups_of(nodes)
    columns = columns_of(groups)
    tallest = max(map(len, columns))
    small_row = 0 if len(groups) <= MANY_BOXES else LOW_ROW if tallest > MOST_BELOW else ROW
    narrow = 1 if len(columns) <= MOST_WIDE_COLUMNS else SQUEEZED
    boxes = [_box(group, nodes, places, small_row, narrow) for group in groups]
    middles, width = _middles(columns, boxes, narrow)
    height = _stack_all(columns, boxes, min(max(MIN_HEIGHT, HEIGHT_OF_WIDTH * width), MOST_MIN_HEIGHT))
    lines = [{"from": -1, "to": 0, "dashed": False, "one_way": False, "past": []}]
    lines += [{"from": place, "to": child, "dashed": boxes[child]["dashed"],
               "one_way": boxes[child]["dashed"] or boxes[child]["works_for_a_queue"],
               "past": _past(boxes[place], boxes[child], columns, boxes, middles, height)}
              for place, group in enumerate(groups) for child in group.behind]
    request_y, answer_y = boxes[0]["request_y"], boxes[0]["answer_y"]
    return {"width": width, "height": height, "columns": middles, "boxes": boxes, "lines": lines, "nodes": len(nodes),
            "clients": {"y": (request_y + answer_y) / 2, "request_y": request_y, "answer_y": answer_y}}


def _middles(columns, boxes, narrow):
    """(the middle of each column, the clients first; the width of all)."""
    widths = [CLIENTS_WIDTH * narrow, *(max(boxes[place]["w"] for place in column) for column in columns)]
    middles, left, gap = [], EDGE, COLUMN_GAP * (1 if narrow == 1 else GAP_SQUEEZED)
    for wide in widths:
        middles.append(left + wide / 2)
        left += wide + gap
    return middles, left - gap + EDGE


def _stack_all(columns, boxes, least):
    """Give every box its y; the height of all. Boxes that are alone in their column stand on one line."""
    alone = [boxes[column[0]] for column in columns if len(column) == 1]
    above = max((box["request_y"] for box in alone), default=0.0)
    below = max((box["h"] - box["request_y"] for box in alone), default=0.0)
    tallest = max(sum(boxes[place]["h"] + GAP for place in column) - GAP for column in columns)
    height = max(above + below, tallest, least - 2 * ROOM) + 2 * ROOM
    for column in columns:
        if len(column) == 1:
            box = boxes[column[0]]
            _shift(box, (height - above - below) / 2 + above - box["request_y"])
        else:
            _spread(column, boxes, height)
    return height


def _spread(column, boxes, height):
    free = height - 2 * ROOM - sum(boxes[place]["h"] for place in column)
    gap = max(GAP, free / len(column))
    y = ROOM + (free - gap * (len(column) - 1)) / 2
    for place in column:
        _shift(boxes[place], y)
        y += boxes[place]["h"] + gap


def _past(start, end, columns, boxes, middles, height):
    """Where the lanes between two boxes pass by those of the columns in between."""
    found = []
    for number in range(start["column"] + 1, end["column"]):
        here = [boxes[place] for place in columns[number - 1]]
        share = (middles[number] - middles[start["column"]]) / (middles[end["column"]] - middles[start["column"]])
        wanted = (1 - share) * _between_lanes(start) + share * _between_lanes(end)
        y = way_past(wanted, [(box["y"], box["y"] + box["h"]) for box in here], LANES_ROOM, 0, height)
        if y is not None:
            found.append([number, max(box["w"] for box in here) / 2 + LANES_PAST, y - LANES_PAST, y + LANES_PAST])
    return found


def _between_lanes(box):
    return (box["request_y"] + box["answer_y"]) / 2


def _shift(box, dy):
    for name in ("y", "request_y", "answer_y"):
        box[name] += dy
    for label in box["labels"].values():
        label[1] += dy
    for machine in box["machines"]:
        for name in PARTS:
            if machine[name]:
                machine[name][1] += dy


def _box(group, nodes, places, small_row, narrow):
    """small_row: how high the one machine of a small box is; 0 for boxes of full size."""
    component, count = group.component, len(group.nodes)
    name = group.name if count == 1 else f"{count} x {group.name}"
    if count > 1 or small_row:
        width, lay_out = GROUP_WIDTH, _crowd if count > MOST_MACHINES else _rows
    elif component.places and component.takes_requests:
        width, lay_out = MEMORY_WIDTH if component.memory_cells else PLACES_WIDTH, _station
    else:
        width, lay_out = HOLD_WIDTH, _passage
    width = round(width * narrow)
    box = {"column": group.column + 1, "x": -width / 2, "y": 0.0, "w": width, "name": name, "labels": {},
           "spec": "" if small_row else spec(component), "unit": unit(component), "dashed": component.is_asynchronous,
           "shape": component.shape, "outline": outline_of(component.shape), "small_row": small_row,
           "works_for_a_queue": not component.takes_requests}
    lay_out(group, nodes, places, box)
    box["left"], box["right"] = _sides_at_the_lanes(box)
    return box


def _sides_at_the_lanes(box):
    """(left, right) of the outline, at the higher of both lanes, from the column's middle."""
    share, crossings = 1 - box["request_y"] / box["h"], []
    points = box["outline"]
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]]):
        if y0 != y1 and min(y0, y1) <= share <= max(y0, y1):
            crossings.append(x0 + (x1 - x0) * (share - y0) / (y1 - y0))
    return tuple(round(box["x"] + edge * box["w"], 1) for edge in (min(crossings), max(crossings)))


def _machine(node, **parts):
    return {"node": node, **dict.fromkeys(PARTS), **parts}


def _station(group, nodes, places, box):
    """One machine with places: the queue beside the slots, memory below, and a channel between for the answers."""
    component, node, x, inner = group.component, group.nodes[0], box["x"] + PAD, box["w"] - 2 * PAD
    top = HEAD + LABEL
    queue_width = round(inner * QUEUE_SHARE[bool(component.memory_cells)]) + 8
    slots_x, slots_width = x + queue_width, inner - queue_width
    slots, used = _slots(places[node], slots_x, top, slots_width, BODY)
    slots[1] += (BODY - used) / 2
    bottom = top + BODY
    machine = _machine(node, queue=[x, top, queue_width - 8, BODY], slots=slots,
                       level=[slots_x - 4, top - 2, slots_width + 8, BODY + 4])
    box["labels"] = {"queue": [x, top - 4], "slots": [slots_x + slots_width, top - 4]}
    box["request_y"], box["answer_y"] = bottom + CHANNEL / 2 - LANES, bottom + CHANNEL / 2
    y = bottom + CHANNEL
    if component.memory_cells:
        box["labels"]["memory"] = [x, y + LABEL - 3]
        machine["memory"], used = _grid(min(component.memory_cells, MOST_CELLS), x, y + LABEL + 1, inner, 46)
        y += LABEL + 1 + used
    box["h"], box["machines"] = y + PAD, [machine]
    machine["row"] = [box["x"], HEAD, box["w"], y + PAD - HEAD]


def _passage(group, nodes, places, box):
    """One machine that works on as many as come: they are only seen to pass, or its messages to lie there."""
    x, inner = box["x"] + PAD, box["w"] - 2 * PAD
    component, has_messages = group.component, group.component.is_asynchronous or box["works_for_a_queue"]
    top, high = HEAD + (LABEL if has_messages else 4), 60 if component.is_asynchronous else 36
    bottom = top + high
    if has_messages:
        box["labels"] = {"queue": [x, top - 4]}
    box["machines"] = [_machine(group.nodes[0], hold=[x, top, inner, high], queue=[x, top, inner, high],
                                row=[box["x"], HEAD, box["w"], bottom - HEAD + 8])]
    box["request_y"], box["answer_y"] = bottom + CHANNEL / 2 - LANES, bottom + CHANNEL / 2
    box["h"] = bottom + CHANNEL + PAD


def _rows(group, nodes, places, box):
    """A few machines below each other: a queue, a row of slots and a thin memory bar each."""
    component, x, inner = group.component, box["x"] + PAD, box["w"] - 2 * PAD
    count, top = len(group.nodes), SMALL_HEAD if box["small_row"] else HEAD + LABEL
    high = LOW_ROW if count > 6 or box["small_row"] and count > 1 else box["small_row"] or (26 if count > 3 else 46)
    queue_width = round(inner * 0.5)
    slots_x, slots_width = x + queue_width + 6, inner - queue_width - 6
    bar = (4 if high > 15 else 3) if component.memory_cells else 0
    body = high - bar - (2 if bar else 0)
    box["machines"], y = [], top
    for index in group.nodes:
        machine = _machine(index, queue=[x, y, queue_width, body], row=[box["x"] + 4, y - 2, box["w"] - 8, high + 4],
                           level=[slots_x - 3, y - 1, slots_width + 6, body + 2])
        if component.places and component.takes_requests:
            machine["slots"], used = _slots(places[index], slots_x, y, slots_width, body)
            machine["slots"][1] += (body - used) / 2
        else:
            machine["hold"] = [x, y, inner, body]
        if bar:
            machine["memory"] = [x, y + high - bar, inner, bar, 1, 1]
        box["machines"].append(machine)
        y += high + 7
    if not box["small_row"] and component.places and component.takes_requests:
        box["labels"] = {"queue": [x, top - 5], "slots": [slots_x + slots_width, top - 5]}
    box["h"] = y + 3
    _lanes_in_the_middle(box)


def _crowd(group, nodes, places, box):
    """Many machines: a cell each, filled as far as it is busy; the queues of all in one."""
    x, inner, count = box["x"] + PAD, box["w"] - 2 * PAD, len(group.nodes)
    top, queue_width = HEAD + LABEL, round(inner * 0.4)
    cells_x = x + queue_width + 8
    grid, used = _grid(min(count, MOST_GRID), cells_x, top, inner - queue_width - 8, 90)
    _, _, _, _, across, size = grid
    box["machines"] = []
    for place, index in enumerate(group.nodes):
        row, column = divmod(place * min(count, MOST_GRID) // count, across)
        cell = [cells_x + column * size, top + row * size, size - 1, size - 1]
        box["machines"].append(_machine(index, hold=cell, row=list(cell), level=list(cell), shares=True,
                                        queue=[x, top, queue_width, max(used, 40)]))
    box["labels"] = {"queue": [x, top - 4], "slots": [x + inner, top - 4]}
    box["h"] = top + max(used, 40) + PAD
    _lanes_in_the_middle(box)


def _lanes_in_the_middle(box):
    apart = min(LANES, box["h"] / 3)
    box["request_y"], box["answer_y"] = (box["h"] - apart) / 2, (box["h"] + apart) / 2


def _slots(places, x, y, width, height):
    """[x, y, w, h, across, size, gap, cells] of the slots, and the height used; the largest slots that fit."""
    for size in SLOT_SIZES:
        gap = 3 if size > 8 else 2
        across = max(1, int((width + gap) // (size + gap)))
        most = across * int((height + gap) // (size + gap))
        if most >= places:
            break
    cells = max(1, min(places, most))
    if cells <= 4 < across * int((height + gap) // (size + gap)) and height > 2 * size:
        across = min(across, 2)  # four cores as a square
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
