"""The moving stage: one widget that shows a window of a run as the run's own requests."""

import json
from functools import lru_cache
from importlib.resources import files

import anywidget
import numpy as np
import traitlets

from sdlib.charts.words import number
from sdlib.components.checks import check_number, complain
from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import OK, STATUSES
from sdlib.results.run import check_run
from sdlib.stage.changes import captions_of, sizes_of
from sdlib.stage.moment import NOBODY, Moment, in_words
from sdlib.stage.on_earth import MAP_BYTES, has_places, map_of
from sdlib.stage.pack import MOST_BYTES, pack, still_there
from sdlib.stage.scene import scene_of, unit
from sdlib.stage.still import still_of, with_still
from sdlib.stage.window import chosen, downs_of, interesting, work_s

SCRIPTS = ("book.js", "places.js", "painter.js", "map.js", "player.js")  # one module in this order
OLD_PIECES = 20  # a request is drawn as old when it took so many times its work
OLD_ON_EARTH_S = 0.4  # where the way takes most of the time
MOST_LINES = 4  # of the boxes, so many are told in words


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

    def show(self, run, from_s=None, seconds=None, thin=None):
        """Show a run: the window from_s to from_s + seconds, or without them the one in which most happens.

        thin: on a map, draw fewer requests where a whole window holds too many; None: wherever there is a map.
        """
        # Another thread may show another run meanwhile: the events must be those that `about` counts.
        window, packed = window_of(run, from_s, seconds, has_places(run) if thin is None else thin)
        words, sizes = words_of(run, window, packed), sizes_of(run)
        scene = scene_of(run.nodes, most_places(run, sizes))
        if (on_earth := map_of(run, packed.requests)) is not None:
            scene |= {"map": on_earth, "width": on_earth["width"], "height": on_earth["height"]}
        at_start = sizes_at(run, sizes, window.from_s)
        what = packed.what
        about = {"from_s": window.from_s, "seconds": window.seconds, "speed": window.speed,
                 "run_s": run.seconds, "title": window.words(run), "words": words,
                 "events": len(packed.time_s), "entities": len(packed.request_of), "requests": len(packed.requests),
                 "places": [size[0] for size in at_start], "memory": [size[1] for size in at_start],
                 "sizes": [(time_s - window.from_s, *rest) for time_s, *rest in sizes if time_s > window.from_s],
                 "names": [node.name for node in run.nodes], "users": number(run.clients.users),
                 "units": [unit(node.component) for node in run.nodes], "standing": packed.standing,
                 "counted": packed.counted, "lost": packed.lost,
                 "captions": [(time_s - window.from_s, node, words) for time_s, node, words in captions_of(run)
                              if 0 < time_s - window.from_s <= window.seconds],
                 "lines": lines_of(run, packed, scene) if window.one_in == 1 else [], "outcomes": outcomes_of(packed),
                 "memory_mb": [vars(node.component).get("memory_mb") for node in run.nodes],
                 "workers": [node.children[0] if node.component.is_asynchronous else -1 for node in run.nodes],
                 "downs": downs_of(run), "statuses": STATUSES, "ok": OK, "still_s": window.still_s,
                 "old_s": OLD_PIECES * work_s(run) if on_earth is None else OLD_ON_EARTH_S,
                 "has_timeouts": bool((what == codes.GAVE_UP).any()),
                 "has_messages": bool((what == codes.PUBLISHED).any() or (what == codes.VISIBLE).any())}
        self.run, self.window, self.packed, self.words = run, window, packed, words
        self.shown = {"scene": json.dumps(scene), "about": json.dumps(about), "events": packed.to_bytes()}

    def _repr_mimebundle_(self, **kwargs):
        shown = super()._repr_mimebundle_(**kwargs)
        data, about = shown if isinstance(shown, tuple) else (shown or {}, {})
        shown = {**data, "text/plain": repr(self)}
        return (shown if self.run is None else with_still(shown, self.still)), about

    def still(self):
        """The picture that stands for it on paper, as a `go.Figure`."""
        return still_of(self.run, self.window.from_s + self.window.still_s, self.window.one_in > 1)

    def __repr__(self):
        return f"Stage: {self.words}"


