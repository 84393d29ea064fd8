"""Lesson 06: the load balancer. Who hands out the requests, by which rule, and what it does about a dead machine."""

import math

from sdlib.components.clients import Clients
from sdlib.lessons.choosing import Farm, serve
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.shop import shop
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import counted, whole
from sdlib.theory import mmc

SERVICE_MS = 10.0


def _wait_ms(run):
    """All that a request takes beyond its own work; the machines of these runs call no database."""
    return figure(run, "mean_ms") - SERVICE_MS


POLICY = Prediction(
    key="06-policy", about="averages", rises=False,
    ask="Five machines of 4 cores, 80 % busy. Under round robin each gets exactly a fifth of the requests, and a "
        "request waits 3.5 ms for a core on average. Now the balancer counts how many requests each machine has that "
        "are not yet answered, and hands the next one to the machine with the fewest. How long is the wait then?",
    choices=(
        Choice("about as long, 2.5 to 4.5 ms",
               "Each machine still gets a fifth. But which fifth? Round robin also hands requests to a machine that is "
               "stuck with long ones, while another has idle cores."),
        Choice("about half, 1.2 to 2.5 ms",
               "It is a larger step than that: a request now waits only when nearly all cores everywhere are taken."),
        Choice("about a fifth, 0.3 to 1.2 ms",
               "So it is on average here. In this run it was another share."),
        Choice("next to none, under 0.3 ms",
               "Counting cannot free cores. With 16 of 20 busy on average, all 20 are taken now and then, and then "
               "everybody waits."),
    ),
    right=lambda run: 3 - band(_wait_ms(run), (0.3, 1.2, 2.5)),
    result=lambda run: f"In this run a request waited {_wait_ms(run):.2f} ms.",
    because="A machine with few open requests has room, whatever the requests are like. So a request seldom waits at "
            "one machine while a core is idle at another. Equal numbers are not equal work.",
    answer_shown_as=(r"a request waited 0\.\d+ ms", r"\b0\.[678]\d? ms", r"about a fifth of the wait"),
)


DEAD = Prediction(
    key="06-dead", about="losses", rises=True,
    ask="The same five machines, 18,000 users, so four could carry them all. One machine is dead for half of the "
        "minute: it refuses at once. The balancer hands each request to the machine with the fewest open ones, and "
        "does not know who is alive. What share of the minute's requests fails?",
    choices=(
        Choice("none, under 1 %",
               "Then the balancer would have to know. It sees only how many requests are open at each machine."),
        Choice("about a tenth, 1 to 20 %",
               "A fifth of the requests, for half of the time: so it is with round robin, which hands the dead machine "
               "no more than its turn."),
        Choice("about a third, 20 to 45 %",
               "So it is on average. In this run it was another share."),
        Choice("about half, over 45 %",
               "That would be every request while it is dead. Now and then a living machine is idle as well, and a die "
               "decides between the two."),
    ),
    right=lambda run: band(figure(run, "error_percent"), (1, 20, 45)),
    result=lambda run: f"In this run {figure(run, 'error_percent'):.0f} % of the minute's requests failed.",
    because="A dead machine refuses at once, so nothing is ever open there: it looks like the idlest of all, and draws "
            "nearly three of four requests to itself. The cleverest rule is the worst one when it does not know who is "
            "alive.",
    answer_shown_as=(r"\b3[5-7] % of the minute", r"draws nearly three of four", r"looks (like the )?idle"),
)


EASY = Exercise(
    key="06-easy", title="one change",
    ask="Five machines of 4 cores, 80 % busy, round robin. Requests wait too long for a core. You may change one "
        "thing. A: a sixth machine. B: the policy, to least connections. C: a balancer with twice the cores. Which one "
        "shortens the wait most?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "It cuts the wait to less than a third. Another change cuts it further, and for nothing.",
        "C": "It changes nothing that a user could notice."})),),
    misconceptions=(
        Misconception("more machines are always the answer",
                      "A sixth machine costs money every month. Before you buy one, see whether the five are used "
                      "well: under round robin requests wait at one while cores are idle at another.", "A"),
        Misconception("whoever hands out the work must be the bottleneck",
                      "The balancer spends 0.1 ms on a request, the machines spend 10 ms. Look at where the requests "
                      "stand: in front of the machines.", "C"),
    ),
    hints=("Where do the requests wait: at the balancer, or at the machines? And are all cores taken when they do?",
           "Compare in the panel: round robin with six machines, least connections with five."),
    solution='answer = "B"',
    because="Least connections on five machines waits less than round robin on six. A sixth machine has another use: "
            "it is there when one of the five is away.",
)


