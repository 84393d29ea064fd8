"""What both engines walk through: the nodes, the clients in front of them, what is planned, what requests are about."""

from dataclasses import dataclass

from sdlib.engine.blueprint import Node, blueprint
from sdlib.engine.schedule import planned
from sdlib.kernel.attributes import Attributes
from sdlib.kernel.state import NONE


@dataclass(frozen=True)
class Plan:
    """A system under its clients, ready to run."""

    nodes: list
    clients: object
    changes: list
    attributes: Attributes

    @property
    def client_node(self):
        return Node(NONE, self.clients, "clients", NONE, [0])


def plan(system, clients, schedule=()):
    """The `Plan`, or a ValueError for a system or a schedule that is none."""
    nodes = blueprint(system)
    asked = {name for node in nodes for name in node.component.asks}
    return Plan(nodes, clients, planned(nodes, schedule), Attributes(clients, asked))
