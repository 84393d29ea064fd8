"""The machines of lesson 15's lab: one process that listens on a port for each, and counts what each service did.

A machine adds itself to the path that a request brings (header X-Path), and tells its own time (header X-Time).
`/count` says how many requests each service has done. Run as
`python -m sdlib.labs.layer_server '{"machines": [["product", "product 1", port], ...], "service_ms": {...}}'`.
"""

import asyncio
import json
import sys
import time
from collections import Counter

from aiohttp import web

from sdlib.labs.door import WAITING_ROOM, open_door


class Machines:
    """All machines; `done`: requests by service. A client that has gone away does not stop the work."""

    def __init__(self, plan):
        self.plan, self.done = plan, Counter()

    def app(self, service, name):
        """What one machine answers."""
        service_s = self.plan["service_ms"][service] / 1000

        async def work(request):
            began = time.perf_counter()
            await asyncio.sleep(service_s)
            self.done[service] += 1
            took_ms = 1000 * (time.perf_counter() - began)
            return web.Response(headers={"X-Path": f"{request.headers.get('X-Path', '')}, {name}",
                                         "X-Time": f"{name} {took_ms / 1000:.3f}"})

        async def count(request):
            return web.json_response(self.done)
        app = web.Application()
        app.add_routes([web.get("/count", count), web.route("*", "/{path:.*}", work)])
        return app


async def run(plan):
    """Listen on every port, for ever."""
    machines = Machines(plan)
    for service, name, port in plan["machines"]:
        runner = web.AppRunner(machines.app(service, name), access_log=None)
        await runner.setup()
        await web.SockSite(runner, open_door(port), backlog=WAITING_ROOM).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.argv[1])))
