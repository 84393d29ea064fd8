"""sd.incident: a night shift. Something happened; the learner says which part failed first, and why."""

from dataclasses import dataclass

import pandas as pd

from sdlib.charts.words import number
from sdlib.components.checks import check_number, complain
from sdlib.lessons.incidents import USERS, WHYS, drawn, many_wait, night
from sdlib.teach.view import Card

COLUMNS = ("answered normally (per s)", "answered now (per s)", "waiting normally", "waiting now", "failed now (per s)")


def incident(seed):
    """The incident of this seed, 0 to 2,147,483,647, as an `Incident`. The same seed is the same incident."""
    return Incident(check_number("incident", "seed", seed, low=0, high=2**31 - 1, example=1, whole=True))


@dataclass(frozen=True, repr=False)
class Incident:
    """What the night shift sees; by code: table(), answer(part, why), solution()."""

    seed: int

    @property
    def fault(self):
        return drawn(self.seed)

    @property
    def night(self):
        return night(self.fault, self.seed)

    def table(self):
        """DataFrame, a row for each part: what it answers, how many wait there, and what fails, normally and now."""
        rows = [[*seen["answered"], *seen["waiting"], seen["failed"][1]] for seen in self.night.parts.values()]
        return pd.DataFrame([[number(round(value)) for value in row] for row in rows], index=list(self.night.parts),
                            columns=list(COLUMNS)).rename_axis("part", axis=1)

    def answer(self, part, why):
        """A Card: whether this part failed first, for this reason. part: a name of the table; why: one of WHYS."""
        if part is ... or why is ...:
            return Card("not attempted yet", f"Incident {self.seed}", (
                "Say which part failed first, a name of the table, and why: " + ", ".join(map(repr, WHYS)) + ".",))
        for name, value, known in (("part", part, self.night.parts), ("why", why, WHYS)):
            if not isinstance(value, str) or value not in known:
                complain("incident.answer", name, value, "one of " + ", ".join(map(repr, known)), next(iter(known)))
        if part != self.fault.part:
            return Card("wrong", f"It was not {part}", (self._about(part),))
        if why != self.fault.why:
            return Card("wrong", f"It was {part}, for another reason", (_REASONS[why],))
        return Card("right", f"It was {part}: {why}", (self._because(),))

    def solution(self):
        """A Card with the answer."""
        return Card("note", f"It was {self.fault.part}: {self.fault.why}", (self._because(),))

    def _about(self, part):
        behind, cause = self.night.behind, self.fault.part
        if cause in behind[part]:
            return (f"{part} stands in front of what failed. Its figures changed because of what it calls. Go on, and "
                    "look at the parts behind it.")
        if part in behind[cause]:
            seen = self.night.parts[part]["answered"]
            if seen[1] > 1.2 * seen[0]:
                return f"{part} gets more than on other nights. Look in front of it: who no longer answers for it?"
            return f"{part} gets less than on other nights, and answers what it gets. Look in front of it."
        return f"The requests that fail or wait do not need {part}."

    def _because(self):
        seen, part = self.night.parts[self.fault.part], self.fault.part
        return (f"{part} answered {number(round(seen['answered'][0]))} a second on other nights, and answers "
                f"{number(round(seen['answered'][1]))} now; {number(round(seen['waiting'][1]))} wait there, and "
                f"{number(round(seen['failed'][1]))} a second fail. What stands in front of it fails or waits with it; "
                f"{self._what_is_behind()}.")

    def _what_is_behind(self):
        parts = self.night.parts
        drowned = [part for part in self.night.behind[self.fault.part]
                   if many_wait(parts[part])]
        if drowned:
            return f"{drowned[0]}, behind it, drowns in the work that it used to keep from it"
        return "what stands behind it is well"

    def _card(self):
        failed, p95_ms = self.night.failed_percent[1], self.night.p95_ms
        return Card("note", f"Incident {self.seed}: for 5 seconds something has been wrong", (
            f"Of the shop's requests {failed:.1f} % failed. 95 % of the answers came within {p95_ms[1]:,.0f} ms, on "
            f"other nights within {p95_ms[0]:,.0f} ms.",
            "Each part of the shop, in those 5 seconds and in the same 5 of a night on which all was well. A Redis, an "
            "edge and the proxy count as answered what came from their own store. Waiting: how many stand in line "
            f"there, on average. What fails further back counts as failed in front, too. It is a shop for {USERS:,} "
            "users, a tenth of the whole one."))

    def __str__(self):
        return f"{self._card()}\n{self.table().to_string()}"

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": str(self), "text/html": self._card().html() + self.table().to_html()}


_REASONS = {
    WHYS[0]: "Something still comes out of it, more than a moment's rest. What is down answers nothing.",
    WHYS[1]: "Compare what comes to it now with other nights, and what it answers.",
    WHYS[2]: "No more comes to the shop than on other nights. Compare what the edges are asked.",
}
