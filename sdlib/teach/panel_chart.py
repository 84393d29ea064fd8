"""The lesson's one chart in the panel: drawn by Plotly in the browser, linear or logarithmic at a click."""

import json

import ipywidgets

from sdlib.charts.axes import HeldAxes
from sdlib.charts.still import STARTS_LOGARITHMIC, chart_picture, chart_plots, has_axis_of_its_own
from sdlib.charts.theme import picture
from sdlib.teach.panel_plot import PanelPlot


class Chart:
    """box: the widget. kind: a name or a function, as `sd.explore` takes it. Its axes hold still while they can."""

    def __init__(self, kind):
        self._kind, self._seen = kind, None
        self.forget()
        self.plot = PanelPlot()
        self.scale = ipywidgets.ToggleButtons(
            options=[("linear", False), ("logarithmic", True)], value=kind in STARTS_LOGARITHMIC,
            tooltips=["equal steps are equal amounts", "equal steps are equal ratios"])
        self.scale.observe(lambda _: self.show(*self._seen), names="value")
        self._switch = ipywidgets.HBox([self.scale])
        self._switch.add_class("sdlib-scale")
        self.box = ipywidgets.VBox([self._switch, self.plot])

    @property
    def alt(self):
        """What the chart shows, in words."""
        return json.loads(self.plot.figure)["layout"]["meta"]["alt"]

    def show(self, run, settings):
        """Draw this run; the axes that had to change, in words."""
        self._seen = (run, settings)
        plots = chart_plots(self._kind, run, settings, self.scale.value, self._trail)
        if not self.scale.value:
            self._switch.layout.display = "none" if has_axis_of_its_own(self._kind, plots) else None
        changes = self._axes[self.scale.value].fit(plots)
        self.plot.figure = json.dumps(chart_picture(plots), default=float)
        return changes

    def forget(self):
        """Drop the points of earlier runs, and let the axes begin anew."""
        self._axes = {False: HeldAxes(), True: HeldAxes()}
        self._trail = []

    def still(self):
        """The chart of now as a `go.Figure`."""
        return picture(json.loads(self.plot.figure))
