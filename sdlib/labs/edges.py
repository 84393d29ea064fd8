"""The lab of lesson 18: an NGINX as the edge of a CDN, in front of an origin that is far away."""

import json
import sys
import time
from contextlib import contextmanager

from sdlib import data
from sdlib.labs.distances import REGIONS
from sdlib.labs.faults import in_words
from sdlib.labs.getting import get
from sdlib.labs.nginx import nginx
from sdlib.labs.recordings import recorded
from sdlib.labs.stage import Stage
from sdlib.labs.status import StatusLine
from sdlib.labs.tally import Tally, TallyResult
from sdlib.labs.web import ask
from sdlib.whole import whole

PATHS = 5
EXPIRED_S = 3.0                        # after which an answer kept for a second is too old; NGINX counts whole seconds
FIRST, NEXT, PURGED, AGAIN, DEAD = "first", "next", "invalidated", "next again", "origin killed"
DUE = {FIRST: PATHS, NEXT: 0, PURGED: PATHS, AGAIN: 0}
HTTP = """\
    proxy_cache_path cache keys_zone=edge:1m levels=1:2;
    proxy_cache_key $http_x_version$uri;
    add_header X-Cache-Status $upstream_cache_status;"""
SERVER = """\
        location / {{
            proxy_cache edge;
            proxy_cache_use_stale error timeout http_502;
            proxy_pass http://127.0.0.1:{relay};
        }}"""
SENTENCE = (f"The edge fetched each of {PATHS} answers from the far origin once, a round trip and more away; the next "
            "time it answered itself, in less than one round trip. After an invalidation it fetched each once more. "
            f"With the origin killed all {PATHS} were still answered, and the {PATHS} that were too old came STALE.")


class Edges(TallyResult):
    """How many requests went the long way."""

    axis_title = "requests that reached the origin"
    about = ("Requests that reached the origin in Virginia, from an edge in Mumbai. The invalidation here is a new "
             "version in the cache key. A real CDN is told what to forget: CloudFront's call is CreateInvalidation.")

    def counts(self):
        return {f"{label}: of {PATHS}": self.loads[label].seen["reached the origin"] for label in DUE}

    def simulated(self):
        with whole():
            from sdlib.labs.edge_models import origin_requests
        return {f"{label}: of {PATHS}": count for label, count in
                zip(DUE, origin_requests(PATHS, REGIONS["Virginia"]), strict=True)}


@recorded("NGINX", result=Edges)
def edge():
    """Lesson 18: an edge in Mumbai, its origin in Virginia: first, next, invalidated, and without the origin.

    Returns a LabResult.
    """
    rtt_ms = float(data.regions().set_index("region")["rtt_ms_from_mumbai_p50"][REGIONS["Virginia"]])
    with _running(rtt_ms) as (stage, door, origin, port):
        def asked(kind="static", **headers):
            return _asked(door.port, port, kind, headers)
        old, fetched_s = asked("news"), time.monotonic()
        loads = {FIRST: asked(), NEXT: asked(), PURGED: asked(X_Version="2"), AGAIN: asked(X_Version="2")}
        time.sleep(max(0.0, fetched_s + EXPIRED_S - time.monotonic()))
        stage.stop(origin)
        kept = [get(door.port, f"/{kind}/{number}") for kind in ("static", "news") for number in range(PATHS)]
    loads[DEAD] = Tally(2 * PATHS, {end: sum(f"{answer.status} {answer.cache}" == end for answer in kept)
                                    for end in ("200 HIT", "200 STALE")})
    return Edges(loads, _claims(loads | {"old": old}, rtt_ms), SENTENCE, axis="case")


@contextmanager
def _running(rtt_ms):
    with Stage() as stage, StatusLine("an edge and a far origin on 127.0.0.1") as status:
        with in_words("the edge could not be started"):
            port, relay = stage.reserve_port(), stage.reserve_port()
            origin = stage.start([sys.executable, "-m", "sdlib.labs.origin", json.dumps({"port": port})],
                                 log="origin.log")
            way = stage.start([sys.executable, "-m", "sdlib.labs.far", json.dumps({"relays": [[relay, port, rtt_ms]]})],
                              log="far.log")
            stage.wait_until_listening(origin, port)
            stage.wait_until_listening(way, relay)
            door = nginx(stage, SERVER.format(relay=relay), HTTP)
        status.show("first, next, invalidated")
        yield stage, door, origin, port


def _asked(edge_port, origin_port, kind, headers):
    def came():
        return sum(ask(f"http://127.0.0.1:{origin_port}/count").values())
    before, times_ms, answers = came(), [], []
    for number in range(PATHS):
        began_s = time.monotonic()
        answers.append(get(edge_port, f"/{kind}/{number}", **headers))
        times_ms.append(1000 * (time.monotonic() - began_s))
    good = sum(answer.status == 200 for answer in answers)
    return Tally(PATHS, {"200": good}, {"reached the origin": came() - before, "shortest_ms": min(times_ms)})


def _claims(loads, rtt_ms):
    return [("every request is accounted for and was answered", all(load.conserved() for load in loads.values())),
            *((f"{label}: {due} of {PATHS} reached the origin", loads[label].seen["reached the origin"] == due)
              for label, due in DUE.items()),
            ("what went to the origin took more than a round trip",
             all(loads[label].seen["shortest_ms"] > rtt_ms for label in (FIRST, PURGED))),
            ("what did not took less", all(loads[label].seen["shortest_ms"] < rtt_ms for label in (NEXT, AGAIN))),
            ("with the origin killed what is kept was answered, STALE where too old",
             loads[DEAD].ends == {"200 HIT": PATHS, "200 STALE": PATHS})]
