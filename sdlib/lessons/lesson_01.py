"""Lesson 01: one server, and what a request costs it."""

import math

import sdlib as sd
from sdlib.lessons.lesson_00 import first_shop
from sdlib.lessons.measures import again, band, figure, is_letter, letter
from sdlib.lessons.ordering import LONGEST_WAIT_MS, Rush, in_order, longest_mean_ms, serve, shortest
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import counted, whole

REQUESTS_PER_USER_S = 4 / 60
WORK_MS = 10
LONGEST_MEAN_MS = 15

UTILIZATION = Prediction(
    key="01-utilization", about="loads", rises=True,
    ask="100 users send 4 requests a minute each, and a request needs 10 ms of computing. For how much of the time are "
        "the server's 4 cores busy, on average?",
    choices=(
        Choice("about half a percent",
               "That is what one request a minute of each user would need; these users send more."),
        Choice("about 2 percent",
               "That holds for a small crowd on four cores. In this run the crowd was larger, or the cores were "
               "fewer."),
        Choice("about 7 percent",
               "7 % is right for one core: 6.67 requests a second, 10 ms each. Here four cores share that work."),
        Choice("about 25 percent",
               "25 % would be one of the four cores at work without a pause. A hundred users are not a hundred "
               "requests at once: each of them is silent for 15 seconds between two requests."),
    ),
    right=lambda run: band(figure(run, "utilization_percent"), (1, 4, 15)),
    result=lambda run: f"In this run the cores were busy {figure(run, 'utilization_percent'):.1f} % of the time.",
    because="Busy = arriving per second x seconds of work / cores. For 100 users: 6.67 x 0.010 / 4 = 1.7 %.",
    answer_shown_as=(r"\b1\.[67]\d? ?%", r"\b1\.6[0-9]*\b", r"nearly idle", r"almost idle", r"mostly idle",
                     r"under 2 %"),
)

CORES = Prediction(
    key="01-cores", about="averages", rises=True,
    ask="Now 3,000 users. On the 4 cores a request takes 11.8 ms on average, from sending to answer. Then the server "
        "gets 8 cores. What is the mean latency now?",
    choices=(
        Choice("about 6 ms",
               "Twice the cores, half the time: that would be so if the cores shared the work of one request. Each "
               "request computes on one core, at the speed of one core."),
        Choice("about 9 ms",
               "A quarter less would need that a quarter of the time was waiting. At half load a request hardly waits "
               "for a core."),
        Choice("about 11 ms",
               "That is the work alone, 10 ms and 1 ms. In this run requests also waited for a core."),
        Choice("about 12 ms, as before",
               "A little does change: the short time that requests waited for a core is gone."),
    ),
    right=lambda run: band(figure(run, "mean_ms"), (7.5, 10, 11.5)),
    result=lambda run: f"In this run the mean latency was {figure(run, 'mean_ms'):.1f} ms.",
    because="Latency = waiting + work. The work is 10 ms of computing and 1 ms in the database, and no core makes it "
            "shorter. Of 11.8 ms only 0.8 ms was waiting, and more cores can remove no more than that.",
    answer_shown_as=(r"\b11\.0 ?ms", r"\b11 ms\b", r"(shorten|remove|save)s?\b.*\bwaiting\b.*\bwork\b"),
)

EASY = Exercise(
    key="01-easy", title="whom do more cores help?",
    ask="Three shops complain of slow answers and want twice the cores. Where a request spends its time, on average: "
        "shop A: 0 ms waiting for a core, 900 ms computing, 20 ms in the database. Shop B: 240 ms waiting for a core, "
        "60 ms computing, 20 ms in the database. Shop C: 1 ms waiting for a core, 20 ms computing, 700 ms in the "
        "database. Which shop do you give the cores to?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "Its requests would take 920 ms as before.", "C": "Its requests would take about 720 ms as before."})),),
    misconceptions=(
        Misconception("more cores compute faster",
                      "One request computes on one core. Shop A needs less work in each request, or faster cores; more "
                      "of them would stand idle.", "A"),
        Misconception("the slow part must be the server",
                      "Shop C waits for its database. The server's cores have nothing to do with it.", "C"),
    ),
    hints=("Which part of the time can another core take away?",
           "A core can take away the time in which a request waits for a core, and nothing else."),
    solution='answer = "B"',
    because="Only B's requests wait for a core: 240 of 320 ms. A has too much work, C a slow database; cores change "
            "neither.",
)

