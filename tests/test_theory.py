"""The closed forms against published numbers, known limits and each other."""

import csv
import doctest
import math
from pathlib import Path

import numpy as np
import pytest

import sdlib.theory.caches
import sdlib.theory.intervals
import sdlib.theory.queues
import sdlib.theory.reliability
from sdlib import theory

SERVICE_MS = 10.0


def oracle(name):
    with (Path(__file__).parent / "oracles" / name).open() as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


def queue_at(load, servers=1):
    return theory.mmc(load * servers * 1000 / SERVICE_MS, SERVICE_MS, servers)


@pytest.mark.parametrize("module", [theory.caches, theory.intervals, theory.queues, theory.reliability])
def test_the_examples_in_the_docstrings(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("row", oracle("mmc.csv"), ids=lambda row: f"c={row['servers_c']:g} rho={row['rho']}")
def test_mmc_matches_every_row_of_the_oracle(row):
    servers, load = int(row["servers_c"]), row["rho"]
    queue = queue_at(load, servers)
    digits = 0.51e-6  # the oracle is rounded to six digits
    assert theory.erlang_b(servers, load * servers) == pytest.approx(row["erlangB_block"], abs=digits)
    assert theory.erlang_c(servers, load * servers) == pytest.approx(row["erlangC_wait_prob"], abs=digits)
    assert queue.wait_probability == pytest.approx(row["erlangC_wait_prob"], abs=digits)
    assert queue.utilization == pytest.approx(load, rel=1e-12)
    assert queue.mean_wait_ms / SERVICE_MS == pytest.approx(row["Wq_over_S"], abs=digits)
    assert queue.mean_latency_ms / SERVICE_MS == pytest.approx(row["W_over_S"], abs=digits)
    assert queue.mean_queue == pytest.approx(row["Lq"], abs=digits)
    assert queue.wait_quantile_ms(0.95) / SERVICE_MS == pytest.approx(row["wait_p95_over_S"], abs=digits)
    assert queue.wait_quantile_ms(0.99) / SERVICE_MS == pytest.approx(row["wait_p99_over_S"], abs=digits)


@pytest.mark.parametrize("q, wait", [(0.5, 0.2204), (0.9, 2.2322), (0.95, 3.0987), (0.99, 5.1105)])
def test_wait_quantiles_of_four_servers(q, wait):
    assert queue_at(0.8, 4).wait_quantile_ms(q) / SERVICE_MS == pytest.approx(wait, abs=0.51e-4)


@pytest.mark.parametrize("q, latency, digits", [(0.5, 1.3462, 4), (0.95, 4.738, 3), (0.99, 6.893, 3)])
def test_latency_quantiles_of_four_servers(q, latency, digits):
    assert queue_at(0.8, 4).latency_quantile_ms(q) / SERVICE_MS == pytest.approx(latency, abs=0.51 * 10**-digits)


@pytest.mark.parametrize("load", [0.01, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("q", [0.0, 0.5, 0.99, 0.999999])
def test_latency_of_one_server_is_exponential(load, q):
    exact_ms = -math.log(1 - q) * SERVICE_MS / (1 - load)
    queue = theory.mm1(load * 1000 / SERVICE_MS, SERVICE_MS)
    assert queue.latency_quantile_ms(q) == pytest.approx(exact_ms, rel=1e-9, abs=1e-9)


def test_latency_quantile_where_both_rates_are_equal():
    # c - offered load = 1: wait and service then have the same rate, and the usual formula divides by zero.
    queue = theory.mmc(300, 10, 4)
    nearby = theory.mmc(300 + 1e-7, 10, 4)
    assert queue.latency_quantile_ms(0.99) == pytest.approx(nearby.latency_quantile_ms(0.99), rel=1e-8)


def test_mean_latency_is_the_integral_of_the_quantiles():
    queue = queue_at(0.8, 4)
    middles = (np.arange(4_000) + 0.5) / 4_000
    mean_ms = np.mean([queue.latency_quantile_ms(q) for q in middles])
    assert mean_ms == pytest.approx(queue.mean_latency_ms, rel=1e-3)


def test_a_thousand_servers_overflow_nothing():
    million_users = theory.mmc(1_000_000 * 4 / 60, 10, 1_000)
    assert million_users.utilization == pytest.approx(2 / 3)
    assert 0 <= million_users.wait_probability < 1e-20
    assert million_users.mean_latency_ms == pytest.approx(10)
    busy = theory.mmc(99_900, 10, 1_000)
    assert 0.5 < busy.wait_probability < 1
    # Halfin and Whitt: near full load C depends on (1 - rho) sqrt(c) only, to the order 1 / sqrt(c).
    beta = 0.001 * math.sqrt(1_000)
    phi, density = (1 + math.erf(beta / math.sqrt(2))) / 2, math.exp(-beta**2 / 2) / math.sqrt(2 * math.pi)
    assert busy.wait_probability == pytest.approx(1 / (1 + beta * phi / density), abs=0.002)


@pytest.mark.parametrize("load", [1.0, 1.5, 167.0])
def test_overload_waits_for_ever(load):
    for queue in (queue_at(load, 4), theory.mg1(load * 100, 10, 0.25)):
        assert queue.utilization == pytest.approx(load)
        assert queue.wait_probability == 1
        assert math.isinf(queue.mean_wait_ms) and math.isinf(queue.mean_latency_ms)
        assert math.isinf(queue.mean_queue) and math.isinf(queue.mean_in_system)
    assert math.isinf(queue_at(load, 4).wait_quantile_ms(0.5))
    assert math.isinf(queue_at(load, 4).latency_quantile_ms(0.5))
    assert math.isinf(theory.power_of_choices(load, 2))


def test_nobody_comes_nobody_waits():
    for queue in (theory.mmc(0, 10, 4), theory.mg1(0, 10, 1), theory.mm1k(0, 10, 4)):
        assert (queue.utilization, queue.wait_probability, queue.mean_wait_ms, queue.mean_queue) == (0, 0, 0, 0)
        assert queue.mean_latency_ms == 10


@pytest.mark.parametrize("squared_cv, wait", [(0, 2.0), (0.25, 2.5), (1, 4.0), (4, 10.0)])
def test_pollaczek_khinchine(squared_cv, wait):
    assert theory.mg1(80, 10, squared_cv).mean_wait_ms / SERVICE_MS == pytest.approx(wait, rel=1e-12)


def test_mg1_with_exponential_service_is_mm1():
    means = [vars(queue) for queue in (theory.mg1(70, 10, 1), theory.mm1(70, 10))]
    for name in means[0]:
        assert means[0][name] == pytest.approx(means[1][name], rel=1e-12)


@pytest.mark.parametrize("arrivals_per_s", [50, 100, 250])
@pytest.mark.parametrize("capacity", [1, 2, 7])
def test_mm1k_matches_the_balance_of_flows(arrivals_per_s, capacity):
    shares = [1.0]
    for _ in range(capacity):
        shares.append(shares[-1] * arrivals_per_s * 0.01)
    shares = [share / sum(shares) for share in shares]
    queue = theory.mm1k(arrivals_per_s, 10, capacity)
    accepted_per_s = arrivals_per_s * (1 - shares[-1])
    assert queue.blocking_probability == pytest.approx(shares[-1])
    assert queue.utilization == pytest.approx(1 - shares[0])
    assert queue.mean_in_system == pytest.approx(sum(n * share for n, share in enumerate(shares)))
    assert queue.mean_queue == pytest.approx(sum((n - 1) * share for n, share in enumerate(shares) if n))
    assert queue.wait_probability == pytest.approx(1 - shares[0] / (1 - shares[-1]))
    assert queue.mean_latency_ms == pytest.approx(queue.mean_in_system / accepted_per_s * 1000)
    assert queue.mean_wait_ms == pytest.approx(queue.mean_queue / accepted_per_s * 1000)


def test_mm1k_at_its_limits():
    assert theory.mm1k(80, 10, 1).blocking_probability == pytest.approx(theory.erlang_b(1, 0.8))
    roomy, endless = theory.mm1k(80, 10, 10_000), theory.mm1(80, 10)
    assert roomy.blocking_probability < 1e-300
    assert roomy.mean_latency_ms == pytest.approx(endless.mean_latency_ms)
    flooded = theory.mm1k(100_000, 10, 1_000_000)
    assert flooded.blocking_probability == pytest.approx(0.999)
    assert flooded.utilization == pytest.approx(1, rel=1e-12)


def test_littles_law_gives_the_third_of_two():
    assert theory.littles_law(arrivals_per_s=400, latency_ms=25) == 10
    assert theory.littles_law(arrivals_per_s=400, in_system=10) == 25
    assert theory.littles_law(latency_ms=25, in_system=10) == 400
    queue = queue_at(0.8, 4)
    assert theory.littles_law(arrivals_per_s=320, latency_ms=queue.mean_wait_ms) == pytest.approx(queue.mean_queue)


@pytest.mark.parametrize("given", [{}, {"latency_ms": 1}, {"latency_ms": 1, "in_system": 1, "arrivals_per_s": 1}])
def test_littles_law_needs_exactly_two(given):
    with pytest.raises(ValueError, match="two of arrivals_per_s, latency_ms, in_system"):
        theory.littles_law(**given)


def test_littles_law_does_not_divide_by_zero():
    with pytest.raises(ValueError, match="latency_ms must be more than 0"):
        theory.littles_law(latency_ms=0, in_system=5)


def seconds_by_small_steps(arrivals_per_s, service_s, cpus, too_many, step_s=1e-5):
    inside, seconds = 0.0, 0.0
    while inside < too_many:
        inside += step_s * (arrivals_per_s - min(inside, cpus) / service_s)
        seconds += step_s
    return seconds


@pytest.mark.parametrize("arrivals_per_s, cpus", [(500, 4), (2_000, 4), (60_000, 1_000)])
def test_time_until_memory_is_full_matches_the_fluid_in_small_steps(arrivals_per_s, cpus):
    seconds = theory.seconds_until_memory_is_full(arrivals_per_s, 10, cpus, 4, 8)
    assert seconds == pytest.approx(seconds_by_small_steps(arrivals_per_s, 0.01, cpus, 513), rel=0.01)


def test_time_until_memory_is_full():
    full = theory.seconds_until_memory_is_full
    assert math.isinf(full(400, 10, 4, 4, 8))
    assert math.isinf(full(0, 10, 4, 4, 8))
    # A million users on four cores: the queue grows by 66,267 requests a second, and 512 fit.
    assert full(1_000_000 * 4 / 60, 10, 4, 4, 8) == pytest.approx(512 / 66_267, rel=0.01)
    # Enough cores for the load, but memory for only 512 of the 600 in flight.
    assert full(60_000, 10, 1_000, 4, 8) < 0.1


@pytest.mark.parametrize("row", oracle("cache_che_oracle.csv"),
                         ids=lambda row: f"{row['zipf_alpha']} {row['cache_C']:g}")
def test_che_matches_every_row_of_the_oracle(row):
    hit_ratio = theory.che_hit_ratio(int(row["objects_N"]), row["zipf_alpha"], int(row["cache_C"]))
    assert hit_ratio == pytest.approx(row["che_hit"], abs=0.0005)
    assert hit_ratio == pytest.approx(row["lru_sim_hit"], abs=0.01)


def test_che_at_its_limits():
    assert theory.che_hit_ratio(1_000, 0, 250) == pytest.approx(0.25)
    assert theory.che_hit_ratio(1_000, 0.8, 1_000) == 1
    assert theory.che_hit_ratio(1_000, 0.8, 5_000) == 1
    assert theory.che_hit_ratio(1, 0.8, 1) == 1
    assert 0.999 < theory.che_hit_ratio(1_000, 0.8, 999) < 1
    ratios = [theory.che_hit_ratio(1_000, 0.8, capacity) for capacity in (1, 10, 100, 500)]
    assert ratios == sorted(ratios)


def test_a_time_to_live_at_its_limits():
    assert theory.ttl_hit_ratio(1, 0.8, 2.0, 3.0) == pytest.approx(6 / 7)
    assert theory.ttl_hit_ratio(1, 0.8, 2.0, 3.0, fetch_ms=500) == pytest.approx(6 / 8)
    assert theory.ttl_hit_ratio(10, 0, 20.0, 3.0) == pytest.approx(6 / 7), "ten alike"
    assert theory.ttl_hit_ratio(1_000, 0.8, 10.0, 0) == 0 < 0.999 < theory.ttl_hit_ratio(1_000, 0.8, 10.0, 1e9) < 1


def test_zipf_shares():
    shares = theory.zipf_shares(10_000, 1.0)
    assert shares.shape == (10_000,)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[9] == pytest.approx(10)


@pytest.mark.parametrize("row", oracle("power_of_d_choices.csv"), ids=lambda row: f"load {row['lambda']}")
def test_power_of_choices_matches_every_row_of_the_oracle(row):
    for choices, column in ((1, "d1_exact"), (2, "d2_ninf"), (3, "d3_ninf"), (5, "d5_ninf")):
        assert theory.power_of_choices(row["lambda"], choices) == pytest.approx(row[column], abs=0.51e-4)


# Published tables of Student's t: two-sided level, degrees of freedom, t.
T_TABLE = [(0.95, 1, 12.7062), (0.95, 2, 4.3027), (0.95, 3, 3.1824), (0.95, 4, 2.7764), (0.95, 9, 2.2622),
           (0.95, 10, 2.2281), (0.95, 19, 2.0930), (0.95, 30, 2.0423), (0.95, 120, 1.9799), (0.90, 1, 6.3138),
           (0.90, 19, 1.7291), (0.99, 1, 63.6567), (0.99, 5, 4.0321), (0.99, 19, 2.8609), (0.99, 120, 2.6174),
           (0.999, 2, 31.5991), (0.95, 10**9, 1.9600), (0.99, 10**9, 2.5758)]


@pytest.mark.parametrize("level, freedom, t", T_TABLE)
def test_student_t_matches_published_tables(level, freedom, t):
    assert theory.student_t(freedom, level) == pytest.approx(t, abs=0.51e-4)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_student_t_series_and_expansion_meet(level):
    few, many = theory.student_t(1_000, level), theory.student_t(1_001, level)
    assert 0 < few - many < 1e-4
    assert sdlib.theory.intervals._expanded(1_000, inverse_normal(level)) == pytest.approx(few, abs=1e-9)


def inverse_normal(level):
    return sdlib.theory.intervals.NormalDist().inv_cdf((1 + level) / 2)


def test_confidence_interval():
    interval = theory.confidence_interval([4, 6, 5, 7, 3])
    assert (interval.mean, interval.count) == (5, 5)
    assert interval.half_width == pytest.approx(2.7764 * math.sqrt(2.5 / 5), abs=1e-4)
    assert (interval.low, interval.high) == (5 - interval.half_width, 5 + interval.half_width)
    assert theory.confidence_interval(np.array([2, 2, 2])).half_width == 0


def test_confidence_interval_covers_as_often_as_it_says():
    samples = np.random.default_rng(7).normal(3.0, 2.0, size=(4_000, 5))
    covered = sum(low <= 3.0 <= high for _, low, high, _, _ in map(theory.confidence_interval, samples))
    # 4,000 trials at 95 %: four standard errors are 1.4 %.
    assert covered / 4_000 == pytest.approx(0.95, abs=0.014)


@pytest.mark.parametrize("values", [[], [1], [1, math.nan], [1, math.inf], "12", [[1, 2], [3, 4]], None])
def test_confidence_interval_refuses(values):
    with pytest.raises(ValueError, match="values must be at least two finite numbers"):
        theory.confidence_interval(values)


def test_backoff_delays():
    assert theory.backoff_delays(0) == []
    assert theory.backoff_delays(4, first_delay_s=0.5, max_delay_s=3) == [0.5, 1, 2, 3]
    # Ten retries of which the first is immediate: 0, 1, 2, 4, ... 256 s.
    assert 0 + sum(theory.backoff_delays(9, first_delay_s=1, max_delay_s=3_600)) == 511
    assert theory.backoff_delays(1_000)[-1] == 60


def test_availability():
    assert theory.availability(0.99) == 0.99
    assert theory.availability(0.99, 0.99) == pytest.approx(0.9801)
    assert theory.redundant(0.9, 3) == pytest.approx(0.999)
    assert theory.nines(theory.redundant(0.9, 3)) == pytest.approx(3)
    assert math.isinf(theory.nines(1))
    with pytest.raises(ValueError, match="at least one availability"):
        theory.availability()


BAD_CALLS = [
    (theory.mmc, (-1, 10, 4), "arrivals_per_s"), (theory.mmc, (math.nan, 10, 4), "arrivals_per_s"),
    (theory.mmc, ("many", 10, 4), "arrivals_per_s"), (theory.mmc, (1, 0, 4), "service_ms"),
    (theory.mmc, (1, 10, 0), "servers"), (theory.mmc, (1, 10, 2.5), "servers"), (theory.mmc, (1, 10, True), "servers"),
    (theory.mm1, (1, math.inf), "service_ms"), (theory.mg1, (1, 10, -0.1), "squared_cv"),
    (theory.mm1k, (1, 10, 0), "capacity"), (theory.erlang_b, (0, 1), "servers"),
    (theory.erlang_c, (4, -1), "offered_load"), (theory.che_hit_ratio, (0, 0.8, 1), "objects"),
    (theory.che_hit_ratio, (10, -1, 1), "skew"), (theory.che_hit_ratio, (10, 1, 0), "capacity"),
    (theory.zipf_shares, (10.5, 1), "objects"), (theory.power_of_choices, (-0.1, 2), "load"),
    (theory.power_of_choices, (0.5, 0), "choices"), (theory.backoff_delays, (-1,), "retries"),
    (theory.backoff_delays, (1, -1), "first_delay_s"), (theory.backoff_delays, (1, 1, None), "max_delay_s"),
    (theory.all_fail, (1.1, 2), "failure_rate"), (theory.all_fail, (0.5, -1), "attempts"),
    (theory.availability, (0.9, 99.9), "parts"), (theory.redundant, (0.9, 0), "copies"), (theory.nines, (2,), "part"),
    (theory.seconds_until_memory_is_full, (1, 10, 4, 0, 8), "ram_gb"),
    (theory.seconds_until_memory_is_full, (1, 10, 4, 4, 0), "memory_mb"),
    (theory.confidence_interval, ([1, 2], 95), "level"), (theory.student_t, (0,), "freedom"),
    (queue_at(0.8).wait_quantile_ms, (1,), "q"), (queue_at(0.8).latency_quantile_ms, (99,), "q"),
]


@pytest.mark.parametrize("function, arguments, name", BAD_CALLS)
def test_bad_input_names_the_parameter_the_range_and_an_example(function, arguments, name):
    with pytest.raises(ValueError, match=rf"{name} must be a (whole )?number from .* to .*; for example {name}="):
        function(*arguments)
