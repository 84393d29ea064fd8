"""Closed forms beside which every simulation is held; each function names its source."""

from sdlib.theory.buckets import bucket_passes
from sdlib.theory.caches import che_hit_ratio, early_recomputations, stampede, ttl_hit_ratio, zipf_shares
from sdlib.theory.intervals import Interval, confidence_interval, share_interval, student_t
from sdlib.theory.network import expected_rtt_ms, fibre_rtt_ms, round_trips
from sdlib.theory.queues import (
    SteadyState,
    erlang_b,
    erlang_c,
    littles_law,
    mg1,
    mm1,
    mm1k,
    mmc,
    power_of_choices,
    relaxation_s,
    seconds_until_memory_is_full,
)
from sdlib.theory.reliability import all_fail, availability, backoff_delays, nines, redundant
from sdlib.theory.sums import quantile_of_sum

__all__ = [
    "Interval", "SteadyState", "all_fail", "availability", "backoff_delays", "bucket_passes", "che_hit_ratio",
    "confidence_interval", "early_recomputations", "erlang_b", "erlang_c", "expected_rtt_ms", "fibre_rtt_ms",
    "littles_law", "mg1", "mm1", "mm1k", "mmc", "nines", "power_of_choices", "quantile_of_sum", "redundant",
    "relaxation_s", "round_trips", "seconds_until_memory_is_full", "share_interval", "stampede", "student_t",
    "ttl_hit_ratio", "zipf_shares",
]
