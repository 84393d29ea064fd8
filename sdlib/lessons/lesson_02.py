"""Lesson 02: overload. The hockey stick, the crash, and who should be let in."""

from sdlib.lessons.lesson_00 import first_shop
from sdlib.lessons.measures import again, answered_percent, band, crashes, figure, is_letter, letter, times
from sdlib.lessons.shedding import LONGEST_S, Wave, serve, within_a_second
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

REFUSED_TOO_MANY = 0.02  # share of the requests sent, above what the measure refuses
STEP_USERS = 50
LONGEST_P99_MS = 100


HOCKEY = Prediction(
    key="02-hockey", about="averages", rises=True,
    ask="The small server has 4 cores. With 3,000 users they are 50 % busy, and a request takes about 12 ms on "
        "average. With 5,700 users they are 95 % busy. What is the mean latency then?",
    choices=(
        Choice("under 30 ms",
               "Twice the load, twice the latency: so it would be on a straight line. Waiting does not grow in a "
               "straight line."),
        Choice("30 to 90 ms",
               "So it is usually, on four cores at 95 %. In this run the load was another one, or it was too short to "
               "tell."),
        Choice("90 to 180 ms",
               "That steep it gets a little later, at 98 %. At 95 % the four cores still have a twentieth of their "
               "time to clear the queue."),
        Choice("over 180 ms",
               "A well-known rule says work / (1 - busy): 11 ms / 0.05 = 220 ms. It holds for one core. Four cores "
               "share one queue, and a request waits only for the first of four that gets free."),
    ),
    right=lambda run: band(figure(run, "mean_ms"), (30, 90, 180)),
    result=lambda run: f"In this run the mean latency was {figure(run, 'mean_ms'):.0f} ms.",
    because="Mean wait = chance of having to wait / (capacity - arrival rate). From 50 % to 95 % the spare capacity "
            "falls from 200 to 20 requests a second, and the chance of having to wait rises from 17 % to 89 %.",
    answer_shown_as=(r"\bbends?\b", r"explode", r"hockey[ -]stick", r"\b5[0-9](\.\d+)? ?ms", r"\b5[0-7]\.\d\d?\b"),
)

MEMORY = Prediction(
    key="02-memory", about="losses", rises=True,
    ask="8,000 users send 533 requests a second, and 4 cores finish 400. With 4 GB the server crashes again and again, "
        "and of all requests one in twelve is answered. Now it gets 128 GB, 32 times as much. What share is answered "
        "in ten minutes?",
    choices=(
        Choice("nearly all, over 90 %",
               "Memory holds requests; it does not answer them. 133 more come every second than the cores finish, and "
               "no memory is large enough for that."),
        Choice("about three quarters, 68 to 90 %",
               "400 of 533 is what the cores can do while they work. The full memory still means a crash, with all "
               "that were inside, and half a minute away."),
        Choice("about 60 %, 45 to 68 %",
               "So it is usually. In this run the server crashed more often than that, or less often."),
        Choice("as with 4 GB, under 45 %",
               "It does change something: the memory fills 32 times as slowly, so the server works for two minutes "
               "between two restarts, and not for four seconds."),
    ),
    right=lambda run: 3 - band(answered_percent(run), (45, 68, 90)),
    result=lambda run: f"In this run {answered_percent(run):.0f} % of the requests were answered, and the server "
                       f"crashed {times(crashes(run))}.",
    because="The queue grows by 133 a second, so 128 GB last for two minutes. Then the server crashes, loses all that "
            "were waiting, and is away for 30 seconds. Those that are answered have waited up to half a minute. More "
            "memory makes the crash later, not impossible.",
    answer_shown_as=(r"\b6[1-3](\.\d+)? ?%", r"\b6[1-3]\.\d\b", r"crash\w* later"),
)


