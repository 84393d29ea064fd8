"""Lesson 02: overload. The hockey stick, the crash, and who should be let in."""

import math

from sdlib.lessons.measures import band, figure
from sdlib.lessons.shedding import LONGEST_S, Wave, serve, within_a_second
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario
from sdlib.teach.kinds import near, number

REFUSED_TOO_MANY = 0.02  # share of the requests sent, above what the measure refuses


def _crashes(run):
    return int(run.stations["crashes"].sum())


HOCKEY = Prediction(
    key="02-hockey",
    ask="At 3,000 users the server is 50 % busy, and a request takes about 12 ms. At 5,700 users it is 95 % busy. "
        "What is the mean latency then?",
    choices=(
        Choice("under 15 ms", "The work stays at 11 ms, but the waiting does not stay at 1 ms."),
        Choice("15 to 25 ms", "Twice the load, twice the latency: so it would be on a straight line. This is a curve."),
        Choice("25 to 1,000 ms", "A curve that steep needs a server that is nearly full. This one had room."),
        Choice("over 1,000 ms", "The queue still empties now and then. It grows without end only past 6,000 users."),
    ),
    right=lambda run: band(figure(run, "mean_ms"), (15, 25, 1000)),
    result=lambda run: f"In this run the mean latency was {figure(run, 'mean_ms'):.0f} ms.",
    because="Mean wait = chance of having to wait / (capacity - arrival rate). From 50 % to 95 % the spare capacity "
            "falls from 200 to 20 requests per second, and the chance of having to wait rises from 17 % to 89 %.",
)


def _fate(run):
    crashes = _crashes(run)
    if crashes == 0:
        return 0 if figure(run, "error_percent") == 0 else 1
    return 2 if crashes == 1 else 3


CRASH = Prediction(
    key="02-crash",
    ask="8,000 users send 533 requests per second. The server can do 400. What happens in one minute?",
    choices=(
        Choice("All are answered, but slower.", "The queue has to be kept somewhere. Memory runs out."),
        Choice("400 per second are answered, the rest is refused.",
               "Nobody told the server to refuse. It accepts until its memory is full."),
        Choice("It crashes once, restarts, and recovers.",
               "The crowd is still there after the restart, and so is the reason for the crash."),
        Choice("It crashes, restarts, and crashes again.",
               "That needs a load above capacity that lasts. In this run it did not."),
    ),
    right=_fate,
    result=lambda run: f"In this run the server crashed {_times(_crashes(run))}, and "
                       f"{figure(run, 'error_percent'):.0f} % of the requests failed.",
    because="Past capacity the queue grows by arrivals minus capacity: 133 per second. 4 GB hold 512 requests, so "
            "memory is full after about 4 seconds. A restart empties the memory and changes nothing else.",
)


def _times(count):
    return "once" if count == 1 else f"{count} times"


EASY = Exercise(
    key="02-easy", title="where is the limit?",
    ask="A request takes 20 ms of CPU, the server has 16 cores, a user sends 6 requests per minute. At how many users "
        "is the server 100 % busy?",
    starter="answer = ...", answer="answer", wants="a number of users",
    scenarios=(Scenario("", number, near(8000, "users")),),
    misconceptions=(
        Misconception("requests instead of users",
                      "800 is the capacity in requests per second. How many users send that many?", 800),
        Misconception("minutes taken as seconds", "A user sends 6 requests per minute, not per second.", 800 / 6),
        Misconception("forgot the cores", "That is the limit of one core. Sixteen work at the same time.", 500),
        Misconception("milliseconds taken as seconds", "20 ms are 0.020 s, so a core finishes 50 requests a second.",
                      8),
        Misconception("one request per user and minute", "A user sends six requests per minute, not one.", 48_000),
    ),
    hints=("How many requests does one core finish in a second? And sixteen?",
           "users = capacity per second x 60 / requests per user and minute."),
    solution="capacity_per_second = 16 / 0.020\nanswer = capacity_per_second * 60 / 6",
    because="16 cores finish 800 requests per second; 8,000 users send that many.",
)

WAVES = (
    Wave("a short wave on 4 cores", cpus=4, slots=512, calm_per_s=200, spike_per_s=850, spike_s=0.5),
    Wave("a long wave on 4 cores", cpus=4, slots=512, calm_per_s=200, spike_per_s=1500, spike_s=3),
    Wave("a long wave on 2 cores", cpus=2, slots=512, calm_per_s=100, spike_per_s=600, spike_s=5),
    Wave("16 cores with little memory", cpus=16, slots=256, calm_per_s=800, spike_per_s=4000, spike_s=2),
)


