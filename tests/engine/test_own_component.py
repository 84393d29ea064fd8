"""A component of somebody else's: one file, this one, and no other change."""

from dataclasses import dataclass

import numpy as np
from compare import run_both

import sdlib as sd
from sdlib.components.base import Component, Machine
from sdlib.components.checks import knob
from sdlib.kernel.here import Here
from sdlib.kernel.jit import jit
from sdlib.kernel.state import GO_ON
from sdlib.kernel.statuses import OK
from sdlib.results.trace_rows import rows_of


class PrinterHere(Here):
    """What a printer's process sees: how much paper is left, and what was printed."""

    def __init__(self, simulation, node):
        super().__init__(simulation, node)
        self.paper, self.pages, self.jams = self.component.paper, 0, 0

    def feed(self):
        """Take a page; an empty tray is filled again, which counts as a jam."""
        if self.paper == 0:
            self.paper = self.component.paper
            self.jams += 1
        self.paper -= 1
        self.pages += 1

    def refill(self, entity, b, x):
        self.paper = b


@jit
def feed(m, who, at, b, x):
    """Take a page; an empty tray is filled again to b, which counts as a jam."""
    own = m.nodes[at].printer
    if own.paper == 0:
        own.paper = b
        own.jams += 1
    own.paper -= 1
    own.pages += 1
    return GO_ON


@jit
def refill(m, who, at, b, x):
    m.nodes[at].printer.paper = b
    return GO_ON


@dataclass(frozen=True, eq=False)
class Printer(Component):
    """Prints a page for each request, one at a time."""

    page_ms: float = knob(50.0, doc="time of one page", unit="ms", low=0.0, high=60_000)
    paper: int = knob(20, doc="pages in a full tray", unit="pages", kind="whole", low=1, high=10_000)

    Here = PrinterHere
    own_name, own = "printer", (("paper", "i8"), ("pages", "i8"), ("jams", "i8"))
    counts, steps = ("pages", "jams"), (feed,)
    actions = Component.actions | {"refill": refill}
    shape, shown = "box", ("page_ms",)
    places = 1

    def machine(self):
        return Machine(cpus=1, ram_gb=1)

    def plan(self, action, settings):
        return [(0.0, "refill", self.paper, 0.0)] if action == "refill" else super().plan(action, settings)

    def fill(self, own, cells, clients):
        own["paper"] = self.paper

    def process(self, here, request):
        """One page."""
        with here.places.request() as tray:
            yield tray
            here.feed()
            yield here.work(request, self.page_ms)
        return OK

    def program(self, write):
        """The same as instructions."""
        write.acquire()
        write.do(feed, self.paper)
        write.work(self.page_ms)
        write.release()
        write.back(OK)


def office(users=40, paper=20):
    printer = Printer(paper=paper)
    return sd.Server(cpus=2, ram_gb=4, calls=[printer, sd.Database()]), sd.Clients(users=users, requests_per_minute=12)


def test_it_runs_in_both_engines_bit_for_bit_with_its_own_state_and_its_own_action():
    shop, crowd = office()
    printer = shop.behind()[0]
    run = run_both(shop, crowd, 60, schedule=[sd.at(5.5, "refill", printer), sd.at(20, "kill", printer, for_s=2)])
    pages, jams = run.stations.loc["printer", ["pages", "jams"]]
    assert pages >= run.stations.loc["printer", "served"] > 300 and 0 < jams <= pages / 20
    assert run.stations.loc["printer", "refused"] > 0, "it was down"
    assert run.incidents["what"].tolist() == ["stopped"]
    assert run.conservation()["balanced"].all()
    lost_or_refused = run.requests["status"].isin(["lost", "refused"]).sum()
    assert lost_or_refused == run.stations.loc["printer", ["lost", "refused"]].sum()


def test_it_is_drawn_priced_traced_and_swept():
    shop, crowd = office()
    run = sd.simulate(shop, crowd, seconds=10)
    assert "printer" in sd.charts.diagram(run).layout.meta["alt"]
    assert sd.cost(shop).set_index("component").loc["printer", "usd_per_month"] > 0
    assert (rows_of(run)["node"] == 1).any() and "printer" in set(run.trace(0)["where"])
    table = sd.sweep(office, {"paper": [5, 20]}, seconds=10,
                     measure=lambda run: {"jams": int(run.stations.loc["printer", "jams"])})
    assert table["jams"].is_monotonic_decreasing and table["jams"].iloc[0] > 0


def test_the_course_s_machine_is_not_touched_by_it():
    before = sd.simulate(sd.Database(), sd.Clients(users=100), seconds=5).records.requests
    sd.simulate(*office(), seconds=1)
    assert np.array_equal(before, sd.simulate(sd.Database(), sd.Clients(users=100), seconds=5).records.requests)
