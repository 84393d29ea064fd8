"""A web server and the ways to it: a relay for each distance, which keeps every byte for half a round trip each way.

A relay on this machine accepts a connection at once. So it adds the round trip of the TCP handshake itself: what a
client sends sooner than one round trip after it connected is taken as sent then. TLS is real, and passes through. Run
as `python -m sdlib.labs.far '{"plain": PORT, "tls": PORT, "relays": [[PORT, to PORT, RTT in ms], ...]}'`, in a folder
with the certificate `far.pem`. Without "plain" there are the relays alone.
"""

import asyncio
import json
import ssl
import sys

from sdlib.labs.door import open_door

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WORK_S = {b"/fast": 0.001, b"/slow": 0.010}


async def serve(reader, writer):
    """Answer requests of one connection until it ends."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(WORK_S[head.split()[1]])
            writer.write(ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


class Relay:
    """The way to a port, rtt_s there and back."""

    def __init__(self, to_port, rtt_s):
        self.to_port, self.rtt_s = to_port, rtt_s

    async def carry(self, reader, writer):
        """One connection, both ways."""
        opened_s = asyncio.get_running_loop().time()
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except ConnectionError:                                # nobody is there: whoever calls learns it
            writer.close()
            return
        await asyncio.gather(self._pass_on(reader, far_writer, opened_s + self.rtt_s),
                             self._pass_on(far_reader, writer, opened_s))

    async def _pass_on(self, reader, writer, not_before_s):
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            try:
                data = await reader.read(65536)
            except ConnectionError:
                data = b""
            due_s = max(loop.time(), not_before_s) + self.rtt_s / 2
            loop.call_at(due_s, *((writer.write, data) if data else (writer.close,)))


async def run(plan):
    if "plain" in plan:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain("far.pem")
        await asyncio.start_server(serve, sock=open_door(plan["plain"]))
        await asyncio.start_server(serve, sock=open_door(plan["tls"]), ssl=context)
    for port, to_port, rtt_ms in plan["relays"]:
        await asyncio.start_server(Relay(to_port, rtt_ms / 1000).carry, sock=open_door(port))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.argv[1])))
