"""What lesson 16 claims, across seeds: hits by room and by time, the rush for one key, and life without Redis."""

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.hits import hits_against_room, queries_per_s, settled_hits_percent
from sdlib.charts.words import percentage
from sdlib.lessons.lesson_16 import hit_percent, queries
from sdlib.theory import che_hit_ratio, confidence_interval, stampede, ttl_hit_ratio, zipf_shares

SEEDS = range(20)
ROUTES = {"/product": 0.80, "/user": 0.10, "/order": 0.07, "/payment": 0.03}
OBJECTS, PER_S = 2_000, 800


def product(capacity=OBJECTS, ttl_s=60, query_ms=100, times="exponential", **more):
    database = sd.Database(64, query_ms, times, name="database")
    redis = sd.Cache(database, capacity, ttl_s, name="Redis", **more)
    return sd.Service(16, 64, 10, distribution=times, threads=600, calls=[redis], name="product")


def crowd(users=12_000, **more):
    return sd.Clients(users=users, objects=OBJECTS, **more)


def interval(values):
    return confidence_interval(values, level=0.99)


def visits(lesson, seed, seconds=40, **knobs):
    return sd.simulate(sd.shop(lesson, **knobs), sd.Clients(users=12_000, routes=ROUTES), seconds=seconds, seed=seed)


# --- the pain, and its cure ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(1, 7))
def test_an_expensive_query_breaks_the_last_shop_and_not_this_one(seed):
    before, ill, well = visits(15, seed), visits(15, seed, product_query_ms=100), visits(16, seed, product_query_ms=100)
    assert before.measures()["failed"] == 0 and before.measures()["p99_ms"] < 200
    assert ill.measures()["failed"] > 1_000 and ill.measures()["p99_ms"] > 3_000
    assert well.measures()["failed"] == 0 and well.measures()["p99_ms"] < 600
    busy = [run.stations.loc["product database", "utilization"] for run in (ill, well)]
    assert busy[0] > 0.9 and busy[1] < 0.6, "the load of the database falls"


def test_two_small_machines_are_what_it_costs():
    old, new = (visits(lesson, 1, seconds=1) for lesson in (15, 16))
    added = set(new.stations.index) - set(old.stations.index)
    assert added == {"product Redis", "user Redis"}
    assert 0 < new.measures()["usd_per_month"] - old.measures()["usd_per_month"] < 200


@pytest.mark.parametrize(("query_ms", "first_ms", "second_ms"), [(100, 110.5, 10.5), (0.1, 10.6, 10.5)])
def test_first_a_miss_then_a_hit(query_ms, first_ms, second_ms):
    twice = sd.Clients(users=2, arrivals_s=[1, 2], objects=1)
    run = sd.simulate(product(query_ms=query_ms, times="constant"), twice, seconds=5)
    assert run.requests["latency_ms"].tolist() == pytest.approx([first_ms, second_ms])
    assert run.stations.loc["Redis", ["hits", "misses"]].tolist() == [1, 1] and queries(run) == 1


@pytest.mark.parametrize(("query_ms", "helps"), [(100, True), (0.1, False)])
def test_a_cache_helps_before_an_expensive_query_and_is_a_detour_before_a_quick_one(query_ms, helps):
    for seed in SEEDS:
        bare = sd.Service(16, 64, 10, threads=600, calls=[sd.Database(64, query_ms)])
        without, with_it = (sd.simulate(system, crowd(6_000), seconds=10, seed=seed).measures()["mean_ms"]
                            for system in (bare, product(query_ms=query_ms)))
        assert (with_it < without) == helps


# --- room and time ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("capacity", [50, 200, 1_000])
def test_the_hits_lie_on_che_s_curve_when_nothing_expires(capacity):
    found = interval([settled_hits_percent(sd.simulate(product(capacity, None, query_ms=1), crowd(), seconds=40,
                                                       seed=seed)) for seed in SEEDS])
    che = 100 * che_hit_ratio(OBJECTS, 0.8, capacity)
    assert found.low - 0.1 <= che <= found.high + 0.1 and found.half_width < 0.5  # Che's own error is below 0.1 points


