"""The drawing of a lab's picture: a `charts.Plot` as an SVG that takes JupyterLab's colours, light or dark.

No script and no 5 MB of Plotly: a lab draws once. Whoever wants Plotly hands the same Plot to `charts.theme.figure`.
"""

import html
import math

MEASURED, SIMULATED = "measured", "simulated"    # trace names, and the CSS classes that colour them
NEW_LINE = "<br>"                                # in a tick's text, as Plotly has it
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 300, 64, 34, 16, 46
STYLE = """<style>
.sdlib-lab { --measured: #0072B2; --simulated: #C77F00; line-height: 1.45; max-width: 60em; }
[data-jp-theme-light="false"] .sdlib-lab { --measured: #56B4E9; --simulated: #F0B429; }
.sdlib-lab svg { display: block; width: 100%; max-width: 640px; height: auto; }
.sdlib-lab text { fill: var(--jp-ui-font-color1, #1b1b1b); font: 13px var(--jp-ui-font-family, sans-serif); }
.sdlib-lab .axis { stroke: var(--jp-ui-font-color2, #555); }
.sdlib-lab .grid { stroke: var(--jp-border-color2, #ccc); }
.sdlib-lab .measured { stroke: var(--measured); fill: var(--measured); }
.sdlib-lab .simulated { stroke: var(--simulated); fill: var(--simulated); }
.sdlib-lab polyline { fill: none !important; stroke-width: 2.5; }
.sdlib-lab polygon { fill-opacity: 0.25; stroke: none !important; }
.sdlib-lab summary { cursor: pointer; }
.sdlib-lab summary:focus-visible { outline: 3px solid var(--measured); outline-offset: 2px; }
.sdlib-lab .wide { overflow-x: auto; }
.sdlib-lab th { text-align: left; }
.sdlib-lab td { text-align: right; padding-left: 1em; }
.sdlib-lab .verdict { font-size: 15px; }
</style>"""


def drawn(plot):
    """SVG text of a `charts.Plot`: lines, markers, filled bands and error bars, named MEASURED or SIMULATED."""
    x, y = _Axis(plot.x, LEFT, WIDTH - RIGHT), _Axis(plot.y, HEIGHT - BOTTOM, TOP)
    marks = [*_frame(x, y), *(mark for trace in plot.traces for mark in _marks(trace, x, y)), *_legend(plot.traces)]
    return (f'<svg role="img" aria-label="{html.escape(plot.alt, quote=True)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
            + "".join(marks) + "</svg>")


class _Axis:
    """Where a value lies on the page; `about` is a Plotly axis with range, tickvals, ticktext, title and type."""

    def __init__(self, about, start, end):
        self.is_log, self.title = about.get("type") == "log", about["title"]["text"]
        self.low, self.high = about["range"]               # logarithms on a logarithmic axis, as Plotly has it
        self.start, self.end = start, end
        self.ticks = list(zip(about["tickvals"], about["ticktext"], strict=True))

    def at(self, value):
        value = math.log10(max(value, 1e-9)) if self.is_log else value
        share = min(max((value - self.low) / (self.high - self.low), -0.02), 1.02)
        return round(self.start + share * (self.end - self.start), 1)

    def shown_ticks(self):
        inside = [(self.at(value), text) for value, text in self.ticks]
        low, high = sorted((self.start, self.end))
        return [(place, text) for place, text in inside if low - 0.1 <= place <= high + 0.1]


def _frame(x, y):
    for place, text in y.shown_ticks():
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place}" y2="{place}"/>'
        yield f'<text x="{LEFT - 7}" y="{place + 4}" text-anchor="end">{html.escape(text)}</text>'
    for place, text in x.shown_ticks():
        yield f'<line class="axis" x1="{place}" x2="{place}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}"/>'
        for row, words in enumerate(text.split(NEW_LINE)):       # the second row takes the place of the axis' title
            yield (f'<text x="{place}" y="{HEIGHT - BOTTOM + 19 + 17 * row}" text-anchor="middle">'
                   f'{html.escape(words)}</text>')
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
    yield (f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 7}" text-anchor="middle">{html.escape(x.title)}</text>'
           f'<text x="4" y="14">{html.escape(y.title)}</text>')


def _marks(trace, x, y):
    places = [(x.at(across), y.at(up)) for across, up in zip(trace["x"], trace["y"], strict=True)]
    points = " ".join(f"{across},{up}" for across, up in places)
    if trace.get("fill"):
        yield f'<polygon class="{trace["meta"]}" points="{points}"/>'
    elif trace["mode"] == "lines":
        dash = ' stroke-dasharray="7 5"' if trace["line"].get("dash") else ""
        yield f'<polyline class="{trace["meta"]}" points="{points}"{dash}/>'
    elif "error_y" in trace:
        yield from _bars(trace, places, y)
    else:
        yield from (f'<circle class="{trace["meta"]}" cx="{across}" cy="{up}" r="5"/>' for across, up in places)


def _bars(trace, places, y):
    """A range as a bar, its middle as a line across."""
    errors = trace["error_y"]
    for (across, up), value, more, less in zip(places, trace["y"], errors["array"], errors["arrayminus"], strict=True):
        top, bottom = y.at(value + more), y.at(value - less)
        yield (f'<rect class="{trace["meta"]}" fill-opacity="0.35" x="{across - 9}" width="18" y="{top}" '
               f'height="{max(bottom - top, 3):.1f}"/><polyline class="{trace["meta"]}" '
               f'points="{across - 9},{up} {across + 9},{up}"/>')


def _legend(traces):
    """On the axis title's line, at the right: the same mark as in the picture, and the trace's name."""
    right = WIDTH - RIGHT
    for trace in reversed([trace for trace in traces if trace.get("showlegend", True)]):
        right -= 7 * len(trace["name"]) + 44
        if trace["mode"] == "lines":
            dash = ' stroke-dasharray="7 5"' if trace["line"].get("dash") else ""
            mark = f'<polyline class="{trace["meta"]}" points="{right},10 {right + 22},10"{dash}/>'
        elif "error_y" in trace:
            mark = f'<rect class="{trace["meta"]}" fill-opacity="0.35" x="{right + 6}" y="2" width="10" height="15"/>'
        else:
            mark = f'<circle class="{trace["meta"]}" cx="{right + 11}" cy="10" r="5"/>'
        yield mark + f'<text x="{right + 28}" y="14">{html.escape(trace["name"])}</text>'
