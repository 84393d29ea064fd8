"""Requests of the kernel itself, one after the other or all at once: what came back, with its headers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Answer:
    """Status, headers (dict) and text of an answer."""

    status: int
    headers: dict
    text: str

    @property
    def cache(self):
        """What NGINX says of its cache: HIT, MISS, STALE, ...; "" where it says nothing."""
        return self.headers.get("X-Cache-Status", "")


def get(port, path, **headers):
    """One request on a connection of its own; an underscore in a header's name stands for a hyphen."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
    finally:
        connection.close()


def get_at_once(port, path, count, **headers):
    """The same request `count` times at once, each on a connection of its own."""
    with ThreadPoolExecutor(count) as crowd:
        return list(crowd.map(lambda _: get(port, path, **headers), range(count)))
