"""Exercises and goals of no lesson, for tests of the tools that must not depend on what a lesson asks."""

import math

from sdlib.teach.content import Exercise, Goal, Lesson, Misconception, Scenario
from sdlib.teach.kinds import counted, near, number, whole


def _crowd(users):
    fewest = math.ceil(users / 1050)

    def fault(cpus):
        if cpus < 1:
            return f"You gave {counted(cpus, 'core')}. A machine has at least one."
        return "" if cpus == fewest else f"With your {counted(cpus, 'core')} it is {users / cpus / 15:.0f} % busy."
    return Scenario(f"{users:,} users", lambda cores: whole(cores(users)), fault)


SHARE = Exercise(
    key="90-easy", title="a number", ask="How busy is it?", starter="answer = ...", answer="answer",
    wants="a number, in percent", scenarios=(Scenario("", number, near(2500 * 4 / 60 * 0.01 / 4 * 100, "%")),),
    misconceptions=(Misconception("forgot the cores", "Four cores share it.", 166.7),),
    hints=("Think.", "Think more."), solution="answer = 2500 * 4 / 60 * 0.010 / 4 * 100", because="So it is.")

CORES = Exercise(
    key="90-medium", title="a policy", ask="How many cores?", starter="def cores(users):\n    ...", answer="cores",
    wants="a function cores(users) that returns a whole number, at least 1",
    scenarios=tuple(map(_crowd, (1, 100, 1_500, 5_200, 31_000, 1_000_000))),
    misconceptions=(Misconception("one for all", "A crowd needs more than one.", lambda users: 1),),
    hints=("Think.", "Think more."), solution="def cores(users):\n    return -(-users // 1050)", because="So it is.")


def _figure(run, name):
    return run.summary()[name].iloc[0]


GOALS = Lesson("90", "Toys", (), (SHARE, CORES), (), (
    Goal("Have 2,000 users.", lambda run, settings: settings["users"] >= 2000 or "Too few users."),
    Goal("Be half busy.", lambda run, settings: _figure(run, "utilization_percent") > 50 or "Not busy enough."),
    Goal("Be slow.", lambda run, settings: _figure(run, "mean_ms") > 22 or "Not slow enough.")))
