"""Many parallel calls are as slow as the slowest of them; a hedged call brings that down (Dean and Barroso 2013)."""

import numpy as np
import pytest
from compare import run_both

import sdlib as sd

SLOW_S = 0.010 * np.log(100)  # one exponential call of mean 10 ms in a hundred takes longer
CALLS = 100


def share_of_slow(seconds, **patience):
    leaf = sd.Server(cpus=100_000, ram_gb=100_000, service_ms=10)
    front = sd.Server(cpus=1_000, ram_gb=1_000, service_ms=0, calls=[[sd.Call(leaf, **patience)] * CALLS])
    requests = sd.simulate(front, sd.Clients(users=1_000, requests_per_minute=6), seconds=seconds).requests
    latency_s = requests.loc[requests["status"] == "ok", "latency_ms"] / 1000
    return (latency_s > SLOW_S).mean(), len(latency_s)


def test_of_100_calls_that_are_slow_in_1_percent_63_percent_of_requests_wait_for_one():
    share, requests = share_of_slow(60)
    expected = 1 - 0.99**CALLS
    assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / requests)


def test_a_hedge_after_the_95th_percentile_makes_most_of_them_fast_for_5_percent_more_calls():
    share, requests = share_of_slow(60, hedge_s=0.010 * np.log(20))
    both_slow = 0.01 * 0.01 * 20  # the first takes longer than SLOW_S, the second longer than what is left of it
    expected = 1 - (1 - both_slow)**CALLS
    assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / requests)


def test_a_hedged_call_counts_whichever_answer_is_first_and_the_rest_is_still_worked_on():
    leaf = sd.Server(cpus=10, ram_gb=10, service_ms=100)
    front = sd.Server(cpus=10, ram_gb=10, service_ms=0, calls=[sd.Call(leaf, hedge_s=0.1, timeout_s=1)])
    run = run_both(front, sd.Clients(users=10, requests_per_minute=60), 60)
    called = run.traffic.set_index("called")["calls"]["server 2"]
    hedged = called / len(run.requests) - 1
    assert hedged == pytest.approx(np.exp(-1), abs=0.05)  # so many are not back after their mean time
    assert run.conservation()["balanced"].all()


def test_a_hedge_that_comes_after_the_timeout_is_refused():
    with pytest.raises(ValueError, match=r"Call\(hedge_s=2.0\): hedge_s must be shorter than timeout_s=1"):
        sd.Call(sd.Database(), timeout_s=1, hedge_s=2)
