"""How a visit or a request can stand, and how a length of time can vary."""

STATUSES = ("in flight", "ok", "refused", "lost", "timed out", "not found", "unauthorized", "too many requests",
            "forbidden", "failed")
IN_FLIGHT, OK, REFUSED, LOST, TIMED_OUT, NOT_FOUND, UNAUTHORIZED, TOO_MANY, FORBIDDEN, FAILED = range(len(STATUSES))
TURNED_AWAY = (REFUSED, NOT_FOUND, UNAUTHORIZED, TOO_MANY, FORBIDDEN)  # answered with a no, before the work was done
DISTRIBUTIONS = ("constant", "erlang-4", "exponential", "hyperexponential-4")
