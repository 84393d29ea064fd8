"""A CDN: the nearest edge that is up, its own store, and the origin behind it."""

import pytest
from compare import examples, run_both
from hypothesis import given
from systems import far_cases

import sdlib as sd
from sdlib.components.geography import way_to_city

SHOP = sd.Server(cpus=64, ram_gb=64, service_ms=5, distribution="constant")
PICTURES = {"/static": 1}


def crowd(countries, users=600, routes=PICTURES, **more):
    return sd.Clients(users=users, countries=countries, routes=routes, **more)


def test_the_first_request_goes_to_the_origin_and_the_next_does_not():
    cdn = sd.CDN(SHOP, new_connections=0)
    two = crowd({"US": 1}, objects=1, arrivals_s=[0.0, 2.0])
    first, second = sd.simulate(cdn, two, seconds=5, seed=1).requests["latency_ms"]
    store = next(store for store in cdn.stores if store.city == cdn.table().set_index("country").loc["US", "edge"])
    near_ms = store.rtt_ms("US") + store.proxy_ms
    assert first == pytest.approx(near_ms + store.target.rtt_ms + 5)
    assert second == pytest.approx(near_ms) and second < first / 20


def test_each_edge_has_a_store_of_its_own():
    cdn = sd.CDN(SHOP, edges=["Mumbai", "Singapore"], coalesce=True)
    run = sd.simulate(cdn, crowd({"IN": 1, "SG": 1}, objects=1), seconds=20, seed=1)
    fetches = run.stations["misses"] - run.stations["coalesced"]
    assert fetches["edge Mumbai"] == fetches["edge Singapore"] == 1
    assert run.stations.loc["server", "served"] == 2


def test_what_must_not_be_kept_passes_to_the_origin():
    run = sd.simulate(sd.CDN(SHOP), crowd({"DE": 1}, routes={"/order": 1}), seconds=20, seed=1)
    assert run.stations["hits"].sum() == run.stations["misses"].sum() == 0
    served = run.stations.loc["server", "served"]
    assert served <= run.stations["passed"].sum() <= served + run.measures()["in_flight"]


def test_an_invalidation_empties_all_edges():
    cdn = sd.CDN(SHOP, edges=["Mumbai", "Singapore"])
    both = crowd({"IN": 1, "SG": 1}, objects=1, users=600)
    run = sd.simulate(cdn, both, seconds=20, seed=1, schedule=[sd.at(10, "invalidate", cdn)])
    assert run.incidents["what"].tolist() == ["invalidated"] * 2
    for edge in ("edge Mumbai", "edge Singapore"):
        assert run.stations.loc[edge, "misses"] >= 2


def test_when_an_edge_is_down_its_countries_go_to_the_next_nearest():
    cdn = sd.CDN(SHOP, edges=["Mumbai", "Singapore", "Tokyo"])
    run = sd.simulate(cdn, crowd({"SG": 1}), seconds=30, seed=1,
                      schedule=[sd.at(10, "kill", "edge Singapore", for_s=10)])
    served = run.stations["served"]
    nearest = min(("Mumbai", "Tokyo"), key=lambda city: way_to_city((1.29, 103.85), city).km)
    assert served["edge Singapore"] > 0 and served[f"edge {nearest}"] > 0
    assert run.stations.loc[["edge Mumbai", "edge Tokyo"], "served"].min() == 0
    lost = run.requests["status"].isin(["lost", "refused"])
    assert lost.sum() == run.stations.loc["edge Singapore", ["lost", "refused"]].sum()
    assert 0 < lost.sum() <= 12  # who is inside or on the way: 40 a second, each for less than 0.1 s, are 4 on average
    assert run.conservation()["balanced"].all()


def test_where_all_edges_are_down_requests_are_refused():
    cdn = sd.CDN(SHOP, edges=["Mumbai"])
    run = sd.simulate(cdn, crowd({"IN": 1}), seconds=10, schedule=[sd.at(0, "kill", "edge Mumbai")])
    assert (run.requests["status"] == "refused").all() and len(run.requests)


def test_small_edges_stay_cold_and_the_origin_feels_it():
    def misses(edges):
        run = sd.simulate(sd.CDN(SHOP, edges=edges), crowd(sd.data.crowd(), users=3_000), seconds=60, seed=1)
        return run.stations["misses"].sum()
    assert misses(1) < misses(10) < misses(40)


def test_both_engines_agree():
    cdn = sd.CDN(SHOP, edges=12, capacity=50, coalesce=True, stale_s=5, caches={"/static": 4})
    run = run_both(cdn, crowd(sd.data.crowd(), users=900, routes={"/static": 0.8, "/user": 0.2}, objects=100), 20,
                   seed=3, schedule=[sd.at(5, "invalidate", cdn), sd.at(8, "kill", "edge Shanghai", for_s=4)])
    assert run.conservation()["balanced"].all()
    assert run.stations["hits"].sum() > 0 and run.stations["coalesced"].sum() > 0


@examples(150)
@given(case=far_cases())
def test_random_far_systems(case):
    system, clients, seconds, seed, schedule = case
    run = run_both(system, clients, seconds, seed, schedule)
    assert run.conservation()["balanced"].all()


@pytest.mark.parametrize("edges", [0, 1_000, True, 1.5, "Mumbai", [], ["Atlantis"], ["Mumbai", "Mumbai"], {}])
def test_edges_that_make_no_sense_are_told(edges):
    with pytest.raises(ValueError, match=r"CDN\(edges=.*must be a number from 1 to .* for example"):
        sd.CDN(SHOP, edges=edges)


def test_a_table_tells_the_edge_of_each_country():
    table = sd.CDN(SHOP).table()
    assert len(table) == 48 and (table["rtt_ms"] < 30).all() and table["country"].is_unique
    by_country = sd.data.countries().set_index("iso2")["edge_city"]
    assert (table.set_index("country")["edge"] == by_country).mean() > 0.9
