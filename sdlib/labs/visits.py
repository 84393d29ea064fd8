"""The clients of the labs of lessons 8 to 10: each request at its own time, whatever became of the others.

Run as `python -m sdlib.labs.visits`. Each line of standard input names a file with a plan (JSON): url, method,
timeout_s, visits (a list of [at_s, path, token]; "" for none) and answers, the file to write: for each visit
[latency_ms, HTTP status], 0 for none within the time.
"""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp

from sdlib.labs.load import write


async def send_all(plan):
    """Send each request at its time, wait until each has ended; the answers in the order of the plan."""
    loop = asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=plan["timeout_s"])
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        start, tasks = loop.time() + 0.05, []
        for at_s, path, token in plan["visits"]:
            await asyncio.sleep(max(0.0, start + at_s - loop.time()))
            sending = send(session, plan["method"], plan["url"] + path, token, start + at_s)
            tasks.append(asyncio.create_task(sending))
        return await asyncio.gather(*tasks)


async def send(session, method, url, token, intended):
    """One request to its end: [latency_ms, HTTP status]."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with session.request(method, url, headers=headers) as answer:
            await answer.read()
            status = answer.status
    except TimeoutError:
        status = 0
    return [1000 * (asyncio.get_running_loop().time() - intended), status]


if __name__ == "__main__":
    for line in sys.stdin:
        order = json.loads(Path(line.strip()).read_text())
        write(order["answers"], asyncio.run(send_all(order)))
