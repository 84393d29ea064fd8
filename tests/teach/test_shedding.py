"""The server with a doorman behind lesson 02's policy exercise, and whom it asks."""

import pytest

import sdlib as sd
from sdlib.lessons.lesson_02 import WAVES
from sdlib.lessons.shedding import SERVICE_S, Wave, serve, within_a_second
from sdlib.teach.kinds import WrongKind

LONG = [wave for wave in WAVES if wave.spike_s > 1]


@pytest.mark.parametrize("wave", LONG, ids=lambda wave: wave.label)
def test_it_crashes_when_one_more_than_fits_comes_in_and_stays_down_for_the_rest(wave):
    assert serve(lambda in_flight, cpus, slots: in_flight < slots, wave).crashes == 0
    seen = []

    def one_too_many(in_flight, cpus, slots):
        seen.append(in_flight)
        return in_flight <= slots
    night = serve(one_too_many, wave)
    assert night.crashes == 1, "the waves are shorter than a restart"
    assert max(seen) == seen[-1] == wave.slots, "nobody asks a machine that is down"
    assert night.refused == night.sent - len(seen), "who comes while it is down is refused"
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


def test_what_the_policy_raises_comes_out_with_the_line_that_raised_it():
    def broken(in_flight, cpus, slots):
        return 1 / (3 - in_flight) > 0
    with pytest.raises(ZeroDivisionError) as raised:
        serve(broken, LONG[0])
    assert raised.traceback[-1].name == "broken"
    with pytest.raises(WrongKind, match="You gave 3"):
        serve(lambda in_flight, cpus, slots: 3, LONG[0])


def test_a_policy_that_lets_all_in_makes_the_plain_server():
    """The doorman changes nothing else: the same run as that of a server without one, on the other engine, too."""
    wave = WAVES[0]
    server = sd.Server(cpus=wave.cpus, ram_gb=4)
    crowd = sd.Clients(users=200, requests_per_minute=60, profile=((0, 1.0), (1, 4.25), (1.5, 1.0), (3.5, 0.0)))
    plain = sd.simulate(server, crowd, seconds=13.5, seed=1).summary().iloc[0]
    night = serve(lambda *_: True, wave)
    assert (night.sent, night.answered, night.p99_ms) == (plain["sent"], plain["answered"], plain["p99_ms"])
