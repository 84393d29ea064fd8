"""Lesson 14's chart: what a proxy that keeps answers leaves for the servers."""

from sdlib.charts.parts import kept
from sdlib.charts.theme import INK, VERMILION, Plot, above, line, note, runs_so_far, this_run
from sdlib.charts.words import number
from sdlib.kernel.state import NONE
from sdlib.kernel.statuses import OK
from sdlib.results.run import check_run
from sdlib.theory import che_hit_ratio

SIZES = [round(10 ** (step / 10)) for step in range(10, 41)]  # 10 to 10,000 answers
TICKS = (10, 100, 1_000, 10_000)
SETTLED = 0.5  # share of the run in which the cache fills


def left_for_the_servers(run, settings, trail=None):
    """Requests per second that reach the servers, against how many answers the proxy can keep.

    The line is Che's formula; the upper edge of the calm part is what the servers' cores can do. settings: static and
    capacity, as the panel has them. trail: a list that keeps the points of earlier runs.
    """
    check_run("left_for_the_servers", run)
    sent_per_s, share, capacity = run.clients.requests_per_second, settings["static"], settings["capacity"]
    left = left_per_s(run)
    most = servers_can_do_per_s(run)
    points = kept([] if trail is None else trail, (run.clients.users, share), (capacity, left))
    expected = [expected_per_s(run.clients, share, size) for size in SIZES]
    traces = [line("Che's formula", SIZES, expected), line("all their cores", [SIZES[0], SIZES[-1]], [most, most],
                                                          VERMILION, "dot"),
              runs_so_far(points), this_run(capacity, left)]
    end = 1.25 * max(sent_per_s, most)
    said = f"{number(left)} of {number(sent_per_s)} a second reach the servers"
    return Plot(traces, f"Requests that reach the servers, against the answers that the proxy can keep: with "
                f"{number(capacity)} answers {said}; their cores can do {number(most)} a second.",
                {"title": {"text": "answers that fit into the proxy"}, "type": "log", "range": [0.9, 4.1],
                 "tickvals": TICKS, "ticktext": [number(tick) for tick in TICKS]},
                {"title": {"text": "requests a second at the servers"}, "range": [0, end], "tickformat": ","},
                notes=[above(f"<b>you are here:</b> {said.replace(' reach', '<br>reach')}"), _limit(most)])


def left_per_s(run):
    """Requests per second of the settled part of the run that the proxy did not answer itself."""
    rows = run.records.requests
    late = rows[rows["arrived_s"] >= SETTLED * run.seconds]
    in_front = (late["status"] == OK) & (late["served_by"] == NONE)
    return float((len(late) - in_front.sum()) / ((1 - SETTLED) * run.seconds))


def answered_in_front_percent(run):
    """Of the requests of the settled part of the run, those that no server had to answer."""
    rows = run.records.requests
    late = rows[rows["arrived_s"] >= SETTLED * run.seconds]
    return 100 * float(((late["status"] == OK) & (late["served_by"] == NONE)).mean()) if len(late) else 0.0


def expected_per_s(clients, share, capacity):
    """Che: what a cache of so many answers leaves of the crowd, if this share of it may be kept."""
    hits = che_hit_ratio(clients.objects, clients.skew, min(capacity, clients.objects))
    return clients.requests_per_second * (1 - share * hits)


def servers_can_do_per_s(run):
    """Requests per second that all cores of the servers together can work on."""
    return sum(1000 * node.component.places / node.component.service_ms for node in run.nodes
               if node.component.serves)


def _limit(most):
    return note("all their cores", 4.05, most, xanchor="right", yanchor="bottom", bgcolor="rgba(0,0,0,0)",
                font={"size": 11, "color": INK})
