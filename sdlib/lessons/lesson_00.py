"""Lesson 00: how a lesson works, and what a million users do to one server."""

import random

import sdlib as sd
from sdlib.lessons.measures import again, answered_percent, band, crashes, figure, is_letter, letter, times, word
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import yes_or_no

STEP_USERS = 100


MILLION = Prediction(
    key="00-million", about="losses", rises=True,
    ask="The server answered all of its hundred users. At its very best it finishes 400 requests a second. Now a "
        "million users send 66,667 a second, for one minute. How many of their requests are answered?",
    choices=(
        Choice("about 1 in 10",
               "That would be ten times too many: even at its very best, the server could not do that much."),
        Choice("about 1 in 170",
               "That is what it could answer if it worked at its best all the time. Nothing makes sure of that: "
               "a server that is asked for too much may not even do what it can."),
        Choice("about 1 in 2,000",
               "That would be a server which works at its best for a few seconds of the minute. What it really had "
               "is in the result above."),
        Choice("fewer than 1 in 20,000",
               "So few are left when a server crashes again and again. In this run it held out longer."),
    ),
    right=lambda run: 3 - band(answered_percent(run), (0.005, 0.2, 2)),
    result=lambda run: f"In this run {figure(run, 'answered'):,} of {figure(run, 'sent'):,} requests were answered.",
    because="Each request takes up memory until it is answered, and 512 fit. At 66,667 a second, so many have come "
            "in 8 milliseconds, and the server crashes. It is down for 30 seconds, comes back, and crashes again at "
            "once.",
    answer_shown_as=(r"6 of 4,001,630", r"0\.000[12]", r"99\.999", r"almost (nobody|no ?one|none)", r"hardly an",
                     r"next to nothing", r"nearly (all|every)\w* (is|are|was|were) lost", r"system that breaks"),
)

EASY = Exercise(
    key="00-easy", title="which minute was the worst?",
    ask="Three minutes of the same shop. A: 400 requests sent, 400 answered, p99 900 ms. B: 6,000 sent, 24 answered, "
        "p99 6 ms. C: 50 sent, 45 answered, p99 40 ms. You can look into one of them first. Which one?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "There, every user got an answer.", "C": "There, 5 users got no answer."})),),
    misconceptions=(
        Misconception("the slowest minute is the worst",
                      "Slow is bad, and no answer is worse. The p99 of B looks best of all because it is that of the "
                      "24 that were answered; the other 5,976 are not in it.", "A"),
        Misconception("any loss will do",
                      "C lost one in ten of a small crowd. Compare how many users each minute left without an answer, "
                      "and which share.", "C"),
    ),
    hints=("Ask first who got no answer at all. Only then ask how long the others waited.",
           "A latency is measured on answered requests only. In which minute does it speak for very few of them?"),
    solution='answer = "B"',
    because="B left 5,976 requests without an answer, and its p99 does not show it. Read errors first, latency second.",
)


def _minutes(seed, count, per_minute, lose=0.0, outages=()):
    """[(sent, answered)]: a share `lose` goes unanswered at random; in an outage (start, end) all do."""
    draws = random.Random(seed)
    minutes = []
    for minute in range(count):
        sent = max(1, round(draws.gauss(per_minute, per_minute ** 0.5)))
        is_out = any(start <= minute < end for start, end in outages)
        minutes.append((sent, 0 if is_out else sent - sum(draws.random() < lose for _ in range(sent))))
    return minutes


def _watch(label, minutes, outage=None):
    """outage: the (start, end) that must be called for; within 3 minutes, and nobody is called for anything else."""
    def play(ring):
        return [yes_or_no(ring(list(minutes[:now + 1]))) for now in range(len(minutes))]

    def fault(rang):
        on_time = range(outage[0], outage[0] + 3) if outage else ()
        called = [minute for minute, rings in enumerate(rang) if rings]
        for_nothing = [minute for minute in called if not (outage and outage[0] <= minute <= outage[1])]
        if for_nothing:
            sent, answered = minutes[for_nothing[0]]
            return (f"Somebody was woken for nothing {times(len(for_nothing))}; first in minute {for_nothing[0]} with "
                    f"{answered:,} of {sent:,} answered.")
        if outage and not any(minute in on_time for minute in called):
            return f"The outage began in minute {outage[0]}, and nobody was woken within 3 minutes."
        return ""
    return Scenario(label, play, fault)


def _mixed(*parts):
    return [minute for part in parts for minute in part]


