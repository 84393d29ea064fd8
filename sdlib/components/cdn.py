"""A content delivery network: an edge in many cities, each with its own store, in front of an origin that is far."""

from dataclasses import dataclass

import pandas as pd

from sdlib import data
from sdlib.components.base import Component, Machine
from sdlib.components.checks import complain, knob
from sdlib.components.far import (
    FarVerbs,
    come,
    fill_ways,
    go_back,
    new_connections_knob,
    tls_knob,
    ways_s,
)
from sdlib.components.geography import (
    MUMBAI,
    check_region,
    cities,
    hub_of,
    hubs,
    way_to_city,
    way_to_region,
)
from sdlib.components.region import Line
from sdlib.components.reverse_proxy import ReverseProxy, ReverseProxyHere, keep_rules
from sdlib.components.store_steps import write_look_up
from sdlib.kernel.attributes import country_of
from sdlib.kernel.here import Here
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON


class EdgeHere(FarVerbs, ReverseProxyHere):
    """What an edge's process sees: its store, and how far each country is."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.ways = ways_s(self.component, simulation.clients)


@dataclass(frozen=True, eq=False)
class Edge(ReverseProxy):
    """One city of a `CDN`: near to its clients, with a store of its own; a miss takes the line to the origin.

    Who is on the way to an edge that goes down is refused there; who is inside is lost. What it keeps survives.
    """

    city: str = knob("Mumbai", doc="where it stands", kind="text", example="Mumbai")
    tls: str = tls_knob()
    new_connections: float = new_connections_knob()

    shape, shown, asks = "stack", ("capacity",), (*ReverseProxy.asks, "countries")
    Here = EdgeHere
    steps = (*ReverseProxy.steps, come, go_back)

    def __post_init__(self):
        super().__post_init__()
        if self.city not in cities():
            complain("Edge", "city", self.city, "a city of sd.data.edges()", "Mumbai")

    @property
    def place(self):
        latitude, longitude = cities()[self.city]
        return longitude, latitude

    def machine(self):
        return Machine(count=0)

    def rtt_ms(self, country):
        return way_to_city(hub_of("CDN", country), self.city).rtt_ms

    def cells(self, clients):
        return super().cells(clients) + len(clients.countries)

    def fill(self, own, cells, clients):
        super().fill(own, cells, clients)
        fill_ways(cells, self, clients)

    def process(self, here, request):
        """The way there, the answer that is kept or the origin's, and the way back."""
        yield here.come(request)
        yield here.work(request, self.proxy_ms)
        status = yield from here.answer(request)
        yield here.go_back(request)
        return status

    def program(self, write):
        """The same as instructions."""
        write.do(come, x=self.new_connections)
        write.work(self.proxy_ms)
        write_look_up(write, self, leave=lambda: write.do(go_back))


