"""The one place where the panel gets its moving picture."""

from sdlib.stage import Stage
from sdlib.stage.still import still_of


def new_stage():
    """A widget with show(run) and words."""
    return Stage()


__all__ = ["new_stage", "still_of"]
