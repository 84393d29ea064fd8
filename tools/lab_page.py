"""One notebook open in JupyterLab in a browser: run it, read its cells, move its sliders, read its plots.

JupyterLab takes cells that are out of sight off the page, so each method that touches a cell scrolls there first.
"""

RUN_SECONDS = 180
STEP_SECONDS = 20
SETTLED_SECONDS = 10
DRAWN_SECONDS = 60  # the first plot brings along all of Plotly

# The page's side, one expression each. `jupyterapp` is there because of --LabApp.expose_app_in_browser.
PANEL = "window.jupyterapp.shell.currentWidget"
READY = f"""() => window.jupyterapp && {PANEL} && {PANEL}.sessionContext && {PANEL}.sessionContext.isReady
    && {PANEL}.content.widgets.length > 0"""
IDLE = f"() => {PANEL}.sessionContext.session.kernel.status === 'idle'"
RAN = f"""() => {PANEL}.content.widgets.every(cell => cell.model.type !== 'code'
    || !cell.model.sharedModel.getSource().trim()
    || (cell.model.executionCount !== null && cell.model.executionState !== 'running'))"""
CLEAR = "() => window.jupyterapp.commands.execute('editmenu:clear-all')"
RUN_ALL = "() => { window.jupyterapp.commands.execute('runmenu:run-all') }"
RUN_ONE = f"""(index) => {{
    const notebook = {PANEL}.content;
    notebook.deselectAll();
    notebook.activeCellIndex = index;
    window.cellHasRun = false;
    window.jupyterapp.commands.execute('notebook:run-cell').finally(() => {{ window.cellHasRun = true; }});
}}"""
ONE_RAN = "() => window.cellHasRun"
CELLS = f"""() => {PANEL}.content.widgets.map(cell => ({{
    kind: cell.model.type, source: cell.model.sharedModel.getSource(),
    errors: cell.model.type !== 'code' ? [] : cell.model.outputs.toJSON().filter(o => o.output_type === 'error')
                .map(o => o.ename + ': ' + o.evalue)}}))"""
SCROLL = f"""async (index) => {{
    const notebook = {PANEL}.content;
    await notebook.scrollToItem(index, 'start');
    await notebook.widgets[index].ready;
    notebook.widgets[index].node.dataset.place = index;
}}"""
PLOTS = """(cell) => [...cell.querySelectorAll('.js-plotly-plot')].map(plot => plot._fullData.map(
    trace => ({name: trace.name || '', type: trace.type,
               x: Array.from(trace.x || []), y: Array.from(trace.y || [])})))"""


