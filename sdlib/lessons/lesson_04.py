"""Lesson 04: downtime. An upgrade is a restart, the hour of it, and what the clients' retries do afterwards."""

import math
from dataclasses import replace

from sdlib.components.clients import Clients
from sdlib.lessons.measures import band, crashes, figure, is_letter, letter, times
from sdlib.lessons.returning import LONGEST_WAIT_S, Restart, serve
from sdlib.lessons.shop import shop
from sdlib.results.bill import HOURS_PER_MONTH
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import whole

MONTH_S = HOURS_PER_MONTH * 3600
FOUR_NINES = 0.0001      # of the month, down
MOST_LOST = 100_000


def lost_in_each_stop(run):
    """How many requests failed in each planned stop of a run, in order of time."""
    stops = run.incidents[run.incidents["what"] == "stopped"]
    requests = run.requests
    failed_s = requests.loc[~requests["status"].isin(["ok", "in flight"]), "finished_s"]
    return [int(failed_s.between(start_s, end_s).sum())
            for start_s, end_s in zip(stops["time_s"], stops["until_s"], strict=True)]


def _night_percent(run):
    night, afternoon = lost_in_each_stop(run)
    return 100 * night / afternoon


HOUR = Prediction(
    key="04-hour", about="losses", rises=True,
    ask="A real web site was watched for 14 days. At 17:00 it gets most requests. Its server is upgraded twice on the "
        "same day, at 4:00 in the night and at 17:00, and is away for the same time. How many requests does the "
        "upgrade at 4:00 lose, compared with the one at 17:00?",
    choices=(
        Choice("next to none, under 5 %",
               "So it would be if the users slept. On the web somebody is always awake, in another time zone or "
               "at work, and programs never sleep."),
        Choice("about a fifth, 5 to 35 %",
               "A shop in one country may look like that. This site gets requests all night: even its quietest "
               "hour has more than two fifths of its busiest."),
        Choice("about half, 35 to 65 %",
               "So it is on average on this site. In this run it was another share."),
        Choice("nearly as many, over 65 %",
               "The night is quieter than that: at 17:00 come nearly twice as many requests as at 4:00."),
    ),
    right=lambda run: band(_night_percent(run), (5, 35, 65)),
    result=lambda run: f"In this run the upgrade at 4:00 lost {_night_percent(run):.0f} % of the requests that the one "
                       "at 17:00 lost.",
    because="Lost = rate x time away, and the rate at 4:00 is 54 % of the rate at 17:00. The night makes an upgrade "
            "cheaper, not free.",
    answer_shown_as=(r"\b5[1-5] ?% of the (requests|rate)", r"cheaper, not free", r"\b4,?87\d\b"),
)


def _answered_percent(run):
    return 100 * figure(run, "answered") / figure(run, "sent")


RETRIES = Prediction(
    key="04-retries", about="losses", rises=True,
    ask="3,000 users, 4 cores half busy, 4 GB, one upgrade of 30 s. If nobody tries again, 90 % of the requests of "
        "these five minutes are answered. Now each client whose request fails tries again after 1 s, then after 2, 4, "
        "8, 16 ... s, up to ten times. What share is answered within the five minutes?",
    choices=(
        Choice("all, over 99 %",
               "So it would be if the server could take them all when it is back. Count them: half a minute's clients "
               "are waiting at the door, beside the newcomers."),
        Choice("more than without retries, 92 to 99 %",
               "A retry gets through if there is room. Here the room is gone within a second of the restart."),
        Choice("about as many, 60 to 92 %",
               "The retries do not leave things as they are. They come back together, on top of the newcomers."),
        Choice("far fewer, under 60 %",
               "In this run it was not that bad."),
    ),
    right=lambda run: 3 - band(_answered_percent(run), (60, 92, 99)),
    result=lambda run: f"In this run {_answered_percent(run):.0f} % of the requests were answered, and the server, "
                       f"back from its upgrade, crashed {times(crashes(run))}.",
    because="In the first second after the restart five times as many arrive as usual: 200 newcomers, and 800 from "
            "before. The server finishes 400. Memory is full in less than a second, the server crashes, and half a "
            "minute later the crowd at the door is larger still. The lowest plot counts it: all without an answer yet, "
            "in memory or waiting for their next try. Each grey band is a time away; not all have room for a name.",
    answer_shown_as=(r"\b1[1-4] ?% of the requests were", r"\b7,?50\d\b", r"back from its upgrade, crashed",
                     r"retries (bring|keep) \w+ down"),
)


