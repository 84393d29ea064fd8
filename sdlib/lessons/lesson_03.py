"""Lesson 03: vertical scaling. A bigger machine, what it costs, and what it does not make bigger."""

import math

from sdlib.components.clients import Clients
from sdlib.lessons.buying import LONGEST_P99_MS, NONE, Shop, buy, real_list
from sdlib.lessons.buying import Machine as M
from sdlib.lessons.measures import again, answered_percent, band, crashes, figure, is_letter, letter, times
from sdlib.lessons.shop import shop
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import counted, near, number

MILLION = 1_000_000
LONGEST_MEAN_MS = 11.8     # between what 67 and 68 connections give, in the panel's 3 s and in a whole minute
STEP_USERS = 10_000
MOST_USD = 15_000


DATABASE = Prediction(
    key="03-database", about="losses", rises=True,
    ask="Alone, the machine of 1,000 cores and 128 GB served the million. In the shop each request also makes one "
        "query, in the database of the last lessons: 16 connections, 1 ms for a query. What share of the requests is "
        "answered in the first half minute?",
    choices=(
        Choice("nearly all, over 90 %",
               "The cores and the memory have room for all. But a request is answered when its query is, too."),
        Choice("about a quarter, 10 to 90 %",
               "16,000 of 66,667 is what the database can do, as long as somebody asks it. The other three quarters "
               "do not go away: they wait inside, and hold memory."),
        Choice("a few percent, 1 to 10 %",
               "So it would be if the memory lasted for some seconds. It gets 50,667 requests a second that wait; at "
               "8 MB each that is 400 GB a second."),
        Choice("hardly any, under 1 %",
               "That holds for 16 connections. In this run the database had more, or the crowd was smaller."),
    ),
    right=lambda run: 3 - band(answered_percent(run), (1, 10, 90)),
    result=lambda run: f"In this run {answered_percent(run):.2f} % of the requests were answered, and the server "
                       f"crashed {times(crashes(run))}.",
    because="16 connections make 16,000 queries a second. 66,667 requests come; the surplus waits for the database, in "
            "the server's memory. 16,384 requests fit: the memory is full after a third of a second, and the server "
            "crashes with nearly all its cores idle.",
    answer_shown_as=(r"\b0\.2[56]\d* ?%", r"\bbottleneck", r"database (is|was|becomes?) (full|too small)"),
)

PRICE = Prediction(
    key="03-price", about="costs", rises=True,
    ask="Now the price. The server of 4 cores costs $121 a month, from a cloud provider's list. What does the cheapest "
        "machine of 384 cores cost there, 96 times as many?",
    choices=(
        Choice("about $6,000 a month",
               "That would be half price for buying in bulk. A cloud's list has no such discount: a large machine is "
               "many small ones, not sold."),
        Choice("about $13,000 a month",
               "That holds for 384 cores. In this run the machine had another size."),
        Choice("about $25,000 a month",
               "Twice the price for each core: so it is often told of large machines. It is true of the very largest "
               "only, and there it is far more than twice."),
        Choice("over $50,000 a month",
               "Such prices begin above 384 cores: look at the last rows of the table."),
    ),
    right=lambda run: band(figure(run, "usd_per_month"), (9_000, 18_000, 40_000)),
    result=lambda run: "In this run the machine "
                       + ("has no listed price." if math.isnan(figure(run, "usd_per_month"))
                          else f"costs ${figure(run, 'usd_per_month'):,.0f} a month."),
    because="A core costs about the same in a small machine and in one of 384: $30 and $34 a month. Within one family "
            "of machines it costs the same to the cent. Above 384 the price jumps: 2.3 times the cores cost 7 times "
            "as much. Above 896 there is no price at all.",
    answer_shown_as=(r"\b13,1\d\d\b", r"\b13,2\d\d\b", r"(same|price) (for|per) (each |a )?core"),
)

EASY = Exercise(
    key="03-easy", title="buy again?",
    ask="A shop moved from 64 to 384 cores, and from 128 to 768 GB. Before and after, in the evening rush: cores 90 % "
        "and 15 % busy, memory 35 % and 6 % full, mean latency 910 ms and 900 ms. The crowd is the same. What do you "
        "do next? A: buy the machine of 896 cores. B: look how busy the database is. C: buy memory.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "The cores would then be 6 % busy, and the latency still about 900 ms.",
        "C": "The memory is nearly empty already."})),),
    misconceptions=(
        Misconception("what did not help has to be larger",
                      "Six times the cores took 10 ms away. What is not full does not get faster by being emptier.",
                      "A"),
        Misconception("slow means too little memory",
                      "Memory that runs out crashes the server; memory that is free does nothing.", "C"),
    ),
    hints=("Where can 900 ms be spent, if not waiting for a core?",
           "The cores are idle, the memory is empty, and requests wait. Who else has to answer them?"),
    solution='answer = "B"',
    because="The first purchase removed the 10 ms of waiting for a core. The other 900 ms are spent where nothing was "
            "bought. Measure each part before you buy the next.",
)

