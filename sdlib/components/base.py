"""What all components share: the faces that a component's file shows."""

import math
from dataclasses import dataclass, fields

from sdlib.components import checks
from sdlib.components.checks import check_number, knob, shown
from sdlib.kernel.changes import kill, restore
from sdlib.kernel.here import Here

NO_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Machine:
    """What a component runs on: `count` machines, each with at least these cores and this memory.

    assumed: the component has no knob for its size, so the bill assumes a usual machine, and says so.
    count 0: it is no machine of ours, and paid by use.
    """

    cpus: int = 1
    ram_gb: float = 1.0
    count: int = 1
    assumed: bool = False


@dataclass(frozen=True, eq=False)
class Component:
    """A part of a system. Immutable; compared by identity: two equal servers are still two machines.

    A component's file shows all its faces: knobs; `process` (what a request does, on SimPy) with what it sees around it
    (`Here`); and the same for the event machine, `program` with its `steps` and its `own` state.
    """

    name: str = knob(None, doc="what tables and diagrams call it", kind="text", optional=True, example="shop",
                     kw_only=True)

    takes_requests = True  # False: it works for another component and cannot be called
    copies_what_is_behind = False  # True: the same object twice behind this component is two machines
    calls_one_of_them = False  # True: a visit goes on to one of those behind, not to each
    is_asynchronous = False  # True: who calls it does not wait for what stands behind it
    groups = ()  # of its calls: one group after the other, the calls of a group together
    serves = False  # True: a request that was answered here was served by this machine
    shape = "box"  # its outline in pictures
    shown = ()  # its knobs in pictures
    place = None  # where on the earth it stands, as (longitude, latitude): then the stage is a map; None: nowhere
    is_way = False  # True: it leads to its place, and what stands there gives the place its name
    asks = ()  # which attributes of a request it looks at: "keys", "routes", "countries", "tokens"

    Here = Here  # what its process sees around it
    own_name, own = "", ()  # its state on the machine: a record m.nodes[at].<own_name> with these fields
    counts = ()  # those of them that the table of stations shows; `Here` has attributes of the same names
    steps = ()  # its own instructions: functions (m, who, at, b, x)
    actions = {"kill": kill, "restore": restore}  # what the schedule may do to it

    def __post_init__(self):
        for knob_field in fields(self):
            value = checked(type(self).__name__, knob_field, getattr(self, knob_field.name))
            object.__setattr__(self, knob_field.name, value)

    @property
    def label(self):
        """The name given, or the kind of component in plain words ("load balancer")."""
        return self.name or "".join(" " + letter.lower() if letter.isupper() else letter
                                    for letter in type(self).__name__).strip()

    @property
    def places(self):
        """How many requests it works on at the same time; 0 where nothing is limited."""
        return 0

    @property
    def service(self):
        """How long a visit holds its place, for theory: (mean in ms, distribution); None: only a run can tell."""
        return None

    @property
    def memory_cells(self):
        """How many requests fit into its memory, one more crashes it; 0 where memory is not looked at."""
        return 0

    @property
    def most_inside(self):
        """How many requests it lets in; one more is refused."""
        return NO_LIMIT

    @property
    def crash_s(self):
        """How long it takes to come back from a crash."""
        return 0.0

    def behind(self):
        """The components that this one calls, in order."""
        return ()

    def place_of(self, index):
        """Which place of the system that is, for the draws; equal places make equal draws."""
        return index

    def weight_of(self, index):
        """What share of the work it gets, where work is shared out by weight."""
        return 1.0

    def patience(self, index):
        """How patiently it calls what stands behind at this index: a `Call`; None: it waits, and tries once."""
        return None

    def parts(self):
        """What else is inside it and measured by itself, such as a pool of threads: (name, component)."""
        return ()

    def actors(self):
        """How many entities act by themselves here from the start."""
        return 0

    def act(self, here, actor):
        """What one of them does, for ever, on SimPy."""
        return self.process(here, actor)

    def act_program(self, write):
        """The same as instructions; where they begin. None: they are the component's own program."""

    def planned(self):
        """Its own planned changes: (at_s, action, b, x)."""
        return ()

    def plan(self, action, settings):
        """What a scheduled action does: (after_s, action, b, x), one after another; with an index after those, to what
        stands behind at this index."""
        if action == "kill":
            for_s = settings.pop("for_s", None)
            for_s = math.inf if for_s is None else check_number("at", "for_s", for_s, low=0.0, high=1e9, example=30,
                                                                unit="s")
            return [(0.0, "kill", 0, for_s)]
        if action == "resize":
            places = check_number("at", "places", settings.pop("places", None), low=1, high=100_000, example=8,
                                  whole=True)
            return [(0.0, "resize", places, 0.0)]
        return [(0.0, action, 0, 0.0)]

    def cells(self, clients):
        """How many cells of shared storage it needs under these clients."""
        return 0

    def fill(self, own, cells, clients):
        """The start state: `own` is its record, `cells` CELL[cells(clients)]."""

    needs_reference = None  # why the event machine cannot run it: a function of a learner's that Numba cannot compile

    def look_back(self, own):
        """After a run on the event machine: raise what went wrong there. `own` is its record."""

    def machine(self):
        """What it costs: a `Machine`, or None where no price is known."""
        return Machine(assumed=True)

    def door(self, here):
        """At the door: None for come in, else the status of a request that is turned away."""
        return here.refuse() if here.is_down() or here.inside() >= self.most_inside else None


@dataclass(frozen=True, eq=False)
class Pool(Component):
    """A pool of places inside another component, such as a server's threads. Nobody calls it."""

    places: int = knob(1, doc="requests that hold a place at the same time", kind="whole", low=1, high=1_000_000)

    takes_requests = False
    actions = {}

    def program(self, write):
        """It has none of its own."""

    def machine(self):
        return None


def checked(owner, knob_field, value):
    """The value in its plain Python type, or a ValueError that names parameter, value, range and an example."""
    about = knob_field.metadata
    if value is None and about["optional"]:
        return None
    check = _CHECKS.get(about["kind"])
    return check(owner, knob_field.name, value, about) if check else value


def _component(owner, name, value, about):
    if not isinstance(value, Component):
        raise ValueError(f"{owner}({name}={shown(value)}): {name} must be a component of a system; "
                         f"for example {name}={about['example']}.")
    return value


def _components(owner, name, value, about):
    is_list = isinstance(value, (list, tuple))
    if not is_list or not all(isinstance(item, Component) for item in value) or (about["low"] and not value):
        least = "at least one component" if about["low"] else "components"
        raise ValueError(f"{owner}({name}={shown(value)}): {name} must be a list of {least}; "
                         f"for example {name}={about['example']}.")
    return tuple(value)


_CHECKS = {"number": checks.number, "whole": checks.number, "choice": checks.choice, "text": checks.text,
           "flag": checks.flag,
           "component": _component, "components": _components}
