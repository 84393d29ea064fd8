"""A service: one part of the shop, which does one thing and calls others for the rest."""

from dataclasses import dataclass

from sdlib.components.checks import knob
from sdlib.components.server import Server


@dataclass(frozen=True, eq=False)
class Service(Server):
    """A server that does one thing, such as payments, and calls other services for the rest.

    It has threads: a request holds one from its first work to its answer, also while it waits for another service. So
    a service that is slow eats the threads of all that call it, unless they stop waiting (`Call(timeout_s=...)`).
    """

    threads: int = knob(200, doc="requests that are worked on or wait for a call; None: no limit", unit="threads",
                        kind="whole", low=1, high=1_000_000, optional=True, example=100)

    shown = ("cpus", "ram_gb", "threads")