REAL = real_list()
SHOPS = (
    Shop("2,000 users, the real price list", 2_000, REAL),
    Shop("180,000 users, the real price list", 180_000, REAL),
    Shop("1,000,000 users, the real price list", MILLION, REAL),
    Shop("1,300,000 users, the real price list", 1_300_000, REAL),
    Shop("600,000 users, a seller of odd sizes", 600_000,
         (M("broad", 640, 4, 9_000), M("tall", 384, 768, 13_000), M("large", 640, 64, 21_000),
          M("largest", 896, 128, 60_000))),
    Shop("14,000 users, a sale", 14_000,
         (M("small", 8, 32, 200), M("common", 16, 64, 800), M("on sale", 32, 128, 500), M("new", 16, 32, 620),
          M("secret", 64, 256, None))),
)


def _purchase(case):
    def fault(bought):
        if bought.name == NONE:
            return "You bought none, and one of them would do." if bought.cheapest else ""
        if bought.usd_per_month is None:
            return f"You bought {bought.name}, for which nobody lists a price."
        if bought.failed_percent:
            return f"On {bought.name} {bought.failed_percent:.0f} % of the busy day's requests failed."
        if bought.p99_ms > LONGEST_P99_MS:
            return f"On {bought.name} the busy day's p99 was {bought.p99_ms:,.0f} ms."
        if not bought.cheapest:
            return f"{bought.name} just lasts for this short run; buy none."
        if bought.usd_per_month > bought.least_usd:
            return f"{bought.name} costs ${bought.usd_per_month:,}; ${bought.least_usd:,} would do."
        return ""
    return Scenario(case.label, lambda choose: buy(choose, case), fault)


def _choose(enough, best=lambda machine: machine.usd_per_month):
    """A policy: of the machines with a price that are large enough, the best. busy: cores at work on a usual day."""
    def choose_machine(users, machines):
        busy = users * 4 / 60 * 0.010
        fitting = [machine for machine in machines if machine.usd_per_month is not None and enough(machine, busy)]
        return min(fitting, key=best).name if fitting else NONE
    return choose_machine


def _holds(machine, busy):
    return machine.memory_gb * 128 >= 2 * busy


def _has_room(machine, busy):
    return machine.cores >= 1.25 * busy + math.sqrt(1.25 * busy)


MEDIUM = Exercise(
    key="03-medium", title="which machine?",
    ask="Write choose_machine(users, machines): the name of the machine to buy, or \"none\" if none will do. machines "
        "is a list; each has .name, .cores, .memory_gb and .usd_per_month, which is None where nobody lists a price. A "
        "user sends 4 requests a minute, a request computes for 10 ms and holds 8 MB, and the database keeps up. The "
        "objective: on a busy day, with a quarter more users than usual, no request fails and p99 is at most 100 ms; "
        "and it is the cheapest with which that is so. It is tried with crowds and price lists that you have not seen.",
    starter="def choose_machine(users, machines):\n    ...", answer="choose_machine",
    wants="a function choose_machine(users, machines) that returns the name of a machine on the list, or \"none\"",
    scenarios=tuple(map(_purchase, SHOPS)),
    misconceptions=(
        Misconception("as large as a usual day needs",
                      "On the busy day it is overloaded. A machine is bought for the busy day, and with some room.",
                      _choose(lambda machine, busy: machine.cores >= busy and _holds(machine, busy))),
        Misconception("the largest, to be safe",
                      "It is safe and far too dear. And if even the largest is too small, that is no plan.",
                      lambda users, machines: max((one for one in machines if one.usd_per_month is not None),
                                                  key=lambda one: one.cores).name),
        Misconception("counts the cores only",
                      "A request that computes holds 8 MB as well. With many cores and little memory the machine "
                      "crashes.",
                      _choose(_has_room)),
        Misconception("the same share of room for every size",
                      "A fifth of room is too much for 896 cores: there chance evens out. Few cores need a larger "
                      "share of room than many.",
                      _choose(lambda machine, busy: machine.cores >= 1.25 * busy / 0.8 and _holds(machine, busy))),
        Misconception("the smallest that is large enough",
                      "The smallest is not always the cheapest. Nobody minds idle cores that cost less.",
                      _choose(lambda machine, busy: _has_room(machine, busy) and _holds(machine, busy),
                              lambda machine: (machine.cores, machine.usd_per_month))),
    ),
    hints=("First sort out what will not do: no price, too few cores for the busy day, too little memory. Then take "
           "the cheapest of the rest.",
           "How many cores are busy on the busy day? For chance, leave free about as many more as the square root of "
           "that number. And how many requests does the memory have to hold?"),
    solution="def choose_machine(users, machines):\n    busy_cores = 1.25 * users * 4 / 60 * 0.010\n    will_do = []\n"
             "    for machine in machines:\n        has_price = machine.usd_per_month is not None\n"
             "        has_cores = machine.cores >= busy_cores + busy_cores ** 0.5\n"
             "        has_memory = machine.memory_gb * 1024 / 8 >= 2 * busy_cores\n"
             "        if has_price and has_cores and has_memory:\n            will_do.append(machine)\n"
             "    if not will_do:\n        return \"none\"\n"
             "    return min(will_do, key=lambda machine: machine.usd_per_month).name",
    because="Chance makes the number of busy cores vary by about its square root, so large machines need a smaller "
            "share of room. And sometimes the answer is \"none\": 1,300,000 users are more than any machine on the "
            "list can serve. Then no money helps; the next lessons do.",
)