@pytest.mark.parametrize("ttl_s", [1, 2, 5])
def test_with_room_for_all_the_hits_are_what_the_time_allows(ttl_s):
    found = interval([settled_hits_percent(sd.simulate(product(OBJECTS, ttl_s, query_ms=1), crowd(), seconds=20,
                                                       seed=seed)) for seed in SEEDS])
    expected = 100 * ttl_hit_ratio(OBJECTS, 0.8, PER_S, ttl_s)
    assert found.low - 0.3 <= expected <= found.high + 0.3  # the start: all were fetched in the same seconds


def test_about_sixty_of_a_hundred_hit_when_answers_are_kept_for_two_seconds():
    shares = [hit_percent(sd.simulate(product(ttl_s=2), crowd(), seconds=60, seed=seed)) for seed in SEEDS]
    assert all(56 < share < 62 for share in shares), shares


def test_the_load_of_the_database_falls_by_the_share_of_hits():
    for seed in range(8):
        none, short = (sd.simulate(product(ttl_s=2, down=down), crowd(), seconds=40, seed=seed)
                       for down in ([(0, 40)], []))
        assert none.stations.loc["database", "utilization"] > 0.97 and none.measures()["p99_ms"] > 3_000
        assert short.measures()["failed"] == 0 and short.measures()["p99_ms"] < 450
        sent = len(short.requests)
        assert queries(short) / sent == pytest.approx(1 - hit_percent(short) / 100, abs=0.01)


def test_what_the_wrong_choices_would_take():
    assert pytest.approx(ttl_hit_ratio(OBJECTS, 0, PER_S, 2), abs=1e-9) == 0.8 / 1.8
    assert ttl_hit_ratio(OBJECTS, 0.8, PER_S, 0.1) == pytest.approx(0.2, abs=0.02)
    rates = PER_S * zipf_shares(OBJECTS, 0.8)
    assert 36 < rates[0] < 48 and 1 / rates[-1] == pytest.approx(10, rel=0.05)


def test_neither_room_nor_time_can_be_beaten():
    for capacity, ttl_s in [(50, 5), (200, 1), (200, 10), (1_000, 2), (2_000, 1), (2_000, 10), (2_000, 20)]:
        for seed in range(3):
            run = sd.simulate(product(capacity, ttl_s), crowd(), seconds=40, seed=seed)
            most = min(che_hit_ratio(OBJECTS, 0.8, capacity), ttl_hit_ratio(OBJECTS, 0.8, PER_S, ttl_s))
            assert settled_hits_percent(run) < 100 * most + 1


def test_the_first_half_of_a_run_is_the_run_of_half_the_time():
    long = sd.simulate(product(200), crowd(), seconds=20, seed=3)
    short = sd.simulate(product(200), crowd(), seconds=10, seed=3)
    shared = short.requests[short.requests["status"] == "ok"]
    assert shared["finished_s"].equals(long.requests["finished_s"].loc[shared.index])


@pytest.mark.parametrize("few, many", [(3_000, 6_000), (6_000, 12_000), (12_000, 20_000)])
def test_a_larger_crowd_hits_more_and_costs_the_database_less_for_each(few, many):
    for seed in range(8):
        runs = [sd.simulate(product(ttl_s=2), crowd(users), seconds=20, seed=seed) for users in (few, many)]
        hits = [hit_percent(run) for run in runs]
        each = [queries_per_s(run) / run.clients.users for run in runs]
        assert hits[0] < hits[1] and each[0] > each[1]


# --- the rush, and old prices -------------------------------------------------------------------------------------

def front_page(seed, coalesce, schedule=()):
    system = product(ttl_s=10, times="constant", coalesce=coalesce)
    return sd.simulate(system, sd.Clients(users=6_000, objects=1), seconds=60, seed=seed, schedule=[*schedule])


def old_prices(run, changed_s=23):
    later = run.requests[run.requests["arrived_s"] > changed_s]
    fetched_s = run.requests.query(f"latency_ms > 100 and finished_s > {changed_s + 0.1}")["finished_s"].min()
    return (later["finished_s"] < fetched_s).sum()


def test_each_expiry_of_a_hot_key_sends_rate_times_fetch_and_one_to_the_database():
    found = interval([queries(front_page(seed, False)) for seed in SEEDS])
    assert found.low <= 6 * stampede(400, 100) == 6 * 41 <= found.high and found.half_width < 12


