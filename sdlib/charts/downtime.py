"""Lesson 4's chart: what a month's restarts cost, by the hour at which they are done."""

from sdlib import data
from sdlib.charts.parts import kept
from sdlib.charts.theme import INK, Plot, above, line, runs_so_far, this_run
from sdlib.charts.words import number
from sdlib.results.bill import HOURS_PER_MONTH
from sdlib.results.run import check_run
from sdlib.theory import nines

MONTH_S = HOURS_PER_MONTH * 3600
START = "start"


def lost_by_hour(run, settings, trail=None):
    """Requests lost in a month against the hour of the restarts: rate x restart x upgrades, and what runs lost.

    settings: restart_s, upgrades, hour, as the panel has them. trail: a list that keeps the points of earlier hours,
    and the first curve, which stays as a dotted line: the axis may grow with the newest one.
    """
    check_run("lost_by_hour", run)
    restart_s, upgrades, hour = (settings[name] for name in ("restart_s", "upgrades", "hour"))
    requests = data.elb_hours()["mean_requests_per_5min"]
    rates_per_s = run.clients.requests_per_second * requests / requests[hour]
    lost, away_s = upgrades * run.measures()["failed"], restart_s * upgrades
    trail = [] if trail is None else trail
    first = trail[0] if trail else (START, away_s)
    points = kept(trail, (restart_s, upgrades), (hour, lost))
    trail.insert(0, first)
    traces = [line("rate x restart x upgrades", range(24), rates_per_s * away_s),
              runs_so_far(points),
              this_run(hour, lost, "this run x upgrades")]
    beside = ""
    if first[1] != away_s:
        traces.append(line("the same at the start", range(24), rates_per_s * first[1], INK, "dot"))
        beside = f" The dotted curve of the start stands at {number(100 * first[1] / away_s)} % of this one."
    up = 1 - away_s / MONTH_S
    said = f"{hour}:00, {number(lost)} lost a month, {nines(up):.1f} nines"
    return Plot(traces, f"Requests lost in a month against the hour of the restarts: {said} by the clock."
                + beside,
                {"title": {"text": "hour of the upgrade"}, "range": [-1, 24], "tickvals": list(range(0, 24, 4)),
                 "ticktext": [f"{tick}:00" for tick in range(0, 24, 4)]},
                {"title": {"text": "requests lost a month"}, "tickformat": ",", "rangemode": "tozero"},
                notes=[above(f"<b>you are here:</b> {said}")])
