"""Lesson 01: one server, and what a request costs it."""

import math

import numpy as np

from sdlib.lessons.measures import band, figure
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario
from sdlib.teach.kinds import counted, near, number, whole

REQUESTS_PER_USER_MINUTE = 4
SERVICE_S = 0.010
BUSY_MOST = 0.70


UTILIZATION = Prediction(
    key="01-utilization",
    ask="100 users send 4 requests each per minute. A request takes 10 ms of CPU. How busy are the server's 4 cores?",
    choices=(
        Choice("under 4 %", "That holds for a small crowd. The crowd of this run is larger."),
        Choice("4 to 15 %",
               "6.7 % is right for one core. The work of 100 users spreads over four."),
        Choice("15 to 50 %",
               "25 % is one core of four working without a pause. 100 users do not send that much."),
        Choice("over 50 %",
               "100 users are not 100 requests at once. Each of them waits 15 seconds between two requests."),
    ),
    right=lambda run: band(figure(run, "utilization_percent"), (4, 15, 50)),
    result=lambda run: f"In this run the server was {figure(run, 'utilization_percent'):.1f} % busy.",
    because="utilization = arrival rate x service time / cores. For 100 users: 6.67 per second x 0.010 s / 4 = 1.7 %.",
)

LATENCY = Prediction(
    key="01-latency",
    ask="A request takes 10 ms of CPU and 1 ms in the database. 100 users on 4 cores: what is the mean latency?",
    choices=(
        Choice("under 8 ms", "Four cores do not make one request faster. Each request computes on one core."),
        Choice("8 to 14 ms", "That is the work alone. In this run requests also waited for a free core."),
        Choice("14 to 30 ms", "The rest would be waiting. At this load a request finds a free core almost always."),
        Choice("over 30 ms", "Such waits need a server that is nearly full. This one is nearly idle."),
    ),
    right=lambda run: band(figure(run, "mean_ms"), (8, 14, 30)),
    result=lambda run: f"In this run the mean latency was {figure(run, 'mean_ms'):.1f} ms.",
    because="latency = waiting + work. The work is 10 ms + 1 ms = 11 ms. More cores shorten the waiting, "
            "never the work.",
)

EASY = Exercise(
    key="01-easy", title="how busy is it?",
    ask="2,500 users send 4 requests each per minute. A request takes 10 ms of CPU. The server has 4 cores. How busy "
        "is it, in percent?",
    starter="answer = ...", answer="answer", wants="a number, in percent",
    scenarios=(Scenario("", number, near(2500 * 4 / 60 * SERVICE_S / 4 * 100, "%")),),
    misconceptions=(
        Misconception("forgot the cores", "This is the work for one core. Four cores share it.",
                      2500 * 4 / 60 * SERVICE_S * 100),
        Misconception("minutes taken as seconds", "4 requests per minute are 4 / 60 per second.",
                      2500 * 4 * SERVICE_S / 4 * 100),
        Misconception("milliseconds taken as seconds", "10 ms are 0.010 s. Bring all to seconds first.",
                      2500 * 4 / 60 * 10 / 4 * 100),
        Misconception("a share instead of a percentage", "The share is right. In percent it is 100 times as much.",
                      2500 * 4 / 60 * SERVICE_S / 4),
        Misconception("one request per user and minute", "Each user sends four requests per minute.",
                      2500 / 60 * SERVICE_S / 4 * 100),
    ),
    hints=("How many seconds of CPU do the users ask for in each second?",
           "utilization = arrival rate x service time / cores, with all times in seconds."),
    solution="arrivals_per_second = 2500 * 4 / 60\nanswer = arrivals_per_second * 0.010 / 4 * 100",
    because="166.7 requests per second x 0.010 s = 1.67 cores' worth of work; of 4 cores that is 41.7 %.",
)


def _work_in_cores(users):
    return users * REQUESTS_PER_USER_MINUTE / 60 * SERVICE_S


