"""A program for a test: a sweep on Dask is interrupted as Jupyter does it, and then another one runs.

Run in a session of its own: the interrupt reaches every process of the group. Prints what became of both sweeps.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import dask
import distributed
import joblib

import sdlib as sd


def main(folder):
    began = Path(folder) / "began"

    def build(users=100):
        return sd.Server(cpus=2, ram_gb=4), sd.Clients(users=users)

    def slow(run):
        began.touch()
        time.sleep(0.2)
        return {"sent": float(len(run.requests))}

    def interrupt_all():
        while not began.exists():
            time.sleep(0.05)
        os.killpg(os.getpgrp(), signal.SIGINT)

    with (dask.config.set({"temporary-directory": folder}),
          distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1",
                                   dashboard_address=None) as cluster,
          distributed.Client(cluster), joblib.parallel_config(backend="dask")):
        threading.Thread(target=interrupt_all, daemon=True).start()
        try:
            sd.sweep(build, {"users": list(range(100, 400))}, seconds=1, measure=slow)
        except KeyboardInterrupt:
            print("interrupted")
        print(len(sd.sweep(build, {"users": [100, 200]}, seconds=1, measure=slow)), "rows")


if __name__ == "__main__":
    main(sys.argv[1])
