"""When each request of a window travels, and from where to where: the same rule as in map.js.

To travel to a component that stands elsewhere takes from the call to the first thing that happens there; to travel back
takes from the last thing that happened to the return. Where nothing happens between, each is half the time.
"""

from dataclasses import dataclass

import numpy as np

from sdlib.kernel import trace as codes

NOWHERE = -1
OF_MACHINES = (codes.CRASHED, codes.UP, codes.CHANGED)


@dataclass
class Visit:
    """One visit to a node, of somebody who came from a place; last_s: when something happened to it last."""

    node: int
    spot: int
    came_from: int
    last_s: float
    has_arrived: bool


class Journeys:
    """legs: for each entity [(begins_s, ends_s, from, to)]; spots are numbered from 0 upwards, homes from -2 downwards.
    """

    def __init__(self, packed, spot_of, home_of):
        self.packed, self.spot_of, self.home_of = packed, spot_of, home_of
        self.legs = [[] for _ in packed.request_of]
        self.stacks = [[] for _ in packed.request_of]
        self.client_of = {int(packed.request_of[who]): int(who) for who in np.flatnonzero(packed.is_client)}
        for event in np.flatnonzero(~np.isin(packed.what, OF_MACHINES)):
            self._follow(int(packed.who[event]), float(packed.time_s[event]), int(packed.what[event]),
                         int(packed.node[event]))

    def home(self, who):
        """The place of its country, or NOWHERE."""
        request = self.packed.request_of[who]
        home = self.home_of[request] if request >= 0 else -1
        return NOWHERE if home < 0 else -2 - home

    def at(self, who, time_s):
        """(from, to, share of the way) at a time: with share 1 it stands."""
        begun = [leg for leg in self.legs[who] if leg[0] <= time_s]
        if not begun:
            return self.home(who), self.home(who), 1.0
        begins_s, ends_s, came_from, to = begun[-1]
        return came_from, to, min((time_s - begins_s) / max(ends_s - begins_s, 1e-9), 1.0)

    def _here(self, who):
        if self.stacks[who]:
            return self.stacks[who][-1].spot
        client = self.client_of.get(int(self.packed.request_of[who]), who)
        return self._here(client) if client != who else self.home(who)

    def _follow(self, who, time_s, what, node):
        stack = self.stacks[who]
        top = stack[-1] if stack else None
        is_return = what == codes.RETURNED and top is not None and top.node == node
        if top is not None and not top.has_arrived:
            self._arrive(who, top, (top.last_s + time_s) / 2 if is_return else time_s)
        if what == codes.CALLED:
            came_from = self._here(who)
            spot = came_from if self.spot_of[node] < 0 else self.spot_of[node]
            stack.append(Visit(node, spot, came_from, time_s, came_from in (spot, NOWHERE)))
        elif is_return:
            if top.came_from not in (top.spot, NOWHERE) and time_s > top.last_s:
                self.legs[who].append((top.last_s, time_s, top.spot, top.came_from))
            stack.pop()
            if stack:
                stack[-1].last_s = time_s
        elif top is not None:
            top.last_s = time_s

    def _arrive(self, who, visit, time_s):
        visit.has_arrived = True
        self.legs[who].append((visit.last_s, time_s, visit.came_from, visit.spot))
        visit.last_s = time_s
