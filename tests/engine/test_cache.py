"""A cache: what it keeps, who waits for a fetch, what happens when it is down."""

import numpy as np
import pytest
from compare import examples, run_both
from hypothesis import given
from systems import store_cases, tied_store_cases
from test_conservation import UNTIL_ALL_IS_OVER_S, assert_balanced

import sdlib as sd

FETCH_MS = 100.0


@examples(150)
@given(case=store_cases())
def test_random_caches_and_proxies(case):
    assert_balanced(run_both(*case))


@examples(150)
@given(case=tied_store_cases())
def test_random_caches_and_proxies_in_which_many_events_coincide(case):
    assert_balanced(run_both(*case))


@examples(80)
@given(case=tied_store_cases())
def test_nobody_waits_for_ever(case):
    """After a long silence nothing is in flight or in line, whatever was killed during whose fetch."""
    system, clients, _, seed, schedule = case
    run = sd.simulate(system, clients, seconds=UNTIL_ALL_IS_OVER_S, seed=seed, schedule=schedule)
    assert_balanced(run)
    assert not (run.requests["status"] == "in flight").any()
    assert (run.samples.query("second > @UNTIL_ALL_IS_OVER_S / 2")[["queue", "busy", "in_flight"]] == 0).all().all()


def origin(**knobs):
    return sd.Database(**{"connections": 1_000, "query_ms": FETCH_MS, "distribution": "constant"} | knobs)


def failing(**knobs):
    """Ends every fetch as "failed", or while it is down as "refused"."""
    return sd.MailProvider(**{"latency_ms": FETCH_MS, "distribution": "constant", "failure_rate": 1.0} | knobs)


def broken_later(**knobs):
    """Answers in 100 ms, and is down from 1.5 s on."""
    return failing(failure_rate=0.0, down=[(1.5, 100)], name="origin", **knobs)


def at(*times_s, **knobs):
    """Requests for the same key at these times."""
    return sd.Clients(users=1, arrivals_s=sorted(times_s), objects=1, **knobs)


def counted(run, name="cache", counts=("hits", "misses", "stale", "coalesced", "early")):
    return dict(zip(counts, run.stations.loc[name, list(counts)].astype(int)))


def latencies_ms(run):
    return run.requests["latency_ms"].round(6).tolist()


# --- coalescing

@pytest.mark.parametrize("coalesce, fetches", [(False, 50), (True, 1)])
@pytest.mark.parametrize("before_s", [(), (0.0,)], ids=["absent", "expired"])
def test_a_stampede(coalesce, fetches, before_s):
    shop = sd.Cache(origin(), ttl_s=0.5, coalesce=coalesce)
    run = run_both(shop, at(*before_s, *[1.0] * 50), 5)
    assert run.stations.loc["database", "served"] == fetches + len(before_s)
    assert counted(run) == {"hits": 0, "misses": 50 + len(before_s), "stale": 0, "coalesced": 50 - fetches, "early": 0}
    assert (run.requests["status"] == "ok").all()
    assert run.stations.loc["cache", "max_queue"] == (50 if coalesce else 0)


def test_who_comes_later_waits_for_the_rest_of_the_fetch_only():
    run = run_both(sd.Cache(origin(), coalesce=True, lookup_ms=0), at(1.0, 1.03125, 1.0625), 5)
    assert latencies_ms(run) == [100.0, 68.75, 37.5]


def test_thousands_wait_for_one_fetch():
    """More than the machine has room for at first: it grows in the middle of handing out."""
    run = run_both(sd.Cache(origin(), coalesce=True), at(*[1.0] * 5_000), 5)
    assert (run.requests["status"] == "ok").all()
    assert run.stations.loc["cache", "max_queue"] == 5_000
    assert counted(run)["coalesced"] == 4_999
    assert len(run.trace(4_999)) > 3, "also while the run is traced"


def test_keys_do_not_wait_for_one_another():
    clients = sd.Clients(users=1, arrivals_s=[1.0] * 200, objects=20, skew=0)
    run = run_both(sd.Cache(origin(), coalesce=True), clients, 5)
    keys = run.plan.attributes.column("keys", run.seed, 200)
    assert run.stations.loc["database", "served"] == len(set(keys)) == 20
    assert (run.requests["status"] == "ok").all()


def test_who_waits_on_gets_the_answer_when_the_last_in_line_is_lost():
    """Two servers, one store: the first one dies, and with it the last who waited for the first fetch."""
    store = sd.Cache(sd.Database(query_ms=1_000, distribution="constant"), coalesce=True, lookup_ms=0)
    servers = [sd.Server(4, 4, 0, calls=[store]) for _ in range(2)]
    clients = sd.Clients(users=1, arrivals_s=[0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875], objects=2, skew=0)
    for seed in range(8):  # which of them ask for the same
        run = run_both(sd.LoadBalancer(servers), clients, 5, seed, [sd.at(0.6, "kill", servers[0])])
        seen = run.requests.groupby("status", observed=True).size()
        assert seen["lost"] == 3 and seen["ok"] == 4 and seen["refused"] == 1
        assert run.requests.query("status == 'ok'")["finished_s"].max() < 2


