"""What lesson 18 claims, across seeds: what edges make quicker, what they cannot, and when they have forgotten."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.charts.edges import (
    answered_at_the_edge_percent,
    asked_per_s,
    edges_of,
    how_warm_each_edge_is,
    mean_latency_ms,
)
from sdlib.charts.in_front import answered_in_front_percent
from sdlib.lessons.lesson_18 import HARD, MARKETS, MEDIUM, MOST_MEAN_MS, _per_s, hit_percent, pages_p95_ms
from sdlib.lessons.placing import place
from sdlib.lessons.shop import PAGES
from sdlib.theory import confidence_interval, ttl_hit_ratio

SEEDS = range(20)
ROUTES = {"/static": 0.6, "/product": 0.32, "/user": 0.04, "/order": 0.028, "/payment": 0.012}


def world(edges=43, ttl_s=3600, users=12_000, objects=1_000, **more):
    shop = sd.Server(cpus=64, ram_gb=64, name="shop")
    pictures = sd.Clients(users=users, objects=objects, routes={"/static": 1}, countries=sd.data.crowd())
    return sd.CDN(shop, edges=edges, caches={"/static": ttl_s}, **more), pictures


@cache
def shops(seed, seconds=30):
    """What stood before and what stands after."""
    crowd = sd.Clients(users=12_000, routes=ROUTES, objects=1_000, countries=sd.data.crowd())
    return [sd.simulate(sd.shop(lesson), crowd, seconds=seconds, seed=seed) for lesson in (17, 18)]


def interval(values):
    return confidence_interval(values, level=0.99)


def latency(run, country, is_picture, quantile):
    rows = run.requests.query("status == 'ok'")
    rows = rows[(rows["country"] == country) & ((rows["route"] == "/static") == is_picture)]
    return rows["latency_ms"].quantile(quantile)


def test_the_lesson_s_pages_are_the_shop_s():
    assert pytest.approx(PAGES) == ROUTES


def test_the_document_s_regions_are_cities():
    assert len(sd.CDN(sd.Server(4, 4)).cities) == 43 == sd.CDN(sd.Server(4, 4)).table()["edge"].nunique()
    assert sd.CDN(sd.Server(4, 4)).table().set_index("country").loc["US", "edge"] == "Newark"


@pytest.mark.parametrize("edge", ["Newark", "São Paulo", "Tokyo"])
def test_the_first_request_at_an_edge_takes_the_long_way_and_the_next_does_not(edge):
    country = {"Newark": "US", "São Paulo": "BR", "Tokyo": "JP"}[edge]
    twice = sd.Clients(users=2, arrivals_s=[0, 5], objects=1, routes={"/static": 1}, countries={country: 1})
    for seed in SEEDS:
        run = sd.simulate(world([edge])[0], twice, seconds=10, seed=seed)
        first, again = run.requests["latency_ms"]
        far_ms = run.system.stores[0].target.rtt_ms
        assert first > far_ms and again < far_ms / 10 and run.stations.loc["shop", "served"] == 1


def test_pages_travel_as_before_less_the_handshakes_and_pictures_do_not_travel():
    after_ms = []
    for seed in SEEDS[:4]:
        old, new = shops(seed)
        assert old.measures()["failed"] == new.measures()["failed"] == 0
        for country, rtt_ms in (("US", 210), ("BR", 302)):
            halves = [latency(run, country, False, 0.5) for run in (old, new)]
            assert halves[1] == pytest.approx(halves[0], abs=20) and halves[1] > rtt_ms
            slow = [latency(run, country, False, 0.95) for run in (old, new)]
            assert 0.3 < slow[1] / slow[0] < 0.5, "one round trip of three, and the shop's own time"
        assert latency(old, "US", True, 0.5) > 200 > 10 > latency(new, "CN", True, 0.5)
        after_ms.append(pages_p95_ms(new))
    assert 240 < np.mean(after_ms) < 280


def test_the_p95_of_the_countries_falls_on_the_map_and_mumbai_s_own_does_not():
    old, new = shops(1)
    before, after = (run.by_country().set_index("country")["p95_ms"] for run in (old, new))
    far = before[before > 200].index
    assert len(far) > 30 and (after[far] < 0.9 * before[far]).all()
    assert (after[far] / before[far]).median() < 0.5
    assert after["IN"] == pytest.approx(before["IN"], abs=15)


def test_pages_of_india_go_through_one_hop_more():
    """The trace: from the edge in Mumbai to the shop in Mumbai, a round trip of 3 ms, and the edge's own 0.2 ms."""
    more_ms = [latency(new, "IN", False, 0.5) - latency(old, "IN", False, 0.5) for old, new in map(shops, SEEDS[:4])]
    assert min(more_ms) > 2 and np.mean(more_ms) == pytest.approx(3.3, abs=0.4)
    page = sd.Clients(users=1, arrivals_s=[0], routes={"/product": 1}, countries={"IN": 1})
    trace = sd.simulate(sd.shop(18), page, seconds=5, seed=1, engine="reference").trace(0)
    spent_s = trace.groupby("where")["when_s"].agg(lambda times: times.iloc[-1] - times.iloc[0])
    hop_s = spent_s["line from Mumbai"] - spent_s["reverse proxy"]
    assert hop_s == pytest.approx(0.003) and "line from Mumbai" not in sd.simulate(
        sd.shop(17), page, seconds=5, seed=1, engine="reference").trace(0)["where"].to_list()
    assert sd.shop(18).stores[0].proxy_ms == 0.2


