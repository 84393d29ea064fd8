"""Lesson 15's chart: how long a request is in each layer of its path, one layer after another."""

from itertools import accumulate

from sdlib.charts.theme import GREEN, INK, PAPER, SKY, VERMILION, Plot, above, hatched, held_end, line, note, plain
from sdlib.charts.words import duration, number, percentage
from sdlib.components.database import Database
from sdlib.components.gateway import Gateway
from sdlib.kernel.state import NONE
from sdlib.results.run import check_run

FIRST_WIDTH_MS = 15
LAYERS = ("gateway", "balancers", "machines", "database")
LOOKS = {"waits": (VERMILION, "/"), "is worked on": (SKY, "")}
BALANCER = "balancer"


def path_of_a_request(run, settings, service="product"):
    """Mean time of a request to a service in each layer, waits and work, below each other as on its way.

    The dashed line: where a request ends that waits nowhere. service: its name; its balancers, machines and database
    are called after it. In words: how busy the busiest balancer was, and what failed.
    """
    check_run("path_of_a_request", run)
    spent = layers_ms(run, service)
    ends = list(accumulate(sum(one) for one in spent.values()))
    begins = [end - sum(one) for end, one in zip(ends, spent.values(), strict=True)]
    without_waits = own_ms(run, service)
    width = held_end(FIRST_WIDTH_MS, max(ends[-1], without_waits))
    traces = [_bar("waits", spent, begins, [one[0] for one in spent.values()]),
              _bar("is worked on", spent, [begin + one[0] for begin, one in zip(begins, spent.values(), strict=True)],
                   [one[1] for one in spent.values()]),
              line("if it waits nowhere", [without_waits] * 2, [-0.5, len(LAYERS) - 0.5], GREEN)]
    labels = [note(f"<b>{duration(sum(one))}</b>", end, place, xanchor="left", xshift=4, bgcolor=PAPER)
              for place, (end, one) in enumerate(zip(ends, spent.values(), strict=True))]
    busiest, failed = 100 * busiest_balancer(run, service), run.measures()["failed"]
    said = f"a request to {service}: {duration(ends[-1])}, without waits {duration(without_waits)}"
    short = f"to {service}: {duration(ends[-1])}, {duration(without_waits)} without waits"
    more = f"busiest balancer {percentage(busiest)} % busy; {number(failed)} failed"
    told = ", ".join(f"{duration(sum(one))} in the {layer}" for layer, one in spent.items())
    return Plot(traces, f"The path of {said}. On average it spends {told}; {more}.",
                {"title": {"text": "ms after it came to the gateway"}, "range": [0, width * 1.15], "tickformat": ","},
                {"range": [len(LAYERS) - 0.4, -0.6], "tickvals": list(range(len(LAYERS))), "ticktext": list(LAYERS)},
                notes=[above(f"<b>{short}</b><br>{more.replace('<', '&lt;')}"), *labels])


def layers_ms(run, service):
    """Per layer the mean time of a visit, (waits, work) in ms: by Little's law from what the run counted."""
    found = nodes_of(run, service)
    seen, gateway = run.records.stations, found["gateway"][0].component
    spent = {"gateway": (0.0, gateway.check_ms)}
    for layer in LAYERS[1:]:
        places = [index for node in found[layer] for index in (node.index, *node.parts)]
        ended = sum(seen[how][[node.index for node in found[layer]]].sum() for how in ("served", "lost", "failed"))
        waits_s = seen["queue_area"][places].sum()
        works_s = seen["busy_area"][[node.index for node in found[layer]]].sum()
        spent[layer] = tuple(float(1000 * area_s / ended) if ended else 0.0 for area_s in (waits_s, works_s))
    return spent


def own_ms(run, service):
    """What the layers work on a request of this service, on average."""
    found = nodes_of(run, service)
    return found["gateway"][0].component.check_ms + sum(found[layer][0].component.service[0] for layer in LAYERS[1:])


def busiest_balancer(run, service):
    """The utilization, 0 to 1, of the busiest of a service's balancers."""
    return max(float(run.stations["utilization"].iloc[node.index]) for node in nodes_of(run, service)["balancers"])


def nodes_of(run, service):
    """The nodes of each layer."""
    mine = [node for node in run.nodes if node.part_of == NONE
            and (node.name == service or node.name.startswith(f"{service} "))]
    own = [node for node in mine if node.component.service is not None]
    found = {"gateway": [node for node in run.nodes if isinstance(node.component, Gateway)],
             "balancers": [node for node in own if f" {BALANCER}" in node.name],
             "machines": [node for node in own if f" {BALANCER}" not in node.name
                          and not isinstance(node.component, Database)],
             "database": [node for node in own if isinstance(node.component, Database)]}
    if not all(found.values()):
        raise ValueError(f"path_of_a_request(run=<Run>): run must be of a gateway in front of the {service} service "
                         f"with balancers on machines of their own; for example run=sd.simulate(sd.shop(15), clients).")
    return found


def _bar(name, spent, begins, lengths):
    colour, shape = LOOKS[name]
    return {"type": "bar", "orientation": "h", "name": name, "y": list(range(len(spent))), "offsetgroup": "one",
            "base": plain(begins), "x": plain(lengths),
            "marker": {"color": colour, "pattern": hatched(shape), "line": {"color": INK, "width": 1}}}
