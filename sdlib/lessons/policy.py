"""A learner's policy inside a run of the reference engine, where a component's process asks it."""

from sdlib.results.simulate import simulate


class Policy:
    """Calls `rule`, and keeps what it raised: SimPy hands on a copy, which has lost the line of the learner's cell."""

    def __init__(self, rule):
        self.rule, self.error = rule, None

    def __call__(self, *seen):
        try:
            return self.rule(*seen)
        except BaseException as error:
            self.error = error
            raise


def run_with(policy, system, clients, seconds, seed, schedule=()):
    """A `Run` of a system that asks this policy; what the policy raises comes out as it was raised."""
    try:
        return simulate(system, clients, seconds=seconds, seed=seed, engine="reference", schedule=schedule)
    except BaseException:
        if policy.error is not None:
            raise policy.error from None
        raise


def profile(calm_per_s, busy_per_s, calm_s, busy_s, after_s):
    """Of a crowd that sends calm_per_s: calm, busy, calm again, and then nobody any more."""
    ends_s = calm_s + busy_s
    return (0, 1.0), (calm_s, busy_per_s / calm_per_s), (ends_s, 1.0), (ends_s + after_s, 0.0)
