"""Lesson 05: horizontal scaling. Machines of the same kind beside each other, one that dies, and a spare one."""

import math

from sdlib.components.clients import Clients
from sdlib.lessons.keeping import LONGEST_P99_MS, Rush, keep
from sdlib.lessons.measures import again, band, crashes, figure, is_letter, letter, times
from sdlib.lessons.shop import shop
from sdlib.results.bill import HOURS_PER_MONTH
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

MONTH_MINUTES = HOURS_PER_MONTH * 60
MOST_USD, STEP_USERS = 1_200, 1_000
STUBBORN = 3             # retries: the end of the panel's slider


def failed_meanwhile_percent(run):
    """What failed, in percent of what comes while the first machine to stop is down, at a steady rate."""
    stop = run.incidents[run.incidents["what"] == "stopped"].iloc[0]
    return _failed_percent(run) * run.seconds / (min(stop["until_s"], run.seconds) - stop["time_s"])


def _failed_percent(run):
    return float(figure(run, "error_percent"))


DIES = Prediction(
    key="05-dies", about="losses", rises=True,
    ask="24,000 users, and five machines of 4 cores, each 80 % busy. The users' app has a list of five addresses and "
        "takes one of them at random for each request. One machine dies. What share of the requests fails while it is "
        "away?",
    choices=(
        Choice("next to none, under 5 %",
               "For that somebody has to notice that it is dead, and to tell the app. A list of addresses notices "
               "nothing: it goes on sending requests there."),
        Choice("about a fifth, 5 to 25 %",
               "So it is with one of five. In this run it was another share."),
        Choice("more than its share, 25 to 60 %",
               "You thought that the four others get its work on top. They do not: what is sent to the dead machine "
               "fails there, and the others get as much as before."),
        Choice("nearly all, over 60 %",
               "That was one machine. The others know nothing of the dead one, and need nothing from it."),
    ),
    right=lambda run: band(failed_meanwhile_percent(run), (5, 25, 60)),
    result=lambda run: f"In this run {failed_meanwhile_percent(run):.0f} % of the requests that came while it was away "
                       "failed.",
    because="Each machine gets a fifth of the requests, dead or alive. Those of the dead one fail, and for the others "
            "nothing has changed: they are 80 % busy, as before.",
    answer_shown_as=(r"\b(19|20|21) % of the requests that came while", r"a fifth of (all |the |its )?requests",
                     r"one in five (requests )?fail"),
)


LIST = Prediction(
    key="05-list", about="losses", rises=True,
    ask="27,000 users keep each of the five machines 90 % busy. One dies at 20 s, and stays away. At 25 s somebody "
        "takes its address off the list: from now on the app sends every request to one of the four that work. What "
        "share of this minute's requests fails?",
    choices=(
        Choice("under 3 %: those of the five seconds",
               "So it would be if the four had the room. Count it: what can they finish in a second, and how many "
               "requests come?"),
        Choice("3 to 10 %",
               "The four get more than they can finish. Then it does not end with a few failures."),
        Choice("10 to 30 %",
               "About so many fail if nobody touches the list. Taking the dead machine off it changed more than that."),
        Choice("over 30 %",
               "In this run it was not that bad."),
    ),
    right=lambda run: band(_failed_percent(run), (3, 10, 30)),
    result=lambda run: f"In this run {_failed_percent(run):.0f} % of the minute's requests failed; machines crashed "
                       f"{times(crashes(run))}.",
    because="Four machines finish 1,600 requests a second, and 1,800 come. The surplus waits in their memory, which is "
            "full after about ten seconds. Then one after the other crashes, and until they are back nobody is "
            "answered. While the dead one was on the list, it kept a fifth of the crowd away from the others. Take a "
            "machine off only when the rest has room for its work.",
    answer_shown_as=(r"\b4\d % of the minute's", r"machines crashed 4 times", r"kept a fifth of the crowd",
                     r"all four crash"),
)


EASY = Exercise(
    key="05-easy", title="two are enough?",
    ask="A shop has two machines, so that one may die. In the evening each is 70 % busy. Who hands out the requests "
        "sees within seconds that a machine is dead, and sends all to the other. What do you do? A: nothing, there are "
        "two. B: a third machine of the same kind. C: twice the memory for both.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "When one dies in the evening, the other gets 140 % of what it can do.",
        "C": "When one dies in the evening, the other gets 140 % of what it can do, with whatever memory."})),),
    misconceptions=(
        Misconception("two machines are one and a spare",
                      "They are only if one alone can do the work. At night that is so here, in the evening it is not.",
                      "A"),
        Misconception("memory makes room",
                      "Memory holds those who wait, and the queue grows as long as the machine is down. It crashes a "
                      "little later.", "C"),
    ),
    hints=("One dies. How busy are those that are left?",
           "Two machines at 70 % are 1.4 machines of work. How many have to be left for that?"),
    solution='answer = "B"',
    because="1.4 machines of work need two that are up. With three, one may die, and each of the others is 70 % busy.",
)