def _crowd(cpus, ram_gb, connections):
    most_per_s = min(cpus / 0.010, connections / 0.001, ram_gb * 128 / 0.011)
    return Scenario(f"{counted(cpus, 'core')}, {ram_gb} GB, {counted(connections, 'connection')}",
                    lambda most_users: number(most_users(cpus, ram_gb, connections)), near(most_per_s * 15, "users"))


HARD = Exercise(
    key="03-hard", title="what is full first?",
    ask="Write most_users(cpus, ram_gb, connections): the crowd at which the first part of the system is full. A user "
        "sends 4 requests a minute. A request computes for 10 ms on a core, then queries the database for 1 ms on a "
        "connection, and holds 8 MB for all that time; a GB has 1,024 MB. Leave chance and waiting aside. It is tried "
        "on systems that you have not seen.",
    starter="def most_users(cpus, ram_gb, connections):\n    ...", answer="most_users",
    wants="a function most_users(cpus, ram_gb, connections) that returns a number",
    scenarios=(_crowd(1000, 128, 16), _crowd(1000, 4, 300), _crowd(4, 4, 16), _crowd(384, 128, 300),
               _crowd(64, 0.5, 16), _crowd(896, 32, 60)),
    misconceptions=(
        Misconception("only the cores count",
                      "The cores are one of three parts. A request needs all three.",
                      lambda cpus, ram_gb, connections: cpus * 100 * 15),
        Misconception("memory for every user",
                      "A user holds memory while a request of theirs is inside, 11 ms at a time. Little's law: inside "
                      "= requests a second x seconds inside.",
                      lambda cpus, ram_gb, connections: min(cpus * 100 * 15, connections * 1000 * 15, ram_gb * 128)),
        Misconception("a core waits for the database",
                      "Here a core is free again as soon as the computing is done; the query does not need it.",
                      lambda cpus, ram_gb, connections: 15 * min(cpus / 0.011, connections / 0.001,
                                                                 ram_gb * 128 / 0.011)),
        Misconception("memory never gets full",
                      "Also without any queue requests are inside: those at work. With many cores they are many.",
                      lambda cpus, ram_gb, connections: 15 * min(cpus / 0.010, connections / 0.001)),
    ),
    hints=("Compute for each of the three parts how many requests a second fill it. Which one decides?",
           "For the memory: how many requests fit, and how long is each inside? Little's law gives the rate."),
    solution="def most_users(cpus, ram_gb, connections):\n    by_cores = cpus / 0.010\n"
             "    by_database = connections / 0.001\n    by_memory = (ram_gb * 1024 / 8) / (0.010 + 0.001)\n"
             "    return min(by_cores, by_database, by_memory) * 60 / 4",
    because="The smallest of the limits is the limit of the system. 128 GB would hold the requests of 22 million "
            "users who do not wait; the cores serve 1.5 million, and 16 connections 240,000.",
)

