"""The panel: sliders, tiles, the moving stage beside the lesson's chart, goals; simulated anew as a slider moves."""


import ipywidgets
import pandas as pd

from sdlib.charts.side_by_side import side_by_side
from sdlib.charts.still import REQUESTS_PER_REDRAW, check_chart, run_at
from sdlib.components.checks import check_number, complain
from sdlib.stage.still import with_still
from sdlib.teach.goals import Goals, Verdict
from sdlib.teach.panel_chart import Chart
from sdlib.teach.panel_goals import GoalRows
from sdlib.teach.panel_live import AfterRest, NewestOnly, Notice
from sdlib.teach.panel_sliders import make_sliders
from sdlib.teach.panel_stage import new_stage, still_of
from sdlib.teach.panel_words import plain_text, simulated, status_html, tiles_html

LARGEST_SEED = 2**31 - 1


def explore(build, *, chart="latency", goals=None, seconds=60, seed=0, fine=None, **sliders):
    """A `Panel` on build(**knobs) -> (system, clients).

    sliders: at most four, by parameter of build: (low, high), (low, high, step), a list, a widget, or a number (the
    start; the range comes from the knob of that name); and boxes to tick: a bool. Without any, each parameter with the
    name of a known knob gets one. A start is build's default. Ranges of two decades and more are logarithmic.
    fine: {slider name: (low, high)}, stretches in which a slider stops more often, such as around the limit.
    chart: "latency", "timeline", "distribution", or a function (run, settings) -> Plotly traces or charts.Plot; with a
    third parameter `trail` it gets a list that keeps what it puts there, until "reset".
    goals: as from `sd.goals`. seconds: simulated time; shortened, in words, so that a redraw simulates about
    200,000 requests at most.
    """
    check_chart(chart)
    if goals is not None and not isinstance(goals, Goals):
        complain("explore", "goals", goals, "the goals of a lesson, as sd.goals gives them", "sd.goals(\"02\")")
    seconds = check_number("explore", "seconds", seconds, low=0.001, high=86_400, example=60, unit="s")
    seed = check_number("explore", "seed", seed, low=0, high=LARGEST_SEED, example=1, whole=True)
    return Panel(build, make_sliders(build, sliders, fine), chart, goals, seconds, seed)


class Panel(ipywidgets.VBox):
    """What `explore` returns. run: the last run that worked; error: why the newest setting gave none, or ""."""

    def __init__(self, build, sliders, chart, goals, seconds, seed):
        self._build, self._seconds, self._first_seed = build, seconds, seed
        self._sliders = {slider.name: slider for slider in sliders}
        self.goals, self.run, self.error, self.runs_made = goals, None, "", 0
        self._quiet, self._newest = False, NewestOnly(self._redraw)
        self._running = Notice(lambda: self._say(["running ..."]))
        self.stage, self._chart = new_stage(), Chart(chart)
        self._after_rest = AfterRest(self.stage.show)
        self._tiles, self._status = ipywidgets.HTML(), ipywidgets.HTML()
        self._rows = None if goals is None else GoalRows(goals, self._attempt)
        super().__init__([self._controls(), self._tiles, self._pictures(), self._status, *filter(None, [self._rows])])
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

    @property
    def alt(self):
        """What the pictures show, in words."""
        return f"{self.stage.words} {self._chart.alt}".strip()

    def set(self, seed=None, **settings):
        """Move sliders by code: the same as by hand. ValueError for an unknown slider or a value off its range."""
        for name, value in settings.items():
            if name not in self._sliders:
                complain("set", name, value, "one of the sliders " + ", ".join(map(repr, self._sliders)), self.settings)
            self._sliders[name].check(value)
        new_seed = self.seed if seed is None else check_number("set", "seed", seed, low=0, high=LARGEST_SEED,
                                                               example=1, whole=True)
        self._move(settings, new_seed)

    def reset(self):
        """Back to the starting settings and seed, without the points of earlier runs."""
        self._chart.forget()
        self._move({name: slider.start for name, slider in self._sliders.items()}, self._first_seed, anyway=True)

    def try_goals(self):
        """Try all goals at the settings of now: a DataFrame with a row each (goal, reached, why)."""
        if self.goals is None:
            raise ValueError("try_goals(): this panel has no goals; give it some, for example "
                             "sd.explore(build, goals=sd.goals(\"02\")).")
        verdicts = [self._attempt(place) for place in range(len(self.goals.texts))]
        for place, verdict in enumerate(verdicts):
            self._rows.answer(place, verdict)
        return pd.DataFrame(verdicts)

    def still(self):
        """The stage and the chart of now beside each other as a `go.Figure`: the panel's static twin."""
        return side_by_side(still_of(self.run), self._chart.still())

    def _controls(self):
        self._seed = ipywidgets.BoundedIntText(value=self._first_seed, min=0, max=LARGEST_SEED, description="seed",
                                               tooltip="the same seed keeps the same customers")
        self._reset = ipywidgets.Button(description="reset", tooltip="back to the starting settings", icon="undo")
        tools = _classed(ipywidgets.HBox([self._seed, self._reset]), "sdlib-tools")
        rows = [slider.row() for slider in self._sliders.values()]
        return _classed(ipywidgets.VBox([*rows, tools]), "sdlib-controls")

    def _pictures(self):
        boxes = [_classed(ipywidgets.VBox([self.stage]), "sdlib-picture"),
                 _classed(self._chart.box, "sdlib-picture")]
        return _classed(ipywidgets.HBox(boxes), "sdlib-pictures")

    def _listen(self):
        for slider in self._sliders.values():
            slider.moved = self._moved
        self._seed.observe(lambda _: self._moved(), names="value")
        self._reset.on_click(lambda _: self._by_hand(self.reset))

    def _moved(self):
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
        self._newest.ask((self.settings, self.seed, anyway))

    def _first_picture(self):
        self._shown = (self.settings, self.seed)
        run = self._simulate(*self._shown)
        self._start = run.measures()
        self._show(run, self.settings)
        self.stage.show(run)

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
            self._after_rest.ask(run)
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
        changes = self._chart.show(run, settings)
        self._tiles.value = tiles_html(run.measures(), self._start)
        if self._rows is not None:
            self._rows.forget()
        self.run, self.error = run, ""
        self._say(simulated(run, self._seconds, REQUESTS_PER_REDRAW) + changes)

    def _attempt(self, place):
        if self._shown is None:
            return Verdict(self.goals.texts[place], False, f"There is no run at these settings: {self.error}.")
        return self.goals.attempt(place, self.run, self.settings)

    def _say(self, lines, trouble=False):
        self._status.value = status_html(lines, trouble)

    def _repr_mimebundle_(self, **kwargs):
        return with_still({**(super()._repr_mimebundle_(**kwargs) or {}), "text/plain": repr(self)}, self.still)

    def __repr__(self):
        texts = [] if self.goals is None else self.goals.texts
        return plain_text(_name_of(self._build), self._sliders.values(), texts)


def _name_of(build):
    """The function's name; a callable object has only that of its class."""
    return build.__name__ if hasattr(build, "__name__") else type(build).__name__


def _classed(widget, name):
    widget.add_class(name)
    return widget
