"""Lesson 17's lab: round trips to three regions, through relays."""

import ssl
from dataclasses import replace

import pytest
from test_mail import assert_reads

from sdlib import labs as lab
from sdlib.labs import distances, far_models, recordings

SENTENCE = ("From Mumbai to Singapore, Frankfurt and Virginia alike: a request on a new connection took 2 round trips, "
            "with TLS 1.3 it took 3, and on a kept connection 1. On a kept connection it was 1 from a server ten times "
            "slower, too.")


def assert_shows_the_distances(result):
    assert str(result) == SENTENCE and isinstance(result, distances.Distances)
    table = result.compare()
    assert table["measured"].tolist() == table["simulated"].tolist() == 3 * [1, 2, 3]
    assert_reads(result, SENTENCE, "The distance is emulated")


def test_the_simulation_counts_by_itself():
    """Simulated is what an engine gives, not what is expected: with an older TLS it is another number."""
    assert far_models.round_trips("us-east-1", 1, "1.2") == 4
    assert far_models.round_trips("us-east-1", 0, "1.3", service_ms=10.0) == 1
    assert far_models.round_trips("ap-southeast-1", 0, "none", service_ms=70.0) == 2


def test_an_older_tls_is_refused(tmp_path):
    certificate = tmp_path / "far.pem"
    certificate.write_bytes(distances._certificate())
    assert distances._trust(certificate).minimum_version == ssl.TLSVersion.TLSv1_3


def test_lesson_17(traces):
    result = lab.distance()
    assert_shows_the_distances(result)
    assert result.recorded is None and traces.processes() == [] and traces.folders() == []


def test_the_recorded_run_shows_the_same():
    assert_shows_the_distances(recordings.read("distance"))


def test_without_the_certificates_package_the_recorded_run_stands_in(traces, monkeypatch):
    monkeypatch.setattr("sdlib.labs.recordings.what_is_missing",
                        lambda needs: "cryptography" if needs == ("cryptography",) else "")
    monkeypatch.setattr("sdlib.labs.distances.Stage", None)           # nothing may start
    stands_in = lab.distance()
    assert str(stands_in) == SENTENCE and "A recorded real run" in stands_in.panel().value


@pytest.mark.parametrize("case", distances.DUE)
def test_a_claim_can_fail(case):
    loads = recordings.read("distance").loads
    far = loads["Virginia"]
    claims = distances._claims(loads | {"Virginia": replace(far, seen=far.seen | {case: 4})})
    assert [text for text, held in claims if not held] == [f"{case}: round trips to each region: {distances.DUE[case]}"]


@pytest.mark.parametrize("tries", [0, 6, 1.5, "many", None])
def test_tries_that_would_show_nothing_are_refused(monkeypatch, tries):
    monkeypatch.setattr("sdlib.labs.distances.Stage", None)
    with pytest.raises(ValueError, match=r"distance\(tries="):
        lab.distance(tries=tries)


def test_kernel_killed_in_the_middle(traces):
    """kill -9 of a real kernel leaves no relay and no folder."""
    with traces.kernel_to_be_killed("labs.distance()", begun="far.log"):
        assert len(traces.processes()) >= 2             # watchdog, and the process of the relays