def test_germany_s_edge_is_cold_in_its_first_minute():
    """Fewer than half of the pictures are there, so the middle one of them comes from Mumbai."""
    for seed in SEEDS[:4]:
        _, new = shops(seed, seconds=60)
        hits, misses = new.stations.loc["edge Frankfurt am Main", ["hits", "misses"]]
        assert 400 < hits + misses < 600 and 0.40 < hits / (hits + misses) < 0.5
        assert latency(new, "DE", True, 0.5) == pytest.approx(133, abs=3)


def test_the_origin_is_asked_less():
    for seed in SEEDS[:4]:
        old, new = shops(seed)
        asked = [run.stations.loc["reverse proxy", "served"] for run in (old, new)]
        assert asked[1] < 0.8 * asked[0]


@pytest.mark.parametrize(("edges", "percent"), [(5, 71), (43, 50)])
def test_more_edges_for_the_same_crowd_are_colder(edges, percent):
    found = interval([hit_percent(sd.simulate(*world(edges, ttl_s=10), seconds=60, seed=seed)) for seed in SEEDS[:5]])
    assert found.mean == pytest.approx(percent, abs=0.5) and found.half_width < 0.5


@pytest.mark.parametrize("edges", [1, 5, 20, 43])
def test_all_edges_together_answer_what_the_formula_says(edges):
    cdn, pictures = world(edges, ttl_s=10)
    people, table = pd.Series(sd.data.crowd()), cdn.table().set_index("country")
    per_s = pictures.requests_per_second * people.groupby(table["edge"]).sum() / people.sum()
    fetch_ms = 10 + table.groupby("edge")["origin_rtt_ms"].first()
    hits = [rate * ttl_hit_ratio(1_000, 0.8, rate, 10, fetch_ms[edge]) for edge, rate in per_s.items()]
    expected = 100 * sum(hits) / per_s.sum()
    runs = [answered_in_front_percent(sd.simulate(cdn, pictures, seconds=80, seed=seed)) for seed in SEEDS[:4]]
    assert np.mean(runs) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("users", [100, 300, 1_000, 3_000, 10_000])
def test_one_edge_answers_what_the_formula_says(users):
    cdn = world(["Newark"], ttl_s=10)[0]
    crowd = sd.Clients(users=users, objects=1_000, routes={"/static": 1}, countries={"US": 1})
    found = interval([answered_in_front_percent(sd.simulate(cdn, crowd, seconds=80, seed=seed)) for seed in SEEDS])
    expected = 100 * ttl_hit_ratio(1_000, 0.8, users * 4 / 60, 10, fetch_ms=cdn.stores[0].target.rtt_ms + 10)
    assert found.low - 0.1 <= expected <= found.high + 0.1 and found.half_width < 3
    assert cdn.stores[0].target.rtt_ms == pytest.approx(210, abs=1)


