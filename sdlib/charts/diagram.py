"""The system diagram: drawn from the declaration, filled with what a run measured."""

import math
from dataclasses import dataclass, field, fields
from itertools import pairwise
from textwrap import wrap

from sdlib.charts.crowded import TIMES, is_crowded, with_few_boxes
from sdlib.charts.layout import way_past
from sdlib.charts.placing import place
from sdlib.charts.shapes import filled, hatch, joined, outline, people, rectangle, ribbon, sides
from sdlib.charts.theme import BLUE, GREEN, INK, ORANGE, PAPER, VERMILION, WHITE, Plot, figure
from sdlib.charts.words import number, percent
from sdlib.components.checks import complain
from sdlib.engine.arrivals import rate_steps
from sdlib.engine.blueprint import blueprint

BUSY, FULL = 0.7, 0.9
FILL_OPACITY = 0.4  # words stand on it
SQUARE, MOST_SQUARES = 8, 24
COLUMN, WIDEST, ROW, ROOM_FOR_A_LINE = 190, 840, 66, 18
# The width of a letter and the height of one line and of two in units of the type's size; pixels between words and a
# box's edge.
LETTER, BOLD_LETTER, LINE, TWO_LINES, PADDING = 0.56, 0.61, 1.3, 2.9, 8
OF_THE_GAP = 0.2  # a name may reach so far into the gap between two columns, and then goes on in a further line
MOST_OF_THE_GAP = 0.4  # lines leave so much of it to the words of a column
MOST_OF_A_COLUMN = 1.25  # words below a box may reach so far where others stand beside it


@dataclass
class Column:
    """Boxes above each other. half: half its width; taken: (low, high) of each box with the words around it."""

    half: float
    taken: list = field(default_factory=list)


def diagram(system_or_run, highlight=None, width=None, height=None):
    """The system as a figure: a box per component, layered from the clients to the right.

    With a run, a box is filled up to its utilization, its mean queue is a stack of squares (their number grows
    with the logarithm), a line is as wide as the logarithm of its traffic, and a machine that crashed or
    refused is hatched and says so. highlight: name of the component to frame as the new one. width, height: in pixels;
    by default as much as the boxes need, and a width of 840 at most. Of more than 20 boxes without a run, those that
    are alike are one, and lists of addresses and lines have none.
    """
    nodes = _nodes(system_or_run)
    _check_highlight(nodes, highlight)
    width = width or min(WIDEST, COLUMN * place(nodes, 1, 1).columns)
    size = place(nodes, width - 16, 1)
    folds = max(text.count("<br>") for _, _, text, _ in _names(nodes, size, highlight).values())
    height = height or max(170, 30 + (ROW + ROOM_FOR_A_LINE * folds) * size.rows)
    made = figure([diagram_plot(system_or_run, highlight, width - 16, height - 16)], width, height)
    made.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    return made


def _nodes(system_or_run):
    if hasattr(system_or_run, "stations"):
        return system_or_run.nodes
    nodes = blueprint(system_or_run)
    return with_few_boxes(nodes) if is_crowded(place(nodes, 1, 1).centre) else nodes


def diagram_plot(system_or_run, highlight=None, width=440, height=330):
    """The diagram as a `Plot` of this size in pixels."""
    run = system_or_run if hasattr(system_or_run, "stations") else None
    nodes = _nodes(system_or_run)
    _check_highlight(nodes, highlight)
    seen = _seen(run, nodes)
    placing = place(nodes, width, height)
    frames = {index: outline(nodes[index].component.shape, centre, placing.box)
              for index, centre in placing.centre.items()}
    names = _names(nodes, placing, highlight)
    fits = _all_fit(nodes, placing)
    below = _below(nodes, seen, placing, names, highlight, fits)
    grounds = {index: [_ground(word[index]) for word in (names, below) if index in word] for index in names}
    words = _client_words(placing, run)
    for index in names:
        words += [names[index], *_inside(nodes[index], seen[index], placing, index, fits),
                  *([below[index]] if index in below else [])]
    words += [(x, y, _many(group, seen), 11) for x, y, group in placing.more]
    traces = [*_lines(nodes, seen, placing, run, grounds), *_boxes(frames, seen), _frame(frames, nodes, highlight),
              _stacks(placing, seen), _words(words)]
    axis = {"visible": False, "fixedrange": True}
    return Plot(traces, _alt(nodes, seen, placing, run), {**axis, "range": [0, width]}, {**axis, "range": [0, height]})


