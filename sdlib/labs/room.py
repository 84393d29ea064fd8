"""Memory for Redis that holds a known number of pages, and a stream of customers who ask for more than that.

Redis' clock for "used longest ago" ticks once a second. Asked for at once, pages would look used at the same time, and
it would drop them by chance: so the stream takes many ticks.
"""

import time

import numpy as np

from sdlib.labs.aside import PAGE_BYTES, is_page_of, key_of, stored
from sdlib.labs.tally import Tally
from sdlib.whole import whole

OBJECTS, SKEW, SEED = 5_000, 1.0, 2
REQUESTS, FULL_AFTER = 10_000, 4_000                  # counted once the first ones have filled the store
STREAM_S = 18.0
STEP = 50                                             # requests that are sent together
FILLERS, TRIES = 100_000, 3


def give_room(client, pages):
    """Limit Redis' memory so that about so many pages fit, and fill it with pages that nobody asks for."""
    client.ask(*stored(key_of(FILLERS), b"x" * PAGE_BYTES))
    page_bytes = client.ask("MEMORY", "USAGE", key_of(FILLERS))
    room_bytes = _used_bytes(client) + pages * page_bytes
    for _ in range(TRIES):                            # its own needs grow a little while it works
        client.ask("CONFIG", "SET", "maxmemory", room_bytes)
        for number in range(FILLERS, FILLERS + 2 * pages):
            client.ask(*stored(key_of(number), b"x" * PAGE_BYTES))
        room_bytes += (pages - client.ask("DBSIZE")) * page_bytes


def _used_bytes(client):
    lines = dict(line.split(":", 1) for line in client.ask("INFO", "memory").decode().split("\r\n") if ":" in line)
    return int(lines["used_memory"])


def stream():
    """The page that each request asks for, the same as in the simulation: int array of shape (REQUESTS,)."""
    with whole():
        from sdlib.components.clients import Clients
        from sdlib.kernel.attributes import Attributes
    clients = Clients(users=1, objects=OBJECTS, skew=SKEW)
    return Attributes(clients, ("keys",)).column("keys", SEED, REQUESTS)


def replay(shops, clients, show):
    """Send the stream to several shops side by side, spread over STREAM_S: a Tally for each.

    clients: a connection to the Redis of each, to count its pages. show(text): told how far it is.
    """
    numbers, began_s = stream(), time.monotonic()
    right, before, rooms = [0] * len(shops), [], []
    for first in range(0, REQUESTS, STEP):
        time.sleep(max(0.0, began_s + STREAM_S * first / REQUESTS - time.monotonic()))
        show(f"request {first:,} of {REQUESTS:,}")
        if first >= FULL_AFTER:
            before = before or [shop.queries for shop in shops]
            rooms.append([client.ask("DBSIZE") for client in clients])
        for number in numbers[first:first + STEP].tolist():
            for place, shop in enumerate(shops):
                right[place] += is_page_of(shop.page(number), number)
    return [_tally(*told) for told in zip(shops, right, before, np.median(rooms, axis=0), strict=True)]


def _tally(shop, right, before, room):
    counted = REQUESTS - FULL_AFTER
    return Tally(REQUESTS, {"the right page": right, "another page": REQUESTS - right},
                 {"counted": counted, "reached the database": shop.queries - before, "pages that fit": float(room)})
