"""The gateway's four answers, and its buckets, request by request."""

import numpy as np
import pytest
from compare import run_both

import sdlib as sd

INSTANT = sd.Server(cpus=100, ram_gb=100, service_ms=0)


def statuses(gateway, clients, seconds=10):
    return run_both(gateway, clients, seconds).requests


def test_404_401_and_403_are_answered_before_a_service_works():
    gateway = sd.Gateway({"/user": INSTANT, "/order": INSTANT}, accepts=("customer", "guest"),
                         allows={"/order": ["customer"]}, check_ms=0)
    clients = sd.Clients(users=100, requests_per_minute=60, routes={"/user": 1, "/order": 1, "/admin": 1},
                         tokens={"customer": 1, "guest": 1, "expired": 1})
    requests = statuses(gateway, clients)
    answers = requests.groupby("route")["status"].agg(lambda column: sorted(set(column)))
    assert answers["/user"] == ["ok", "unauthorized"]
    assert answers["/order"] == ["forbidden", "ok", "unauthorized"]
    assert answers["/admin"] == ["not found", "unauthorized"]
    on_order = requests[requests["route"] == "/order"]["status"].value_counts(normalize=True)
    assert on_order["forbidden"] == pytest.approx(1 / 3, abs=0.06)


def test_a_full_bucket_of_20_passes_20_of_21_and_then_10_a_second():
    """NGINX's `burst=20` passes 21: it counts those after the first. After 101 ms one is back, after 501 more five."""
    gateway = sd.Gateway({"/": INSTANT}, per_user_per_s=10, burst=20, check_ms=0)
    arrivals_s = np.repeat([0.0, 0.101, 0.602], [21, 20, 20])
    requests = statuses(gateway, sd.Clients(users=1, arrivals_s=arrivals_s), 2)
    passed = (requests["status"] == "ok").groupby(requests["arrived_s"]).sum()
    assert passed.tolist() == [20, 1, 5]


def test_one_bucket_for_all_limits_the_sum():
    gateway = sd.Gateway({"/": INSTANT}, per_s=50, burst_of_all=10, check_ms=0)
    requests = statuses(gateway, sd.Clients(users=200, requests_per_minute=60), 20)
    assert (requests["status"] == "ok").sum() == pytest.approx(50 * 20 + 10, abs=2)
    assert set(requests["status"]) == {"ok", "too many requests"}


@pytest.mark.parametrize("allows", [5, {"/nowhere": ["valid"]}, {"/": "valid"}, {"/": [1]}])
def test_what_allows_must_be(allows):
    with pytest.raises(ValueError, match=r"Gateway\(allows=.*\): allows must be a dict of paths"):
        sd.Gateway({"/": INSTANT}, allows=allows)
