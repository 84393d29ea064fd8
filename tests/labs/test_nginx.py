"""NGINX in a lab's folder: it answers, says what is wrong, and is gone afterwards."""

import os
import signal
import urllib.error
import urllib.request

import psutil
import pytest

from sdlib import labs as lab
from sdlib.labs import nginx as module
from sdlib.labs.nginx import nginx
from sdlib.labs.stage import Stage, find_program

needs_nginx = pytest.mark.skipif(find_program("nginx") is None, reason="NGINX is not installed")
HELLO = 'location / { return 200 "hello"; }'


def body_of(url):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as answer:
        return answer.read().decode()


@needs_nginx
def test_it_answers_with_one_worker_and_all_its_files_in_the_folder(traces):
    with Stage() as stage:
        running = nginx(stage, HELLO)
        assert body_of(running.url) == "hello"
        assert len(traces.processes()) == 3, "the watchdog, the master and its worker"
        master = psutil.Process(running.process.pid)
        workers = master.children()
        assert len(workers) == 1 and workers[0].username() == master.username() == psutil.Process().username()
        opened = [file.path for process in (master, *workers) for file in process.open_files()]
        assert opened and all(path.startswith(str(stage.folder)) for path in opened), opened
        assert {entry.laddr.ip for entry in master.net_connections()} == {"127.0.0.1"}
    assert traces.processes() == [] and traces.folders() == []


@needs_nginx
def test_two_at_once_and_what_the_http_block_holds(traces):
    http = "limit_req_zone $host zone=all:1m rate=1r/s; limit_req_status 429;"
    with Stage() as stage:
        free = nginx(stage, HELLO)
        limited = nginx(stage, "location / { limit_req zone=all; root .; }", http, name="two")
        assert free.port != limited.port and body_of(free.url) == "hello"
        assert body_of(limited.url + "/two.conf") == limited.config
        with pytest.raises(urllib.error.HTTPError, match="429"):
            body_of(limited.url + "/two.conf")


@needs_nginx
def test_its_own_words_where_it_does_not_start(traces):
    with pytest.raises(lab.LabError, match='did not start: it said: .*unknown directive "locution"'), Stage() as stage:
        nginx(stage, "locution / {}")


@needs_nginx
def test_its_worker_goes_with_a_killed_master(traces):
    with Stage() as stage:
        running = nginx(stage, HELLO)
        worker, = psutil.Process(running.process.pid).children()
        os.kill(running.process.pid, signal.SIGKILL)
        running.process.wait()
        assert worker.is_running()
    assert traces.processes() == [] and traces.folders() == []


def test_a_machine_without_it_is_told(traces, monkeypatch):
    monkeypatch.setattr(module, "find_program", lambda name: None)
    with Stage() as stage, pytest.raises(lab.LabError, match=r"not installed.*lab\.ready\('NGINX'\)"):
        nginx(stage, HELLO)
