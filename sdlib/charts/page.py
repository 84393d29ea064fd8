"""The figures' colours on a page: JupyterLab's own for ink, lines and grounds, lighter ones for data where it is dark.

Plotly writes each colour into the style of what it draws, so that rules can name it there: a change of theme needs no
new picture, and a figure that was saved follows it, too.
"""

from functools import cache

from sdlib.charts.theme import BLUE, GREEN, GRID, INK, ORANGE, PAPER, PURPLE, VERMILION, WHITE

WIDEST_PX = 840
OF_THE_PAGE = {INK: "--jp-content-font-color1", PAPER: "--jp-layout-color0", WHITE: "--jp-layout-color1",
               GRID: "--jp-border-color2"}
# As far from a dark ground as the figures' own are from a light one.
ON_DARK = {BLUE: "#5AB4F0", VERMILION: "#FF8A3D", ORANGE: "#F0B429", PURPLE: "#E5A3C8", GREEN: "#3ECFA3"}
PLACES = (".jp-RenderedPlotly", ".sdlib-chart")
DARK = 'body[data-jp-theme-light="false"] '
SIZES = f"""
.jp-RenderedPlotly {{ width: 100%; max-width: {WIDEST_PX}px; }}
.jp-RenderedPlotly .plot-img {{ max-width: 100%; height: auto; }}
"""


@cache
def page_css():
    """The rules, as CSS."""
    rules = [rule for colour, name in OF_THE_PAGE.items() for rule in _rules("", colour, f"var({name}, {colour})")]
    rules += [rule for colour, lighter in ON_DARK.items() for rule in _rules(DARK, colour, lighter)]
    return "\n".join([SIZES.strip(), *rules])


def _rules(where, ours, theirs):
    for what in ("fill", "stroke", "background"):
        places = ", ".join(f'{where}{place} [style*="{what}: {_as_written(ours)}"]' for place in PLACES)
        yield f"{places} {{ {what}: {theirs} !important; }}"


def _as_written(colour):
    """A colour as a browser writes it: "rgb(27, 27, 27)"."""
    return f"rgb({', '.join(str(int(colour[at:at + 2], 16)) for at in (1, 3, 5))})"
