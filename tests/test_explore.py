"""The panel by code: what a hand does in the browser, `set` does here."""

import json
import threading
import time

import ipywidgets
import pytest

from sdlib.components.clients import Clients
from sdlib.components.database import Database
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.server import Server
from sdlib.results.simulate import simulate
from sdlib.teach import panel_sliders
from sdlib.teach.explore import explore
from sdlib.teach.panel_live import NewestOnly, Notice
from sdlib.teach.panel_words import BETTER, WORSE, compare


def shop(users=100, cpus=4):
    return Server(cpus, 4, calls=[Database()], name="shop"), Clients(users)


class ThreeGoals:
    def __init__(self):
        self.texts, self.asked = ["keep p99 < 100 ms", "make it crash", "serve 500 a second"], []
        self.ticked = [False] * 3

    def update(self, run, settings):
        self.asked.append(settings)
        row = run.summary().iloc[0]
        reached = [row.p99_ms < 100, run.stations.crashes.sum() > 0, row.throughput_per_s > 500]
        self.ticked = [was or bool(now) for was, now in zip(self.ticked, reached)]
        return self.ticked


@pytest.fixture
def panel():
    return explore(shop, users=(10, 1_000_000), cpus=(1, 1000), goals=ThreeGoals(), seconds=20)


def drawn(panel):
    return json.loads(panel._plot.figure)


def widget(panel, name):
    return panel._sliders[name].widget


# --- what it shows ---

def test_starts_at_the_defaults_of_build(panel):
    assert panel.settings == {"users": 100, "cpus": 4} and panel.seed == 0 and panel.error == ""
    assert panel.run.requests.equals(simulate(*shop(), seconds=20, seed=0).requests)


def test_set_is_the_same_as_the_slider(panel):
    panel.set(users=2000)
    by_code, picture = panel.run, panel._plot.figure
    panel.reset()
    widget(panel, "users").value = 2000
    assert panel.run is not by_code and panel.run.requests.equals(by_code.requests)
    assert panel._plot.figure == picture


def test_a_position_between_two_whole_numbers_does_not_run_again(panel):
    widget(panel, "cpus").value = 4.2
    assert panel.settings["cpus"] == 4 and panel.runs_made == 0


def test_a_start_between_two_stops_of_a_slider_stays_what_it_is():
    panel = explore(lambda users=3000: shop(users), users=(10, 1_000_000), seconds=5)
    # In the browser the handle goes to its nearest stop, and reports that.
    widget(panel, "users").value = 10**3.5
    assert panel.settings == {"users": 3000} and panel.runs_made == 0
    widget(panel, "users").value = 10**3.55
    assert panel.settings == {"users": 3548} and panel._sliders["users"].value_text() == "3,548 users"
    panel.set(users=5700)
    widget(panel, "users").value = 10**3.75
    assert panel.settings == {"users": 5700}


def test_reset_returns_to_settings_seed_axes_and_picture(panel):
    start = panel._plot.figure
    panel.set(users=300_000, cpus=9, seed=5)
    assert panel._plot.figure != start
    panel._reset.click()
    assert panel.settings == {"users": 100, "cpus": 4} and panel.seed == 0 and panel._plot.figure == start


def test_seed_box_changes_the_customers_and_keeps_them(panel):
    before = panel.run.requests.arrived_s.copy()
    panel._seed.value = 7
    assert panel.run.seed == 7 and not panel.run.requests.arrived_s.equals(before)
    arrived = panel.run.requests.arrived_s
    panel.set(cpus=8)
    assert panel.run.requests.arrived_s.equals(arrived)


def test_system_and_chart_are_in_one_picture(panel):
    panel.set(users=4000)
    names = [trace["name"] for trace in drawn(panel)["data"]]
    assert {"box", "words", "theory (Erlang C)", "you are here"} <= set(names)
    here = next(trace for trace in drawn(panel)["data"] if trace["name"] == "you are here")
    assert here["x"] == [pytest.approx(panel.run.summary().utilization_percent.iloc[0], rel=1e-4)]
    assert "4,000 users" in drawn(panel)["layout"]["meta"]["alt"]
    assert panel.still().layout.meta["alt"] == drawn(panel)["layout"]["meta"]["alt"]


def test_earlier_runs_stay_as_points_until_the_curve_changes(panel):
    def points():
        return len(next(trace for trace in drawn(panel)["data"] if trace["name"] == "runs")["x"])

    panel.set(users=1000)
    panel.set(users=2000)
    assert points() == 3
    panel.set(cpus=8)
    assert points() == 1


@pytest.mark.parametrize("now, start, better, said, colour", [
    (110, 100, 1, "▲ +10 % better", BETTER), (110, 100, -1, "▲ +10 % worse", WORSE),
    (90, 100, -1, "▼ −10 % better", BETTER), (5000, 100, -1, "▲ x 50 worse", WORSE),
    (3, 0, -1, "▲ from 0 worse", WORSE), (100, 100, 1, "= as at the start", None)])
