"""data/: every figure has a source, and the totals are those of the sources."""

import doctest
import math
import re

import numpy as np
import pytest

from sdlib import data

TABLES = [data.epa_requests, data.elb_hours, data.orders_by_hour, data.instances, data.countries, data.edges,
          data.land, data.regions, data.region_rtt_ms, data.figures]


def sources():
    rows = re.findall(r"^\| ([\w.-]+)/? \| (.+) \| (.+) \| (.+) \|$", (data.FOLDER / "README.md").read_text(), re.M)
    return {name: (what.strip(), source.strip(), licence.strip()) for name, what, source, licence in rows}


def test_every_file_has_a_source_and_a_licence():
    files = {path.name for path in data.FOLDER.iterdir() if path.name != "README.md" and path.name[0] != "."}
    listed = {name: texts for name, texts in sources().items() if name != "file"}
    assert set(listed) == files
    assert all(len(text) >= 3 for texts in listed.values() for text in texts)


def test_the_examples_in_the_docstrings():
    result = doctest.testmod(data)
    assert (result.failed, result.attempted) == (0, 2)


def test_every_figure_has_a_source():
    table = data.figures()
    assert len(table) == 76
    assert table["id"].is_unique
    for column in ("value", "source", "where"):
        assert (table[column].str.strip().str.len() > 0).all(), column
    assert set(table["basis"]) <= {"read", "measured", "vendor", "assumption"}


def test_totals():
    assert data.epa_requests()["requests"].sum() == 15_751
    assert data.epa_requests()["minute_of_day"].tolist() == list(range(0, 720, 5))
    assert data.orders_by_hour()["orders_total"].sum() == 22_064
    assert data.orders_by_hour()["hour_of_day"].tolist() == list(range(24))
    assert data.elb_hours()["hour_of_day"].tolist() == list(range(24))
    assert (len(data.instances()), len(data.countries()), len(data.edges())) == (29, 48, 107)
    assert (len(data.regions()), data.region_rtt_ms().shape) == (34, (32, 32))


def test_orders_per_day_are_the_total_over_305_days():
    orders = data.orders_by_hour()
    assert (orders["orders_total"] / 305 - orders["orders_per_day"]).abs().max() < 0.0051


def test_the_largest_machine_has_no_listed_price_and_all_others_have_one():
    table = data.instances().set_index("instance_type")
    prices = table["usd_per_hour_us_east_1_linux_od"]
    assert prices[prices.isna()].index.tolist() == ["u7inh-32tb.480xlarge"]
    assert (prices / table["vcpu"] - table["usd_per_vcpu_hour"]).abs().max() < 1e-5


def kilometres(latitude, longitude, other_latitude, other_longitude):
    latitude, longitude, other_latitude, other_longitude = map(
        np.radians, (latitude, longitude, other_latitude, other_longitude))
    half = (np.sin((other_latitude - latitude) / 2) ** 2
            + np.cos(latitude) * np.cos(other_latitude) * np.sin((other_longitude - longitude) / 2) ** 2)
    return 2 * 6371.0088 * np.arcsin(np.sqrt(half))


def test_distances_and_nearest_edges_follow_from_the_coordinates():
    for places in (data.regions(), data.countries()):
        assert (kilometres(19.0728, 72.8826, places["lat"], places["lon"]) - places["km_from_mumbai"]).abs().max() < 1
    hubs, edges = data.countries(), data.edges()
    apart = kilometres(hubs["lat"].to_numpy()[:, None], hubs["lon"].to_numpy()[:, None],
                       edges["latitude"].to_numpy()[None, :], edges["longitude"].to_numpy()[None, :])
    assert edges["code"].to_numpy()[apart.argmin(axis=1)].tolist() == hubs["edge_code"].tolist()
    assert np.abs(apart.min(axis=1) - hubs["edge_km"]).max() < 1


def ring_area(ring):
    """In square degrees, negative where it runs clockwise."""
    x, y = ring["longitude"].to_numpy(), ring["latitude"].to_numpy()
    return 0.5 * float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def winding(rings, longitude, latitude):
    """How often the rings go round a place: not 0 on land."""
    turns = 0.0
    for ring in rings:
        angles = np.arctan2(ring["latitude"] - latitude, ring["longitude"] - longitude).to_numpy()
        turns += ((np.diff(np.append(angles, angles[0])) + np.pi) % (2 * np.pi) - np.pi).sum()
    return round(turns / (2 * np.pi))


