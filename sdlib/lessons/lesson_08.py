"""Lesson 08: the API gateway. One address, who comes, where to, and how often."""

import math
from dataclasses import replace
from functools import partial

from sdlib.components.clients import Clients
from sdlib.lessons.limiting import MOST_IN_A_MINUTE, MOST_IN_A_SECOND, Guest, serve
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.shop import ROUTES, shop
from sdlib.results.senders import EVERYBODY_ELSE, who_sent
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import whole

USERS, GREEDY_PER_S = 12_000, 1_500
LONGEST_P99_MS = 200


def crowd(users=USERS, greedy_per_s=GREEDY_PER_S, **knobs):
    """Users who send 4 requests a minute each, and one client who sends greedy_per_s besides."""
    others_per_s = users * 4 / 60
    total_per_s = others_per_s + greedy_per_s
    return Clients(users=users, requests_per_minute=60 * total_per_s / users,
                   greedy_share=greedy_per_s / total_per_s, routes=ROUTES, **knobs)


def others_answered_percent(run):
    """Of the requests of everybody but the greedy client, with a good token, the share that was answered."""
    status = run.requests["status"][who_sent(run) == EVERYBODY_ELSE]
    return 100 * float((status == "ok").sum() / (status != "in flight").sum())


FOR_ALL = Prediction(
    key="08-for-all", about="losses", rises=False,
    ask="12,000 users send 800 requests a second, and one greedy client sends 1,500. The gateway lets 1,200 a second "
        "pass, all together, and answers the rest with 429: so the services are never overloaded. What share of the "
        "requests of everybody else, without the greedy client's, is answered?",
    choices=(
        Choice("few, under 35 %",
               "The greedy client sends two of three requests, but it does not stand first at the door: each request "
               "has the same chance."),
        Choice("about half, 35 to 65 %",
               "So it is when the gateway counts requests and not people. In this run it was another share."),
        Choice("most, 65 to 90 %",
               "It would need a gateway that refuses the greedy client more often than the others. This one does not "
               "know them apart."),
        Choice("nearly all, over 90 %",
               "1,200 a second would be enough for the 800. But who says that it is those 800 that pass? One bucket "
               "for all asks nobody's name."),
    ),
    right=lambda run: band(others_answered_percent(run), (35, 65, 90)),
    result=lambda run: f"In this run {others_answered_percent(run):.0f} % of the requests of everybody else were "
                       "answered.",
    because="1,200 of 2,300 requests pass, 52 %, and each has the same chance, whoever sent it. The services are "
            "saved, the users are not: the greedy client takes two thirds of the places.",
    answer_shown_as=(r"\b5[0-4] ?% of the requests of everybody", r"two thirds of the places",
                     r"everybody else\s+0\.0\d*\s+0?\.?5[0-4]"),
)


BUCKET = Prediction(
    key="08-bucket", about="losses", rises=True,
    ask="A limit for each user, and a small bucket. 100 users send one request a second each, on average, at "
        "moments of their own. The gateway allows each of them one request a second, and its bucket holds one token. "
        "What share of the requests is refused?",
    choices=(
        Choice("next to none, under 1 %",
               "On average they keep to the limit. But a request is judged at its own moment, and average says nothing "
               "about that."),
        Choice("few, 1 to 15 %",
               "So few would be refused if the bucket held several tokens. This one cannot save up for the moment at "
               "which two come at once."),
        Choice("a quarter or so, 15 to 40 %",
               "Nearer. Two of three gaps between random requests are shorter than the average gap; some of those "
               "requests pass, because the one before was refused."),
        Choice("half or so, over 40 %",
               "So it is when the limit is the average and nothing can be saved up. In this run it was less."),
    ),
    right=lambda run: band(figure(run, "error_percent"), (1, 15, 40)),
    result=lambda run: f"In this run {figure(run, 'error_percent'):.0f} % were refused.",
    because="After each request that passes the bucket is empty for one second. On average one request comes in that "
            "second, and it is refused. So for each that passes one is refused: half of them. People do not come "
            "evenly; a bucket must be large enough for a handful at once.",
    answer_shown_as=(r"\b(49|50|51) ?% were refused", r"for each that passes one is refused"),
)