def _check_highlight(nodes, highlight):
    names = [node.name for node in nodes]
    if highlight is not None and not (isinstance(highlight, str) and highlight in names):
        complain("diagram", "highlight", highlight, "a component, one of " + ", ".join(map(repr, names[:12])), names[0])


def _seen(run, nodes):
    """What the run measured at each node, as plain dictionaries; None each without a run."""
    if run is None:
        return [None] * len(nodes)
    seen, at_end = run.stations.to_dict("records"), _places_at_end(run)
    for index, row in enumerate(seen):
        row["places"] = at_end.get(index)
        row["per_s"] = (row["served"] + row["refused"] + row["lost"]) / run.seconds
        refusing = "REFUSING" if row["refused"] else ""
        row["trouble"] = "CRASHED" if row["crashes"] else refusing
    return seen


def _places_at_end(run):
    """{node: its places at the end} of those that the schedule changed, such as by an upgrade."""
    changes = sorted(run.plan.changes, key=lambda change: change.at_s)
    return {change.node: change.b for change in changes if change.action == "resize" and change.at_s <= run.seconds}


def _polygons(name, polygons, **looks):
    xs, ys = joined(polygons)
    return {"type": "scatter", "name": name, "mode": "lines", "x": xs, "y": ys, "fill": "toself", "hoverinfo": "skip",
            "showlegend": False, "line": {"width": 0}, **looks}


def _lines(nodes, seen, placing, run, grounds):
    """The traffic, led round boxes and the words around them: it turns in the gaps between the columns only."""
    columns = _columns(placing, grounds)
    half, root, (x, y) = placing.box[0] / 2, placing.centre[0], placing.clients
    ribbons = [ribbon((x + 26, y), (root[0] - half, root[1]), line_width(_sent_per_s(run)))]
    for node in nodes:
        for child in dict.fromkeys(node.children):
            if node.index in placing.centre and child in placing.centre:
                a, b = placing.centre[node.index], placing.centre[child]
                rate = edge_rate(nodes, seen, node.index, child)
                way = _way(a, b, columns, placing, line_width(rate))
                ribbons += [ribbon(start, end, line_width(rate)) for start, end in pairwise(way)]
    yield _polygons("traffic", ribbons, fillcolor="#B9C4CC")
    yield _polygons("clients", people(placing.clients, 17), fillcolor=BLUE)


def _columns(placing, grounds):
    """{x: Column}: how wide the columns are with the words of their boxes, and what stands in the way of a line."""
    half, columns = placing.box[0] / 2, {}
    widest = half + MOST_OF_THE_GAP * (2 * placing.clients[0] - 2 * half)
    for index, (x, y) in placing.centre.items():
        column = columns.setdefault(x, Column(half))
        _, rights, lows, highs = zip(*grounds[index])
        column.half = min(max(column.half, *(right - x for right in rights)), widest)
        column.taken.append((min(*lows, y - placing.box[1] / 2), max(*highs, y + placing.box[1] / 2)))
    return columns


def _way(start, end, columns, placing, width):
    """The points of a line between two boxes: level as far as the words around each reach, and past those between."""
    half = placing.box[0] / 2
    ends = [(start[0] + half, start[1]), (end[0] - half, end[1])]
    past = _past(start, end, columns, placing, width)
    if start[1] == end[1] and not past:
        return ends
    turns = [(start[0] + columns[start[0]].half, start[1]), *past, (end[0] - columns[end[0]].half, end[1])]
    return list(dict.fromkeys([ends[0], *turns, ends[1]]))


