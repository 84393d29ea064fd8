"""A region: servers that stand in one place of the earth, and clients in all others."""

from dataclasses import dataclass

import pandas as pd

from sdlib.components.base import Component, Machine
from sdlib.components.checks import knob
from sdlib.components.far import (
    FarVerbs,
    come,
    fill_ways,
    go_back,
    new_connections_knob,
    tls_knob,
    travel,
    ways_s,
)
from sdlib.components.geography import MUMBAI, check_region, hub_of, hubs, region_city, regions, way_to_region
from sdlib.kernel.here import Here


class RegionHere(FarVerbs, Here):
    """What a region's process sees: how far each country is."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.ways = ways_s(self.component, simulation.clients)


@dataclass(frozen=True, eq=False)
class Region(Component):
    """A system that stands in a cloud region; what its clients' countries are away from it, they wait.

    A request takes half a round trip to come, and its answer half a round trip to go back. A share of requests
    (new_connections) opens a connection first: a round trip for TCP, and one for TLS 1.3, two for TLS 1.2. The
    round-trip time is the measured one (`sd.data.region_rtt_ms`) where a measured region is within 100 km of the
    country's hub city, else 3.05 ms + 1.68 x the time in fibre (`sd.theory.expected_rtt_ms`). A home's last mile is
    not in it. `Region.table()` lists all countries.
    """

    target: Component = knob(doc="what stands there", kind="component", example="sd.Server(cpus=4, ram_gb=4)")
    home: str = knob(MUMBAI, doc="the code of a cloud region", kind="text", example=MUMBAI)
    tls: str = tls_knob()
    new_connections: float = new_connections_knob()

    shape, shown, asks = "box", ("home",), ("countries",)
    Here = RegionHere
    steps = (come, go_back)

    def __post_init__(self):
        super().__post_init__()
        check_region("Region", "home", self.home)

    @property
    def place(self):
        latitude, longitude = regions()[self.home]
        return longitude, latitude

    def behind(self):
        return (self.target,)

    def machine(self):
        return Machine(count=0)

    def rtt_ms(self, country):
        """The round-trip time from a country."""
        return way_to_region(hub_of("Region", country), self.home).rtt_ms

    def table(self):
        """DataFrame, a row per country, the nearest first: country, km, rtt_ms, basis ("measured" or "model")."""
        rows = [(country, *way_to_region(hub, self.home)) for country, hub in hubs().items()]
        return pd.DataFrame(rows, columns=["country", "km", "rtt_ms", "basis"]).sort_values("rtt_ms").reset_index(
            drop=True)

    def cells(self, clients):
        return len(clients.countries)

    def fill(self, own, cells, clients):
        fill_ways(cells, self, clients)

    def process(self, here, request):
        """The way there, what stands there, and the way back."""
        yield here.come(request)
        status = yield from here.call(request)
        yield here.go_back(request)
        return status

    def program(self, write):
        """The same as instructions."""
        write.do(come, x=self.new_connections)
        write.call()
        write.do(go_back)
        write.back()


@dataclass(frozen=True, eq=False)
class Line(Component):
    """A kept connection from one place to another: half a round trip there, half a round trip back."""

    target: Component = knob(doc="what it leads to", kind="component", example="sd.Server(cpus=4, ram_gb=4)")
    rtt_ms: float = knob(100.0, doc="round-trip time", unit="ms", low=0.0, high=60_000)
    home: str = knob(MUMBAI, doc="the code of the cloud region that it leads to", kind="text", example=MUMBAI)

    shape, shown = "box", ("rtt_ms",)
    is_only_a_way = True
    steps = (travel,)

    def __post_init__(self):
        super().__post_init__()
        check_region("Line", "home", self.home)

    place = Region.place

    @property
    def place_name(self):
        return region_city(self.home)

    @property
    def half_s(self):
        """Half a round trip."""
        return self.rtt_ms / 2_000

    def behind(self):
        return (self.target,)

    def machine(self):
        return Machine(count=0)

    def process(self, here, request):
        """There, and back."""
        yield here.sleep(request, self.half_s)
        status = yield from here.call(request)
        yield here.sleep(request, self.half_s)
        return status

    def program(self, write):
        """The same as instructions."""
        write.do(travel, x=self.half_s)
        write.call()
        write.do(travel, x=self.half_s)
        write.back()
