"""Scheduled changes: what `sd.at` says, found in the system and numbered once for both engines."""

from dataclasses import dataclass

from sdlib.components.base import Component
from sdlib.components.checks import check_number, complain, shown
from sdlib.components.clients import Clients

EXAMPLE = 'sd.at(60, "kill", server)'
LATEST_S = 366 * 86_400.0


@dataclass(frozen=True)
class At:
    """One change that `sd.at` asks for."""

    at_s: float
    action: str
    component: object
    settings: tuple = ()


@dataclass(frozen=True)
class Change:
    """The same as the engines know it: at this time, this action of this node, with a whole and a real number."""

    at_s: float
    node: int
    action: str
    b: int
    x: float


def at(seconds, action, component, **settings):
    """A change to a component at a time, for `sd.simulate(..., schedule=[...])`.

    action: what this kind of component can do: "kill" (for_s=...), "restore", "resize" (places=...), a server "upgrade"
    (cpus=, ram_gb=, down_s=), a balancer "add" and "remove" (target=0, 1, ...) and "rolling_upgrade" (drain_s=, and
    what an upgrade takes), a cache "invalidate", a queue "redrive". component: the object in the system (every place
    where it stands), or its name ("server 2").
    """
    seconds = check_number("at", "seconds", seconds, low=0.0, high=LATEST_S, example=60, unit="s")
    if not isinstance(action, str):
        complain("at", "action", action, "the name of an action", "kill")
    if not isinstance(component, (Component, str)) or isinstance(component, Clients):
        complain("at", "component", component, "a component of the system, or its name", "server 2")
    change = At(seconds, action, component, tuple(settings.items()))
    if isinstance(component, Component):
        _plan(change, component)  # a wrong setting is told at once
    return change


def planned(nodes, schedule):
    """All planned changes of a system as a list of `Change`: the components' own first, then the schedule's."""
    if not isinstance(schedule, (list, tuple)) or not all(isinstance(change, At) for change in schedule):
        complain("simulate", "schedule", schedule, "a list of changes made by sd.at", f"[{EXAMPLE}]")
    own = [Change(at_s, node.index, action, b, x) for node in nodes for at_s, action, b, x in node.component.planned()]
    asked = [Change(change.at_s + after_s, node.children[behind[0]] if behind else node.index, action, b, x)
             for change in schedule for node in _found(nodes, change.component)
             for after_s, action, b, x, *behind in _plan(change, node.component)]
    return own + asked


def _found(nodes, wanted):
    found = [node for node in nodes if node.component is wanted or node.name == wanted]
    if not found:
        name = wanted if isinstance(wanted, str) else wanted.label
        raise ValueError(f"at(component={shown(name)}): there is no such component in the system, it has "
                         f"{', '.join(node.name for node in nodes[:10])}; for example {EXAMPLE}.")
    return found


def _plan(change, component):
    if change.action not in component.actions:
        can = ", ".join(map(repr, component.actions)) or "nothing"
        raise ValueError(f"at(action={shown(change.action)}): a {component.label} can {can}; for example {EXAMPLE}.")
    settings = dict(change.settings)
    plan = component.plan(change.action, settings)
    if settings:
        raise ValueError(f"at(action={change.action!r}): {change.action} takes no {next(iter(settings))!r}; "
                         f"for example {EXAMPLE}.")
    return plan
