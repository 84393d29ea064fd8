"""One look for every figure: palette, template, and the frame that puts plots into a picture."""

import math
import textwrap
from dataclasses import dataclass, field

from sdlib.charts.axes import HeldAxes
from sdlib.whole import whole

# Okabe and Ito's palette: told apart by readers with any common colour blindness.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
INK, GRID, PAPER, WHITE = "#1B1B1B", "#DDDDD8", "#FBFBF8", "#FFFFFF"
ON_COLOUR = "#000000"  # words on a coloured bar, which stays light in a dark page
HATCH_OPACITY = 0.2  # words stand on it
TITLE_LETTER_PX = 7.6  # of a title
WIDE_TICK = 100_000
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

_AXIS = {"gridcolor": GRID, "linecolor": INK, "showline": True, "zeroline": False, "ticks": "outside",
         "tickangle": 0, "fixedrange": True, "title": {"standoff": 6, "font": {"size": 12}}, "exponentformat": "none"}
# Given with every figure, so that neither Plotly's own template (6.5 kB) nor a global setting is used.
TEMPLATE = {"layout": {
    "font": {"family": FONT, "size": 12, "color": INK}, "paper_bgcolor": PAPER, "plot_bgcolor": PAPER,
    "xaxis": _AXIS, "yaxis": _AXIS, "colorway": [BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY],
    "hoverlabel": {"bgcolor": WHITE, "font": {"color": INK}}, "hovermode": "closest"}}


@dataclass
class Plot:
    """One pair of axes: traces, axes and notes as the plain dictionaries that Plotly reads.

    alt: a full sentence that says what is to be seen. shapes and notes refer to the plot's own axes. at_top: names of
    traces that stand at the upper edge, wherever that is.
    """

    traces: list
    alt: str
    x: dict = field(default_factory=dict)
    y: dict = field(default_factory=dict)
    title: str = ""
    shapes: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    at_top: tuple = ()


def compose(cells, width, height, margin=None):
    """The plain figure (data, layout) of `cells`: (Plot, (x0, x1), (y0, y1)) in shares of the drawing area."""
    margin = margin or {"l": 70, "r": 20, "t": 48, "b": 84}
    layout = {"template": TEMPLATE, "width": width, "height": height, "autosize": False, "shapes": [],
              "annotations": [], "margin": margin,
              # At the lower edge, in as many rows as it needs: the axis above it ("automargin") makes room.
              "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom",
                         "x": cells[-1][1][0], "xanchor": "left", "font": {"size": 11}},
              "meta": {"alt": " ".join(plot.alt for plot, _, _ in cells if plot.alt)}}
    data = []
    for number, (plot, across, upwards) in enumerate(cells, 1):
        key = "" if number == 1 else str(number)
        layout[f"xaxis{key}"] = {**plot.x, "domain": list(across), "anchor": f"y{key}", "automargin": "bottom"}
        layout[f"yaxis{key}"] = {**plot.y, "domain": list(upwards), "anchor": f"x{key}", **_scale_of(plot, key),
                                   **_room_for_ticks(plot)}
        data += [{**trace, "xaxis": f"x{key}", "yaxis": f"y{key}"} for trace in plot.traces]
        layout["shapes"] += [_on_axes(shape, key) for shape in plot.shapes]
        title = _title(plot.title, (width - margin["l"] - margin["r"]) * (across[1] - across[0]))
        layout["annotations"] += [_on_axes(note, key) for note in (*plot.notes, *title)]
    return {"data": data, "layout": layout}


def figure(plots, width=840, height=400, gap=0.07):
    """A `go.Figure` with the plots below each other."""
    HeldAxes().fit(plots)
    return picture(compose(stacked(plots, (0, 1), 1, gap), width, height))


def picture(content):
    """A `go.Figure` of plain data and layout, which in a notebook fits its page."""
    with whole():
        from sdlib.charts.picture import Picture

    return Picture(content)