EASY = Exercise(
    key="04-easy", title="where to begin?",
    ask="Eight upgrades a month, each at 17:00, and the server is away for 60 s each time. You may change one thing. "
        "A: upgrade at 4:00 in the night. B: a restart that takes 10 s. C: four upgrades a month, each with the "
        "changes of two. Which one saves the most requests?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "At 4:00 this saves a little less than half of what is lost.",
        "C": "This saves half of what is lost."})),),
    misconceptions=(
        Misconception("at night it costs nothing",
                      "The night is quieter by nearly half, and somebody of the team has to be awake.", "A"),
        Misconception("rarer is safer",
                      "Half as many restarts lose half as many requests. But each changes twice as much at once, and "
                      "users wait longer for what is new.", "C"),
    ),
    hints=("Lost = rate x time away x number of upgrades. By which factor does each change make one of the three "
           "smaller?",
           "A changes the rate, B the time, C the number. One of the factors is 6."),
    solution='answer = "B"',
    because="Six times as short loses a sixth. The time away is what a team can shorten most: start the new program "
            "before the old one stops, load less at the start.",
)


RESTARTS = (
    Restart("away for 5 s", down_s=5, per_s=8, slots=32, seed=1),
    Restart("away for 20 s", down_s=20, per_s=10, slots=32, seed=2),
    Restart("away for 30 s at a busy hour", down_s=30, per_s=12, slots=32, seed=3),
    Restart("away for a minute", down_s=60, per_s=9, slots=32, seed=4),
)


def _restart(restart):
    def fault(evening):
        if evening.crashes:
            return f"Back from its restart, the server crashed {times(evening.crashes)}."
        if evening.gave_up:
            return f"{evening.gave_up:,} of {evening.sent:,} requests had used up their ten retries."
        if math.isinf(evening.wait_s):
            return "More than one in ten of those who found the server away had no answer after two minutes."
        if evening.wait_s > LONGEST_WAIT_S:
            return (f"Nine of ten of those who found the server away were answered {evening.wait_s:.0f} s after the "
                    f"restart. The objective is {LONGEST_WAIT_S:.0f} s.")
        return ""
    return Scenario(restart.label, lambda next_delay_s: serve(next_delay_s, restart), fault)


def _most_crash(evenings):
    return sum(evening.crashes > 0 for evening in evenings) >= 2


MEDIUM = Exercise(
    key="04-medium", title="when to come back?",
    ask="Write next_delay_s(attempt, draw): how many seconds the shop's app waits after a failed attempt before it "
        "tries again. attempt: 1 after the first failure, 2 after the second, and so on; after ten retries it gives "
        "up. draw: a number between 0 and 1, another one for each client and attempt. Servers are away for 5 to 60 s, "
        "and are 40 to 60 % busy before that; a full memory crashes them. They are restarts that you have not seen. "
        "The goal: no crash, nobody gives up, and of those who found the server away nine of ten have their answer "
        "within 120 s of the restart.",
    starter="def next_delay_s(attempt, draw):\n    ...", answer="next_delay_s",
    wants="a function next_delay_s(attempt, draw) that returns a number of seconds",
    scenarios=tuple(map(_restart, RESTARTS)),
    misconceptions=(
        Misconception("tries again at once",
                      "The server is away for seconds, and ten tries take none. All retries are used up before it is "
                      "back.", lambda attempt, draw: 0,
                      lambda evenings: all(evening.gave_up and not evening.crashes for evening in evenings)),
        Misconception("all wait for the same time",
                      "Then those who came in the same second come back in the same second, as dense as before, beside "
                      "the newcomers. The busy server cannot take twice its load. What is draw for?",
                      lambda attempt, draw: 60,
                      lambda evenings: evenings[2].crashes > 0 and not any(
                          evening.crashes for evening in evenings if evening is not evenings[2])),
        Misconception("all are back within seconds",
                      "Whoever waits a few seconds is at the door when it opens, with everybody else. Drawing lots "
                      "over so short a time changes little. Over how long must the crowd be spread?",
                      lambda attempt, draw: draw * 2 ** (attempt - 1),
                      lambda evenings: evenings[0].wait_s < 15 and _most_crash(evenings)),
        Misconception("spread, but over too short a time",
                      "This is the right idea. Beside the newcomers the server has room for about as many again; a "
                      "crowd of a minute must be spread over more than a minute.",
                      lambda attempt, draw: 60 * draw,
                      lambda evenings: 15 <= evenings[0].wait_s <= LONGEST_WAIT_S and _most_crash(evenings)),
        Misconception("comes back too late",
                      "No crash, and the server stands half idle while the users wait. They want their answer within "
                      "two minutes.", lambda attempt, draw: 300 * draw,
                      lambda evenings: not any(evening.crashes or evening.gave_up for evening in evenings)),
    ),
    hints=("How many clients wait at the door when the server is back, and how many can it take in a second beside the "
           "newcomers? That says over how many seconds they must be spread.",
           "draw * 30 spreads them evenly over 30 s. Let it be long enough for a minute's crowd, and short enough for "
           "the two minutes of the objective."),
    solution="def next_delay_s(attempt, draw):\n    return 110 * draw",
    because="A minute's crowd, spread over nearly two, adds half of the usual load: the server has room for that. "
            "Doubling waits do not help here: what counts is how many are due in the second in which the door opens. "
            "A server that counts who comes can do better than that; lesson 8 puts a limit at the door.",
)


