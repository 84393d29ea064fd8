"""The stage's Python side: what is chosen, what is sent, what it says."""

import json
import re

import numpy as np
import pytest

import sdlib as sd
from sdlib.charts.placing import layers, place
from sdlib.engine.blueprint import blueprint
from sdlib.kernel import trace as codes
from sdlib.kernel.statuses import LOST, OK, STATUSES
from sdlib.results import trace_rows
from sdlib.stage import Stage, widget
from sdlib.stage.changes import captions_of, sizes_of
from sdlib.stage.moment import Moment
from sdlib.stage.pack import MOST_STANDING, pack
from sdlib.stage.scene import scene_of
from sdlib.stage.still import STILL_MIME, still_of
from sdlib.stage.widget import most_places, sizes_at, watch, window_of
from sdlib.stage.window import downs_of


def crashing(seconds=10):
    shop = sd.Server(4, 4, calls=[sd.Database()], name="shop")
    return sd.simulate(shop, sd.Clients(20_000), seconds=seconds, seed=1)


@pytest.fixture(scope="module")
def crashed():
    return crashing()


@pytest.fixture(scope="module")
def calm():
    return sd.simulate(sd.Server(4, 4, calls=[sd.Database()], name="shop"), sd.Clients(100), seconds=60, seed=1)


def test_the_window_is_where_the_crash_is(crashed):
    window, packed = window_of(crashed)
    crashes = packed.time_s[packed.what == codes.CRASHED]
    assert len(crashes) == 1 and 0.5 * window.seconds < crashes[0] < window.seconds
    assert f"shop crashes at {window.from_s + crashes[0]:.3g} s" in window.words(crashed)
    assert f"{window.seconds:.3g} s of the 10 s, {1 / window.speed:g} times slower" in window.words(crashed)
    assert Moment(packed, 0.0).counts()[0]["inside"] < 60 < Moment(packed, crashes[0] - 0.01).counts()[0]["inside"]


def test_a_calm_run_shows_a_stretch_with_some_requests(calm):
    window, packed = window_of(calm)
    assert (packed.what == codes.SENT).sum() >= 5 and window.speed <= 0.2
    assert "busiest stretch" in window.words(calm)


@pytest.mark.parametrize(("from_s", "seconds"), [(-1, 1), (0, 0), ("now", 1), (61, 1), (0, 61), (0, float("nan"))])
def test_a_wrong_window_is_explained(calm, from_s, seconds):
    with pytest.raises(ValueError, match=r"watch\((from_s|seconds)=.*for example"):
        sd.watch(calm, from_s, seconds)


def test_what_is_sent_is_small(crashed):
    assert len(sd.watch(crashed).shown["events"]) < 300_000
    million = sd.simulate(sd.Server(1000, 128, name="shop"), sd.Clients(1_000_000), seconds=0.2, seed=1)
    assert len(sd.watch(million).shown["events"]) < 300_000


def test_bytes_hold_the_columns(crashed):
    _, packed = window_of(crashed)
    data, length, people = packed.to_bytes(), len(packed.time_s), len(packed.request_of)
    requests = len(packed.requests)
    assert len(data) == length * (4 + 4 + 2 + 2 + 1) + people * (4 + 1) + requests * 4
    assert np.array_equal(np.frombuffer(data, "<f4", length), packed.time_s.astype("f4"))
    assert np.array_equal(np.frombuffer(data, "<u4", length, 4 * length), packed.who)
    rows = np.frombuffer(data, "<i4", requests, 8 * length + 4 * people)
    assert np.array_equal(rows, packed.requests) and (np.diff(rows) > 0).all()
    assert np.array_equal(np.frombuffer(data, "u1", length, 12 * length + 4 * people + 4 * requests), packed.what)


def test_a_run_that_another_thread_shows_meanwhile_mixes_nothing(crashed, calm, monkeypatch):
    """`about` tells the lengths of the columns: they must be those of the bytes beside it."""
    stage, captions = Stage(), widget.captions_of

    def meanwhile(run):
        monkeypatch.setattr(widget, "captions_of", captions)
        stage.show(calm)
        return captions(run)

    monkeypatch.setattr(widget, "captions_of", meanwhile)
    stage.show(crashed)
    about = json.loads(stage.shown["about"])
    assert len(stage.shown["events"]) == about["events"] * 13 + about["entities"] * 5 + about["requests"] * 4
    assert about["words"] == stage.words and stage.run is crashed