EASY = Exercise(
    key="02-easy", title="what saves the server?",
    ask="8,000 users keep coming: 533 requests a second, and 4 cores finish 400. You may change one thing for good. "
        "A: memory for ten times as many requests. B: 6 cores instead of 4. C: a restart that takes 1 second instead "
        "of 30. Which one ends the crashes?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "The first crash comes after 38 seconds instead of 4.",
        "C": "It crashes every 5 seconds, and is back after one."})),),
    misconceptions=(
        Misconception("memory is capacity",
                      "Memory is a waiting room. While more come than are served, every waiting room fills.", "A"),
        Misconception("a fast restart is a cure",
                      "It shortens what comes after a crash, and that is worth much. The crash itself comes as often "
                      "as before, and takes along all that are inside.", "C"),
    ),
    hints=("What would have to be true for the queue to stop growing?",
           "The queue stops growing when the cores finish more than arrives. Which of the three changes that?"),
    solution='answer = "B"',
    because="6 cores finish 600 a second, more than the 533 that arrive. Only capacity, or fewer requests, ends an "
            "overload.",
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
        "memory; one more crashes the server. A request computes for 10 ms on average. It is tried on waves and "
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
           "How many requests does the server finish in a second? If so many are inside, how long does a newcomer "
           "wait?"),
    solution="def admit(in_flight, cpus, slots):\n    served_per_second = cpus / 0.010\n"
             "    return in_flight < min(slots, 0.8 * served_per_second)",
    because="in_flight / served per second is the wait of a newcomer. 0.8 leaves room below one second for chance. "
            "Turning some away early keeps all the others.",
)



def _long_run_share(users, cpus, ram_gb, restart_s):
    arriving_per_s, capacity_per_s = users * 4 / 60, cpus / 0.010
    if arriving_per_s <= capacity_per_s:
        return 1.0
    up_s = ram_gb * 1024 / 8 / (arriving_per_s - capacity_per_s)
    return capacity_per_s * up_s / (arriving_per_s * (up_s + restart_s))


def _long_run(users, cpus, ram_gb, restart_s):
    return Scenario(f"{users:,} users, {cpus} cores, {ram_gb} GB, restart in {restart_s} s",
                    lambda answered_share: number(answered_share(users, cpus, ram_gb, restart_s)),
                    near(_long_run_share(users, cpus, ram_gb, restart_s)))


HARD = Exercise(
    key="02-hard", title="the life of a server that crashes",
    ask="Write answered_share(users, cpus, ram_gb, restart_s): the share of all requests, from 0 to 1, that is "
        "answered in the long run, over many crashes. A user sends 4 requests a minute; a request computes for 10 ms "
        "and holds 8 MB; a GB has 1,024 MB. Leave chance aside, and the moment in which the cores fill. It is tried on "
        "servers that you have not seen.",
    starter="def answered_share(users, cpus, ram_gb, restart_s):\n    ...", answer="answered_share",
    wants="a function answered_share(users, cpus, ram_gb, restart_s) that returns a number from 0 to 1",
    scenarios=(_long_run(8_000, 4, 4, 30), _long_run(3_000, 4, 4, 30), _long_run(8_000, 4, 128, 30),
               _long_run(8_000, 4, 4, 1), _long_run(40_000, 25, 16, 60), _long_run(60_000, 48, 2, 5)),
    misconceptions=(
        Misconception("a server that never rests",
                      "This is the share while it works. After each crash it is away, and the requests keep coming.",
                      lambda users, cpus, ram_gb, restart_s: min(1.0, cpus * 100 / (users * 4 / 60))),
        Misconception("it stands still while the memory fills",
                      "While requests arrive, others finish: the memory fills by the difference only, and lasts "
                      "longer.",
                      lambda users, cpus, ram_gb, restart_s: 1.0 if users * 4 / 60 <= cpus * 100 else
                      cpus * 100 * (up := ram_gb * 128 / (users * 4 / 60)) / (users * 4 / 60 * (up + restart_s))),
        Misconception("up is as good as answered",
                      "This is the share of the time in which the server is up. While it is up, it answers only what "
                      "its cores can do; the rest fills the memory and is lost.",
                      lambda users, cpus, ram_gb, restart_s: 1.0 if users * 4 / 60 <= cpus * 100 else
                      (up := ram_gb * 128 / (users * 4 / 60 - cpus * 100)) / (up + restart_s)),
    ),
    hints=("Its life is a circle: it fills, crashes, restarts. How long is one round, what arrives in it, and what is "
           "answered in it?",
           "While it is up, it answers at full capacity. What waits in memory at the crash is lost, and what arrives "
           "during the restart is refused. Divide one round's answers by one round's arrivals."),
    solution="def answered_share(users, cpus, ram_gb, restart_s):\n"
             "    arriving, capacity = users * 4 / 60, cpus / 0.010\n"
             "    if arriving <= capacity:\n        return 1.0\n"
             "    up_s = (ram_gb * 1024 / 8) / (arriving - capacity)\n"
             "    return capacity * up_s / (arriving * (up_s + restart_s))",
    because="More memory and a faster restart both push the share towards capacity / arrivals, and never past it. "
            "Turning the surplus away at the door reaches that limit with a few MB of memory, and without a crash.",
)

