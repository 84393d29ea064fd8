"""The panel: tiles, the system, the lesson's chart, sliders and goals, simulated anew while a slider moves."""

import json

import ipywidgets

from sdlib.charts.axes import HeldAxes
from sdlib.charts.still import REQUESTS_PER_REDRAW, chart_plots, picture, run_at
from sdlib.charts.words import number
from sdlib.components.base import check_number, complain
from sdlib.teach.panel_live import NewestOnly, Notice
from sdlib.teach.panel_plot import PanelPlot
from sdlib.teach.panel_sliders import make_sliders
from sdlib.teach.panel_words import goals_html, plain_text, status_html, tiles_html


def explore(build, *, chart="latency", goals=None, seconds=60, seed=0, highlight=None, **sliders):
    """A `Panel` on build(**knobs) -> (system, clients).

    sliders: at most four, by parameter of build: (low, high), (low, high, step), a list, a bool, a widget, or a
    number (the start; the range comes from the knob of that name). Without any, each parameter with the name of a
    known knob gets one. A start is build's default. Ranges of two decades and more are logarithmic.
    chart: "latency", "timeline", "distribution", or a function (run, settings) -> Plotly traces or charts.Plot.
    goals: as from `sd.goals`. seconds: simulated time; shortened, in words, so that a redraw simulates about
    200,000 requests at most. highlight: the component that is new in this lesson.
    """
    return Panel(build, make_sliders(build, sliders), chart, goals, seconds, seed, highlight)