def test_who_waits_gets_the_status_of_a_failed_fetch():
    run = run_both(sd.Cache(failing(), coalesce=True), at(*[1.0] * 10), 5)
    assert run.requests["status"].tolist() == ["failed"] * 10
    assert run.stations.loc["mail provider", "failed"] == 1
    assert counted(run)["coalesced"] == 9


def two_servers(cache, **knobs):
    """Round robin: requests 0, 2, 4 ... go to the first one."""
    servers = [sd.Server(cpus=9, ram_gb=9, service_ms=0, calls=[cache], name=name, **knobs) for name in ("one", "two")]
    return sd.LoadBalancer(servers)


def test_a_fetch_outlives_the_server_that_sent_it_off():
    shop = two_servers(sd.Cache(origin(), coalesce=True))
    run = run_both(shop, at(*[1.0] * 6), 5, schedule=[sd.at(1.05, "kill", "one", for_s=1)])
    assert run.requests["status"].tolist() == ["lost", "ok"] * 3
    assert run.stations.loc["database", "served"] == 1


def test_a_fetch_outlives_the_patience_of_who_sent_it_off():
    cache = sd.Cache(origin(), coalesce=True, lookup_ms=0)
    hasty = sd.Server(cpus=9, ram_gb=9, service_ms=0, name="hasty", calls=[sd.Call(cache, timeout_s=0.03125)])
    patient = sd.Server(cpus=9, ram_gb=9, service_ms=0, name="patient", calls=[cache])
    run = run_both(sd.LoadBalancer([hasty, patient]), at(*[1.0] * 6), 5)
    assert run.requests["status"].tolist() == ["timed out", "ok"] * 3
    assert run.stations.loc["database", "served"] == 1
    assert run.stations.loc["cache", "served"] == 6, "who was abandoned gets its answer, too"


def test_nobody_waits_for_ever_when_the_origin_dies_during_the_fetch():
    run = run_both(sd.Cache(origin(), coalesce=True), at(*[1.0] * 6), 5, schedule=[sd.at(1.05, "kill", "database")])
    assert run.requests["status"].tolist() == ["lost"] * 6
    assert latencies_ms(run) == [50.0] * 6
    assert run.stations.loc["database", "lost"] == 1


# --- early recomputation

def fetches_each_time(run):
    """How many went to the origin each time that the key had to be fetched anew; the first time is left out."""
    slow_s = run.requests["arrived_s"][run.requests["latency_ms"] > FETCH_MS / 2].to_numpy()
    begins = np.flatnonzero(np.diff(slow_s, prepend=-np.inf) > 1.0)
    return np.diff(begins)[1:]


def steady_crowd(per_s):
    return sd.Clients(users=1_000, requests_per_minute=60 * per_s / 1_000, objects=1)


def assert_mean(counts, expected, narrow):
    error = counts.std(ddof=1) / np.sqrt(len(counts))
    assert error < narrow, "too few to tell"
    assert abs(counts.mean() - expected) < 4 * error, (counts.mean(), error, expected)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_early_recomputations_as_vattani_has_them(beta):
    """1,000 requests per second, 0.1 s a fetch, 3 s to live: e^(1/beta) each time, and nobody meets an expired key."""
    shop = sd.Cache(origin(), ttl_s=3, early=beta, lookup_ms=0)
    run = sd.simulate(shop, steady_crowd(1_000), seconds=2_500, seed=1)
    assert_mean(fetches_each_time(run), sd.theory.early_recomputations(beta), 0.1)
    counts, first = counted(run), fetches_first(run)
    assert counts["misses"] == counts["early"] + first


def fetches_first(run):
    """Those before the key was stored for the first time."""
    arrived_s = run.requests["arrived_s"]
    return int((arrived_s < arrived_s.iloc[0] + FETCH_MS / 1000).sum())


def test_a_stampede_without_it_is_rate_times_fetch_time_and_one():
    run = sd.simulate(sd.Cache(origin(), ttl_s=3, lookup_ms=0), steady_crowd(500), seconds=2_500, seed=1)
    expected = sd.theory.stampede(requests_per_s=500, fetch_ms=FETCH_MS)
    assert expected == 51
    assert_mean(fetches_each_time(run), expected, 0.3)


def test_early_and_coalescing_together_fetch_once_each_time():
    shop = sd.Cache(origin(), ttl_s=3, early=1, coalesce=True, lookup_ms=0)
    run = sd.simulate(shop, steady_crowd(500), seconds=60, seed=1)
    assert set(fetches_each_time(run)) == {1}
    assert counted(run)["early"] >= 15


def test_an_early_fetch_that_fails_gives_the_answer_that_is_still_good():
    shop = sd.Cache(broken_later(), ttl_s=2, early=100, lookup_ms=0)
    run = run_both(shop, at(1.0, 1.75, 1.75, 1.75, 5.0), 10)
    assert run.requests["status"].tolist() == ["ok"] * 4 + ["refused"]
    assert counted(run)["early"] >= 1 and counted(run)["stale"] == 0


# --- stale and negative answers

