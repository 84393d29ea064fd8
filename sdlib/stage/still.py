"""The stage at one instant as a figure: for paper, for GitHub, and where nothing may move."""

import json
import math
import os

from sdlib.charts.shapes import hatch, joined, people, rectangle
from sdlib.charts.theme import BLUE, GREEN, GRID, INK, ORANGE, SKY, VERMILION, WHITE, Plot, figure
from sdlib.charts.words import number
from sdlib.components.checks import check_number
from sdlib.kernel import trace as codes
from sdlib.stage.moment import NOBODY, PASSING, WAITING, WORKING, Moment
from sdlib.stage.on_earth import has_places, journey_s
from sdlib.stage.scene import MOST_CELLS, scene_of
from sdlib.stage.still_on_earth import figure_of
from sdlib.stage.window import work_s

# With this set, the output of a panel or a stage carries its still picture for the tool that builds the notebooks. That
# draws it as a PNG and takes it out again. Nowhere else: it would be compared, and be sent to the browser.
BUILDING, STILL_MIME = "SDLIB_BUILD", "application/vnd.sdlib.still+json"
OLD_PIECES = 20
SIZE = 1.2  # pixels of a design unit
HELD = 6  # so far apart are those that are held
NARROW = 180  # in such a box there is no room for a whole sentence
LETTER = 5.6  # width of a small one
VISIBLE = (codes.PUBLISHED, codes.VISIBLE)
SOFT, LANE = "#616161", "#B9C4CC"
AGES = ((0.25, GREEN, "new"), (0.75, ORANGE, "older"), (float("inf"), VERMILION, "old"))
PITCHES = (10, 8.5, 7, 6, 5, 4.2, 3.6, 3.2)


def with_still(shown, draw):
    """What a notebook saves of a moving picture; while the lessons are built, with the figure that stands for it."""
    return {**shown, STILL_MIME: json.loads(draw().to_json())} if os.environ.get(BUILDING) == "1" else shown


def still_of(run, at_s=None, thin=None):
    """The stage as a `go.Figure` at a time of the run; without it at the instant that the window is about.

    thin: as for `watch`; None: wherever there is a map.
    """
    from sdlib.stage.widget import OLD_ON_EARTH_S, window_of, words_of
    asked = () if at_s is None else (_checked(run, at_s), _seconds_to_know(run, at_s))
    window, packed = window_of(run, *(asked or (None, None)), has_places(run) if thin is None else thin)
    moment = Moment(packed, window.still_s if at_s is None else 0.0)
    at_s = window.from_s + window.still_s if at_s is None else at_s
    alt = f"{words_of(run, window, packed)} The picture shows {number(at_s)} s."
    if has_places(run):
        return figure_of(run, packed, moment, at_s, OLD_ON_EARTH_S, alt)
    scene = scene_of(run.nodes)
    picture = _Picture(run, scene, moment, at_s)
    axis = {"visible": False, "fixedrange": True}
    plot = Plot(picture.traces(), alt, {**axis, "range": [0, scene["width"]]}, {**axis, "range": [scene["height"], 0]})
    made = figure([plot], round(SIZE * scene["width"]) + 8, round(SIZE * scene["height"]) + 30)
    made.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 26}, showlegend=True)
    return made


def _seconds_to_know(run, at_s):
    """How much of the run must be seen: on a map, when those who travel will be there."""
    return min(max(2 * journey_s(run), 1e-6), max(run.seconds - at_s, 1e-6)) if has_places(run) else 1e-6


def _checked(run, at_s):
    return check_number("still_of", "at_s", at_s, low=0, high=run.seconds, example=0.5, unit="s")