RUSHES = (
    Rush("a long rush on 4 cores", cpus=4, calm_per_s=150, busy_per_s=450, busy_s=6, seed=3),
    Rush("one core", cpus=1, calm_per_s=50, busy_per_s=120, busy_s=6, seed=6),
    Rush("2 cores", cpus=2, calm_per_s=100, busy_per_s=240, busy_s=6, seed=2),
    Rush("8 cores", cpus=8, calm_per_s=300, busy_per_s=880, busy_s=5, seed=1),
)


def _rush(rush):
    def fault(hour):
        lines = []
        if hour.mean_ms > longest_mean_ms(rush):
            lines.append(f"The mean latency was {hour.mean_ms:,.0f} ms; at most {longest_mean_ms(rush):,.0f} ms are "
                         "asked for.")
        if hour.longest_wait_ms > LONGEST_WAIT_MS:
            lines.append(f"Somebody waited {hour.longest_wait_ms:,.0f} ms.")
        return " ".join(lines)
    return Scenario(rush.label, lambda choose: serve(choose, rush), fault)


def _means_met(hours):
    return [hour.mean_ms <= longest_mean_ms(rush) for hour, rush in zip(hours, RUSHES, strict=True)]


def _somebody_waits_too_long(hours):
    return any(hour.longest_wait_ms > LONGEST_WAIT_MS for hour in hours)


MEDIUM = Exercise(
    key="01-medium", title="who is next?",
    ask="A shop gets short requests (pages, 5 ms) and now and then a long one (reports, 105 ms). In a rush they queue. "
        "Write choose(waiting): a core is free; who is next? waiting is a list of (waited_ms, work_ms), the oldest "
        "first; return a place in it, 0 for the oldest. It is tried in rushes that you have not seen. The objective: a "
        "mean latency of at most two thirds of what first come, first served gives, and nobody waits longer than 1.8 "
        "seconds for a core.",
    starter="def choose(waiting):\n    ...", answer="choose",
    wants="a function choose(waiting) that returns a place in the list, from 0 on",
    scenarios=tuple(map(_rush, RUSHES)),
    misconceptions=(
        Misconception("first come, first served",
                      "It is fair, and slow: twenty pages wait behind one report. Waiting can be shortened without one "
                      "more core.", in_order),
        Misconception("the shortest first, whatever happens",
                      "The mean is good, and somebody pays for it: while pages keep coming, reports never get a core. "
                      "Let nobody wait for ever.",
                      shortest, lambda hours: all(_means_met(hours)) and _somebody_waits_too_long(hours)),
        Misconception("the newest first",
                      "The newest is happy, and the oldest waits until the rush is over.",
                      lambda waiting: len(waiting) - 1,
                      lambda hours: any(hour.longest_wait_ms > 3 * LONGEST_WAIT_MS for hour in hours)),
        Misconception("the longest first",
                      "Every page now waits for every report. Then the mean is longer than in order of arrival.",
                      lambda waiting: max(range(len(waiting)), key=lambda place: waiting[place][1]),
                      lambda hours: all(hour.mean_ms > 1.8 * longest_mean_ms(rush)
                                        for hour, rush in zip(hours, RUSHES, strict=True))),
        Misconception("patience that ends too soon",
                      "In a rush the oldest soon has waited longer than your limit, and then all are served in order "
                      "of arrival again. There is room up to 1.8 seconds.",
                      lambda waiting: 0 if waiting[0][0] > 500 else shortest(waiting),
                      lambda hours: not all(_means_met(hours)) and not _somebody_waits_too_long(hours)),
    ),
    hints=("If a page of 5 ms goes before a report of 105 ms, the report waits 5 ms more and the page 105 ms less.",
           "The shortest first is best for the mean, until somebody has waited for too long. waiting[0][0] says how "
           "long the oldest has waited."),
    solution="def choose(waiting):\n    longest_wait_ms, _ = waiting[0]\n    if longest_wait_ms > 1_300:\n"
             "        return 0\n    works_ms = [work_ms for _, work_ms in waiting]\n"
             "    return works_ms.index(min(works_ms))",
    because="The same cores and the same work, and far less waiting: order matters when work is uneven. The limit "
            "keeps the promise to the long ones; the tighter it is, the less there is to gain.",
)