def stacked(plots, across, top, gap):
    """The cells of plots that stand below each other and share the drawing area up to `top`."""
    share = (top + gap) / len(plots)
    return [(plot, across, (max(top - row * share - share + gap, 0), top - row * share))
            for row, plot in enumerate(plots)]


def _scale_of(plot, key):
    """A map's axes have one scale: that of its own plot."""
    return {"scaleanchor": f"x{key}"} if "scaleanchor" in plot.y else {}


def _room_for_ticks(plot):
    """Six digits need more room than the margin has: the axis makes it, or its title would stand upon them."""
    is_wide = plot.y.get("type") != "log" and max(plot.y.get("range", [0])) >= WIDE_TICK
    return {"automargin": "left"} if is_wide else {}


def _on_axes(item, key):
    placed = dict(item)
    for axis in "xy":
        ref = item.get(f"{axis}ref", axis)
        placed[f"{axis}ref"] = ref.replace(axis, f"{axis}{key}", 1)
    return placed


def _title(text, width):
    if not text:
        return []
    lines = "<br>".join(textwrap.wrap(text, int(width / TITLE_LETTER_PX)))
    return [{"text": f"<b>{lines}</b>", "xref": "x domain", "yref": "y domain", "x": 0, "y": 1, "xanchor": "left",
             "align": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 13}, "yshift": 4}]


def note(text, x, y, **more):
    """A text on an opaque plate, at a place in the plot."""
    return {"text": text, "x": x, "y": y, "showarrow": False, "bgcolor": "rgba(255,255,255,0.85)",
            "font": {"size": 11, "color": INK}, **more}


def above(text):
    """A text above the plot, where no data is."""
    return {"text": text, "xref": "x domain", "yref": "y domain", "x": 0, "y": 1, "xanchor": "left", "align": "left",
            "yanchor": "bottom", "yshift": 3, "showarrow": False, "font": {"size": 12, "color": INK}}


def line(name, xs, ys, color=BLUE, dash="dash"):
    """A line as Plotly reads it."""
    return {"type": "scatter", "name": name, "mode": "lines", "x": plain(xs), "y": plain(ys),
            "line": {"color": color, "width": 2.5, "dash": dash}}


def marks(name, xs, ys, **marker):
    """Points as Plotly reads them."""
    return {"type": "scatter", "name": name, "mode": "markers", "x": plain(xs), "y": plain(ys), "marker": marker}


def runs_so_far(points):
    """The runs that were tried, as (x, y); the legend names them as soon as there are several."""
    return {**marks("runs", *zip(*points, strict=True), size=7, color=ORANGE, symbol="circle-open",
                    line={"width": 2}), "showlegend": len(points) > 1}


def this_run(x, y, name="this run"):
    """Where the run stands that is shown."""
    return marks(name, [x], [y], size=15, color=VERMILION, symbol="star-diamond", line={"width": 1.5, "color": INK})


def hatched(shape):
    """A bar's pattern, pale enough for words to stand on it."""
    return {"shape": shape, "fillmode": "overlay", "fgcolor": INK, "fgopacity": HATCH_OPACITY, "solidity": 0.15,
            "size": 10}


def held_end(first, longest):
    """Where an axis ends that holds still while the longest bar changes little: `first`, doubled as often as needed."""
    return first * 2 ** max(0, math.ceil(math.log2(max(longest, 1e-9) * 1.05 / first)))


def duration_axis(title, **more):
    """A logarithmic axis in milliseconds whose ticks are said as times."""
    ticks = [10.0**power for power in range(-2, 8)]
    return {"type": "log", "title": {"text": title, "standoff": 6}, "tickvals": ticks,
            "ticktext": ["0.01 ms", "0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "17 min", "2.8 h"],
            **more}


def plain(values):
    """Rounded Python numbers, None for what is not finite: small, and the same on every processor."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]