FARMS = (
    Farm("five equal machines", (2,) * 5, (1,) * 5, busy=0.8, seconds=1.5),
    Farm("machines of 8, 4, 2, 1 and 1 cores", (8, 4, 2, 1, 1), (1,) * 5, busy=0.75, seconds=1.2),
    Farm("one of five is four times slower", (2,) * 5, (1, 1, 4, 1, 1), busy=0.7, seconds=2),
    Farm("one of five is taken out for an upgrade", (4,) * 5, (1,) * 5, busy=0.75, removed=(2,), seconds=1.2),
)
LONGEST_MS = 15.0


def _farm(farm):
    def fault(shift):
        if shift.mean_ms <= LONGEST_MS:
            return ""
        counts = ", ".join(f"{count:,}" for count in shift.served)
        return (f"A request took {shift.mean_ms:.1f} ms on average; {LONGEST_MS:.0f} ms are allowed. The machines "
                f"answered {counts}.")
    return Scenario(farm.label, lambda choose_server: serve(choose_server, farm), fault)


def _is_fine(shift):
    return shift.mean_ms <= LONGEST_MS


def _is_even(served):
    return max(served) - min(served) <= 0.02 * max(served)


def _is_blind(shifts):
    """A slow machine, or one of another size, gets what the others get."""
    equal, unequal, slow, _ = shifts
    return min(equal.served) > 0 and unequal.mean_ms > 60 and slow.mean_ms > 40


MEDIUM = Exercise(
    key="06-medium", title="whose turn is it?",
    ask="Write choose_server(machines, in_use, turn, draw, user): the number of the machine that gets the next "
        "request. machines is a list; each machine has in_flight (its open requests, those that wait there included), "
        "cores, and out (0: in use; else taken out). in_use: how many are in use. turn: how many requests came before. "
        "draw: a number between 0 and 1, by chance. user: the number of the user. If the machine that you name is out, "
        "the next one in the list gets the request. A request works 10 ms, and on a slow machine four times as long; "
        "you are not told which is slow. The goal, on machines that you have not seen: 15 ms on average from arrival "
        "to answer, at most.",
    starter="def choose_server(machines, in_use, turn, draw, user):\n    ...", answer="choose_server",
    wants="a function choose_server(machines, in_use, turn, draw, user) that returns a whole number, from 0 to the "
          "number of machines less one",
    scenarios=tuple(map(_farm, FARMS)),
    misconceptions=(
        Misconception("all to one machine",
                      "Some machines got no request at all, and one got more than it can do. The largest machine has "
                      "room only for its share.",
                      lambda machines, in_use, turn, draw, user: max(range(len(machines)),
                                                                     key=lambda number: machines[number].cores),
                      lambda shifts: min(shifts[0].served) == 0),
        Misconception("the same number for everybody",
                      "By turn each machine gets the same number of requests, also one that is too small or too slow "
                      "for them. What do you know of a machine that tells whether it has room?",
                      lambda machines, in_use, turn, draw, user: turn % len(machines),
                      lambda shifts: _is_blind(shifts) and _is_even(shifts[0].served)),
        Misconception("chance will even it out",
                      "A die, or the user's number, spreads the requests evenly in the long run. It does not see that "
                      "a machine is small, slow, or stuck. What do you know of a machine that tells?",
                      lambda machines, in_use, turn, draw, user: int(draw * len(machines)),
                      lambda shifts: _is_blind(shifts) and not _is_even(shifts[0].served)),
        Misconception("size is all that counts",
                      "Shares by size suit machines of different sizes. A slow machine with as many cores is as large, "
                      "and still has less room: only its open requests tell.",
                      lambda machines, in_use, turn, draw, user: _by_size(machines, draw),
                      lambda shifts: shifts[1].mean_ms <= 60 and shifts[2].mean_ms > 40),
        Misconception("who is out looks idle",
                      "A machine that is out has no open requests, so it looks like the best choice, every time. Its "
                      "neighbour in the list got all that was meant for it. Look only at those with out == 0.",
                      lambda machines, in_use, turn, draw, user: min(range(len(machines)), key=lambda number:
                                                                     machines[number].in_flight),
                      lambda shifts: _is_fine(shifts[2]) and shifts[3].mean_ms > 60),
        Misconception("three open requests are three open requests",
                      "On a machine of 8 cores three open requests leave five cores idle; on a machine of 1 core two "
                      "of them wait. Count them against the cores.",
                      lambda machines, in_use, turn, draw, user: min(
                          (number for number in range(len(machines)) if machines[number].out == 0),
                          key=lambda number: machines[number].in_flight),
                      lambda shifts: [_is_fine(shift) for shift in shifts] == [True, False, True, True]),
    ),
    hints=("Of each machine you know how many requests are open there. A slow machine has more of them open than a "
           "fast one that gets as many: you need not know which is slow.",
           "in_flight / cores says how full a machine is. Go through the machines that are in use (out == 0), and "
           "take the one where it is smallest."),
    solution="def choose_server(machines, in_use, turn, draw, user):\n"
             "    numbers = [number for number in range(len(machines)) if machines[number].out == 0]\n"
             "    return min(numbers, key=lambda number: machines[number].in_flight / machines[number].cores)",
    because="Open requests for each core tell of size and of speed at once, and of whatever else holds a machine up. "
            "NGINX calls this least_conn, with weights for the sizes.",
)


