"""The cases of lesson 17's lab, simulated: a client in Mumbai, a server in another region."""

from sdlib.components.clients import Clients
from sdlib.components.region import Region
from sdlib.components.server import Server
from sdlib.results.simulate import simulate

MUMBAI = "IN"                           # its clients are in Mumbai


def round_trips(region, new_connections, tls, service_ms=1.0):
    """Whole round trips in the time of a request from Mumbai, the shortest of some.

    region: a code of `sd.data.regions()`. new_connections, tls: as `Region` takes them.
    """
    far = Region(Server(4, 4, service_ms, distribution="constant"), region, tls=tls, new_connections=new_connections)
    crowd = Clients(users=3, arrivals_s=[0.0, 3.0, 6.0], countries={MUMBAI: 1})
    shortest_ms = simulate(far, crowd, seconds=9).requests["latency_ms"].min()
    return int(shortest_ms // far.rtt_ms(MUMBAI))
