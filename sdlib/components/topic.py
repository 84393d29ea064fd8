"""A topic: one publish, and every queue that subscribed gets a message of its own."""

from dataclasses import dataclass, fields

import numpy as np

from sdlib.components.base import Component, Machine, checked
from sdlib.components.checks import check_number, complain, knob, shown, takes
from sdlib.components.queue import Queue
from sdlib.kernel.attributes import country_of, route_of
from sdlib.kernel.draws import PART_FILTER, child_place, uniform
from sdlib.kernel.here import Here
from sdlib.kernel.incidents import ADDED, REMOVED, write_incident
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON
from sdlib.kernel.statuses import OK

MOST_SUBSCRIPTIONS = 100
EXAMPLE = "[sd.Queue(sd.Worker())]"


@dataclass(frozen=True)
class Subscription:
    """A queue that gets what is published on a topic, as far as its filter lets it through.

    routes, countries: only events with one of these (None: all). share: of those a share, drawn for each event.
    """

    queue: Queue = knob(doc="where the messages go", kind="component", example="sd.Queue(sd.Worker())")
    routes: tuple = knob(None, doc="routes of events that it wants; None: all", kind="other", optional=True,
                         example=["/payment"])
    countries: tuple = knob(None, doc="countries of events that it wants; None: all", kind="other", optional=True,
                            example=["India"])
    share: float = knob(1.0, doc="share of these events that it wants", low=0.0, high=1.0, example=0.5)

    def __post_init__(self):
        for knob_field in fields(self):
            object.__setattr__(self, knob_field.name, checked("Subscription", knob_field, getattr(self,
                                                                                                  knob_field.name)))
        if not isinstance(self.queue, Queue):
            complain("Subscription", "queue", self.queue, "a sd.Queue", "sd.Queue(sd.Worker())")
        for name, example in (("routes", ["/payment"]), ("countries", ["India"])):
            object.__setattr__(self, name, _names(name, getattr(self, name), example))

    def wants(self, route, country):
        return (self.routes is None or route in self.routes) and (self.countries is None or country in self.countries)


