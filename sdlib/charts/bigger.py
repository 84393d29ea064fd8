"""The charts of lesson 03: what each part of a machine can bear, and what a machine costs."""

import numpy as np

from sdlib.charts.theme import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILION, Plot, above, figure, line, marks, this_run
from sdlib.charts.words import duration, number
from sdlib.data import instances
from sdlib.results.bill import for_sale
from sdlib.results.run import check_run

CORES, USERS = (1, 2_000), (100, 30_000_000)     # the ends of the axes
CORE_TICKS = {"tickvals": [1, 10, 100, 1000], "ticktext": ["1", "10", "100", "1,000"]}
USER_TICKS = {"tickvals": [1e2, 1e3, 1e4, 1e5, 1e6, 1e7],
              "ticktext": ["100", "1,000", "10,000", "100,000", "1 million", "10 million"]}
DOLLAR_TICKS = {"tickvals": [10, 100, 1e3, 1e4, 1e5], "ticktext": ["10", "100", "1,000", "10,000", "100,000"]}


def users_against_cores(run, settings):
    """Lesson 3: the crowd that the cores, the database and the memory can each bear, leaving chance aside."""
    check_run("users_against_cores", run)
    server, users = run.nodes[0].component, run.clients.users
    limits = _limits(run)
    traces = [line("the cores", CORES, [cores * limits["the cores"] / server.cpus for cores in CORES]),
              *(line(name, CORES, [limits[name]] * 2, color, "solid")
                for name, color in (("the database", GREEN), ("the memory", PURPLE)) if limits[name] <= USERS[1]),
              line("largest for sale", [largest_with_a_price()] * 2, USERS, INK, "dot"),
              this_run(server.cpus, users)]
    first = min(limits, key=limits.get)
    here, full = f"{number(users)} users", f"{first} would be full first, at {number(limits[first])}"
    measured = run.measures()
    mean = f"mean {'of the answered' if measured['failed'] else 'latency'} {duration(measured['mean_ms'])}"
    return Plot(traces, f"The crowd that each part can bear, against cores. This run: {here}; {full}; {mean}.",
                _log_axis("cores of the server", CORES, CORE_TICKS), _log_axis("users", USERS, USER_TICKS),
                notes=[above(f"<b>you are here:</b> {here}, {mean}<br>full first: {first[4:]}")])


def _limits(run):
    """The users whose requests fill each part exactly: dict."""
    server, database = (node.component for node in run.nodes[:2])
    users_per_rate = run.clients.users / run.clients.requests_per_second
    inside_ms = server.service_ms + database.query_ms
    most_per_s = {"the cores": 1000 * server.cpus / server.service_ms,
                  "the database": 1000 * database.connections / database.query_ms,
                  "the memory": 1000 * server.most_in_flight / inside_ms}
    return {name: rate * users_per_rate for name, rate in most_per_s.items()}


def prices(width=840, height=380):
    """A `go.Figure`: every machine on the price list, and the least that so many cores cost a month."""
    listed = for_sale(instances())
    cores = sorted(set(listed["vcpu"]))
    least = [listed.loc[listed["vcpu"] >= count, "usd_per_month"].min() for count in cores]
    first, last, most = cores[0], cores[-1], listed["usd_per_month"].max()
    cheapest = {**line("the cheapest with at least so many cores", [1, *cores], [least[0], *least], dash="solid"),
                "line": {"color": BLUE, "width": 2.5, "shape": "vh"}}
    traces = [cheapest, marks("on the list", listed["vcpu"], listed["usd_per_month"], size=9, color=ORANGE,
                              line={"width": 1, "color": INK}),
              line("the document's machine: 1,000 cores", [1000, 1000], [5, 500_000], VERMILION, "dot")]
    says = f"The list ends at {last} cores; no machine with a price has the document's 1,000."
    alt = (f"Dollars a month against cores, {len(listed)} machines from {first} to {last} cores, up to "
           f"${number(most)}. {says}")
    return figure([Plot(traces, alt, _log_axis("cores (vCPU)", CORES, CORE_TICKS),
                        _log_axis("$ a month", (5, 500_000), DOLLAR_TICKS), title=says)], width, height)


def largest_with_a_price():
    """Its cores."""
    return int(for_sale(instances())["vcpu"].max())


def _log_axis(title, ends, ticks):
    return {"type": "log", "title": {"text": title}, "range": [float(np.log10(end)) for end in ends], **ticks}
