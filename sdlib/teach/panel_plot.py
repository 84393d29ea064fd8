"""The panel's chart: a small widget that hands each new picture to Plotly's own script, and the panel's looks."""

from functools import lru_cache
from importlib.resources import files

import anywidget
import traitlets

from sdlib.charts.page import page_css
from sdlib.teach.panel_words import RUN_AGAIN

HERE = files("sdlib.teach")


@lru_cache(maxsize=1)
def _plotly():
    return files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _script():
    return HERE.joinpath("panel.js").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def panel_style():
    """The style sheet of a panel."""
    panel = HERE.joinpath("panel.css").read_text(encoding="utf-8").replace("RUN_AGAIN", RUN_AGAIN)
    return f"{page_css()}\n{panel}"


class PanelPlot(anywidget.AnyWidget):
    """figure: the picture (data, layout) as JSON text. The picture's alt text becomes the plot's label.
    plotly: the script that draws it.

    Measured against a FigureWidget: as light to load, and each redraw skips its validation and its answer messages.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    plotly = traitlets.Unicode().tag(sync=True)
    figure = traitlets.Unicode("{}").tag(sync=True)

    @traitlets.default("_esm")
    def _render(self):
        return _script()

    @traitlets.default("plotly")
    def _plotly_script(self):
        return _plotly()

    @traitlets.default("_css")
    def _looks(self):
        return panel_style()