def _by_size(machines, draw):
    """The machine in use at this share of all cores."""
    left = draw * sum(machine.cores for machine in machines if machine.out == 0)
    for number, machine in enumerate(machines):
        if machine.out == 0:
            left -= machine.cores
            if left < 0:
                return number
    return number


def _fewest(requests_per_s, cpus, wait_ms):
    count = 2
    while mmc(requests_per_s / (count - 1), SERVICE_MS, cpus).mean_wait_ms > wait_ms:
        count += 1
    return count


def _site(requests_per_s, cpus, wait_ms):
    right = _fewest(requests_per_s, cpus, wait_ms)

    def fault(count):
        if count == right:
            return ""
        return f"You gave {counted(count, 'machine')}. That is too {'many' if count > right else 'few'}."
    return Scenario(f"{requests_per_s:,} requests/s, {counted(cpus, 'core')} each, a wait of {wait_ms} ms",
                    lambda machines: whole(machines(requests_per_s, cpus, wait_ms)), fault)


def _until(enough):
    """The first count from 1 on that is enough."""
    count = 1
    while not enough(count):
        count += 1
    return count


HARD = Exercise(
    key="06-hard", title="one is always away",
    ask="A rolling upgrade takes one machine away at a time. Write machines(requests_per_s, cpus, wait_ms): the fewest "
        "machines of so many cores with which a request waits wait_ms for a core on average, at most, also while one "
        "of them is away. The balancer hands requests out by chance, so each machine has a queue of its own: "
        "sd.theory.mmc(arrivals_per_s, service_ms, servers).mean_wait_ms says how long the wait in one queue is. A "
        "request works 10 ms. It is tried on sites that you have not seen.",
    starter="def machines(requests_per_s, cpus, wait_ms):\n    ...", answer="machines",
    wants="a function machines(requests_per_s, cpus, wait_ms) that returns a whole number, 2 or more",
    scenarios=(_site(1_600, 4, 5), _site(700, 4, 1), _site(6_667, 16, 1), _site(40, 1, 20), _site(900, 2, 2)),
    misconceptions=(
        Misconception("nobody is away",
                      "So many are enough while all of them are there. While one is away each of the others gets "
                      "more.",
                      lambda requests_per_s, cpus, wait_ms: _until(lambda count: mmc(
                          requests_per_s / count, SERVICE_MS, cpus).mean_wait_ms <= wait_ms)),
        Misconception("all cores serve one queue",
                      "One queue for all cores needs fewer of them. By chance, each machine has its own queue, and "
                      "some wait there while cores elsewhere are idle.",
                      lambda requests_per_s, cpus, wait_ms: 1 + _until(lambda count: mmc(
                          requests_per_s, SERVICE_MS, cpus * count).mean_wait_ms <= wait_ms)),
        Misconception("enough cores for the work",
                      "With these the cores can finish what comes, and are nearly always busy: the wait is far longer. "
                      "Let mmc tell how long.",
                      lambda requests_per_s, cpus, wait_ms: 1 + math.ceil(
                          requests_per_s * SERVICE_MS / 1000 / cpus + 1e-9)),
    ),
    hints=("With count machines and one of them away, how many requests a second does each of the others get?",
           "requests_per_s / (count - 1) goes to each. Begin with count = 2, and add one while the wait that mmc gives "
           "is too long; where there are too few cores, it is infinite."),
    solution="import sdlib as sd\n\n"
             "def machines(requests_per_s, cpus, wait_ms):\n"
             "    count = 2\n"
             "    while sd.theory.mmc(requests_per_s / (count - 1), 10, cpus).mean_wait_ms > wait_ms:\n"
             "        count += 1\n"
             "    return count",
    because="One more than the load needs, always: engineers say N + 1. The same spare machine covers an upgrade and a "
            "failure, though not both at once.",
)