def _past(start, end, columns, placing, width):
    """Where a line between two boxes passes by those of the columns in between, and by the words around them."""
    found = []
    for x, column in sorted(columns.items()):
        if start[0] < x < end[0]:
            wanted = start[1] + (end[1] - start[1]) * (x - start[0]) / (end[0] - start[0])
            y = way_past(wanted, column.taken, width / 2 + 3, 0, 2 * placing.clients[1])
            if y is not None:
                found += [(x - column.half, y), (x + column.half, y)]
    return found


def line_width(per_s):
    """Width in pixels of a line with this traffic; a thin line where nothing is known."""
    return 1.5 if per_s is None else 1.0 + 2.4 * math.log10(1 + per_s)


def edge_rate(nodes, seen, parent, child):
    """Requests per second from parent to child: the child's traffic, shared like its callers' traffic."""
    if seen[child] is None:
        return None
    callers = sum(seen[node.index]["per_s"] for node in nodes if child in node.children)
    return seen[child]["per_s"] * (seen[parent]["per_s"] / callers if callers else 0.0)


def _sent_per_s(run):
    return None if run is None else len(run.requests) / run.seconds


def _boxes(frames, seen):
    yield _polygons("box", frames.values(), fillcolor=WHITE)
    levels = {"calm": [], "busy": [], "full": []}
    for index, points in frames.items():
        busy = seen[index]["utilization"] if seen[index] else 0.0
        if busy > 0:
            level = "full" if busy >= FULL else "busy" if busy >= BUSY else "calm"
            levels[level].append(filled(points, busy))
    for (level, polygons), colour in zip(levels.items(), (GREEN, ORANGE, VERMILION)):
        yield _polygons(f"fill {level}", polygons, fillcolor=colour, opacity=FILL_OPACITY)
    troubled = [points for index, points in frames.items() if seen[index] and seen[index]["trouble"]]
    well = [points for points in frames.values() if points not in troubled]
    yield _polygons("outline", well, fill="none", line={"width": 1.5, "color": INK})
    strokes = [line for points in troubled for line in hatch(points)]
    yield _polygons("hatch", strokes, fill="none", line={"width": 1.2, "color": INK})
    yield _polygons("trouble", troubled, fill="none", line={"width": 4, "color": INK, "dash": "6px,4px"})
    yield _polygons("plate", [_plate(points) for points in troubled], fillcolor=WHITE)


def _plate(points):
    """The white ground of the word in a hatched box."""
    left, right, low, high = sides(points)
    return rectangle(left + 3, right - 3, (low + high) / 2 - 8, (low + high) / 2 + 8)


def _frame(frames, nodes, highlight):
    chosen = [sides(points) for index, points in frames.items() if nodes[index].name == highlight]
    around = [rectangle(left - 7, right + 7, low - 7, high + 7) for left, right, low, high in chosen]
    return _polygons("new", around, fill="none", line={"width": 3, "color": BLUE, "dash": "solid"})


def squares(queue):
    """Squares in a queue's stack: none below a half, then growing with the logarithm."""
    return 0 if queue < 0.5 else min(MOST_SQUARES, 1 + round(5 * math.log10(max(queue, 1.0))))