EASY = Exercise(
    key="08-easy", title="who must notice?",
    ask="Anna is logged in; her token is good, and customers may use /order. She types another number into the "
        "address, and asks for /order/7, which is Ben's order. Who has to refuse this? A: the gateway. B: the order "
        "service. C: the database.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "It sees a good token and a path that customers may use. Nothing there says whose order number 7 is.",
        "C": "It is asked for row 7 by the order service, which may read every row."})),),
    misconceptions=(
        Misconception("the gateway checks, so the services need not",
                      "Whoever is let in is not therefore allowed everything. The gateway keeps strangers out; what "
                      "belongs to whom only the service knows.", "A"),
        Misconception("the data look after themselves",
                      "Somebody has to put the question \"whose is it?\" into the query. The database answers what it "
                      "is asked.", "C"),
    ),
    hints=("What does each of the three know when the request comes by: the token, the path, the owner of order 7?",
           "The answer needs both: who asks, and whose order it is. Who has both in hand?"),
    solution='answer = "B"',
    because="Who somebody is can be checked at the door, and whether such people may use this path. Whether this very "
            "order is theirs needs the order. Forgetting that check is number one of OWASP's list of API security "
            "risks.",
)


GUESTS = (
    Guest("a program in a loop", ((0.0, 70.0, 3_500),)),
    Guest("a program that sends a little too much", ((0.0, 70.0, 420),)),
    Guest("two crowds of requests, around the full minute", ((59.90, 59.98, 40), (60.02, 60.10, 40))),
    Guest("quiet for over a minute, then all at once", ((2.0, 2.0, 1), (70.0, 70.3, 300))),
)


def _evening(guest):
    def fault(evening):
        if 100 * evening.visitors_refused > evening.visitors_sent:
            return (f"{evening.visitors_refused:,} of {evening.visitors_sent:,} requests of people who only open pages "
                    "were refused.")
        if evening.most_in_a_second > MOST_IN_A_SECOND:
            return f"Within one second {evening.most_in_a_second:,} requests of one client passed."
        if evening.most_in_a_minute > MOST_IN_A_MINUTE:
            return f"Within a minute {evening.most_in_a_minute:,} requests of one client passed."
        return ""
    return Scenario(guest.label, lambda allow: serve(allow, guest), fault)


def _crowded(evenings):
    """In which scenarios too many passed within a second; the visitors were served in all of them."""
    served = all(100 * evening.visitors_refused <= evening.visitors_sent for evening in evenings)
    return [evening.most_in_a_second > MOST_IN_A_SECOND for evening in evenings] if served else []


