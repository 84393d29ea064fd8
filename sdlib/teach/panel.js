// The panel's chart. Plotly's script (5 MB) is no part of this module: anywidget gives a module 2 s to load, and drops
// every later change where a busy machine took longer. All panels of a page share the Plotly of the first.
const NARROWEST = 320;

async function loadPlotly(script) {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  try {
    await import(/* webpackIgnore: true */ address);
  } finally {
    URL.revokeObjectURL(address);
  }
  return globalThis.Plotly;
}

async function render({ model, el }) {
  const place = document.createElement("div");
  place.className = "sdlib-chart";
  place.setAttribute("role", "img");
  el.appendChild(place);
  globalThis.sdlibPlotly ??= loadPlotly(model.get("plotly"));
  const plotly = await globalThis.sdlibPlotly;
  let asked = false, drawnWidth = 0;
  const width = () => Math.max(NARROWEST, place.clientWidth);
  const draw = () => {
    asked = false;
    if (!place.clientWidth || model.get("figure") === "{}") return;
    const figure = JSON.parse(model.get("figure"));
    drawnWidth = figure.layout.width = width();
    place.setAttribute("aria-label", figure.layout.meta.alt);
    plotly.react(place, figure.data, figure.layout, { displayModeBar: false, responsive: false });
    nameControls(el.closest(".sdlib-panel"));
  };
  const ask = () => { if (!asked) { asked = true; setTimeout(draw, 0); } };
  const resized = new ResizeObserver(() => { if (width() !== drawnWidth) ask(); });
  resized.observe(place);
  model.on("change:figure", ask);
  return () => {
    resized.disconnect();
    model.off("change:figure", ask);
    plotly.purge(place);
  };
}

// A slider stands at the number of a stop; what is read aloud is the setting itself.
function nameControls(panel) {
  for (const row of panel ? panel.querySelectorAll(".sdlib-slider") : []) {
    const handle = row.querySelector(".noUi-handle"), field = row.querySelector(".widget-text input");
    if (!handle || !field) continue;
    const name = row.querySelector(".sdlib-name").textContent, unit = row.querySelector(".sdlib-unit").textContent;
    handle.setAttribute("aria-label", name);
    handle.setAttribute("aria-valuetext", `${field.value} ${unit}`);
    field.setAttribute("aria-label", `${name}, exact value`);
    field.setAttribute("inputmode", "decimal");
  }
}

export default { render };
