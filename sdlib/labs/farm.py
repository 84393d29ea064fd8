"""Several of the labs' web servers, started as one: they share the imports, a folder and a database.

Run as `python -m sdlib.labs.farm '[{"port": ..., ...}, ...]'`: a plan for each server, as `sdlib.labs.server` takes it.
None is started anew: when one ends, all do.
"""

import json
import os
import sys
from multiprocessing.connection import wait

from sdlib.labs.child import PR_SET_CHILD_SUBREAPER, prctl
from sdlib.labs.server import fork, make_database, run_front


def run(plans):
    """Keep a front for each plan running, until one of them ends."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)                 # workers of a dead front become our children
    make_database()
    fronts = [fork.Process(target=run_front, args=(plan, os.getpid())) for plan in plans]
    for front in fronts:
        front.start()
    wait([front.sentinel for front in fronts])
    sys.exit("a web server ended by itself")


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
