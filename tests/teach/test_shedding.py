"""The small server behind lesson 02's policy exercise."""

import pytest

from sdlib.lessons.lesson_02 import WAVES
from sdlib.lessons.shedding import SERVICE_S, Wave, serve, within_a_second

LONG = [wave for wave in WAVES if wave.spike_s > 1]


@pytest.mark.parametrize("wave", LONG, ids=lambda wave: wave.label)
def test_it_crashes_when_one_more_than_fits_comes_in_and_stays_down_for_the_rest(wave):
    assert serve(lambda in_flight, cpus, slots: in_flight < slots, wave).crashes == 0
    seen = []

    def one_too_many(in_flight, cpus, slots):
        seen.append(in_flight)
        return in_flight <= slots
    night = serve(one_too_many, wave)
    assert night.crashes == 1 and night.refused == 0, "the waves are shorter than a restart"
    assert max(seen) == seen[-1] == wave.slots, "nobody asks a machine that is down"
    assert night.answered == len(seen) - wave.slots - 1, "what was inside is lost"


@pytest.mark.parametrize("wave", WAVES, ids=lambda wave: wave.label)
def test_without_a_crash_every_request_is_answered_or_refused(wave):
    night = serve(within_a_second, wave)
    assert night.crashes == 0 and night.sent == night.answered + night.refused and night.p99_ms < 1000
    assert night == serve(within_a_second, wave), "the same seed, the same night"


def test_an_idle_server_takes_the_work_alone():
    """M/M/100 with almost no load: p99 is that of the exponential work, 10 ms x ln 100 = 46 ms."""
    night = serve(lambda *_: True, Wave("calm", cpus=100, slots=10**6, calm_per_s=100, spike_per_s=100, spike_s=300))
    assert night.refused == 0 and night.p99_ms == pytest.approx(SERVICE_S * 1000 * 4.605, rel=0.03)


@pytest.mark.parametrize("seed", range(2, 7))
def test_the_measure_holds_for_other_seeds_too(seed):
    for wave in WAVES:
        night = serve(within_a_second, wave, seed)
        assert night.crashes == 0 and night.p99_ms < 1000
