"""A backend behind a cache: it counts what reaches it, and says in its headers how long an answer may be kept.

A path begins with how long: `/static/...` an hour, `/news/...` a second, `/user/...` for this user alone. With the
header X-Hold "COUNT SECONDS" an answer waits until COUNT such requests have come for its path, to this backend or its
neighbours in the same folder, or for SECONDS at most: so a crowd meets an answer that is not there yet, however busy
the machine is. Run as
`python -m sdlib.labs.origin '{"port": ...}'`.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from aiohttp import web

from sdlib.labs.door import serve

KEPT = {"static": "max-age=3600", "news": "max-age=1", "user": "private"}
STEP_S = 0.01


class Origin:
    """The backend and its counts: path -> requests."""

    def __init__(self, port):
        self.port, self.came = port, Counter()

    async def answer(self, request):
        self.came[request.path] += 1
        await self._hold(request)
        user = request.headers.get("X-User", "nobody")
        return web.Response(text=f"{request.path} for {user}", headers={
            "Cache-Control": KEPT.get(request.path.split("/")[1], "no-store"), "X-Powered-By": "aiohttp",
            "X-Backend": f"127.0.0.1:{self.port}"})

    async def count(self, request):
        return web.json_response(self.came)

    async def _hold(self, request):
        if "X-Hold" not in request.headers:
            return
        count, seconds = map(int, request.headers["X-Hold"].split())
        held = Path("held" + request.path.replace("/", "-"))         # in the lab's folder: a byte for each request
        with held.open("ab") as arrivals:
            arrivals.write(b".")
        until_s = asyncio.get_running_loop().time() + seconds
        while held.stat().st_size < count and asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(STEP_S)


async def prepared(port):
    origin, app = Origin(port), web.Application()
    app.add_routes([web.get("/count", origin.count), web.get("/{path:.*}", origin.answer)])
    return app


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    serve(prepared(given["port"]), given["port"])