def test_users_times_ttl_is_what_counts():
    quick = [ttl_hit_ratio(1_000, 0.8, rate, 1_000 / rate) for rate in (1, 10, 1_000)]
    assert quick == pytest.approx([quick[0]] * 3)


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_an_invalidation_kills_a_small_shop_unless_one_fetch_does_for_all(seed):
    crowd = sd.Clients(users=60_000, objects=20, routes={"/static": 1}, countries=sd.data.crowd(),
                       profile=[(0, 0.05), (10, 1)])
    seen = {}
    for coalesce in (False, True):
        cdn = sd.CDN(sd.Server(cpus=4, ram_gb=4, name="shop"), coalesce=coalesce)
        seen[coalesce] = sd.simulate(cdn, crowd, seconds=45, seed=seed, schedule=[sd.at(30, "invalidate", cdn)])
    died, lives = seen[False], seen[True]
    assert died.stations.loc["shop", "crashes"] == 1 and 30 < died.incidents.iloc[-1]["time_s"] < 32
    assert died.measures()["error_percent"] > 20
    assert lives.measures()["failed"] == lives.stations.loc["shop", "crashes"] == 0
    assert died.requests.query("arrived_s < 29")["status"].eq("ok").all(), "before, the small shop is enough"


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_the_customers_of_a_dead_edge_go_to_the_next_nearest(seed):
    away = [sd.at(40, "kill", "edge Newark", for_s=20)]
    run = sd.simulate(*world(), seconds=80, seed=seed, schedule=away)
    rows = run.requests.query("country == 'US'")
    assert rows["status"].isin(["lost", "refused"]).sum() <= 10
    before, dead, after = (rows[rows["arrived_s"].between(start_s, start_s + 20)]["latency_ms"]
                           for start_s in (20, 40, 60))
    assert before.median() < 4 < 12 < dead[dead > 4].quantile(0.2) < 14 and after.median() < 4
    assert dead.median() < 50 and dead.mean() > 1.5 * before.mean(), "a little farther, and colder"
    other = run.requests.query("country == 'JP'")
    assert other["status"].isin(["ok", "in flight"]).all()


def test_pictures_outlive_the_origin_and_pages_do_not():
    """The quiz: Mumbai is unreachable."""
    crowd = sd.Clients(users=12_000, routes={"/static": 0.6, "/product": 0.4}, objects=50, countries=sd.data.crowd())
    cdn = sd.CDN(sd.Server(cpus=64, ram_gb=64, name="shop"))
    run = sd.simulate(cdn, crowd, seconds=60, seed=1, schedule=[sd.at(30, "kill", "shop", for_s=30)])
    late = run.requests.query("35 < arrived_s < 55 and country == 'BR'")
    assert late[late["route"] == "/static"]["status"].eq("ok").mean() > 0.9
    assert not late[late["route"] == "/product"]["status"].eq("ok").any()


def test_the_edge_for_brazil_is_cold_for_want_of_time():
    """The easy exercise: less than 5 % hit, there is room, and fewer requests per edge hit less."""
    hits = ttl_hit_ratio(20_000, 0.8, 0.5, 60)
    assert 0.04 < hits < 0.05 and 60 * 0.5 == 30
    assert ttl_hit_ratio(20_000, 0.8, 0.5 / 3, 60) < hits < 0.9 < ttl_hit_ratio(20_000, 0.8, 0.5, 365 * 86_400)


def test_the_chart_shows_each_edge_and_what_all_did():
    run = sd.simulate(*world(12, ttl_s=10), seconds=40, seed=1)
    plot, edges = how_warm_each_edge_is(run, {}), edges_of(run)
    line, marks = plot.traces
    assert len(edges) == len(marks["x"]) == 12 and marks["x"] == sorted(marks["x"], reverse=True)
    rows = run.requests.query("arrived_s >= 20")
    own = rows["served_by"].isna() & (rows["status"] == "ok")
    assert answered_at_the_edge_percent(run) == pytest.approx(100 * own.mean())
    assert sum(marks["x"]) == pytest.approx(len(rows) / 20)
    assert sum(x * y for x, y in zip(marks["x"], marks["y"])) == pytest.approx(100 * own.sum() / 20, rel=1e-4)
    assert asked_per_s(run) == pytest.approx((~own).sum() / 20)
    assert mean_latency_ms(run) == pytest.approx(rows["latency_ms"].mean())
    expected = np.interp(np.log10(marks["x"]), np.log10(line["x"]), line["y"])
    assert np.abs(np.array(marks["y"]) - expected).max() < 8 and "12 edges" in plot.alt


