"""A figure in a notebook: as wide as the page lets it be, in the page's own colours. Loaded only to draw one."""

import json
from functools import cache

import plotly.graph_objects as go

from sdlib.charts.page import page_css
from sdlib.teach.view import in_notebook

PLOTLY_MIME = "application/vnd.plotly.v1+json"
# Not "responsive": JupyterLab itself tells a figure of a new width, and Plotly would then forget the height.
CONFIG = {"displayModeBar": False}


class Picture(go.Figure):
    """A `go.Figure` of a fixed size that a notebook shows at the width it has, up to that size.

    On paper, in a PNG and in `to_json` it keeps its size; `layout.meta["width"]` names it where the width is open.
    table: what is drawn, in rows, where the chart says so.
    """

    table = None

    def _ipython_display_(self):
        from IPython.display import display

        if in_notebook():
            dress_the_page()
        display(self._repr_mimebundle_(), raw=True)

    def _repr_mimebundle_(self, include=None, exclude=None, validate=True, **kwargs):
        shown = json.loads(self.to_json())
        width = shown["layout"].pop("width")
        shown["layout"] |= {"autosize": True, "meta": {**shown["layout"]["meta"], "width": width}}
        return {PLOTLY_MIME: {**shown, "config": CONFIG}}


@cache
def dress_the_page():
    """Give the page the looks of the figures, once in a kernel: by a widget that is never shown."""
    from anywidget import AnyWidget

    class Looks(AnyWidget):
        _esm = "export default { render() {} }"
        _css = page_css()

    return Looks()