QUIZ = (
    Question("A shop grew from a machine of 4 cores to one of 400, and with it from 4,000 users to 400,000. The "
             "machine still crashes about once a month. What has changed?", (
                 Choice("Nothing: once a month, half a minute.",
                        "For the machine nothing. For the shop each crash now hits a hundred times as many users."),
                 Choice("A crash now hits a hundred times as many users.",
                        "One machine is one failure domain. Making it larger puts more users into it.", True),
                 Choice("A crash is shorter: more cores restart faster.",
                        "A large machine restarts more slowly, if anything: it has more memory to check and to fill."),
             )),
    Question("Two shops keep their cores two thirds busy: one has 2 cores, the other 1,000. Where do requests wait "
             "longer for a core?", (
                 Choice("With 1,000 cores: more requests come.",
                        "More come, and more leave. In the same moment in which one comes, 1,000 cores free one."),
                 Choice("The same: equally busy is equally long.",
                        "The share is the same, but chance evens out over 1,000 cores: hundreds are always free."),
                 Choice("With 2 cores.",
                        "On 2 cores both are often busy at once. On 1,000 cores that never happens.", True),
             )),
    Question("The shop fills 60 % of the largest machine that has a price, and grows by a tenth each month. What do "
             "you do?", (
                 Choice("Make each request cheaper.",
                        "Right when one slow part does most of the work: half the computing is twice the machine. The "
                        "price: programmers' time, and it cannot be repeated for ever.", None),
                 Choice("Prepare for several machines now.",
                        "Right when the growth will last: the way to several machines takes months. The price: a more "
                        "complicated system, before it is needed.", None),
                 Choice("Keep the one machine for the time being.",
                        "Right when the growth may well end, and a simple system is worth much. The price: it is full "
                        "within half a year, and then everything has to go fast.", None),
             )),
)


def _answers_soon(run):
    return not figure(run, "failed") and figure(run, "mean_ms") <= LONGEST_MEAN_MS


def _not_soon(run):
    if figure(run, "failed"):
        return f"{figure(run, 'failed'):,} requests failed."
    return f"The mean latency was {figure(run, 'mean_ms'):.2f} ms."


def _the_million(settings):
    right = (settings["users"], settings["cpus"]) == (MILLION, 1000)
    return "" if right else "Set 1,000,000 users and 1,000 cores; type the numbers into the fields."


def _fewest_connections(run, settings):
    if _the_million(settings):
        return _the_million(settings)
    if not _answers_soon(run):
        return f"With {counted(settings['connections'], 'connection')}: {_not_soon(run)}"
    fewer = with_connections(run, settings["connections"] - 1)
    return "Fewer connections would do as well." if _answers_soon(fewer) else True


def with_connections(run, connections):
    """The same run with another database behind its server."""
    database = type(run.system.calls[0])(connections)
    return again(run, calls=[database])


def _least_memory(run, settings):
    if _the_million(settings):
        return _the_million(settings)
    if figure(run, "failed"):
        return f"{figure(run, 'failed'):,} requests failed; the server crashed {times(crashes(run))}."
    less_gb = 0.9 * settings["ram_gb"]
    return True if crashes(again(run, ram_gb=less_gb)) else f"With {less_gb:.1f} GB it would not crash either."


def _most_users_for_the_money(run, settings):
    users, usd = settings["users"], figure(run, "usd_per_month")
    if users % STEP_USERS:
        return f"{users:,} users are no full step of {STEP_USERS:,}: type the number into the field."
    if not usd <= MOST_USD:
        return "No such machine has a price." if math.isnan(usd) else f"The bill is ${usd:,.0f} a month."
    if not _answers_soon(run):
        return _not_soon(run)
    return True if users >= _most_for_sale(run, users) else "More users could be served for that money."


def _most_for_sale(run, users):
    """The largest crowd, in full steps, that is served as well by the largest machine for the money."""
    best = again(with_connections(run, 512), cpus=384)
    while _answers_soon(again(best, users + STEP_USERS)):
        users += STEP_USERS
    return users


GOALS = (
    Goal("1,000,000 users on 1,000 cores: a mean latency of at most 11.8 ms and no failed request, with as few "
         "database connections as that needs.", _fewest_connections, (r"\b(6[6-9]|7[0-2]) connections",)),
    Goal("1,000,000 users on 1,000 cores: the least memory with which no request fails. Within 10 % is near enough.",
         _least_memory, (r"\b[67](\.\d)? GB",)),
    Goal("For a bill of at most $15,000 a month: the largest crowd, in steps of 10,000 users, with a mean latency of "
         "at most 11.8 ms and no failed request.", _most_users_for_the_money, (r"\b5[4-7]0,?000 users",)),
)

LESSON = Lesson("03", "Vertical scaling", (DATABASE, PRICE), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("1 server: 1,000 cores, 128 GB", lambda: (shop(3), Clients(users=MILLION))),))