class _Picture:
    """Traces of one instant in design units, y downwards."""

    def __init__(self, run, scene, moment, at_s):
        self.run, self.scene, self.moment, self.at_s = run, scene, moment, at_s
        self.counts = moment.counts()
        self.box_of = {machine["node"]: box for box in scene["boxes"] for machine in box["machines"]}
        self.machine_of = {machine["node"]: machine for box in scene["boxes"] for machine in box["machines"]}
        self.old_s = OLD_PIECES * work_s(run)

    def traces(self):  # a list, from the back to the front
        return list(self._traces())

    def _traces(self):
        yield self._lines()
        yield self._arrows()
        twice_y = 2 * self.scene["clients"]["y"]  # people stand upright where y counts upwards
        clients = [[(x, twice_y - y) for x, y in person] for person in people(self._clients(), 15)]
        yield _polygons("clients", clients, BLUE)
        yield _polygons("boxes", [self._outline(box) for box in self.scene["boxes"]], WHITE, INK)
        yield _polygons("memory", [self._memory(machine, 1.0) for machine in self._with("memory")], GRID)
        bars = [bar for machine, share in self._shares() for bar in self._memory_used(machine, share)]
        yield _polygons("memory used", bars, SOFT)
        yield _polygons("slots", [slot for machine in self._with("slots") for slot in self._slots(machine)], WHITE, SKY)
        yield _polygons("between", [self._divider(machine) for machine in self._with("slots")
                                    if not self.box_of[machine["node"]]["works_for_a_queue"]], "none", GRID)
        down = [self._area(self.machine_of[node], "row") for node in self.moment.down]
        yield _polygons("down", [line for area in down for line in hatch(area)], "none", INK)
        yield from self._dots()
        yield self._words()

    def _clients(self):
        return self.scene["columns"][0], self.scene["clients"]["y"]

    def _middle(self, box):
        return self.scene["columns"][box["column"]]

    def _outline(self, box):
        points = [(self._middle(box) + box["x"] + x * box["w"], box["y"] + (1 - y) * box["h"])
                  for x, y in box["outline"]]
        return [*points, points[0]]

    def _lanes(self):
        """The points of each lane, in the direction in which dots move on it."""
        boxes, found = self.scene["boxes"], []
        for line in self.scene["lines"]:
            here, there = self.scene["clients"] if line["from"] < 0 else boxes[line["from"]], boxes[line["to"]]
            left = self._clients()[0] + 24 if line["from"] < 0 else self._middle(here) + here["right"]
            right = self._middle(there) + there["left"]
            corners = [(self.scene["columns"][column] + side, *ys) for column, half, *ys in line["past"]
                       for side in (-half, half)]
            found.append([(left, here["request_y"]), *((x, y) for x, y, _ in corners), (right, there["request_y"])])
            if not line["one_way"]:
                found.append([(right, there["answer_y"]), *((x, y) for x, _, y in reversed(corners)),
                              (left, here["answer_y"])])
        return found

    def _lines(self):
        xs, ys = joined(self._lanes())
        return {"type": "scatter", "mode": "lines", "name": "lanes", "x": xs, "y": ys, "hoverinfo": "skip",
                "showlegend": False, "line": {"color": LANE, "width": 1.5}}

    def _arrows(self):
        tips = []
        for (x0, y0), (x1, y1) in (lane[-2:] for lane in self._lanes()):
            long = math.hypot(x1 - x0, y1 - y0)
            across, down = (x1 - x0) / long, (y1 - y0) / long
            tips.append([(x1, y1), (x1 - 6 * across - 3 * down, y1 - 6 * down + 3 * across),
                         (x1 - 6 * across + 3 * down, y1 - 6 * down - 3 * across), (x1, y1)])
        return _polygons("arrows", tips, LANE)

    def _divider(self, machine):
        left, (_, top, _, height) = machine["level"][0] - 2, machine["queue"]
        left += self._middle(self.box_of[machine["node"]])
        return [(left, top - 2), (left, top + height + 2)]

    def _with(self, part):
        return [machine for machine in self.machine_of.values() if machine[part]]

    def _area(self, machine, part):
        left, top, width, height = machine[part][:4]
        left += self._middle(self.box_of[machine["node"]])
        return rectangle(left, left + width, top, top + height)

    def _shares(self):
        for machine in self._with("memory"):
            inside = self.counts.get(machine["node"], {}).get("inside", 0)
            yield machine, min(inside / self.run.nodes[machine["node"]].component.memory_cells, 1)

    def _memory_used(self, machine, share):
        """A bar, or the cells that are taken."""
        left, top, _, _, across, size = machine["memory"]
        if across == 1:
            return [self._memory(machine, share)] if share else []
        left += self._middle(self.box_of[machine["node"]])
        lit = math.ceil(share * min(self.run.nodes[machine["node"]].component.memory_cells, MOST_CELLS))
        corners = [(left + cell % across * size, top + cell // across * size) for cell in range(lit)]
        return [rectangle(x, x + size - 0.8, y, y + size - 0.8) for x, y in corners]

    def _memory(self, machine, share):
        left, top, width, height = machine["memory"][:4]
        left += self._middle(self.box_of[machine["node"]])
        return rectangle(left, left + width * share, top, top + height)

    def _slots(self, machine):
        return [rectangle(x - size / 2, x + size / 2, y - size / 2, y + size / 2)
                for x, y, size in (self._slot(machine, cell) for cell in range(machine["slots"][7]))]

    def _slot(self, machine, cell):
        left, top, width, _, across, size, gap, cells = machine["slots"]
        left += self._middle(self.box_of[machine["node"]]) + (width - min(cells, across) * (size + gap) + gap) / 2
        row, column = divmod(cell, across)
        return left + column * (size + gap) + size / 2, top + row * (size + gap) + size / 2, size

    def _dots(self):
        """A trace for each age; what is hidden behind the end of a long queue is told in words."""
        found = {name: ([], [], []) for name in ("message", *(name for _, _, name in AGES))}
        queued, working = {}, {}
        workers = {node.index: node.children[0] for node in self.run.nodes if node.component.is_asynchronous}
        for actor, node, state in self.moment.dots():
            if not actor.visits:  # a message; whoever takes it has it
                state, node = PASSING, node if actor.message[1] in VISIBLE else workers[node]
            taken = queued if state == WAITING else working
            place = taken[node] = taken.get(node, -1) + 1
            if state == WAITING and place >= self._room(node):
                continue
            x, y, size = self._place(node, state, place)
            share = (self.moment.at_s - actor.born_s) / self.old_s
            kind = next(name for limit, _, name in AGES if share < limit) if not actor.message else "message"
            xs, ys, sizes = found[kind]
            xs.append(round(x, 1)), ys.append(round(y, 1)), sizes.append(size)
        kinds = [("message", BLUE, "message"), *((f"{name} request", colour, name) for _, colour, name in AGES)]
        for said, colour, name in kinds:
            xs, ys, sizes = found[name]
            yield {"type": "scatter", "mode": "markers", "name": said, "showlegend": bool(xs), "x": xs, "y": ys,
                   "hoverinfo": "skip", "opacity": 1,
                   "marker": {"color": colour, "size": [SIZE * size * 0.88 for size in sizes] or 8}}

    def _place(self, node, state, place):
        machine, middle = self.machine_of[node], self._middle(self.box_of[node])
        if state == WORKING and machine["slots"]:
            x, y, size = self._slot(machine, place % machine["slots"][7])
            return x, y, min(8.4, 0.72 * size)
        if state != WAITING and machine["hold"]:
            left, top, width, height = machine["hold"]
            across = max(1, int(width // HELD))
            row, column = divmod(place, across)
            return middle + left + (column + 0.5) * HELD, top + (row % int(height // HELD) + 0.5) * HELD, 6
        left, top, width, height = machine["queue"]
        pitch = self._pitch(node)
        rows = max(1, int(height // pitch))
        column, row = divmod(place, rows)
        return middle + left + width - (column + 0.5) * pitch, top + height - (row + 0.5) * pitch, pitch

    def _pitch(self, node):
        """How far apart those stand who wait there: so far that all have room, where they can."""
        width, height = self.machine_of[node]["queue"][2:]
        many = self.counts.get(node, NOBODY)["waiting"]
        return next((one for one in PITCHES if (width // one) * (height // one) >= many), PITCHES[-1])

    def _room(self, node):
        """How many of those who wait there can be drawn."""
        (width, height), pitch = self.machine_of[node]["queue"][2:], self._pitch(node)
        return max(1, int(width // pitch)) * max(1, int(height // pitch))

    def _words(self):
        """The words of the moving picture: x, y of the baseline, text, size, and where the text is held."""
        x, y = self._clients()
        words = [(x, y - 40, f"<b>{number(self.run.clients.users)}</b>", 12, "middle center"),
                 (x, y - 27, "<b>users</b>", 12, "middle center"),
                 (8, self.scene["height"] - 8, f"at {number(self.at_s)} s", 12, "middle right")]
        for box in self.scene["boxes"]:
            words += self._box_words(box)
        xs, ys, texts, sizes, places = zip(*words)
        return {"type": "scatter", "mode": "text", "name": "words", "x": xs, "y": ys, "text": texts,
                "hoverinfo": "skip", "showlegend": False, "textposition": places,
                "textfont": {"size": [SIZE * size for size in sizes], "color": INK}}

    def _box_words(self, box):
        middle, labels = self._middle(box), box["labels"]
        yield middle, box["y"] + 12, f"<b>{box['name']}</b>", 12, "middle center"
        if box["spec"]:
            is_wide = LETTER * len(box["spec"]) <= box["w"]
            yield middle, box["y"] + 26, box["spec"] if is_wide else box["spec"].split(", ")[0], 10, "middle center"
        nodes = [machine["node"] for machine in box["machines"]]
        for machine in box["machines"]:
            if machine["node"] in self.moment.down:
                _, top, _, height = machine["row"]
                yield middle, top + height / 2, "<b>DOWN</b>", 13, "middle center"
        if all(node in self.moment.down for node in nodes):
            return
        here = [self.counts.get(node, NOBODY) for node in nodes]
        components = [self.run.nodes[node].component for node in nodes]
        told = {key: sum(one[key] for one in here) for key in NOBODY}
        places, memory = (sum(getattr(one, key) for one in components) for key in ("places", "memory_cells"))
        requests = " requests" if box["w"] > NARROW else ""
        said = {"slots": (f"{told['working']:,} of {places:,}", "middle left"),
                "memory": (f"memory holds {told['inside']:,} of {memory:,}{requests}", "middle right")}
        if box["works_for_a_queue"]:
            said = {"queue": (f"{told['working']:,} at work", "middle right")}
        elif box["dashed"]:
            said["queue"] = f"{told['visible']:,} wait", "middle right"
        elif places:
            said["queue"] = f"{told['waiting']:,} wait{'s' if told['waiting'] == 1 else ''}", "middle right"
            more = sum(max(0, one["waiting"] - self._room(node)) for node, one in zip(nodes, here, strict=True))
            if more:    # as in the moving picture, in the place of those who are worked on
                said["queue"] = f"{told['waiting']:,} wait, {more:,} not drawn", "middle right"
                del said["slots"]
        for name, (text, held) in said.items():
            if name in labels:
                x, y = labels[name]
                yield middle + x, y - 4, text, 10, held


def _polygons(name, polygons, fill, line=None):
    xs, ys = joined(polygons)
    ground = {} if fill == "none" else {"fill": "toself", "fillcolor": fill}
    return {"type": "scatter", "mode": "lines", "name": name, "x": xs, "y": ys, "hoverinfo": "skip",
            "showlegend": False, **ground,
            "line": {"width": 1.3 if line else 0, "color": line or INK}}