def test_coalescing_leaves_one_query_for_each_expiry():
    for seed in SEEDS:
        run = front_page(seed, True)
        assert queries(run) == 6 and run.measures()["failed"] == 0
        assert run.stations.loc["Redis", "coalesced"] > 150


def test_old_prices_are_given_until_the_next_fetch_unless_the_change_deletes_the_key():
    for seed in SEEDS:
        kept = front_page(seed, True)
        assert 0.9 < old_prices(kept) / (400 * 7.3) < 1.1, "from second 23 to 30.3"
        deleted = front_page(seed, True, [sd.at(23, "invalidate", "Redis")])
        assert old_prices(deleted) == 0 and queries(deleted) in (6, 7)


# --- Redis away, and where it stands ------------------------------------------------------------------------------

def outage(users, waits_ms, seed):
    return sd.simulate(product(down=[(20, 40)], lookup_timeout_ms=waits_ms), crowd(users), seconds=60, seed=seed)


def middle_ms(run, from_s, to_s):
    here = run.requests[run.requests["arrived_s"].between(from_s, to_s) & (run.requests["status"] == "ok")]
    return here["latency_ms"].median()


@pytest.mark.parametrize("seed", range(8))
def test_without_redis_a_small_crowd_is_served_a_dead_address_costs_more_and_a_large_crowd_is_lost(seed):
    refused, silent, large = outage(6_000, 0, seed), outage(6_000, 2_000, seed), outage(18_000, 0, seed)
    assert refused.measures()["failed"] == silent.measures()["failed"] == 0
    assert middle_ms(refused, 20, 40) < 110 and middle_ms(silent, 20, 40) > 3_000
    assert middle_ms(refused, 0, 20) < 15 and middle_ms(large, 0, 20) < 15, "warm, nobody sees a difference"
    assert large.measures()["error_percent"] > 40 and large.stations.loc["product", "crashes"] >= 1
    assert large.requests.query("status == 'ok'")["arrived_s"].max() < 40, "it does not come back with Redis"
    assert (large.requests.query("arrived_s < 20")["status"] == "ok").all()


@pytest.mark.parametrize("users, fails", [(6_000, False), (18_000, True)])
def test_the_database_alone_can_or_cannot_carry_the_crowd(users, fails):
    wanted = users * 4 / 60 * 0.100
    assert (wanted > 64) == fails


def store(behind, room, lookup_ms=0.5):
    return sd.Cache(behind, room, 60, lookup_ms, name="store")


def where(place):
    database = sd.Database(64, 100, name="database")
    behind = {"each": [store(database, 200, 0) for _ in range(3)], "one": [store(database, 600)] * 3,
              "gateway": [database] * 3}[place]
    balancer = sd.LoadBalancer([sd.Service(4, 32, 10, calls=[called], name="product") for called in behind],
                               "round_robin")
    return store(balancer, 600) if place == "gateway" else balancer


@pytest.mark.parametrize("seed", range(6))
def test_small_stores_hit_less_than_one_of_the_same_room_and_survive_alone(seed):
    well = {place: sd.simulate(where(place), crowd(), seconds=40, seed=seed) for place in ("each", "one", "gateway")}
    ill = {place: sd.simulate(where(place), crowd(), seconds=60, seed=seed, schedule=[sd.at(0, "kill", name, for_s=60)])
           for place, name in (("each", "store 1"), ("one", "store"), ("gateway", "store"))}
    hits = {place: hit_percent(run) for place, run in well.items()}
    assert hits["each"] < hits["one"] - 20 and hits["gateway"] == pytest.approx(hits["one"], abs=1)
    assert hits["each"] == pytest.approx(100 * che_hit_ratio(OBJECTS, 0.8, 200), abs=2), "each sees a third of the same"
    busy = {place: run.stations.loc["product 1", "utilization"] for place, run in well.items()}
    assert busy["gateway"] < busy["one"] / 2 and busy["each"] == pytest.approx(busy["one"], rel=0.05)
    assert well["gateway"].measures()["p50_ms"] < 1 < well["one"].measures()["p50_ms"]
    assert not any(run.measures()["failed"] for run in ill.values()), "their memories hold all who wait"
    half_ms = {place: run.measures()["p50_ms"] for place, run in ill.items()}
    assert half_ms["each"] < 150 and half_ms["one"] > 3_000
    assert half_ms["gateway"] == pytest.approx(half_ms["one"], rel=0.02), "missed by all, wherever it stands"