WATCHES = (
    _watch("a quiet night: 3 requests a minute, now and then one is lost",
           _mixed([(3, 3)] * 9, [(4, 3)], [(2, 2), (3, 3)] * 5, [(3, 2)], [(3, 3)] * 9, [(2, 1)], [(3, 3)] * 9)),
    _watch("a busy day with a few errors in every minute", _minutes(2, 60, 9_000, lose=0.004)),
    _watch("one bad minute that mends itself", _mixed([(410, 410)] * 20, [(395, 150)], [(402, 402)] * 20)),
    _watch("an outage at night", _mixed([(3, 3)] * 20, [(4, 0), (2, 0), (3, 0), (3, 0), (2, 0)], [(3, 3)] * 9),
           (20, 25)),
    _watch("an outage at noon after a perfect day", _minutes(5, 140, 4_000, outages=((120, 128),)), (120, 128)),
    _watch("a crowd that the server half serves", _mixed([(5_000, 5_000)] * 30, [(12_000, 6_900)] * 6), (30, 36)),
)


def _bad(sent, answered):
    return sent - answered > 0.1 * sent


MEDIUM = Exercise(
    key="00-medium", title="when to wake somebody",
    ask="Write ring(minutes), the rule of an alarm. It is called every minute with the minutes so far, a list of "
        "(sent, answered), the newest last, and returns True to wake somebody. It is tried on days and nights that you "
        "have not seen. The objective: whenever more than a tenth of the requests stays unanswered for several "
        "minutes, somebody is woken within 3 minutes. Nobody is woken for a single bad minute: it mends itself before "
        "anybody is at the keyboard.",
    starter="def ring(minutes):\n    ...", answer="ring",
    wants="a function ring(minutes) that returns True or False",
    scenarios=WATCHES,
    misconceptions=(
        Misconception("one bad minute is enough",
                      "At night one lost request of three is a third. Wait for a second bad minute in a row: a real "
                      "outage brings it.",
                      lambda minutes: _bad(*minutes[-1])),
        Misconception("a count instead of a share",
                      "Forty errors of 9,000 are few, three of three are all. Compare with what was sent.",
                      lambda minutes: minutes[-1][0] - minutes[-1][1] > 10,
                      lambda rang: any(rang[1]) and not any(rang[3])),
        Misconception("the whole day in one number",
                      "After a perfect morning, minutes without any answer hardly move the share of the day. Look at "
                      "the newest minutes only.",
                      lambda minutes: _bad(sum(sent for sent, _ in minutes), sum(answered for _, answered in minutes)),
                      lambda rang: not any(rang[4]) and not any(any(night) for night in rang[1:3])),
        Misconception("the wrong way round", "It rings while all is well. True means: wake somebody.",
                      lambda minutes: not _bad(*minutes[-1]),
                      lambda rang: all(night[0] for night in rang)),
    ),
    hints=("What tells an outage from a bad minute? And from a night in which two of three requests are answered?",
           "Call a minute bad by its share of unanswered requests. Then look at more than one of the newest minutes."),
    solution="def ring(minutes):\n    newest = minutes[-2:]\n"
             "    bad = [sent - answered > 0.1 * sent for sent, answered in newest]\n    return bad == [True, True]",
    because="The share makes night and noon comparable; two minutes in a row tell an outage from a hiccup. The price "
            "is one minute of delay: every alarm trades speed against false calls.",
)

HEALTHY, FULL, DOWN, BEHIND = "healthy", "full", "down", "behind"
# What one minute of a server showed, simulated with seed 1:
# (label, sent, answered, mean latency of the answered in ms, cores busy in %, what was wrong).
MINUTES = (
    ("a calm evening", 406, 406, 11, 2, HEALTHY),
    ("a crowd, all well", 11_950, 11_950, 12, 50, HEALTHY),
    ("long queues, and memory enough to hold them", 31_826, 23_749, 7_673, 100, FULL),
    ("a million users", 4_001_630, 6, 3, 0, DOWN),
    ("a third more than it can do", 31_826, 2_854, 457, 12, DOWN),
    ("a slow database that does one thing at a time", 5_940, 4_035, 10_588, 25, BEHIND),
    ("a slow database, few users", 2_036, 2_031, 137, 9, BEHIND),
)
WORDS = (HEALTHY, FULL, DOWN, BEHIND)


def _diagnosis(label, sent, answered, mean_ms, busy_percent, right):
    def play(diagnose):
        return word(WORDS)(diagnose(sent, answered, mean_ms, busy_percent))

    def fault(said):
        if said == right:
            return ""
        return (f"{answered:,} of {sent:,} answered, {mean_ms:,} ms, {busy_percent} % busy: you said {said!r}, and it "
                f"was {right!r}.")
    return Scenario(label, play, fault)


