// JupyterLab takes cells that are out of sight off the page and does not tell their figures, when they come back, that
// the page has another width by now. It tells every figure when the window is resized, so that is what is said here.
const FIGURE = "jp-RenderedPlotly", PIXEL = 1;

function isOfAnotherWidth(figure) {
  const drawn = figure.querySelector(".main-svg");
  return drawn && figure.clientWidth && Math.abs(drawn.getAttribute("width") - figure.clientWidth) > PIXEL;
}

function initialize() {
  const figures = document.getElementsByClassName(FIGURE), seen = new WeakSet();
  const resized = new ResizeObserver((changes) => {
    if (changes.some(({ target }) => isOfAnotherWidth(target))) window.dispatchEvent(new Event("resize"));
  });
  const added = new MutationObserver(() => {
    for (const figure of figures) {
      if (!seen.has(figure)) {
        seen.add(figure);
        resized.observe(figure);
      }
    }
  });
  added.observe(document.body, { childList: true, subtree: true });
  return () => {
    added.disconnect();
    resized.disconnect();
  };
}

export default { initialize, render() {} };
