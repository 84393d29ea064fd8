"""What lesson 15 claims, across seeds: the path's layers, a dead balancer and its twin, whose trouble stays whose."""

import numpy as np
import pandas as pd
import pytest

import sdlib as sd
from sdlib.charts.layers import LAYERS, busiest_balancer, layers_ms, own_ms, path_of_a_request
from sdlib.lessons.lesson_15 import DAYS, LONGEST_P99_MS, MEDIUM, MOST_FAILED_PERCENT
from sdlib.lessons.watching import watch
from sdlib.theory import confidence_interval

SEEDS = range(20)
ROUTES = {"/product": 0.80, "/user": 0.10, "/order": 0.07, "/payment": 0.03}
NEED_USER = ("/user", "/order", "/payment")
KILLED_S, AWAY_S, CHECK_S = 20.5, 15, 2


def service(name, service_ms, calls=(), machines=3, balancers=1, check_s=CHECK_S, down=(), tries=1,
            policy="least_connections"):
    machine = sd.Service(4, 8, service_ms, name=name, calls=[*calls, sd.Database(64, name=f"{name} database")])
    group = sd.LoadBalancer([machine] * machines, policy, health_check_s=5, is_list=True,
                            name=f"{name} group")
    first, *others = [sd.Server(2, 4, 0.1, distribution="constant", memory_mb=0.1, down=stops, calls=[group],
                                name=f"{name} balancer") for stops in [down, ()][:balancers]]
    return first if not others else sd.LoadBalancer([first, *others], health_check_s=check_s, tries=tries, is_list=True,
                                                    max_fails=None if tries == 1 else 1, name=f"{name} pair")


def shop(user=None, product=None, **each):
    user = service("user", 5, **each | (user or {}))
    product = service("product", 10, **each | (product or {}))
    order = service("order", 15, [[sd.Call(user, 1), sd.Call(product, 1)]], **each)
    payment = service("payment", 30, [sd.Call(order, 1)], **each)
    return sd.Gateway({"/user": user, "/product": product, "/order": order, "/payment": payment})


def crowd(users=12_000, routes=None):
    return sd.Clients(users=users, routes=routes or ROUTES)


def killed(balancers, seed, tries=1, for_s=AWAY_S):
    name = "user balancer" if balancers == 1 else "user balancer 1"
    system = shop(user={"balancers": balancers, "tries": tries})
    return sd.simulate(system, crowd(), seconds=60, seed=seed, schedule=[sd.at(KILLED_S, "kill", name, for_s=for_s)])


def failed(run):
    return run.requests[run.requests["status"].isin(["refused", "lost"])]


def interval(values):
    return confidence_interval(values, level=0.99)


def test_the_only_balancer_takes_its_service_down_for_as_long_as_it_is_dead():
    for seed in SEEDS:
        run = killed(1, seed)
        of_user = run.requests[run.requests["route"] == "/user"]
        meanwhile = of_user[of_user["arrived_s"].between(KILLED_S, KILLED_S + AWAY_S - 0.01)]
        assert (meanwhile["status"] == "refused").all() and len(meanwhile) > 1_000
        bad = failed(run)
        assert bad["route"].isin(NEED_USER).all(), "product does not notice"
        assert bad["arrived_s"].between(KILLED_S - 1, KILLED_S + AWAY_S).all()
        up = [run.stations.loc[f"user {number}", "crashes"] for number in (1, 2, 3)]
        assert sum(up) == 0, "its machines are well"


def test_with_one_the_loss_is_rate_x_share_x_time_away():
    found = interval([100 * len(failed(killed(1, seed))) / 48_000 for seed in SEEDS])
    assert found.low <= 100 * 0.20 * AWAY_S / 60 <= found.high and found.half_width < 0.1


@pytest.mark.parametrize("for_s", [AWAY_S, 30])
def test_with_two_the_loss_is_rate_x_share_x_time_to_notice(for_s):
    found = interval([len(failed(killed(2, seed, for_s=for_s))) for seed in SEEDS])
    assert found.low <= 160 / 2 * 1.5 <= found.high and found.half_width < 9


