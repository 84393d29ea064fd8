"""The load generator: open loop, a new connection per request, latency from the *intended* send time.

Open loop: a slow answer does not delay the next request, as a slow shop does not stop strangers from coming.
Run as `python -m sdlib.labs.load`. Each line of standard input names a file with a plan (JSON): urls, seed,
timeout_s, arrivals_s, begins and answers (files to write: the system's clock at the plan's time zero, and what came of
it). The answers (JSON) hold for each arrival
[latency_ms, status, service_ms, waited_ms, drawn_ms], NaN where not known.
"""

import asyncio
import errno
import json
import math
import sys
from pathlib import Path

import aiohttp

UNKNOWN = (math.nan, math.nan, math.nan)


async def send_all(plan):
    """Send each request at its time, to the servers by turn, wait until each has ended; the records in their order."""
    loop, urls = asyncio.get_running_loop(), plan["urls"]
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=plan["timeout_s"])
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        start, tasks = loop.time() + 0.05, []
        write(plan["begins"], start)
        for number, arrival_s in enumerate(plan["arrivals_s"]):
            await asyncio.sleep(max(0.0, start + arrival_s - loop.time()))
            url = f"{urls[number % len(urls)]}/order?seed={plan['seed']}&number={number}"
            tasks.append(asyncio.create_task(send(session, url, number, start + arrival_s)))
        return await asyncio.gather(*tasks)


def write(path, told):
    """Write a file as JSON, all of it at once for whoever waits for it."""
    unfinished = Path(path + ".part")
    unfinished.write_text(json.dumps(told))
    unfinished.rename(path)


async def send(session, url, number, intended):
    """One request to its end, whatever that is."""
    loop = asyncio.get_running_loop()
    status, times = await outcome(session, url, number)
    return 1000 * (loop.time() - intended), status, *times


async def outcome(session, url, number):
    """POST, since aiohttp silently sends a GET again when its connection breaks: a lost request would vanish."""
    try:
        async with session.post(url) as answer:
            row = await answer.json()
            answer.raise_for_status()
    except TimeoutError:
        return "timed out", UNKNOWN
    except aiohttp.ClientResponseError as error:
        if error.status != 504:
            raise
        return "timed out", UNKNOWN                  # the server has given up waiting for another one
    except aiohttp.ClientConnectorError as error:
        if error.errno not in (errno.ECONNREFUSED, errno.ECONNRESET):
            raise
        return ("refused" if error.errno == errno.ECONNREFUSED else "lost"), UNKNOWN
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
        return "lost", UNKNOWN                       # the server died while it had the request
    if row[0] != number % 10_000:
        raise ValueError(f"request {number} was answered with row {row}")
    return "ok", [float(answer.headers[name]) for name in ("X-Service-Ms", "X-Waited-Ms", "X-Drawn-Ms")]


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(Path(line.strip()).read_text())
        write(order["answers"], asyncio.run(send_all(order)))
