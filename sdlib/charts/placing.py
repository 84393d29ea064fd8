"""Where the boxes of the system diagram stand: layers from left to right, many equal machines collapsed."""

from collections import defaultdict
from dataclasses import dataclass, field

from sdlib.charts.layout import in_order, layers_of
from sdlib.kernel.state import NONE

MOST_SHOWN = 6
SHOWN_OF_MANY = 5
WIDEST_BOX = 116


@dataclass
class Group:
    """Machines of one kind behind one caller, of which only the first few are shown."""

    shown: list
    hidden: list


@dataclass
class Placing:
    """centre: {node index: (x, y)} of the boxes; clients: (x, y); box: (width, height); more: [(x, y, Group)].

    columns: with that of the clients.
    """

    centre: dict
    clients: tuple
    box: tuple
    more: list = field(default_factory=list)
    rows: int = 1
    columns: int = 2


def place(nodes, width, height):
    """Put the nodes of a blueprint into an area of this size, in pixels, clients at the left."""
    layer = layers(nodes)
    hidden, groups = collapse(nodes, layer)
    order = in_order(layer, [node.children for node in nodes])
    columns = {number: [index for index in column if index not in hidden] for number, column in enumerate(order)}
    columns = {number: column for number, column in columns.items() if column}
    for group in groups:
        column = columns[layer[group.shown[-1]]]
        column.insert(column.index(group.shown[-1]) + 1, group)
    pitch = width / (max(columns) + 2)
    rows = max(len(column) for column in columns.values())
    placing = Placing({}, (pitch / 2, height / 2), (min(WIDEST_BOX, pitch - 34), min(64, 0.44 * height / rows)),
                      rows=rows, columns=len(columns) + 1)
    for number, column in columns.items():
        for row, entry in enumerate(column):
            x, y = (number + 1.5) * pitch, height * (1 - (row + 0.5) / len(column))
            if isinstance(entry, Group):
                placing.more.append((x, y, entry))
            else:
                placing.centre[entry] = (x, y)
    return placing


def layers(nodes):
    """The layer of each node: one more than the furthest of those that call it."""
    return layers_of([node.children for node in nodes])


def collapse(nodes, layer):
    """(hidden node indices, groups): more than six machines of a kind show five; what only they call goes too.

    A pool inside a machine, such as its threads, has no box of its own.
    """
    hidden, groups, callers = {node.index for node in nodes if node.part_of != NONE}, [], defaultdict(set)
    for node in nodes:
        for child in node.children:
            callers[child].add(node.index)
    for node in sorted(nodes, key=lambda node: layer[node.index]):
        if callers[node.index] and callers[node.index] <= hidden:
            hidden.add(node.index)
        if node.index in hidden:
            continue
        alike = defaultdict(list)
        for child in dict.fromkeys(node.children):
            alike[type(nodes[child].component)].append(child)
        for machines in alike.values():
            if len(machines) > MOST_SHOWN:
                groups.append(Group(machines[:SHOWN_OF_MANY], machines[SHOWN_OF_MANY:]))
                hidden.update(machines[SHOWN_OF_MANY:])
    return hidden, groups
