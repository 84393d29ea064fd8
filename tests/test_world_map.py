"""The world map of the lessons on distance: what is drawn is what was measured, and nobody has to see colours."""

import json

import numpy as np
import pandas as pd
import pytest

from sdlib import data
from sdlib.charts import world_map
from sdlib.charts.earth import MIDDLE, extent, land_outlines, moved_apart, project
from sdlib.charts.page import OF_THE_PAGE, ON_DARK
from sdlib.charts.world_map import APART, CLASSES, PIXEL, SILENT, placed
from sdlib.components.region import Region
from sdlib.components.server import Server

RADIUS_KM = 6371.0088
NAMES = [name for _, name, *_ in CLASSES]


def near_and_far():
    """Made-up times: 30 ms and 30 ms more for each 1,000 km."""
    hubs = data.countries()
    return pd.DataFrame({"country": hubs["iso2"], "p95_ms": 30 + 0.03 * hubs["km_from_mumbai"]})


@pytest.fixture(scope="module")
def one():
    return world_map(near_and_far())


@pytest.fixture(scope="module")
def two():
    values = near_and_far()
    return world_map({"without edges": values, "with edges": values.assign(p95_ms=values["p95_ms"] / 4)},
                     edges=data.edges())


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


# --- the projection ---

def test_the_projection_keeps_areas_true():
    assert project(MIDDLE, 0.0) == (0.0, 0.0)
    for latitude in (0, 30, 60, 80):    # a band of one degree has the area that it has on a sphere
        south, north = np.radians([latitude - 0.5, latitude + 0.5])
        x, (low, high) = project(MIDDLE + 180, latitude)[0], project([MIDDLE] * 2, [latitude - 0.5, latitude + 0.5])[1]
        assert 2 * x * (high - low) == pytest.approx(2 * np.pi * (np.sin(north) - np.sin(south)), rel=1e-3)


def test_the_land_has_the_area_that_it_has():
    areas = [sum(a * d - b * c for (a, b), (c, d) in zip(zip(x, y), zip(x[1:], y[1:]))) / 2 for x, y in land_outlines()]
    assert -sum(areas) * RADIUS_KM**2 / 1e6 == pytest.approx(135, rel=0.02), "million km2, without the Antarctic"


def test_no_outline_crosses_the_map_at_its_cut():
    (left, right), (bottom, top) = extent()
    for x, y in land_outlines():
        assert np.abs(np.diff(x)).max() < 0.4 and left < min(x) and max(x) < right and bottom < min(y) and max(y) < top


def test_marks_are_moved_apart_and_not_far():
    x, y = project(data.countries()["lon"], data.countries()["lat"])
    new_x, new_y = moved_apart(x, y, APART * PIXEL)
    far = np.hypot(np.subtract.outer(new_x, new_x), np.subtract.outer(new_y, new_y))[np.triu_indices(len(x), 1)]
    assert far.min() > 0.9 * APART * PIXEL
    assert np.hypot(new_x - x, new_y - y).max() < 1.5 * APART * PIXEL
    assert moved_apart([0, 0], [1, 1], 0.5)[0].tolist() == pytest.approx([-0.25, 0.25], abs=0.01)


# --- the chart ---

def test_each_country_is_one_mark_in_its_class(one):
    counts = placed(near_and_far())["place"].value_counts()
    for place, name in enumerate(NAMES):
        [trace] = traces(one, name)
        assert len(trace.x) == counts[place] == len(trace.hovertext)
    assert sum(counts) == 48 and set(counts.index) == {0, 1, 2, 3}


def test_a_class_begins_with_its_lower_limit():
    values = pd.DataFrame({"country": ["IN", "PK", "DE", "US", "CL", "BR"],
                           "p95_ms": [99.9, 100.0, 199.9, 200.0, 400.0, np.nan]})
    assert placed(values)["place"].tolist() == [0, 1, 1, 2, 3, 4]
    figure = world_map(values)
    assert len(traces(figure, SILENT[0])[0].x) == 1 and "1 without an answer" in figure.layout.meta["alt"]