QUIZ = (
    Question("The balancer looks at its machines every 5 s. A machine dies. What happens to the requests that are "
             "handed to it before the next look?", (
                 Choice("Nothing: the balancer stops them.",
                        "It does not know yet. Between two looks it believes what it saw last."),
                 Choice("They fail, unless they are tried elsewhere.",
                        "A look more often, a rest after the first failure, and a second try elsewhere each make the "
                        "gap smaller.", True),
                 Choice("They wait in the balancer for the next look.",
                        "The balancer keeps no queue of its own under these policies. It hands each request out at "
                        "once."),
             )),
    Question("A payment was handed to a machine, which died before it answered. The balancer may try it at another "
             "machine. Should it?", (
                 Choice("Yes: a lost request is worse than a slow one.",
                        "The machine may have charged the card before it died. Tried again, the customer pays twice."),
                 Choice("No request should ever be tried again.",
                        "A product page read twice harms nobody. For such requests a second try hides the failure."),
                 Choice("Only if doing it twice does no harm.",
                        "Reading is harmless twice; paying is not, unless the payment service recognises a repeat. "
                        "NGINX, too, does not repeat a POST that it has sent.", True),
             )),
    Question("Which policy would you choose for a shop?", (
        Choice("Round robin.",
               "Right when machines are equal and requests much alike: it needs to know nothing, and cannot be fooled "
               "by a dead machine. The price: longer waits at high load.", None),
        Choice("Least connections.",
               "Right when machines or requests differ. The price: the balancer must count, several balancers count "
               "apart, and a machine that fails fast looks idle until somebody checks.", None),
        Choice("The same machine for the same user.",
               "Right when a machine keeps something of the user's, such as a basket in its memory. The price: uneven "
               "load, and when a machine goes, so does what it kept.", None),
    )),
)


def _smallest_bill(run, settings):
    if settings["users"] != 30_000:
        return "Keep 30,000 users."
    p99_ms, usd = figure(run, "p99_ms"), figure(run, "usd_per_month")
    if figure(run, "error_percent") or not p99_ms <= MOST_P99_MS:
        return f"The p99 is {p99_ms:,.0f} ms, or requests fail. {MOST_P99_MS} ms are allowed."
    return True if usd <= SMALLEST_USD else f"${usd:,.0f} a month: it can be done for less."


def _limit_of_the_balancer(run, settings):
    busy = 100 * run.stations.loc["load balancer cores", "utilization"]
    if run.stations["kind"].eq("Server").sum() < 20 or settings["cpus"] < 64:
        return "Take 20 machines of 64 cores, so that they are not the limit."
    if settings["policy"] == "pooled_queue":
        return "Take another policy: with one pooled queue the tile shows the first machine, which is filled first."
    if not 96 <= busy < 99.5:
        return f"The balancer is {busy:.0f} % busy, with {settings['users']:,.0f} users."
    return True


def _short_wait_by_chance(run, settings):
    from sdlib.charts.balancing import mean_wait_ms
    if settings["policy"] != "random" or settings["users"] != 24_000:
        return "Keep 24,000 users and the policy random."
    cores = settings["machines"] * settings["cpus"]
    if cores != 20:
        return f"{settings['machines']} x {settings['cpus']} are {cores} cores. Use 20."
    wait_ms = mean_wait_ms(run)
    return True if wait_ms < 1 else f"The wait is {wait_ms:.1f} ms."


MOST_P99_MS = 60
SMALLEST_USD = 412
GOALS = (
    Goal("30,000 users, and a p99 of 60 ms at most: find the smallest bill.", _smallest_bill,
         (r"\b(11|eleven) machines of 2 cores", r"\$?\b411\b")),
    Goal("20 machines of 64 cores. Find the crowd that the balancer itself can just hand out: 96 to 99 % busy.",
         _limit_of_the_balancer, (r"\b29\d,000 users",)),
    Goal("24,000 users, policy random, 20 cores in all. Cut them into machines so that the mean wait is below 1 ms.",
         _short_wait_by_chance, (r"\b(one|1|a single) machine of 20 cores",)),
)


def balanced_shop():
    """Five small machines behind a balancer, 80 % busy."""
    return shop(6), Clients(users=24_000)


LESSON = Lesson("06", "The load balancer", (POLICY, DEAD), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("5 servers behind a balancer", balanced_shop),))
