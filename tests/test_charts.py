"""Figures are checked as numbers: what is drawn is what was measured."""

import json
import math
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import plotly.io as pio
import pytest

from sdlib import charts
from sdlib.charts import theme
from sdlib.charts.axes import HeldAxes
from sdlib.charts.diagram import FILL_OPACITY, edge_rate, line_width, squares
from sdlib.charts.erlang import offered_load
from sdlib.charts.latency import CRASHED, END, TIMES_IDLE, past
from sdlib.charts.layout import way_past
from sdlib.charts.page import OF_THE_PAGE, ON_DARK
from sdlib.charts.parts import LOOKS
from sdlib.charts.picture import PLOTLY_MIME
from sdlib.charts.placing import layers, place
from sdlib.charts.shapes import OUTLINES, filled, outline
from sdlib.charts.side_by_side import side_by_side
from sdlib.charts.still import REQUESTS_PER_REDRAW, run_at
from sdlib.charts.theme import GREEN, HATCH_OPACITY, INK, ON_COLOUR, ORANGE, VERMILION, Plot
from sdlib.charts.words import duration, number, percent, percentage
from sdlib.components.cache import Cache
from sdlib.components.clients import Clients
from sdlib.components.database import Database
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.providers import MailProvider
from sdlib.components.queue import Queue
from sdlib.components.retry import Retry
from sdlib.components.server import Server
from sdlib.components.worker import Worker
from sdlib.engine.blueprint import blueprint
from sdlib.engine.schedule import at
from sdlib.lessons.shop import shop as lesson_shop
from sdlib.results.simulate import simulate
from sdlib.theory import mmc

# JupyterLab's dark theme: its words (white at 87 %) on its second ground.
DARK_INK, DARK_GROUND = "#E0E0E0", "#212121"


def shop(users=100, cpus=4, ram_gb=4):
    return Server(cpus, ram_gb, calls=[Database()], name="shop"), Clients(users)


@pytest.fixture(scope="module")
def busy():
    return simulate(*shop(users=5000), seconds=20, seed=1)


@pytest.fixture(scope="module")
def crashed():
    return simulate(*shop(users=20_000), seconds=60, seed=1)


def trace(figure, name):
    return next(one for one in figure.data if one.name == name)


def texts(figure):
    return " ".join(trace(figure, "words").text)


def polygons(one):
    """The (x, y) arrays of a trace's polygons."""
    xs, ys = np.array(one.x, dtype=float), np.array(one.y, dtype=float)
    gaps = [-1, *np.flatnonzero(np.isnan(xs))]
    return [(xs[a + 1:b], ys[a + 1:b]) for a, b in zip(gaps, gaps[1:])]


# --- one look ---

def every_figure(run):
    return [charts.diagram(run.system), charts.diagram(run), charts.timeline(run), charts.latency_distribution(run),
            charts.latency_against_utilization(run), charts.still(shop, {"users": 1000})]


def test_every_figure_says_in_a_sentence_what_is_to_be_seen(busy):
    for figure in every_figure(busy):
        assert figure.layout.meta["alt"].endswith(".") and len(figure.layout.meta["alt"]) > 40


def test_every_figure_is_light_opaque_and_of_a_fixed_size(busy):
    for figure in every_figure(busy):
        assert len(figure.to_json()) < 25_000
        assert figure.layout.template.layout.paper_bgcolor == "#FBFBF8"
        assert figure.layout.width and figure.layout.height and figure.layout.autosize is False


def test_in_a_notebook_a_figure_takes_the_width_of_the_page_and_keeps_the_rest(busy):
    for figure in every_figure(busy):
        kept, shown = json.loads(figure.to_json()), figure._repr_mimebundle_()[PLOTLY_MIME]
        assert "width" not in shown["layout"] and shown["layout"]["autosize"] is True
        assert shown["layout"]["meta"]["width"] == kept["layout"]["width"] == figure.layout.width
        same = ("template", "height", "annotations", "shapes", "legend")
        assert shown["data"] == kept["data"]
        assert [shown["layout"].get(name) for name in same] == [kept["layout"].get(name) for name in same]


def test_two_figures_of_one_run_are_the_same_bytes(busy):
    one, other = (json.dumps(charts.timeline(busy)._repr_mimebundle_()) for _ in range(2))
    assert one == other


