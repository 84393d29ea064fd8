"""The cases of the lab of an edge, simulated: how many requests take the long way to the origin."""

from sdlib.components.cdn import CDN
from sdlib.components.clients import Clients
from sdlib.components.server import Server
from sdlib.engine.schedule import at
from sdlib.results.simulate import simulate

ASKED_S, INVALIDATED_S = (0.0, 10.0, 20.0, 30.0), 15.0  # first, next, invalidated, next again


def origin_requests(paths, home):
    """How many of the requests for so many paths reach the origin in the region `home`, in each of the four cases.

    The edge stands in Mumbai, and the paths do not touch each other.
    """
    cdn = CDN(Server(cpus=4, ram_gb=4), edges=["Mumbai"], home=home)
    visitor = Clients(users=1, arrivals_s=ASKED_S, objects=1, routes={"/static": 1})
    run = simulate(cdn, visitor, seconds=60, schedule=[at(INVALIDATED_S, "invalidate", cdn)])
    return [paths * bool(served) for served in run.requests["served_by"].notna()]