def _growing(start, factor, steps):
    return tuple(start * factor ** step for step in range(steps))


RUSHES = (
    Rush("a quiet afternoon", (60,) * 16, seed=1),
    Rush("a machine dies in the evening", (130,) * 16, seed=2, dies_s=95),
    Rush("a machine dies at night", (50,) * 16, seed=5, dies_s=125),
    Rush("the morning", (100,) * 3 + _growing(100, 1.13, 13), seed=3),
    Rush("after the sale", (320,) * 5 + _growing(320, 0.85, 13), seed=4),
)
EVENING, NIGHT, MORNING, SALE = range(1, 5)


def _rush(rush):
    def fault(shift):
        if shift.crashes:
            return f"Machines crashed {times(shift.crashes)}."
        if shift.p99_ms > LONGEST_P99_MS:
            return f"p99 was {shift.p99_ms / 1000:.1f} s. The objective is {LONGEST_P99_MS / 1000:.0f} s."
        if shift.is_dear:
            return (f"You paid for {shift.machines:.1f} machines on average, where the load keeps "
                    f"{shift.busy_machines:.1f} busy: {shift.most:.1f} may be paid for.")
        return ""
    return Scenario(rush.label, lambda machines_wanted: keep(machines_wanted, rush), fault)


def _slow(shifts):
    """Which of the rushes were too slow."""
    return {place for place, shift in enumerate(shifts) if shift.crashes or shift.p99_ms > LONGEST_P99_MS}


def _dear(shifts):
    return {place for place, shift in enumerate(shifts) if shift.is_dear}


MEDIUM = Exercise(
    key="05-medium", title="how many machines?",
    ask="Write machines_wanted(requests_per_s, machines): how many machines the shop should have. It is asked every "
        "half minute. requests_per_s: what came in the last half minute. machines: how many there are, those that "
        "start included. A machine finishes 40 requests a second. A new one serves half a minute after you asked for "
        "it; one that you give back gets no more requests. There are from 1 to 30. In the morning the load grows by up "
        "to 30 % a minute, and machines die. It is tried on days that you have not seen. The goal: p99 at most 1 s, no "
        "crash, and on average you pay for at most 1.6 x the machines that the load keeps busy, and 2 more.",
    starter="def machines_wanted(requests_per_s, machines):\n    ...", answer="machines_wanted",
    wants="a function machines_wanted(requests_per_s, machines) that returns a whole number from 1 to 30",
    scenarios=tuple(map(_rush, RUSHES)),
    misconceptions=(
        Misconception("as many as the load keeps busy",
                      "A machine that is always busy has a queue that grows. Remember lesson 2: it needs room for "
                      "chance, and here for growth and for a death as well.",
                      lambda requests_per_s, machines: max(1, math.ceil(requests_per_s / 40)),
                      lambda shifts: {EVENING, NIGHT, MORNING} <= _slow(shifts) and shifts[MORNING].crashes > 2),
        Misconception("a share of room, and no spare",
                      "A half more is much where there are ten machines, and next to nothing where there are two. "
                      "When one of two dies, the other gets everything. What must be left, if one dies?",
                      lambda requests_per_s, machines: math.ceil(1.5 * requests_per_s / 40),
                      lambda shifts: NIGHT in _slow(shifts) and MORNING not in _slow(shifts)),
        Misconception("enough for the last half minute",
                      "What came is not what comes. Until a machine that you ask for serves, more than a minute of "
                      "growth has passed since the middle of the half minute that you look at.",
                      lambda requests_per_s, machines: math.ceil(requests_per_s / 40) + 1,
                      lambda shifts: _slow(shifts) == {MORNING}),
        Misconception("never gives a machine back",
                      "What the sale needed, you still pay for when everybody has gone. Giving back is half of the "
                      "point: the large machine of lesson 3 cannot do it.",
                      lambda requests_per_s, machines: max(machines, math.ceil(requests_per_s / 28) + 1),
                      lambda shifts: _dear(shifts) == {SALE} and shifts[SALE].machines > 12),
        Misconception("always as many as the busiest hour needs",
                      "Safe, and paid for around the clock.",
                      lambda requests_per_s, machines: 18, lambda shifts: len(_dear(shifts)) >= 4),
    ),
    hints=("Three things need room: chance, growth until the next machine serves, and a machine that dies. Which of "
           "them is a share of the load, and which is a number of machines?",
           "Look ahead first: in a minute or so the load may be 1.3 times what you saw. How many machines keep up with "
           "that? And then a spare."),
    solution="import math\n\ndef machines_wanted(requests_per_s, machines):\n"
             "    soon_per_s = 1.3 * requests_per_s\n"
             "    needed = math.ceil(soon_per_s / (40 * 0.95))\n    return needed + 1",
    because="Growth is a share of the load; a death takes a machine, however many there are. So both belong in: a "
            "factor and a spare. Cloud providers sell this as automatic scaling, with this function's job as a "
            "setting: the utilization to keep.",
)


