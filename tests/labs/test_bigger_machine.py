"""The lab of lesson 3: the same crowd on real machines of three sizes."""

import pytest

from sdlib import labs as lab
from sdlib.labs.recordings import read

VERDICT = ("The same 426 real requests: with 1 worker memory ran out and the server crashed; with 2 workers all were "
           "answered; with 4 workers they waited less.")


def test_the_same_requests_on_three_machines(traces):
    result = lab.bigger_machine()
    assert str(result) == VERDICT
    small, medium, large = result.loads.values()
    assert small.requests["intended_s"].tolist() == large.requests["intended_s"].tolist()
    assert medium.requests["drawn_ms"].tolist() == large.requests["drawn_ms"].tolist()
    assert small.requests["status"].value_counts()["lost"] > small.server["ram_requests"]
    assert result.measured["answered"].is_monotonic_increasing
    compared = result.compare(seeds=5)
    assert compared["simulated_failed_percent"].tolist()[1:] == [0, 0] and compared["simulated_failed_percent"][1] > 0
    assert "workers" in result.plot(seeds=5).alt


def test_the_recording_reads_the_same():
    recorded = read("bigger_machine")
    assert str(recorded) == VERDICT and list(recorded.loads) == [1, 2, 4]


@pytest.mark.parametrize(("knobs", "named"), [
    ({"workers": 4}, "workers=4"), ({"workers": (1, 2)}, "workers="), ({"workers": (1, 2, 3)}, "workers="),
    ({"workers": (1, 2, 64)}, "workers=64"), ({"requests_per_s": 100}, "requests_per_s=100"),
    ({"requests_per_s": 190}, "requests_per_s=190"), ({"seconds": 0}, "seconds=0"),
    ({"service_ms": 1000}, "service_ms=1000")])
def test_a_lab_that_would_show_nothing_is_refused(traces, monkeypatch, knobs, named):
    monkeypatch.setattr("sdlib.labs.web.Stage", None)            # nothing may start
    with pytest.raises(ValueError, match=named):
        lab.bigger_machine(**knobs)
