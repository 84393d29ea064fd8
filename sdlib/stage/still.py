"""The stage at one instant as a figure: for paper, for GitHub, and where nothing may move."""

from sdlib.charts.shapes import hatch, joined, people, rectangle
from sdlib.charts.theme import BLUE, GREEN, GRID, INK, ORANGE, SKY, VERMILION, WHITE, Plot, figure
from sdlib.charts.words import number
from sdlib.components.checks import check_number
from sdlib.stage.moment import WAITING, WORKING, Moment
from sdlib.stage.scene import scene_of
from sdlib.stage.window import work_s

OLD_PIECES = 20
AGES = ((0.25, GREEN, "new"), (0.75, ORANGE, "older"), (float("inf"), VERMILION, "old"))
PITCHES = (10, 8.5, 7, 6, 5, 4.2, 3.6, 3.2)


def still_of(run, at_s=None):
    """The stage as a `go.Figure` at a time of the run; without it at the instant that the window is about."""
    from sdlib.stage.widget import window_of, words_of
    window, packed = window_of(run) if at_s is None else window_of(run, _checked(run, at_s), 1e-6)
    moment = Moment(packed, window.still_s if at_s is None else 0.0)
    scene = scene_of(run.nodes)
    at_s = window.from_s + window.still_s if at_s is None else at_s
    picture = _Picture(run, scene, moment, at_s)
    alt = f"{words_of(run, window, packed)} The picture shows {number(at_s)} s."
    axis = {"visible": False, "fixedrange": True}
    plot = Plot(picture.traces(), alt, {**axis, "range": [0, scene["width"]]}, {**axis, "range": [scene["height"], 0]})
    made = figure([plot], scene["width"], scene["height"] + 30)
    made.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 26}, showlegend=True)
    return made


def _checked(run, at_s):
    return check_number("still_of", "at_s", at_s, low=0, high=run.seconds, example=0.5, unit="s")