@pytest.mark.parametrize("from_s", [0.0, 0.2, 0.41, 0.5554, 0.8])
def test_a_window_begins_with_all_who_are_there(crashed, from_s):
    """Counted from the packed window, as many stand at each place as counted from all events since 0."""
    rows = trace_rows.rows_of(crashed, from_s + 0.1)
    for at_s in (0.0, 0.03, 0.07):
        moment = Moment(pack(rows, from_s, 0.1), at_s)
        whole = Moment(pack(rows, 0.0, from_s + 0.1), from_s + at_s)
        assert filled(moment.counts()) == filled(whole.counts())
        assert moment.in_flight() == whole.in_flight() == in_flight(rows, from_s + at_s)


def filled(counts):
    return {node: numbers for node, numbers in counts.items() if any(numbers.values())}


def in_flight(rows, at_s):
    rows = rows[rows["time_s"] <= at_s]
    first = (rows["what"] == codes.SENT) & (rows["value"] == 1)
    return int(first.sum() - (rows["what"] == codes.DONE).sum())


def test_those_who_only_stand_are_counted_not_sent():
    rows = [(0.0, who, who, 0, what, 0) for who in range(4000) for what in (codes.SENT, codes.CALLED, codes.QUEUED)]
    packed = pack(np.array(rows, codes.TRACE), 1.0, 1.0)
    assert len(packed.request_of) == MOST_STANDING
    assert packed.standing == {0: [4000 - MOST_STANDING, 0, 4000 - MOST_STANDING, 0, 0, 0]}
    assert Moment(packed, 0.5).counts()[0]["waiting"] == 4000