def luminance(colour):
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055)**2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """As the Web Content Accessibility Guidelines define it."""
    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(over, under, opacity):
    """A half transparent colour on a ground."""
    pairs = [(int(over[at:at + 2], 16), int(under[at:at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(opacity * a + (1 - opacity) * b):02X}" for a, b in pairs)


@pytest.mark.parametrize("colour", [colour for colour, _ in LOOKS.values()])
def test_words_on_bars_are_read_in_both_themes_hatched_or_not(colour):
    assert ON_COLOUR not in {*OF_THE_PAGE, *ON_DARK}, "these words keep their colour"
    for on_page, hatch in ((colour, INK), (ON_DARK.get(colour, colour), DARK_INK)):
        assert contrast(ON_COLOUR, on_page) >= 4.5
        assert contrast(ON_COLOUR, mixed(hatch, on_page, HATCH_OPACITY)) >= 3


@pytest.mark.parametrize("colour", [GREEN, ORANGE, VERMILION])
def test_words_on_a_filled_box_are_read_in_both_themes(colour):
    assert contrast(INK, mixed(colour, "#FFFFFF", FILL_OPACITY)) >= 4.5
    assert contrast(DARK_INK, mixed(ON_DARK[colour], DARK_GROUND, FILL_OPACITY)) >= 4.5


def test_no_global_template_is_switched(busy):
    before = pio.templates.default
    every_figure(busy)
    assert pio.templates.default == before == "plotly"


# --- diagram ---

@pytest.mark.parametrize("shape", [*OUTLINES, "something else"])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5, 0.97, 1.0])
def test_fill_reaches_exactly_the_share_of_the_height(shape, share):
    points = outline(shape, (100, 50), (80, 60))
    heights = [y for _, y in filled(points, share)]
    assert min(heights) == pytest.approx(20) and max(heights) == pytest.approx(20 + 60 * share)


def test_fill_height_in_the_diagram_is_the_utilization(busy):
    figure = charts.diagram(busy)
    boxes = polygons(trace(figure, "box"))
    fills = [one for level in ("calm", "busy", "full") for one in polygons(trace(figure, f"fill {level}"))]
    for name, (xs, ys) in zip(("shop", "database"), boxes):
        inside = next(fill for fill in fills if xs.min() - 0.2 <= fill[0].min() and fill[0].max() <= xs.max() + 0.2)
        share = (inside[1].max() - ys.min()) / (ys.max() - ys.min())
        assert share == pytest.approx(busy.stations.loc[name, "utilization"], abs=0.01)
    assert percent(busy.stations.loc["shop", "utilization"]) in texts(figure)
    assert percent(busy.stations.loc["shop", "utilization"]) + " busy" in figure.layout.meta["alt"]


def test_a_crash_is_told_without_colour(busy, crashed):
    whole, broken = charts.diagram(busy), charts.diagram(crashed)
    assert "CRASHED" in texts(broken) and "crashed" in broken.layout.meta["alt"]
    assert len(polygons(trace(broken, "hatch"))) > 5 and trace(broken, "trouble").line.dash
    assert "CRASHED" not in texts(whole) and not polygons(trace(whole, "hatch"))


def test_queue_is_a_stack_with_its_number(crashed):
    figure, queue = charts.diagram(crashed), crashed.stations.loc["shop", "mean_queue"]
    assert len(trace(figure, "queue").x) >= squares(queue) > 0
    assert f"queue {number(queue)}" in texts(figure)


def test_stack_grows_with_the_logarithm_of_the_queue():
    counts = [squares(queue) for queue in (0, 0.4, 1, 10, 100, 1000)]
    assert counts[:2] == [0, 0] and counts == sorted(counts)
    assert counts[4] - counts[3] == counts[3] - counts[2] and squares(1e12) == squares(1e9)


def test_traffic_is_the_width_of_the_line(busy):
    ribbons = polygons(trace(charts.diagram(busy), "traffic"))
    widths = [math.dist((xs[0], ys[0]), (xs[3], ys[3])) for xs, ys in ribbons]
    sent = busy.summary()["sent"].iloc[0] / busy.seconds
    assert widths[0] == pytest.approx(line_width(sent), abs=0.2)
    assert line_width(10) < line_width(1000)


def test_traffic_to_a_shared_database_is_shared_among_its_callers():
    run = simulate(LoadBalancer([Server(4, 4, calls=[Database()])] * 2), Clients(1000), seconds=20)
    names = [node.name for node in run.nodes]
    seen = [{"per_s": run.stations.loc[name, "served"] / 20} for name in names]
    database = names.index("database")
    rates = [edge_rate(run.nodes, seen, parent, database) for parent in run.nodes[0].children]
    assert sum(rates) == pytest.approx(seen[database]["per_s"]) and min(rates) > 0


def test_a_hundred_machines_are_collapsed():
    figure = charts.diagram(LoadBalancer([Server(4, 4, calls=[Database()])] * 100))
    assert "5 of 100 shown" in texts(figure) and "5 of 100 shown" in figure.layout.meta["alt"]
    assert len(polygons(trace(figure, "box"))) == 1 + 5 + 1


def test_six_machines_are_all_shown_and_what_only_hidden_ones_call_is_hidden():
    six = LoadBalancer([Server(4, 4)] * 6)
    assert len(polygons(trace(charts.diagram(six), "box"))) == 7
    own = LoadBalancer([Server(4, 4, calls=[Database()]) for _ in range(9)])
    assert len(polygons(trace(charts.diagram(own), "box"))) == 1 + 5 + 5


def test_boxes_stand_right_of_all_that_call_them_and_do_not_overlap():
    database = Database()
    system = LoadBalancer([Server(4, 4, calls=[Cache(database), database, Queue(Worker())])] * 3)
    nodes = blueprint(system)
    spots, layer = place(nodes, 800, 300), layers(nodes)
    for node in nodes:
        assert all(layer[child] > layer[node.index] for child in node.children)
    centres = list(spots.centre.values())
    for one in range(len(centres)):
        for other in range(one):
            apart = [abs(a - b) for a, b in zip(centres[one], centres[other])]
            assert apart[0] >= spots.box[0] or apart[1] >= spots.box[1]


def test_plain_diagram_says_what_each_box_is_made_of():
    said = texts(charts.diagram(shop()[0], highlight="database"))
    assert "4 cores<br>4 GB" in said and "16 connections" in said and "NEW: database" in said


def test_words_that_do_not_fit_into_a_box_stand_below_it():
    wide, narrow = charts.diagram(shop()[0]), charts.diagram(shop()[0], width=300)
    assert "16 connections<br>1 ms a query" in texts(wide)
    assert "16 connections<br>" not in texts(narrow) and "16 connections,<br>1 ms a query" in texts(narrow)


def test_no_words_below_a_box_reach_into_those_of_its_neighbour():
    """In two lines where a column is too narrow for them."""
    mail = Queue(Worker(20, work_ms=5.0, calls=[MailProvider(per_s=30.0)], per_s=25.0))
    words = trace(charts.diagram(Server(4, 8, calls=[mail])), "words")
    below = sorted((x, max(map(len, text.split("<br>"))) * 0.56 * size) for x, text, size
                   in zip(words.x, words.text, words.textfont.size) if "per second" in text or "timeout" in text)
    assert len(below) == 3
    for (x, width), (next_x, next_width) in pairwise(below):
        assert x + width / 2 <= next_x - next_width / 2


def test_a_diagram_says_what_an_upgrade_made_of_a_machine():
    server = Server(cpus=4, ram_gb=4)
    for at_s, said in ((5, "4, then 8 cores, 4 GB"), (15, "4 cores, 4 GB")):
        run = simulate(server, Clients(users=100), seconds=10, seed=1,
                       schedule=[at(at_s - 2, "upgrade", server, cpus=8, down_s=2)])
        assert said in trace(charts.diagram(run), "words").text


@pytest.mark.parametrize("wanted, taken, found", [
    (50, [], 50), (50, [(40, 60)], 35), (55, [(40, 60)], 65), (50, [(0, 60), (80, 100)], 65),
    (50, [(0, 48), (52, 100)], None), (2, [(40, 60)], 5)])
def test_a_line_passes_by_what_stands_in_its_way(wanted, taken, found):
    assert way_past(wanted, taken, room=5, low=0, high=100) == found


def test_no_line_of_a_diagram_runs_behind_a_box():
    figure, share = charts.diagram(lesson_shop(8)), np.linspace(0, 1, 100)
    for line in polygons(trace(figure, "traffic")):
        x, y = ((corners[0] + corners[3]) / 2 * (1 - share) + (corners[1] + corners[2]) / 2 * share for corners in line)
        for xs, ys in polygons(trace(figure, "box")):
            assert not ((xs.min() + 1 < x) & (x < xs.max() - 1) & (ys.min() < y) & (y < ys.max())).any()


def grounds(figure):
    """{text: (left, right, low, high)} of the words of a diagram, as wide as in a wide type."""
    words = trace(figure, "words")
    grounds = {}
    for x, y, text, size in zip(words.x, words.y, words.text, words.textfont.size):
        lines = text.replace("<b>", "").replace("</b>", "").split("<br>")
        wide, high = max(map(len, lines)) * (0.6 if "<b>" in text else 0.54) * size / 2, 0.6 * size * len(lines)
        grounds[text, x, y] = x - wide, x + wide, y - high, y + high
    return grounds


@pytest.fixture(scope="module", params=[5, 6, 7, 8, 9, 11, 13, 15, 18, 19])
def shop_diagram(request):
    return charts.diagram(lesson_shop(request.param))


def test_no_line_of_a_diagram_crosses_a_word(shop_diagram):
    share = np.linspace(0, 1, 200)
    for line in polygons(trace(shop_diagram, "traffic")):
        x, y = ((corners[0] + corners[3]) / 2 * (1 - share) + (corners[1] + corners[2]) / 2 * share for corners in line)
        for word, (left, right, low, high) in grounds(shop_diagram).items():
            if "×" not in word[0]:
                assert not ((left < x) & (x < right) & (low < y) & (y < high)).any(), word


def test_the_words_of_a_diagram_touch_no_other_word_and_no_box_and_are_not_cut_off(shop_diagram):
    words = grounds(shop_diagram)
    boxes = [(xs.min(), xs.max(), ys.min(), ys.max()) for xs, ys in polygons(trace(shop_diagram, "box"))]
    inside = [word for word, (left, right, low, high) in words.items()
              if any(box[0] < word[1] < box[1] and box[2] < word[2] < box[3] for box in boxes)]
    for (word, one), (other, another) in combinations([*words.items(), *(("a box", box) for box in boxes)], 2):
        if word not in inside:
            apart = max(one[0] - another[1], another[0] - one[1], one[2] - another[3], another[2] - one[3])
            assert apart >= 0, (word, other)
    for left, right, low, high in words.values():
        assert left >= -8 and right <= shop_diagram.layout.width - 8
        assert low >= -8 and high <= shop_diagram.layout.height - 8


def test_a_long_name_goes_on_in_a_further_line():
    said = trace(charts.diagram(lesson_shop(8)), "words").text
    assert {"<b>product<br>balancer</b>", "<b>payment</b>"} <= set(said)


def test_a_diagram_says_from_how_many_to_how_many_users_a_crowd_grows():
    growing = Clients(100, profile=[(5, 10), (50, 20)])
    for seconds, said in ((3, "100 users"), (20, "100 to 1,000 users")):
        run = simulate(shop()[0], growing, seconds=seconds)
        assert f"<b>{said}</b>" in trace(charts.diagram(run), "words").text
        assert f"{said} send" in charts.diagram(run).layout.meta["alt"]


def test_a_diagram_is_as_wide_as_its_columns_need():
    chain = LoadBalancer([Server(4, 4, calls=[Cache(Database())])])
    assert charts.diagram(shop()[0]).layout.width < charts.diagram(chain).layout.width <= 840


def test_nearly_idle_is_not_idle():
    run = simulate(*shop(users=10), seconds=60)
    assert "<b>&lt; 0.1 %</b><br>busy" in texts(charts.diagram(run)) and "0.0 %" not in texts(charts.diagram(run))


def test_unknown_highlight_names_the_known_ones():
    with pytest.raises(ValueError, match="highlight='cdn'.*'shop', 'database'"):
        charts.diagram(shop()[0], highlight="cdn")


# --- latency ---

def test_curve_is_erlang_c():
    curve = charts.erlang_curve(Server(4, 4))
    row = curve[np.isclose(curve.utilization, 0.9)].iloc[0]
    assert row.mean_ms == pytest.approx(mmc(0.9 * 400, 10, 4).mean_latency_ms)
    assert curve.utilization.is_monotonic_increasing and curve.mean_ms.is_monotonic_increasing


def test_curve_of_a_server_with_a_database_adds_both():
    curve = charts.erlang_curve(shop()[0])
    row = curve[np.isclose(curve.utilization, 0.81)].iloc[0]
    both = mmc(0.81 * 400, 10, 4).mean_latency_ms + mmc(0.81 * 400, 1, 16).mean_latency_ms
    assert row.mean_ms == pytest.approx(both)


@pytest.mark.parametrize("system", [LoadBalancer([Server(4, 4)] * 2), Server(4, 4, distribution="constant"),
                                    Server(4, 4, calls=[Cache(Database())])])
def test_where_theory_does_not_hold_no_curve_is_drawn(system):
    assert charts.erlang_curve(system) is None
    figure = charts.latency_against_utilization(simulate(system, Clients(1000), seconds=5))
    assert [one.name for one in figure.data] == ["runs", "you are here"]


def test_here_is_the_last_run(busy, crashed):
    figure = charts.latency_against_utilization([crashed, busy])
    here, last = trace(figure, "you are here"), busy.summary().iloc[0]
    assert here.x[0] == pytest.approx(last.utilization_percent, rel=1e-4)
    assert here.y[0] == pytest.approx(last.mean_ms, rel=1e-4)
    assert (len(trace(figure, "runs").x), len(trace(figure, CRASHED).x)) == (1, 1)
    assert figure.layout.yaxis.type is None
    assert charts.latency_against_utilization(busy, log=True).layout.yaxis.type == "log"
    assert f"{last.utilization_percent:.1f} %" in figure.layout.meta["alt"]


def test_latency_chart_takes_a_sweep_and_its_own_theory():
    sweep = pd.DataFrame({"users": [1, 2], "utilization_percent": [10.0, 50.0], "mean_ms": [10.0, 20.0]})
    theory = pd.DataFrame({"utilization": [0.1, 0.5], "mean_ms": [11.0, 19.0]})
    figure = charts.latency_against_utilization(sweep, theory)
    assert list(trace(figure, "theory (Erlang C)").y) == [11.0, 19.0]
    with pytest.raises(ValueError, match="theory='magic'"):
        charts.latency_against_utilization(sweep, "magic")
    with pytest.raises(ValueError, match="at least one run in a list"):
        charts.latency_against_utilization([])


def test_distribution_marks_the_quantiles_and_theory(busy):
    theory = mmc(333, 10, 4).latency_quantile_ms
    figure = charts.latency_distribution(busy, theory)
    latency = busy.requests.latency_ms[busy.requests.status == "ok"]
    for label, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert trace(figure, label).x[0] == pytest.approx(np.quantile(latency, quantile), rel=1e-4)
        assert trace(figure, label).y[0] == pytest.approx(1 - quantile)
    line = trace(figure, "theory")
    assert line.x[80] == pytest.approx(theory(1 - line.y[80]), rel=1e-3)


# --- timeline ---

def test_outages_are_bands_from_crash_to_restart(crashed):
    downs, figure = charts.outages(crashed), charts.timeline(crashed)
    assert len(downs) == crashed.stations.loc["shop", "crashes"] >= 2
    for start, end, machine, what in downs:
        assert end == start + 30 and (machine, what) == ("shop", "CRASHED")
    bands = [shape for shape in figure.layout.shapes if shape.yref == "y domain"]
    assert [shape.x0 for shape in bands] == pytest.approx([start for start, *_ in downs], abs=1e-3)
    named = [note for note in figure.layout.annotations if "crashed" in note.text]
    assert named and all(note.yref == "y domain" and note.y == 1 and note.yanchor == "bottom" for note in named)
    assert f"shop crashed at {downs[0][0]:.1f} s" in figure.layout.meta["alt"]


def test_a_machine_that_does_not_come_back_is_a_band_to_the_end():
    server = Server(4, 4, name="shop")
    run = simulate(server, Clients(1000), seconds=20, schedule=[at(5, "kill", server)])
    assert charts.outages(run) == [(5.0, math.inf, "shop", "DOWN")]
    figure = charts.timeline(run)
    assert {(band.x0, band.x1) for band in figure.layout.shapes} == {(5, 20)}
    assert "shop down at 5.0 s, not to come back" in figure.layout.meta["alt"]


def test_planned_stop_is_a_band_too():
    run = simulate(Server(4, 4, down=[(5, 8)], name="shop"), Clients(1000), seconds=20)
    assert charts.outages(run) == [(5.0, 8.0, "shop", "DOWN")]


def test_a_calm_run_has_no_band(busy):
    figure = charts.timeline(busy)
    assert not figure.layout.shapes and "No machine was down." in figure.layout.meta["alt"]


def test_timeline_draws_the_bins_of_the_run(busy):
    figure, bins = charts.timeline(busy, every_s=1.0), busy.timeline(1.0)
    assert trace(figure, "answered per s").x == pytest.approx(bins.second + 0.5), "at the middle of each bin"
    assert trace(figure, "answered per s").y == pytest.approx(bins.throughput_per_s, rel=1e-4)
    assert trace(figure, "p99").y == pytest.approx(bins.p99_ms, rel=1e-4)
    inside = trace(figure, "requests inside")
    at_bin_ends = dict(zip(inside.x, inside.y, strict=True))
    assert [at_bin_ends[second + 1] for second in bins.second] == bins.in_system.tolist()


def test_memory_is_seen_to_be_full_when_the_server_crashes():
    run = simulate(Server(cpus=4, ram_gb=4), Clients(users=8_000), seconds=60, seed=1)
    assert run.stations["crashes"].sum() == 2
    inside = trace(charts.timeline(run, every_s=1), "requests inside")
    assert max(inside.y) == 512, "all that fits"
    assert inside.y[0] == 0


def test_who_waits_for_the_next_try_is_not_said_to_be_inside():
    patient = Clients(users=3_000, retry=Retry(times=10))
    run = simulate(Server(cpus=4, ram_gb=4, down=[(5, 15)]), patient, seconds=20, seed=1)
    figure = charts.timeline(run, every_s=1)
    between = trace(figure, "inside, or waiting for the next try")
    assert max(between.y) > 512 and trace(figure, "memory holds 512")
    assert "between two tries" in figure.layout.meta["alt"]


@pytest.mark.parametrize("every_s", [0.5, 1.0, 7.0])
def test_no_failure_is_drawn_before_the_crash_that_caused_it(crashed, every_s):
    bars = trace(charts.timeline(crashed, every_s=every_s), "failed per s")
    bins = crashed.timeline(every_s)
    assert bars.type == "bar" and bars.offset == 0
    assert bars.x[0] == pytest.approx(charts.outages(crashed)[0][0], rel=1e-4)
    assert bars.y == pytest.approx(bins.failed[bins.failed > 0] / every_s, rel=1e-4)


# --- stills, axes, words ---

def test_still_is_short_enough_to_stay_live():
    run = run_at(shop, {"users": 1_000_000, "cpus": 1000, "ram_gb": 128}, seconds=60)
    assert run.seconds == pytest.approx(REQUESTS_PER_REDRAW / (1_000_000 * 4 / 60))
    assert run_at(shop, {"users": 100}, seconds=60).seconds == 60


def test_settings_table_has_a_row_for_each_setting():
    table = charts.settings_table(shop, [{"users": 100}, {"users": 3000}], seconds=20)
    assert list(table.users) == [100, 3000]
    assert table.utilization_percent[1] > table.utilization_percent[0] > 0


def test_settings_table_with_a_machine_of_no_known_price():
    table = charts.settings_table(shop, [{"users": 100}, {"users": 100, "cpus": 2_000}], seconds=5)
    assert table["usd_per_month"].round().tolist()[0] > 0 and table["usd_per_month"].isna().tolist() == [False, True]
    assert charts.settings_table(shop, [{"users": 100}], seconds=5)["usd_per_month"].dtype == int


def test_a_still_has_the_system_left_of_the_chart_each_on_its_own_axes(busy):
    figure = charts.still(shop, {"users": 5000}, seconds=20, seed=1)
    box, here = trace(figure, "box"), trace(figure, "you are here")
    assert (box.xaxis, here.xaxis) == ("x", "x51")
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis51.domain[0]
    last = busy.summary().iloc[0]
    assert here.x[0] == pytest.approx(last.utilization_percent, rel=1e-4)
    band = next(shape for shape in figure.layout.shapes if shape.x0 == 100)
    assert (band.xref, band.yref) == ("x51", "y51 domain")


def test_side_by_side_keeps_what_each_figure_draws_and_says(busy):
    left, right = charts.diagram(busy, None, 440, 350), charts.timeline(busy, width=450, height=400)
    both = side_by_side(left, right)
    assert len(both.data) == len(left.data) + len(right.data)
    assert both.layout.height - both.layout.margin.b == 400, "the legend has room of its own"
    assert both.layout.meta["alt"] == left.layout.meta["alt"] + " " + right.layout.meta["alt"]
    assert both.layout.xaxis53.domain[0] > 440 / both.layout.width, "the third plot of the second figure"
    shares = [axis["domain"] for name, axis in both.layout.to_plotly_json().items() if name.startswith("yaxis5")]
    assert all(0 <= low < high <= 1 for low, high in shares)


def test_below_a_wide_figure_the_second_one_stands_below():
    left, right = (charts.diagram(LoadBalancer([Server(4, 4)] * 4), None, width, 300) for width in (1200, 450))
    both = side_by_side(left, right)
    assert (both.layout.width, both.layout.height - both.layout.margin.b) == (1200, 300 + 12 + 300)
    assert both.layout.yaxis51.domain[1] < both.layout.yaxis.domain[0]


def test_unknown_chart_names_the_known_ones():
    with pytest.raises(ValueError, match="chart='pie'.*'latency', 'timeline', 'distribution'"):
        charts.still(shop, {}, chart="pie")


def line_plot(top):
    return Plot([{"x": [0, 10], "y": [1, top]}], "", y={"type": "log", "title": {"text": "latency"}})


def test_logarithmic_axes_hold_until_a_value_leaves_them_and_then_say_so():
    held = HeldAxes()
    first, inside, outside = [line_plot(80)], [line_plot(20)], [line_plot(5000)]
    assert held.fit(first) == [] and held.fit(inside) == [] and inside[0].y["range"] == [0, 2]
    assert held.fit(outside) == ['The axis "latency" now goes from 1 to 10,000.'] and outside[0].y["range"] == [0, 4]
    again = [line_plot(20)]
    assert held.fit(again) == [] and again[0].y["range"] == [0, 4]
    held.reset()
    assert held.fit([line_plot(20)]) == []


@pytest.mark.parametrize("tops, ends", [((80, 70), 100), ((80, 30), 100), ((80, 20), 25), ((80, 300), 400)])
def test_a_linear_axis_holds_while_the_data_fills_a_quarter_of_it(tops, ends):
    held, plots = HeldAxes(), [Plot([{"x": [0, 1], "y": [0, top]}], "", y={"title": {"text": "n"}}) for top in tops]
    assert held.fit(plots[:1]) == []
    said = held.fit(plots[1:])
    assert plots[1].y["range"] == [0, ends]
    assert said == ([] if ends == 100 else [f'The axis "n" now goes from 0 to {ends}.'])


@pytest.mark.parametrize("ms, said", [(0.5, "0.5 ms"), (12, "12 ms"), (1234, "1.23 s"), (600_000, "10 min"),
                                      (math.nan, "-")])
def test_durations_in_words(ms, said):
    assert duration(ms) == said


@pytest.mark.parametrize("percents, said", [(0, "0"), (0.00015, "< 0.1"), (0.1, "0.1"), (12.34, "12.3"),
                                            (99.9, "99.9"), (99.99985, "> 99.9"), (100, "100")])
def test_nearly_all_is_not_all_and_nearly_none_not_none(percents, said):
    assert percentage(percents) == said


@pytest.mark.parametrize("share, said", [(0, "0.0 %"), (0.0003, "< 0.1 %"), (0.012, "1.2 %"), (0.5, "50 %"),
                                         (0.99995, "> 99.9 %"), (1, "100 %")])
def test_shares_in_words(share, said):
    assert percent(share) == said


@pytest.mark.parametrize("value, said", [(0, "0"), (1234567, "1,234,567"), (12.34, "12.3"), (0.0512, "0.0512"),
                                         (None, "-"), (100.4, "100")])
def test_numbers_in_words(value, said):
    assert number(value) == said


def test_here_says_that_only_answered_requests_count_after_a_crash(busy, crashed):
    after, before = (charts.latency_against_utilization(run).layout.annotations[0].text for run in (crashed, busy))
    assert "CRASHED" in after and "mean of those answered: " in after
    assert "CRASHED" not in before and "answered" not in before


def test_a_latency_beside_failures_says_that_it_is_that_of_the_answered(crashed):
    def titles(figure):
        return {axis.get("title", {}).get("text") for name, axis in figure.layout.to_plotly_json().items()
                if name.startswith("yaxis")}
    figure = charts.timeline(crashed)
    assert "latency of answered" in titles(figure) and "The p99 of the answered reached" in figure.layout.meta["alt"]
    assert "latency of answered (ms)" in titles(charts.still(shop, {"users": 20_000}, chart="timeline"))


# --- past the wall ---

def here_and_label(figure):
    return trace(figure, "you are here"), figure.layout.annotations[0]


@pytest.fixture(scope="module")
def slow():
    """Overloaded, with memory enough for a minute."""
    return simulate(*shop(users=7000, ram_gb=128), seconds=20)


def test_a_run_past_capacity_stands_the_further_right_the_more_it_was_offered(busy, slow, crashed):
    figure = charts.latency_against_utilization([busy, slow])
    here, label = here_and_label(figure)
    # 7,000 users ask 467 times a second for 10 ms; four cores do 400.
    load = 7000 * 4 / 60 * 0.010 / 4
    assert here.x[0] == trace(figure, "runs").x[1] == pytest.approx(past(load), rel=1e-4) and past(load) > 100
    assert "OVERLOADED" in label.text and "1.17 x its capacity" in label.text
    assert 100 < past(1.08) < past(1.33) - 4 < past(2) < past(1000) < END
    assert past(0.9) == 90 and here_and_label(charts.latency_against_utilization(busy))[0].x[0] < 100


@pytest.mark.parametrize("log", [False, True])
def test_a_crashed_run_is_a_cross_at_the_upper_edge_and_never_a_ring(busy, crashed, log):
    figure = charts.latency_against_utilization([busy, crashed, crashed], log=log)
    top = figure.layout.yaxis.range[1]
    crosses, (here, label) = trace(figure, CRASHED), here_and_label(figure)
    assert list(crosses.y) == [10**top if log else top] * 2 and list(here.y) == [crosses.y[0]]
    # 20,000 users ask 1,333 times a second for 10 ms; four cores do 400.
    assert offered_load(crashed) == pytest.approx(20_000 * 4 / 60 * 0.010 / 4) and "3.33 x its capacity" in label.text
    assert crosses.x == pytest.approx([past(offered_load(crashed))] * 2, rel=1e-4)
    assert crosses.marker.symbol == here.marker.symbol == "x" and "CRASHED" in label.text
    assert list(trace(figure, "runs").x) == [pytest.approx(busy.measures()["utilization_percent"], rel=1e-4)]
    assert duration(crashed.measures()["mean_ms"]) in label.text


@pytest.mark.parametrize(("most", "room"), [(70_000, None), (240_000, "left")])
def test_an_axis_makes_room_for_ticks_of_six_digits(most, room):
    plot = Plot([theme.line("inside", [0, 1], [0, most])], "It rises.", y={"title": {"text": "requests"}})
    made = theme.figure([plot])
    assert made.layout.yaxis.automargin == room


def test_labels_stand_above_the_plot_where_no_data_is(busy, crashed):
    for run in (busy, crashed):
        label = here_and_label(charts.latency_against_utilization(run))[1]
        assert (label.yref, label.y, label.yanchor) == ("y domain", 1, "bottom")


def test_a_run_above_a_linear_axis_is_an_arrow_at_its_top_and_keeps_its_number(slow):
    figure = charts.latency_against_utilization(slow)
    (here, label), (low, top) = here_and_label(figure), figure.layout.yaxis.range
    idle_ms = charts.erlang_curve(shop()[0]).mean_ms[0]
    assert low == 0 and slow.summary().mean_ms.iloc[0] > top >= TIMES_IDLE * idle_ms
    assert here.y[0] == top and here.marker.symbol == "triangle-up"
    assert duration(slow.summary().mean_ms.iloc[0]) in label.text
    assert trace(charts.latency_against_utilization(slow, log=True), "you are here").marker.symbol == "star-diamond"


def test_offered_load_is_shared_by_the_machines_of_a_load_balancer_and_unknown_behind_a_cache():
    five = simulate(LoadBalancer([Server(4, 4, calls=[Database()])] * 5), Clients(30_000), seconds=1)
    assert offered_load(five) == pytest.approx(30_000 * 4 / 60 / 5 * 0.010 / 4)
    assert math.isnan(offered_load(simulate(Server(4, 4, calls=[Cache(Database())]), Clients(100), seconds=1)))


def test_a_mark_at_the_edge_of_a_logarithmic_axis_has_room():
    marks = Plot([{"mode": "markers", "y": [10.5, 200]}], "", y={"type": "log"})
    HeldAxes().fit([marks])
    assert marks.y["range"] == [0, 3]
