"""The panel in JupyterLab in a real browser: keys, mouse, typing, trying, both themes, every width, a lost kernel."""

import nbformat
import pytest

from tools import lab_browser
from tools.build_notebooks import METADATA

PANEL = """import sdlib as sd

def build(users=3000, cpus=4, ram_gb=4):
    return sd.Server(cpus=cpus, ram_gb=ram_gb, calls=[sd.Database()]), sd.Clients(users=users)

panel = sd.explore(build, users=(10, 1_000_000), cpus=(1, 64), ram_gb=(1, 128), fine={"users": (5000, 6500)},
                   goals=sd.goals("02"))
panel"""
ENDS = """(cell) => [...cell.querySelectorAll('.sdlib-ends')].map(ends => [...ends.children].map(end => {
    const box = end.getBoundingClientRect();
    return [box.left, box.right];
}))"""
FIELDS = ".sdlib-slider .widget-text input"
BOXES = """(cell) => Object.fromEntries(['.sdlib-panel', '.sdlib-controls', '.sdlib-tiles', '.sdlib-goals',
    '.sdlib-picture:nth-child(1)', '.sdlib-picture:nth-child(2)', '.js-plotly-plot'].map(name => {
        const box = cell.querySelector(name).getBoundingClientRect();
        return [name, {left: box.left, right: box.right, top: box.top, bottom: box.bottom}];
    }))"""
IS_PLAYING = "(stage) => stage.stage.player.isPlaying"
GROUND = "(cell) => getComputedStyle(cell.querySelector('.js-plotly-plot .main-svg')).background"


