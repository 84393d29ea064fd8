"""The lab of lesson 3: the same crowd on a real machine of one, two and four workers."""

from itertools import pairwise

from sdlib.components.checks import check_number, complain
from sdlib.labs.recordings import recorded
from sdlib.labs.result import LabResult
from sdlib.labs.web import check_load, web_server


@recorded()
def bigger_machine(workers=(1, 2, 4), requests_per_s=140, seconds=3, service_ms=10.0, ram_requests=64, restart_s=0.5,
                   seed=1):
    """Lesson 3: the crowd that crashes a small machine, on larger ones.

    workers: rising sizes, each at least twice the one before; the first is overloaded by the crowd and the second has
    room. requests_per_s, seconds: as for `WebServer.load`; the rest as for `web_server`. Returns a LabResult.
    """
    workers = _checked_sizes(workers)
    requests_per_s, seconds = check_load(requests_per_s, seconds)
    busy = check_number("lab.bigger_machine", "service_ms", service_ms, low=1, high=50, example=10, unit="ms")
    busy *= requests_per_s / 1000
    if not 1.2 * workers[0] <= busy <= 0.75 * workers[1]:
        complain("lab.bigger_machine", "requests_per_s", requests_per_s, "a crowd that keeps more workers busy than "
                 "the first machine has, by a fifth at least, and at most three quarters of the second's", 140)
    loads = {}
    for count in workers:
        with web_server(cpus=count, service_ms=service_ms, ram_requests=ram_requests, restart_s=restart_s,
                        seed=seed) as server:
            loads[count] = server.load(requests_per_s, seconds, seed)
    return LabResult(loads, _claims(loads),
                     f"The same {len(loads[workers[0]].requests):,} real requests: with {_counted(workers[0])} memory "
                     f"ran out and the server crashed; with {_counted(workers[1])} all were answered; with "
                     f"{_counted(workers[-1])} they waited less.", axis="workers")


def _claims(loads):
    first, second, *_, last = loads
    waits_ms = {count: load.answered["waited_ms"].mean() for count, load in loads.items()}
    larger = [count for count in loads if count != first]
    return [("every request is accounted for", all(load.conserved() for load in loads.values())),
            (f"with {_counted(first)} memory ran out and the server crashed", loads[first].crashes > 0),
            *((f"with {_counted(count)} every request was answered",
               len(loads[count].answered) == len(loads[count].requests)) for count in larger),
            (f"with {_counted(last)} a request waited less than with {second}", waits_ms[last] < waits_ms[second])]


def _counted(workers):
    return f"{workers} worker{'' if workers == 1 else 's'}"


def _checked_sizes(workers):
    example = (1, 2, 4)
    if not isinstance(workers, (list, tuple)) or len(workers) < 3:
        complain("lab.bigger_machine", "workers", workers, "a list of at least three sizes", example)
    sizes = [check_number("lab.bigger_machine", "workers", size, low=1, high=16, example=4, whole=True)
             for size in workers]
    if any(large < 2 * small for small, large in pairwise(sizes)):
        complain("lab.bigger_machine", "workers", workers, "sizes of which each is at least twice the one before",
                 example)
    return sizes
