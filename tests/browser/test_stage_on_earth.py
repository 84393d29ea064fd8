"""The stage as a map in a real browser: dots are where the run's own events say, at the run's own speed."""

from pathlib import Path

import numpy as np
import pytest

from sdlib.kernel import trace as codes
from sdlib.stage.moment import Moment
from sdlib.stage.widget import window_of

FAR_AWAY = (Path(__file__).parents[1] / "stage" / "far_away.py").read_text(encoding="utf-8")
STAGE = "document.querySelector('.sdlib-stage').stage"
DOT = f"""(who) => {{ const {{ dots, geometry, book }} = {STAGE}.player, leg = geometry.journeys.at(who, book.now);
    return {{ x: dots.x[who], y: dots.y[who], begins: leg.begins, ends: leg.ends,
              from: geometry.point(leg.from), to: geometry.point(leg.to), isAnswer: leg.isAnswer }} }}"""


@pytest.fixture(scope="module")
def page(open_notebook, write_notebook):
    with open_notebook(write_notebook("on_earth", FAR_AWAY + "\nsd.watch(far_run())")) as opened:
        opened.run_all()
        assert opened.errors() == []
        opened.page.wait_for_function(f"() => {STAGE}.player.painter")
        yield opened


@pytest.fixture
def notebook(page, in_peace):
    with in_peace(page):
        yield page


@pytest.fixture(scope="module")
def packed():
    namespace = {"__name__": "far_away"}
    exec(FAR_AWAY, namespace)
    return window_of(namespace["far_run"]())[1]


def seek(notebook, time_s):
    notebook.page.evaluate(f"(time) => {STAGE}.seek(time)", time_s)


def events_of(packed, who, what, node):
    found = (packed.who == who) & (packed.what == what) & (packed.node == node)
    return float(packed.time_s[found][0])


def test_a_dot_travels_as_long_as_the_network_takes(notebook, packed):
    """From Frankfurt, Virginia or São Paulo to Mumbai: 60 ms, then the shop's first event; the same back."""
    mumbai, shop = 2, 3
    who = packed.who[(packed.what == codes.CALLED) & (packed.node == mumbai) & (packed.time_s > 0.01)][0]
    left_s, there_s = events_of(packed, who, codes.CALLED, mumbai), events_of(packed, who, codes.CALLED, shop)
    assert there_s - left_s == pytest.approx(0.060, abs=1e-6)
    shares = []
    for share in (0.1, 0.5, 0.9):
        seek(notebook, left_s + share * (there_s - left_s))
        dot = notebook.page.evaluate(DOT, int(who))
        assert (dot["begins"], dot["ends"], dot["isAnswer"]) == (pytest.approx(left_s, abs=1e-5),
                                                                pytest.approx(there_s, abs=1e-5), False)
        way = np.subtract(dot["to"], dot["from"])
        shares.append(float(np.dot(np.subtract([dot["x"], dot["y"]], dot["from"]), way) / np.dot(way, way)))
    assert shares == pytest.approx([0.1, 0.5, 0.9], abs=0.01), "at an even speed"
    back_s, home_s = events_of(packed, who, codes.RETURNED, shop), events_of(packed, who, codes.RETURNED, mumbai)
    seek(notebook, (back_s + home_s) / 2)
    dot = notebook.page.evaluate(DOT, int(who))
    assert dot["isAnswer"] and dot["ends"] - dot["begins"] == pytest.approx(0.060, abs=1e-4)


def test_every_request_in_flight_is_one_dot(notebook, packed):
    most = 0
    for time_s in np.linspace(0.05, 0.95, 7) * packed.seconds:
        seek(notebook, float(time_s))
        drawn = notebook.page.evaluate(f"() => {STAGE}.drawn()")
        many = sum(map(sum, (drawn["waiting"], drawn["working"], drawn["elsewhere"]))) + drawn["clients"]
        assert many == Moment(packed, float(time_s)).in_flight()
        most = max(most, many)
    assert most > 100


def test_step_play_pause_and_scrub_work_as_on_every_stage(notebook):
    stage = notebook.cell(0).locator(".sdlib-stage")
    seek(notebook, 0.0)
    said = set()
    for _ in range(25):
        stage.get_by_role("button", name="Step").click()
        said.add(stage.locator(".sdlib-stage-told").inner_text())
    assert any("arrives from " in words for words in said), said
    before = notebook.page.evaluate(f"() => {STAGE}.player.time")
    stage.get_by_role("button", name="Play").click()
    notebook.page.wait_for_function(f"(before) => {STAGE}.player.time > before", arg=before)
    stage.get_by_role("button", name="Pause").click()
    assert not notebook.page.evaluate(f"() => {STAGE}.player.isPlaying")
    stage.locator("canvas").focus()
    notebook.page.keyboard.press("Home")
    assert notebook.page.evaluate(f"() => {STAGE}.player.time") == 0
    legend = stage.locator(".sdlib-stage-legend").inner_text()
    spots = notebook.page.evaluate(f"() => {STAGE}.player.trace.scene.map.spots")
    assert [name for name in ("country", "machines", "edge", "memory") if name in legend] == [
        "country", "machines", *["edge"] * any(not spot["is_large"] for spot in spots)], "what is drawn is explained"


def test_without_motion_it_stands_still_and_steps(notebook):
    notebook.page.emulate_media(reduced_motion="reduce")
    try:
        notebook.page.wait_for_function(f"() => !{STAGE}.player.isPlaying")
        before = notebook.page.evaluate(f"() => {STAGE}.player.book.next")
        notebook.cell(0).locator(".sdlib-stage").get_by_role("button", name="Step").click()
        assert notebook.page.evaluate(f"() => {STAGE}.player.book.next") > before
        assert not notebook.page.evaluate(f"() => {STAGE}.player.isPlaying")
    finally:
        notebook.page.emulate_media(reduced_motion="no-preference")