def test_with_two_nobody_fails_once_the_death_was_noticed():
    for seed in SEEDS:
        assert failed(killed(2, seed))["arrived_s"].between(KILLED_S - 1, 22).all()


def test_a_second_try_at_the_other_balancer_hides_the_death():
    assert [len(failed(killed(2, seed, tries=2))) for seed in SEEDS] == [0] * 20


def test_each_layer_s_time_adds_up_to_the_latency_of_a_request():
    run = sd.simulate(shop(balancers=2), crowd(), seconds=60, seed=1)
    for number in run.requests.query("status == 'ok' and route in ('/product', '/user')").index[:200]:
        path = run.trace(number)
        spent_ms = 1000 * path["when_s"].diff().shift(-1, fill_value=0).groupby(path["where"]).sum()
        assert spent_ms.sum() == pytest.approx(run.requests["latency_ms"][number], abs=1e-9)
        assert spent_ms["gateway"] == pytest.approx(0.5) and spent_ms.filter(regex=r"balancer \d").sum() >= 0.0999


def test_the_layers_add_up_to_the_mean_and_the_p50_is_that_of_a_path():
    """Means add up; the median of a path is the sum of the times of the request in the middle."""
    for seed in SEEDS:
        run = sd.simulate(shop(), crowd(routes={"/product": 1}, users=9_000), seconds=60, seed=seed)
        spent = layers_ms(run, "product")
        assert sum(map(sum, spent.values())) == pytest.approx(run.measures()["mean_ms"], rel=0.002)
        latency_ms = run.requests.loc[run.requests["status"] == "ok", "latency_ms"]
        middle = (latency_ms - latency_ms.median()).abs().idxmin()
        path = run.trace(middle)
        in_all_ms = 1000 * path["when_s"].diff().sum()
        assert in_all_ms == pytest.approx(run.measures()["p50_ms"], rel=0.001)


def test_the_balancer_s_layer_costs_what_it_works():
    with_one, without = [], []
    for seed in SEEDS:
        run = sd.simulate(shop(), crowd(routes={"/product": 1}, users=1_000), seconds=30, seed=seed)
        machine = sd.Service(4, 8, 10, name="product", calls=[sd.Database(64, name="product database")])
        bare = sd.Gateway({"/product": sd.LoadBalancer([machine] * 3, "least_connections", health_check_s=5)})
        with_one.append(run.measures()["mean_ms"])
        without.append(sd.simulate(bare, crowd(routes={"/product": 1}, users=1_000), seconds=30,
                                   seed=seed).measures()["mean_ms"])
    more = interval(np.subtract(with_one, without))
    assert more.mean == pytest.approx(0.1, abs=0.05) and sum(with_one) > sum(without)


@pytest.mark.parametrize("users", [3_000, 12_000])
def test_more_machines_for_each_service_shorten_the_wait_in_their_layer_and_no_other(users):
    for seed in SEEDS:
        few, many = (layers_ms(sd.simulate(shop(machines=count, policy="random"), crowd(users), seconds=10, seed=seed),
                               "product") for count in (3, 6))
        assert many["machines"][0] < few["machines"][0]
        assert few["balancers"] == pytest.approx(many["balancers"], abs=0.02)


def behind(component, name):
    return sd.Service(2, 4, 0.1, threads=200, memory_mb=0.1, calls=[component], name=name)


def with_a_slow_user(each, seed, query_ms=4_000):
    user = sd.Service(4, 8, 5, threads=1_000, calls=[sd.Database(1_000, query_ms=query_ms)], name="user")
    product = sd.LoadBalancer([sd.Service(4, 8, 10, name="product")] * 3, "least_connections")
    services = {"/user": user, "/product": product}
    paths = sd.Gateway(services, check_ms=0, name="paths")
    shops = {path: behind(part, path[1:] + " balancer") for path, part in services.items()} if each else {
        "/": behind(paths, "balancer")}
    run = sd.simulate(sd.Gateway(shops), crowd(), seconds=60, seed=seed)
    return run.requests[run.requests["route"] == "/product"]


