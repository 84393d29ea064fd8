"""What stands behind the gateway of lesson 8's lab: one service that counts its work, and the check of tokens.

The service works on one request at a time, `service_ms` each. `/check` answers 204 to a token that may use the path,
401 to a bad one, and 403 to a good one without the scope that the path needs. Run as
`python -m sdlib.labs.gate_server '{"port": ..., "key": ..., "service_ms": ...}'`.
"""

import asyncio
import json
import sys
import time

from aiohttp import web

from sdlib.labs.door import serve
from sdlib.labs.tokens import BadToken, verify

AUDIENCE = "shop"
SCOPES = {"/payment": "pay"}                         # paths that need one


class Shop:
    """The service and the check, each with its count."""

    def __init__(self, plan):
        self.key, self.service_s = plan["key"].encode(), plan["service_ms"] / 1000
        self.worked, self.checked, self.core = 0, 0, asyncio.Lock()

    async def work(self, request):
        async with self.core:
            self.worked += 1
            await asyncio.sleep(self.service_s)
        return web.Response(text=request.path)

    async def check(self, request):
        self.checked += 1
        word, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            claims = verify(token if word == "Bearer" else "", self.key, AUDIENCE, time.time())
        except BadToken:
            return web.Response(status=401)
        wanted = SCOPES.get(request.headers["X-Path"].partition("?")[0])
        return web.Response(status=204 if wanted is None or wanted in claims.get("scope", "").split() else 403)

    async def count(self, request):
        return web.json_response({"worked": self.worked, "checked": self.checked})


async def prepared(plan):
    shop, app = Shop(plan), web.Application()
    app.add_routes([web.get("/check", shop.check), web.get("/count", shop.count), web.get("/{path:.*}", shop.work)])
    return app


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    serve(prepared(given), given["port"])