def _spike(wave):
    def fault(night):
        if night.crashes:
            return "The memory filled up, and the server crashed."
        if night.answered == 0:
            return f"All {night.sent:,} requests were refused."
        if night.p99_ms > LONGEST_S * 1000:
            return f"p99 was {night.p99_ms:,.0f} ms. The objective is under 1,000 ms."
        too_many = night.refused - serve(within_a_second, wave).refused
        if too_many > REFUSED_TOO_MANY * night.sent:
            return f"You refused {night.refused:,} of {night.sent:,} requests, {too_many:,} more than needed."
        return ""
    return Scenario(wave.label, lambda admit: serve(admit, wave), fault)


def _slow_but_alive(nights):
    return not any(night.crashes for night in nights) and any(night.p99_ms > LONGEST_S * 1000 for night in nights)


MEDIUM = Exercise(
    key="02-medium", title="let in or turn away?",
    ask="Write admit(in_flight, cpus, slots), a rule that decides for each arriving request: True lets it in, False "
        "refuses it at once. in_flight: requests inside now, waiting or computing. slots: requests that fit into "
        "memory; one more crashes the server. A request takes 10 ms of CPU on average. It is tried on waves and "
        "machines that you have not seen. The goal: no crash, and 99 of 100 answers within 1 second. Refuse few: at "
        "most 2 % of all requests more than the course's own rule refuses.",
    starter="def admit(in_flight, cpus, slots):\n    ...", answer="admit",
    wants="a function admit(in_flight, cpus, slots) that returns True or False",
    scenarios=tuple(map(_spike, WAVES)),
    misconceptions=(
        Misconception("lets everybody in",
                      "In a wave that lasts, memory fills up whatever its size. Somebody has to be turned away.",
                      lambda in_flight, cpus, slots: True,
                      lambda nights: sum(night.crashes > 0 for night in nights) >= 3),
        Misconception("the wrong way round", "It refuses when there is room. True lets the request in.",
                      lambda in_flight, cpus, slots: in_flight >= slots,
                      lambda nights: all(night.answered == 0 for night in nights)),
        Misconception("watches the time, not the memory",
                      "On a fast machine with little memory, the memory is full before the wait is long. "
                      "The slots are a limit of their own: with in_flight == slots, one more is too many.",
                      lambda in_flight, cpus, slots: in_flight < 80 * cpus,
                      lambda nights: any(night.crashes for night in nights)),
        Misconception("watches the memory, not the time",
                      "No crash, but a queue that just fits into memory is a wait of more than a second. "
                      "How long is the work that waits ahead?",
                      lambda in_flight, cpus, slots: in_flight < slots, _slow_but_alive),
        Misconception("refuses as soon as somebody has to wait",
                      "A short queue is no harm: it carries the server over a short wave. Refuse when the wait "
                      "gets too long.",
                      lambda in_flight, cpus, slots: in_flight < cpus,
                      lambda nights: nights[0].refused > 0 and max(night.p99_ms for night in nights) < 300),
    ),
    hints=("Two limits count: the memory, and the time that the work ahead takes. The tighter one decides.",
           "The server finishes cpus / 0.010 requests per second. If 80 % of that number is inside, a newcomer "
           "waits about 0.8 seconds."),
    solution="def admit(in_flight, cpus, slots):\n    served_per_second = cpus / 0.010\n"
             "    return in_flight < min(slots, 0.8 * served_per_second)",
    because="in_flight / served per second is the wait of a newcomer. 0.8 leaves room below one second for chance. "
            "Turning some away early keeps all the others.",
)


def _full_after(users, cpus, ram_gb):
    growth_per_s = users * 4 / 60 - cpus / 0.010
    right = ram_gb * 1024 / 8 / growth_per_s if growth_per_s > 0 else math.inf
    return Scenario(f"{users:,} users, {cpus} cores, {ram_gb} GB",
                    lambda seconds_until_full: number(seconds_until_full(users, cpus, ram_gb)),
                    near(right, "seconds"))


