"""The tables of a run: columns and types as promised, also when little or nothing happened; and what they weigh."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from systems import ram_gb

import sdlib as sd
from sdlib.engine.records import count_names
from sdlib.kernel.statuses import STATUSES

ROOT = Path(__file__).parents[2]
REQUESTS = {"arrived_s": "float64", "finished_s": "float64", "latency_ms": "float64", "status": "category",
            "route": "category", "country": "category", "served_by": "category", "attempts": "int16"}
MESSAGES = {"channel": "category", "sent_s": "float64", "done_s": "float64", "receives": "int32",
            "outcome": "category", "request": "int32", "times_done": "int32"}
STATIONS = ["kind", "capacity", "utilization", "mean_queue", "max_queue", "served", "refused", "lost", "failed",
            "crashes"]
TIMELINE = ["second", "sent", "answered", "failed", "throughput_per_s", "error_percent", "p50_ms", "p95_ms", "p99_ms",
            "in_system"]
SUMMARY = ["sent", "answered", "failed", "in_flight", "throughput_per_s", "error_percent", "percent_answered",
           "mean_ms", "p50_ms", "p95_ms", "p99_ms", "busiest", "utilization_percent", "usd_per_month"]
CONSERVATION = ["sent", "answered", "refused", "failed", "lost", "timed_out", "dead_lettered", "expired", "in_flight",
                "balanced"]
SAMPLES = {"second": "float64", "station": "category", "queue": "int32", "busy": "int32", "in_flight": "int32"}
BYTES_PER_REQUEST = 120


@pytest.fixture(scope="module")
def run():
    queue = sd.Queue(sd.Worker(work_ms=30, failure_rate=0.2), visibility_timeout_s=0.3, max_receives=2, name="orders")
    server = sd.Server(cpus=1, ram_gb=ram_gb(20), service_ms=25, restart_s=1,
                       calls=[sd.Cache(sd.Database(), capacity=100), queue])
    shop = sd.LoadBalancer([server] * 2)
    clients = sd.Clients(users=1_100, profile=sd.spike(10, 5, 2), timeout_s=0.3, retry=sd.Retry(1))
    return sd.simulate(shop, clients, seconds=31.5, seed=4)


@pytest.fixture(scope="module")
def empty():
    return sd.simulate(sd.Server(cpus=1, ram_gb=1, calls=[sd.Queue(sd.Worker())]),
                       sd.Clients(users=1, arrivals_s=[9.0]), seconds=5)


@pytest.fixture(scope="module")
def unanswered():
    """Requests arrive, and none is answered: the server is down all the time."""
    return sd.simulate(sd.Server(cpus=1, ram_gb=1, down=[(0, 100)]), sd.Clients(users=600), seconds=5)


@pytest.fixture(params=["run", "empty", "unanswered"])
def any_run(request):
    return request.getfixturevalue(request.param)


def test_columns_and_types(any_run):
    assert any_run.requests.dtypes.astype(str).to_dict() == REQUESTS
    assert list(any_run.requests["status"].cat.categories) == list(STATUSES)
    assert list(any_run.requests["served_by"].cat.categories) == [node.name for node in any_run.nodes]
    assert any_run.messages.dtypes.astype(str).to_dict() == MESSAGES
    assert list(any_run.messages["outcome"].cat.categories) == [
        "delivered", "dead-lettered", "waiting", "in progress", "lost", "expired"]
    assert list(any_run.stations.columns) == [*STATIONS, *count_names(any_run.nodes)]
    assert any_run.stations.index.is_unique
    assert any_run.samples.dtypes.astype(str).to_dict() == SAMPLES
    assert len(any_run.samples) == 600 * len(any_run.nodes)
    assert list(any_run.timeline().columns) == TIMELINE
    assert list(any_run.summary().columns) == SUMMARY and len(any_run.summary()) == 1
    assert list(any_run.conservation().columns) == CONSERVATION
    assert list(any_run.conservation().index) == ["requests", "messages"]


def test_the_run_says_what_was_asked(run):
    assert (run.seconds, run.seed, run.engine) == (31.5, 4, "compiled")
    assert isinstance(run.clients, sd.Clients) and isinstance(run.system, sd.LoadBalancer)
    assert [node.kind for node in run.nodes][:2] == ["LoadBalancer", "Server"]
    assert repr(run) == f"Run: {len(run.requests):,} requests of 1,100 users in 31.5 s, seed 4, compiled engine"


def test_everything_happens_in_this_run(run):
    """The fixture proves something only when all kinds of things happen in it."""
    assert set(run.requests["status"]) >= {"ok", "refused", "lost", "timed out"}
    assert set(run.messages["outcome"]) >= {"delivered", "dead-lettered"}
    assert run.stations["crashes"].sum() and run.stations["hits"].sum() and run.stations["misses"].sum()


def test_latency_is_from_arrival_to_the_end(run):
    rows = run.requests
    assert (rows["latency_ms"].isna() == (rows["status"] == "in flight")).all()
    ended = rows.dropna(subset="latency_ms")
    assert np.array_equal(ended["latency_ms"], (ended["finished_s"] - ended["arrived_s"]) * 1000)
    assert (ended["latency_ms"] >= 0).all()
    assert rows["arrived_s"].is_monotonic_increasing


def test_stations_are_within_their_limits(any_run):
    stations = any_run.stations
    assert stations["utilization"].between(0, 1).all()
    assert (stations["mean_queue"] <= stations["max_queue"]).all()
    counts = stations.drop(columns="kind").to_numpy()
    assert (counts >= 0).all()


@pytest.mark.parametrize("every_s", [0.1, 0.7, 1.0, 10.0, 31.5])
def test_a_timeline_adds_up_to_the_totals(run, every_s):
    table, total = run.timeline(every_s), run.summary().iloc[0]
    assert len(table) == int(np.ceil(run.seconds / every_s))
    assert np.allclose(table["second"], np.arange(len(table)) * every_s)
    for column in ("sent", "answered", "failed"):
        assert table[column].sum() == total[column]
    assert table["in_system"].iloc[-1] == (run.requests["status"] == "in flight").sum()
    assert (table["in_system"] >= 0).all()
    lengths_s = np.diff(np.append(table["second"], run.seconds))
    assert (table["throughput_per_s"] * lengths_s).sum() == pytest.approx(total["answered"])


def test_a_timeline_tells_each_second_from_the_rows(run):
    table, rows = run.timeline(1.0), run.requests
    for second in (0, 11, 20, 31):
        arrived = rows["arrived_s"].between(second, second + 1, inclusive="left")
        ended = rows["finished_s"].between(second, second + 1, inclusive="left")
        answered = rows[ended & (rows["status"] == "ok")]
        line = table.iloc[second]
        assert line["sent"] == arrived.sum()
        assert line["answered"] == len(answered) and line["failed"] == ended.sum() - len(answered)
        assert line["p99_ms"] == pytest.approx(answered["latency_ms"].quantile(0.99), nan_ok=True)
        assert line["error_percent"] == pytest.approx(100 * line["failed"] / max(ended.sum(), 1))


@pytest.mark.parametrize("after_s", [0, 10, 31.5])
def test_quantiles_are_those_of_the_data(run, after_s):
    total = run.summary(after_s).iloc[0]
    rows = run.requests
    latency_ms = rows["latency_ms"][(rows["status"] == "ok") & (rows["finished_s"] >= after_s)]
    for column, q in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
        assert total[column] == pytest.approx(latency_ms.quantile(q), nan_ok=True)
    assert total["mean_ms"] == pytest.approx(latency_ms.mean(), nan_ok=True)
    assert total["sent"] == (rows["arrived_s"] >= after_s).sum()


@pytest.mark.parametrize("after_s", [0, 1, 7, 20, 31])
def test_a_summary_after_some_time_counts_as_the_timeline_does(any_run, after_s):
    after_s = min(after_s, any_run.seconds - 1)
    total = any_run.summary(after_s).iloc[0]
    table = any_run.timeline(0.5)
    table = table[table["second"] >= after_s]
    assert (table[["sent", "answered", "failed"]].sum() == total[["sent", "answered", "failed"]]).all()
    assert total["in_flight"] == table["in_system"].iloc[-1]
    assert total["throughput_per_s"] == pytest.approx(table["throughput_per_s"].mul(0.5).sum()
                                                      / (any_run.seconds - after_s))
    before = any_run.timeline(0.5).query("second < @after_s")["in_system"]
    inside = before.iloc[-1] if len(before) else 0
    assert inside + total["sent"] - total["answered"] - total["failed"] == total["in_flight"]


def test_the_throughput_of_an_overloaded_server_is_what_it_can_do():
    """Those who are answered late arrived early; a count of later arrivals gave 0/s and NaN here."""
    run = sd.simulate(sd.Server(cpus=4, ram_gb=1_000), sd.Clients(users=9_000), seconds=60, seed=1)
    for after_s in (0, 20, 40, 55):
        total = run.summary(after_s).iloc[0]
        assert total["throughput_per_s"] == pytest.approx(400, rel=0.04) and total["mean_ms"] > 0
    assert total["percent_answered"] == 100 * total["answered"] / (total["answered"] + total["in_flight"])
    assert run.summary()["percent_answered"].item() == pytest.approx(100 * 400 / 600, rel=0.05)


def test_what_is_written_into_a_table_stays_there():
    run = sd.simulate(sd.Server(cpus=2, ram_gb=4, calls=[sd.Queue(sd.Worker())]), sd.Clients(users=900), seconds=5)
    before = [run.summary(), run.summary(2), run.conservation(), run.timeline(1.0)]
    names = ["requests", "messages", "stations", "samples"]
    kept = [getattr(run, name).copy(deep=True) for name in names]
    with pytest.warns(pd.errors.ChainedAssignmentError):
        run.requests.loc[:, "arrived_s"] = -1.0
    mine = run.requests
    mine.loc[:, "arrived_s"] = -1.0
    mine.iloc[3, mine.columns.get_loc("latency_ms")] = 7.0
    mine.loc[0, "status"], mine["new"] = "lost", 5
    assert (mine["arrived_s"] == -1).all() and mine.loc[0, "status"] == "lost", "the reader's own table did change"
    for table, column in ((run.messages, "sent_s"), (run.samples, "second"), (run.stations, "utilization")):
        table.loc[:, column] = 0.25
        table.iloc[0, -1] = table.iloc[-1, -1]
    with pytest.raises(ValueError, match="read-only"):
        run.requests["arrived_s"].to_numpy()[0] = -1
    for name, table in zip(names, kept, strict=True):
        pd.testing.assert_frame_equal(getattr(run, name), table, check_exact=True)
    run._summaries.clear()
    after = [run.summary(), run.summary(2), run.conservation(), run.timeline(1.0)]
    for old, new in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(old, new, check_exact=True)


def test_p99_is_a_quantile_and_no_multiple_of_the_mean():
    """With constant work and no queue every latency is the same, so all quantiles are the mean."""
    server = sd.Server(cpus=100, ram_gb=10, service_ms=20, distribution="constant")
    total = sd.simulate(server, sd.Clients(users=300), seconds=20).summary().iloc[0]
    assert total["p99_ms"] == pytest.approx(total["mean_ms"], rel=1e-9) == pytest.approx(20, rel=1e-9)
    slow = sd.Server(cpus=100, ram_gb=10, service_ms=20)
    total = sd.simulate(slow, sd.Clients(users=30_000), seconds=20).summary().iloc[0]
    assert total["p99_ms"] / total["mean_ms"] == pytest.approx(np.log(100), rel=0.05)


@pytest.mark.parametrize("which", ["empty", "unanswered"])
def test_tables_without_an_answer_hold_nan_and_raise_no_warning(which, request):
    quiet = request.getfixturevalue(which)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        total, table = quiet.summary().iloc[0], quiet.timeline()
        late = quiet.summary(after_s=5).iloc[0]
    for row in (total, late, *(line for _, line in table.iterrows())):
        assert row[["p50_ms", "p95_ms", "p99_ms"]].isna().all()
    assert pd.isna(total["mean_ms"]) and total["answered"] == 0
    assert total["error_percent"] == (100 if which == "unanswered" else 0)
    assert quiet.conservation()["balanced"].all()


def test_an_empty_run_is_empty(empty):
    assert len(empty.requests) == len(empty.messages) == 0
    assert (empty.stations[["utilization", "mean_queue", "served"]] == 0).all().all()
    assert (empty.samples[["queue", "busy", "in_flight"]] == 0).all().all()


def test_samples_agree_with_the_requests():
    """In a server that never fails the sampled number in flight is that counted from arrivals and ends."""
    run = sd.simulate(sd.Server(cpus=2, ram_gb=100), sd.Clients(users=2_500), seconds=30, seed=1)
    rows, samples = run.requests, run.samples
    arrived = np.searchsorted(rows["arrived_s"], samples["second"], side="left")
    ended = np.searchsorted(np.sort(rows["finished_s"].dropna()), samples["second"], side="left")
    assert np.array_equal(samples["in_flight"], arrived - ended)
    assert np.array_equal(samples["in_flight"], samples["queue"] + samples["busy"])


MEASURE = """
import tracemalloc
import sdlib as sd
shop = sd.Server(cpus=40, ram_gb=100, calls=[sd.Database(connections=100)])
crowd = sd.Clients(users={users})
sd.simulate(shop, crowd, seconds=0.1).requests
tracemalloc.start()
run = sd.simulate(shop, crowd, seconds=100)
run.requests, run.summary()
print(len(run.requests), tracemalloc.get_traced_memory()[1])
"""


def test_memory_per_simulated_request():
    """The peak, of a large run minus a small one so that what every run needs does not count."""
    measured = []
    for users in (1_500, 45_000):
        printed = subprocess.run([sys.executable, "-c", MEASURE.format(users=users)], cwd=ROOT, capture_output=True,
                                 text=True, check=True).stdout
        measured.append([int(number) for number in printed.split()])
    (few, small), (many, large) = measured
    assert many > 290_000
    print(f"{(large - small) / (many - few):.1f} bytes per request")
    assert (large - small) / (many - few) < BYTES_PER_REQUEST


def test_a_time_on_the_edge_of_a_bin_belongs_to_the_bin_that_begins_there():
    run = sd.simulate(sd.Database(query_ms=0), sd.Clients(users=1, arrivals_s=[0.3, 0.5, 0.7]), seconds=1)
    table = run.timeline(0.1)
    edges = np.arange(10) * 0.1
    assert table["second"].tolist() == edges.tolist()
    assert table["sent"].sum() == 3 and table["answered"].sum() == 3
    assert table.loc[5, "sent"] == 1, "0.5 lies in the row of 0.5"