class Panel(ipywidgets.VBox):
    """What `explore` returns. run: the last run that worked; error: why the newest setting gave none, or ""."""

    def __init__(self, build, sliders, chart, goals, seconds, seed, highlight):
        self._build, self._chart, self._goals, self._highlight = build, chart, goals, highlight
        self._seconds, self._sliders = seconds, {slider.name: slider for slider in sliders}
        self._first_seed = check_number("explore", "seed", seed, low=0, high=2**31 - 1, example=1, whole=True)
        self.run, self.error, self.runs_made = None, "", 0
        self._quiet, self._trail, self._axes = False, [], HeldAxes()
        self._newest = NewestOnly(self._redraw)
        self._running = Notice(lambda: self._say(["running ..."]))
        self._make_widgets()
        super().__init__([self._tiles, self._plot, self._status, self._controls()])
        self.add_class("sdlib-panel")
        self._first_picture()
        self._listen()

    @property
    def settings(self):
        """The sliders' values by name."""
        return {name: slider.value for name, slider in self._sliders.items()}

    @property
    def seed(self):
        """The seed of the next run: the same seed keeps the same customers."""
        return self._seed.value

    def set(self, seed=None, **settings):
        """Move sliders by code: the same as by hand. ValueError for an unknown slider or a value off its range."""
        for name, value in settings.items():
            if name not in self._sliders:
                complain("set", name, value, "one of the sliders " + ", ".join(map(repr, self._sliders)), self.settings)
            self._sliders[name].check(value)
        new_seed = self.seed if seed is None else check_number("set", "seed", seed, low=0, high=2**31 - 1, example=1,
                                                               whole=True)
        self._move(settings, new_seed)

    def reset(self):
        """Back to the starting settings, seed and axes."""
        self._axes.reset()
        self._trail.clear()
        self._move({name: slider.start for name, slider in self._sliders.items()}, self._first_seed, anyway=True)

    def still(self):
        """The picture of now as a `go.Figure`, with the panel's axes: its static twin."""
        import plotly.graph_objects as go

        return go.Figure(json.loads(self._plot.figure))

    def _make_widgets(self):
        self._tiles, self._status, self._plot = ipywidgets.HTML(), ipywidgets.HTML(), PanelPlot()
        self._seed = ipywidgets.BoundedIntText(value=self._first_seed, min=0, max=2**31 - 1, description="seed",
                                               tooltip="the same seed keeps the same customers")
        self._seed.layout.width = "170px"
        self._reset = ipywidgets.Button(description="reset", tooltip="back to the starting settings", icon="undo")
        self._goal_list = ipywidgets.HTML()

    def _controls(self):
        rows = [slider.row() for slider in self._sliders.values()] + [ipywidgets.HBox([self._seed, self._reset])]
        controls = ipywidgets.HBox([ipywidgets.VBox(rows), self._goal_list])
        controls.add_class("sdlib-controls")
        return controls

    def _listen(self):
        for control in (*(slider.widget for slider in self._sliders.values()), self._seed):
            control.observe(self._moved, names="value")
        self._reset.on_click(lambda _: self._by_hand(self.reset))

    def _moved(self, _change):
        if not self._quiet:
            self._by_hand(self._ask)

    def _by_hand(self, action):
        try:
            action()
        except KeyboardInterrupt:
            # Already said in the panel; in a message handler nobody else could take it.
            self.error = "interrupted"

    def _move(self, settings, seed, anyway=False):
        self._quiet = True
        try:
            for name, value in settings.items():
                self._sliders[name].put(value)
            self._seed.value = seed
        finally:
            self._quiet = False
        self._ask(anyway)

    def _ask(self, anyway=False):
        for slider in self._sliders.values():
            slider.tell()
        self._newest.ask((self.settings, self.seed, anyway))

    def _first_picture(self):
        self._shown = (self.settings, self.seed)
        self.run = self._simulate(*self._shown)
        self._start = self.run.summary().iloc[0]
        self._learn_axes()
        self._show(self.run, self.settings)

    def _learn_axes(self):
        """The axes fit the start and both ends of every slider, so that they can hold still."""
        self._axes.learn(chart_plots(self._chart, self.run, self.settings))
        for slider in self._sliders.values():
            for value in slider.end_values():
                settings = {**self.settings, slider.name: value}
                try:
                    plots = chart_plots(self._chart, self._simulate(settings, self.seed), settings)
                except Exception:
                    continue  # an end that build rejects is explained when the hand gets there
                self._axes.learn(plots)
        self._axes.remember()

    def _simulate(self, settings, seed):
        return run_at(self._build, settings, self._seconds, seed)

    def _redraw(self, wish):
        settings, seed, anyway = wish
        if (settings, seed) == self._shown and not anyway:
            return
        self._shown = (settings, seed)
        try:
            with self._running.while_it_runs():
                run = self._simulate(settings, seed)
            self.runs_made += 1
            self._show(run, settings)
        except Exception as problem:
            # build is the learner's code: whatever it raises is shown.
            self._complain(f"{type(problem).__name__}: {problem}")
        except KeyboardInterrupt:
            self._complain("interrupted")
            raise

    def _complain(self, why):
        # The next move runs even if it goes back to the same place.
        self._shown, self.error = None, why
        wish = ", ".join(f"{name} = {value}" for name, value in self.settings.items())
        self._say([f"No run at {wish}: {why}",
                   "The picture shows the last setting that worked. Move a slider to go on."], trouble=True)

    def _show(self, run, settings):
        plots = chart_plots(self._chart, run, settings, self._trail)
        changes = self._axes.fit(plots)
        self._plot.figure = json.dumps(picture(run, plots, self._highlight), default=float)
        summary = run.summary().iloc[0]
        self._tiles.value = tiles_html(summary, self._start)
        if self._goals is not None:
            self._goal_list.value = goals_html(self._goals.texts, self._goals.update(run, settings))
        self.run, self.error = run, ""
        self._say(self._about(run, summary["sent"]) + changes)

    def _about(self, run, sent):
        lines = [f"{number(sent)} requests in {number(run.seconds)} simulated s, seed {run.seed}."]
        if run.seconds < self._seconds:
            lines.append(f"Shortened from {number(self._seconds)} s: {number(sent / run.seconds)} requests "
                         f"arrive per second, and the panel simulates about {number(REQUESTS_PER_REDRAW)} at a time.")
        return lines

    def _say(self, lines, trouble=False):
        self._status.value = status_html(lines, trouble)

    def _repr_mimebundle_(self, **kwargs):
        return {**(super()._repr_mimebundle_(**kwargs) or {}), "text/plain": repr(self)}

    def __repr__(self):
        texts = [] if self._goals is None else self._goals.texts
        return plain_text(getattr(self._build, "__name__", "build"), self._sliders.values(), texts)
