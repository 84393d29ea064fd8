"""Where the boxes of a system stand: equal machines as one group, layers from left to right, few crossing lines."""

from dataclasses import dataclass, field, fields

SWEEPS = 6


@dataclass
class Group:
    """Nodes that were declared alike behind the same caller; drawn as one box."""

    nodes: list
    component: object
    name: str
    column: int = 0
    behind: list = field(default_factory=list)  # places of the groups that it calls, in the list of groups


def groups_of(nodes):
    """The groups of a blueprint, each before what stands behind it as far as the declaration says so."""
    alike, group_of, groups = _alike(nodes), {}, []
    _open([nodes[0]], nodes, group_of, groups)
    for group in groups:  # grows while it is walked
        for children in _children_alike(group, nodes, alike):
            new = [child for child in children if child not in group_of]
            if new:
                _open([nodes[child] for child in new], nodes, group_of, groups)
            group.behind += [group_of[child] for child in children]
        group.behind = list(dict.fromkeys(group.behind))
    for group, column in zip(groups, layers_of([group.behind for group in groups])):
        group.column = column
    return groups


def columns_of(groups):
    """The columns from left to right, each a list of places in `groups`, ordered so that few lines cross."""
    behind = [group.behind for group in groups]
    return in_order(layers_of(behind), behind)


def layers_of(behind):
    """The column of each place: one further than the furthest of those that call it. behind: whom each place calls."""
    column, moved = [0] * len(behind), True
    while moved:
        moved = False
        for place, children in enumerate(behind):
            for child in children:
                if column[child] <= column[place]:
                    column[child], moved = column[place] + 1, True
    return column


def in_order(column, behind):
    """The columns from left to right, each a list of places, ordered so that few lines cross."""
    columns = [[] for _ in range(max(column) + 1)]
    for place, number in enumerate(column):
        columns[number].append(place)
    ahead = [[] for _ in behind]
    for place, children in enumerate(behind):
        for child in dict.fromkeys(children):
            ahead[child].append(place)
    for sweep in range(SWEEPS):
        rank = {place: (row + 0.5) / len(one) for one in columns for row, place in enumerate(one)}
        neighbours = ahead if sweep % 2 == 0 else behind
        for one in columns if sweep % 2 == 0 else reversed(columns):
            one.sort(key=lambda place, near=neighbours, rank=rank: _mean([rank[other] for other in near[place]],
                                                                         rank[place]))
            rank.update({place: (row + 0.5) / len(one) for row, place in enumerate(one)})
    return columns


def way_past(wanted, taken, room, low, high):
    """The place nearest to `wanted` at which a line passes by all that stands in its way; None where it cannot.

    taken: (from, to) of each thing, in any order; room: what the line needs on either side; low, high: the edges.
    """
    edges = [low, *(edge for ends in sorted(taken) for edge in ends), high]
    gaps = [(start + room, end - room) for start, end in zip(edges[::2], edges[1::2], strict=True)
            if end - start >= 2 * room]
    return min((min(max(wanted, start), end) for start, end in gaps), key=lambda y: abs(y - wanted), default=None)


def _mean(values, otherwise):
    return sum(values) / len(values) if values else otherwise


def _open(members, nodes, group_of, groups):
    first = members[0]
    name = first.name if len(members) == 1 else first.component.label
    for node in members:
        group_of[node.index] = len(groups)
    groups.append(Group([node.index for node in members], first.component, name))


def _children_alike(group, nodes, alike):
    """The nodes behind a group, in lists of equal ones. Where places count (a server's calls), a place is a list."""
    copies, lists = group.component.copies_what_is_behind, {}
    for index in group.nodes:
        for place, child in enumerate(dict.fromkeys(nodes[index].children)):
            lists.setdefault((alike[child], None if copies else place), []).append(child)
    return [list(dict.fromkeys(children)) for children in lists.values()]


def _alike(nodes):
    """For each node a value that equal machines share: kind, knobs, name, and what stands behind."""
    known, marks = {}, [None] * len(nodes)
    for node in reversed(nodes):  # what stands behind has the higher index, shared parts aside
        marks[node.index] = _mark(node, nodes, marks, known)
    return marks


def _mark(node, nodes, marks, known):
    if marks[node.index] is None:
        behind = tuple(_mark(nodes[child], nodes, marks, known) for child in node.children)
        knobs = tuple(_comparable(vars(node.component)[one.name]) for one in fields(node.component)
                      if one.metadata.get("kind") not in ("component", "components"))
        marks[node.index] = known.setdefault((type(node.component), knobs, behind), len(known))
    return marks[node.index]


def _comparable(value):
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value
