"""What was changed in a run while it went on: captions in words, and places and memory as they were over time."""

from sdlib.charts.words import number
from sdlib.components.queue import Queue

VERBS = {"crashed": "crashes", "stopped": "stops", "restored": "serves again",
         "invalidated": "forgets what it has kept", "redriven": "takes its dead letters back"}
ENDS = ("crashed", "stopped")
LOST, KEPT = "all that is inside is lost", "what is inside fails, the queue keeps it"
ACTIONS = {"added": "add", "removed": "remove"}
CLOSE_S = 1e-6  # a planned change and its incident are this close


def captions_of(run):
    """[(time_s, node, words)] of every crash, stop and change of a run, in the order of time."""
    places = {node.name: node.index for node in run.nodes}
    return [(float(time_s), places[name], _words(run, float(time_s), places[name], what))
            for time_s, name, what in run.incidents[["time_s", "station", "what"]].itertuples(index=False)]


def sizes_of(run):
    """[(time_s, node, places, memory cells)]: what each planned change of size leaves behind, in the order of time."""
    now = {node.index: [node.component.places, node.component.memory_cells] for node in run.nodes}
    found = []
    for change in sorted(run.plan.changes, key=lambda one: one.at_s):
        if change.action == "resize":
            now[change.node][0] = change.b
        elif change.action == "set_limits" and now[change.node][1]:
            now[change.node][1] = int(change.x)
        else:
            continue
        found.append((change.at_s, change.node, *now[change.node]))
    return found


def _words(run, time_s, node, what):
    node = run.nodes[node]
    if what == "resized":
        size = [size for size in sizes_of(run) if size[1] == node.index and size[0] <= time_s + CLOSE_S][-1]
        return f"{node.name} has {number(size[2])} {'place' if size[2] == 1 else 'places'} from now on"
    if what in ("added", "removed"):
        targets = [run.nodes[node.children[change.b]].name for change in run.plan.changes
                   if change.node == node.index and change.action == ACTIONS[what]
                   and abs(change.at_s - time_s) < CLOSE_S]
        verb = "sends requests to" if what == "added" else "sends no more requests to"
        return f"{node.name} {verb} {', '.join(targets)} from now on"
    if what in ENDS:
        return f"{node.name} {VERBS[what]}: {LOST if node.index in _not_kept(run.nodes) else KEPT}"
    return f"{node.name} {VERBS[what]}"


def _not_kept(nodes):
    """Places of the nodes that requests reach without a queue on the way that keeps them until they are done."""
    found, to_do = set(), [0]
    while to_do:
        place = to_do.pop()
        if place in found:
            continue
        found.add(place)
        node = nodes[place]
        if not (isinstance(node.component, Queue) and not node.component.delivers_once):
            to_do += [*node.children, *node.parts]
    return found
