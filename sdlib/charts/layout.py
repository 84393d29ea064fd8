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
    _set_columns(groups)
    return groups


def columns_of(groups):
    """The columns from left to right, each a list of places in `groups`, ordered so that few lines cross."""
    columns = [[] for _ in range(max(group.column for group in groups) + 1)]
    for place, group in enumerate(groups):
        columns[group.column].append(place)
    ahead = {place: [] for place in range(len(groups))}
    for place, group in enumerate(groups):
        for child in group.behind:
            ahead[child].append(place)
    for sweep in range(SWEEPS):
        rank = {place: (row + 0.5) / len(column) for column in columns for row, place in enumerate(column)}
        neighbours = ahead if sweep % 2 == 0 else {place: group.behind for place, group in enumerate(groups)}
        for column in columns if sweep % 2 == 0 else reversed(columns):
            column.sort(key=lambda place, near=neighbours, rank=rank: _mean([rank[one] for one in near[place]],
                                                                              rank[place]))
            rank.update({place: (row + 0.5) / len(column) for row, place in enumerate(column)})
    return columns


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


def _set_columns(groups):
    """One column further than the furthest of those that call it."""
    moved = True
    while moved:
        moved = False
        for group in groups:
            for child in group.behind:
                if groups[child].column <= group.column:
                    groups[child].column, moved = group.column + 1, True