def test_a_message_hides_reappears_and_dies():
    story = [(codes.PUBLISHED, 0), (codes.VISIBLE, 0), (codes.RECEIVED, 1), (codes.VISIBLE, 0), (codes.RECEIVED, 2),
             (codes.DEAD_LETTERED, 0)]
    packed = pack(np.array([(float(at), 9, 3, 1, what, value) for at, (what, value) in enumerate(story)], codes.TRACE),
                  0.0, 6.0)
    seen = [Moment(packed, at + 0.5).counts()[1] for at in range(6)]
    assert [(one["visible"], one["hidden"], one["dead"]) for one in seen] == [
        (0, 1, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]


def test_words_say_what_goes_on(crashed):
    stage = Stage()
    assert "empty" in stage.words
    stage.show(crashed, from_s=0.4, seconds=0.1)
    assert stage.words.startswith("0.1 s of the 10 s") and "shop: 4 of 4 cores busy" in stage.words
    bundle = stage._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    assert bundle["text/plain"] == repr(stage) == f"Stage: {stage.words}"


def test_a_trace_is_a_request_s_story(crashed):
    requests = crashed.requests
    answered = int(np.flatnonzero(requests["status"] == "ok")[0])
    story = crashed.trace(answered)
    assert list(story.columns) == ["when_s", "where", "what"]
    assert story["what"].iloc[0] == "sends" and story["what"].iloc[-1] == "has the answer: ok"
    assert list(story["where"].unique()) == ["client", "shop", "database"]
    assert story["when_s"].is_monotonic_increasing
    assert story["when_s"].iloc[0] == requests["arrived_s"].iloc[answered]
    assert story["when_s"].iloc[-1] == requests["finished_s"].iloc[answered]
    lost = int(np.flatnonzero(requests["status"] == "lost")[0])
    assert "lost" in crashed.trace(lost)["what"].iloc[-1]


@pytest.mark.parametrize("request_number", [-1, 10**9, 1.5, "first", None, True])
def test_a_request_that_there_is_not(crashed, request_number):
    with pytest.raises(ValueError, match=r"trace\(request=.*for example"):
        crashed.trace(request_number)


def test_the_still_picture_has_a_dot_for_each_request(crashed):
    figure = still_of(crashed, 0.4)
    dots = sum(len(trace.x) for trace in figure.data if trace.name.endswith("request"))
    assert dots == in_flight(trace_rows.rows_of(crashed, 0.4), 0.4) > 300
    assert figure.layout.meta["alt"].endswith("The picture shows 0.4 s.")
    assert "wait" in " ".join(next(trace for trace in figure.data if trace.name == "words").text)


def test_the_still_picture_draws_a_queue_within_its_box():
    crowd = sd.Clients(users=1_000_000)
    run = sd.simulate(sd.Server(4, 128), crowd, seconds=0.1, seed=1)
    figure, scene = still_of(run, 0.1), scene_of(run.nodes)
    left = scene["columns"][1] + scene["boxes"][0]["machines"][0]["queue"][0]
    dots = [x for trace in figure.data if trace.name.endswith("request") for x in trace.x]
    assert len(dots) > 300 and min(dots) > left
    words = next(trace for trace in figure.data if trace.name == "words").text
    assert any(re.fullmatch(r"[\d,]+ wait, [\d,]+ not drawn", text) for text in words)


def test_lanes_pass_by_the_boxes_in_between():
    scene = scene_of(blueprint(sd.shop(7)))
    corners = [corner for line in scene["lines"] for corner in line["past"]]
    assert len(corners) == 5, "order lies behind one column, user and product behind two"
    for column, half, request_y, answer_y in corners:
        for box in (box for box in scene["boxes"] if box["column"] == column):
            assert answer_y < box["y"] or request_y > box["y"] + box["h"]
            assert half >= box["w"] / 2


def forty_boxes():
    def service(name):
        server = sd.Server(4, 4, name=name, calls=[
            sd.Cache(sd.Database(name=f"{name} db"), name=f"{name} cache"),
            sd.Queue(sd.Worker(count=3, name=f"{name} worker"), name=f"{name} queue")])
        return sd.LoadBalancer([server] * 2, name=f"{name} balancer")
    return sd.Server(16, 16, name="gateway", calls=[service(name) for name in "abcdefg"])


def test_forty_boxes_do_not_overlap():
    scene = scene_of(blueprint(forty_boxes()))
    boxes = scene["boxes"]
    assert len(boxes) == 43
    for one, box in enumerate(boxes):
        assert box["y"] >= 0 and box["y"] + box["h"] <= scene["height"]
        for other in boxes[:one]:
            if box["column"] == other["column"]:
                assert box["y"] + box["h"] <= other["y"] or other["y"] + other["h"] <= box["y"]
    assert sum(line["dashed"] for line in scene["lines"]) == 7


def channels(many):
    ends = [sd.MailProvider(name=f"provider {number}") for number in range(many)]
    return sd.Service(4, 8, 30, name="payment", calls=[
        sd.Queue(sd.Worker(5, calls=[end], name=f"worker {place}"), name=f"queue {place}")
        for place, end in enumerate(ends)])


@pytest.mark.parametrize(("many", "least"), [(5, 26), (6, 26), (7, 10)])
def test_a_small_box_has_room_below_its_name_unless_many_stand_below_each_other(many, least):
    """A name takes 22 units where the picture is drawn at half its size."""
    boxes = scene_of(blueprint(channels(many)))["boxes"]
    assert len(boxes) == 1 + 3 * many and not any(box["spec"] for box in boxes)
    for box in boxes:
        (machine,) = box["machines"]
        _, top, _, height = machine["queue"]
        assert top - box["y"] >= 22 and height >= least and top + height <= box["y"] + box["h"]


def test_lines_do_not_cross_where_they_need_not():
    boxes = (scene := scene_of(blueprint(forty_boxes())))["boxes"]
    lines = [(boxes[line["from"]], boxes[line["to"]]) for line in scene["lines"] if line["from"] >= 0]
    for start, end in lines:
        for other_start, other_end in lines:
            if start["column"] == other_start["column"] and end["column"] == other_end["column"]:
                assert (start["y"] - other_start["y"]) * (end["y"] - other_end["y"]) >= 0


@pytest.mark.parametrize(("machines", "slots"), [(1, 1), (5, 5), (12, 12), (13, 0), (500, 0)])
def test_a_few_machines_keep_their_slots_and_many_become_cells(machines, slots):
    box = scene_of(blueprint(sd.LoadBalancer([sd.Server(4, 4)] * machines)))["boxes"][1]
    assert len(box["machines"]) == machines
    assert sum(machine["slots"] is not None for machine in box["machines"]) == slots
    assert {machine["node"] for machine in box["machines"]} == set(range(1, machines + 1))


def test_unequal_machines_have_boxes_of_their_own():
    boxes = scene_of(blueprint(sd.LoadBalancer([sd.Server(4, 4), sd.Server(8, 4), sd.Server(4, 4)])))["boxes"]
    assert [(box["name"], box["spec"]) for box in boxes[1:]] == [("2 x server", "4 cores, 4 GB"),
                                                                ("server 2", "8 cores, 4 GB")]


def test_an_answer_brings_everybody_home(calm):
    _, packed = window_of(calm)
    moment = Moment(packed, packed.seconds)
    assert all(actor.visits for actor in moment.actors.values())
    assert (packed.value[packed.what == codes.DONE] == OK).all()


def lost_by_thousands():
    return sd.simulate(sd.Server(4, 64, calls=[sd.Database()], name="shop"), sd.Clients(60_000), seconds=5, seed=0)


def test_a_crash_that_loses_thousands_is_sent_in_300_kb_and_counted_exactly():
    run = lost_by_thousands()
    stage = Stage()
    stage.show(run)
    window, packed = stage.window, stage.packed
    assert sum(map(len, stage.shown.values())) < 300_000
    (crash_s, gone, statuses), = packed.lost
    assert packed.counted == gone[0][2] == statuses[LOST] > 1000
    assert f"{packed.counted:,} more only wait; they are counted, not drawn." in stage.words
    rows = trace_rows.rows_of(run, window.from_s + window.seconds)
    for at_s in (0.0, crash_s / 2, crash_s - 1e-4, crash_s + 1e-4, window.seconds):
        moment, whole_rows = Moment(packed, at_s), rows[rows["time_s"] <= window.from_s + at_s]
        inside = (whole_rows["what"] == codes.CALLED).astype(int) - (whole_rows["what"] == codes.RETURNED)
        assert moment.counts().get(0, {}).get("inside", 0) == inside[whole_rows["node"] == 0].sum()
        assert moment.in_the_system() == in_flight(rows, window.from_s + at_s)
        ended = whole_rows[(whole_rows["what"] == codes.DONE) & (whole_rows["time_s"] > window.from_s)]["value"]
        assert moment.ended() == {STATUSES[status]: (ended == status).sum() for status in np.unique(ended)}
    assert moment.ended()["lost"] > 8_000
    again = window_of(run)[1]
    assert again.to_bytes() == packed.to_bytes() and again.lost == packed.lost


@pytest.fixture(scope="module")
def changed():
    shop, twin = sd.Server(4, 4, name="shop"), sd.Server(4, 4, name="twin")
    schedule = [sd.at(0.2, "kill", "shop"), sd.at(1, "restore", "shop"),
                sd.at(1.5, "upgrade", "twin", cpus=8, down_s=0.3),
                sd.at(2, "remove", "door", target=1), sd.at(2.2, "add", "door", target=1),
                sd.at(2.5, "resize", "shop", places=2)]
    door = sd.LoadBalancer([shop, twin], name="door")
    return sd.simulate(door, sd.Clients(1000), seconds=3, seed=1, schedule=schedule)


def test_a_down_time_ends_when_the_machine_is_restored_early(changed):
    assert downs_of(changed) == [(1, 0.2, 1.0), (2, 1.5, 1.8)]
    _, packed = window_of(changed, 0.0, 3.0)
    assert 1 in Moment(packed, 0.9).down and Moment(packed, 1.1).down == set()


def test_every_change_has_its_caption(changed):
    assert [(time_s, words) for time_s, _, words in captions_of(changed)] == [
        (0.2, "shop stops: all that is inside is lost"), (1.0, "shop serves again"),
        (1.5, "twin stops: all that is inside is lost"), (1.8, "twin has 8 places from now on"),
        (2.0, "door sends no more requests to twin from now on"), (2.2, "door sends requests to twin from now on"),
        (2.5, "shop has 2 places from now on")]
    sizes = sizes_of(changed)
    assert sizes[-1] == (2.5, 1, 2, 512) and most_places(changed, sizes) == [0, 4, 8]
    assert sizes_at(changed, sizes, 2.9) == [(0, 0), (2, 512), (8, 512)]


@pytest.mark.parametrize(("stopped", "knobs", "words"), [
    ("mail provider", {}, "what is inside fails, the queue keeps it"),
    ("worker", {}, "what is inside fails, the queue keeps it"),
    ("mail provider", {"in_memory": True}, "all that is inside is lost"),
    ("worker", {"in_memory": True}, "all that is inside is lost"),
    ("shop", {}, "all that is inside is lost")])
def test_a_caption_says_lost_only_where_no_queue_keeps_it(stopped, knobs, words):
    mail = sd.MailProvider(latency_ms=300, name="mail provider")
    queue = sd.Queue(sd.Worker(count=20, work_ms=5, calls=[mail], name="worker"), visibility_timeout_s=2, **knobs)
    run = sd.simulate(sd.Service(4, 4, 10, calls=[queue], name="shop"), sd.Clients(600), seconds=60, seed=1,
                      schedule=[sd.at(2, "kill", stopped, for_s=1)])
    assert captions_of(run)[0][2] == f"{stopped} stops: {words}"
    lost_behind = run.messages["outcome"].eq("lost").any()
    assert lost_behind == (words.endswith("lost") and stopped != "shop")


def test_where_a_part_is_asked_with_and_without_a_queue_what_is_inside_can_be_lost():
    mail = sd.MailProvider(name="mail provider", down=[(2, 3)])
    queue = sd.Queue(sd.Worker(count=20, work_ms=5, calls=[mail]))
    run = sd.simulate(sd.Service(4, 4, 10, calls=[queue, mail], name="shop"), sd.Clients(600), seconds=5, seed=1)
    assert [words for _, _, words in captions_of(run)] == ["mail provider stops: all that is inside is lost"]


def test_a_planned_change_is_in_the_window_if_nothing_goes_down():
    shop = sd.Server(4, 4, name="shop")
    run = sd.simulate(shop, sd.Clients(1000), seconds=60, seed=1, schedule=[sd.at(30, "resize", shop, places=8)])
    window, _ = window_of(run)
    assert window.from_s < 30 < window.from_s + window.seconds and "shop is changed at 30 s" in window.words(run)


def test_the_diagram_and_the_stage_order_their_boxes_alike():
    first, second = sd.Database(name="first"), sd.Database(name="second")
    crossed = sd.Server(4, 4, calls=[sd.Server(4, 4, calls=calls, name=name) for name, calls in (
        ("a", [second]), ("b", [first]), ("c", [second, first]))])
    nodes = blueprint(crossed)
    spots, boxes = place(nodes, 800, 800), scene_of(nodes)["boxes"]
    orders = [[box["name"] for box in sorted(boxes, key=lambda box: box["y"]) if box["column"] == column]
              for column in (1, 2, 3)]
    from_top = sorted(spots.centre, key=lambda index: -spots.centre[index][1])
    assert orders == [[nodes[index].name for index in from_top if layers(nodes)[index] == layer] for layer in range(3)]
    assert orders[2] == ["second", "first"] and len(orders[1]) == 3


def test_while_lessons_are_built_it_brings_its_picture(crashed, monkeypatch):
    assert STILL_MIME not in watch(crashed, 0.3, 0.2)._repr_mimebundle_()[0]
    monkeypatch.setenv("SDLIB_BUILD", "1")
    assert watch(crashed, 0.3, 0.2)._repr_mimebundle_()[0][STILL_MIME]["data"]


def test_who_waits_for_a_thread_waits_at_its_machine():
    """Against the engine's own samples of both lines, the one for a thread and the one for a core."""
    slow = sd.Service(cpus=1, ram_gb=8, service_ms=300, name="slow")
    site = sd.Service(cpus=1, ram_gb=8, service_ms=8, threads=5, calls=[slow], name="site")
    run = sd.simulate(site, sd.Clients(users=1_200), seconds=12, seed=1)
    node = {one.name: one.index for one in run.nodes}
    pool = run.nodes[node["site"]].parts[0]
    times_s, seen = np.arange(100, 500, 23) * 12 / len(run.records.samples), []
    for at_s, sample in zip(times_s, np.arange(100, 500, 23)):
        _, packed = window_of(run, at_s - 0.001, 0.1)
        here = Moment(packed, 0.001).counts()[node["site"]]
        queues = run.records.samples[sample, :, 0]
        assert here["waiting"] == queues[pool] + queues[node["site"]]
        assert here["working"] == run.records.samples[sample, node["site"], 1]
        seen.append(here["waiting"])
    assert max(seen) > 50 and pool not in Moment(packed, 0.001).counts()


def test_thousands_who_try_again_in_vain_at_the_instant_of_a_crash_are_counted_not_drawn():
    """The window was cut to nothing to leave out what happens at one instant."""
    page = sd.Server(cpus=1, ram_gb=1_000, service_ms=60_000, name="page")
    crowd = sd.Clients(users=1, arrivals_s=[1 + number / 1_000 for number in range(3_000)],
                       retry=sd.Retry(times=5, backoff="none"))
    run = sd.simulate(page, crowd, seconds=10, schedule=[sd.at(5, "kill", page)])
    window, packed = window_of(run)
    assert len(packed.to_bytes()) < 300_000 and window.seconds > 1
    just_before, after = (Moment(packed, 5 + moment_s - window.from_s) for moment_s in (-0.001, 0.001))
    assert just_before.in_the_system() == 3_000 and after.in_the_system() == 0
    assert just_before.counts()[0]["waiting"] == 2_999 and after.ended() == {"refused": 3_000}


def test_a_message_is_one_dot_wherever_it_is():
    """In its queue, with a worker, at the provider, or hidden until its next attempt: as many as the run has."""
    mail = sd.MailProvider(latency_ms=400, down=[(6, 12)])
    queue = sd.Queue(sd.Worker(count=6, work_ms=50, calls=[mail]), retry=sd.Retry(2, "constant", first_s=3))
    run = sd.simulate(sd.Server(4, 4, calls=[queue]), sd.Clients(users=100), seconds=20, seed=2)
    packed = window_of(run, 0, 20)[1]
    messages = run.messages
    for at_s in (3.0, 8.0, 11.0, 15.0, 19.0):
        moment = Moment(packed, at_s)
        is_there = (messages["sent_s"] <= at_s) & ~(messages["done_s"] <= at_s)
        is_dead = (messages["outcome"] == "dead-lettered") & (messages["done_s"] <= at_s)
        seen = [actor.request for actor in moment.actors.values() if actor.message]
        assert len(seen) == is_there.sum() + is_dead.sum()
        backlog = run.backlog().set_index("second").loc[at_s]
        counts = moment.counts()[1]
        assert (counts["visible"], counts["dead"]) == (backlog["visible"], backlog["dead"])
        assert counts["hidden"] == backlog["hidden"]
        busy = run.samples.query("station == 'worker' and second == @at_s")["busy"].iloc[0]
        assert moment.counts().get(2, {"working": 0})["working"] == busy


def test_a_queue_is_told_of_before_parts_in_which_more_happens_and_nobody_waits():
    routes = {"/product": 0.80, "/user": 0.10, "/order": 0.07, "/payment": 0.03}

    def told(payment_ms):
        run = sd.simulate(sd.shop(7, payment_ms=payment_ms), sd.Clients(6_000, routes=routes), seconds=10, seed=1)
        stage = watch(run, from_s=9)
        boxes = json.loads(stage.shown["scene"])["boxes"]
        return [boxes[place]["name"] for place in json.loads(stage.shown["about"])["lines"]]

    assert "payment" in told(payment_ms=2_000) and "payment" not in told(payment_ms=10)
