"""The panel's drawing: a small widget that hands each new picture to Plotly's own script."""

from functools import lru_cache
from importlib.resources import files

import anywidget
import traitlets

# Measured against a FigureWidget: as light to load, and each redraw skips its validation and its answer messages.
_RENDER = """
const plotly = globalThis.Plotly;
function render({ model, el }) {
  const place = document.createElement("div");
  place.setAttribute("role", "img");
  el.appendChild(place);
  let asked = false;
  const draw = () => {
    asked = false;
    const figure = JSON.parse(model.get("figure"));
    if (!figure.layout) return;
    place.setAttribute("aria-label", figure.layout.meta.alt);
    plotly.react(place, figure.data, figure.layout, { displayModeBar: false, responsive: false });
  };
  const ask = () => { if (!asked) { asked = true; setTimeout(draw, 0); } };
  model.on("change:figure", ask);
  draw();
  return () => { model.off("change:figure", ask); plotly.purge(place); };
}
export default { render };
"""


@lru_cache(maxsize=1)
def _script():
    return files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8") + _RENDER


class PanelPlot(anywidget.AnyWidget):
    """figure: the picture (data, layout) as JSON text. The picture's alt text becomes the plot's label."""

    _esm = traitlets.Unicode().tag(sync=True)
    figure = traitlets.Unicode("{}").tag(sync=True)

    @traitlets.default("_esm")
    def _plotly_and_render(self):
        return _script()