def test_a_balancer_of_its_own_keeps_a_slow_service_s_trouble_away_from_the_others():
    for seed in SEEDS:
        shared, own, well = (with_a_slow_user(*how, seed) for how in ((False,), (True,), (True,)))
        assert (own["status"] == "ok").mean() > 0.999 and own["latency_ms"].quantile(0.99) < 100
        assert (shared["status"] == "ok").mean() < 0.9 and shared["latency_ms"].median() > 1_000
        assert well.equals(own)
    sound = with_a_slow_user(True, 1, query_ms=1)
    assert with_a_slow_user(True, 1)["latency_ms"].equals(sound["latency_ms"]), "product does not notice"
    together = with_a_slow_user(False, 1, query_ms=1)
    assert (together["status"] == "ok").mean() > 0.999, "one balancer for both is enough while all are well"


def stops(layer, every):
    turn_s = every ** layer
    return [(start_s, start_s + turn_s) for start_s in range(0, 1_000, turn_s * every)]


@pytest.mark.parametrize("every", [2, 5, 10])
def test_a_pair_in_front_of_a_single_box_is_open_as_often_as_the_formula_says(every):
    single = sd.Server(4, 4, 1, down=stops(2, every), name="single")
    pair = [sd.Server(4, 4, 0.1, down=stops(layer, every), calls=[single]) for layer in (0, 1)]
    shares = [1 - sd.simulate(sd.LoadBalancer(pair, tries=2), sd.Clients(users=300), seconds=1_000,
                              seed=seed).measures()["error_percent"] / 100 for seed in SEEDS]
    one = 1 - 1 / every
    formula = sd.theory.availability(sd.theory.redundant(one, copies=2), one)
    found = interval(shares)
    assert found.low <= formula <= found.high and found.half_width < 0.003
    assert formula == pytest.approx(one * (1 - (1 - one)**2))


def test_sd_shop_15_loses_nothing_when_a_balancer_of_any_service_dies():
    for name in ("user", "product", "order", "payment"):
        run = sd.simulate(sd.shop(15), crowd(), seconds=30, seed=1,
                          schedule=[sd.at(10.3, "kill", f"{name} balancer 1", for_s=10)])
        assert set(run.requests["status"]) <= {"ok", "in flight"} and run.conservation()["balanced"].all()
        alone = sd.simulate(sd.shop(15, balancers=1), crowd(), seconds=30, seed=1,
                            schedule=[sd.at(10.3, "kill", f"{name} balancer", for_s=10)])
        assert (alone.requests["status"] == "refused").sum() > 100


def test_sd_shop_15_costs_what_its_balancers_cost():
    one, two = (sd.simulate(sd.shop(15, balancers=count), crowd(600), seconds=5).measures()["usd_per_month"]
                for count in (1, 2))
    pairs = sum(name.endswith("balancer 2") for name in sd.simulate(sd.shop(15), crowd(600), seconds=1).stations.index)
    assert pairs == 4 and two - one == pytest.approx(4 * 30.4, rel=0.01)


def test_the_chart_follows_the_path_layer_by_layer():
    run = sd.simulate(shop(machines=3, policy="random", balancers=2), crowd(), seconds=20, seed=1)
    plot, spent = path_of_a_request(run, {}), layers_ms(run, "product")
    waits, works, quiet = plot.traces
    assert list(spent) == list(LAYERS) == plot.y["ticktext"]
    assert waits["x"] == pytest.approx([one[0] for one in spent.values()], rel=1e-4)
    assert works["x"] == pytest.approx([one[1] for one in spent.values()], rel=1e-4)
    ends = np.cumsum([sum(one) for one in spent.values()])
    assert waits["base"] == pytest.approx([0, *ends[:-1]], rel=1e-4)
    assert np.add(works["base"], works["x"]) == pytest.approx(ends, rel=1e-4)
    assert quiet["x"][0] == own_ms(run, "product") == pytest.approx(11.6)
    of_product = run.requests.query("route == '/product' and status == 'ok'")["latency_ms"]
    assert ends[-1] == pytest.approx(of_product.mean(), rel=0.02)
    busy = run.stations.loc[["product balancer 1", "product balancer 2"], "utilization"].max()
    assert busiest_balancer(run, "product") == busy and f"busiest balancer {100 * busy:.2f} % busy" in plot.alt