class LabPage:
    """A notebook in JupyterLab. `page` is Playwright's, `traffic` what the page asked for and complained about."""

    def __init__(self, page, traffic):
        self.page = page
        self.traffic = traffic

    def wait_until_ready(self):
        """Wait for the kernel: a run before that would open a dialog."""
        self.page.wait_for_function(READY, timeout=60_000)
        self.page.wait_for_function(IDLE, timeout=60_000)

    def run_all(self):
        """Clear what was saved, run every cell, and wait until all have run. Stops waiting at an error."""
        self.page.evaluate(CLEAR)
        self.page.evaluate(RUN_ALL)
        done = f"() => ({RAN})() || ({CELLS})().some(cell => cell.errors.length)"
        self.page.wait_for_function(done, timeout=RUN_SECONDS * 1000)
        self.wait_until_idle()

    def run_cell(self, index):
        """Run one cell and wait until the kernel is idle again."""
        self.page.evaluate(RUN_ONE, index)
        self.page.wait_for_function(ONE_RAN, timeout=RUN_SECONDS * 1000)
        self.wait_until_idle()

    def set_source(self, index, source):
        """Replace the text of a cell."""
        self.page.evaluate(f"([index, source]) => {PANEL}.content.widgets[index].model.sharedModel.setSource(source)",
                           [index, source])

    def wait_until_idle(self):
        """Wait until the kernel has nothing to do."""
        self.page.wait_for_function(IDLE, timeout=RUN_SECONDS * 1000)

    def cells(self):
        """A list of {kind, source, errors}, one for each cell, on the page or not."""
        return self.page.evaluate(CELLS)

    def cell(self, index):
        """Scroll to a cell; its element on the page."""
        self.page.evaluate(SCROLL, index)
        element = self.page.locator(f".jp-Cell[data-place='{index}']")
        element.wait_for(timeout=STEP_SECONDS * 1000)
        return element

    def cells_with(self, text):
        """The places of the code cells whose source holds the text."""
        return [place for place, cell in enumerate(self.cells()) if cell["kind"] == "code" and text in cell["source"]]

    def errors(self):
        """All tracebacks in the notebook: [(cell, "Name: what it says")]."""
        return [(place, error) for place, cell in enumerate(self.cells()) for error in cell["errors"]]

    def plots(self, index):
        """The data of the plots in a cell: for each plot its traces, each {name, type, x, y}."""
        return self.cell(index).evaluate(PLOTS)

    def wait_for_plots(self, index):
        """Wait until a cell has drawn a plot with its traces; then as `plots`.

        A FigureWidget draws an empty plot first, so that a plot is there says little.
        """
        self.cell(index).locator(".js-plotly-plot .main-svg").first.wait_for(timeout=DRAWN_SECONDS * 1000)
        self.wait_for(lambda it: any(it.plots(index)), True, DRAWN_SECONDS)
        return self.plots(index)

    def wait_until_rest(self, index):
        """Wait until the plots of a cell have not changed for half a second."""
        return self._rest(self.plots, index, self.plots(index))

    def sliders(self, index):
        """The slider handles in a cell."""
        return self.cell(index).locator(".noUi-handle").all()

    def press_slider(self, index, which=0, times=1):
        """Move a slider with the keyboard alone: to the right, or to the left when it stands at its right end."""
        handle = self.sliders(index)[which]
        at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        key = "ArrowLeft" if at_the_end else "ArrowRight"
        handle.focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag_slider(self, index, which=0, to=0.7):
        """Drag a slider's handle with the mouse to a share (0..1) of its track."""
        handle = self.sliders(index)[which]
        handle.scroll_into_view_if_needed()
        start = handle.bounding_box()
        track = handle.locator("xpath=ancestor::*[contains(@class,'noUi-target')]").bounding_box()
        self.page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + track["width"] * to, track["y"] + track["height"] / 2, steps=12)
        self.page.mouse.up()

    def wait_for(self, what, expected, seconds=SETTLED_SECONDS):
        """Wait until what(this page) is what is expected."""
        for _ in range(seconds * 10):
            if what(self) == expected:
                return
            self.page.wait_for_timeout(100)
        assert what(self) == expected

    def wait_for_change(self, index, before):
        """Wait until the plots of a cell differ from `before`; what they are then, when they rest."""
        return self._changed(self.plots, index, before)

    def panel_says(self, index):
        """What the kernel has said in a panel: the exact values, the tiles, the lines below, the plots."""
        cell = self.cell(index)
        fields = [field.input_value() for field in cell.locator(".sdlib-slider .widget-text input").all()]
        said = [cell.locator(name).inner_text() for name in (".sdlib-tiles", ".sdlib-status")]
        return [*fields, *said, self.plots(index)]

    def wait_for_panel(self, index, before):
        """Wait until a panel says something else than `before`; what it says then, when it rests."""
        return self._changed(self.panel_says, index, before)

    def _changed(self, look, index, before):
        for _ in range(STEP_SECONDS * 10):
            now = look(index)
            if now != before:
                return self._rest(look, index, now)
            self.page.wait_for_timeout(100)
        raise AssertionError(f"cell {index} did not change within {STEP_SECONDS} s")

    def _rest(self, look, index, now):
        """Wait until a cell has not changed for half a second."""
        while True:
            self.page.wait_for_timeout(500)
            later = look(index)
            if later == now:
                return now
            now = later

    def change_theme(self, name):
        """Switch JupyterLab's theme: "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        dark = "true" if name.endswith("Light") else "false"
        body = f"body[data-jp-theme-light='{dark}']"
        self.page.wait_for_selector(body, state="attached", timeout=STEP_SECONDS * 1000)

    def shut_down_kernel(self):
        """End the kernel of this notebook."""
        self.page.evaluate(f"async () => {{ await {PANEL}.sessionContext.shutdown() }}")