class TopicHere(Here):
    """What a topic sees: who is subscribed now, and what each of them wants."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        topic, clients = self.component, simulation.clients
        self.is_active = [True] * len(topic.subscriptions)
        self.wanted, self.filtered = _wanted(topic, clients), 0

    def wants(self, request, index):
        """Whether this subscription gets this event."""
        if not self.is_active[index]:
            return False
        route, country = (self.simulation.attribute(name, request) for name in ("routes", "countries"))
        draw = uniform(self.simulation.seed, request.request, child_place(request.place, index), request.turn,
                       PART_FILTER)
        wants = bool(self.wanted[index, route, country]) and draw < self.component.subscriptions[index].share
        self.filtered += not wants
        return wants

    def deliver(self, request, index):
        """A message to the queue, for which the publisher does not wait."""
        def on_its_way(errand):
            yield self.work(errand, self.component.delivery_ms, "exponential")
            return (yield from self.visit(errand, index))
        self.send_off(request, on_its_way)

    def add(self, entity, b, x):
        self.is_active[b] = True
        self.note_incident(ADDED, self.world.now)

    def remove(self, entity, b, x):
        self.is_active[b] = False
        self.note_incident(REMOVED, self.world.now)


# On the machine the cells hold a row for each subscription (one: 1 while it is active, amount: its share), then for
# each subscription, route and country whether it wants those (one).

@jit
def choose_subscriber(m, who, at, b, x):
    """Does subscription x want this event? If not, on at b."""
    entity, node = m.entities[who], m.nodes[at]
    number = int(x)
    subscription = m.cells[node.cells_from + number]
    if subscription.one == 0:
        entity.pc = b
        return GO_ON
    routes, countries = m.clock[0].routes, m.clock[0].countries
    wanted = m.cells[node.cells_from + node.links + (number * routes + route_of(m, entity.request)) * countries
                     + country_of(m, entity.request)]
    draw = uniform(m.clock[0].seed, entity.request, child_place(entity.place, number), entity.turn, PART_FILTER)
    if wanted.one == 0 or draw >= subscription.amount:
        node.topic.filtered += 1
        entity.pc = b
    return GO_ON


@jit
def add(m, who, at, b, x):
    """Subscription b gets messages from now on."""
    m.cells[m.nodes[at].cells_from + b].one = 1
    write_incident(m, at, ADDED, m.clock[0].now)
    return GO_ON


@jit
def remove(m, who, at, b, x):
    """Subscription b gets no more messages."""
    m.cells[m.nodes[at].cells_from + b].one = 0
    write_incident(m, at, REMOVED, m.clock[0].now)
    return GO_ON


@dataclass(frozen=True, eq=False)
class Topic(Component):
    """Delivers each event that is published to every queue that subscribed and wants it, as SNS does with SQS queues.

    The publisher waits for `publish_ms` only, and does not know who listens. subscriptions: queues, or
    `sd.Subscription` with a filter. route: a rule of your own, route(event, subscriptions), which gets the event as a
    dict with "route" and "country" and the names of all queues, and returns the names of those that get it.
    """

    subscriptions: tuple = knob(doc="who gets what is published", kind="other", example=EXAMPLE)
    publish_ms: float = knob(10.0, doc="mean time that publishing takes the publisher", unit="ms", low=0.0, high=60_000)
    delivery_ms: float = knob(20.0, doc="mean time until a message is in a queue", unit="ms", low=0.0, high=60_000)
    route: object = knob(None, doc="a rule of your own", kind="other", optional=True, example="route")

    is_asynchronous = True
    shape, asks = "diamond", ("routes", "countries")
    Here = TopicHere
    own_name, own = "topic", (("filtered", "i8"),)
    counts = ("filtered",)
    steps = (choose_subscriber,)
    actions = Component.actions | {"add": add, "remove": remove}

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "subscriptions", _subscriptions(self.subscriptions))
        if self.route is not None and not takes(self.route, {}, []):
            complain("Topic", "route", self.route, "a function of event and subscriptions", "route")

    def behind(self):
        return tuple(subscription.queue for subscription in self.subscriptions)

    def machine(self):
        return Machine(count=0)

    def plan(self, action, settings):
        if action not in ("add", "remove"):
            return super().plan(action, settings)
        target = check_number("at", "target", settings.pop("target", None), low=0, high=len(self.subscriptions) - 1,
                              example=0, whole=True)
        return [(0.0, action, target, 0.0)]

    def cells(self, clients):
        return len(self.subscriptions) * (1 + len(clients.routes) * len(clients.countries))

    def fill(self, own, cells, clients):
        count = len(self.subscriptions)
        cells["one"][:count] = 1
        cells["amount"][:count] = [subscription.share for subscription in self.subscriptions]
        cells["one"][count:] = _wanted(self, clients).ravel()

    def process(self, here, request):
        """Take the event, send it off to all who want it, and let the publisher go on."""
        yield here.work(request, self.publish_ms, "exponential")
        for index in range(len(self.subscriptions)):
            if here.wants(request, index):
                here.deliver(request, index)
        return OK

    def program(self, write):
        """The same as instructions."""
        write.work(self.publish_ms, "exponential")
        for index in range(len(self.subscriptions)):
            filtered = write.do(choose_subscriber, 0, float(index))
            write.send_off(index, self.delivery_ms)
            write.land(filtered)
        write.back(OK)


def _wanted(topic, clients):
    """Whether each subscription wants events of this route and country: bool[subscriptions, routes, countries]."""
    names = [subscription.queue.label for subscription in topic.subscriptions]
    wanted = np.array([[[subscription.wants(route, country) for country, _ in clients.countries]
                        for route, _ in clients.routes] for subscription in topic.subscriptions])
    if topic.route is None:
        return wanted
    for place, (route, _) in enumerate(clients.routes):
        for column, (country, _) in enumerate(clients.countries):
            chosen = _chosen(topic.route, {"route": route, "country": country}, names)
            wanted[:, place, column] &= [name in chosen for name in names]
    return wanted


def _chosen(rule, event, names):
    try:
        answer = rule(dict(event), list(names))
    except Exception as problem:
        raise ValueError(f"Topic(route={shown(rule)}): it raised {type(problem).__name__} for event={event}: "
                         f"{problem}") from problem
    if not isinstance(answer, (list, tuple, set)) or not all(isinstance(name, str) for name in answer):
        raise ValueError(f"Topic(route={shown(rule)}): it returned {shown(answer)} for event={event}; it must return a "
                         f"list of names of queues; for example {names[:1]}.")
    return set(answer)


def _subscriptions(subscriptions):
    good = isinstance(subscriptions, (list, tuple)) and 1 <= len(subscriptions) <= MOST_SUBSCRIPTIONS and all(
        isinstance(one, (Queue, Subscription)) for one in subscriptions)
    if not good:
        raise ValueError(f"Topic(subscriptions={shown(subscriptions)}): subscriptions must be a list of 1 to "
                         f"{MOST_SUBSCRIPTIONS} queues or sd.Subscription; for example subscriptions={EXAMPLE}.")
    return tuple(one if isinstance(one, Subscription) else Subscription(one) for one in subscriptions)


def _names(name, names, example):
    if names is None:
        return None
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(one, str) for one in names):
        complain("Subscription", name, names, "a list of texts", example)
    return tuple(names)