def test_tiles_compare_with_the_start_by_arrow_sign_word_and_colour(now, start, better, said, colour):
    words, shown = compare(now, start, better)
    assert words == said and (colour is None or shown == colour)


def test_tiles_show_the_run(panel):
    panel.set(users=4000, cpus=8)
    row = panel.run.summary().iloc[0]
    assert f"{row.throughput_per_s:,.0f}" in panel._tiles.value and f"${row.usd_per_month:,.0f}" in panel._tiles.value
    assert "worse" in panel._tiles.value and "better" in panel._tiles.value


def test_goals_tick_on_what_is_shown_and_on_nothing_else(panel):
    goals = panel._goals
    assert goals.asked == [panel.settings] and "keep p99 &lt; 100 ms" in panel._goal_list.value
    assert panel._goal_list.value.count("☑") == 1
    panel.set(users=100_000)
    assert goals.ticked == [True, True, False] and panel._goal_list.value.count("☑") == 2


def test_a_chart_of_the_lesson_gets_run_and_settings():
    def doubled(run, settings):
        return [{"type": "scatter", "name": "sent", "x": [settings["users"]], "y": [len(run.requests)]}]

    panel = explore(shop, users=(10, 1000), chart=doubled, seconds=5)
    panel.set(users=500)
    assert drawn(panel)["data"][-1]["x"] == [500] and drawn(panel)["data"][-1]["y"] == [len(panel.run.requests)]


@pytest.mark.parametrize("chart", ["latency", "timeline", "distribution"])
def test_every_named_chart_is_drawn_at_every_end(chart):
    panel = explore(shop, users=(10, 1_000_000), chart=chart, seconds=20)
    for users in (10, 1_000_000):
        panel.set(users=users)
        assert panel.error == "" and panel.still().data


# --- live ---

def test_axes_hold_still_between_the_ends_of_the_sliders(panel):
    before = drawn(panel)["layout"]["yaxis2"]["range"]
    for users in (10, 3000, 1_000_000):
        panel.set(users=users)
        assert drawn(panel)["layout"]["yaxis2"]["range"] == before and "axis" not in panel._status.value


def test_a_change_of_axis_is_announced():
    def burst(run, settings):
        return [{"type": "scatter", "name": "burst", "x": [1, 2], "y": [1, 10**6 if settings["users"] == 500 else 2]}]

    panel = explore(shop, users=(10, 1000), chart=burst, seconds=5)
    panel.set(users=500)
    assert "now goes from" in panel._status.value
    panel.set(users=600)
    assert "now goes from" not in panel._status.value


def test_a_million_users_stay_live_and_the_panel_says_how(panel):
    panel.set(users=1_000_000, cpus=1000)
    assert len(panel.run.requests) < 210_000 and panel.run.seconds == pytest.approx(3)
    assert "Shortened from 20 s" in panel._status.value
    panel.reset()
    assert panel.run.seconds == 20 and "Shortened" not in panel._status.value


def test_of_the_moves_during_a_run_only_the_newest_runs():
    positions = []

    def slow(users=100):
        positions.append(users)
        if users == 200 and positions.count(200) == 1:
            # As if the hand went on while this position runs.
            for later in range(300, 900, 100):
                panel._sliders["users"].widget.value = later
        return shop(users)

    panel = explore(slow, users=(10, 900, 10), seconds=5)
    positions.clear()
    panel._sliders["users"].widget.value = 200
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
    panel._sliders["users"].widget.value = 666
    assert panel.run is before and panel.error == "ZeroDivisionError: the learner's slip"
    assert "No run at users = 666" in panel._status.value and "Traceback" not in panel._status.value
    panel._sliders["users"].widget.value = 300
    assert panel.error == "" and panel.run.clients.users == 300


def test_back_to_the_last_good_place_runs_again():
    panel = explore(fragile, users=(10, 1000), seconds=5)
    panel.set(users=666)
    panel.set(users=100)
    assert panel.error == "" and "No run" not in panel._status.value


def test_an_interrupt_by_hand_stays_in_the_panel_and_in_a_cell_ends_the_cell():
    panel = explore(fragile, users=(10, 1000), seconds=5)
    panel._sliders["users"].widget.value = 777
    assert panel.error == "interrupted" and "interrupted" in panel._status.value
    with pytest.raises(KeyboardInterrupt):
        panel.reset()
        panel.set(users=777)
    panel.set(users=300)
    assert panel.error == "" and panel.run.clients.users == 300


# --- text form ---

def test_text_form_is_constant(panel):
    bundle = panel._repr_mimebundle_()
    panel.set(users=5000)
    assert panel._repr_mimebundle_()["text/plain"] == bundle["text/plain"] == repr(panel)
    other = explore(shop, users=(10, 1_000_000), cpus=(1, 1000), goals=ThreeGoals(), seconds=20)
    assert repr(other) == bundle["text/plain"]
    assert "slider users: 10 to 1,000,000 users, logarithmic; starts at 100" in bundle["text/plain"]
    assert "goal: make it crash" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_two_panels_draw_the_same_bytes():
    assert explore(shop, users=(10, 1000))._plot.figure == explore(shop, users=(10, 1000))._plot.figure


