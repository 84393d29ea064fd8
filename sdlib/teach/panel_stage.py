"""The one place where the panel gets its moving picture."""

import ipywidgets

from sdlib.charts.diagram import diagram


def new_stage():
    """A widget with show(run) and words."""
    return StandIn()


def still_of(run):
    """The stage's picture of a run as a `go.Figure`."""
    return diagram(run, None, 440, 350)


class StandIn(ipywidgets.HTML):
    """Says in words what the stage will show."""

    words = ""

    def show(self, run):
        """Show this run."""
        self.words = diagram(run, None, 440, 350).layout.meta["alt"]
        self.value = f'<div class="sdlib-stand-in" role="img">{self.words}</div>'
