// The panel's chart. Appended to Plotly's own script, which leaves its name at globalThis.
const plotly = globalThis.Plotly;
const NARROWEST = 320;
// The figures' own colours, and what stands for them on a dark page: as far from the ground as on a light one.
const ON_DARK = {
  "#0072B2": "#5AB4F0", "#D55E00": "#FF8A3D", "#E69F00": "#F0B429", "#CC79A7": "#E5A3C8", "#009E73": "#3ECFA3",
  "rgba(213,94,0,0.13)": "rgba(255,138,61,0.22)", "rgba(90,90,90,0.28)": "rgba(200,200,200,0.22)",
};

function pageColours(place) {
  const style = getComputedStyle(place);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    "#1B1B1B": read("--jp-content-font-color1", "#1B1B1B"),
    "#FBFBF8": read("--jp-layout-color0", read("--jp-layout-color1", "#FFFFFF")),
    "#DDDDD8": read("--jp-border-color2", "#DDDDD8"),
    "rgba(255,255,255,0.85)": read("--jp-layout-color1", "#FFFFFF"),
  };
}

function isDark() {
  return document.body.dataset.jpThemeLight === "false";
}

// Named colours of a page ("rgba(0, 0, 0, .87)", "white") are all that Plotly reads, so text can be replaced by text.
function themed(text, place) {
  const colours = { ...pageColours(place), ...(isDark() ? ON_DARK : {}) };
  for (const [ours, theirs] of Object.entries(colours)) text = text.replaceAll(`"${ours}"`, JSON.stringify(theirs));
  return JSON.parse(text);
}

function render({ model, el }) {
  const place = document.createElement("div");
  place.className = "sdlib-chart";
  place.setAttribute("role", "img");
  el.appendChild(place);
  let asked = false, drawnWidth = 0;
  const width = () => Math.max(NARROWEST, place.clientWidth);
  const draw = () => {
    asked = false;
    if (!place.clientWidth || model.get("figure") === "{}") return;
    const figure = themed(model.get("figure"), place);
    drawnWidth = figure.layout.width = width();
    place.setAttribute("aria-label", figure.layout.meta.alt);
    plotly.react(place, figure.data, figure.layout, { displayModeBar: false, responsive: false });
    nameControls(el.closest(".sdlib-panel"));
  };
  const ask = () => { if (!asked) { asked = true; setTimeout(draw, 0); } };
  const resized = new ResizeObserver(() => { if (width() !== drawnWidth) ask(); });
  resized.observe(place);
  const rethemed = new MutationObserver(ask);
  rethemed.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  model.on("change:figure", ask);
  return () => {
    resized.disconnect();
    rethemed.disconnect();
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
