"""A client of Redis over its Unix socket, in RESP: https://redis.io/docs/latest/develop/reference/protocol-spec"""

import socket

TIMEOUT_S = 10.0
LINE_END = b"\r\n"


class RespError(RuntimeError):
    """Redis understood, and said no."""


class Client:
    """One connection, opened when it is needed, and again after it broke. Not to be shared by threads.

    path: the Unix socket. OSError (ConnectionError, TimeoutError) where nobody answers.
    """

    def __init__(self, path):
        self._path, self._socket, self._answers = str(path), None, None

    def ask(self, *words):
        """Send one command, its words str, bytes or numbers; its answer: bytes, int, list or None."""
        try:
            if self._socket is None:
                self._connect()
            self._socket.sendall(command(words))
            return self._answer()
        except OSError:
            self.close()
            raise

    def close(self):
        """Close the connection, if it is open."""
        for opened in filter(None, (self._answers, self._socket)):
            opened.close()
        self._socket = self._answers = None

    def _connect(self):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(self._path)
        self._answers = self._socket.makefile("rb")

    def _answer(self):
        line = self._read(self._answers.readline(), 1)
        kind, text = line[:1], line[1:]
        if kind == b"-":
            raise RespError(text.decode())
        if kind == b"*":
            return [self._answer() for _ in range(int(text))]
        if kind == b"$":
            size = int(text)
            return None if size < 0 else self._read(self._answers.read(size + 2), size + 2)
        return int(text) if kind == b":" else text

    @staticmethod
    def _read(data, least):
        """Without its line end; a connection that ended in the middle is broken."""
        if len(data) < least or not data.endswith(LINE_END):
            raise ConnectionResetError("Redis closed the connection")
        return data[:-2]


def command(words):
    """A command as bytes: how many words, and each with its length in bytes before it."""
    data = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in data)
