"""The door of a lab's server: the port that the lab holds for it (`Stage.reserve_port`), on 127.0.0.1 alone."""

import socket

WAITING_ROOM = 1024              # connections that may wait to be taken


def open_door(port):
    """A socket bound to a port that the lab holds, not yet listening."""
    door = socket.socket(proto=socket.IPPROTO_TCP)         # with another asyncio leaves Nagle's wait of 40 ms on
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    door.bind(("127.0.0.1", port))
    return door


def serve(app, port):
    """Run an aiohttp application, or a coroutine that makes one, until the end of the process."""
    from aiohttp import web
    web.run_app(app, sock=open_door(port), print=None, access_log=None, handle_signals=False, backlog=WAITING_ROOM)