@pytest.fixture(scope="module")
def panel_lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    cells = [nbformat.v4.new_code_cell(PANEL), nbformat.v4.new_code_cell("print(panel.settings, panel.goals.ticked)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), folder / "panel.ipynb")
    with lab_browser.jupyter_lab(folder) as running:
        yield running


@pytest.fixture
def notebook(open_drawn, panel_lab):
    """The panel, run and drawn, in a window of 1400 x 900."""
    with open_drawn(panel_lab, "panel.ipynb", 0) as drawn:
        yield drawn


def fields(notebook):
    """What the fields of the sliders say."""
    return [field.input_value() for field in notebook.cell(0).locator(FIELDS).all()]


def text_of(notebook, name):
    return notebook.cell(0).locator(name).inner_text()


def type_into(notebook, which, text):
    field = notebook.cell(0).locator(FIELDS).nth(which)
    field.fill(text)
    field.press("Enter")
    notebook.wait_until_idle()


def test_keys_mouse_and_exact_typing_move_the_panel(notebook):
    assert fields(notebook) == ["3,000", "4", "4"]
    start = notebook.plots(0)
    notebook.press_slider(0, which=0, times=2)
    notebook.wait_for(fields, ["3,600", "4", "4"])
    moved = notebook.wait_for_change(0, start)
    handle = notebook.sliders(0)[0]
    assert (handle.get_attribute("aria-label"), handle.get_attribute("aria-valuetext")) == ("users", "3,600 users")
    notebook.drag_slider(0, which=1, to=0.5)
    notebook.wait_for_change(0, moved)
    assert 25 < int(fields(notebook)[1]) < 40
    type_into(notebook, 0, "5,701")
    type_into(notebook, 1, "4")
    notebook.wait_for(fields, ["5,701", "4", "4"])
    notebook.wait_for(lambda it: "of 5,701 users in 60 s" in text_of(it, ".sdlib-status"), True)


def test_a_value_off_the_range_is_told_and_moves_nothing(notebook):
    before = notebook.plots(0)
    type_into(notebook, 0, "9999999")
    notebook.wait_for(lambda it: it.cell(0).locator(".sdlib-answer").all_inner_texts(),
             ["'9999999' is not a whole number from 10 to 1,000,000. Still 3,000."])
    assert notebook.plots(0) == before
    notebook.cell(0).locator(".sdlib-tools button").click()
    notebook.wait_for(fields, ["3,000", "4", "4"])


def test_goals_wait_for_the_try_button_which_the_keyboard_reaches(notebook):
    type_into(notebook, 0, "8000")
    notebook.wait_for(lambda it: "of 8,000 users" in text_of(it, ".sdlib-status"), True)
    assert "☑" not in text_of(notebook, ".sdlib-goals")
    buttons = notebook.cell(0).locator(".sdlib-goal button")
    for place in range(3):
        buttons.nth(place).focus()
        notebook.page.keyboard.press("Enter")
    notebook.wait_until_idle()
    notebook.wait_for(lambda it: text_of(it, ".sdlib-goals").count("Reached.")
             + text_of(it, ".sdlib-goals").count("Not yet."), 3)
    tiles = text_of(notebook, ".sdlib-tiles")
    assert "of those answered" in tiles and "better" not in tiles


def touch(notebook, key):
    """Press a key on the first slider while the stage plays; it must hold still at that instant. Returns the stage."""
    stage = notebook.cell(0).locator(".sdlib-stage")
    notebook.wait_for(lambda _: stage.evaluate(IS_PLAYING), True)
    stage.evaluate("""(stage) => {
        window.oldTrace = stage.stage.player.trace;
        document.addEventListener("keydown", () => { window.playedOn = stage.stage.player.isPlaying; },
                                  { capture: true, once: true });
    }""")
    notebook.sliders(0)[0].focus()
    notebook.page.keyboard.press(key)
    assert notebook.page.evaluate("() => window.playedOn") is False
    return stage


def test_the_stage_holds_still_while_a_hand_moves_a_slider_and_plays_the_new_run(notebook):
    stage = touch(notebook, "ArrowRight")
    notebook.wait_for(lambda _: stage.evaluate("(stage) => stage.stage.player.trace !== window.oldTrace"), True)
    notebook.wait_for(lambda _: stage.evaluate(IS_PLAYING), True)


def test_the_stage_goes_on_where_a_touch_moves_nothing(notebook):
    stage = touch(notebook, "Shift")
    notebook.wait_for(lambda _: stage.evaluate(IS_PLAYING), True)
    assert stage.evaluate("(stage) => stage.stage.player.trace === window.oldTrace")


def test_linear_and_logarithmic_at_a_click(notebook):
    kind = "(cell) => cell.querySelector('.js-plotly-plot')._fullLayout.yaxis.type"
    assert notebook.cell(0).evaluate(kind) == "linear"
    notebook.cell(0).locator(".sdlib-scale button").nth(1).click()
    notebook.wait_for(lambda it: it.cell(0).evaluate(kind), "log")


def test_everything_is_seen_at_once_in_a_window_of_1400_by_900(notebook):
    for _ in ("with the file browser", "without it"):
        notebook.page.wait_for_timeout(500)
        boxes = notebook.cell(0).evaluate(BOXES)
        panel, stage, chart = (boxes[name] for name in (".sdlib-panel", ".sdlib-picture:nth-child(1)",
                                                        ".sdlib-picture:nth-child(2)"))
        assert panel["bottom"] - panel["top"] < 740 and panel["right"] < 1400
        assert stage["top"] == chart["top"] and stage["right"] < chart["left"]
        assert boxes[".sdlib-controls"]["bottom"] <= boxes[".sdlib-tiles"]["top"] < stage["top"]
        assert boxes[".js-plotly-plot"]["right"] <= chart["right"]
        notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")


def test_below_700_pixels_all_stands_below_each_other(notebook):
    notebook.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    notebook.page.set_viewport_size({"width": 650, "height": 1300})
    notebook.page.wait_for_timeout(800)
    boxes = notebook.cell(0).evaluate(BOXES)
    stage, chart = (boxes[f".sdlib-picture:nth-child({place})"] for place in (1, 2))
    assert chart["top"] >= stage["bottom"]
    assert all(boxes[".sdlib-panel"]["left"] - 1 <= box["left"] and box["right"] <= boxes[".sdlib-panel"]["right"] + 1
               for box in boxes.values()), "nothing is cut"


def test_a_dark_page_makes_a_dark_chart(notebook):
    assert "rgb(255, 255, 255)" in notebook.cell(0).evaluate(GROUND)
    notebook.change_theme("JupyterLab Dark")
    notebook.wait_for(lambda it: "rgb(17, 17, 17)" in it.cell(0).evaluate(GROUND), True)


@pytest.mark.parametrize("width", [1400, 700, 600])
def test_the_names_of_a_sliders_ends_stand_apart(notebook, width):
    notebook.page.set_viewport_size({"width": width, "height": 900})
    notebook.page.wait_for_timeout(800)
    panel = notebook.cell(0).evaluate(BOXES)[".sdlib-panel"]
    for low, high in notebook.cell(0).evaluate(ENDS):
        assert panel["left"] <= low[0] and low[1] + 4 <= high[0] and high[1] <= panel["right"]


def test_after_a_restart_the_panel_says_run_this_cell_again(notebook):
    said = "(cell) => getComputedStyle(cell.querySelector('.sdlib-panel'), '::before').content"
    assert "Run this cell again." not in notebook.cell(0).evaluate(said)
    notebook.page.evaluate("""async () => {
        await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()
    }""")
    notebook.wait_for(lambda it: "Run this cell again." in it.cell(0).evaluate(said), True)
    notebook.wait_until_idle()
    notebook.run_all()
    notebook.wait_for_plots(0)
    notebook.wait_for(lambda it: "Run this cell again." in it.cell(0).evaluate(said), False)


def test_the_chart_is_drawn_and_follows_also_where_the_browser_is_slow(browser, panel_lab):
    with lab_browser.opened(browser, panel_lab, "panel.ipynb", 1400, 900) as notebook:
        slow = notebook.page.context.new_cdp_session(notebook.page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 12})
        notebook.run_all()
        notebook.wait_for_plots(0)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        before = notebook.plots(0)
        notebook.press_slider(0, 0, times=3)
        notebook.wait_for_change(0, before)
