"""A cache: answers what was asked recently, passes on what was not."""

from collections import OrderedDict
from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import knob
from sdlib.kernel.attributes import key_of
from sdlib.kernel.here import Here
from sdlib.kernel.incidents import INVALIDATED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON, NONE
from sdlib.kernel.statuses import OK


class CacheHere(Here):
    """What a cache's process sees: what is stored, the least recently used first."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.stored, self.hits, self.misses = OrderedDict(), 0, 0

    def look_up(self, request):
        """True on a hit, which makes the key the newest."""
        key = self.simulation.attribute("keys", request)
        if not self.world.now < self.stored.get(key, -1.0):
            self.misses += 1
            return False
        self.hits += 1
        self.stored.move_to_end(key)
        return True

    def store(self, request):
        """Keep the answer; the key that was used longest ago makes room."""
        key = self.simulation.attribute("keys", request)
        if key not in self.stored and len(self.stored) == self.component.capacity:
            self.stored.popitem(last=False)
        self.stored[key] = self.world.now + self.component.kept_s
        self.stored.move_to_end(key)

    def invalidate(self, entity, b, x):
        self.stored.clear()
        self.note_incident(INVALIDATED, self.world.now)


# On the machine every key has a cell: time_s when it expires (-1: not stored), one and other its newer and older
# neighbour in the order of use.

@jit
def look_up(m, who, at, b, x):
    """On a hit the key becomes the newest, and the request goes on at b."""
    entity, node = m.entities[who], m.nodes[at]
    cell = node.cells_from + key_of(m, entity.request)
    if not m.clock[0].now < m.cells[cell].time_s:
        node.cache.misses += 1
        return GO_ON
    node.cache.hits += 1
    unlink(m, node, cell)
    link_newest(m, node, cell)
    entity.status, entity.pc = OK, b
    return GO_ON


@jit
def store(m, who, at, b, x):
    """Keep a good answer for x seconds; the key that was used longest ago makes room."""
    entity, node = m.entities[who], m.nodes[at]
    if entity.status != OK:
        return GO_ON
    own, cell = node.cache, node.cells_from + key_of(m, entity.request)
    if m.cells[cell].time_s >= 0.0:
        unlink(m, node, cell)
    elif own.stored == own.capacity:
        oldest = own.oldest
        unlink(m, node, oldest)
        m.cells[oldest].time_s = -1.0
    else:
        own.stored += 1
    link_newest(m, node, cell)
    m.cells[cell].time_s = m.clock[0].now + x
    return GO_ON


@jit
def unlink(m, node, cell):
    newer, older = m.cells[cell].one, m.cells[cell].other
    if newer == NONE:
        node.cache.newest = older
    else:
        m.cells[newer].other = older
    if older == NONE:
        node.cache.oldest = newer
    else:
        m.cells[older].one = newer


@jit
def link_newest(m, node, cell):
    m.cells[cell].one, m.cells[cell].other = NONE, node.cache.newest
    if node.cache.newest == NONE:
        node.cache.oldest = cell
    else:
        m.cells[node.cache.newest].one = cell
    node.cache.newest = cell


@jit
def invalidate(m, who, at, b, x):
    """Forget all."""
    node = m.nodes[at]
    for cell in range(node.cells_from, node.cells_from + node.cells):
        m.cells[cell].time_s = -1.0
    node.cache.stored, node.cache.newest, node.cache.oldest = 0, NONE, NONE
    write_incident(m, at, INVALIDATED, m.clock[0].now)
    return GO_ON


@dataclass(frozen=True, eq=False)
class Cache(Component):
    """Least-recently-used cache in front of another component.

    A request asks for one of `Clients.objects` keys. A hit is answered here; a miss is fetched from behind and
    stored. When full, the key that was used longest ago goes. With ttl_s, a stored answer expires.
    """

    target: Component = knob(doc="what a miss is fetched from", kind="component", example="sd.Database()")
    capacity: int = knob(1_000, doc="objects that fit", unit="objects", kind="whole", low=1, high=10_000_000)
    ttl_s: float = knob(None, doc="time until a stored answer expires; None: never", unit="s", low=0.001,
                        high=31_536_000, optional=True, example=60)
    lookup_ms: float = knob(0.5, doc="time of one look-up", unit="ms", low=0.0, high=60_000)

    shape, shown, asks = "stack", ("capacity", "ttl_s"), ("keys",)
    Here = CacheHere
    own_name = "cache"
    own = (("hits", "i8"), ("misses", "i8"), ("newest", "i8"), ("oldest", "i8"), ("stored", "i8"), ("capacity", "i8"))
    counts = ("hits", "misses")
    steps = (look_up, store)
    actions = Component.actions | {"invalidate": invalidate}

    def behind(self):
        return (self.target,)

    @property
    def kept_s(self):
        """How long an answer is kept."""
        return float("inf") if self.ttl_s is None else self.ttl_s

    def cells(self, clients):
        return clients.objects

    def fill(self, own, cells, clients):
        own["newest"], own["oldest"], own["capacity"], cells["time_s"] = NONE, NONE, self.capacity, -1.0

    def process(self, here, request):
        """One look-up, and on a miss the way to what stands behind."""
        yield here.work(request, self.lookup_ms)
        if here.look_up(request):
            return OK
        status = yield from here.call(request)
        if status == OK:
            here.store(request)
        return status

    def program(self, write):
        """The same as instructions."""
        write.work(self.lookup_ms)
        hit = write.do(look_up)
        write.call()
        write.do(store, x=self.kept_s)
        write.land(hit)
        write.back()
