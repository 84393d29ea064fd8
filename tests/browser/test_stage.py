"""The moving stage in JupyterLab in a real browser: what is drawn is what the run did, by hand, key and in peace."""

import re

import numpy as np
import pytest

import sdlib as sd
from sdlib.kernel.statuses import STATUSES
from sdlib.stage.moment import Moment
from sdlib.stage.widget import window_of

SHOP = 'sd.Server(4, 4, calls=[sd.Database()], name="shop")'
FIVE = "sd.LoadBalancer([sd.Server(4, 4, calls=[sd.Database()])] * 5)"
RUNS = {"crash": f"sd.simulate({SHOP}, sd.Clients(20_000), seconds=10, seed=1)",
        "five": f"sd.simulate({FIVE}, sd.Clients(28_000), seconds=2, seed=1)"}
THOUSANDS = 'sd.simulate(sd.Server(4, 64, calls=[sd.Database()], name="shop"), sd.Clients(60_000), seconds=5, seed=0)'
CELL = """import sdlib as sd
run = {run}
sd.watch(run)"""
STAGE = "document.querySelector('.sdlib-stage').stage"


@pytest.fixture(scope="module")
def page(open_notebook, write_notebook):
    with open_notebook(write_notebook("stage", "1", "1")) as opened:
        yield opened


@pytest.fixture
def notebook(page, in_peace):
    with in_peace(page):
        yield page


def shown(notebook, run):
    """Run the notebook with a stage of this run, new in each test, and wait for it; its element."""
    notebook.set_source(0, CELL.format(run=run))
    notebook.run_all()
    assert notebook.errors() == []
    stage = notebook.cell(0).locator(".sdlib-stage")
    notebook.page.wait_for_function(f"() => {STAGE}.player.painter")
    return stage


def ask(notebook, expression, argument=None):
    return notebook.page.evaluate(f"(argument) => {STAGE}.{expression}", argument)


def window_here(name):
    """The same window as the notebook's, made in this process."""
    run = eval(RUNS[name], {"sd": sd})
    return window_of(run)[1]


def told_ends(told):
    """(status, how many requests) of those that ended, as the page counts them."""
    return [(status, many) for status, many in zip(STATUSES, told["ended"]) if many]


def instants(packed, many=9):
    """Times between two events that even 32 bits tell apart."""
    times = np.unique(packed.time_s[packed.time_s >= 0].astype("f4")).astype(float)
    gaps = np.flatnonzero(np.diff(times) > 2e-5)
    chosen = gaps[np.linspace(0, len(gaps) - 1, many).astype(int)]
    return [(times[place] + times[place + 1]) / 2 for place in chosen]


@pytest.mark.parametrize("name", RUNS)
def test_dots_on_screen_are_the_requests_in_flight_queue_by_queue(notebook, name):
    packed = window_here(name)
    most = 0
    shown(notebook, RUNS[name])
    for time_s in instants(packed):
        moment = Moment(packed, time_s)
        counts = moment.counts()
        ask(notebook, "seek(argument)", time_s)
        dots, told = ask(notebook, "drawn()"), ask(notebook, "countsAt(argument)", time_s)
        assert told["inFlight"] == told["open"] == moment.in_flight()
        assert dict(told_ends(told)) == moment.ended()
        for node in range(len(dots["waiting"])):
            here = counts.get(node, dict.fromkeys(told["nodes"][str(node)], 0))
            assert told["nodes"][str(node)] == here
            assert dots["waiting"][node] == here["waiting"] and dots["working"][node] == here["working"]
        drawn = sum(dots["waiting"]) + sum(dots["working"]) + sum(dots["elsewhere"]) + dots["clients"]
        assert drawn == moment.in_flight()
        most = max(most, drawn)
    assert most > 40


