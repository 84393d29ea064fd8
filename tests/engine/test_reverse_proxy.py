"""A reverse proxy: what it answers itself, what it passes on, whose answers it gives to whom."""

from dataclasses import replace

import pytest
from compare import examples, run_both
from hypothesis import given
from hypothesis import strategies as st
from systems import ANY, cases, databases, floats, of_few_keys, poisson_crowds, providers, reverse_proxies, servers
from test_cache import FETCH_MS, at, broken_later, counted, latencies_ms, origin

import sdlib as sd

NAME = "reverse proxy"
COUNTS = ("hits", "misses", "passed", "stale", "coalesced", "leaks")


def proxy(target, **knobs):
    return sd.ReverseProxy(target, **{"caches": {"/": 1.0}, "private": (), "proxy_ms": 0.0} | knobs)


def fetches(run):
    return run.traffic.query("caller == @NAME")["calls"].sum()


def test_it_answers_what_it_may_keep_and_passes_on_the_rest():
    clients = sd.Clients(users=1_000, requests_per_minute=60, objects=50,
                         routes={"/static/logo": 3, "/static": 1, "/statics": 1, "/order": 2})
    shop = sd.ReverseProxy(sd.Server(cpus=4, ram_gb=4, service_ms=0.1))
    run = run_both(shop, clients, 5, seed=1)
    counts, routes = counted(run, NAME, COUNTS), run.requests["route"].value_counts()
    kept = routes["/static/logo"] + routes["/static"]
    assert counts["passed"] == routes["/statics"] + routes["/order"]
    assert counts["hits"] + counts["misses"] == kept and counts["hits"] > 0.9 * kept
    assert fetches(run) == counts["misses"] + counts["passed"]
    assert counts["leaks"] == counts["stale"] == counts["coalesced"] == 0


def test_the_longest_beginning_counts_and_routes_do_not_share_answers():
    shop = proxy(origin(), caches={"/": 1.0, "/static": 60.0})
    clients = sd.Clients(users=1, arrivals_s=[second / 4 for second in range(160)], objects=1,
                         routes={"/static/logo": 1, "/page": 1})
    run = run_both(shop, clients, 60)
    slow = run.requests[run.requests["latency_ms"] > 50]
    assert slow["route"].value_counts()["/static/logo"] == 1
    assert slow["route"].value_counts()["/page"] > 10


@pytest.mark.parametrize("before_s, knobs, expected", [
    ((), {"coalesce": True}, 1), ((), {}, 40), ((), {"stale_s": 60, "while_updating": True}, 40),
    ((0.0,), {"coalesce": True}, 40), ((0.0,), {"stale_s": 60, "while_updating": True}, 1),
    ((0.0,), {"coalesce": True, "stale_s": 60}, 40),
    ((0.0,), {"coalesce": True, "stale_s": 60, "while_updating": True}, 1),
])
def test_a_stampede_as_nginx_has_it(before_s, knobs, expected):
    """Its lock holds only for what is not stored at all; giving the old answer while it updates lets one through."""
    run = run_both(proxy(origin(), **knobs), at(*before_s, *[2.0] * 40), 5)
    assert run.stations.loc["database", "served"] == expected + len(before_s)
    assert (run.requests["status"] == "ok").all()


@pytest.mark.parametrize("knobs, fetches_on_absent, fetches_on_expired", [
    ({}, "all", "all"), ({"coalesce": True}, "one", "all"),
    ({"coalesce": True, "stale_s": 60, "while_updating": True}, "one", "one")])
def test_the_stampedes_of_the_lab(knobs, fetches_on_absent, fetches_on_expired):
    """500 per second, 2 s to live, one expiry; real NGINX went to its origin 65, 27 and 2 times."""
    shop, crowd = proxy(origin(), caches={"/": 2.0}, **knobs), sd.Clients(users=500, requests_per_minute=60, objects=1)
    counts = [fetches(sd.simulate(shop, crowd, seconds=4, seed=seed)) for seed in range(60)]
    size = {"all": sd.theory.stampede(requests_per_s=500, fetch_ms=FETCH_MS), "one": 1.0}
    found = sd.theory.confidence_interval(counts, level=0.999)
    assert found.low <= size[fetches_on_absent] + size[fetches_on_expired] <= found.high, found
    assert found.half_width < 5


def test_the_old_answer_is_given_when_what_stands_behind_is_dead():
    run = run_both(proxy(broken_later(), stale_s=2), at(1.0, 2.0, 2.5, 4.0, 4.5), 10)
    assert run.requests["status"].tolist() == ["ok"] * 4 + ["refused"]
    assert counted(run, NAME, COUNTS) == {"hits": 1, "misses": 4, "passed": 0, "stale": 2, "coalesced": 0, "leaks": 0}


