"""The moving stage: a run's own requests, moving through the system that was declared."""

from sdlib.stage.widget import Stage, watch

__all__ = ["Stage", "watch"]