MEDIUM = Exercise(
    key="08-medium", title="how often is too often?",
    ask="Write allow(now_s, passed_s): whether a request of a user may pass. now_s: the time, in seconds. passed_s: a "
        "list of the times at which earlier requests of this user passed, the newest last. Each user was promised 20 "
        "requests at once, and 5 a second in the long run; a page of the shop takes 18 at once. The goal, among "
        "clients that you have not seen: of those who only open pages 99 % of the requests pass, and nobody passes "
        "more than 25 times within a second, or 320 times within a minute.",
    starter="def allow(now_s, passed_s):\n    ...", answer="allow",
    wants="a function allow(now_s, passed_s) that returns True or False",
    scenarios=tuple(map(_evening, GUESTS)),
    misconceptions=(
        Misconception("no room for a page",
                      "The greedy client is stopped, and so are people: whoever opens a page sends 18 requests within "
                      "a tenth of a second. How many may come at once?",
                      lambda now_s, passed_s: not passed_s or now_s - passed_s[-1] >= 0.2,
                      lambda evenings: all(2 * evening.visitors_refused > evening.visitors_sent
                                           and evening.guest_passed > 20 for evening in evenings[:2])),
        Misconception("what has passed is never forgotten",
                      "After its first page nobody gets another one. How long ago must a request be to count no more?",
                      lambda now_s, passed_s: len(passed_s) < 20,
                      lambda evenings: all(2 * evening.visitors_refused > evening.visitors_sent
                                           and 0 < evening.guest_passed <= 20 for evening in evenings)),
        Misconception("a window that begins by the clock",
                      "Who comes just before the window ends and again just after has twice the limit within a moment. "
                      "Let the window end now, whenever now is.",
                      lambda now_s, passed_s: sum(time_s // 4 == now_s // 4 for time_s in passed_s) < 20,
                      lambda evenings: _crowded(evenings) == [False, False, True, False]),
        Misconception("who was quiet has saved up without end",
                      "5 a second since the beginning is right on average. Who was quiet for a minute may then send "
                      "300 at once. How much may be saved up?",
                      lambda now_s, passed_s: len(passed_s) < 20 + 5 * now_s,
                      lambda evenings: _crowded(evenings) == [False, False, True, True]),
        Misconception("a limit for the minute alone",
                      "300 a minute are 5 a second on average, and may come within the first of the 60 seconds. The "
                      "services feel that second.",
                      lambda now_s, passed_s: sum(now_s - time_s < 60 for time_s in passed_s) < 300,
                      lambda evenings: _crowded(evenings) == [True, False, True, True]),
    ),
    hints=("Count those of passed_s that are recent. Two numbers are needed: how recent, and how many. Which pair "
           "gives 20 at once, and 5 a second in the long run?",
           "If at most 20 pass within any 4 seconds, 5 a second pass in the long run. now_s - time_s says how long ago "
           "one was."),
    solution="def allow(now_s, passed_s):\n"
             "    recent = [time_s for time_s in passed_s if now_s - time_s < 4]\n"
             "    return len(recent) < 20",
    because="The window slides along with the time: nobody can wait for its edge. A token bucket of 20 that fills at 5 "
            "a second keeps the same promise with two numbers for each user in place of 20 times; that is why gateways "
            "use it.",
)


def _through(times_s, per_s, burst, at_first=None, most=None, dripped=float, refused_pay=0):
    """How many of the requests at these times pass a bucket.

    Told otherwise, it holds at_first at time 0, `most` in all, dripped(tokens) of what drips in, and the refused pay.
    """
    tokens, filled_s, passed = burst if at_first is None else at_first, 0.0, 0
    most = burst if most is None else most
    for time_s in times_s:
        tokens, filled_s = min(most, tokens + dripped((time_s - filled_s) * per_s)), time_s
        passes = tokens >= 1
        tokens, passed = tokens - (1 if passes else refused_pay), passed + passes
    return passed


def _requests(label, times_s, per_s, burst):
    right = _through(times_s, per_s, burst)

    def fault(value):
        return "" if value == right else f"You gave {value:,}. That is too {'many' if value > right else 'few'}."
    return Scenario(f"{label}, {per_s:g} a second, burst {burst}",
                    lambda passed: whole(passed(list(times_s), per_s, burst)), fault)


HARD = Exercise(
    key="08-hard", title="the bucket itself",
    ask="Write passed(times_s, per_s, burst): how many requests of one user, sent at these times (ascending, in "
        "seconds, from 0 on), pass a token bucket. It holds at most burst tokens and is full at time 0; per_s tokens a "
        "second drip in, also parts of a token. A request takes one token; where there is less than one it is refused "
        "and takes nothing. It is tried on times that you have not seen.",
    starter="def passed(times_s, per_s, burst):\n    ...", answer="passed",
    wants="a function passed(times_s, per_s, burst) that returns a whole number, 0 or more",
    scenarios=(_requests("21 at once", [0.0] * 21, 10, 20),
               _requests("21 at once, and 20 after 101 ms", [0.0] * 21 + [0.101] * 20, 10, 20),
               _requests("and 20 more after 501 ms", [0.0] * 21 + [0.101] * 20 + [0.602] * 20, 10, 20),
               _requests("one, and 30 after a quiet minute", [0.5] + [60.0] * 30, 2, 10),
               _requests("twice the limit for 8 s", [0.07 + 0.25 * number for number in range(32)], 2, 3),
               _requests("nobody", [], 5, 10)),
    misconceptions=(
        Misconception("tokens pile up without end",
                      "In a quiet minute the bucket fills, and what is over is lost: it holds burst tokens at most.",
                      partial(_through, most=math.inf)),
        Misconception("the bucket is empty at first",
                      "A user who comes for the first time has all tokens. Otherwise the first page would be refused.",
                      partial(_through, at_first=0.0)),
        Misconception("only whole tokens drip in",
                      "Half a token is worth keeping: with the next half it is one. Rounding down at each request "
                      "loses them.", partial(_through, dripped=int)),
        Misconception("the refused pay as well",
                      "Then a client that keeps asking would never be let in again, and one that counts along would "
                      "be. A refused request takes no token.", partial(_through, refused_pay=1)),
    ),
    hints=("Keep two numbers: the tokens, and when they were last counted. What happens to each when a request comes?",
           "First fill: min(burst, tokens + (time_s - before_s) * per_s). Then, if there is at least one token, take "
           "it and count the request."),
    solution="def passed(times_s, per_s, burst):\n"
             "    tokens, before_s, count = burst, 0, 0\n"
             "    for time_s in times_s:\n"
             "        tokens = min(burst, tokens + (time_s - before_s) * per_s)\n"
             "        before_s = time_s\n"
             "        if tokens >= 1:\n"
             "            tokens, count = tokens - 1, count + 1\n"
             "    return count",
    because="Two numbers for each user are all that a gateway has to keep, and it fills a bucket only when its user "
            "comes. NGINX counts the other way round, how many are in excess, and lets one more pass at once.",
)


QUIZ = (
    Question("A request comes with a token that ran out a minute ago. What does the gateway answer?", (
        Choice("401: tell me who you are.",
               "The token no longer says who this is. The app can fetch a new one, and ask again.", True),
        Choice("403: you may not do this.",
               "That is for somebody whom the gateway knows, and who may not use this path. Here it does not know who "
               "asks."),
        Choice("429: too many requests.",
               "Nobody asked too often. A client that gets 429 waits, and would come back with the same old token."),
    )),
    Question("The gateway's machine dies. All five services are well. What do the users see?", (
        Choice("Only log-in fails; who is logged in goes on.",
               "Each request goes through the gateway, whoever sends it."),
        Choice("Nothing: the services still answer.",
               "They would, if somebody asked them. The only address that users know is the gateway's."),
        Choice("Nothing works at all.",
               "There is one door, and it is shut. A gateway must not be one machine: lesson 15 puts two there.", True),
    )),
    Question("Whom should a limit count?", (
        Choice("each user, by token",
               "Right when users log in: it hits whoever asks too often, and nobody else. The price: who is not logged "
               "in has no name, and whoever can make many accounts has many buckets.", None),
        Choice("each address",
               "Right when nobody is logged in yet, and against guessing passwords. The price: a whole office or "
               "mobile network may share one address, and be shut out together.", None),
        Choice("all together",
               "Right when the services must be saved whatever comes. The price: when it refuses, it refuses "
               "everybody alike.", None),
    )),
)


def _others(run, percent):
    """"" when everybody else gets that share, and is answered soon; else what is wrong."""
    answered, p99_ms = others_answered_percent(run), figure(run, "p99_ms")
    if answered < percent:
        return f"Everybody else gets {answered:.1f} % answered; {percent} % are asked for."
    return "" if p99_ms <= LONGEST_P99_MS else f"The p99 is {p99_ms:,.0f} ms; {LONGEST_P99_MS} ms are asked for."


def _limited(run, factor):
    """The same run with another limit."""
    gateway = run.system
    limit = factor * gateway.per_user_per_s
    return simulate(replace(gateway, per_user_per_s=limit, burst=max(1.0, 2 * limit)), run.clients,
                    seconds=run.seconds, seed=run.seed)


def _highest_limit(run, settings):
    if settings["users"] != USERS or settings["bad"] > 0.1 or settings["retries"]:
        return "Keep 12,000 users, at most a tenth of bad tokens, and no retries."
    if why := _others(run, 99.9):
        return why
    return True if _others(_limited(run, 1.25), 99.9) else "A limit a quarter higher does it, too."


def _lowest_limit(run, settings):
    if settings["users"] != USERS or settings["bad"] > 0.1 or settings["retries"]:
        return "Keep 12,000 users, at most a tenth of bad tokens, and no retries."
    if why := _others(run, 99):
        return why
    return True if _others(_limited(run, 0.8), 99) else "A limit a fifth lower does it, too."


def _largest_crowd(run, settings):
    if settings["bad"] < 0.5 or settings["retries"] < 5:
        return "Half of the tokens must be bad, and the refused come back five times."
    if settings["limit"] > 10:
        return "Keep a limit of 10 a second, or lower."
    if why := _others(run, 99.9):
        return why
    more = crowd(round(1.1 * settings["users"]), tokens=run.clients.tokens)
    again = simulate(run.system, more, seconds=run.seconds, seed=run.seed)   # retries at once change nothing behind
    return True if _others(again, 99.9) else "A crowd a tenth larger is served as well."


GOALS = (
    Goal("12,000 users. Find a limit per user as high as can be: everybody else gets 99.9 % answered, with a p99 of "
         "200 ms at most. Within a quarter is near enough.", _highest_limit, (r"limit of 2[0-4]\d\b",)),
    Goal("12,000 users. Now as low as can be: everybody else, who send 4 a minute each, get 99 % answered. Within a "
         "fifth is near enough.", _lowest_limit, (r"\b(0\.9\d?|1\.[01]\d?) a second",)),
    Goal("Half of the tokens are bad, whoever is refused comes back five times at once, and the limit is 10 a second "
         "at most. Find the largest crowd that still gets 99.9 % answered, with a p99 of 200 ms at most. Within a "
         "tenth is near enough.",
         _largest_crowd, (r"\b3[6-9],\d\d\d users",)),
)


def before():
    """The five services without a limit, and a client in a loop."""
    return shop(7), crowd()


def after():
    """The same crowd in front of the gateway."""
    return shop(8), crowd()


LESSON = Lesson("08", "API gateway", (FOR_ALL, BUCKET), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("5 services, one greedy client", before), Stage("a gateway in front of them", after)))
