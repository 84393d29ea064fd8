"""A real mail server (SMTP, by aiosmtpd) that takes its time for a mail, and no more than so many in a second.

Run as `python -m sdlib.labs.mail_server '{"port": ..., "mail_ms": ..., "most_per_s": ...}'`. The subject of each mail
that it took becomes a line of BOOK.
"""

import asyncio
import json
import sys
from collections import deque
from pathlib import Path

from aiosmtpd.smtp import SMTP

BOOK = "mails.txt"
TAKEN, TOO_MANY = "250 OK", "451 4.3.2 too many mails within a second"


class Desk:
    """Where mails arrive."""

    def __init__(self, mail_s, most_per_s):
        self.mail_s, self.last = mail_s, deque(maxlen=most_per_s)    # when the last of those it took arrived

    async def handle_DATA(self, server, session, envelope):
        now_s = asyncio.get_running_loop().time()
        if len(self.last) == self.last.maxlen and now_s - self.last[0] < 1:
            return TOO_MANY
        self.last.append(now_s)
        await asyncio.sleep(self.mail_s)
        subject = next(line for line in envelope.content.decode().splitlines() if line.startswith("Subject: "))
        with open(BOOK, "a") as book:
            book.write(subject.removeprefix("Subject: ") + "\n")
        return TAKEN


async def serve(plan):
    desk, loop = Desk(plan["mail_ms"] / 1000, plan["most_per_s"]), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(desk, hostname="localhost", loop=loop), "127.0.0.1", plan["port"],
                                      reuse_port=True, backlog=256)
    await server.serve_forever()


def taken(folder):
    """The subjects of all the mails that it took, in order."""
    book = Path(folder) / BOOK
    return book.read_text().splitlines() if book.exists() else []


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
