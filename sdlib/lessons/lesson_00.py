"""Lesson 00: how a lesson works, and what a million users do to one server."""

from sdlib.lessons.measures import figure
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario
from sdlib.teach.kinds import counted, near, number, yes_or_no


def _answered_percent(run):
    return 100 - figure(run, "error_percent")


def _share_band(run):
    percent = _answered_percent(run)
    return 0 if percent > 75 else 1 if percent > 25 else 2 if percent > 2 else 3


MILLION = Prediction(
    key="00-million",
    ask="One small server serves 100 users well. Now a million users arrive. What share of their requests gets an "
        "answer?",
    choices=(
        Choice("nearly all: over 75 %",
               "A server has a limit. Up to there it answers all; far past it, hardly anything."),
        Choice("about half: 25 to 75 %",
               "Half would mean that the server keeps up with half the crowd. The crowd is far larger than that."),
        Choice("a few: 2 to 25 %",
               "That would be so if the server simply worked at its limit. It also runs out of memory, crashes, "
               "and loses time while it restarts."),
        Choice("hardly any: under 2 %",
               "That is what happens far past the limit. In this run the crowd was still near or below it."),
    ),
    right=_share_band,
    result=lambda run: f"In this run {figure(run, 'answered'):,} of {figure(run, 'sent'):,} "
                       "requests were answered.",
    because="A user sends 4 requests a minute, and each takes 10 ms of CPU. Four cores finish 400 requests a second. "
            "A million users send 66,667 a second, 167 times as many. They fill its memory within milliseconds; it "
            "crashes, and is down for 30 seconds. That happens twice in the minute.",
)

EASY = Exercise(
    key="00-easy", title="how big is a crowd?",
    ask="250,000 users send 6 requests each per minute. How many requests arrive per second?",
    starter="answer = ...", answer="answer", wants="a number of requests per second",
    scenarios=(Scenario("", number, near(250_000 * 6 / 60, "requests per second")),),
    misconceptions=(
        Misconception("per minute, not per second",
                      "1,500,000 requests is what arrives in a minute. A minute has 60 seconds.", 1_500_000),
        Misconception("one request per user and minute",
                      "That is the number for one request per minute. Each user sends six.", 250_000 / 60),
        Misconception("a minute taken as a second, the wrong way round",
                      "To go from minutes to seconds, divide by 60. You multiplied.", 250_000 * 6 * 60),
    ),
    hints=("First count the requests of one minute.", "requests per second = users * requests per minute / 60"),
    solution="answer = 250_000 * 6 / 60",
    because="25,000 requests per second. This is the arrival rate; all lessons count in it.",
)


def _alarm(sent, answered, should_ring):
    def fault(rings):
        if rings == should_ring:
            return ""
        return f"You gave {rings}. {counted(sent - answered, 'request')} got no answer, so {should_ring} was needed."
    return Scenario(f"{answered:,} of {sent:,} answered", lambda ring: yes_or_no(ring(sent, answered)), fault)


MEDIUM = Exercise(
    key="00-medium", title="when to wake somebody",
    ask="Write ring(sent, answered): the counts of the last minute. It returns True, to wake somebody, if more than "
        "1 % of the requests got no answer, and False otherwise. It is tried on minutes that you have not seen; it "
        "must miss none and wake nobody for nothing.",
    starter="def ring(sent, answered):\n    ...", answer="ring",
    wants="a function ring(sent, answered) that returns True or False",
    scenarios=(_alarm(400, 400, False), _alarm(400, 380, True), _alarm(1_000_000, 995_000, False),
               _alarm(66_667, 512, True), _alarm(50, 49, True), _alarm(0, 0, False), _alarm(1000, 990, False)),
    misconceptions=(
        Misconception("a count instead of a share",
                      "One lost request of 50 is much; 5,000 of a million are few. Compare the share, not the count.",
                      lambda sent, answered: sent - answered > 10),
        Misconception("a share compared with a percentage",
                      "A share lies between 0 and 1, so it is never more than 1. 1 % is the share 0.01.",
                      lambda sent, answered: (sent - answered) > sent),
        Misconception("the wrong way round",
                      "It rings when all is well. answered / sent is the good share; count the rest.",
                      lambda sent, answered: answered >= 0.99 * sent),
    ),
    hints=("Which share of `sent` got no answer? Think of a minute in which nothing was sent.",
           "Multiply instead of dividing: sent - answered > 0.01 * sent also works when sent is 0."),
    solution="def ring(sent, answered):\n    return sent - answered > 0.01 * sent",
    because="Comparing with 0.01 * sent needs no division, so a minute without requests is no special case.",
)