def _stacks(placing, seen):
    xs, ys = [], []
    rows = max(2, int(placing.box[1] // SQUARE))
    for index, (x, y) in placing.centre.items():
        for place_in_stack in range(squares(seen[index]["mean_queue"]) if seen[index] else 0):
            column, row = divmod(place_in_stack, rows)
            xs.append(x - placing.box[0] / 2 - 7 - column * SQUARE)
            ys.append(y - placing.box[1] / 2 + SQUARE / 2 + row * SQUARE)
    return {"type": "scatter", "name": "queue", "mode": "markers", "x": xs, "y": ys, "hoverinfo": "skip",
            "showlegend": False, "marker": {"symbol": "square", "size": SQUARE - 1.5, "color": PAPER,
                                            "line": {"width": 1.5, "color": INK}}}


def _names(nodes, placing, highlight):
    """{index: (x, y, text, size)} of the names above the boxes, each in as few lines as its column has room for."""
    half, small, names = placing.box[1] / 2, _small(placing), {}
    widest = placing.box[0] + 2 * OF_THE_GAP * (2 * placing.clients[0] - placing.box[0])
    for index, (x, y) in placing.centre.items():
        is_new = nodes[index].name == highlight
        name = ("NEW: " if is_new else "") + nodes[index].name.partition(TIMES)[0]
        lines = wrap(name, max(1, int(widest / (BOLD_LETTER * small))), break_long_words=False)
        y += half + small * (0.9 + 0.6 * (len(lines) - 1)) + 8 * is_new
        names[index] = x, y, f"<b>{'<br>'.join(lines)}</b>", small
    return names


def _all_fit(nodes, placing):
    """Whether what each component is made of fits into its box."""
    small = _small(placing)
    joint = _joint(placing, small)
    return all(_fits(spec(nodes[index].component, joint), placing.box[0], small) for index in placing.centre)


def _joint(placing, small):
    return "<br>" if placing.box[1] >= TWO_LINES * small else " "


def _small(placing):
    return 10 if placing.box[0] < 80 or placing.rows > 4 else 12


def _inside(node, row, placing, index, fits):
    """The words in a box. fits: whether what each component is made of fits into its box."""
    (x, y), small = placing.centre[index], _small(placing)
    _, times, count = node.name.partition(TIMES)
    words = [(x, y, f"<b>×{count}</b>", small)] if times else []
    if row or (fits and not times):
        said = inside(node, row).replace("<br>", _joint(placing, small))
        words.append((x, y, said, 11 if row and row["trouble"] else small))
    return words


def _below(nodes, seen, placing, names, highlight, fits):
    """{index: (x, y, text, size)} of the words below the boxes that have some, and room for them."""
    half, small, words = placing.box[1] / 2, _small(placing), {}
    taken = [_ground(name) for name in names.values()]
    widest = MOST_OF_A_COLUMN * 2 * placing.clients[0]
    for index, (x, y) in placing.centre.items():
        node, row = nodes[index], seen[index]
        if row and row["mean_queue"] >= 0.5:
            words[index] = x, y - half - small * 0.9, f"queue {number(row['mean_queue'])}", small - 1
        elif placing.rows <= 4 and (row or not fits):
            size = spec(node.component, places=row["places"] if row else None)
            if placing.rows <= 2 and _width(size, small - 1) > widest:
                size = _folded(size)
            y -= half + small * (0.9 + 0.6 * size.count("<br>")) + 8 * (node.name == highlight)
            word = x, y, size, small - 1
            if _width(size, small - 1) <= widest and not any(_overlap(_ground(word), one) for one in taken):
                words[index] = word
    return words


def _words(words):
    """The trace of these texts; each is (x, y, text, size)."""
    xs, ys, texts, sizes = zip(*words)
    return {"type": "scatter", "name": "words", "mode": "text", "x": xs, "y": ys, "text": texts, "hoverinfo": "skip",
            "showlegend": False, "textfont": {"size": sizes, "color": INK}, "cliponaxis": False}


def _folded(text):
    """In two lines, the second no longer than it must be."""
    parts = text.split(", ")
    lines = [(", ".join(parts[:end]) + ",", ", ".join(parts[end:])) for end in range(1, len(parts))]
    return "<br>".join(min(lines, key=lambda pair: max(map(len, pair)))) if lines else text


def _fits(text, width, size):
    """Whether each line of the text fits into a box of this width in pixels."""
    return _width(text, size) + 2 * PADDING <= width


def _width(text, size):
    """Of the longest line, in pixels."""
    letter = BOLD_LETTER if text.startswith("<b>") else LETTER
    return max(map(len, text.removeprefix("<b>").removesuffix("</b>").split("<br>"))) * letter * size


def _ground(word):
    """(left, right, low, high) of what a text covers."""
    x, y, text, size = word
    wide, high = _width(text, size) / 2 + 1, LINE * size * (1 + text.count("<br>")) / 2
    return x - wide, x + wide, y - high, y + high


def _overlap(one, other):
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _client_words(placing, run):
    x, y = placing.clients
    if run is None:
        return [(x, y - 30, "<b>clients</b>", 12)]
    return [(x, y + 32, f"<b>{_crowd(run)}</b>", 11),
            (x, y - 28, f"{number(_sent_per_s(run))}/s", 11)]


def _crowd(run):
    """The users of a run, such as "100 to 1,000 users" where a profile changes their number."""
    clients = run.clients
    factors = rate_steps(clients, run.seconds)[1] / clients.requests_per_second if clients.profile else [1]
    fewest, most = (number(round(clients.users * factor)) for factor in (min(factors), max(factors)))
    return f"{fewest} users" if fewest == most else f"{fewest} to {most} users"


def inside(node, row):
    """The text in a box: what it is made of without a run, else how busy it was or what went wrong."""
    if row is None:
        return spec(node.component, "<br>")
    if row["trouble"]:
        times = f" x{row['crashes']:.0f}" if row["crashes"] > 1 else ""
        return f"<b>{row['trouble']}{times}</b>"
    looked_up = row.get("hits", 0) + row.get("misses", 0)
    if looked_up > 0:
        return f"<b>{100 * row['hits'] / looked_up:.0f} % hits</b>"
    if not row["capacity"]:
        return f"{number(row['per_s'])}/s"
    return f"<b>{percent(row['utilization']).replace('<', '&lt;')}</b><br>busy"


def spec(component, joint=", ", places=None):
    """The knobs that say how big a component is, in words: "4 cores, 4 GB"; "1 ms a query" for query_ms.

    places: how many it has at the end of a run, where the schedule changed that.
    """
    about = {knob.name: knob.metadata for knob in fields(component)}
    parts = []
    for name in component.shown:
        value = vars(component)[name]
        if isinstance(value, str) or callable(value):
            parts.append(getattr(value, "__name__", value).replace("_", " "))
        elif value is not None:
            each = _of_what(name) if name.endswith(("_ms", "_s")) and not name.endswith("per_s") else ""
            is_changed = about[name].get("kind") == "whole" and value == component.places != (places or value)
            then = f", then {number(places)}" if is_changed else ""
            parts.append(f"{number(value)}{then} {about[name]['unit']}{each}".strip())
    return joint.join(parts)


def _of_what(name):
    """ "1 ms a query" for query_ms; "300 ms latency", "60 s TTL"."""
    what = name.removesuffix("_ms").removesuffix("_s").replace("_", " ")
    of_its_own = {"latency": " latency", "visibility timeout": " timeout", "ttl": " TTL", "work": " of work",
                  "rtt": " round trip"}
    return of_its_own.get(what, f" a {what}")


def _many(group, seen):
    shown, hidden = len(group.shown), len(group.hidden)
    crashed = sum(bool(seen[index] and seen[index]["crashes"]) for index in group.hidden)
    return f"<b>{shown} of {shown + hidden} shown</b>" + (f"<br>{crashed} hidden CRASHED" if crashed else "")


def _alt(nodes, seen, placing, run):
    parts = []
    for index in placing.centre:
        node, row = nodes[index], seen[index]
        calls = ", ".join(nodes[child].name for child in dict.fromkeys(node.children) if child in placing.centre)
        parts.append(node.name + (f" ({_measured(row)})" if row else "") + (f" calls {calls}" if calls else ""))
    parts += [_many(group, seen).replace("<b>", "").replace("</b>", "").replace("<br>", ", ")
              for _, _, group in placing.more]
    who = "clients call" if run is None else (f"{_crowd(run)} send {number(_sent_per_s(run))} "
                                              "requests per second to")
    return f"System diagram: {who} {nodes[0].name}; {'; '.join(parts)}."


def _measured(row):
    words = [f"{percent(row['utilization'])} busy"] if row["capacity"] else [f"{number(row['per_s'])} requests/s"]
    if row["mean_queue"] >= 0.5:
        words.append(f"mean queue {number(row['mean_queue'])}")
    if row["trouble"]:
        words.append(f"crashed {row['crashes']:.0f} times" if row["crashes"] else "refusing")
    return ", ".join(words)