def test_the_chart_says_that_a_shop_has_no_layers():
    run = sd.simulate(sd.shop(8), crowd(600), seconds=1)
    with pytest.raises(ValueError, match="path_of_a_request.*run must be of a gateway in front of"):
        path_of_a_request(run, {})


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_rule_of_the_exercise_meets_its_goal_with_other_customers(seed):
    space = {}
    exec(MEDIUM.solution, space)
    for day in DAYS:
        outcome = watch(space["machines_in_use"], day._replace(seed=seed))
        assert 100 * outcome.failed / outcome.sent <= MOST_FAILED_PERCENT and outcome.p99_ms <= LONGEST_P99_MS, day


def panel(**settings):
    def build(users=12_000, machines=3, policy="round_robin", balancers=2):
        each = {"machines": machines, "policy": policy, "balancers": balancers, "check_s": 0.5}
        system = sd.Gateway({"/product": service("product", 10, down=[(1.1, 2.1)], **each),
                             "/user": service("user", 5, **each)})
        return system, crowd(users, {"/product": 0.8, "/user": 0.2})
    found = sd.explore(build, users=(10, 1_000_000), machines=(1, 200), balancers=(1, 2),
                       policy=["round_robin", "random", "two_choices", "least_connections"], seconds=10,
                       chart=path_of_a_request, goals=sd.goals("15"))
    found.set(**settings)
    return found.try_goals()


@pytest.mark.parametrize(("settings", "reached", "says"), [
    ({}, [False, False, False], "Take one machine and one balancer"),
    ({"users": 6_900, "machines": 1, "balancers": 1}, [True, False, False], "Take two balancers"),
    ({"users": 4_000, "machines": 1, "balancers": 1}, [False, False, False], "A request to product waits"),
    ({"users": 340_000, "machines": 60}, [False, True, False], "Keep 100,000 users"),
    ({"users": 450_000, "machines": 80}, [False, False, False], "the other would be 11"),
    ({"users": 200_000, "machines": 60}, [False, False, False], "so it could carry more"),
    ({"users": 100_000, "machines": 14}, [False, False, False], "With 14 machines the p99 is"),
    ({"users": 100_000, "machines": 17}, [False, False, False], "17 machines: it can be done with fewer"),
    ({"users": 100_000, "machines": 14, "policy": "least_connections"}, [False, False, True], "Take one machine"),
    ({"users": 100_000, "machines": 14, "policy": "two_choices"}, [False, False, True], "Take one machine"),
    ({"users": 100_000, "machines": 13, "policy": "least_connections"}, [False, False, False], "With 13 machines")])
def test_a_goal_says_what_is_missing(settings, reached, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = panel(**settings)
    assert tried["reached"].tolist() == reached, tried["why"].tolist()
    assert any(says in why for why in tried["why"]), tried["why"].tolist()


def test_two_that_are_both_needed_are_no_pair():
    """Two balancers that are 70 % busy each: with one dead the other has 140 % of what it can do."""
    waits_ms = []
    for for_s in (0.1, 3):
        system = shop(product={"balancers": 2, "machines": 90}, machines=12)
        run = sd.simulate(system, crowd(470_000), seconds=4, seed=1,
                          schedule=[sd.at(0.5, "kill", "product balancer 1", for_s=for_s)])
        waits_ms.append(layers_ms(run, "product")["balancers"][0])
    assert waits_ms[0] < 20 < 100 < waits_ms[1], pd.Series(waits_ms)