def watch(run, from_s=None, seconds=None, *, thin=False):
    """The stage alone: a window of the run, as a moving picture of its own requests.

    from_s, seconds: which part of the run; without them the part in which most happens. A long window is cut to
    what can be sent to the browser; the stage says what it shows. thin: draw one request in so many instead, on a map
    only: elsewhere the boxes would show queues that are too short.
    """
    check_run("watch", run)
    if not isinstance(thin, bool) or (thin and not has_places(run)):
        complain("watch", "thin", thin, "True or False, and True only for a system with places on a map", False)
    stage = Stage()
    stage.show(run, from_s, seconds, thin)
    return stage


def window_of(run, from_s=None, seconds=None, thin=False):
    """(`Window`, `Packed`) of a run, checked."""
    if from_s is None and seconds is None:
        window = interesting(run, thin)
    else:
        from_s = check_number("watch", "from_s", 0.0 if from_s is None else from_s, low=0, high=run.seconds,
                              example=0.0, unit="s")
        if seconds is not None:
            seconds = check_number("watch", "seconds", seconds, low=1e-6, high=run.seconds, example=0.5, unit="s")
        window = chosen(run, from_s, seconds, thin)
    window.rows = still_there(window.rows, window.from_s)
    packed, most = pack(window.rows, window.from_s, window.seconds), MOST_BYTES - MAP_BYTES * has_places(run)
    while (size := len(packed.to_bytes())) > most:
        window.shorten(min(0.9, most / size))
        before, packed = len(packed.time_s), pack(window.rows, window.from_s, window.seconds)
        if len(packed.time_s) >= before:
            break  # a crash ends thousands of calls at one instant, which no shorter window can leave out
    return window, packed


def most_places(run, sizes):
    """For each node the most places that it ever has in this run."""
    most = [node.component.places for node in run.nodes]
    for _, node, places, _ in sizes:
        most[node] = max(most[node], places)
    return most


def sizes_at(run, sizes, at_s):
    """For each node (places, memory cells) at a time of the run."""
    now = [(node.component.places, node.component.memory_cells) for node in run.nodes]
    for time_s, node, places, memory in sizes:
        if time_s <= at_s:
            now[node] = places, memory
    return now


def lines_of(run, packed, scene):
    """The boxes to tell of, as places in the scene: what goes down, then where more wait at the start than are worked
    on, then where most happens; in the scene's order."""
    crashed = set(packed.node[packed.what == codes.CRASHED].tolist())
    counts = Moment(packed, 0.0).counts()
    many = dict(zip(*(column.tolist() for column in np.unique(packed.node, return_counts=True))))
    told = []
    for place, box in enumerate(scene["boxes"]):
        nodes = [machine["node"] for machine in box["machines"]]
        component = run.nodes[nodes[0]].component
        if component.takes_requests and (component.places or component.memory_cells or component.is_asynchronous):
            waiting, working = (sum(counts.get(node, NOBODY)[key] for node in nodes) for key in ("waiting", "working"))
            told.append((any(node in crashed for node in nodes), waiting > working,
                         sum(many.get(node, 0) for node in nodes), -place))
    return sorted(-place for *_, place in sorted(told, reverse=True)[:MOST_LINES])


def outcomes_of(packed):
    """How requests end in this window, as codes of `STATUSES`."""
    found = set(packed.value[(packed.what == codes.DONE) & (packed.time_s > 0)].tolist())
    return sorted(found.union(*(statuses for _, _, statuses in packed.lost)))


def words_of(run, window, packed):
    """What a window shows, in sentences; of the boxes only where every request is drawn."""
    if window.one_in > 1:
        return f"{window.words(run)}. Every dot is a request."
    moment = Moment(packed, 0.0)
    counts, scene, told = moment.counts(), scene_of(run.nodes), []
    for place in lines_of(run, packed, scene):
        box = scene["boxes"][place]
        nodes = [machine["node"] for machine in box["machines"]]
        told.append(in_words(box["name"], [run.nodes[node].component for node in nodes],
                             [counts.get(node, NOBODY) for node in nodes], box["unit"],
                             all(node in moment.down for node in nodes)))
    only_counted = f" {packed.counted:,} more only wait; they are counted, not drawn." if packed.counted else ""
    return (f"{window.words(run)}. Every dot is a request.{only_counted} "
            f"At {number(window.from_s)} s {'; '.join(told) or 'nothing is going on'}.")
