"""How a visit or a request can stand."""

from sdlib.components.base import IN_FLIGHT, LOST, OK, REFUSED, STATUSES, TIMED_OUT

__all__ = ["IN_FLIGHT", "LOST", "OK", "REFUSED", "STATUSES", "TIMED_OUT"]