HARD = Exercise(
    key="02-hard", title="how long does the memory last?",
    ask="Write seconds_until_full(users, cpus, ram_gb): how long an empty server lasts until its memory is full. A "
        "user sends 4 requests per minute, a request takes 10 ms of CPU and holds 8 MB, a GB has 1,024 MB. At "
        "or below capacity the answer is math.inf. Leave chance aside, and the moment in which the cores fill.",
    starter="def seconds_until_full(users, cpus, ram_gb):\n    ...", answer="seconds_until_full",
    wants="a function seconds_until_full(users, cpus, ram_gb) that returns a number of seconds",
    scenarios=(_full_after(8_000, 4, 4), _full_after(3_000, 4, 4), _full_after(8_000, 4, 128),
               _full_after(1_000_000, 4, 4), _full_after(40_000, 25, 16), _full_after(60_000, 48, 2)),
    misconceptions=(
        Misconception("the server stands still",
                      "While requests arrive, others finish. The queue grows by arrivals minus capacity.",
                      lambda users, cpus, ram_gb: math.inf if users * 4 / 60 <= cpus * 100
                      else ram_gb * 128 / (users * 4 / 60)),
        Misconception("no word for never",
                      "Below capacity the queue does not grow, and a negative time means nothing. Give math.inf.",
                      lambda users, cpus, ram_gb: ram_gb * 128 / (users * 4 / 60 - cpus * 100)),
        Misconception("forgot the cores", "Every core finishes 100 requests per second.",
                      lambda users, cpus, ram_gb: math.inf if users * 4 / 60 <= 100
                      else ram_gb * 128 / (users * 4 / 60 - 100)),
        Misconception("a GB of 1,000 MB", "Memory is counted in powers of two here: 4 GB hold 512 requests, not 500.",
                      lambda users, cpus, ram_gb: math.inf if users * 4 / 60 <= cpus * 100
                      else ram_gb * 125 / (users * 4 / 60 - cpus * 100)),
    ),
    hints=("How many requests fit? By how many does the queue grow in a second?",
           "seconds = (ram_gb * 1024 / 8) / (arrivals per second - cpus / 0.010), if that difference is above 0."),
    solution="import math\n\ndef seconds_until_full(users, cpus, ram_gb):\n"
             "    growth_per_second = users * 4 / 60 - cpus / 0.010\n"
             "    if growth_per_second <= 0:\n        return math.inf\n"
             "    return ram_gb * 1024 / 8 / growth_per_second",
    because="More memory makes the crash later. While the overload lasts, only more capacity or fewer requests "
            "prevents it.",
)

QUIZ = (
    Question("8,000 users crash a server of 4 cores and 4 GB. You give it 128 GB. What happens?", (
        Choice("It holds for good.", "The queue still grows by 133 per second. A larger memory is full later."),
        Choice("It crashes later, after longer waits.",
               "32 times the memory, 32 times the time: about two minutes. Before the crash, answers take up to about "
               "31 seconds.", True),
        Choice("Nothing changes.", "The crash comes later, so something changes. But it comes."),
    )),
    Question("The server is 95 % busy and users complain about waits. Two more cores would make it...", (
        Choice("a third faster, no more.",
               "The work takes as long as before; it is the waiting that goes. That is most of the latency here."),
        Choice("nearly free of waiting.", "Six cores are 63 % busy. On the flat part of the curve waits are short.",
               True),
        Choice("no faster: each request needs 10 ms.", "The work is 10 ms, but at 95 % most of the time is waiting."),
    )),
    Question("More requests arrive than the server can do. What should it do with the rest?", (
        Choice("Refuse them at once.",
               "Right when a quick no is better than a slow yes, as for a page that can be loaded again. The price: "
               "some users see an error.", None),
        Choice("Let them wait in a long queue.",
               "Right when the work may be done later, as for mails or reports. The price: memory, and users who "
               "give up while their work is still being done.", None),
        Choice("Let them in, but do less for each.",
               "Right when a page without recommendations is still a page. The price: a second, simpler way through "
               "the program, which must be kept working.", None),
    )),
)

GOALS = (
    Goal("Bring p99 above 100 ms while the server is under 97 % busy and no request fails.",
         lambda run, settings: figure(run, "p99_ms") > 100 and figure(run, "utilization_percent") < 97
         and figure(run, "error_percent") == 0),
    Goal("Crash the server at least twice in one run. (A restart takes 30 s; a huge crowd is simulated for less.)",
         lambda run, settings: _crashes(run) >= 2),
    Goal("Serve at least 10,000 users without a failed request, and with no more than 4 GB.",
         lambda run, settings: settings["users"] >= 10_000 and settings["ram_gb"] <= 4
         and figure(run, "error_percent") == 0),
)

LESSON = Lesson("02", "Overload", (HOCKEY, CRASH), (EASY, MEDIUM, HARD), QUIZ, GOALS)