def _crowd(users):
    fewest = math.ceil(_work_in_cores(users) / BUSY_MOST)

    def fault(cpus):
        if cpus < 1:
            return f"You gave {counted(cpus, 'core')}. A machine has at least one."
        busy = f"With your {counted(cpus, 'core')} it is {_work_in_cores(users) / cpus * 100:.4g} % busy."
        if cpus < fewest:
            return f"{busy} That is above 70 %."
        return "" if cpus == fewest else f"{busy} Fewer cores would do as well."
    return Scenario(f"{users:,} users", lambda cpus_needed: whole(cpus_needed(users)), fault)


MEDIUM = Exercise(
    key="01-medium", title="size the machine",
    ask="Write cpus_needed(users): the smallest number of cores that keeps the server at most 70 % busy. "
        "A user sends 4 requests per minute, a request takes 10 ms of CPU. It is tried on crowds that you have not "
        "seen; each must get enough cores and not one too many.",
    starter="def cpus_needed(users):\n    ...", answer="cpus_needed",
    wants="a function cpus_needed(users) that returns a whole number, at least 1",
    scenarios=tuple(map(_crowd, (1, 100, 1_500, 5_200, 31_000, 1_000_000))),
    misconceptions=(
        Misconception("rounded down", "A part of a core is still needed, and it comes only as a whole one: round up.",
                      lambda users: max(1, math.floor(_work_in_cores(users) / BUSY_MOST))),
        Misconception("rounded to the nearest", "Rounding down some of the time leaves some crowds short: round up.",
                      lambda users: max(1, round(_work_in_cores(users) / BUSY_MOST))),
        Misconception("no room left", "These cores are up to 100 % busy. Divide the work by 0.70 to leave room.",
                      lambda users: math.ceil(_work_in_cores(users))),
        Misconception("room on the wrong side", "Multiplying by 0.70 gives fewer cores. Divide by it.",
                      lambda users: math.ceil(_work_in_cores(users) * BUSY_MOST)),
        Misconception("one core in reserve", "Rounding up is enough. One more core is paid for and not needed.",
                      lambda users: math.floor(_work_in_cores(users) / BUSY_MOST) + 2),
    ),
    hints=("How many cores would be busy all the time if none ever paused? Each may be busy 70 % of the time.",
           "cores = work per second / 0.70, rounded up: math.ceil(...)."),
    solution="import math\n\ndef cpus_needed(users):\n    arrivals_per_second = users * 4 / 60\n"
             "    busy_cores = arrivals_per_second * 0.010\n    return math.ceil(busy_cores / 0.70)",
    because="The work divided by 0.70, rounded up. Lesson 02 shows why a server should not be run full.",
)


def _table(rate_per_s, seconds, last_ones, seed):
    """Arrival and finish times of `rate_per_s` requests per second; the last ones do not finish in time."""
    draws = np.random.default_rng(seed)
    arrived_s = np.sort(draws.uniform(0, seconds * 0.98, size=int(rate_per_s * seconds)))
    finished_s = np.minimum(arrived_s + draws.uniform(0.005, 0.4, size=len(arrived_s)), seconds)
    finished_s[len(finished_s) - last_ones:] = np.nan
    return arrived_s, finished_s, seconds


def _time_inside_s(arrived_s, finished_s, seconds):
    return np.where(np.isnan(finished_s), seconds, finished_s) - arrived_s


def _little(label, table):
    arrived_s, finished_s, seconds = table
    right = _time_inside_s(*table).sum() / seconds
    return Scenario(label, lambda mean_inside: number(mean_inside(arrived_s.copy(), finished_s.copy(), seconds)),
                    near(right, "requests"))


