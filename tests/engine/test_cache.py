"""A cache: what it keeps, who waits for a fetch, what happens when it is down."""

import pytest
from compare import examples, run_both
from hypothesis import given
from systems import store_cases, tied_store_cases
from test_conservation import assert_balanced

import sdlib as sd


@examples(150)
@given(case=store_cases())
def test_random_caches_and_proxies(case):
    assert_balanced(run_both(*case))


@examples(150)
@given(case=tied_store_cases())
def test_random_caches_and_proxies_in_which_many_events_coincide(case):
    assert_balanced(run_both(*case))


def constant(query_ms=100.0, **knobs):
    return sd.Database(connections=1_000, query_ms=query_ms, distribution="constant", **knobs)


@pytest.mark.parametrize("coalesce, fetches", [(False, 50), (True, 1)])
def test_a_stampede_on_an_absent_key(coalesce, fetches):
    shop = sd.Cache(constant(), coalesce=coalesce)
    run = run_both(shop, sd.Clients(users=1, arrivals_s=[1.0] * 50, objects=1), 5)
    assert run.stations.loc["database", "served"] == fetches
    assert run.stations.loc["cache", "coalesced"] == 50 - fetches
    assert (run.requests["status"] == "ok").all()
