"""sd.explore_both: two systems beside each other under the same crowd, both moving; sliders move both."""

import ipywidgets

from sdlib.charts.side_by_side import side_by_side
from sdlib.charts.still import REQUESTS_PER_REDRAW, run_at
from sdlib.components.checks import check_number, complain, takes
from sdlib.stage import Stage
from sdlib.stage.on_earth import has_places
from sdlib.stage.still import with_still
from sdlib.teach.panel_live import AfterRest, NewestOnly, Notice
from sdlib.teach.panel_plot import panel_style
from sdlib.teach.panel_sliders import make_sliders
from sdlib.teach.panel_words import few_tiles_html, simulated, status_html

LARGEST_SEED = 2**31 - 1


def explore_both(builds, *, seconds=60, seed=0, **sliders):
    """A `Both` on two systems: {title: build}, where build(**knobs) -> (system, clients) as in `explore`.

    sliders: as in `explore`, of parameters that both builds have; they start where the first does. seconds: simulated
    time, shortened as there. On a map fewer requests are drawn where there are too many; the stage says so.
    """
    if not _are_two(builds):
        complain("explore_both", "builds", builds, "a dictionary of two titles and functions",
                 {"small": "build_small", "large": "build_large"})
    seconds = check_number("explore_both", "seconds", seconds, low=0.001, high=86_400, example=60, unit="s")
    seed = check_number("explore_both", "seed", seed, low=0, high=LARGEST_SEED, example=1, whole=True)
    first, second = builds.values()
    controls = make_sliders(first, sliders)
    if not takes(second, **{control.name: control.start for control in controls}):
        complain("explore_both", "builds", builds, "two functions that take the same sliders",
                 dict.fromkeys(builds, "build"))
    return Both(builds, controls, seconds, seed)


def _are_two(builds):
    return (isinstance(builds, dict) and len(builds) == 2 and all(isinstance(title, str) for title in builds)
            and all(map(callable, builds.values())))


class Both(ipywidgets.VBox):
    """What `explore_both` returns. sides: the two `Side`s; error: why the newest setting gave no runs, or ""."""

    def __init__(self, builds, sliders, seconds, seed):
        self._sliders, self._seconds, self.seed = {slider.name: slider for slider in sliders}, seconds, seed
        self.sides, self.error = [Side(title, build) for title, build in builds.items()], ""
        self._newest, self._after_rest = NewestOnly(self._redraw), AfterRest(self._move_on)
        self._status = ipywidgets.HTML()
        self._running = Notice(lambda: self._say(["running ..."]))
        pictures = ipywidgets.HBox([side.box for side in self.sides])
        pictures.add_class("sdlib-pictures")
        controls = ipywidgets.VBox([slider.row() for slider in sliders])
        controls.add_class("sdlib-controls")
        looks = ipywidgets.HTML(f"<style>{panel_style()}</style>", layout={"display": "none"})
        super().__init__([looks, controls, pictures, self._status])
        self.add_class("sdlib-panel")
        self._redraw(self.settings)
        if self.error:
            raise ValueError(f"explore_both(builds): {self.error}")
        self._move_on([side.run for side in self.sides])
        for slider in sliders:
            slider.moved = self._moved

    @property
    def settings(self):
        """The sliders' values by name."""
        return {name: slider.value for name, slider in self._sliders.items()}

    @property
    def alt(self):
        """What both pictures show, in words."""
        return " ".join(side.in_words() for side in self.sides)

    def set(self, **settings):
        """Move sliders by code: the same as by hand. ValueError for an unknown slider or a value off its range."""
        for name, value in settings.items():
            if name not in self._sliders:
                complain("set", name, value, "one of the sliders " + ", ".join(map(repr, self._sliders)), self.settings)
            self._sliders[name].check(value)
        for name, value in settings.items():
            self._sliders[name].put(value)
        self._newest.ask(self.settings)

    def still(self):
        """Both stages as they are now, as a `go.Figure`: the static twin."""
        made = side_by_side(*(side.stage.still() for side in self.sides))
        return made.update_layout(meta={"alt": self.alt})

    def _moved(self):
        try:
            self._newest.ask(self.settings)
        except KeyboardInterrupt:  # said below the pictures; in a message handler nobody else could take it
            self.error = "interrupted"

    def _redraw(self, settings):
        try:
            with self._running.while_it_runs():
                runs = [run_at(side.build, settings, self._seconds, self.seed) for side in self.sides]
        except Exception as problem:  # build is the learner's code: whatever it raises is shown
            self._complain(f"{type(problem).__name__}: {problem}")
        except KeyboardInterrupt:
            self._complain("interrupted")
            raise
        else:
            self._show(runs)
            self._after_rest.ask(runs)

    def _show(self, runs):
        self.error = ""
        for side, run in zip(self.sides, runs, strict=True):
            side.show(run)
        self._say(simulated(runs[0], self._seconds, REQUESTS_PER_REDRAW))

    def _move_on(self, runs):
        for side, run in zip(self.sides, runs, strict=True):
            side.move(run)

    def _complain(self, why):
        self.error = why
        self._say([f"No run at {self.settings}: {why}", "The pictures show the last setting that worked."], True)

    def _say(self, lines, trouble=False):
        self._status.value = status_html(lines, trouble)

    def _repr_mimebundle_(self, **kwargs):
        return with_still({**(super()._repr_mimebundle_(**kwargs) or {}), "text/plain": repr(self)}, self.still)

    def __repr__(self):
        lines = [f"  slider {one.name}: {one.range_text}" for one in self._sliders.values()]
        return "\n".join([f"{' and '.join(side.title for side in self.sides)}, under the same crowd.", *lines,
                          "  Sliders that do not move have no kernel: run this cell again."])


class Side:
    """One of the two: title, build, its newest run, its stage, and the box that holds its tiles and the stage."""

    def __init__(self, title, build):
        self.title, self.build, self.run, self.stage = title, build, None, Stage()
        self._tiles = ipywidgets.HTML()
        self.box = ipywidgets.VBox([self._tiles, self.stage])
        self.box.add_class("sdlib-picture")

    def show(self, run):
        """Say how a run went."""
        self.run = run
        self._tiles.value = few_tiles_html(self.title, run.measures())

    def in_words(self):
        """How it stands, in a sentence or two."""
        now = self.run.measures()
        return (f"{self.title[:1].upper()}{self.title[1:]}: {now['answered']:,.0f} of {now['sent']:,.0f} requests "
                f"answered, {now['failed']:,.0f} failed. {self.stage.window.words(self.run)}.")

    def move(self, run):
        """Put a run on the stage."""
        self.stage.show(run, thin=has_places(run))