def test_play_pause_step_and_scrub_by_key_and_by_mouse(notebook):
    stage = shown(notebook, RUNS["crash"])
    press = notebook.page.keyboard.press
    assert ask(notebook, "player.isPlaying")
    stage.locator("canvas").focus()
    press("Space")
    assert not ask(notebook, "player.isPlaying")
    stopped = ask(notebook, "player.time")
    press(".")
    stepped = ask(notebook, "player.time")
    assert stepped > stopped and stepped == ask(notebook, "player.trace.time[" + STAGE + ".player.book.next - 1]")
    event = stage.locator(".sdlib-stage-event").inner_text()
    assert event.startswith("request ") and re.search("shop|database|is answered", event), event
    press("ArrowRight")
    assert "space plays" in stage.locator(".sdlib-stage-told").inner_text()
    assert ask(notebook, "player.time") > stepped
    press("Home")
    assert ask(notebook, "player.time") == 0
    for key in ("d", "d", "x", "b", "Enter"):  # in JupyterLab they delete, cut and add cells
        press(key)
    assert len(notebook.cells()) == 2
    stage.get_by_role("button", name="Play").click()
    notebook.page.wait_for_function(f"() => {STAGE}.player.time > 0.02")
    stage.get_by_role("button", name="Pause").click()
    assert not ask(notebook, "player.isPlaying")
    before = ask(notebook, "player.book.next")
    stage.get_by_role("button", name="Step").click()
    assert ask(notebook, "player.book.next") > before
    scrub(notebook, stage.get_by_label("moment of the window"), 0.5)
    assert 0.4 < ask(notebook, "player.time / " + STAGE + ".player.trace.about.seconds") < 0.6
    said = stage.locator("[aria-live=polite]").inner_text()
    assert "shop: 4 of 4 cores busy" in said and "memory" in said
    stage.get_by_label("speed").select_option("1")
    assert ask(notebook, "player.speed") == 1


def test_thousands_that_are_lost_at_once_are_counted_exactly(notebook):
    packed = window_of(eval(THOUSANDS, {"sd": sd}))[1]
    crash_s = packed.lost[0][0]
    stage = shown(notebook, THOUSANDS)
    for time_s in (0.0, crash_s - 1e-3, crash_s + 1e-3, packed.seconds):
        moment = Moment(packed, time_s)
        told = ask(notebook, "countsAt(argument)", time_s)
        assert told["open"] == moment.in_the_system() and dict(told_ends(told)) == moment.ended()
        ask(notebook, "seek(argument)", time_s)
        chips = stage.locator(".sdlib-stage-tally").inner_text()
        assert f"lost {moment.ended().get('lost', 0):,}" in chips.replace("\n", " ")
        assert f"still inside {moment.in_the_system():,}" in chips.replace("\n", " ")
        if time_s < crash_s:
            inside = moment.counts()[0]["inside"]
            assert f"memory holds {inside:,} of 8,192" in stage.locator(".sdlib-stage-now").inner_text()
    assert told["ended"][STATUSES.index("lost")] > 8_000


def test_the_picture_and_the_words_count_alike_while_it_plays(notebook):
    shown(notebook, RUNS["crash"])
    seen = set()
    for _ in range(20):
        drawn, said = notebook.page.evaluate(f"""() => {{ const {{ painter }} = {STAGE}.player;
            return [painter.counts[0], document.querySelector('.sdlib-stage-now').innerText]; }}""")
        assert f"{drawn['waiting']:,} wait" in said and f"memory holds {drawn['inside']:,} of 512" in said
        seen.add(drawn["inside"])
        notebook.page.wait_for_timeout(130)
    assert len(seen) > 3


def scrub(notebook, bar, share):
    """Click on a place of the scrub bar."""
    box = bar.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


def test_it_rests_where_nobody_sees_it_and_where_motion_is_unwanted(notebook):
    stage = shown(notebook, RUNS["crash"])
    stage.evaluate("(element) => { element.style.display = 'none' }")
    notebook.page.wait_for_function(f"() => !{STAGE}.player.isPlaying")
    stage.evaluate("(element) => { element.style.display = '' }")
    notebook.page.wait_for_function(f"() => {STAGE}.player.isPlaying")
    notebook.page.emulate_media(reduced_motion="reduce")
    try:
        notebook.page.wait_for_function(f"() => !{STAGE}.player.isPlaying")
        stage = shown(notebook, RUNS["crash"])
        assert not ask(notebook, "player.isPlaying") and ask(notebook, "player.time") > 0
        before = ask(notebook, "player.book.next")
        stage.get_by_role("button", name="Step").click()
        assert ask(notebook, "player.book.next") > before and not ask(notebook, "player.isPlaying")
        assert ask(notebook, "player.settleS") == 0
    finally:
        notebook.page.emulate_media(reduced_motion="no-preference")
