"""The moving stage: one widget that shows a window of a run as the run's own requests."""

import json
from functools import lru_cache
from importlib.resources import files

import anywidget
import traitlets

from sdlib.charts.words import number
from sdlib.components.checks import check_number
from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import OK, STATUSES
from sdlib.results.run import check_run
from sdlib.stage.moment import Moment, in_words
from sdlib.stage.pack import pack
from sdlib.stage.scene import scene_of, unit
from sdlib.stage.window import chosen, downs_of, interesting, work_s

SCRIPTS = ("book.js", "places.js", "painter.js", "player.js")  # one module in this order
OLD_PIECES = 20  # a request is drawn as old when it took so many times its work


@lru_cache(maxsize=8)
def _text(name):
    return files("sdlib.stage").joinpath(name).read_text(encoding="utf-8")


class Stage(anywidget.AnyWidget):
    """One picture that moves: every dot is a request of the simulated run.

    show(run) puts a run on it. words: what it shows, for those who cannot see it. window: the `Window` shown.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    words = "The stage is empty: no run has been shown."
    window = packed = run = None

    @traitlets.default("_esm")
    def _script(self):
        return "\n".join(_text(name) for name in SCRIPTS)

    @traitlets.default("_css")
    def _style(self):
        return _text("stage.css")

    def show(self, run, from_s=None, seconds=None):
        """Show a run: the window from_s to from_s + seconds, or without them the one in which most happens."""
        self.window, self.packed = window_of(run, from_s, seconds)
        self.run = run
        self.words = words_of(run, self.window, self.packed)
        scene = scene_of(run.nodes)
        what = self.packed.what
        about = {"from_s": self.window.from_s, "seconds": self.window.seconds, "speed": self.window.speed,
                 "run_s": run.seconds, "title": self.window.words(run), "words": self.words,
                 "events": len(self.packed.time_s), "entities": len(self.packed.request_of),
                 "places": [node.component.places for node in run.nodes],
                 "memory": [node.component.memory_cells for node in run.nodes],
                 "names": [node.name for node in run.nodes], "users": number(run.clients.users),
                 "units": [unit(node.component) for node in run.nodes], "standing": self.packed.standing,
                 "downs": downs_of(run), "statuses": STATUSES, "ok": OK, "still_s": self.window.still_s,
                 "old_s": OLD_PIECES * work_s(run), "has_timeouts": bool((what == codes.GAVE_UP).any()),
                 "has_messages": bool((what >= codes.PUBLISHED).any())}
        self.shown = {"scene": json.dumps(scene), "about": json.dumps(about), "events": self.packed.to_bytes()}

    def _repr_mimebundle_(self, **kwargs):
        shown = super()._repr_mimebundle_(**kwargs)
        data, about = shown if isinstance(shown, tuple) else (shown or {}, {})
        return {**data, "text/plain": repr(self)}, about

    def __repr__(self):
        return f"Stage: {self.words}"


def watch(run, from_s=None, seconds=None):
    """The stage alone: a window of the run, as a moving picture of its own requests.

    from_s, seconds: which part of the run; without them the part in which most happens. A long window is cut to
    what can be sent to the browser; the stage says what it shows.
    """
    check_run("watch", run)
    stage = Stage()
    stage.show(run, from_s, seconds)
    return stage


def window_of(run, from_s=None, seconds=None):
    """(`Window`, `Packed`) of a run, checked."""
    if from_s is None and seconds is None:
        window = interesting(run)
    else:
        from_s = check_number("watch", "from_s", 0.0 if from_s is None else from_s, low=0, high=run.seconds,
                              example=0.0, unit="s")
        if seconds is not None:
            seconds = check_number("watch", "seconds", seconds, low=1e-6, high=run.seconds, example=0.5, unit="s")
        window = chosen(run, from_s, seconds)
    return window, pack(window.rows, window.from_s, window.seconds)


def words_of(run, window, packed):
    """What a window shows, in sentences."""
    moment = Moment(packed, 0.0)
    counts = moment.counts()
    told = [in_words(run, counts, node.index, unit(node.component), node.index in moment.down)
            for node in run.nodes if node.component.places or node.component.memory_cells][:6]
    return (f"{window.words(run)}. Every dot is a request. "
            f"At {number(window.from_s)} s {'; '.join(told) or 'nothing is going on'}.")