QUIZ = (
    Question("A server crashes in every evening's rush and is idle at night. On average over the day it is 32 % busy. "
             "What does the average tell you about its size?", (
                 Choice("It is three times too large.", "In the evening it is too small. The idle nights do not help "
                                                        "the evening: time cannot be saved up."),
                 Choice("Nothing: look at the busiest minutes.",
                        "A server meets its requests when they come. It must be sized for its peak.", True),
                 Choice("It is about right.", "It crashes every day. The average hides it, because it mixes the rush "
                                              "with the night."),
             )),
    Question("The server is 95 % busy and its users complain about waits. Two cores are added to the four. What do the "
             "users notice?", (
                 Choice("Waits are a third shorter.",
                        "The work takes as long as before; it is the waiting that goes, and that is most of the "
                        "latency here."),
                 Choice("Waiting all but disappears.",
                        "Six cores are 63 % busy. There the curve is flat, and waits are short.", True),
                 Choice("Nothing: each request needs 10 ms.",
                        "The work is 10 ms, but at 95 % most of the time is waiting."),
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


def _is_quick(run):
    return not figure(run, "failed") and figure(run, "p99_ms") < LONGEST_P99_MS


def _small_machine(settings):
    is_small = (settings["cpus"], settings["ram_gb"]) == (4, 4)
    return "" if is_small else "Set 4 cores and 4 GB; the crowd is what changes."


def _largest_quick_crowd(run, settings):
    users = settings["users"]
    if _small_machine(settings):
        return _small_machine(settings)
    if users % STEP_USERS:
        return f"{users:,} users are no full step of {STEP_USERS}: type the number into the field."
    if not _is_quick(run):
        return f"{figure(run, 'failed'):,} requests failed, and p99 was {figure(run, 'p99_ms'):,.0f} ms."
    return f"{users + STEP_USERS:,} users get that as well." if _is_quick(again(run, users + STEP_USERS)) else True


def _crashes_exactly_once(run, settings):
    if _small_machine(settings):
        return _small_machine(settings)
    if run.seconds < 60:
        return f"Such a crowd is simulated for {run.seconds:.0f} s only. A smaller one crashes the server once, too."
    return True if crashes(run) == 1 else f"It crashed {times(crashes(run))}."


def _just_enough_memory(run, settings):
    if settings["users"] != 8_000 or settings["cpus"] != 4:
        return "Keep 8,000 users on 4 cores; the memory is what changes."
    if crashes(run):
        return f"With {settings['ram_gb']:g} GB it crashed {times(crashes(run))}."
    less_gb = 0.9 * settings["ram_gb"]
    return True if crashes(again(run, ram_gb=less_gb)) else f"{less_gb:.0f} GB would also last for the minute."


GOALS = (
    Goal("On 4 cores and 4 GB, find the largest crowd, in steps of 50 users, whose p99 stays under 100 ms with no "
         "request failing.", _largest_quick_crowd, (r"\b5,?[0-4][05]0 users",)),
    Goal("On 4 cores and 4 GB, crash the server exactly once in the minute.", _crashes_exactly_once,
         (r"\b6,?[2-4]\d0 users",)),
    Goal("8,000 users overload 4 cores. Give the server just enough memory to last for the minute. Within 10 % is near "
         "enough.", _just_enough_memory, (r"\b6[0-9] GB",)),
)

LESSON = Lesson("02", "Overload", (HOCKEY, MEMORY), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("the same, overloaded", lambda: first_shop(8_000)),
                 Stage("the same, far overloaded", lambda: first_shop(1_000_000))))
