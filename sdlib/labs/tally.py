"""What a lab counted: checkouts, messages or customers, and what became of them."""

from dataclasses import dataclass, field

import pandas as pd

from sdlib.labs.plots import counted
from sdlib.labs.result import LabResult


@dataclass(frozen=True)
class Tally:
    """What became of `sent` things, under one label of a lab.

    ends: dict, how a thing can end, in words -> how many did. seen: dict, what else was measured -> a number.
    """

    sent: int
    ends: dict
    seen: dict = field(default_factory=dict)

    def conserved(self):
        """True when each thing has one end."""
        return sum(self.ends.values()) == self.sent

    def summary(self):
        """One-row DataFrame of all that was counted and measured."""
        return pd.DataFrame([{"sent": self.sent} | self.ends | self.seen])


class TallyResult(LabResult):
    """A `LabResult` of counts; `loads` holds a Tally for each label.

    A lab's own kind says which counts its picture shows, and what a simulation says of the same ones:
    `counts()` and `simulated()`, both dict of "case: what is counted" -> number.
    """

    axis_title = "messages"
    about = ""

    def counts(self):
        """What the picture shows."""
        return {label: load.sent for label, load in self.loads.items()}

    def simulated(self):
        """The same counts from the simulation; {} where there is no model to hold against them."""
        return {}

    def compare(self, simulate=None, seeds=20):
        """The picture's counts as a DataFrame: measured and, where there is a model, simulated.

        simulate(result) -> dict as from `simulated`, in its place.
        """
        table = pd.DataFrame({"measured": self.counts()})
        simulated = simulate(self) if simulate else self.simulated()
        return table.assign(simulated=pd.Series(simulated)) if simulated else table

    def plot(self, seeds=20):
        return counted(self.compare(), self.axis_title)

    def _about(self):
        return self.about

    def _shape(self):
        return ""

    def _busy(self):
        return ""

    def _fed_with(self):
        return "Each count is exact. The times differ from machine to machine."

    def _numbers(self):
        return "The counts of the picture"

    def _overhead(self):
        return ""