def _mean_ms(users, cpus):
    return sd.theory.mmc(users * REQUESTS_PER_USER_S, WORK_MS, cpus).mean_latency_ms


def _busy_cores(users):
    return users * REQUESTS_PER_USER_S * WORK_MS / 1000


def _fewest(users):
    cpus = math.floor(_busy_cores(users)) + 1
    while _mean_ms(users, cpus) > LONGEST_MEAN_MS:
        cpus += 1
    return cpus


def _room(users):
    def fault(cpus):
        if cpus < 1:
            return f"You gave {counted(cpus, 'core')}. A machine has at least one."
        fewest, latency_ms = _fewest(users), _mean_ms(users, cpus)
        if cpus < fewest:
            return f"Your {counted(cpus, 'core')}: " + ("the queue grows for ever." if math.isinf(latency_ms) else
                                                        f"a mean of {latency_ms:.1f} ms.")
        return "" if cpus == fewest else f"Your {counted(cpus, 'core')}: fewer would do, with {fewest:,} the mean is " \
                                         f"{_mean_ms(users, fewest):.1f} ms."
    return Scenario(f"{users:,} users", lambda cores: whole(cores(users)), fault)


HARD = Exercise(
    key="01-hard", title="how much room is enough?",
    ask="A server that is busy all the time makes requests wait; so some room must be left. How much? Write "
        "cores(users): the fewest cores with which the mean latency stays at or below 15 ms, of which 10 ms are work. "
        "A user sends 4 requests a minute; leave the database aside. sd.theory.mmc(arrivals_per_s, service_ms, "
        "servers).mean_latency_ms tells the mean latency (inf when the queue grows for ever). It is tried on crowds "
        "from a handful to a million.",
    starter="def cores(users):\n    ...", answer="cores",
    wants="a function cores(users) that returns a whole number, at least 1",
    scenarios=tuple(map(_room, (100, 700, 4_000, 20_000, 1_000_000))),
    misconceptions=(
        Misconception("the same share of room for every size",
                      "One core that is 70 % busy makes requests wait far too long; 700 cores that are 98 % busy do "
                      "not. The more cores stand in one row, the sooner one of them is free.",
                      lambda users: max(1, math.ceil(_busy_cores(users) / 0.7))),
        Misconception("one core's rule, many times over",
                      "One core alone may be a third busy. Many cores share one queue: a request takes whichever is "
                      "free first, so together they need much less room.",
                      lambda users: max(1, math.ceil(_busy_cores(users) * 3))),
        Misconception("no room at all",
                      "These cores can just do the work, when nothing comes at random. Then the queue hardly ever "
                      "empties.",
                      lambda users: max(1, math.ceil(_busy_cores(users) + 1e-9))),
    ),
    hints=("Try sizes: how busy may 1 core be for a mean of 15 ms? How busy may 10 be, and 100?",
           "No single share of room is right for all sizes. Begin with as many cores as the work needs, and add one at "
           "a time until the formula is content."),
    solution="import math\n\nimport sdlib as sd\n\ndef cores(users):\n    arrivals_per_s = users * 4 / 60\n"
             "    count = math.floor(arrivals_per_s * 0.010) + 1\n"
             "    while sd.theory.mmc(arrivals_per_s, 10, count).mean_latency_ms > 15:\n        count += 1\n"
             "    return count",
    because="100 users need 1 core; 700 need 2, which are then a quarter busy; a million need 669, and those are over "
            "99 % busy. Large systems need less room for each user: one queue in front of many cores wastes little.",
)

