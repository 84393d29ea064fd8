"""The labs' web server: aiohttp.web and SQLite, `cpus` worker processes behind one first-come-first-served queue.

    supervisor --fork--> front: HTTP, the queue, the memory limit --fork--> `cpus` workers: SQLite

- One queue: processes that share a listening socket have a queue each, and a request waits behind a long one
  while another process idles. Here the front gives the longest-waiting request to whichever worker is free:
  what the theory calls M/M/c, and what `sd.Server` simulates.
- CPU work is a real primary-key read and then a timed hold, drawn from an exponential distribution. So eight
  workers behave like eight cores on a machine that has two. The draw depends only on the seeds and the
  request's number.
- `most_in_flight` requests fit into memory. One more, and the front kills itself as the system's out-of-memory
  killer would: connections break, callers are refused until the supervisor has started it anew.

Run as `python -m sdlib.labs.server '{"port": ..., ...}'`; the keys are the fields of `web_server`.
"""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import socket
import sqlite3
import sys
import time
from collections import deque

from aiohttp import web

from sdlib.labs.child import PR_SET_CHILD_SUBREAPER, die_with_parent, prctl
from sdlib.labs.door import serve

ITEMS = 10_000
DATABASE = "shop.db"
fork = multiprocessing.get_context("fork")           # a restart takes `restart_s`, not the import of aiohttp


def supervise(plan):
    """Keep a front running: start it anew `restart_s` after it was killed; end when it ends in another way."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)                 # workers of a dead front become our children
    make_database()
    while True:
        front = fork.Process(target=run_front, args=(plan, os.getpid()))
        front.start()
        front.join()
        if front.exitcode != -signal.SIGKILL:
            sys.exit("the web server ended by itself")
        print("crashed", flush=True)
        time.sleep(plan["restart_s"])
        reap_orphans()


def make_database():
    """Servers that run in the same folder share one."""
    with sqlite3.connect(DATABASE) as shop:
        shop.execute("CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, name TEXT)")
        shop.executemany("INSERT OR IGNORE INTO item VALUES (?, ?)", ((n, f"item {n}") for n in range(ITEMS)))


def reap_orphans():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return                                       # none left


def run_front(plan, parent):
    die_with_parent(parent)
    channels = [socket.socketpair() for _ in range(plan["cpus"])]
    fronts = [front for front, _ in channels]
    for _, back in channels:
        fork.Process(target=work, args=(back, fronts, os.getpid()), daemon=True).start()
        back.close()
    front = Front(fronts, plan)
    app = web.Application()
    app.on_startup.append(front.open)
    app.add_routes([web.post("/order", front.answer), web.get("/inside", front.inside)])
    serve(app, plan["port"])


def work(channel, others, parent):
    """A worker: one request at a time. Reads "row hold_s", answers with the row once the hold is over."""
    for other in others:                             # else a worker would keep its siblings' channels open
        other.close()
    die_with_parent(parent)
    shop = sqlite3.connect(DATABASE)
    lines = channel.makefile("rwb")
    for line in lines:
        began = time.perf_counter()
        row, hold_s = line.split()
        found = shop.execute("SELECT id, name FROM item WHERE id = ?", (int(row),)).fetchone()
        time.sleep(max(0.0, began + float(hold_s) - time.perf_counter()))
        lines.write(json.dumps(found).encode() + b"\n")
        lines.flush()


def drawn_ms(mean_ms, *seeds):
    """The CPU time of one request: exponential, a pure function of the seeds."""
    return random.Random("/".join(map(str, seeds))).expovariate(1 / mean_ms)


class Front:
    """The queue in front of the workers, and the memory that bounds it."""

    def __init__(self, channels, plan):
        self.channels, self.plan = channels, plan
        self.idle, self.waiting = [], deque()
        self.in_flight, self.request_seconds, self.finished, self.changed = 0, 0.0, 0, time.monotonic()

    async def open(self, app):
        self.idle = [await asyncio.open_connection(sock=channel) for channel in self.channels]

    async def answer(self, request):
        seed, number = int(request.query["seed"]), int(request.query["number"])
        arrived = self.count(+1)
        if self.in_flight > self.plan["ram_requests"]:
            os.kill(os.getpid(), signal.SIGKILL)
        draw_ms = drawn_ms(self.plan["service_ms"], self.plan["seed"], seed, number)
        worker, began = await self.take()
        reader, writer = worker
        writer.write(b"%d %.9f\n" % (number % ITEMS, draw_ms / 1000))
        row = await reader.readline()
        ended = self.count(-1)
        self.finished += 1
        self.give_back(worker, ended)
        headers = {"X-Drawn-Ms": repr(draw_ms), "X-Service-Ms": repr(1000 * (ended - began)),
                   "X-Waited-Ms": repr(1000 * (began - arrived))}
        return web.Response(body=row, content_type="application/json", headers=headers)

    async def inside(self, request):
        return web.json_response({"request_seconds": self.request_seconds, "finished": self.finished})

    async def take(self):
        """An idle worker and the moment it became ours; first come, first served."""
        if self.idle:
            return self.idle.pop(), time.monotonic()
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        return await turn

    def give_back(self, worker, now):
        """Hand the worker straight to the longest-waiting request: a newcomer cannot jump in."""
        if self.waiting:
            self.waiting.popleft().set_result((worker, now))
        else:
            self.idle.append(worker)

    def count(self, change):
        """Change the number in flight, add what it was to its area over time; returns the time."""
        now = time.monotonic()
        self.request_seconds += self.in_flight * (now - self.changed)
        self.changed = now
        self.in_flight += change
        return now


if __name__ == "__main__":
    supervise(json.loads(sys.argv[1]))