def _upgrades(nines, restart_s, crashes_a_month, repair_s):
    left_s = MONTH_S * 10 ** -nines - crashes_a_month * repair_s
    return max(0, math.floor(left_s / restart_s))


def _budget(nines, restart_s, crashes_a_month, repair_s):
    right = _upgrades(nines, restart_s, crashes_a_month, repair_s)

    def fault(value):
        return "" if value == right else f"You gave {value:,}. That is too {'many' if value > right else 'few'}."
    crashed = f"{crashes_a_month} crash{'' if crashes_a_month == 1 else 'es'} of {repair_s} s"
    return Scenario(f"{nines} nines, restarts of {restart_s} s, {crashed}",
                    lambda upgrades: whole(upgrades(nines, restart_s, crashes_a_month, repair_s)), fault)


HARD = Exercise(
    key="04-hard", title="the error budget",
    ask="A promise of nines is also a budget: the seconds a month in which the shop may be away. Write upgrades(nines, "
        "restart_s, crashes_a_month, repair_s): the most upgrades a month that keep the promise, by the clock. The "
        "server also crashes so many times a month, and each crash takes repair_s. 3 nines are 99.9 %; a month has "
        "730 hours. It is tried on shops that you have not seen.",
    starter="def upgrades(nines, restart_s, crashes_a_month, repair_s):\n    ...", answer="upgrades",
    wants="a function upgrades(nines, restart_s, crashes_a_month, repair_s) that returns a whole number, 0 or more",
    scenarios=(_budget(3, 30, 2, 120), _budget(4, 30, 1, 60), _budget(4, 90, 0, 0), _budget(2, 300, 3, 1_800),
               _budget(5, 30, 0, 0), _budget(4, 10, 3, 120)),
    misconceptions=(
        Misconception("only upgrades count",
                      "Crashes draw on the same budget. What they take is no longer there for upgrades.",
                      lambda nines, restart_s, crashes_a_month, repair_s:
                      math.floor(MONTH_S * 10 ** -nines / restart_s)),
        Misconception("the last one may break the promise",
                      "An upgrade that only partly fits into the budget does not fit.",
                      lambda nines, restart_s, crashes_a_month, repair_s:
                      max(0, math.ceil((MONTH_S * 10 ** -nines - crashes_a_month * repair_s) / restart_s))),
        Misconception("less than none",
                      "When crashes have used up the budget, no upgrade is left; there are no upgrades below zero.",
                      lambda nines, restart_s, crashes_a_month, repair_s:
                      math.floor((MONTH_S * 10 ** -nines - crashes_a_month * repair_s) / restart_s)),
    ),
    hints=("How many seconds has a month, and what share of them may the shop be away at 3 nines?",
           "3 nines leave 10 ** -3 of the month. Take off what the crashes take; how many whole restarts fit into the "
           "rest?"),
    solution="def upgrades(nines, restart_s, crashes_a_month, repair_s):\n"
             "    budget_s = 730 * 3600 * 10 ** -nines\n"
             "    left_s = budget_s - crashes_a_month * repair_s\n"
             "    return max(0, int(left_s // restart_s))",
    because="Each further nine leaves a tenth of the budget. At five nines a month has 26 seconds, less than one "
            "restart: with a single server that promise allows no upgrade at all.",
)