QUIZ = (
    Question("A shop answers 200 requests a second and is half busy. You double the cores and change nothing else. How "
             "many does it answer now?", (
                 Choice("400 a second", "Nobody sends more than before. Cores cannot answer what nobody asked."),
                 Choice("200 a second",
                        "Below its limit a server answers what arrives. Throughput is the users' doing.", True),
                 Choice("somewhere between", "Below the limit throughput does not depend on the cores at all."),
             )),
    Question("A shop takes 20 requests a second, and 10 are inside at any time, on average. How long does a request "
             "stay?", (
                 Choice("2 seconds", "That is 20 / 10. With more inside at the same rate, each stays longer: turn it "
                                     "round."),
                 Choice("half a second", "Little's law: 10 inside = 20 a second x 0.5 s.", True),
                 Choice("It depends on how many cores there are.",
                        "The cores decide how many are inside. Once that is known, the law needs nothing else."),
             )),
    Question("A server is paid for day and night and computes for less than half an hour of the day. What do you do?", (
        Choice("Take a smaller machine.",
               "Right when money is short and the crowd is steady. The price: less room for a sudden crowd.", None),
        Choice("Keep it.",
               "Right when the crowd may grow fast, or when a failed order costs more than the machine. The price: "
               "the bill.", None),
        Choice("Put other programs on it too.",
               "Right when the others can wait. The price: when they are busy, the shop's requests wait too.", None),
    )),
)


def _small_and_busy(run, settings):
    if settings["users"] != 100:
        return f"There are {settings['users']:,} users; keep the 100."
    busy = figure(run, "utilization_percent")
    return True if busy >= 5 else f"The cores were {busy:.1f} % busy."


def _just_enough_cores(run, settings):
    users, cpus, mean_ms = settings["users"], settings["cpus"], figure(run, "mean_ms")
    if users != 20_000:
        return f"There are {users:,} users; 20,000 are asked for. Type the number into the field."
    if figure(run, "failed") or not mean_ms <= 12:
        return f"With {counted(cpus, 'core')} the mean latency was {mean_ms:.1f} ms, and " \
               f"{figure(run, 'error_percent'):.0f} % failed."
    fewer = again(run, cpus=cpus - 1)
    return True if figure(fewer, "failed") or figure(fewer, "mean_ms") > 12 else "Fewer cores would do as well."


def _as_much_waiting_as_work(run, settings):
    mean_ms = figure(run, "mean_ms")
    if figure(run, "failed"):
        return f"{figure(run, 'failed'):,} requests failed."
    return True if 21 <= mean_ms <= 23 else f"The mean latency was {mean_ms:.1f} ms."


GOALS = (
    Goal("Keep the 100 users, and make the cores at least 5 % busy.", _small_and_busy),
    Goal("Serve 20,000 users with a mean latency of at most 12 ms, with as few cores as that needs.",
         _just_enough_cores, (r"\b1[4-9] cores",)),
    Goal("Make a request wait as long as it works: a mean latency of 21 to 23 ms, and not one request fails.",
         _as_much_waiting_as_work, (r"\b5,?[0-3]\d0 users",)),
)

LESSON = Lesson("01", "One server", (UTILIZATION, CORES), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("the same, half busy", lambda: first_shop(3_000)),))
