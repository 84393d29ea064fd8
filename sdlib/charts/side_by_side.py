"""Two figures in one, beside each other or, where the first is wide, below each other; each with the axes it had."""

import re

from sdlib.charts.theme import picture

_AXIS = re.compile(r"^([xy])axis(\d*)$")
_REFERENCE = re.compile(r"^([xy])(\d*)( domain)?$")


WIDE_PX = 900
LEGEND_PX = 46  # two rows below both; without room of its own the legend would press the picture together


def side_by_side(left, right, gap=12):
    """A `go.Figure` with two others beside each other, the second below a wide one.

    Both need a width, a height and margins.
    """
    widths, heights = zip(*((figure.layout.width, figure.layout.height) for figure in (left, right)))
    if left.layout.width > WIDE_PX:
        (width, height), corner = (max(widths), sum(heights) + gap), (0, heights[0] + gap)
    else:
        (width, height), corner = (sum(widths) + gap, max(heights)), (widths[0] + gap, 0)
    frames = [_Frame(left, (0, 0), 0, width, height), _Frame(right, corner, 1, width, height)]
    layout = {**_of_the_page(right), "width": width, "height": height + LEGEND_PX,
              "margin": {"l": 0, "r": 0, "t": 0, "b": LEGEND_PX},
              "shapes": [], "annotations": [], "images": [], "meta": {"alt": _alt(left, right)}}
    data = []
    for frame in frames:
        data += frame.data()
        layout |= frame.axes()
        for items in ("shapes", "annotations", "images"):
            layout[items] += frame.placed(items)
    layout["legend"] = {**layout["legend"], "x": 0}
    return picture({"data": data, "layout": layout})


def _of_the_page(figure):
    kept = ("template", "legend", "paper_bgcolor", "plot_bgcolor", "font", "bargap", "barmode")
    layout = figure.layout.to_plotly_json()
    found = {name: layout[name] for name in kept if name in layout}
    return {**found, "autosize": False, "showlegend": True}


def _alt(*figures):
    return " ".join(figure.layout.meta["alt"] for figure in figures)


class _Frame:
    """Where one figure stands in the picture, and its parts moved there. Axis numbers grow by 50 a figure."""

    def __init__(self, figure, corner, number, width, height):
        self.figure, self.layout, self.shift = figure, figure.layout.to_plotly_json(), 50 * number
        margin = figure.layout.margin
        inner = figure.layout.width - margin.l - margin.r, figure.layout.height - margin.t - margin.b
        self.x = (corner[0] + margin.l) / width, inner[0] / width
        self.y = 1 - (corner[1] + margin.t + inner[1]) / height, inner[1] / height

    def data(self):
        """The traces, on the renumbered axes; without a legend entry where the figure has no legend."""
        traces = []
        for trace in self.figure.data:
            moved = trace.to_plotly_json()
            moved |= {f"{letter}axis": self._named(moved.get(f"{letter}axis", letter)) for letter in "xy"}
            if self.layout.get("showlegend") is False:
                moved["showlegend"] = False
            traces.append(moved)
        return traces

    def axes(self):
        """The axes under their new names, in their share of the picture."""
        axes = {}
        for name, axis in self.layout.items():
            if found := _AXIS.match(name):
                letter, number = found.groups()
                low, high = axis.get("domain", (0, 1))
                moved = {**axis, "domain": [self._at(letter, low), self._at(letter, high)]}
                for key in ("anchor", "scaleanchor", "matches", "overlaying"):
                    if key in axis:
                        moved[key] = self._named(axis[key])
                axes[f"{letter}axis{self._number(number)}"] = moved
        return axes

    def placed(self, items):
        """Shapes, annotations or images, where they stand in the picture."""
        return [self._moved(item) for item in self.layout.get(items, ())]

    def _moved(self, item):
        moved = dict(item)
        for letter in "xy":
            reference = item.get(f"{letter}ref", "paper")
            moved[f"{letter}ref"] = self._named(reference)
            if reference == "paper":
                places = {letter, f"{letter}0", f"{letter}1"} & set(item)
                moved |= {key: self._at(letter, item[key]) for key in sorted(places)}
        return moved

    def _at(self, letter, share):
        start, length = self.x if letter == "x" else self.y
        return round(min(max(start + share * length, 0.0), 1.0), 5)

    def _named(self, reference):
        found = _REFERENCE.match(reference)
        return f"{found[1]}{self._number(found[2])}{found[3] or ''}" if found else reference

    def _number(self, digits):
        number = int(digits or 1) + self.shift
        return "" if number == 1 else str(number)