def _share(users):
    right = min(1.0, 400 / (users * 4 / 60))
    return Scenario(f"{users:,} users", lambda share: number(share(users)), near(right))


HARD = Exercise(
    key="00-hard", title="the most that can be answered",
    ask="A server finishes at most 400 requests per second. Write best_share(users): the largest share of the "
        "requests, from 0 to 1, that it could answer in the long run.",
    starter="def best_share(users):\n    ...", answer="best_share",
    wants="a function best_share(users) that returns a number from 0 to 1",
    scenarios=(_share(100), _share(5_999), _share(12_000), _share(250_000), _share(1_000_000)),
    misconceptions=(
        Misconception("more than everything",
                      "A server with time to spare answers all, not 60 times all. The share ends at 1.",
                      lambda users: 400 / (users * 4 / 60)),
        Misconception("the share that is lost", "This is the part without an answer. Asked for is the other part.",
                      lambda users: 1 - min(1.0, 400 / (users * 4 / 60))),
        Misconception("per minute compared with per second",
                      "400 is per second, users * 4 is per minute. Bring both to seconds.",
                      lambda users: min(1.0, 400 / (users * 4))),
    ),
    hints=("How many requests arrive per second? Compare that with 400.",
           "The share is 400 / arriving per second, and never more than 1: min(1, ...)."),
    solution="def best_share(users):\n    arriving_per_second = users * 4 / 60\n"
             "    return min(1, 400 / arriving_per_second)",
    because="This is the best case. The simulated server does worse: past its limit it also crashes.",
)

QUIZ = (
    Question("What does a slider move on the panel do?", (
        Choice("It looks up a stored picture.", "Nothing is stored. Each position is simulated when you get there."),
        Choice("It runs the simulation again.", "Each position is a new run, with the same customers as before.", True),
        Choice("It computes a formula.", "Formulas stand beside the runs as a check. The points are simulated."),
    )),
    Question("Two runs have the same seed and the same settings. What differs?", (
        Choice("Nothing.", "The seed fixes every customer and every service time, so the runs are equal.", True),
        Choice("The arrival times.", "They come from the seed as well. Another seed gives other times."),
        Choice("The last digits.", "The runs are equal to the last digit, not just close."),
    )),
    Question("Your shop has 100 users today. Do you build for a million now?", (
        Choice("Yes, build it now.",
               "Right when a launch date is fixed and a crowd is certain. The price: you pay for idle machines, and "
               "for parts that nobody understands yet.", None),
        Choice("No, grow when it hurts.",
               "Right when growth is slow and seen ahead. The price: the first failure may come before the change "
               "is ready.", None),
        Choice("No, but measure and know the limit.",
               "Right when you can add capacity faster than the crowd grows. The price: somebody must look at the "
               "numbers.", None),
    )),
)


def _has_no_failures(run):
    return figure(run, "error_percent") == 0


GOALS = (
    Goal("Serve at least 1,000 users with not one request failing.",
         lambda run, settings: settings["users"] >= 1000 and _has_no_failures(run)),
    Goal("Make the server more than 50 % busy with not one request failing.",
         lambda run, settings: figure(run, "utilization_percent") > 50 and _has_no_failures(run)),
    Goal("Let more than 90 % of the requests fail.",
         lambda run, settings: figure(run, "error_percent") > 90),
)

LESSON = Lesson("00", "Start here", (MILLION,), (EASY, MEDIUM, HARD), QUIZ, GOALS)
