"""Lesson 4's chart: what a month's restarts cost, by the hour at which they are done."""

from sdlib import data
from sdlib.charts.parts import kept
from sdlib.charts.theme import Plot, above, line, runs_so_far, this_run
from sdlib.charts.words import number
from sdlib.results.bill import HOURS_PER_MONTH
from sdlib.results.run import check_run
from sdlib.theory import nines

MONTH_S = HOURS_PER_MONTH * 3600


def lost_by_hour(run, settings, trail=None):
    """Requests lost in a month against the hour of the restarts: rate x restart x upgrades, and what runs lost.

    settings: restart_s, upgrades, hour, as the panel has them. trail: a list that keeps the points of earlier hours.
    """
    check_run("lost_by_hour", run)
    restart_s, upgrades, hour = (settings[name] for name in ("restart_s", "upgrades", "hour"))
    requests = data.elb_hours()["mean_requests_per_5min"]
    rates_per_s = run.clients.requests_per_second * requests / requests[hour]
    lost = upgrades * run.measures()["failed"]
    points = kept([] if trail is None else trail, (restart_s, upgrades), (hour, lost))
    traces = [line("rate x restart x upgrades", range(24), rates_per_s * restart_s * upgrades),
              runs_so_far(points),
              this_run(hour, lost, "this run x upgrades")]
    up = 1 - restart_s * upgrades / MONTH_S
    said = f"{hour}:00, {number(lost)} lost a month, {nines(up):.1f} nines"
    return Plot(traces, f"Requests lost in a month against the hour of the restarts: {said} by the clock.",
                {"title": {"text": "hour of the upgrade"}, "range": [-1, 24], "tickvals": list(range(0, 24, 4)),
                 "ticktext": [f"{tick}:00" for tick in range(0, 24, 4)]},
                {"title": {"text": "requests lost a month"}, "tickformat": ",", "rangemode": "tozero"},
                notes=[above(f"<b>you are here:</b> {said}")])