HARD = Exercise(
    key="00-hard", title="what is wrong with it?",
    ask='Write diagnose(sent, answered, mean_ms, busy_percent): the figures of one minute of a server. mean_ms is the '
        'mean latency of the answered requests (10 ms of computing are normal), busy_percent how much of the cores\' '
        'time went into computing. Return "healthy", "full" (the cores have no time left), "down" (it crashed and was '
        'away for much of the minute) or "behind" (the cores have time; what stands behind the server is slow). It is '
        "tried on minutes of servers that you have not seen.",
    starter="def diagnose(sent, answered, mean_ms, busy_percent):\n    ...", answer="diagnose",
    wants='a function diagnose(sent, answered, mean_ms, busy_percent) that returns "healthy", "full", "down" or '
          '"behind"',
    scenarios=tuple(_diagnosis(*minute) for minute in MINUTES),
    misconceptions=(
        Misconception("an idle server is a healthy server",
                      "A server that is away does not compute. Ask first whether its users were answered.",
                      lambda sent, answered, mean_ms, busy: FULL if busy > 90 else HEALTHY),
        Misconception("every missing answer is a crash",
                      "Requests that still wait have no answer either. A server that works all the time is not away; "
                      "and where the cores have time and the answers take seconds, they wait somewhere else.",
                      lambda sent, answered, mean_ms, busy: DOWN if answered < 0.9 * sent else
                      BEHIND if mean_ms > 50 else HEALTHY),
        Misconception("slow means full",
                      "A request can also be slow while the cores have nothing to do. Then it waits behind the server.",
                      lambda sent, answered, mean_ms, busy: DOWN if answered < 0.5 * sent else
                      FULL if mean_ms > 50 else HEALTHY),
    ),
    hints=("Which two figures together tell an idle server from a dead one? Which two tell a full one from one that "
           "waits for its database?",
           "Begin with the busiest sign: cores without any time left. Then: who got an answer? Then: how long did "
           "it take?"),
    solution='def diagnose(sent, answered, mean_ms, busy_percent):\n    if busy_percent > 90:\n'
             '        return "full"\n    if answered < 0.5 * sent:\n        return "down"\n'
             '    if mean_ms > 50:\n        return "behind"\n    return "healthy"',
    because="No figure is enough by itself. A dead server looks idle and fast; a waiting one looks idle and slow.",
)

QUIZ = (
    Question("The mean latency of a shop fell from 40 ms to 4 ms within a minute. What do you look at first?", (
        Choice("Nothing: it got faster.",
               "A crash makes the mean fall too: the few that are answered find an empty server."),
        Choice("How many requests got an answer.",
               "Latency speaks for answered requests only. If few are left, their speed means little.", True),
        Choice("How busy the cores are.",
               "A low number there is what an idle server shows, and a crashed one too. It does not tell them apart."),
    )),
    Question("A server crashed because too many requests came at once. It restarts by itself, and the crowd is still "
             "there. What happens next?", (
                 Choice("It recovers: the restart cleared the jam.",
                        "The restart clears the memory. It does not send the crowd away."),
                 Choice("It crashes again.",
                        "Nothing has changed: the same crowd meets the same server. A restart cures a fault, not a "
                        "load.", True),
                 Choice("It answers what it can, and the rest waits.",
                        "That is what it did before it crashed: the waiting requests filled its memory."),
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


def _largest_crowd(run, settings):
    users, failed = settings["users"], figure(run, "failed")
    if users % STEP_USERS:
        return f"{users:,} users are no full step: type a number of hundreds into the field."
    if failed:
        return f"{failed:,} requests of {users:,} users failed."
    more = figure(again(run, users=users + STEP_USERS), "failed")
    return True if more else f"{users + STEP_USERS:,} users are served without a failure too."


def _half_busy(run, settings):
    busy = figure(run, "utilization_percent")
    if crashes(run):
        return "The server crashed. A dead server is idle, and that does not count."
    return True if 48 <= busy <= 52 else f"It was {busy:.1f} % busy."


def _half_lost(run, settings):
    failed = figure(run, "error_percent")
    return True if 35 <= failed <= 65 else f"{failed:.1f} % of the requests failed."


GOALS = (
    Goal("Make the server half busy: 48 to 52 %.", _half_busy),
    Goal("Find the largest crowd, in steps of 100 users, of which not one request fails in the minute.",
         _largest_crowd, (r"\b6,?[012]00 users",)),
    Goal("Find a crowd of which about half of the requests fail: 35 to 65 %.", _half_lost,
         (r"\b6,?[2-6]00 users",)),
)


def first_shop(users=100):
    """The shop of the first lessons, and its crowd."""
    return sd.Server(cpus=4, ram_gb=4, calls=[sd.Database()]), sd.Clients(users=users)


LESSON = Lesson("00", "Start here", (MILLION,), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("1 server: 4 cores, 4 GB", first_shop),))