def test_the_land_is_a_coarse_outline_of_closed_rings():
    rings = [ring for _, ring in data.land().groupby("ring")]
    areas = [ring_area(ring) for ring in rings]
    assert (data.FOLDER / "land.csv").stat().st_size < 25_000
    assert len(rings) == 79 and min(map(len, rings)) >= 4
    assert data.land()["longitude"].between(-180, 180).all() and data.land()["latitude"].between(-56, 84).all()
    assert [round(area) for area in areas if area > 0] == [38], "one runs the other way round: the Caspian Sea"


def test_hubs_stand_on_the_land_or_at_its_coast_and_seas_are_free():
    rings = [ring for _, ring in data.land().groupby("ring")]
    for place, latitude, longitude in (("Paris", 48.85, 2.35), ("Madrid", 40.42, -3.7), ("Moscow", 55.75, 37.62),
                                       ("Addis Ababa", 9.03, 38.75), ("Denver", 39.7, -105), ("Brasilia", -15.8, -47.9),
                                       ("Alice Springs", -23.7, 133.9), ("Hyderabad", 17.4, 78.5)):
        assert winding(rings, longitude, latitude) == -1, place
    for sea, latitude, longitude in (("Atlantic", 30, -40), ("Pacific", 0, -150), ("Caspian", 42, 51),
                                     ("Mediterranean", 35, 18), ("Gulf of Bengal", 12, 88)):
        assert winding(rings, longitude, latitude) == 0, sea


def test_people_online_are_population_times_share():
    table = data.countries()
    assert (table["population"] * table["internet_pct"] / 1e8 - table["internet_users_m"]).abs().max() < 0.051


def test_the_two_round_trip_tables_agree():
    matrix, regions = data.region_rtt_ms(), data.regions().set_index("region")["rtt_ms_from_mumbai_p50"]
    assert matrix.index.tolist() == matrix.columns.tolist()
    assert (matrix.loc["ap-south-1"] == regions[matrix.columns]).all()
    assert sorted(regions[regions.isna()].index) == ["ap-east-2", "ap-southeast-6"]


def test_derived_figures_follow_from_the_figures_they_come_from():
    def value(name):
        return data.figure(f"so.{name}").value
    assert value("avg_rps") == pytest.approx(value("http_requests_day") / 86_400, abs=0.051)
    assert value("sql_ms_per_query") == pytest.approx(value("sql_ms_day") / value("sql_queries_day"), abs=0.00051)
    assert value("sql_per_request") == pytest.approx(value("sql_queries_day") / value("http_requests_day"), abs=0.0051)
    aspnet_ms = value("aspnet_ms_day") / value("http_requests_day")
    assert value("aspnet_ms_per_request") == pytest.approx(aspnet_ms, abs=0.0051)


def test_round_trip_fit_from_mumbai():
    measured = data.regions().dropna(subset="rtt_ms_from_mumbai_p50").query("region != 'ap-south-1'")
    slope, offset = np.polyfit(measured["km_from_mumbai"], measured["rtt_ms_from_mumbai_p50"], 1)
    assert offset == pytest.approx(data.figure("rtt.fit_mumbai_a").value, abs=0.051)
    assert slope == pytest.approx(data.figure("rtt.fit_mumbai_b").value, abs=0.0000051)


def test_a_figure_comes_with_its_source():
    visibility = data.figure("sqs.visibility_timeout_default")
    assert (visibility.value, visibility.unit, visibility.basis) == (30, "s", "read")
    assert visibility.source.startswith("SQS")
    assert data.figure("sla.elb_multi_az").value == 99.99
    assert data.figure("cdn.hit_ratio_good").value == "95-99 %"


def test_an_unknown_figure_is_refused_with_the_closest_ids():
    with pytest.raises(ValueError, match=r"figure_id='sqs.batch'\).*sqs.batch_max.*for example figure_id="):
        data.figure("sqs.batch")
    with pytest.raises(ValueError, match="figure_id must be an id of figures"):
        data.figure(None)


@pytest.mark.parametrize("read", TABLES, ids=lambda read: read.__name__)
def test_a_table_is_a_copy(read):
    changed = read()
    assert len(changed) > 0
    changed.iloc[:, 0] = changed.iloc[::-1, 0].to_numpy()
    changed["extra"] = math.pi
    assert "extra" not in read().columns
    assert read().iloc[0, 0] != changed.iloc[0, 0]


def test_a_missing_folder_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    data._read.cache_clear()
    try:
        with pytest.raises(FileNotFoundError, match=r"data/regions.csv is not in .*pip install -e"):
            data.regions()
    finally:
        data._read.cache_clear()