class CdnHere(Here):
    """What a CDN's process sees: for each country the edges, the nearest first."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.order = self.component.order(simulation.clients)

    def nearest(self, request):
        """The nearest edge that is up; the nearest of all where none is."""
        order = self.order[self.simulation.attribute("countries", request)]
        is_up = (not self.simulation.here[self.node.children[index]].is_down() for index in order)
        return next((index for index, up in zip(order, is_up) if up), order[0])


# On the machine a row of cells for each country: one, the edges from the nearest on.

@jit
def find_edge(m, who, at, b, x):
    """The nearest edge that is up; the nearest of all where none is."""
    entity, node = m.entities[who], m.nodes[at]
    first, now = node.cells_from + country_of(m, entity.request) * node.links, m.clock[0].now
    entity.chosen = node.first_link + m.cells[first].one
    for place in range(node.links):
        link = node.first_link + m.cells[first + place].one
        if now >= m.nodes[m.links[link].node].down_until_s:
            entity.chosen = link
            break
    return GO_ON


@dataclass(frozen=True, eq=False)
class CDN(Component):
    """Edges in many cities in front of one origin; a request goes to the one nearest to its country.

    origin: the system, which stands in the region `home`. edges: cities of `sd.data.edges()`, or how many: so many
    cities, those first that are the nearest to the most people online; None: the nearest city of each of the 48
    countries. Each edge keeps answers as a `ReverseProxy` does (caches, private, capacity, coalesce, stale_s): the
    first request for one goes on to the origin over a kept connection, the next is answered at the edge. What must not
    be kept passes through. An edge that is down is not asked; its countries go to the next nearest.
    `sd.at(60, "invalidate", cdn)` empties all edges, `sd.at(60, "kill", "edge Mumbai")` ends one. `CDN.table()` lists
    the countries.
    """

    origin: Component = knob(doc="what stands behind it", kind="component", example="sd.Server(cpus=4, ram_gb=4)")
    edges: object = knob(None, doc="cities, or how many of them; None: the nearest of each country", kind="other",
                         optional=True, example=["Mumbai", "Singapore"])
    home: str = knob(MUMBAI, doc="the code of the cloud region where the origin stands", kind="text", example=MUMBAI)
    caches: dict = knob(None, doc="time that answers are kept, by the beginning of the path; None: /static for an hour",
                        unit="s", kind="other", optional=True, example={"/static": 3600.0})
    private: tuple = knob(("/user",), doc="paths whose answers are private", kind="other", example=("/user",))
    capacity: int = knob(10_000, doc="answers that fit into an edge", unit="objects", kind="whole", low=1,
                         high=10_000_000)
    coalesce: bool = knob(False, doc="whether one fetch of an edge does for all who ask meanwhile", kind="flag")
    stale_s: float = knob(None, doc="time that an expired answer is kept for errors; None: off", unit="s", low=0.001,
                          high=31_536_000, optional=True, example=30)
    tls: str = tls_knob()
    new_connections: float = new_connections_knob()

    shape, shown, asks = "diamond", (), ("countries",)
    Here = CdnHere
    calls_one_of_them = True
    steps = (find_edge,)
    actions = Component.actions | {"invalidate": None}

    def __post_init__(self):
        super().__post_init__()
        check_region("CDN", "home", self.home)
        keep_rules(self)
        object.__setattr__(self, "cities", _cities(self.edges))
        object.__setattr__(self, "stores", tuple(map(self._edge, self.cities)))

    @property
    def label(self):
        return self.name or "CDN"

    def _edge(self, city):
        rtt_ms = way_to_region(cities()[city], self.home).rtt_ms
        line = Line(self.origin, rtt_ms, self.home, name=f"line from {city}")
        return Edge(line, self.caches, self.private, True, self.capacity, self.coalesce, self.stale_s, city=city,
                    tls=self.tls, new_connections=self.new_connections, name=f"edge {city}")

    def behind(self):
        return self.stores

    def machine(self):
        return Machine(count=0)

    def plan(self, action, settings):
        """An invalidation is one of each edge."""
        if action != "invalidate":
            return super().plan(action, settings)
        return [(0.0, "invalidate", 0, 0.0, place) for place in range(len(self.stores))]

    def order(self, clients):
        """For each country of the clients the numbers of the edges, the nearest first."""
        return [self._order(country) for country, _ in clients.countries]

    def _order(self, country):
        hub = hub_of("CDN", country)
        km = [way_to_city(hub, city).km for city in self.cities]
        return sorted(range(len(km)), key=lambda place: (km[place], place))

    def table(self):
        """DataFrame, a row per country: country, edge, km and rtt_ms to it, origin_rtt_ms (edge to origin)."""
        rows = []
        for country, hub in hubs().items():
            store = self.stores[self._order(country)[0]]
            way = way_to_city(hub, store.city)
            rows.append((country, store.city, way.km, way.rtt_ms, store.target.rtt_ms))
        return pd.DataFrame(rows, columns=["country", "edge", "km", "rtt_ms", "origin_rtt_ms"])

    def cells(self, clients):
        return len(clients.countries) * len(self.stores)

    def fill(self, own, cells, clients):
        cells["one"] = [place for row in self.order(clients) for place in row]

    def process(self, here, request):
        """To the nearest edge."""
        return (yield from here.call(request, here.nearest(request)))

    def program(self, write):
        """The same as instructions."""
        write.do(find_edge)
        write.call_chosen()
        write.back()


def _nearest_cities():
    """Cities that are the nearest to some country, those of the most people online first."""
    people = data.countries().groupby("edge_city")["internet_users_m"].sum()
    return people.sort_values(ascending=False, kind="stable").index.tolist()


def _cities(edges):
    """The cities of a CDN, each once."""
    nearest = [city for city in _nearest_cities() if city in cities()]
    if edges is None:
        return tuple(nearest)
    if isinstance(edges, int) and not isinstance(edges, bool) and 1 <= edges <= len(nearest):
        return tuple(nearest[:edges])
    good = isinstance(edges, (list, tuple)) and edges and all(
        isinstance(city, str) and city in cities() for city in edges) and len(set(edges)) == len(edges)
    if not good:
        complain("CDN", "edges", edges, f"a number from 1 to {len(nearest)}, or a list of cities of sd.data.edges(), "
                 "each once", ["Mumbai", "Singapore"])
    return tuple(edges)
