"""The lab of lesson 14: NGINX as a reverse proxy with a cache, in front of two real backends."""

import json
import sys
import time
from collections import Counter
from contextlib import contextmanager

from sdlib.components.checks import check_number
from sdlib.labs.faults import in_words
from sdlib.labs.getting import get, get_at_once
from sdlib.labs.nginx import nginx
from sdlib.labs.recordings import recorded
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.tally import Tally, TallyResult
from sdlib.labs.web import ask
from sdlib.whole import whole

BACKENDS, PATHS, USERS = 2, 10, ("anna", "ben", "anna", "ben")
EXPIRED_S = 3.0                        # after which an answer kept for a second is too old; NGINX counts whole seconds
ALL_COME_S, SOME_COME_S = 20, 1        # how long a backend waits for a whole crowd, and where the proxy holds it back
TWICE, ABSENT, LOCKED, EXPIRED, UPDATING, KEPT, TOO_OLD, NOT_KEPT, PRIVATE, LEAKY, OPEN, CLOSED = (
    "each path twice", "absent", "absent, lock", "expired, lock", "expired, updating", "backends killed, kept",
    "backends killed, too old", "backends killed, not kept", "private", "private, header ignored",
    "headers as they come", "headers hidden")
HTTP = """\
    upstream backends {{
{servers}
    }}
    proxy_cache_path cache keys_zone=kept:1m levels=1:2;
    proxy_cache_key $uri;
    proxy_cache_lock_timeout 60s;
    proxy_cache_lock_age 60s;
    add_header X-Cache-Status $upstream_cache_status;"""
HIDDEN = """server_tokens off;
            proxy_hide_header X-Powered-By;
            proxy_hide_header X-Backend;"""
SERVER = f"""\
        location / {{
            proxy_cache kept;
            proxy_cache_use_stale error timeout;
            proxy_pass http://backends;
            {HIDDEN}
        }}
        location /open/ {{ proxy_pass http://backends/static/; }}
        location /news/lock/ {{ proxy_cache kept; proxy_cache_lock on; proxy_pass http://backends; }}
        location /static/lock/ {{ proxy_cache kept; proxy_cache_lock on; proxy_pass http://backends; }}
        location /news/updating/ {{
            proxy_cache kept;
            proxy_cache_lock on;
            proxy_cache_use_stale updating;
            proxy_cache_background_update on;
            proxy_pass http://backends;
        }}
        location /user/leaky/ {{
            proxy_cache kept;
            proxy_cache_valid 200 60s;
            proxy_ignore_headers Cache-Control;
            proxy_pass http://backends;
        }}"""


class Proxied(TallyResult):
    """How many requests reached a backend."""

    axis_title = "requests that reached a backend"
    about = ("Requests that reached a backend: ten static paths asked for twice, and a crowd that asks at once for an "
             "answer that is absent or has expired. proxy_cache_lock holds a crowd back from an absent answer only. "
             "With proxy_cache_use_stale updating and a background update the old answer is given meanwhile. Only the "
             "first two cases are simulated.")

    def counts(self):
        return {f"{label}: of {self.loads[label].sent}": self.loads[label].seen["reached a backend"]
                for label in (TWICE, ABSENT, LOCKED, EXPIRED, UPDATING)}

    def simulated(self):
        with whole():
            from sdlib.labs.cache_models import crowd_fetches, twice_fetches
        fetches = {TWICE: twice_fetches(PATHS), ABSENT: crowd_fetches(self.loads[ABSENT].sent)}
        return {f"{label}: of {self.loads[label].sent}": count for label, count in fetches.items()}


@recorded("NGINX", result=Proxied)
def proxy_cache(crowd=20):
    """Lesson 14: a real reverse proxy: what it keeps, whom it hides, what it must not keep, and the stampede.

    crowd: requests at once, 10 to 60. Returns a LabResult.
    """
    count = check_number("lab.proxy_cache", "crowd", crowd, low=10, high=60, example=20, unit="requests", whole=True)
    with _running() as proxy:
        loads = proxy.cases(count)
    return Proxied(loads, _claims(loads), _sentence(loads), axis="case")


@contextmanager
def _running():
    with Stage() as stage, StatusLine("NGINX as a reverse proxy on 127.0.0.1") as status:
        with in_words("the proxy could not be started"):
            ports = [stage.reserve_port() for _ in range(BACKENDS)]
            backends = [stage.start([sys.executable, "-m", "sdlib.labs.origin", json.dumps({"port": port})],
                                    log=f"backend-{number}.log") for number, port in enumerate(ports)]
            for backend, port in zip(backends, ports, strict=True):
                stage.wait_until_listening(backend, port)
            servers = "\n".join(f"        server 127.0.0.1:{port};" for port in ports)
            door = nginx(stage, SERVER, HTTP.format(servers=servers))
        yield _Proxy(stage, door, backends, ports, status)