# --- the panel ----------------------------------------------------------------------------------------------------

def test_the_chart_shows_where_the_run_stands():
    run = sd.simulate(product(200, 10), crowd(), seconds=30, seed=0)
    trail = []
    plot = hits_against_room(run, {}, trail)
    room, time, _, here = plot.traces
    found = settled_hits_percent(run)
    assert (here["x"], here["y"]) == ([200], [pytest.approx(found, abs=0.01)]) and len(trail) == 1
    assert room["x"][0] == 10 and room["x"][-1] == OBJECTS and room["y"][-1] == 100
    assert plot.x["ticktext"][-2:] == ["1,000", "2,000"], "the axis ends with a number"
    assert time["y"] == pytest.approx([100 * ttl_hit_ratio(OBJECTS, 0.8, PER_S, 10)] * 2, abs=0.01)
    busy = 100 * run.stations.loc["database", "utilization"]
    assert f"{percentage(found)} % hits with room for 200; {queries_per_s(run):.0f} queries a second" in plot.alt
    assert f"database {percentage(busy)} % busy" in plot.alt and queries_per_s(run) == queries(run) / 30
    assert "what the time allows" not in [trace["name"] for trace in hits_against_room(
        sd.simulate(product(200, None), crowd(), seconds=5, seed=0), {}).traces]


@pytest.mark.parametrize("system", [sd.Server(4, 4), sd.Cache(sd.Server(4, 4))])
def test_the_chart_says_that_a_system_has_no_cache_or_no_database(system):
    with pytest.raises(ValueError, match="hits_against_room.*run must be of a system with"):
        hits_against_room(sd.simulate(system, sd.Clients(users=60), seconds=1), {})


def panel(**settings):
    def build(users=12_000, capacity=200, ttl_s=20, skew=0.8):
        return product(capacity, ttl_s), crowd(users, skew=skew)
    found = sd.explore(build, users=(10, 1_000_000), capacity=(10, 2_000), ttl_s=(0.5, 20), skew=(0.0, 1.5),
                       fine={"users": (5_000, 20_000)}, seconds=40, chart=hits_against_room, goals=sd.goals("16"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({}, [False, False, False], "80 % are asked for"),
    ({"capacity": 2_000}, [False, False, False], "Twice the time would bring only"),
    ({"capacity": 500}, [False, False, False], "% are hits"),
    ({"capacity": 1_300}, [False, False, False], "Twice the room would bring"),
    ({"capacity": 2_000, "ttl_s": 10}, [True, False, False], "Keep an answer for 2 s"),
    ({"capacity": 1_700, "ttl_s": 12}, [False, False, False], "only 4.8 points more"),
    ({"capacity": 1_800, "ttl_s": 9}, [True, False, False], "With Redis away"),
    ({"capacity": 2_000, "ttl_s": 10, "skew": 1.0}, [False, False, False], "a skew of 0.8"),
    ({"capacity": 2_000, "ttl_s": 2}, [False, False, False], "A crowd that is a tenth larger is served"),
    ({"capacity": 2_000, "ttl_s": 2, "users": 14_500}, [False, True, False], "Keep 12,000 users"),
    ({"capacity": 2_000, "ttl_s": 2, "users": 20_000}, [False, False, False], "The database is 70.4 % busy"),
    ({"users": 9_400}, [False, False, True], "Keep an answer for 2 s"),
    ({"users": 9_400, "capacity": 2_000, "ttl_s": 1, "skew": 1.5}, [False, False, True], "Keep 12,000"),
    ({"users": 7_000}, [False, False, False], "could do without Redis as well"),
    ({"users": 100_000}, [False, False, False], "With Redis away requests fail")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


def test_redis_picks_five_keys_by_default():
    assert sd.data.figure("redis.maxmemory_samples").value == 5


def test_half_of_the_crowd_makes_more_than_half_of_the_queries():
    full, half = (np.mean([queries_per_s(sd.simulate(product(ttl_s=2), crowd(users), seconds=30, seed=seed))
                           for seed in range(5)]) for users in (15_000, 7_500))
    assert 0.6 < half / full < 0.75