def test_an_expired_answer_is_given_when_the_origin_is_down():
    run = run_both(sd.Cache(broken_later(), ttl_s=1, stale_s=2, lookup_ms=0), at(1.0, 2.0, 2.5, 4.0, 4.5), 10)
    assert run.requests["status"].tolist() == ["ok"] * 4 + ["refused"], "stored at 1.1, expired at 2.1, gone at 4.1"
    assert counted(run) == {"hits": 1, "misses": 4, "stale": 2, "coalesced": 0, "early": 0}


def test_all_who_waited_for_a_failed_fetch_get_the_expired_answer():
    run = run_both(sd.Cache(broken_later(), ttl_s=1, stale_s=2, coalesce=True), at(1.0, *[2.5] * 5), 10)
    assert run.requests["status"].tolist() == ["ok"] * 6
    assert counted(run)["stale"] == 5


def test_a_not_found_is_an_answer_and_not_an_error():
    shop = sd.Cache(failing(failure_rate=0, unknown_share=1.0), ttl_s=1, stale_s=9)
    assert run_both(shop, at(1.0, 3.0), 10).requests["status"].tolist() == ["not found"] * 2


def test_while_one_fetches_the_others_get_the_expired_answer():
    shop = sd.Cache(origin(), ttl_s=0.5, stale_s=10, while_updating=True, lookup_ms=0)
    run = run_both(shop, at(0.0, *[2.0] * 50, 2.5), 5)
    assert run.stations.loc["database", "served"] == 2
    assert latencies_ms(run) == [100.0, 100.0, *[0.0] * 50]
    assert counted(run) == {"hits": 50, "misses": 2, "stale": 49, "coalesced": 0, "early": 0}


@pytest.mark.parametrize("negative_ttl_s, fetches", [(None, 4), (1.0, 2)])
@pytest.mark.parametrize("target, status", [(failing(), "failed"),
                                            (failing(failure_rate=0, unknown_share=1.0), "not found")])
def test_failures_are_kept_for_a_while(negative_ttl_s, fetches, target, status):
    shop = sd.Cache(target, ttl_s=60, negative_ttl_s=negative_ttl_s)
    run = run_both(shop, at(0.0, 0.5, 1.0, 1.5), 10)
    assert run.requests["status"].tolist() == [status] * 4
    assert run.stations.loc["mail provider", "failed"] == fetches


def test_a_refusal_is_not_kept():
    shop = sd.Cache(failing(failure_rate=0, down=[(0, 1)]), negative_ttl_s=60)
    assert run_both(shop, at(0.5, 2.0), 10).requests["status"].tolist() == ["refused", "ok"]


# --- when it is down

@pytest.mark.parametrize("planned", [True, False])
def test_requests_go_past_a_cache_that_is_down_and_it_comes_back_empty(planned):
    shop = sd.Cache(origin(), lookup_ms=1, lookup_timeout_ms=50, down=[(2, 4)] if planned else ())
    changes = [] if planned else [sd.at(2, "kill", shop), sd.at(4, "restore", shop)]
    run = run_both(shop, at(1.0, 1.5, 2.5, 3.5, 4.5, 5.0), 10, schedule=changes)
    assert latencies_ms(run) == [101.0, 1.0, 151.0, 151.0, 101.0, 1.0]
    assert counted(run) == {"hits": 2, "misses": 4, "stale": 0, "coalesced": 0, "early": 0}
    assert run.stations.loc["cache", "refused"] == run.stations.loc["cache", "lost"] == 0
    assert run.incidents["what"].tolist() == ["stopped"] if planned else ["stopped", "restored"]


def test_a_cache_that_goes_down_during_a_fetch_loses_nothing_and_keeps_nothing():
    shop = sd.Cache(origin(), coalesce=True, down=[(1.05, 2)])
    run = run_both(shop, at(*[1.0] * 5, 3.0), 10)
    assert (run.requests["status"] == "ok").all()
    assert run.stations.loc["database", "served"] == 2


# --- one for all, or one each

def test_a_shared_cache_is_one_node_and_hits_more_than_one_each():
    clients = sd.Clients(users=6_000, requests_per_minute=10, objects=2_000, skew=0.8)

    def hits(caches):
        servers = [sd.Server(cpus=4, ram_gb=4, service_ms=1, calls=[cache]) for cache in caches]
        stations = sd.simulate(sd.LoadBalancer(servers), clients, seconds=30, seed=1).stations
        rows = stations[stations["kind"] == "Cache"]
        assert rows["hits"].sum() + rows["misses"].sum() > 29_000
        return len(rows), rows["hits"].sum() / (rows["hits"].sum() + rows["misses"].sum())
    database = sd.Database(connections=100, query_ms=1)
    shared, one_each = (hits(caches) for caches in ([sd.Cache(database, capacity=400)] * 4,
                                                    [sd.Cache(database, capacity=100) for _ in range(4)]))
    assert (shared[0], one_each[0]) == (1, 4)
    assert shared[1] > one_each[1] + 0.1


def test_what_does_not_go_together_is_told():
    with pytest.raises(ValueError, match=r"Cache\(while_updating=True\): while_updating must be False as long as st"):
        sd.Cache(origin(), while_updating=True)
