"""How a visit or a request can stand, and how a length of time can vary."""

STATUSES = ("in flight", "ok", "refused", "lost", "timed out")
IN_FLIGHT, OK, REFUSED, LOST, TIMED_OUT = range(len(STATUSES))
DISTRIBUTIONS = ("constant", "erlang-4", "exponential", "hyperexponential-4")
