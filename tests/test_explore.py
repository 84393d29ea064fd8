"""The panel by code: what a hand does in the browser, `set` and the widgets' values do here."""

import asyncio
import json
import threading
import time

import ipywidgets
import pytest

from sdlib.charts.theme import Plot
from sdlib.components.cache import Cache
from sdlib.components.clients import Clients
from sdlib.components.database import Database
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.retry import Retry
from sdlib.components.server import Server
from sdlib.results.simulate import simulate
from sdlib.stage import Stage
from sdlib.stage.still import STILL_MIME
from sdlib.teach.content import Goal, Lesson
from sdlib.teach.explore import explore
from sdlib.teach.goals import Goals, Verdict
from sdlib.teach.panel_controls import ChoiceControl, RangeControl
from sdlib.teach.panel_goals import GoalRows
from sdlib.teach.panel_live import AfterRest, NewestOnly, Notice
from sdlib.teach.panel_stops import stops
from sdlib.teach.panel_words import compare, tiles_html


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A progress file of its own for each test."""
    monkeypatch.chdir(tmp_path)


def shop(users=100, cpus=4):
    return Server(cpus, 4, calls=[Database()], name="shop"), Clients(users)


def slow_enough(run, settings):
    p99_ms = run.summary()["p99_ms"].iloc[0]
    return p99_ms > 100 or f"p99 is {p99_ms:.0f} ms."


TASKS = (Goal("make p99 > 100 ms", slow_enough),
         Goal("make it crash", lambda run, settings: run.stations.crashes.any()),
         Goal("ask for 500 users", lambda run, settings: settings["users"] == 500))


def three_goals():
    return Goals(Lesson("77", "A lesson", (), (), (), TASKS))


@pytest.fixture
def panel():
    return explore(shop, users=(10, 1_000_000), cpus=(1, 1000), goals=three_goals(), seconds=20)


def drawn(panel):
    return json.loads(panel._chart.plot.figure)


def control(panel, name):
    return panel._sliders[name]


def slide(panel, name, value):
    """As a hand does: the handle goes to the stop of this value."""
    one = control(panel, name)
    one.slider.value = one.stops.index(value)


# --- what it shows ---

def test_starts_at_the_defaults_of_build(panel):
    assert panel.settings == {"users": 100, "cpus": 4} and panel.seed == 0 and panel.error == ""
    assert panel.run.requests.equals(simulate(*shop(), seconds=20, seed=0).requests)


def test_set_is_the_same_as_the_slider(panel):
    panel.set(users=2000)
    by_code, picture = panel.run, panel._chart.plot.figure
    panel.reset()
    slide(panel, "users", 2000)
    assert panel.run is not by_code and panel.run.requests.equals(by_code.requests)
    assert panel._chart.plot.figure == picture


def test_sliders_stand_above_tiles_pictures_status_and_goals(panel):
    controls, tiles, pictures, status, goals = panel.children
    assert control(panel, "users").slider in controls.children[0].children[0].children
    assert tiles is panel._tiles and status is panel._status and goals is panel._rows
    assert pictures.children[0].children == (panel.stage,) and panel._chart.plot in pictures.children[1].children


def test_reset_returns_to_settings_seed_axes_and_picture(panel):
    start = panel._chart.plot.figure
    panel.set(users=300_000, cpus=9, seed=5)
    assert panel._chart.plot.figure != start
    panel._reset.click()
    assert panel.settings == {"users": 100, "cpus": 4} and panel.seed == 0 and panel._chart.plot.figure == start


def test_seed_box_changes_the_customers_and_keeps_them(panel):
    before = panel.run.requests.arrived_s.copy()
    panel._seed.value = 7
    assert panel.run.seed == 7 and not panel.run.requests.arrived_s.equals(before)
    arrived = panel.run.requests.arrived_s
    panel.set(cpus=8)
    assert panel.run.requests.arrived_s.equals(arrived)


def shown_by(run):
    """What a stage says of this run."""
    stage = Stage()
    stage.show(run)
    return stage.words


def test_stage_and_chart_show_the_same_run(panel):
    panel.set(users=4000)
    here = next(trace for trace in drawn(panel)["data"] if trace["name"] == "you are here")
    assert here["x"] == [pytest.approx(panel.run.summary().utilization_percent.iloc[0], rel=1e-4)]
    assert panel.stage.words == shown_by(panel.run)
    assert panel.alt == f"{panel.stage.words} {drawn(panel)['layout']['meta']['alt']}"


def test_the_still_twin_holds_the_stage_and_the_chart(panel):
    panel.set(users=4000)
    still = panel.still()
    names = [trace.name for trace in still.data]
    assert "you are here" in names and len(names) > len(drawn(panel)["data"])
    assert still.layout.meta["alt"].endswith(drawn(panel)["layout"]["meta"]["alt"]) and still.layout.width > 800


def test_earlier_runs_stay_as_points_until_the_curve_changes(panel):
    def points():
        return len(next(trace for trace in drawn(panel)["data"] if trace["name"] == "runs")["x"])

    panel.set(users=1000)
    panel.set(users=2000)
    assert points() == 3
    panel.set(cpus=8)
    assert points() == 1


def test_linear_at_first_and_logarithmic_at_a_click_without_a_new_run(panel):
    run, points = panel.run, [trace["x"] for trace in drawn(panel)["data"] if trace["name"] == "runs"]
    assert "type" not in drawn(panel)["layout"]["yaxis"] and drawn(panel)["layout"]["yaxis"]["range"][0] == 0
    panel._chart.scale.value = True
    assert drawn(panel)["layout"]["yaxis"]["type"] == "log" and panel.run is run
    assert points == [trace["x"] for trace in drawn(panel)["data"] if trace["name"] == "runs"]
    panel._chart.scale.value = False
    assert "type" not in drawn(panel)["layout"]["yaxis"]


def test_a_chart_of_the_lesson_gets_run_and_settings_and_both_scales():
    def doubled(run, settings):
        return [{"type": "scatter", "name": "sent", "x": [settings["users"]], "y": [len(run.requests)]}]

    panel = explore(shop, users=(10, 1000), chart=doubled, seconds=5)
    panel.set(users=500)
    assert drawn(panel)["data"][-1]["x"] == [500] and drawn(panel)["data"][-1]["y"] == [len(panel.run.requests)]
    panel._chart.scale.value = True
    assert drawn(panel)["layout"]["yaxis"]["type"] == "log"
    assert panel._chart._switch.layout.display is None


@pytest.mark.parametrize("axis", [{"type": "log"}, {"range": [0, 100]}, {"rangemode": "tozero"}])
def test_a_chart_with_an_axis_of_its_own_has_no_switch(axis):
    def fixed(run, settings):
        return Plot([{"type": "scatter", "x": [settings["users"]], "y": [50]}], "sent", {}, axis)

    assert explore(shop, users=(10, 1000), chart=fixed, seconds=5)._chart._switch.layout.display == "none"
    assert explore(shop, users=(10, 1000), chart="latency", seconds=5)._chart._switch.layout.display is None


@pytest.mark.parametrize("chart", ["latency", "timeline", "distribution"])
@pytest.mark.parametrize("log", [False, True])
def test_every_named_chart_is_drawn_at_every_end(chart, log):
    panel = explore(shop, users=(10, 1_000_000), chart=chart, seconds=20)
    panel._chart.scale.value = log
    for users in (10, 1_000_000):
        panel.set(users=users)
        assert panel.error == "" and panel.still().data


# --- tiles ---

ROW = {"sent": 4000, "answered": 4000, "failed": 0, "p99_ms": 50.0, "error_percent": 0.0, "usd_per_month": 199.0,
       "p99_limits_ms": (47.0, 54.0), "busiest": "shop", "utilization_percent": 62.5}
DEAD = {**ROW, "answered": 58, "failed": 3942, "p99_ms": 12.0, "error_percent": 98.55}


@pytest.mark.parametrize("now, start, said", [
    (110, 100, "▲ +10 % worse"), (90, 100, "▼ −10 % better"), (5000, 100, "▲ x 50 worse"), (3, 0, "▲ from 0 worse")])
def test_tiles_compare_with_the_start_by_arrow_sign_word_and_colour(now, start, said):
    assert said in compare(now, start) and f"sdlib-{said.split()[-1]}" in compare(now, start)
    assert compare(start, start) == "as at the start"


def test_a_dead_server_is_never_praised():
    tiles = tiles_html(DEAD, ROW)
    assert "58 of 4,000" in tiles and "of those answered" in tiles and "sdlib-grey" in tiles
    assert "better" not in tiles and "▲ from 0 % worse" in tiles


@pytest.mark.parametrize("now, start, said", [
    (16.0, 19.1, "▼ from 19.1 % better"), (3.0, 0.0, "▲ from 0 % worse"), (3.0, 0.01, "▲ from &lt; 0.1 % worse")])
def test_errors_are_compared_in_percent_of_the_requests(now, start, said):
    assert said in tiles_html({**ROW, "error_percent": now}, {**ROW, "error_percent": start})


def test_the_p99_of_a_few_is_not_judged_while_many_are_still_inside():
    tiles = tiles_html({**ROW, "answered": 3_000, "p99_ms": 20.0, "p99_limits_ms": (19.0, 21.0)}, ROW)
    assert "of those answered" in tiles and "better" not in tiles


def test_p99_is_judged_only_when_nothing_failed_then_and_now():
    assert "better" in tiles_html({**ROW, "p99_ms": 20.0, "p99_limits_ms": (19.0, 21.0)}, ROW)
    assert "better" not in tiles_html({**ROW, "p99_ms": 5.0, "error_percent": 98.55}, DEAD).split("errors")[0]


@pytest.mark.parametrize("p99_ms, limits_ms, said", [
    (51.0, (50.9, 51.1), "about the same: within 3 %"), (53.0, (52.9, 53.1), "about the same: within chance"),
    (60.0, (49.0, 71.0), "about the same: within chance"), (60.0, (58.0, 62.0), "▲ +20 % worse"),
    (40.0, (39.0, 41.0), "▼ −20 % better"), (50.0, (47.0, 54.0), "as at the start")])
def test_a_change_of_the_p99_that_chance_can_make_is_none(p99_ms, limits_ms, said):
    p99 = tiles_html({**ROW, "p99_ms": p99_ms, "p99_limits_ms": limits_ms}, ROW).split("errors")[0]
    assert said in p99 and ("better" in p99 or "worse" in p99) == ("%" in said and "same" not in said)


def test_another_seed_of_a_small_crowd_is_about_the_same(panel):
    limits = [panel.run.measures()["p99_limits_ms"]]
    for seed in range(1, 6):
        panel.set(seed=seed)
        limits.append(panel.run.measures()["p99_limits_ms"])
    assert all(low < high for low, high in limits)
    assert max(low for low, _ in limits) < min(high for _, high in limits), "nothing but chance"


def test_nearly_all_errors_are_not_all():
    tiles = tiles_html({**DEAD, "sent": 4_001_630, "answered": 6, "failed": 4_001_624, "error_percent": 99.99985}, ROW)
    assert "&gt; 99.9 %" in tiles and "&lt; 0.1 % of them" in tiles and "100 %" not in tiles


def test_the_busiest_component_is_named_with_its_utilization(panel):
    panel.set(users=4000)
    row = panel.run.measures()
    assert f"<b>{row['utilization_percent']:.1f} %</b><small>shop</small>" in panel._tiles.value


def test_a_larger_crowd_is_no_improvement(panel):
    panel.set(users=4000)
    row = panel.run.summary().iloc[0]
    assert f"{row.answered:,.0f} of {row.sent:,.0f}" in panel._tiles.value and "better" not in panel._tiles.value
    assert f"${row.usd_per_month:,.0f}" in panel._tiles.value


def test_a_machine_that_is_not_sold_has_no_price():
    assert "no known price" in tiles_html({**ROW, "usd_per_month": float("nan")}, ROW)


# --- goals ---

def test_moving_reaches_nothing_and_trying_says_reached_or_why_not(panel):
    panel.set(users=100_000)
    panel.set(users=500)
    assert panel.goals.ticked == [False] * 3 and "☑" not in panel._rows.words
    for button in panel._rows.buttons:
        button.click()
    assert panel.goals.ticked == [False, False, True]
    assert f"p99 is {panel.run.summary().p99_ms.iloc[0]:.0f} ms." in panel._rows.words
    assert panel._rows.words.count("☑") == 1 and panel._rows.words.count("Reached.") == 1
    assert "which one is missing?" in panel._rows.words, "False gives a general sentence"


def test_a_goal_says_that_it_is_being_tried():
    def attempt(place):
        said.append(rows.words)
        return Verdict("", True, "")

    rows, said = GoalRows(three_goals(), attempt), []
    rows.buttons[1].click()
    assert said[0].count("Trying") == 1 and "Trying" not in rows.words and rows.words.count("Reached.") == 1


def test_trying_by_code_is_the_same_as_the_buttons(panel):
    panel.set(users=20_000)
    tried = panel.try_goals()
    assert tried.reached.tolist() == [True, True, False] and list(tried.columns) == ["goal", "reached", "why"]
    assert panel._rows.words.count("Reached.") == 2


def test_an_answer_goes_with_its_run_and_a_tick_stays(panel):
    panel.set(users=500)
    panel.try_goals()
    panel.set(users=600)
    assert "Reached." not in panel._rows.words and "Not yet" not in panel._rows.words and "☑" in panel._rows.words
    assert three_goals().ticked == [False, False, True], "kept in the progress file"


def test_a_goal_that_was_reached_before_is_never_not_yet(panel):
    panel.set(users=500)
    panel.try_goals()
    panel.set(users=100_000)
    assert not panel.try_goals().reached[2]
    row = panel._rows._texts[2].value
    assert "☑" in row and "Reached before,</b> not at these settings." in row and "Not yet" not in row
    assert "which one is missing?" in row, "and what the present settings gave"


def test_without_a_run_there_is_nothing_to_try():
    panel = explore(fragile, users=(10, 1000), goals=three_goals(), seconds=5)
    panel.set(users=666)
    tried = panel.try_goals()
    assert not tried.reached.any() and tried.why.str.contains("no run at these settings: ZeroDivisionError").all()


# --- exact values ---

@pytest.mark.parametrize("typed, value", [("5,700", 5700), ("5701", 5701), (" 1e4 ", 10_000)])
def test_a_typed_value_is_taken_exactly(panel, typed, value):
    control(panel, "users").field.value = typed
    assert panel.settings["users"] == value and panel.run.clients.users == value and panel.runs_made == 1
    assert control(panel, "users").field.value == f"{value:,}"


@pytest.mark.parametrize("typed", ["5", "1000001", "many", "100.5", "", "nan", "inf", "-100"])
def test_a_typed_value_off_the_range_is_told_in_words(panel, typed):
    control(panel, "users").field.value = typed
    assert panel.settings["users"] == 100 and panel.runs_made == 0
    assert "is not a whole number from 10 to 1,000,000. Still 100." in control(panel, "users").answer.value
    slide(panel, "users", 110)
    assert control(panel, "users").answer.value == "" and control(panel, "users").field.value == "110"


def test_the_handle_goes_to_the_nearest_stop_and_does_not_change_what_was_typed(panel):
    control(panel, "users").field.value = "5701"
    near = control(panel, "users").stops[control(panel, "users").slider.value]
    assert near == 5500 and panel.settings["users"] == 5701
    slide(panel, "users", 6000)
    assert panel.settings["users"] == 6000


def test_stops_are_round_and_fine_where_the_limit_lies():
    users = stops(10, 1_000_000, whole=True, fine=(5000, 6500))
    assert users[0] == 10 and users[-1] == 1_000_000 and {100, 3000, 100_000} <= set(users)
    assert max(b / a for a, b in zip(users, users[1:])) <= 1.15
    inside = [stop for stop in users if 5000 <= stop <= 6500]
    assert len(inside) >= 35 and max(b - a for a, b in zip(inside, inside[1:])) <= 50
    assert stops(1, 64, whole=True) == list(range(1, 65)) and stops(10, 50, whole=True, step=5)[:3] == [10, 15, 20]
    assert 4.0 in stops(0.5, 128) and stops(0, 1)[1] == 0.01 and 37 in stops(10, 1000, whole=True, start=37)


# --- live ---

def test_the_linear_axis_of_the_hockey_stick_holds_still(panel):
    before = drawn(panel)["layout"]["yaxis"]["range"]
    for users in (10, 3000, 1_000_000):
        panel.set(users=users, cpus=4)
        assert drawn(panel)["layout"]["yaxis"]["range"] == before and "axis" not in panel._status.value


def test_a_change_of_axis_is_announced_and_a_wild_run_flattens_none_that_follow():
    def burst(run, settings):
        return [{"type": "scatter", "name": "burst", "x": [1, 2], "y": [1, 10**6 if settings["users"] == 500 else 2]}]

    panel = explore(shop, users=(10, 1000), chart=burst, seconds=5)
    start = drawn(panel)["layout"]["yaxis"]["range"]
    panel.set(users=500)
    assert "now goes from" in panel._status.value
    panel.set(users=600)
    assert drawn(panel)["layout"]["yaxis"]["range"] == start
    panel.set(users=700)
    assert "now goes from" not in panel._status.value


def test_a_million_users_stay_live_and_the_panel_says_how(panel):
    panel.set(users=1_000_000, cpus=1000)
    assert len(panel.run.requests) < 210_000 and panel.run.seconds == pytest.approx(3)
    assert "Shortened from 20 s" in panel._status.value and "in 3 s" in panel._status.value
    panel.reset()
    assert panel.run.seconds == 20 and "Shortened" not in panel._status.value


def test_of_the_moves_during_a_run_only_the_newest_runs():
    positions = []

    def slow(users=100):
        positions.append(users)
        if users == 200 and positions.count(200) == 1:
            # As if the hand went on while this position runs.
            for later in range(300, 900, 100):
                slide(panel, "users", later)
        return shop(users)

    panel = explore(slow, users=(10, 900, 10), seconds=5)
    positions.clear()
    slide(panel, "users", 200)
    assert positions == [200, 800] and panel.run.clients.users == 800


def test_newest_only_across_threads():
    done, started, go_on = [], threading.Event(), threading.Event()

    def work(wish):
        done.append(wish)
        started.set()
        go_on.wait(10)

    newest = NewestOnly(work)
    threads = [threading.Thread(target=newest.ask, args=(1,))]
    threads[0].start()
    started.wait(10)
    for wish in range(2, 12):
        threads.append(threading.Thread(target=newest.ask, args=(wish,)))
        threads[-1].start()
        while not newest._wish or newest._wish[0] != wish:
            time.sleep(0.001)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert done == [1, 11]


def test_the_stage_follows_when_the_hand_rests_and_at_once_where_there_is_no_hand():
    shown = []
    after_rest = AfterRest(shown.append, rest_s=0.05)
    after_rest.ask("in a script")
    assert shown == ["in a script"]

    async def moves():
        for position in range(5):
            after_rest.ask(position)
            await asyncio.sleep(0.005)
        assert shown == ["in a script"]
        await asyncio.sleep(0.3)

    asyncio.run(moves())
    assert shown == ["in a script", 4]


def test_the_stage_ends_at_the_newest_move_also_where_moves_come_in_two_threads():
    shown, begun, go_on = [], threading.Event(), threading.Event()

    def work(wish):
        if wish == "old":
            begun.set()
            go_on.wait(10)
        shown.append(wish)

    after_rest = AfterRest(work, rest_s=0)

    async def ask(wish):
        after_rest.ask(wish)
        await asyncio.sleep(0.05)

    old, new = (threading.Thread(target=lambda wish=wish: asyncio.run(ask(wish))) for wish in ("old", "new"))
    old.start()
    assert begun.wait(10)
    new.start()
    new.join(0.3)
    assert shown == [] and new.is_alive(), "it takes its turn"
    go_on.set()
    old.join(10)
    new.join(10)
    assert shown == ["old", "new"]


def test_in_a_loop_chart_and_tiles_come_first_and_the_stage_later(panel):
    async def move():
        panel.set(users=5000)
        assert panel.stage.words != shown_by(panel.run)
        assert f"{len(panel.run.requests):,}" in panel._tiles.value
        await asyncio.sleep(0.5)

    asyncio.run(move())
    assert panel.stage.words == shown_by(panel.run)


def test_a_long_run_says_that_it_runs_and_a_short_one_does_not():
    said = threading.Event()
    with Notice(said.set, after_s=0.01).while_it_runs():
        assert said.wait(10)
    said.clear()
    notice = Notice(said.set, after_s=10)
    with notice.while_it_runs():
        pass
    notice._speak()
    assert not said.is_set()


def test_panel_shows_running_during_a_long_run():
    seen, slow = [], threading.Event()

    def build(users=100):
        if slow.is_set():
            deadline = time.monotonic() + 10
            while "running" not in panel._status.value and time.monotonic() < deadline:
                time.sleep(0.01)
            seen.append(panel._status.value)
        return shop(users)

    panel = explore(build, users=(10, 1000), seconds=5)
    slow.set()
    panel.set(users=500)
    assert "running" in seen[0] and "running" not in panel._status.value


# --- when something goes wrong ---

def fragile(users=100):
    if users == 666:
        raise ZeroDivisionError("the learner's slip")
    if users == 777:
        raise KeyboardInterrupt
    return shop(users)


def test_an_exception_in_build_is_a_message_and_the_next_move_works():
    panel = explore(fragile, users=(10, 1000), seconds=5)
    before = panel.run
    control(panel, "users").field.value = "666"
    assert panel.run is before and panel.error == "ZeroDivisionError: the learner's slip"
    assert "No run at users = 666" in panel._status.value and "Traceback" not in panel._status.value
    control(panel, "users").field.value = "300"
    assert panel.error == "" and panel.run.clients.users == 300


def test_back_to_the_last_good_place_runs_again():
    panel = explore(fragile, users=(10, 1000), seconds=5)
    panel.set(users=666)
    panel.set(users=100)
    assert panel.error == "" and "No run" not in panel._status.value


def test_an_interrupt_by_hand_stays_in_the_panel_and_in_a_cell_ends_the_cell():
    panel = explore(fragile, users=(10, 1000), seconds=5)
    control(panel, "users").field.value = "777"
    assert panel.error == "interrupted" and "interrupted" in panel._status.value
    with pytest.raises(KeyboardInterrupt):
        panel.reset()
        panel.set(users=777)
    panel.set(users=300)
    assert panel.error == "" and panel.run.clients.users == 300


@pytest.mark.parametrize("at", [1, 2])
def test_an_interrupt_in_the_first_cell_leaves_nothing_behind(at):
    calls = []

    def interrupted_once(users=100):
        calls.append(users)
        if len(calls) == at:
            raise KeyboardInterrupt
        return shop(users)

    with pytest.raises(KeyboardInterrupt):
        explore(interrupted_once, users=(10, 1000), seconds=5)
    panel = explore(interrupted_once, users=(10, 1000), seconds=5)
    panel.set(users=500)
    assert panel.error == "" and panel.run.clients.users == 500


# --- text form ---

def test_text_form_is_constant(panel):
    bundle = panel._repr_mimebundle_()
    panel.set(users=5000)
    assert panel._repr_mimebundle_()["text/plain"] == bundle["text/plain"] == repr(panel)
    other = explore(shop, users=(10, 1_000_000), cpus=(1, 1000), goals=three_goals(), seconds=20)
    assert repr(other) == bundle["text/plain"]
    assert "slider users: 10 to 1,000,000 users, logarithmic; starts at 100" in bundle["text/plain"]
    assert "goal: make it crash" in bundle["text/plain"] and "run this cell again" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_still_picture_is_in_the_bundle_only_while_notebooks_are_built(panel, monkeypatch):
    assert STILL_MIME not in panel._repr_mimebundle_()
    monkeypatch.setenv("SDLIB_BUILD", "1")
    picture = panel._repr_mimebundle_()[STILL_MIME]
    assert picture == json.loads(panel.still().to_json()) and picture["layout"]["meta"]["alt"]


def test_two_panels_draw_the_same_bytes():
    one, other = (explore(shop, users=(10, 1000)) for _ in range(2))
    assert one._chart.plot.figure == other._chart.plot.figure and one.still() == other.still()


# --- sliders ---

def farm(users=100, machines=2, policy="round_robin", ram_gb=4.0):
    return LoadBalancer([Server(4, ram_gb)] * machines, policy=policy), Clients(users)


def test_sliders_come_from_the_knobs_that_build_names():
    panel = explore(farm, seconds=5)
    kinds = [type(one) for one in panel._sliders.values()]
    assert kinds == [RangeControl, RangeControl, ChoiceControl, RangeControl]
    assert panel.settings == {"users": 100, "machines": 2, "policy": "round_robin", "ram_gb": 4.0}
    panel.set(policy="random", machines=3)
    assert panel.run.nodes[0].component.policy == "random" and len(panel.run.nodes) == 4
    ends = control(panel, "users").row().children[1].value
    assert "10 (a club)" in ends and "1,000,000 (a big city)" in ends
    assert control(panel, "ram_gb").unit == "GB" and control(panel, "machines").unit == "machines"


def test_a_knob_of_any_declared_component_has_its_unit_and_range():
    def build(users=100, ttl_s=60):
        return Server(4, 4, calls=[Cache(Database(), ttl_s=ttl_s)]), Clients(users)

    panel = explore(build, seconds=5)
    assert (control(panel, "ttl_s").unit, control(panel, "ttl_s").low, control(panel, "ttl_s").high) == ("s", 6, 600)


@pytest.mark.parametrize("given, kind, values", [
    ({"users": (10, 50)}, RangeControl, [10, 50]), ({"users": (10, 50, 5)}, RangeControl, [10, 50]),
    ({"users": (10, 10_000)}, RangeControl, [10, 10_000]), ({"users": [10, 100]}, ChoiceControl, [10, 100]),
    ({"users": 50}, RangeControl, [10, 1_000_000]), ({"users": {"few": 10, "many": 90}}, ChoiceControl, [10, 90]),
    ({"users": ipywidgets.IntSlider(60, 50, 100)}, RangeControl, [50, 100]),
    ({"users": ipywidgets.FloatLogSlider(60, min=1, max=3)}, RangeControl, [10, 1000])])
def test_short_forms_of_sliders(given, kind, values):
    def build(users):
        return shop(users)

    panel = explore(build, **given, seconds=5)
    one = control(panel, "users")
    assert type(one) is kind and (one.choices() if kind is ChoiceControl else [one.low, one.high]) == values
    for value in values:
        panel.set(users=value)
        assert panel.run.clients.users == value


def test_a_knob_that_need_not_be_whole_takes_any_number_between_whole_ends():
    panel = explore(farm, ram_gb=(1, 128), seconds=5)
    control(panel, "ram_gb").field.value = "67.3"
    assert panel.settings == {"ram_gb": 67.3}


def test_a_bool_is_a_box():
    def build(users=100, with_database=True):
        return Server(4, 4, calls=[Database()] if with_database else []), Clients(users)

    panel = explore(build, with_database=True, seconds=5)
    panel.set(with_database=False)
    assert len(panel.run.nodes) == 1
    control(panel, "with_database").widget.value = True
    assert len(panel.run.nodes) == 2


def five(users=1, cpus=2, ram_gb=3, retries=0, service_ms=10):
    return Server(cpus, ram_gb, service_ms=service_ms), Clients(users, retry=Retry(retries))


def nameless(users=100, wobble=0):
    return shop(users)


def no_pair(users=100):
    return Server(4, 4)


@pytest.mark.parametrize("build, given, message", [
    (shop, {"user": (1, 10)}, r"explore\(user=\(1, 10\)\): user must be a parameter of build, one of 'users', 'cpus'"),
    (five, {}, "from 1 to 4 names"), (lambda: shop(), {}, "from 1 to 4 names"),
    (shop, {"users": (200, 1000)}, r"explore\(users=100\): users must be a whole number, 200 to 1,000"),
    (shop, {"users": (10, 5)}, "low < high"), (shop, {"users": (10, float("inf"))}, "finite"),
    (shop, {"users": (10, 200, 0)}, "0 < step"), (shop, {"users": (10, 200, 500)}, "0 < step"),
    (shop, {"users": "many"}, "users must be"), (shop, {"users": []}, "users must be"),
    (shop, {"users": [10, 20]}, "one of 10, 20"), (nameless, {"wobble": None}, "wobble must be given a range"),
    (lambda users, size: shop(users), {"users": (10, 20)}, "size must be given a slider, or a default"),
    (shop, {"users": (10, 1000), "chart": "pie"}, "chart='pie'"), (shop, {"chart": None}, "chart=None"),
    (shop, {"users": (10, 1000), "seconds": 0}, "seconds must be"), (shop, {"seconds": "long"}, "seconds must be"),
    (shop, {"users": (10, 1000), "seed": -1}, "seed must be"),
    (shop, {"goals": "01"}, "goals must be the goals of a lesson, as sd.goals gives them"),
    (None, {}, "build must be a function"), (42, {}, "build must be a function"),
    (no_pair, {}, r"build must return a pair \(system, clients\)"),
    (lambda users=5: None, {}, r"build must return a pair .*returned None"),
    (shop, {"fine": (5000, 6000)}, "fine must be a dictionary"), (shop, {"fine": {"user": (1, 2)}}, "names of sliders"),
    (shop, {"fine": {"users": (6000, 5000)}}, "low < high"), (shop, {"fine": {"users": (1, 50)}}, "within the slider")])
def test_wrong_arguments_are_named(build, given, message):
    with pytest.raises(ValueError, match=message):
        explore(build, **given)


def test_a_panel_without_goals_has_none_to_try():
    with pytest.raises(ValueError, match="this panel has no goals"):
        explore(shop, users=(10, 1000), seconds=5).try_goals()


@pytest.mark.parametrize("given, message", [
    ({"user": 1}, "user must be one of the sliders 'users', 'cpus'"), ({"users": 5}, "users must be a whole number"),
    ({"users": 100.5}, "users must be a whole"), ({"users": "many"}, "users must be"), ({"users": True}, "users must"),
    ({"seed": -1}, "seed must be")])
def test_set_refuses_and_moves_nothing(panel, given, message):
    with pytest.raises(ValueError, match=message):
        panel.set(**{"cpus": 8, **given})
    assert panel.settings == {"users": 100, "cpus": 4} and panel.runs_made == 0
