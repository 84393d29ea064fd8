"""Two systems beside each other in a real browser: both move, one slider moves both, and they stack when narrow."""

import pytest

CELL = """import sdlib as sd
from sdlib.lessons.shop import PAGES

def crowd(users):
    return sd.Clients(users=users, routes=PAGES, countries=sd.data.crowd())

def first(users=50_000):
    return sd.shop(1), crowd(users)

def last(users=50_000):
    return sd.shop(19), crowd(users)

sd.explore_both({"the first": first, "the last": last}, users=(10, 1_000_000), seconds=1, seed=1)"""
STAGES = "[...document.querySelectorAll('.sdlib-stage')].map((one) => one.stage.player)"
TIMES = f"() => {STAGES}.map((player) => player.time)"
TITLES = "() => [...document.querySelectorAll('.sdlib-stage-title')].map((one) => one.innerText)"
BOXES = """() => [...document.querySelectorAll('.sdlib-picture')].map((one) => {
    const { left, top, right, bottom } = one.getBoundingClientRect(); return { left, top, right, bottom }; })"""

CUT = """() => [...document.querySelectorAll('.sdlib-tiles b')].filter((figure) => {
    const written = document.createRange();
    written.selectNodeContents(figure);
    const { right } = written.getBoundingClientRect();
    return [figure, figure.closest('.sdlib-picture')].some((one) => one.getBoundingClientRect().right < right);
}).map((figure) => figure.innerText)"""


@pytest.fixture(scope="module")
def page(open_notebook, write_notebook):
    with open_notebook(write_notebook("both", CELL), 1400, 1000) as opened:
        opened.run_all()
        assert opened.errors() == []
        opened.cell(0)
        opened.page.wait_for_function(f"() => {STAGES}.length === 2 && {STAGES}.every((player) => player.painter)")
        yield opened


@pytest.fixture
def notebook(page, in_peace):
    with in_peace(page):
        yield page


def test_both_move(notebook):
    before = notebook.page.evaluate(TIMES)
    notebook.page.wait_for_function(f"(before) => {STAGES}.every((player, at) => player.time !== before[at])",
                                    arg=before)


def test_the_first_crashes_and_the_map_says_how_many_it_draws(notebook):
    first, last = notebook.page.evaluate(TITLES)
    assert "server crashes at" in first and "one request in" in last and last.endswith("is drawn")


def test_one_slider_moves_both(notebook):
    field = notebook.cell(0).locator(".sdlib-line .widget-text input").first
    field.fill("300")
    field.press("Enter")
    notebook.page.wait_for_function(f"() => ({TITLES})().every((title) => !/crashes|drawn/.test(title))")
    tiles = notebook.cell(0).locator(".sdlib-tiles b").all_inner_texts()
    assert tiles[0].split(" of ")[1] == tiles[4].split(" of ")[1], "the same crowd was sent to both"


def test_a_million_users_are_not_cut_off(notebook):
    field = notebook.cell(0).locator(".sdlib-line .widget-text input").first
    field.fill("1,000,000")
    room = field.evaluate("(input) => input.clientWidth - input.scrollWidth")
    field.fill("300")
    assert room >= 0


@pytest.mark.parametrize("width", [1600, 1400, 1280, 1200, 800])
def test_no_figure_of_a_million_users_is_cut_off(notebook, width):
    field = notebook.cell(0).locator(".sdlib-line .widget-text input").first
    try:
        notebook.page.set_viewport_size({"width": width, "height": 1000})
        field.fill("1,000,000")
        field.press("Enter")
        notebook.wait_for(lambda it: it.cell(0).locator(".sdlib-tiles b").first.inner_text()[:5], "4 of ")
        notebook.wait_for(lambda it: it.page.evaluate(CUT), [])
        assert "$40,574" in notebook.cell(0).locator(".sdlib-tiles").last.inner_text()
    finally:
        notebook.page.set_viewport_size({"width": 1400, "height": 1000})
        field.fill("300")
        field.press("Enter")


def test_they_stand_beside_each_other_and_stack_when_narrow(notebook):
    left, right = notebook.page.evaluate(BOXES)
    assert left["right"] <= right["left"] and abs(left["top"] - right["top"]) < 2
    notebook.page.set_viewport_size({"width": 680, "height": 1000})
    try:
        notebook.page.wait_for_function(f"() => {{ const [one, two] = ({BOXES})(); return two.top >= one.bottom; }}")
    finally:
        notebook.page.set_viewport_size({"width": 1400, "height": 1000})