class _Picture:
    """Traces of one instant in design units, y downwards."""

    def __init__(self, run, scene, moment, at_s):
        self.run, self.scene, self.moment, self.at_s = run, scene, moment, at_s
        self.pitch, self.counts = scene["width"] / scene["columns"], moment.counts()
        self.box_of = {machine["node"]: box for box in scene["boxes"] for machine in box["machines"]}
        self.machine_of = {machine["node"]: machine for box in scene["boxes"] for machine in box["machines"]}
        self.old_s = OLD_PIECES * work_s(run)

    def traces(self):  # a list, from the back to the front
        return list(self._traces())

    def _traces(self):
        yield self._lines()
        twice_y = 2 * self.scene["clients"]["y"]  # people stand upright where y counts upwards
        clients = [[(x, twice_y - y) for x, y in person] for person in people(self._clients(), 15)]
        yield _polygons("clients", clients, BLUE)
        yield _polygons("boxes", [self._outline(box) for box in self.scene["boxes"]], WHITE, INK)
        yield _polygons("memory", [self._memory(machine, 1.0) for machine in self._with("memory")], GRID)
        for name, low, high, colour in (("memory used", 0, 0.7, BLUE), ("memory nearly full", 0.7, 0.9, ORANGE),
                                        ("memory full", 0.9, 9, VERMILION)):
            bars = [self._memory(machine, share) for machine, share in self._shares() if low <= share < high and share]
            yield _polygons(name, bars, colour)
        yield _polygons("slots", [slot for machine in self._with("slots") for slot in self._slots(machine)], WHITE, SKY)
        down = [self._area(self.machine_of[node], "row") for node in self.moment.down]
        yield _polygons("down", [line for area in down for line in hatch(area)], "none", INK)
        yield from self._dots()
        yield self._words()

    def _clients(self):
        return 0.36 * self.pitch, self.scene["clients"]["y"]

    def _middle(self, box):
        return (box["column"] + 0.2) * self.pitch

    def _outline(self, box):
        points = [(self._middle(box) + box["x"] + x * box["w"], box["y"] + (1 - y) * box["h"])
                  for x, y in box["outline"]]
        return [*points, points[0]]

    def _lines(self):
        xs, ys, boxes = [], [], self.scene["boxes"]
        for line in self.scene["lines"]:
            there = boxes[line["to"]]
            start = (self._clients()[0] + 20, self._clients()[1])
            if line["from"] >= 0:
                here = boxes[line["from"]]
                start = self._middle(here) + here["x"] + here["w"], here["y"] + here["h"] / 2
            xs += [start[0], self._middle(there) + there["x"], None]
            ys += [start[1], there["y"] + there["h"] / 2, None]
        return {"type": "scatter", "mode": "lines", "name": "calls", "x": xs, "y": ys, "hoverinfo": "skip",
                "showlegend": False, "line": {"color": "#B9C4CC", "width": 1.5}}

    def _with(self, part):
        return [machine for machine in self.machine_of.values() if machine[part]]

    def _area(self, machine, part):
        left, top, width, height = machine[part][:4]
        left += self._middle(self.box_of[machine["node"]])
        return rectangle(left, left + width, top, top + height)

    def _shares(self):
        for machine in self._with("memory"):
            inside = self.counts.get(machine["node"], {}).get("inside", 0)
            yield machine, inside / self.run.nodes[machine["node"]].component.memory_cells

    def _memory(self, machine, share):
        (left, top), (right, _), (_, bottom), *_ = self._area(machine, "memory")
        return rectangle(left, left + (right - left) * min(share, 1), top, bottom)

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
        found = {name: ([], [], []) for _, _, name in AGES}
        queued, working = {}, {}
        for actor, node, state in self.moment.dots():
            taken = queued if state == WAITING else working
            place = taken[node] = taken.get(node, -1) + 1
            x, y, size = self._place(node, state, place)
            share = (self.moment.at_s - actor.born_s) / self.old_s
            xs, ys, sizes = found[next(name for limit, _, name in AGES if share < limit)]
            xs.append(round(x, 1)), ys.append(round(y, 1)), sizes.append(size)
        for _, colour, name in AGES:
            xs, ys, sizes = found[name]
            yield {"type": "scatter", "mode": "markers", "name": f"{name} request", "x": xs, "y": ys,
                   "hoverinfo": "skip", "marker": {"color": colour, "size": sizes or 7}}

    def _place(self, node, state, place):
        machine, middle = self.machine_of[node], self._middle(self.box_of[node])
        if state == WORKING and machine["slots"]:
            x, y, size = self._slot(machine, place % machine["slots"][7])
            return x, y, 0.7 * size
        if state != WAITING and machine["hold"]:
            left, top, width, height = machine["hold"]
            return middle + left + (place * 53 % 89) / 88 * width, top + (place * 37 % 41) / 40 * height, 6
        left, top, width, height = machine["queue"]
        many = self.counts[node]["waiting"]
        pitch = next((one for one in PITCHES if (width // one) * (height // one) >= many), PITCHES[-1])
        rows = max(1, int(height // pitch))
        column, row = divmod(place, rows)
        return middle + left + width - (column + 0.5) * pitch, top + height - (row + 0.5) * pitch, pitch

    def _words(self):
        x, y = self._clients()
        words = [(x, y - 34, f"<b>{number(self.run.clients.users)} users</b>", 12),
                 (self.pitch * 0.36, self.scene["height"] - 10, f"{number(self.at_s)} s", 12)]
        for box in self.scene["boxes"]:
            middle = self._middle(box) + box["x"] + box["w"] / 2
            words += [(middle, box["y"] + 13, f"<b>{box['name']}</b>", 12), (middle, box["y"] + 28, box["spec"], 10)]
            here = [self.counts.get(machine["node"], {}) for machine in box["machines"]]
            waiting = sum(counts.get("waiting", 0) for counts in here)
            if waiting:
                left, _, width, _ = box["machines"][0]["queue"]
                words.append((self._middle(box) + left + width / 2, box["y"] - 10, f"<b>{waiting:,} wait</b>", 11))
            for machine in box["machines"]:
                component = self.run.nodes[machine["node"]].component
                if component.memory_cells and len(box["machines"]) == 1 and machine["memory"][1] > box["y"] + 40:
                    inside = self.counts.get(machine["node"], {}).get("inside", 0)
                    words.append((middle, machine["memory"][1] - 8,
                                  f"memory {inside:,} of {component.memory_cells:,}", 10))
                if machine["node"] in self.moment.down:
                    left, top, width, height = machine["row"]
                    words.append((middle, top + height / 2, "<b>DOWN</b>", 13))
        xs, ys, texts, sizes = zip(*words)
        return {"type": "scatter", "mode": "text", "name": "words", "x": xs, "y": ys, "text": texts,
                "hoverinfo": "skip", "showlegend": False, "textfont": {"size": sizes, "color": INK}}


def _polygons(name, polygons, fill, line=None):
    xs, ys = joined(polygons)
    ground = {} if fill == "none" else {"fill": "toself", "fillcolor": fill}
    return {"type": "scatter", "mode": "lines", "name": name, "x": xs, "y": ys, "hoverinfo": "skip",
            "showlegend": False, **ground,
            "line": {"width": 1.3 if line else 0, "color": line or INK}}
