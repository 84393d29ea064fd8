"""Far from its clients: a request's way from its country, and the answer's way back."""

from sdlib.components.checks import knob
from sdlib.kernel.attributes import country_of
from sdlib.kernel.draws import PART_CONNECTION, uniform
from sdlib.kernel.jit import jit
from sdlib.kernel.state import SLEEP
from sdlib.theory.network import HANDSHAKE_ROUND_TRIPS

TLS = tuple(HANDSHAKE_ROUND_TRIPS)


def tls_knob():
    return knob("1.3", doc="version of TLS, which says how many round trips a new connection takes; none: TCP alone",
                kind="choice", choices=TLS)


def new_connections_knob():
    return knob(0.2, doc="share of requests that open a connection first", low=0.0, high=1.0)


class FarVerbs:
    """What the process of something far away can do, beside what its `Here` can."""

    def come(self, request):
        """Half a round trip, and before it the handshakes of a connection that is new."""
        way_s, handshakes_s = self.ways[self.simulation.attribute("countries", request)]
        is_new = self.die(request, PART_CONNECTION) < self.component.new_connections
        return self.sleep(request, way_s + (handshakes_s if is_new else 0.0))

    def go_back(self, request):
        """The other half."""
        return self.sleep(request, self.ways[self.simulation.attribute("countries", request)][0])


def ways_s(component, clients):
    """[(half a round trip, handshakes)] in seconds for each country of the clients.

    component: has rtt_ms(country) and tls. ValueError for a country that is not known.
    """
    rtts_ms = [component.rtt_ms(country) for country, _ in clients.countries]
    return [(rtt_ms / 2_000, HANDSHAKE_ROUND_TRIPS[component.tls] * rtt_ms / 1_000) for rtt_ms in rtts_ms]


def fill_ways(cells, component, clients):
    """The last of its cells: for each country half a round trip (time_s) and the handshakes (amount)."""
    for cell, (way_s, handshakes_s) in zip(cells[len(cells) - len(clients.countries):], ways_s(component, clients)):
        cell["time_s"], cell["amount"] = way_s, handshakes_s


@jit
def way(m, who, at):
    node, clock = m.nodes[at], m.clock[0]
    return m.cells[node.cells_from + node.cells - clock.countries + country_of(m, m.entities[who].request)]


@jit
def come(m, who, at, b, x):
    """Half a round trip, and before it, for a share x, the handshakes of a new connection."""
    entity, there = m.entities[who], way(m, who, at)
    draw = uniform(m.clock[0].seed, entity.request, entity.place, entity.turn, PART_CONNECTION)
    entity.delay_s = there.time_s + (there.amount if draw < x else 0.0)
    return SLEEP


@jit
def go_back(m, who, at, b, x):
    """The other half."""
    m.entities[who].delay_s = way(m, who, at).time_s
    return SLEEP


@jit
def travel(m, who, at, b, x):
    """On the way for x seconds; the answer that it carries stays as it is."""
    m.entities[who].delay_s = x
    return SLEEP