def _minutes_away(machine_up, machines, needed, database_up):
    up = sum(math.comb(machines, count) * machine_up ** count * (1 - machine_up) ** (machines - count)
             for count in range(needed, machines + 1))
    return MONTH_MINUTES * (1 - up * database_up)


def _farm(machine_up, machines, needed, database_up):
    return Scenario(f"{needed} of {machines} needed, each up {100 * machine_up:g} % of the time, the database "
                    f"{100 * database_up:g} %",
                    lambda minutes_away: number(minutes_away(machine_up, machines, needed, database_up)),
                    near(_minutes_away(machine_up, machines, needed, database_up), "minutes"))


HARD = Exercise(
    key="05-hard", title="so many of so many",
    ask="Write minutes_away(machine_up, machines, needed, database_up): how many minutes a month the shop cannot serve "
        "its crowd. It has so many machines, of which so many are needed at least, and one database, which is needed, "
        "too. machine_up, database_up: the share of the time in which a machine, and the database, is up. All fail "
        "independently of each other. A month has 730 hours. math.comb(5, 4) says in how many ways 4 of 5 can be up. "
        "It is tried on shops that you have not seen.",
    starter="def minutes_away(machine_up, machines, needed, database_up):\n    ...", answer="minutes_away",
    wants="a function minutes_away(machine_up, machines, needed, database_up) that returns a number of minutes",
    scenarios=(_farm(0.995, 5, 4, 1.0), _farm(0.995, 5, 4, 0.9999), _farm(0.99, 2, 1, 0.9995),
               _farm(0.995, 1, 1, 1.0), _farm(0.98, 20, 17, 0.999), _farm(0.95, 3, 2, 0.9)),
    misconceptions=(
        Misconception("all of them must be up",
                      "Then each machine more would make it worse. Only so many are needed; the others may be down.",
                      lambda machine_up, machines, needed, database_up:
                      MONTH_MINUTES * (1 - machine_up ** machines * database_up)),
        Misconception("one is enough",
                      "One that is up answers somebody, but not this crowd: it gets the work of all and crashes.",
                      lambda machine_up, machines, needed, database_up:
                      MONTH_MINUTES * (1 - (1 - (1 - machine_up) ** machines) * database_up)),
        Misconception("exactly as many as needed",
                      "If more than needed are up, all the better: these cases count as well.",
                      lambda machine_up, machines, needed, database_up:
                      MONTH_MINUTES * (1 - math.comb(machines, needed) * machine_up ** needed
                                       * (1 - machine_up) ** (machines - needed) * database_up)),
        Misconception("the database does not count",
                      "Five machines with one database are still one database. When it is away, nobody is answered.",
                      lambda machine_up, machines, needed, database_up:
                      _minutes_away(machine_up, machines, needed, 1.0)),
    ),
    hints=("How likely is it that exactly 4 of 5 are up? One case: the first four up, the fifth down. How many such "
           "cases are there?",
           "Add up the chances of needed, needed + 1, ... machines. Then the database must be up, too: multiply. What "
           "is missing to 1 is the share of the month."),
    solution="import math\n\ndef minutes_away(machine_up, machines, needed, database_up):\n    up = 0\n"
             "    for count in range(needed, machines + 1):\n"
             "        ways = math.comb(machines, count)\n"
             "        up += ways * machine_up ** count * (1 - machine_up) ** (machines - count)\n"
             "    return 730 * 60 * (1 - up * database_up)",
    because="One machine of 99.5 % is away for 219 minutes a month. With one spare among five it is 11; then the "
            "database decides. And all that only if they fail independently: one faulty program on all five, or one "
            "cable, takes all of them at once.",
)


