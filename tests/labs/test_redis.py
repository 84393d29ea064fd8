"""Lesson 16's lab: Redis beside a database with an expensive query."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from test_mail import assert_reads

from sdlib import labs as lab
from sdlib.labs import cached, recordings
from sdlib.labs import redis as module
from sdlib.labs.aside import Shop, is_page_of, key_of, page_of
from sdlib.labs.redis import redis
from sdlib.labs.resp import RespError, command
from sdlib.labs.room import give_room
from sdlib.labs.sales import ONE_SALE, PRODUCTS, SALES, SOLD, Sales, make_database
from sdlib.labs.stage import Stage, find_program

needs_redis = pytest.mark.skipif(find_program(*module.NAMES) is None, reason="Redis is not installed")
ROOT = str(Path(lab.__file__).resolve().parents[2])
SENTENCE = ("The first time the database made each of 10 pages, the second time Redis had them, in less than a fifth "
            "of the time. With room for 500 of 5,000 pages Redis kept more than half of a stream of 10,000 requests "
            "from the database, with room for 1,500 more than three quarters: as the simulation says, and the formula "
            "of Che. When a page had expired, 10 customers at once meant 10 queries, with a lock (SET NX) 1. With "
            "Redis killed (kill -9) the shop still answered, each time from the database, more than five times as "
            "slowly.")
AT_ONCE_PERCENT = 41.5                      # of the small stream when it is replayed within a second


def assert_shows_the_cache(result):
    assert str(result) == SENTENCE and isinstance(result, cached.Cached)
    table = result.compare()
    counted = table.drop([name for name in table.index if " fit: " in name])
    assert counted["measured"].tolist() == counted["simulated"].tolist() == [50, 100, 10, 100]
    streams = table.dropna()
    assert streams.index.tolist() == ["500 fit: of 5,000", "1,500 fit: of 5,000"]
    assert (abs(streams["simulated"] - streams["Che's formula"]) < 2).all(), "the stream is a typical one"
    assert_reads(result, SENTENCE, "A cache pays off for what is slow to make")


@needs_redis
def test_lesson_16(traces):
    result = lab.redis_cache()
    assert_shows_the_cache(result)
    assert result.recorded is None and traces.processes() == [] and traces.folders() == []


def test_the_recorded_run_shows_the_same():
    recorded = recordings.read("redis_cache")
    assert_shows_the_cache(recorded)
    assert "Redis" in recorded.recorded["versions"]


def test_without_redis_the_recorded_run_stands_in(traces, monkeypatch):
    for name in ("sdlib.labs.inventory", "sdlib.labs.redis"):
        monkeypatch.setattr(f"{name}.find_program", lambda *names: None)
    monkeypatch.setattr("sdlib.labs.cached.Stage", None)              # nothing may start
    stands_in = lab.redis_cache()
    assert str(stands_in) == SENTENCE and "A recorded real run" in stands_in.panel().value
    assert "apt install redis-server" in stands_in.panel().value


@pytest.mark.parametrize(("label", "seen", "broken"), [
    (cached.TWICE, {cached.REACHED: 11}, ["the first time the database made each page, the second time none"]),
    (cached.TWICE, {cached.FIRST_MS: 0.1}, ["the first time took more than 5 times as long as the second"]),
    ("small", {cached.REACHED: 60 * AT_ONCE_PERCENT},
     ["both streams reached the database as often as simulated",
      "both streams reached it as often as Che's formula says"]),
    ("large", {cached.REACHED: 60 * 25}, [
        "the large store kept more than three quarters of it from the database",
        "both streams reached the database as often as simulated",
        "both streams reached it as often as Che's formula says"]),
    (cached.EXPIRED, {cached.REACHED: 9}, ["of a page that had expired each of the crowd made a query"]),
    (cached.LOCKED, {cached.REACHED: 2}, ["with a lock one of them did"]),
    (cached.KILLED, {cached.REACHED: 9}, ["with Redis killed the database made each page"]),
    (cached.KILLED, {cached.PAGE_MS: 0.01}, ["that took more than 5 times as long as from Redis"])])
def test_a_claim_can_fail(label, seen, broken):
    loads = recordings.read("redis_cache").loads
    changed = replace(loads[label], seen=loads[label].seen | seen)
    claims = cached._claims(loads | {label: changed})
    assert [text for text, held in claims if not held] == broken


def test_a_wrong_page_is_seen():
    loads = recordings.read("redis_cache").loads
    wrong = replace(loads["large"], ends={"the right page": 9_999, "another page": 1})
    assert [text for text, held in cached._claims(loads | {"large": wrong}) if not held] == [
        "each page was the one that was asked for"]
    page = page_of(7, 12)
    assert is_page_of(page, 7) and not is_page_of(page, 8) and not is_page_of(page[:-1], 7)


@pytest.mark.parametrize("crowd", [0, 4, 31, 10.5, "many", None])
def test_a_crowd_that_would_show_nothing_is_refused(monkeypatch, crowd):
    monkeypatch.setattr("sdlib.labs.cached.Stage", None)
    with pytest.raises(ValueError, match=r"redis_cache\(crowd="):
        lab.redis_cache(crowd=crowd)


@needs_redis
def test_it_keeps_all_its_files_in_the_folder_and_no_port_open(traces):
    with Stage() as stage:
        running = redis(stage)
        assert running.client().ask("SET", "page", "hello") == b"OK"
        process = psutil.Process(running.process.pid)
        assert process.net_connections("inet") == []
        assert {name.name for name in stage.folder.iterdir()} == {"redis.log", "redis.sock"}
        running.process.terminate()                     # told to end it saves nothing either
        running.process.wait()
        assert "redis.log" in {name.name for name in stage.folder.iterdir()} <= {"redis.log", "redis.sock"}
    assert traces.processes() == [] and traces.folders() == []


def test_a_command_as_it_is_sent():
    assert command(["SET", "ü", 7, b"\r\n"]) == b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xbc\r\n$1\r\n7\r\n$2\r\n\r\n\r\n"


@needs_redis
def test_its_answers_of_every_kind(traces):
    with Stage() as stage:
        client = redis(stage).client()
        odd = b"two lines\r\nand \x00 a zero"
        assert client.ask("SET", "page", odd) == b"OK" and client.ask("GET", "page") == odd
        assert client.ask("GET", "nothing") is None and client.ask("SET", "empty", "") == b"OK"
        assert client.ask("GET", "empty") == b"" and client.ask("DBSIZE") == 2
        assert client.ask("MGET", "page", "nothing", "empty") == [odd, None, b""]
        assert client.ask("SET", "page", "x", "NX") is None
        with pytest.raises(RespError, match="unknown command 'NONSENSE'"):
            client.ask("NONSENSE")
        assert client.ask("SET", "grüße", 3.5) == b"OK" and client.ask("GET", "grüße") == b"3.5"
        client.close()
        client.close()
        assert client.ask("PING") == b"PONG", "it connects again"


@needs_redis
def test_a_killed_redis_is_told_and_a_shop_goes_past_it(traces):
    with Stage() as stage:
        running = redis(stage)
        make_database(stage.folder / "sales.db")
        client = running.client()
        with Shop(running, stage.folder / "sales.db", query=ONE_SALE) as shop:
            assert [shop.page(5) == page_of(5, 1 + 5 % 3), shop.page(5) == page_of(5, 3)] == [True, True]
            assert shop.queries == 1 and client.ask("GET", key_of(5)) == page_of(5, 3)
            assert 0 < client.ask("PTTL", key_of(5)) <= 600_000
            stage.stop(running.process)
            assert shop.page(5) == page_of(5, 3) and shop.queries == 2
        for _ in range(2):
            with pytest.raises(ConnectionError):
                client.ask("PING")


@needs_redis
@pytest.mark.parametrize("pages", [50, 700])
def test_the_room_is_what_was_asked_for(traces, pages):
    with Stage() as stage:
        client = redis(stage).client()
        give_room(client, pages)
        assert abs(client.ask("DBSIZE") - pages) <= 0.04 * pages
        assert client.ask("CONFIG", "GET", "maxmemory-policy")[1] == b"allkeys-lru"


def test_the_two_queries_answer_what_they_say(tmp_path):
    make_database(tmp_path / "sales.db")
    sales = Sales(tmp_path / "sales.db")
    of_product_3 = [number for number in range(SALES) if number * 7919 % PRODUCTS == 3]
    assert sales.ask(SOLD, 3) == sum(1 + number % 3 for number in of_product_3) and len(of_product_3) == 100
    assert sales.ask(ONE_SALE, 7) == 2 and sales.queries == 2
    sales.close()


@needs_redis
def test_its_own_words_where_it_does_not_start(traces, monkeypatch):
    monkeypatch.setitem(module.SETTINGS, "maxmemory-samples", "many")
    with pytest.raises(lab.LabError, match="did not start"), Stage() as stage:
        redis(stage)


def test_a_machine_without_it_is_told(traces, monkeypatch):
    monkeypatch.setattr(module, "find_program", lambda *names: None)
    with Stage() as stage, pytest.raises(lab.LabError, match=r"not installed.*lab\.ready\('Redis'\)"):
        redis(stage)


@needs_redis
def test_kernel_killed_in_the_middle(traces):
    """kill -9 of a real kernel leaves no Redis and no folder."""
    with traces.kernel_to_be_killed("labs.redis_cache()", begun="sales.db"):
        assert len(traces.processes()) >= 3             # watchdog, two Redis


@needs_redis
def test_interrupted_in_the_middle(traces, monkeypatch):
    def interrupted(*given):
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")
    monkeypatch.setattr("sdlib.labs.cached.replay", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.redis_cache()
    assert traces.processes() == [] and traces.folders() == []


@needs_redis
def test_a_full_disk_is_told(traces):
    code = """
import resource
from sdlib import labs
from sdlib.labs import cached
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    labs.redis_cache()
except labs.LabError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, timeout=90,
                         env={**os.environ, "PYTHONPATH": ROOT})
    assert ran.stderr == "" and ran.stdout.startswith("Redis and its database could not be started: the temporary")
