"""The shop of the labs of lessons 9 and 10: a checkout (aiohttp) after which the customer gets a mail (SMTP).

`/plain/NAME` takes the payment and sends no mail; `/inside/NAME` sends it before it answers, and answers 503 where that
fails; `/behind/NAME` hands it to a thread of this process, which sends one after the other, and answers at once.
NAME is the mail's subject. `/unsent` says how many mails still wait. Run as
`python -m sdlib.labs.checkout '{"port": ..., "mail_port": ..., "payment_ms": ...}'`.
"""

import asyncio
import json
import queue
import smtplib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from sdlib.labs.door import serve

MAIL_TIMEOUT_S = 5
SENDERS = 64                 # threads, each of which holds a mail that is sent inside a checkout


class Checkout:
    def __init__(self, plan):
        self.mail_port, self.payment_s = plan["mail_port"], plan["payment_ms"] / 1000
        self.mails, self.senders = queue.Queue(), ThreadPoolExecutor(SENDERS)
        threading.Thread(target=self.work, daemon=True).start()

    async def plain(self, request):
        await asyncio.sleep(self.payment_s)
        return web.Response(text="success")

    async def inside(self, request):
        await asyncio.sleep(self.payment_s)
        sending = asyncio.get_running_loop().run_in_executor(self.senders, self.mail, request.match_info["name"])
        try:
            await sending
        except OSError as error:                     # smtplib's own errors are OSErrors too
            return web.Response(status=503, text=f"the mail was not sent: {error}")
        return web.Response(text="success")

    async def behind(self, request):
        await asyncio.sleep(self.payment_s)
        self.mails.put(request.match_info["name"])
        return web.Response(text="success")

    async def unsent(self, request):
        return web.json_response(self.mails.unfinished_tasks)

    def work(self):
        """The worker in the background. It forgets a mail that could not be sent."""
        while True:
            name = self.mails.get()
            try:
                self.mail(name)
            except OSError as error:
                print(f"{name} was not sent: {error}", flush=True)
            self.mails.task_done()

    def mail(self, name):
        with smtplib.SMTP("127.0.0.1", self.mail_port, local_hostname="localhost", timeout=MAIL_TIMEOUT_S) as server:
            server.sendmail("shop@example.com", "anna@example.com", f"Subject: {name}\n\nYour order is paid.\n")


async def prepared(plan):
    shop, app = Checkout(plan), web.Application()
    app.add_routes([web.post("/plain/{name}", shop.plain), web.post("/inside/{name}", shop.inside),
                    web.post("/behind/{name}", shop.behind), web.get("/unsent", shop.unsent)])
    return app


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    serve(prepared(given), given["port"])
