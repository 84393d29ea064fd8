"""Calls to what stands behind: one after another, or several at the same time, each as patient as it says."""

from dataclasses import dataclass, fields

from sdlib.components.base import Component, checked
from sdlib.components.checks import complain, knob, shown
from sdlib.components.retry import NEVER, Retry

MOST_CALLS = 1_008  # so many places behind one component can be told apart, and so their draws
EXAMPLE = "[sd.Database()]"


@dataclass(frozen=True)
class Call:
    """A call that gives up after timeout_s (what was called goes on working), and tries again as `retry` says.

    hedge_s: when no answer has come after so long, the same is asked once more beside it, and whichever answer comes
    first counts (Dean and Barroso 2013). It must be shorter than timeout_s.
    """

    target: Component = knob(doc="what is called", kind="component", example="sd.Database()")
    timeout_s: float = knob(None, doc="how long it waits for an answer; None: for ever", unit="s", low=0.001,
                            high=86_400, optional=True, example=1)
    retry: Retry = knob(NEVER, doc="how it tries again after a failure", kind="other", example="sd.Retry(times=2)")

    hedge_s: float = knob(None, doc="how long until a second call goes out beside the first; None: never", unit="s",
                          low=0.001, high=86_400, optional=True, example=0.05)

    def __post_init__(self):
        for knob_field in fields(self):
            object.__setattr__(self, knob_field.name, checked("Call", knob_field, getattr(self, knob_field.name)))
        check_retry("Call", self.retry)
        if self.hedge_s is not None and self.timeout_s is not None and self.hedge_s >= self.timeout_s:
            complain("Call", "hedge_s", self.hedge_s, f"shorter than timeout_s={self.timeout_s:g}", self.timeout_s / 2)

    @property
    def is_plain(self):
        return self.timeout_s is None and self.hedge_s is None and not self.retry.times


def check_retry(owner, retry):
    if not isinstance(retry, Retry):
        complain(owner, "retry", retry, "a sd.Retry", "sd.Retry(times=2)")
    if retry.is_own:
        complain(owner, "retry", retry, "a sd.Retry with a named backoff (a function of your own works at a queue)",
                 "sd.Retry(times=2)")


def as_groups(owner, calls):
    """What a component is given as `calls`, as a tuple of groups, each a tuple of `Call`.

    An entry is a component, a `Call`, or a list of those, which are called at the same time.
    """
    if not isinstance(calls, (list, tuple)):
        _refuse(owner, calls)
    groups = tuple(tuple(map(_call, entry)) if isinstance(entry, (list, tuple)) else (_call(entry),) for entry in calls)
    if any(call is None for group in groups for call in group) or not all(groups):
        _refuse(owner, calls)
    many = sum(map(len, groups))
    if many > MOST_CALLS:
        raise ValueError(f"{owner}(calls=[{many:,} components]): calls must be a list of at most {MOST_CALLS:,} "
                         f"components; for example calls={EXAMPLE}.")
    return groups


def _refuse(owner, calls):
    raise ValueError(f"{owner}(calls={shown(calls)}): calls must be a list of components, of sd.Call or of lists of "
                     f"those; for example calls={EXAMPLE}.")


def _call(entry):
    if isinstance(entry, Component):
        return Call(entry)
    return entry if isinstance(entry, Call) else None


class Caller:
    """A component with `groups` of calls behind it."""

    @property
    def all_calls(self):
        return [call for group in self.groups for call in group]

    def behind(self):
        return tuple(call.target for call in self.all_calls)

    def patience(self, index):
        call = self.all_calls[index]
        return None if call.is_plain else call

    def indices(self):
        """The calls' indices, group by group."""
        begin, groups = 0, []
        for group in self.groups:
            groups.append(range(begin, begin + len(group)))
            begin += len(group)
        return groups