class _Proxy:
    """The running proxy and the backends behind it."""

    def __init__(self, stage, door, backends, ports, status):
        self._stage, self._door, self._backends, self._ports, self._status = stage, door, backends, ports, status

    def cases(self, crowd):
        """Every case in its order: dict of label to Tally."""
        self._status.show("what is kept")
        for path in ("lock/a", "updating/a", *range(PATHS)):
            get(self._door.port, f"/news/{path}")
        fetched_s = time.monotonic()
        all_come, some_come = f"{crowd} {ALL_COME_S}", f"{crowd + 1} {SOME_COME_S}"
        loads = {TWICE: self._tally([f"/static/{number}" for number in (*range(PATHS), *range(PATHS))]),
                 ABSENT: self._crowd("/static/plain/a", crowd, all_come),
                 LOCKED: self._crowd("/static/lock/a", crowd, some_come),
                 PRIVATE: self._users("/user/page"), LEAKY: self._users("/user/leaky/page"),
                 OPEN: self._headers("/open/0"), CLOSED: self._headers("/static/0")}
        self._status.show("answers grow too old")
        time.sleep(max(0.0, fetched_s + EXPIRED_S - time.monotonic()))
        loads |= {EXPIRED: self._crowd("/news/lock/a", crowd, all_come),
                  UPDATING: self._crowd("/news/updating/a", crowd, some_come)}
        for backend in self._backends:
            self._stage.stop(backend)
        self._status.show("the backends were killed")
        for label, kind in ((KEPT, "static"), (TOO_OLD, "news"), (NOT_KEPT, "other")):
            loads[label] = _as_tally([get(self._door.port, f"/{kind}/{number}") for number in range(PATHS)])
        return loads

    def _tally(self, paths):
        before = self._came()
        return _as_tally([get(self._door.port, path) for path in paths], lambda: self._came() - before)

    def _crowd(self, path, count, hold):
        before = self._came()
        answers = get_at_once(self._door.port, path, count, X_Hold=hold)
        return _as_tally(answers, lambda: self._settled() - before)

    def _users(self, path):
        answers = [get(self._door.port, path, X_User=user) for user in USERS]
        own = sum(answer.text.endswith(f" for {user}") for user, answer in zip(USERS, answers, strict=True))
        return Tally(len(USERS), {"one's own answer": own, "another user's": len(USERS) - own})

    def _headers(self, path):
        """Headers that tell which software or which address stands behind."""
        answer = get(self._door.port, path)
        tell = ("aiohttp", "nginx/", *(f":{port}" for port in self._ports))
        count = sum(any(word in text for word in tell) for text in answer.headers.values())
        return Tally(1, {"200": int(answer.status == 200)}, {"headers that tell": count})

    def _settled(self):
        """The count once a background update, held for a moment at most, has come."""
        came = self._came()
        until_s = time.monotonic() + SOME_COME_S
        while time.monotonic() < until_s:
            time.sleep(0.05)
            came = self._came()
        return came

    def _came(self):
        return sum(sum(ask(f"http://127.0.0.1:{port}/count").values()) for port in self._ports)


def _as_tally(answers, came=None):
    """Status and cache status of each answer, counted; came(): how many reached a backend."""
    ends = Counter(f"{answer.status} {answer.cache}".strip() for answer in answers)
    return Tally(len(answers), dict(sorted(ends.items())), {} if came is None else {"reached a backend": came()})


def _claims(loads):
    reached = {label: load.seen["reached a backend"] for label, load in loads.items()
               if "reached a backend" in load.seen}
    tell = {label: loads[label].seen["headers that tell"] for label in (OPEN, CLOSED)}
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            ("a static path reached a backend once", reached[TWICE] == PATHS),
            ("the second time it came from the cache", loads[TWICE].ends.get("200 HIT") == PATHS),
            ("without a lock the whole crowd reached a backend", reached[ABSENT] == loads[ABSENT].sent),
            ("with the lock one of the crowd did", reached[LOCKED] == 1),
            ("for an expired answer all passed in spite of the lock", reached[EXPIRED] == loads[EXPIRED].sent),
            ("with a background update one request reached a backend", reached[UPDATING] == 1),
            ("every request of the crowds was answered", all(_answered(loads[label]) == loads[label].sent for label in
                                                             (ABSENT, LOCKED, EXPIRED, UPDATING))),
            ("without backends what is kept was answered", loads[KEPT].ends == {"200 HIT": PATHS}),
            ("without backends what is too old was answered, STALE", loads[TOO_OLD].ends == {"200 STALE": PATHS}),
            ("without backends the rest got 502", loads[NOT_KEPT].ends == {"502": PATHS}),
            ("each user got their own private answer", loads[PRIVATE].ends["another user's"] == 0),
            ("with the header ignored Ben got Anna's", loads[LEAKY].ends["another user's"] == 2),
            ("three headers told what stands behind, and none once hidden", tell == {OPEN: 3, CLOSED: 0})]


def _answered(load):
    return sum(count for end, count in load.ends.items() if end.startswith("200"))


def _sentence(loads):
    crowd = loads[ABSENT].sent
    return (f"NGINX asked the backends once for each of {PATHS} static paths and answered the second time itself. Of "
            f"{crowd} requests at once for an absent answer all {crowd} reached a backend; with a lock "
            f"(proxy_cache_lock) one did. Of {crowd} requests at once for an expired answer all {crowd} reached a "
            "backend in spite of the lock; with a background update one did. With both backends killed, what was kept "
            "was still answered, STALE where it was too old, and the rest got 502. Each user got their own private "
            "answer; with Cache-Control ignored, Ben got the page of Anna, twice. Three headers told which software "
            "and which address answer, and none once they were hidden.")
