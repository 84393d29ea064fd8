"""The monthly bill: which machine, at which price, and what is only assumed."""

import math
from pathlib import Path

import pandas as pd
import pytest

import sdlib as sd
from sdlib.components.base import Machine
from sdlib.components.cache import Cache
from sdlib.components.clients import Clients
from sdlib.components.database import Database
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.providers import MailProvider
from sdlib.components.queue import Queue
from sdlib.components.server import Server
from sdlib.components.worker import Worker
from sdlib.data import instances
from sdlib.results import bill
from sdlib.results.bill import HOURS_PER_MONTH, cost, usd_per_month

COLUMNS = ["component", "machine", "vcpu", "memory_gib", "usd_per_month", "basis"]


def price(machine):
    return instances().set_index("instance_type")["usd_per_hour_us_east_1_linux_od"][machine] * HOURS_PER_MONTH


@pytest.mark.parametrize("cpus, ram_gb, machine", [
    (1, 1, "t3.micro"), (2, 4, "t3.medium"), (2, 8, "m7i.large"), (4, 4, "t3.xlarge"), (4, 16.5, "m8i.2xlarge"),
    (5, 1, "m8i.2xlarge"), (64, 64, "m8i.16xlarge"), (192, 768, "m7i.48xlarge"), (384, 128, "c8i.96xlarge"),
    (384, 1_000, "m8i.96xlarge"), (385, 1, "u7i-6tb.112xlarge"), (896, 32_768, "u7in-32tb.224xlarge")])
def test_a_server_gets_the_cheapest_machine_that_is_large_enough(cpus, ram_gb, machine):
    row = cost(Server(cpus=cpus, ram_gb=ram_gb)).iloc[0]
    assert (row["machine"], row["usd_per_month"]) == (machine, pytest.approx(price(machine)))
    assert row["vcpu"] >= cpus and row["memory_gib"] >= ram_gb
    assert row["basis"].startswith("listed price") and "us-east-1, 2026-07-20" in row["basis"]


def test_no_cheaper_machine_would_do():
    table = instances()
    for cpus, ram_gb in [(1, 0.5), (3, 7), (10, 100), (100, 10), (400, 7_000)]:
        row = cost(Server(cpus=cpus, ram_gb=ram_gb)).iloc[0]
        cheaper = table[table["usd_per_hour_us_east_1_linux_od"] * HOURS_PER_MONTH < row["usd_per_month"] - 1e-9]
        assert not ((cheaper["vcpu"] >= cpus) & (cheaper["memory_gib"] >= ram_gb)).any()


def test_a_burstable_machine_says_so():
    assert "burstable" in cost(Server(cpus=4, ram_gb=4)).iloc[0]["basis"]
    assert "burstable" not in cost(Server(cpus=8, ram_gb=4)).iloc[0]["basis"]


def test_a_machine_nobody_sells_has_no_price():
    row = cost(Server(cpus=2_000, ram_gb=4)).iloc[0]
    assert math.isnan(row["usd_per_month"])
    assert row["basis"].startswith("no listed machine with 2,000 vCPU")
    assert (row["machine"], row["vcpu"], row["memory_gib"]) == ("none", 2_000, 4)
    assert math.isnan(usd_per_month(Server(cpus=2_000, ram_gb=4)))


def test_a_machine_that_is_sold_at_no_listed_price_says_so():
    row = cost(Server(cpus=1_000, ram_gb=128)).iloc[0]
    assert math.isnan(row["usd_per_month"])
    assert row["basis"] == "no listed price: only u7inh-32tb.480xlarge is large enough for 1,000 vCPU and 128 GiB"


def test_one_row_per_machine():
    database = Database()
    table = cost(LoadBalancer([Server(cpus=4, ram_gb=4, calls=[database])] * 3))
    assert isinstance(table, pd.DataFrame) and table.columns.tolist() == COLUMNS
    assert sorted(table["component"]) == ["database", "load balancer", "server 1", "server 2", "server 3"]
    assert table["usd_per_month"].sum() == pytest.approx(3 * price("t3.xlarge") + 2 * price("m8i.large"))


@pytest.mark.parametrize("component", [Database(), Cache(Database()), LoadBalancer([Server(cpus=4, ram_gb=4)]),
                                       Queue(Worker())], ids=lambda component: type(component).__name__)
def test_what_has_no_size_is_an_assumption_and_labelled(component):
    machines = cost(component)
    for _, row in machines[~machines["component"].isin(["server", "queue"])].iterrows():
        assert (row["machine"], row["usd_per_month"]) == ("m8i.large", pytest.approx(price("m8i.large")))
        assert row["basis"].startswith("assumption: one m8i.large")
    assert (machines["machine"] == "m8i.large").any()


def test_what_is_paid_by_use_is_no_machine_of_ours():
    bill = cost(Queue(Worker(calls=[MailProvider()]))).set_index("component")
    assert bill.loc[["queue", "mail provider"], "usd_per_month"].tolist() == [0, 0]
    assert bill.loc["queue", "basis"] == "no machine of ours: paid by use"


def test_the_sum_is_that_of_the_bill():
    shop = LoadBalancer([Server(cpus=4, ram_gb=4, calls=[Database(), Queue(Worker())])] * 3)
    assert usd_per_month(shop) == pytest.approx(cost(shop)["usd_per_month"].sum())


def test_a_kind_without_any_price_is_not_free():
    class Satellite(Database):
        def machine(self):
            return None
    row = cost(Satellite()).iloc[0]
    assert math.isnan(row["usd_per_month"])
    assert row["basis"] == "no machine or price is known for a Satellite"


def test_a_component_says_what_it_runs_on():
    """A new kind of component is priced by what it says, without a list of kinds."""
    class Cluster(Database):
        def machine(self):
            return Machine(cpus=4, ram_gb=4, count=3)
    row = cost(Cluster()).iloc[0]
    assert (row["machine"], row["vcpu"], row["memory_gib"]) == ("3 x t3.xlarge", 12, 48)
    assert row["usd_per_month"] == pytest.approx(3 * price("t3.xlarge"))
    assert "Server" not in Path(bill.__file__).read_text(), "no component is known by name"


def test_the_first_system():
    shop = Server(cpus=4, ram_gb=4, calls=[Database()])
    assert usd_per_month(shop) == pytest.approx(121.472 + 77.2632)


def test_what_is_not_a_system_is_refused():
    for wrong in (None, "shop", Clients(users=100)):
        with pytest.raises(ValueError, match="system must be a component"):
            cost(wrong)


def test_a_pool_of_threads_inside_a_machine_costs_nothing_more():
    plain, threaded = (sd.Server(cpus=4, ram_gb=4, threads=threads) for threads in (None, 50))
    assert sd.cost(threaded)["usd_per_month"].tolist() == sd.cost(plain)["usd_per_month"].tolist()
