"""The map's stage at one instant as a figure: for paper, for GitHub, and where nothing may move."""

import numpy as np

from sdlib.charts.theme import GREEN, GRID, INK, ORANGE, VERMILION, WHITE, Plot, figure
from sdlib.charts.words import number
from sdlib.stage.journeys import Journeys
from sdlib.stage.on_earth import map_of

BOW, SWARM, TURN = 0.14, 3.4, 2.399963  # as in map.js
AGES = ((0.25, GREEN, "new request"), (0.75, ORANGE, "older request"), (float("inf"), VERMILION, "old request"))


def figure_of(run, packed, moment, at_s, old_s, alt):
    """A `go.Figure` of the moment `moment.at_s` of a window that goes on long enough to see where each one travels."""
    earth = map_of(run, packed.requests)
    journeys = Journeys(packed, earth["spot_of"], earth["home_of"])
    traces = [_land(earth), _marks("country", earth["homes"], "circle-open", INK, 6), *_spots(earth)]
    traces += _dots(earth, packed, moment, journeys, old_s)
    axis = {"visible": False, "fixedrange": True}
    plot = Plot([*traces, _words(earth, at_s)], alt, {**axis, "range": [0, earth["width"]]},
                {**axis, "range": [earth["height"], 0]})
    made = figure([plot], earth["width"] + 8, earth["height"] + 30)
    made.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 26}, showlegend=True)
    return made


def _land(earth):
    xs, ys = [], []
    for ring in earth["land"]:
        xs += [*(value / 10 for value in ring[::2]), ring[0] / 10, None]
        ys += [*(value / 10 for value in ring[1::2]), ring[1] / 10, None]
    return {"type": "scatter", "mode": "lines", "name": "land", "x": xs[:-1], "y": ys[:-1], "fill": "toself",
            "fillcolor": GRID, "line": {"color": GRID, "width": 0.5}, "hoverinfo": "skip", "showlegend": False}


def _marks(name, places, symbol, colour, size, **more):
    return {"type": "scatter", "mode": "markers", "name": name, "x": [place["x"] for place in places],
            "y": [place["y"] for place in places], "hoverinfo": "skip", "showlegend": bool(places),
            "marker": {"symbol": symbol, "color": colour, "size": size, "line": {"color": INK, "width": 1.4}, **more}}


def _spots(earth):
    yield _marks("edge", [spot for spot in earth["spots"] if not spot["is_large"]], "cross-thin", INK, 9)
    yield _marks("machines", [spot for spot in earth["spots"] if spot["is_large"]], "square", WHITE, 12)


def _dots(earth, packed, moment, journeys, old_s):
    """A trace for each age."""
    found, swarms = {name: ([], []) for *_, name in AGES}, {}
    for who, actor in sorted(moment.actors.items()):
        if not actor.visits:
            continue
        x, y = _place(earth, *journeys.at(who, moment.at_s), swarms)
        share = (moment.at_s - actor.born_s) / old_s
        xs, ys = found[next(name for limit, _, name in AGES if share < limit)]
        xs.append(round(x, 1)), ys.append(round(y, 1))
    for _, colour, name in AGES:
        xs, ys = found[name]
        yield {"type": "scatter", "mode": "markers", "name": name, "x": xs, "y": ys, "hoverinfo": "skip",
               "showlegend": bool(xs), "marker": {"color": colour, "size": 6}}


def _place(earth, came_from, to, share, swarms):
    """Where on the picture: on the way, bent aside, or in the swarm of those who are at the same place."""
    (x0, y0), (x1, y1) = _point(earth, came_from), _point(earth, to)
    if share < 1:
        bend = 4 * share * (1 - share) * BOW
        return x0 + (x1 - x0) * share + bend * (y1 - y0), y0 + (y1 - y0) * share - bend * (x1 - x0)
    place = swarms[to] = swarms.get(to, -1) + 1
    far = 6 + SWARM * place**0.5
    return x1 + far * float(np.cos(TURN * place)), y1 + far * float(np.sin(TURN * place))


def _point(earth, place):
    if place == -1:
        return 12, earth["height"] - 12
    found = earth["spots"][place] if place >= 0 else earth["homes"][-2 - place]
    return found["x"], found["y"]


def _words(earth, at_s):
    named = [spot for spot in earth["spots"] if spot["is_named"]]
    below = [spot["y"] + (32 if spot["is_large"] else 18) for spot in named]  # below the swarm that stands there
    return {"type": "scatter", "mode": "text", "name": "words", "hoverinfo": "skip", "showlegend": False,
            "x": [8, *(spot["x"] for spot in named)], "y": [earth["height"] - 8, *below],
            "text": [f"at {number(at_s)} s", *(f"<b>{spot['name']}</b>" for spot in named)],
            "textposition": ["middle right", *["middle center"] * len(named)],
            "textfont": {"size": 12, "color": INK}}