HARD = Exercise(
    key="01-hard", title="Little's law from a table",
    ask="Write mean_inside(arrived_s, finished_s, seconds): the mean number of requests inside the system from time 0 "
        "to `seconds`. The first two are NumPy arrays, a request each. finished_s is nan for a request that is still "
        "inside at the end.",
    starter="def mean_inside(arrived_s, finished_s, seconds):\n    ...", answer="mean_inside",
    wants="a function mean_inside(arrived_s, finished_s, seconds) that returns a number of requests",
    scenarios=(_little("a calm minute", _table(7, 60, 0, 1)), _little("ten busy seconds", _table(90, 10, 0, 2)),
               _little("some still inside at the end", _table(40, 30, 40, 3))),
    misconceptions=(
        Misconception("leaves out those still inside",
                      "A request without a finish time was inside until the end. Count that time too.",
                      lambda arrived_s, finished_s, seconds: np.nansum(finished_s - arrived_s) / seconds),
        Misconception("the latency, not the number",
                      "This is W, the mean time inside. Little's law: L = arrival rate x W.",
                      lambda *table: _time_inside_s(*table).mean()),
        Misconception("not divided by the time",
                      "This is the time of all requests together. Spread it over the seconds watched.",
                      lambda *table: _time_inside_s(*table).sum()),
        Misconception("the count of all requests", "They were not inside all at the same time.",
                      lambda arrived_s, finished_s, seconds: len(arrived_s)),
    ),
    hints=("Each request is inside for a while. Add up these times; what is the sum per second watched?",
           "Little's law: L = arrival rate x mean time inside = (n / seconds) x (sum of times / n). "
           "Put `seconds` for a missing finish time, with np.where or np.nan_to_num."),
    solution="import numpy as np\n\ndef mean_inside(arrived_s, finished_s, seconds):\n"
             "    left_s = np.where(np.isnan(finished_s), seconds, finished_s)\n"
             "    arrival_rate = len(arrived_s) / seconds\n    mean_time_inside_s = (left_s - arrived_s).mean()\n"
             "    return arrival_rate * mean_time_inside_s",
    because="L = arrival rate x W holds exactly for any table, whatever the distribution and the order of service.",
)

QUIZ = (
    Question("Throughput is 6.67 requests per second with 4 cores. What is it with 8 cores and the same users?", (
        Choice("13.3 per second", "The users send no more than before. Cores cannot answer what nobody asked."),
        Choice("6.67 per second", "Below its limit a server answers what arrives. Throughput is the arrival rate.",
               True),
        Choice("somewhere between", "Below the limit throughput depends on the users alone."),
    )),
    Question("Requests stay 0.5 s on average, and 20 arrive per second. How many are inside on average?", (
        Choice("10", "L = arrival rate x W = 20 x 0.5.", True),
        Choice("40", "That is 20 / 0.5. The longer they stay, the more are inside: multiply."),
        Choice("It depends on the distribution.", "Little's law needs no distribution. Means are enough."),
    )),
    Question("The server is 1.7 % busy. What would you do with it?", (
        Choice("Take a smaller machine.",
               "Right when money is short and the crowd is steady. The price: less room for a sudden crowd.", None),
        Choice("Keep it.",
               "Right when the crowd may grow fast, or when a failed order costs more than the machine.", None),
        Choice("Put other programs on it too.",
               "Right when the others can wait. The price: when they are busy, the shop's requests wait too.", None),
    )),
)

GOALS = (
    Goal("Keep 100 users, and make the server more than 5 % busy.",
         lambda run, settings: settings["users"] == 100 and figure(run, "utilization_percent") > 5),
    Goal("Serve more than 100 requests per second with not one failing.",
         lambda run, settings: figure(run, "throughput_per_s") > 100 and figure(run, "error_percent") == 0),
    Goal("Double the mean latency, to over 22 ms, with not one request failing.",
         lambda run, settings: figure(run, "mean_ms") > 22 and figure(run, "error_percent") == 0),
)

LESSON = Lesson("01", "One server", (UTILIZATION, LATENCY), (EASY, MEDIUM, HARD), QUIZ, GOALS)