@pytest.mark.parametrize(("edges", "least"), [(5, 3), (43, 5)])
def test_the_chart_names_edges_that_do_not_cover_each_other(edges, least):
    plot = how_warm_each_edge_is(sd.simulate(*world(edges, ttl_s=10), seconds=40, seed=1), {})
    *others, idle = plot.notes[1:]
    heights = [name["y"] for name in others]
    assert len(others) + 1 >= least and min(-np.diff(heights)) >= 10
    assert (others[0]["text"], idle["text"]) == (plot.traces[1]["hovertext"][0], plot.traces[1]["hovertext"][-1])


def test_the_chart_of_a_shop_without_a_cdn_and_of_an_idle_one():
    with pytest.raises(ValueError, match=r"how_warm_each_edge_is.*run must be of a sd\.CDN; for example"):
        how_warm_each_edge_is(sd.simulate(sd.shop(1), sd.Clients(users=10), seconds=1), {})
    idle = sd.simulate(world(1)[0], sd.Clients(users=1, arrivals_s=[0.1], countries={"US": 1}), seconds=10)
    assert "0 % answered" in how_warm_each_edge_is(idle, {}).alt


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_choice_of_the_exercise_meets_its_goal_with_other_customers(seed):
    space = {}
    exec(MEDIUM.solution, space)
    for market in MARKETS:
        outcome = place(space["choose_edges"], market._replace(seed=seed))
        assert outcome.mean_ms <= MOST_MEAN_MS and len(outcome.chosen) == market.budget, market.label


@pytest.mark.parametrize("purges_per_s", [0, 0.05, 0.5])
def test_the_hard_exercise_s_formula_is_what_happens(purges_per_s):
    """A long time of one edge, played step by step."""
    rng, rate, ttl_s, now_s, fetches = np.random.default_rng(1), 0.5, 10.0, 0.0, 0
    while now_s < 200_000:
        now_s += rng.exponential(1 / rate)
        fetches += 1
        now_s += min(ttl_s, rng.exponential(1 / purges_per_s)) if purges_per_s else ttl_s
    assert fetches / now_s == pytest.approx(_per_s([rate], ttl_s, purges_per_s), rel=0.03)
    space = {}
    exec(HARD.solution, space)
    assert space["origin_per_s"]([rate], ttl_s, purges_per_s) == pytest.approx(_per_s([rate], ttl_s, purges_per_s))


def panel(**settings):
    def build(edges=5, ttl_s=10.0, users=12_000, objects=1_000):
        return world(edges, ttl_s, users, objects)
    found = sd.explore(build, edges=(1, 43), ttl_s=(1.0, 10.0), users=(1_000, 40_000), objects=(100, 10_000),
                       seconds=40, chart=how_warm_each_edge_is, goals=sd.goals("18"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({}, [False, False, False], "With 5 edges a picture takes"),
    ({"edges": 6}, [True, False, False], "Take 43 edges"),
    ({"edges": 12}, [False, False, False], "12 edges: it can be done with fewer"),
    ({"users": 40_000}, [False, False, False], "Keep 12,000 users"),
    ({"edges": 43, "objects": 100}, [False, False, False], "a shorter TTL would do"),
    ({"edges": 43, "objects": 100, "ttl_s": 2.0}, [False, False, False], "The origin gets 3"),
    ({"edges": 43, "objects": 100, "ttl_s": 5.0}, [False, True, False], "Keep 12,000 users"),
    ({"edges": 43, "ttl_s": 4.0}, [False, False, False], "The edges answer 3"),
    ({"edges": 43, "ttl_s": 4.0, "users": 30_000}, [False, False, True], "Keep 12,000 users"),
    ({"edges": 43, "ttl_s": 3.0, "users": 40_000}, [False, False, True], "Keep 12,000 users"),
    ({"edges": 43, "users": 12_000}, [False, False, False], "a TTL of 4 s at most")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()