def test_what_it_keeps_survives_a_stop_of_its_own():
    run = run_both(proxy(origin(), caches={"/": 60.0}), at(0.5, 2.0, 3.0), 10,
                   schedule=[sd.at(1, "kill", NAME, for_s=1.5)])
    assert run.requests["status"].tolist() == ["ok", "refused", "ok"]
    assert latencies_ms(run)[2] == 0.0


def test_who_waits_in_a_proxy_that_dies_is_lost_and_the_next_one_gets_an_answer():
    run = run_both(proxy(origin(), coalesce=True), at(*[1.0] * 5, 1.0625, 2.0), 10,
                   schedule=[sd.at(1.03125, "kill", NAME, for_s=0.03125)])
    assert run.requests["status"].tolist() == ["lost"] * 5 + ["ok"] * 2


def test_it_balances_with_a_balancer_behind_it():
    shop = sd.ReverseProxy(sd.LoadBalancer([sd.Server(cpus=4, ram_gb=4)] * 3))
    run = run_both(shop, sd.Clients(users=300, requests_per_minute=60), 2)
    assert (run.stations.query("kind == 'Server'")["served"] > 100).all()


# --- whose answers it gives to whom

def users_of(run):
    return [run.plan.attributes.user(run.seed, request) for request in range(len(run.requests))]


def of_one_path(**knobs):
    return sd.Clients(**{"users": 3, "arrivals_s": range(1, 30), "objects": 1, "routes": {"/user/me": 1}} | knobs)


def test_a_private_answer_that_is_kept_goes_to_other_users():
    shop = proxy(origin(), caches={"/": 100.0}, private=("/user",), respects_private=False)
    run = run_both(shop, of_one_path(), 60, seed=4)
    first, *others = users_of(run)
    strangers = sum(user != first for user in others)
    assert 5 < strangers < 28
    assert counted(run, NAME, COUNTS)["leaks"] == strangers


def test_who_waits_for_the_fetch_of_another_users_private_answer_gets_it():
    shop = proxy(origin(), private=("/user",), respects_private=False, coalesce=True)
    run = run_both(shop, of_one_path(arrivals_s=[1.0] * 30), 60, seed=4)
    first, *others = users_of(run)
    counts = counted(run, NAME, COUNTS)
    assert counts["coalesced"] == 29
    assert counts["leaks"] == sum(user != first for user in others) > 5


def test_a_private_answer_is_never_kept_where_the_header_is_respected():
    run = run_both(proxy(origin(), caches={"/": 100.0}, private=("/user",)), of_one_path(), 60, seed=4)
    assert counted(run, NAME, COUNTS) == dict.fromkeys(COUNTS, 0) | {"passed": 29}


@st.composite
def careful_proxies(draw, times):
    """Proxies, one behind another, that keep everything but what is private."""
    behind = databases(times) | providers(times) | servers(times, databases(times))
    return draw(reverse_proxies(times, behind | reverse_proxies(times, behind).map(careful)).map(careful))


def careful(drawn):
    return replace(drawn, caches=drawn.caches | {"/": 1.0}, private=("/user",), respects_private=True)


@examples(100)
@given(case=cases(careful_proxies, ANY, of_few_keys(poisson_crowds()), floats(2, 10)))
def test_nobody_ever_gets_a_private_answer_of_another(case):
    """Not one is stored, and each visit for one makes a call of its own."""
    system, clients, seconds, seed, schedule = case
    run = sd.simulate(system, clients, seconds=seconds, seed=seed, schedule=schedule)
    assert (run.stations["leaks"] == 0).all()
    run = sd.simulate(system, replace(clients, routes={"/user/9": 1}), seconds=seconds, seed=seed, schedule=schedule)
    for node in run.nodes:
        if node.kind == "ReverseProxy":
            row = run.stations.loc[node.name]
            assert row["hits"] == row["misses"] == row["leaks"] == 0
            assert row["passed"] == run.traffic.query("caller == @node.name")["calls"].sum() >= row["served"]


@pytest.mark.parametrize("caches", [{"static": 60}, {"/static": 0}, {"/static": "60"}, {"/static": True}, ["/static"],
                                    {"/static": float("nan")}, {1: 60}])
def test_bad_caches_are_told(caches):
    with pytest.raises(ValueError, match=r"ReverseProxy\(caches=.*\): caches must be a dict of paths that begin with"):
        sd.ReverseProxy(origin(), caches=caches)


def test_bad_private_paths_are_told():
    with pytest.raises(ValueError, match=r"ReverseProxy\(private=\('user',\)\): private must be a list of paths"):
        sd.ReverseProxy(origin(), private=("user",))
    with pytest.raises(ValueError, match="while_updating must be False as long as stale_s is None"):
        sd.ReverseProxy(origin(), while_updating=True)