# --- sliders ---

def farm(users=100, machines=2, policy="round_robin", ram_gb=4.0):
    return LoadBalancer([Server(4, ram_gb)] * machines, policy=policy), Clients(users)


def test_sliders_come_from_the_knobs_that_build_names():
    panel = explore(farm, seconds=5)
    kinds = [type(slider.widget) for slider in panel._sliders.values()]
    assert kinds == [ipywidgets.FloatLogSlider, ipywidgets.IntSlider, ipywidgets.Dropdown, ipywidgets.FloatLogSlider]
    assert panel.settings == {"users": 100, "machines": 2, "policy": "round_robin", "ram_gb": 4.0}
    panel.set(policy="random", machines=3)
    assert panel.run.nodes[0].component.policy == "random" and len(panel.run.nodes) == 4
    assert panel._sliders["users"].ends_text() == ["10 a club", "1,000,000 a big city"]


@pytest.mark.parametrize("given, kind, values", [
    ({"users": (10, 50)}, ipywidgets.IntSlider, [10, 50]), ({"users": (10, 50, 5)}, ipywidgets.IntSlider, [10, 50]),
    ({"users": (10, 10_000)}, ipywidgets.FloatLogSlider, [10, 10_000]),
    ({"users": [10, 100]}, ipywidgets.Dropdown, [10, 100]), ({"users": 50}, ipywidgets.FloatLogSlider, [10, 1_000_000]),
    ({"users": ipywidgets.IntSlider(60, 50, 100)}, ipywidgets.IntSlider, [50, 100])])
def test_short_forms_of_sliders(given, kind, values):
    def build(users):
        return shop(users)

    panel = explore(build, **given, seconds=5)
    assert type(widget(panel, "users")) is kind and panel._sliders["users"].end_values() == values
    for value in values:
        panel.set(users=value)
        assert panel.run.clients.users == value


def test_a_bool_is_a_box():
    def build(users=100, with_database=True):
        return Server(4, 4, calls=[Database()] if with_database else []), Clients(users)

    panel = explore(build, with_database=True, seconds=5)
    panel.set(with_database=False)
    assert len(panel.run.nodes) == 1


def five(users=1, cpus=2, ram_gb=3, retries=0, service_ms=10):
    return shop(users)


def nameless(users=100, wobble=0):
    return shop(users)


@pytest.mark.parametrize("build, given, message", [
    (shop, {"user": (1, 10)}, r"explore\(user=\(1, 10\)\): user must be a parameter of build, one of 'users', 'cpus'"),
    (five, {}, "from 1 to 4 names"), (lambda: shop(), {}, "from 1 to 4 names"),
    (shop, {"users": (200, 1000)}, r"explore\(users=100\): users must be a whole number, 200 to 1,000"),
    (shop, {"users": (10, 5)}, "low < high"), (shop, {"users": (10, float("inf"))}, "finite"),
    (shop, {"users": (10, 200, 0)}, "0 < step"), (shop, {"users": (10, 200, 500)}, "0 < step"),
    (shop, {"users": "many"}, "users must be"), (shop, {"users": []}, "users must be"),
    (shop, {"users": [10, 20]}, "one of 10, 20"), (nameless, {"wobble": None}, "wobble must be given a range"),
    (lambda users, size: shop(users), {"users": (10, 20)}, "size must be given a slider, or a default"),
    (shop, {"users": (10, 1000), "chart": "pie"}, "chart='pie'"),
    (shop, {"users": (10, 1000), "seconds": 0}, "seconds must be"),
    (shop, {"users": (10, 1000), "seed": -1}, "seed must be")])
def test_wrong_arguments_are_named(build, given, message):
    with pytest.raises(ValueError, match=message):
        explore(build, **given)


@pytest.mark.parametrize("given, message", [
    ({"user": 1}, "user must be one of the sliders 'users', 'cpus'"), ({"users": 5}, "users must be a whole number"),
    ({"users": 100.5}, "users must be a whole"), ({"users": "many"}, "users must be"), ({"users": True}, "users must"),
    ({"seed": -1}, "seed must be")])
def test_set_refuses_and_moves_nothing(panel, given, message):
    with pytest.raises(ValueError, match=message):
        panel.set(**{"cpus": 8, **given})
    assert panel.settings == {"users": 100, "cpus": 4} and panel.runs_made == 0


def test_one_is_said_in_the_singular():
    said = [panel_sliders.one_or_many(value, unit) for value, unit in ((1, "cores"), (2, "cores"), (1, "s"), (1, "GB"))]
    assert said == ["core", "cores", "s", "GB"]
