"""The declaration as a list of nodes: what both engines, the diagram and the bill walk through."""

from collections import Counter
from dataclasses import dataclass, field

from sdlib.components.base import Component
from sdlib.components.checks import shown
from sdlib.components.clients import Clients

DEEPEST, MOST_NODES = 100, 10_000  # a run of 10,000 nodes takes 0.45 GB, most of it for what samples show of each
MOST_COUNTED = 10**15


@dataclass
class Node:
    """One component where it stands in the system."""

    index: int
    component: Component
    name: str
    parent: int
    children: list = field(default_factory=list)
    first_link: int = 0  # the ways to its children are numbered one after another, through the whole system
    parts: list = field(default_factory=list)
    part_of: int = -1  # the node whose part it is, where it is a pool inside it

    @property
    def kind(self):
        """The component's class name, "Server"."""
        return type(self.component).__name__


def blueprint(system):
    """The nodes of a system, root first, each before what stands behind it.

    The same object in two places is one node (two servers share their database), except as a load balancer's
    targets and a queue's workers: there every entry is a machine of its own.
    Raises ValueError for what is not a system, for a system that calls itself, and for one that is too large.
    """
    if not isinstance(system, Component) or isinstance(system, Clients):
        raise ValueError(f"system={shown(system)}: system must be a component such as a server, "
                         "and clients are passed separately; for example sd.simulate(sd.Server(cpus=4, ram_gb=4), "
                         "sd.Clients(users=100)).")
    _check_place(system, ())
    _check_size(system)
    nodes, shared = [], {}
    _add(system, -1, nodes, shared)
    _name(nodes)
    _number_links(nodes)
    return [*nodes, *_parts(nodes)]


def _number_links(nodes):
    """Link 0 is the clients' way into the system."""
    link = 1
    for node in nodes:
        node.first_link = link
        link += len(node.children)


def _parts(nodes):
    """What is inside components, behind all nodes; the parts of one stand one after another."""
    pools = []
    for node in nodes:
        for name, part in node.component.parts():
            node.parts.append(len(nodes) + len(pools))
            pools.append(Node(node.parts[-1], part, f"{node.name} {name}", node.index, part_of=node.index))
    return pools


def _check_size(system):
    """ValueError for what cannot be built or is too large; each object is looked at once, however often it stands."""
    parents_first = []
    _height(system, (), {}, parents_first)
    count = _count(reversed(parents_first), system)
    if count > MOST_NODES:
        size = f"{count:,}" if count <= MOST_COUNTED else f"more than {MOST_COUNTED:,}"
        raise ValueError(f"system: it has {size} components; it must have at most {MOST_NODES:,} (every target of a "
                         "load balancer counts, and balancers behind balancers multiply); "
                         "for example sd.LoadBalancer([sd.Server(cpus=4, ram_gb=4)] * 5).")


def _height(component, path, heights, done):
    """How many components stand behind one another, this one included. `done` gets each once, the innermost first."""
    inside, behind = (*path, component), {id(child): child for child in component.behind()}
    for child in behind.values():
        _check_place(child, inside)
        if id(child) not in heights:
            _height(child, inside, heights, done)
        if len(inside) + heights[id(child)] > DEEPEST + 1:
            raise _too_deep(child, len(inside) + heights[id(child)] - 1)
    heights[id(component)] = 1 + max((heights[child] for child in behind), default=0)
    done.append(component)


def _count(parents_first, system):
    """The number of nodes that `_add` will make: one for all who share an object, one for each entry that is copied."""
    shared, copies, total = {id(system)}, Counter(), 0
    for component in parents_first:
        nodes = (id(component) in shared) + copies[id(component)]
        total += nodes * (1 + len(component.parts()))
        if component.copies_what_is_behind:
            for child, entries in Counter(map(id, component.behind())).items():
                copies[child] += nodes * entries
        else:
            shared.update(map(id, component.behind()))
    return total


def _check_place(component, path):
    """A component may stand behind those of path, the nearest last."""
    if any(component is above for above in path):
        raise ValueError(f"system: {component.label} calls itself through "
                         f"{' -> '.join(above.label for above in path)}; a request would never return. "
                         "Let each component call only what stands behind it; "
                         "for example sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()]).")
    if isinstance(component, Clients):
        raise ValueError("system: clients must not stand inside it; pass them separately, "
                         "for example sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100)).")
    if len(path) > DEEPEST:
        raise _too_deep(component, len(path))
    if not component.takes_requests and not (path and path[-1].is_asynchronous):
        raise ValueError(f"system: a {component.label} takes messages, so it must stand behind a queue; "
                         "for example sd.Queue(sd.Worker(count=2)).")


def _too_deep(component, count):
    return ValueError(f"system: {component.label} stands behind {count:,} others; it must be at most {DEEPEST}, "
                      "for example sd.Server(cpus=4, ram_gb=4, calls=[sd.Cache(sd.Database())]).")


def _add(component, parent, nodes, shared):
    node = Node(len(nodes), component, component.label, parent)
    nodes.append(node)
    for child in component.behind():
        known = shared.get(id(child))
        if known is None or component.copies_what_is_behind:
            known = _add(child, node.index, nodes, shared)
            if not component.copies_what_is_behind:
                shared[id(child)] = known
        node.children.append(known)
    return node.index


def _name(nodes):
    """Number the names that occur more than once: "server 1", "server 2"."""
    given, seen = Counter(node.name for node in nodes), Counter()
    taken = set(given)
    for node in nodes:
        if given[plain := node.name] > 1:
            while not seen[plain] or node.name in taken:  # somebody may have called another part "server 1"
                seen[plain] += 1
                node.name = f"{plain} {seen[plain]}"
            taken.add(node.name)
