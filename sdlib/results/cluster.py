"""What a Dask cluster needs beside joblib: workers that outlive an interrupt of whoever asked them."""

import os
import signal
import socket

from joblib.parallel import get_active_backend


def shield_workers():
    """Let the workers of an active Dask backend ignore the interrupt that is meant for this process.

    Jupyter's stop button and Ctrl-C reach every process of the group, so workers that were started from here die
    with the sweep, and the next one finds none. Workers elsewhere are left as they are.
    """
    backend, _ = get_active_backend()
    client = getattr(backend, "client", None)
    if client is not None:
        client.run(_ignore_interrupts_of, socket.gethostname(), os.getpgrp())


def _ignore_interrupts_of(host, group):
    if (socket.gethostname(), os.getpgrp()) == (host, group):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
