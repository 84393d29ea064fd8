"""Lesson 5's chart: what is left of a shop of n machines when one of them is down."""

from sdlib.charts.parts import kept
from sdlib.charts.theme import Plot, above, line, note, runs_so_far, this_run
from sdlib.charts.words import number, percentage
from sdlib.kernel.incidents import STOPPED
from sdlib.kernel.statuses import IN_FLIGHT, OK
from sdlib.results.run import check_run
from sdlib.theory import redundant

MOST = 20
ALL = range(1, MOST + 1)


def answered_while_one_is_down(run, settings, trail=None):
    """The share of the requests answered while one machine is down, against the number of machines.

    settings: machines and retries, as the panel has them. trail: a list that keeps the points of earlier runs.
    """
    check_run("answered_while_one_is_down", run)
    machines, tries = settings["machines"], 1 + settings["retries"]
    answered, fewest = answered_meanwhile(run), fewest_that_keep_up(run, tries)
    points = kept([] if trail is None else trail, (run.clients.users, tries), (machines, answered))
    traces = [line("all but those that find it down", ALL, [100 * redundant(1 - 1 / count, tries) for count in ALL]),
              runs_so_far(points),
              this_run(machines, answered)]
    where = f"{number(run.clients.users)} users, {number(machines)} machine{'' if machines == 1 else 's'}"
    said = f"{percentage(answered)} % answered meanwhile"
    alt = (f"Share of the requests answered while one machine is down, against machines: {where}, {said}. "
           f"While it is down, {number(fewest)} are the fewest that keep up with this crowd.")
    axis = {"title": {"text": "machines"}, "range": [0, MOST + 1], "tickvals": [1, 5, 10, 15, 20]}
    upwards = {"title": {"text": "answered while one is down (%)"}, "range": [-4, 118],
               "tickvals": [0, 20, 40, 60, 80, 100]}
    return Plot(traces, alt, axis, upwards, shapes=[_too_few(fewest)],
                notes=[above(f"<b>you are here:</b> {where},<br>{said.replace('<', '&lt;')}"), _too_few_said()])


def answered_meanwhile(run):
    """In percent, of the requests that came while the first machine to stop was down, and have ended."""
    stops = ((float(row["time_s"]), float(row["until_s"])) for row in run.records.incidents if row["what"] == STOPPED)
    stopped_s, up_s = next(stops, (0.0, run.seconds))
    rows = run.records.requests
    ended = rows["status"][(rows["arrived_s"] >= stopped_s) & (rows["arrived_s"] < up_s)
                           & (rows["status"] != IN_FLIGHT)]
    return float(100 * (ended == OK).mean()) if len(ended) else 0.0


def fewest_that_keep_up(run, tries):
    """The fewest machines of this kind that have the cores for the crowd while one of them is down."""
    server = next(node.component for node in run.nodes if node.component.serves)
    most_per_s = 1000 * server.places / server.service_ms
    return next(count for count in range(2, 10**9)
                if run.clients.requests_per_second * attempts(count, tries) / count < most_per_s)


def attempts(machines, tries):
    """How often a request is sent on average: again, as often as it may be, when it found the one that is down."""
    return sum(machines ** -attempt for attempt in range(tries))


def _too_few(fewest):
    return {"type": "rect", "x0": 0, "x1": min(fewest - 0.5, MOST + 1), "y0": 0, "y1": 1, "yref": "y domain",
            "layer": "below", "fillcolor": "rgba(213,94,0,0.13)", "line": {"width": 0}}


def _too_few_said():
    """At the top, where no data is."""
    return note("too few for this crowd", 0.1, 0.99, xanchor="left", yref="y domain", yanchor="top",
                bgcolor="rgba(0,0,0,0)")
