"""A declaration of many boxes, drawn with few: what stands side by side and leads to the same is one box."""

import re
from dataclasses import replace

MANY_BOXES, TIMES = 20, " × "


def with_few_boxes(nodes):
    """Of the nodes of a blueprint so many as can be read.

    Lists of addresses and lines are passed over. Boxes of a kind behind the same caller that call the same are one:
    "product × 6".
    """
    behind = {}
    _look_behind(nodes, 0, behind)
    return _numbered(nodes, behind)


def is_crowded(boxes):
    """Whether they stand so close that they are drawn as fewer, and their names need two lines."""
    return len(boxes) > MANY_BOXES


def _look_behind(nodes, index, behind):
    """behind[index]: [(node, how many like it)] of what a node calls; so for all behind it."""
    if index in behind:
        return
    alike = {}
    for child in dict.fromkeys(nodes[index].children):
        _look_behind(nodes, child, behind)
        called = behind[child] if nodes[child].component.is_only_a_way else [(child, 1)]
        for one, count in called:
            kind = nodes[one].kind, frozenset(behind[one])
            first, so_far = alike.get(kind, (one, 0))
            alike[kind] = first, so_far + count
    behind[index] = list(alike.values())


def _numbered(nodes, behind):
    """New nodes, from the first on."""
    counts, order = {0: 1}, [0]
    for index in order:
        for child, count in behind[index]:
            if child not in counts:
                order.append(child)
                counts[child] = count
    place = {index: number for number, index in enumerate(order)}
    return [replace(nodes[index], index=place[index], name=_name(nodes[index], counts[index]), parts=[],
                    children=[place[child] for child, _ in behind[index]]) for index in order]


def _name(node, count):
    if count == 1:
        return node.name
    base = re.sub(r" \d+$", "", node.name)
    return f"{base if base != node.name else node.kind.lower()}{TIMES}{count}"
