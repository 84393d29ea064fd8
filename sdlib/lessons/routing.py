"""A topic whose rule a learner writes, and events that it has not seen: the trial of lesson 13's medium exercise."""

from typing import NamedTuple

from sdlib.components.clients import Clients
from sdlib.components.queue import Queue
from sdlib.components.service import Service
from sdlib.components.topic import Topic
from sdlib.components.worker import Worker
from sdlib.kernel.statuses import OK
from sdlib.results.simulate import simulate
from sdlib.teach.kinds import WrongKind, shown

SECONDS, USERS, PER_MINUTE = 20, 600, 4.0
SETTLED_S = 1.0   # an event of the last second may still be on its way to the queues


class Evening(NamedTuple):
    """Who has subscribed with which filter, and what is published: routes and countries with their shares."""

    label: str
    filters: dict
    routes: dict
    countries: dict
    seed: int


class Outcome(NamedTuple):
    """What the queues got, beside what their filters ask for."""

    events: int
    missed: int      # messages that a filter asks for, and that did not come
    unwanted: int    # messages that came, and that the filter does not ask for


def deliver(route, evening):
    """The evening, with each event handed to the queues that the learner's rule names."""
    events = [(path, country) for path in evening.routes for country in evening.countries]
    chosen = {event: _names(route({"route": event[0], "country": event[1]}, _copied(evening.filters)), evening.filters)
              for event in events}
    queues = [Queue(Worker(20, work_ms=1.0), name=name) for name in evening.filters]
    topic = Topic(queues, publish_ms=1.0, delivery_ms=1.0,
                  route=lambda event, names: chosen[event["route"], event["country"]])
    crowd = Clients(users=USERS, requests_per_minute=PER_MINUTE, routes=evening.routes, countries=evening.countries)
    run = simulate(Service(8, 8, 5.0, calls=[topic]), crowd, seconds=SECONDS, seed=evening.seed)
    sent, requests = run.messages, run.requests
    settled = requests[(run.records.requests["status"] == OK) & (requests["finished_s"] < SECONDS - SETTLED_S)]
    got = {pair for pair in zip(sent["request"], sent["channel"], strict=True) if pair[0] in settled.index}
    wanted = {(number, name) for number, path, country in zip(settled.index, settled["route"], settled["country"],
                                                              strict=True)
              for name, wants in evening.filters.items() if asks_for(wants, {"route": path, "country": country})}
    return Outcome(len(settled), len(wanted - got), len(got - wanted))


def asks_for(wants, event):
    """Whether a filter lets an event through: each attribute that it names has one of its values."""
    return all(event[attribute] in values for attribute, values in wants.items())


def _copied(filters):
    return {name: {attribute: list(values) for attribute, values in wants.items()} for name, wants in filters.items()}


def _names(answer, filters):
    """The names that the rule gave."""
    if not isinstance(answer, (list, tuple, set)):
        raise WrongKind(f"You gave {shown(answer)}.")
    unknown = [name for name in answer if not isinstance(name, str) or name not in filters]
    if unknown:
        raise WrongKind(f"You gave {shown(unknown[0])}, which is not one of the subscriptions {', '.join(filters)}.")
    return list(answer)