QUIZ = (
    Question("Since the shop moved from one machine to five, customers write: my basket is empty, then it is full "
             "again, then empty. The program is the same as before. What is wrong?", (
                 Choice("One of the five is broken.",
                        "Then a fifth of the answers would fail. These are good answers, of different machines."),
                 Choice("The basket is in the memory of one machine.",
                        "The next request goes to another machine, which knows another basket or none. What must be "
                        "remembered belongs where all five can read it, such as the database.", True),
                 Choice("The database cannot keep up with five.",
                        "Then all would be slow. Nothing is slow here."),
             )),
    Question("Five machines in one rack, on one power supply, with the same program. Each is up 99.5 % of the time, "
             "and at night one is enough. The team multiplies: 0.5 % to the fifth, so at night the shop is never away. "
             "What do you say?", (
                 Choice("Right, that is how availability is computed.",
                        "It is, for machines that fail independently. These share what can fail for all."),
                 Choice("Wrong: what they share fails for all at once.",
                        "One cable, one faulty new version, one database: the product says nothing about these. Put "
                        "the machines into different rooms, and upgrade one after the other.", True),
                 Choice("Wrong: with five machines, five times as much fails.",
                        "True for single machines: some machine is down five times as often. But the question is how "
                        "often all are."),
             )),
    Question("The crowd keeps 16 cores busy, and when a machine dies the others must do. What do you buy?", (
        Choice("Two machines of 20 cores.",
               "Right when work has to stay simple, and when chance matters: 20 cores that share one queue hardly let "
               "anybody wait. The price: half of what you buy is the spare.", None),
        Choice("Six machines of 4 cores.",
               "Right when the spare should be cheap, a sixth of what you buy, and growth come in small steps. The "
               "price: six machines to look after, and longer waits than on a large one.", None),
        Choice("Twenty-one machines of 1 core.",
               "Right when machines start in seconds and nobody looks after them by hand. The price: a single core is "
               "often busy, so requests wait the longest, and something always breaks.", None),
    )),
)


def _with_one_less(run):
    return again(run, targets=run.system.targets[:-1])


def _fewest_without_retries(run, settings):
    if settings["users"] != 48_000 or settings["retries"]:
        return "Set 48,000 users, and no retries; type the number into the field."
    if figure(run, "error_percent") > 7:
        return f"{100 - figure(run, 'error_percent'):.1f} % of the requests were answered."
    return True if figure(_with_one_less(run), "error_percent") > 7 else "One machine less would do as well."


def _serves_well(run):
    return figure(run, "error_percent") <= 0.1 and figure(run, "p99_ms") <= 150


def _not_well(run):
    if figure(run, "error_percent") > 0.1:
        return f"{figure(run, 'error_percent'):.2f} % of the requests failed."
    return f"p99 was {figure(run, 'p99_ms'):,.0f} ms."


def _fewest_with_retries(run, settings):
    if settings["users"] != 30_000:
        return "Set 30,000 users; type the number into the field."
    if not _serves_well(run):
        return _not_well(run)
    return "One machine less would do as well." if _serves_well(_with_one_less(run)) else True


def _most_users_for_the_money(run, settings):
    users, usd = settings["users"], figure(run, "usd_per_month")
    if users % STEP_USERS:
        return f"{users:,} users are no full step of {STEP_USERS:,}: type the number into the field."
    if usd > MOST_USD:
        return f"The bill is ${usd:,.0f} a month."
    if not _serves_well(run):
        return _not_well(run)
    return True if users >= _most_for_the_money(run, users) else "More users could be served for that money."


def _most_for_the_money(run, users):
    """The largest crowd, in full steps, that is served as well by as many machines as the money buys."""
    one_usd = figure(run, "usd_per_month") - figure(_with_one_less(run), "usd_per_month")
    more = int((MOST_USD - figure(run, "usd_per_month")) // one_usd)
    best = again(run, targets=run.system.targets + run.system.targets[-1:] * more)
    while _serves_well(again(best, users + STEP_USERS)):
        users += STEP_USERS
    return users


GOALS = (
    Goal("48,000 users, and nobody tries again. Answer 93 % of all requests, although one machine dies, with as few "
         "machines as that needs.", _fewest_without_retries, (r"\b(10|ten) machines\b",)),
    Goal("30,000 users. At most 0.1 % errors and a p99 of at most 150 ms, although one machine dies, with as few "
         "machines as that needs.", _fewest_with_retries, (r"\b(7|seven) machines\b",)),
    Goal("For a bill of at most $1,200 a month: the largest crowd, in steps of 1,000 users, with at most 0.1 % errors "
         "and a p99 of at most 150 ms, although one machine dies.", _most_users_for_the_money,
         (r"\b(38|39|40),?000 users",)),
)


def one_of_five_dies():
    """The small machines, of which one is away for half of the minute, and as many users as keep them 80 % busy."""
    return shop(5, down=((20, 50),)), Clients(users=24_000)


LESSON = Lesson("05", "Horizontal scaling", (DIES, LIST), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("5 servers of 4 cores, one dies", one_of_five_dies),))
