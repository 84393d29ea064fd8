"""The panel in JupyterLab in a real browser: keys, mouse, typing, trying, both themes, every width, a lost kernel."""

import pytest

PANEL = """import sdlib as sd

def build(users=3000, cpus=4, ram_gb=4):
    return sd.Server(cpus=cpus, ram_gb=ram_gb, calls=[sd.Database()]), sd.Clients(users=users)

panel = sd.explore(build, users=(10, 1_000_000), cpus=(1, 64), ram_gb=(0.5, 128), fine={"users": (5000, 6500)},
                   goals=sd.goals("02"))
panel"""
ENDS = """(cell) => [...cell.querySelectorAll('.sdlib-slider')].map(row => [
    row.querySelector('.widget-hslider'), ...row.querySelector('.sdlib-ends').children].map(part => {
        const box = part.getBoundingClientRect();
        return [box.left, box.right];
    }))"""
FIELDS = ".sdlib-slider .widget-text input"
BOXES = """(cell) => Object.fromEntries(['.sdlib-panel', '.sdlib-controls', '.sdlib-tiles', '.sdlib-goals',
    '.sdlib-picture:nth-child(1)', '.sdlib-picture:nth-child(2)', '.js-plotly-plot'].map(name => {
        const box = cell.querySelector(name).getBoundingClientRect();
        return [name, {left: box.left, right: box.right, top: box.top, bottom: box.bottom}];
    }))"""
LATE_S = 4    # twice as long as anywidget waits for a module
PLOTLY_IS_LATE = """(late_ms) => {
    const addressOf = URL.createObjectURL.bind(URL);
    const late = `await new Promise((go_on) => { globalThis.plotlyWaited = true; setTimeout(go_on, ${late_ms}); });`;
    URL.createObjectURL = (blob) => addressOf(
        blob.size > 1e6 ? new Blob([late, blob], { type: blob.type }) : blob);
}"""
IS_PLAYING = "(stage) => stage.stage.player.isPlaying"
GROUND = "(cell) => getComputedStyle(cell.querySelector('.js-plotly-plot .main-svg')).background"


@pytest.fixture(scope="module")
def page(open_notebook, write_notebook):
    """The panel, run once, where Plotly loads late, as it does where the browser is slow; the tests share it."""
    path = write_notebook("panel", PANEL, "print(panel.settings, panel.goals.ticked)")
    with open_notebook(path, 1400, 900) as opened:
        opened.page.evaluate(PLOTLY_IS_LATE, LATE_S * 1000)
        opened.run_all()
        assert opened.errors() == []
        opened.wait_for_plots(0)
        yield opened


@pytest.fixture
def notebook(page, in_peace, put_back):
    """The panel at its start, drawn, in a light window of 1400 x 900 with the files at the left."""
    with in_peace(page):
        put_back(page)
        page.cell(0).locator(".sdlib-tools button").click()
        page.cell(0).locator(".sdlib-scale button").nth(0).click()
        page.wait_for(fields, ["3,000", "4", "4"])
        page.wait_for(lambda it: "of 3,000 users" in text_of(it, ".sdlib-status"), True)
        page.wait_until_rest(0)
        yield page


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


def test_the_chart_follows_also_where_plotly_loaded_late(notebook):
    assert notebook.page.evaluate("() => globalThis.plotlyWaited")
    before = notebook.plots(0)
    notebook.press_slider(0, 0, times=3)
    notebook.wait_for_change(0, before)


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


@pytest.mark.parametrize("width", [1400, 1280, 1150, 700, 600])
def test_the_names_of_a_sliders_ends_stand_apart_under_its_track(notebook, width):
    notebook.page.set_viewport_size({"width": width, "height": 900})
    notebook.page.wait_for_timeout(800)
    ends = notebook.cell(0).evaluate(ENDS)
    assert len(ends) == 3
    for track, low, high in ends:
        assert track[0] <= low[0] and low[1] + 4 <= high[0] and high[1] <= track[1]


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
