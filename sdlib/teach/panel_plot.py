"""The panel's drawing: a small widget that hands each new picture to Plotly's own script, and the panel's looks."""

from functools import lru_cache
from importlib.resources import files

import anywidget
import traitlets

from sdlib.charts.theme import BLUE, INK, PAPER

NARROWEST, WIDEST = 640, 900  # of the picture, in pixels
# Measured against a FigureWidget: as light to load, and each redraw skips its validation and its answer messages.
_RENDER = """
const plotly = globalThis.Plotly;
function render({ model, el }) {
  const place = document.createElement("div");
  place.setAttribute("role", "img");
  el.appendChild(place);
  let asked = false, drawnWidth = 0;
  const fits = () => Math.max(NARROWEST, Math.min(WIDEST, place.clientWidth || NARROWEST));
  const draw = () => {
    asked = false;
    const figure = JSON.parse(model.get("figure"));
    if (!figure.layout || !place.clientWidth) return;
    drawnWidth = figure.layout.width = fits();
    place.setAttribute("aria-label", figure.layout.meta.alt);
    plotly.react(place, figure.data, figure.layout, { displayModeBar: false, responsive: false });
    nameSliders(el.closest(".sdlib-panel"));
  };
  const ask = () => { if (!asked) { asked = true; setTimeout(draw, 0); } };
  const resized = new ResizeObserver(() => { if (fits() !== drawnWidth) ask(); });
  resized.observe(place);
  model.on("change:figure", ask);
  return () => { resized.disconnect(); model.off("change:figure", ask); plotly.purge(place); };
}
// A logarithmic slider would be read aloud as its exponent.
function nameSliders(panel) {
  for (const row of panel.querySelectorAll(".sdlib-slider")) {
    const handle = row.querySelector(".noUi-handle");
    if (!handle) continue;
    handle.setAttribute("aria-label", row.querySelector("label").textContent);
    handle.setAttribute("aria-valuetext", row.querySelector(".sdlib-value").textContent);
  }
}
export default { render };
""".replace("NARROWEST", str(NARROWEST)).replace("WIDEST", str(WIDEST))
_FRAME = f"background: {PAPER}; color: {INK}; border: 1px solid #8A8A84; border-radius: 6px;"
_STYLE = f"""
.sdlib-panel {{ width: 100%; max-width: {WIDEST}px; }}
.sdlib-panel .js-plotly-plot {{ overflow-x: auto; }}
.sdlib-tiles {{ display: flex; flex-wrap: wrap; gap: 8px; }}
.sdlib-tiles > div {{ {_FRAME} flex: 1 1 120px; padding: 4px 10px; font-size: 12px; line-height: 1.35; }}
.sdlib-tiles b, .sdlib-tiles strong {{ display: block; }}
.sdlib-tiles b {{ font-size: 21px; }}
.sdlib-status {{ background: {PAPER}; color: {INK}; border-left: 4px solid; padding: 3px 10px; line-height: 1.35;
  min-height: 2.7em; }}
.sdlib-controls {{ flex-wrap: wrap; gap: 8px; }}
.sdlib-controls > .widget-vbox {{ flex: 3 1 400px; }}
.sdlib-controls > .widget-html {{ flex: 2 1 300px; }}
.sdlib-controls .widget-label {{ flex: none; width: 76px; }}
.sdlib-slider .widget-hslider, .sdlib-slider .widget-dropdown {{ width: 320px; }}
.sdlib-slider .sdlib-value {{ width: auto; margin-left: 10px; }}
.sdlib-ends {{ display: flex; justify-content: space-between; font-size: 11px; line-height: 1.2;
  margin: -8px 0 0 90px; width: 224px; }}
.sdlib-goals {{ {_FRAME} list-style: none; margin: 2px; padding: 6px 10px; line-height: 1.4; }}
.sdlib-panel :focus-visible {{ outline: 3px solid {BLUE}; outline-offset: 2px; }}
@media (prefers-reduced-motion: reduce) {{ .sdlib-panel * {{ transition: none !important; }} }}
"""


@lru_cache(maxsize=1)
def _script():
    return files("plotly").joinpath("package_data/plotly.min.js").read_text(encoding="utf-8") + _RENDER


class PanelPlot(anywidget.AnyWidget):
    """figure: the picture (data, layout) as JSON text. The picture's alt text becomes the plot's label."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode(_STYLE).tag(sync=True)
    figure = traitlets.Unicode("{}").tag(sync=True)

    @traitlets.default("_esm")
    def _plotly_and_render(self):
        return _script()