QUIZ = (
    Question("A shop in one country had 22,064 orders in 305 days, and none of them between 21:00 and 6:00. The team "
             "concludes: an upgrade at 4:00 costs nothing. What do you say?", (
                 Choice("Right: no orders, no loss.",
                        "Orders are a small part of the requests. Who looks around at night, and finds an error page, "
                        "may not come back to order in the morning."),
                 Choice("Count the requests of that hour first.",
                        "An order is the end of many requests. The access log knows who comes at 4:00: visitors, "
                        "search engines, partners' programs.", True),
                 Choice("Wrong: all hours cost the same.",
                        "They do not. Requests come at other rates at other hours, and lost = rate x time away."),
             )),
    Question("Two shops of the same size were each away for four minutes last month. Both report the same "
             "availability. What do you know about the requests that they lost?", (
                 Choice("They lost the same number.",
                        "The clock counts minutes alike. Four minutes at the busiest hour hold more requests than four "
                        "at night."),
                 Choice("Little: it depends on when.",
                        "Availability by the clock says how long, not how many. Count answered of sent beside it.",
                        True),
                 Choice("None, if the stops were planned.",
                        "A planned stop refuses requests as an unplanned one does. Users see no difference."),
             )),
    Question("New versions of a shop on one server: how should they be brought in?", (
        Choice("One large upgrade a month, at night.",
               "Right when restarts are long and changes can wait. The price: much changes at once, so a fault is hard "
               "to find, and somebody works at night.", None),
        Choice("A small one every day, at noon.",
               "Right when restarts are short, and the team learns fast from small steps. The price: thirty restarts, "
               "each in front of everybody.", None),
        Choice("Announce a maintenance hour, and close.",
               "Right when few users come, and all are known. The price: one hour alone leaves less than three nines.",
               None),
    )),
)


def _lost_a_month(run, settings):
    return settings["upgrades"] * figure(run, "failed")


def _longest_for_four_nines(run, settings):
    if settings["upgrades"] != 4:
        return "Keep four upgrades a month."
    if settings["restart_s"] % 1:
        return "Whole seconds: type the number into the field."
    budget_s = FOUR_NINES * MONTH_S
    if 4 * settings["restart_s"] > budget_s:
        return f"Four times {settings['restart_s']:.0f} s are too long for four nines."
    longer_s = settings["restart_s"] + 1
    return True if 4 * longer_s > budget_s else f"{longer_s:.0f} s also keep four nines."


def _most_upgrades(run, settings):
    if settings["restart_s"] != 60:
        return "Keep a restart of 60 s."
    lost = _lost_a_month(run, settings)
    if lost > MOST_LOST:
        return f"{lost:,} requests would be lost a month."
    quietest = _rate_at(run, settings, _quietest_hour()) * 60
    if (settings["upgrades"] + 1) * quietest <= MOST_LOST:
        return f"{lost:,} requests lost a month: there is a way to do more upgrades."
    return True


def _same_loss_at_the_quietest_hour(run, settings):
    if settings["hour"] != _quietest_hour():
        return "There is a quieter hour than that."
    wanted = _rate_at(run, settings, 17) * 30
    lost = figure(run, "failed")
    if abs(lost - wanted) <= 0.05 * wanted:
        return True
    return f"One upgrade loses {lost:,} requests here, and {wanted:,.0f} at 17:00 with 30 s."


def _rate_at(run, settings, hour):
    return run.clients.requests_per_second * _hours()[hour] / _hours()[settings["hour"]]


def _quietest_hour():
    return int(_hours().idxmin())


def _hours():
    from sdlib.data import elb_hours
    return elb_hours()["mean_requests_per_5min"]


GOALS = (
    Goal("Four upgrades a month, and four nines by the clock: find the longest restart, in whole seconds.",
         _longest_for_four_nines, (r"\b6[4-6] s(econds)?\b",)),
    Goal("Restarts take 60 s. Do as many upgrades a month as you can, and lose 100,000 requests a month at most.",
         _most_upgrades, (r"\b(12|twelve) upgrades", r"\b6:00 ")),
    Goal("Go to the quietest hour. How long may a restart be there, to lose as many requests as one of 30 s at 17:00? "
         "Within 5 % is near enough.", _same_loss_at_the_quietest_hour, (r"\b6[5-9] s(econds)?\b",)),
)


def large_server_upgraded():
    """The large shop in a minute that holds an upgrade of 30 s, and a million users."""
    return replace(shop(4), down=((20, 50),)), Clients(users=1_000_000)


LESSON = Lesson("04", "Downtime", (HOUR, RETRIES), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("1,000 cores, being upgraded", large_server_upgraded),))