def test_classes_are_told_apart_by_shape_and_size_in_both_themes():
    assert len({symbol for *_, symbol, _ in CLASSES}) == len({colour for _, _, colour, *_ in CLASSES}) == len(CLASSES)
    on_dark = {ON_DARK.get(colour, OF_THE_PAGE.get(colour)) for _, _, colour, *_ in CLASSES}
    assert len(on_dark) == len(CLASSES) and None not in on_dark
    sizes = [size for *_, size in CLASSES]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]


def test_the_figure_says_in_words_who_is_near_and_who_is_slow(one):
    alt, heading = one.layout.meta["alt"], one.layout.annotations[0].text
    assert "nearest is India 0 km away with 30 ms, farthest is Chile 16,069 km away with 512 ms" in alt
    assert heading.startswith("p95 from 30 ms in India to 512 ms in Chile")
    slow = (near_and_far()["p95_ms"] >= 200).sum()
    assert f"{slow} of 48 countries wait 200 ms or longer" in heading
    assert any("Chile: 512 ms" in note.text for note in one.layout.annotations)


def test_round_trips_are_drawn_in_their_own_words():
    table = Region(Server(cpus=1, ram_gb=1)).table()
    figure = world_map(table, shows="rtt_ms")
    assert figure.layout.annotations[0].text.startswith("round trip from 3 ms in India to 302 ms in Brazil")
    assert "of the round-trip time by country" in figure.layout.meta["alt"] and "p95" not in figure.to_json()
    assert figure.table.set_index("country").loc["Singapore", "rtt_ms"] == 63.8


def test_before_and_after_are_two_maps_of_one_scale_with_the_edges_on_the_last(two):
    assert two.layout.yaxis.scaleanchor == "x" and two.layout.yaxis2.scaleanchor == "x2"
    assert two.layout.xaxis.range == two.layout.xaxis2.range and two.layout.yaxis.range == two.layout.yaxis2.range
    [edges] = traces(two, "edge")
    assert edges.xaxis == "x2" and len(edges.x) == len(data.edges())
    for name in NAMES:
        assert [trace.showlegend for trace in traces(two, name)] == [True, False]
    assert two.layout.height <= 860, "both are seen at once"


def test_the_table_says_the_same_as_the_map(two):
    table, values = two.table, near_and_far()
    assert list(table) == ["country", "km", "p95_ms without edges", "p95_ms with edges"]
    assert table.loc[0, "country"] == "India" and table["km"].is_monotonic_increasing and len(table) == 48
    by_name = data.countries().set_index("country")
    assert (by_name.loc[table["country"], "km_from_mumbai"].to_numpy() == table["km"]).all()
    codes = by_name.loc[table["country"], "iso2"]
    wanted = values.set_index("country").loc[codes, "p95_ms"].to_numpy()
    assert np.abs(table["p95_ms without edges"].to_numpy() - wanted).max() < 0.051


def test_the_origin_may_be_elsewhere():
    figure = world_map(near_and_far(), home="eu-central-1")
    assert "origin Frankfurt" in figure.layout.meta["alt"]
    assert figure.table.loc[0, "country"] == "Germany" and figure.table["country"].iloc[-1] == "New Zealand"


def test_it_is_drawn_without_the_network_and_small(one, two):
    for figure, most in ((one, 30_000), (two, 60_000)):
        assert {trace.type for trace in figure.data} == {"scatter"}, "a map of Plotly's own fetches its outlines"
        assert len(figure.to_json()) < most
        assert json.dumps(figure._repr_mimebundle_()).count("http") == 0


@pytest.mark.parametrize("values", [
    {}, {"a": near_and_far(), "b": near_and_far(), "c": near_and_far(), "d": near_and_far()}, {1: near_and_far()},
    near_and_far().assign(country="XX"), near_and_far().assign(p95_ms="slow"), near_and_far().assign(p95_ms=-1.0),
    near_and_far().assign(p95_ms=np.inf), near_and_far().assign(p95_ms=True), pd.concat([near_and_far()] * 2)])
def test_values_that_are_no_table_of_countries_are_refused(values):
    with pytest.raises(ValueError, match=r"world_map\(values=.*must be a table with the columns country.*for example"):
        world_map(values)
