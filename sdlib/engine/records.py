"""What an engine hands over when it has run: plain arrays, the same from both engines."""

from dataclasses import dataclass

import numpy as np

from sdlib.kernel.state import NONE, REQUEST

SAMPLES = 600  # times at which every component is looked at, evenly spread over the run
STATION_COUNTS = ("served", "refused", "lost", "failed", "crashes", "longest_queue")


@dataclass
class Records:
    """requests: REQUEST[requests]; messages: MESSAGE[messages]; stations: one array per measure, an entry per node.

    samples: int32[SAMPLES, nodes, 3], queue, busy, in flight. Times in seconds; NaN where it has not happened.
    calls: int64[links], how often each way between components was taken; link 0 is that of the clients.
    incidents: INCIDENT[incidents]. arrivals: requests that came in. alive: clients that still wait for an answer at the
    end, as the engine sees it. trace: TRACE[rows] of the compiled engine, if it was asked for one.
    """

    requests: np.ndarray
    messages: np.ndarray
    stations: dict
    samples: np.ndarray
    calls: np.ndarray
    incidents: np.ndarray
    arrivals: int
    alive: int
    trace: np.ndarray = None


def empty_requests(arrived_s):
    """REQUEST[requests]: they have arrived, and nothing else has happened yet."""
    rows = np.zeros(len(arrived_s), REQUEST)
    rows["arrived_s"], rows["finished_s"], rows["served_by"], rows["attempts"] = arrived_s, np.nan, NONE, 1
    return rows


def count_names(nodes):
    """The measures of stations that single kinds of components add, such as a cache's hits."""
    return tuple(dict.fromkeys(name for node in nodes for name in node.component.counts))
