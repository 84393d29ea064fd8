"""Lesson 15: a gateway in front, balancers for each service, and what each layer costs and may lose."""

from math import comb

from sdlib.charts.layers import layers_ms
from sdlib.components.clients import Clients
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.shop import PAGES, shop
from sdlib.lessons.watching import Day, watch
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

SERVICE = "product"


ONE = Prediction(
    key="15-one", about="losses", rises=True,
    ask="Every service has three machines now, and in front of them one balancer. User's balancer is dead for 15 of "
        "the 60 seconds; user's three machines are well. One request in ten goes to /user, 7 in 100 to /order, 3 in "
        "100 to /payment. An order asks user and product, a payment asks order. What share of the minute's requests "
        "fails?",
    choices=(
        Choice("none, under 1 %",
               "The machines are alive, and nobody can reach them: the only address of user was the balancer's."),
        Choice("about 2.5 %, 1 to 3.5 %",
               "A tenth of the requests, for a quarter of the minute: that is who goes to /user. Who else asks user?"),
        Choice("about 5 %, 3.5 to 10 %",
               "So it is on average. In this run it was another share."),
        Choice("about 25 %, over 10 %",
               "So it would be with one balancer for the whole shop. Most of the shop only looks at products, and "
               "product has a balancer of its own."),
    ),
    right=lambda run: band(figure(run, "error_percent"), (1, 3.5, 10)),
    result=lambda run: f"In this run {figure(run, 'error_percent'):.1f} % of the minute's requests failed.",
    because="10 + 7 + 3 of 100 requests need user, and the balancer is away for a quarter of the minute: 20 % x 1/4. "
            "What only looks at products does not notice.",
    answer_shown_as=(r"\b[45]\.\d % of the minute's requests", r"20 % x 1/4"),
)

TWO = Prediction(
    key="15-two", about="losses", rises=True,
    ask="User now has two balancers, which know the same three machines. Who calls user has both addresses, uses them "
        "by turn, and looks every 2 seconds whether they answer: at second 20, 22 and so on. One of the two dies at "
        "second 20.5, for 15 seconds. 160 requests a second need user. How many requests fail?",
    choices=(
        Choice("hardly any, up to 25",
               "The other balancer is well, and a caller learns of the death only when it looks. Until then it uses "
               "the dead address by turn."),
        Choice("about 60, 26 to 90",
               "That counts only those who go to /user. Orders and payments need user as well."),
        Choice("about 120, 91 to 180",
               "So it is on average. In this run it was another number."),
        Choice("about 240, 181 and more",
               "For a second and a half nobody knows. In that time 240 requests need user. Half of them go to the "
               "balancer that is well."),
    ),
    right=lambda run: band(figure(run, "failed"), (25, 90, 180)),
    result=lambda run: f"In this run {figure(run, 'failed'):,.0f} requests failed.",
    because="Rate x share x time to notice: 160 a second x 1/2 x 1.5 s = 120. How long the balancer stays away after "
            "that does not count any more.",
    answer_shown_as=(r"\b1[0-4]\d requests failed", r"1\.5 s = 120"),
)


EASY = Exercise(
    key="15-easy", title="one box more",
    ask="A shop: one gateway; behind it four services, each with one balancer and three machines, two of which can "
        "carry the load. Each box is away for nine hours a year, at times of its own. Of 100 requests 90 need the "
        "product service. There is money for one box more. With which does the shop lose the fewest requests? A: a "
        "fourth product machine. B: a second balancer for product. C: a second gateway.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("C", {
        "A": "One machine of three may be away already, and nothing is lost. It is very rare that two are at once.",
        "B": "That saves 90 of 100 requests for nine hours a year. Another box saves more."})),),
    misconceptions=(
        Misconception("more machines are always the answer",
                      "Look for the box without which nothing passes. No single machine is such a box here: there are "
                      "three, and two are enough.", "A"),
        Misconception("the newest box is the weakest",
                      "The balancer of product is a single point of failure, for 90 of 100 requests. For whom is the "
                      "gateway one?", "B"),
    ),
    hints=("Go through the path of a request, and at each box ask: if it is away, who notices?",
           "Lost is rate x share x time away. The time is the same for all. Compare the shares."),
    solution='answer = "C"',
    because="A single point of failure costs rate x share x time away. All requests pass the gateway, so its share is "
            "1. The nearer a box stands to the customers, the more it matters that there are two.",
)


MOST_FAILED_PERCENT, LONGEST_P99_MS = 7, 400
DAYS = (
    Day("one machine dies and comes back", 0.5, down=((), ((8.2, 20.2),), ())),
    Day("one after another dies and comes back", 0.45, down=(((5.3, 9.3),), ((14.3, 18.3),), ((24.3, 28.3),))),
    Day("all are busy, and now and then a check gets lost", 0.85,
        missed=((4, 7, 13, 19, 25, 31, 37), (5, 9, 11, 17, 23, 29, 35), (6, 15, 21, 27, 33, 39))),
    Day("for ten seconds no check is answered, and all machines are well", 0.6, missed=(tuple(range(12, 22)),) * 3),
)


def _day(day):
    def fault(outcome):
        percent = 100 * outcome.failed / outcome.sent
        if percent <= MOST_FAILED_PERCENT and outcome.p99_ms <= LONGEST_P99_MS:
            return ""
        return (f"{percent:.1f} % of the requests failed and the p99 was {outcome.p99_ms:,.0f} ms; "
                f"{MOST_FAILED_PERCENT} % and {LONGEST_P99_MS} ms are allowed.")
    return Scenario(day.label, lambda machines_in_use: watch(machines_in_use, day), fault)


def _everybody(checks):
    return list(range(len(checks)))


def _failed(values):
    return [100 * one.failed / one.sent for one in values]


def _never_again(checks):
    return [number for number, answers in enumerate(checks)
            if not any(not before and not now for before, now in zip(answers, answers[1:], strict=False))]


MEDIUM = Exercise(
    key="15-medium", title="who is in use?",
    ask="A balancer checks each of three machines once a second. Write machines_in_use(checks): the list of the "
        "numbers of the machines that get requests until the next check. checks: for each machine the list of its "
        "answers so far, the newest last: True, it answered; False, it did not. Before the first check all are in "
        "use. A check may get lost though the machine is well. If your list is empty, all requests are refused. The "
        "goal, on days that you have not seen: 7 % of the requests fail at most, with a p99 of 400 ms at most.",
    starter="def machines_in_use(checks):\n    ...", answer="machines_in_use",
    wants="a function machines_in_use(checks) that returns a list of numbers from 0 to 2, which may be empty",
    scenarios=tuple(map(_day, DAYS)),
    misconceptions=(
        Misconception("nobody is ever taken out",
                      "Then the checks are for nothing: a dead machine gets its turn for as long as it is dead.",
                      _everybody),
        Misconception("one lost check is a death",
                      "On the busy day no machine was dead. A third of the load went to the two others, which had no "
                      "room for it, and requests queued. Ask for more than one answer before you believe it.",
                      lambda checks: [n for n, answers in enumerate(checks) if answers[-1]] or _everybody(checks),
                      lambda values: values[2].p99_ms > LONGEST_P99_MS),
        Misconception("who was out stays out",
                      "A machine that is back must get requests again. With each death one fewer was left, and in the "
                      "end there was too little of them.",
                      lambda checks: _never_again(checks) or _everybody(checks),
                      lambda values: values[1].p99_ms > LONGEST_P99_MS),
        Misconception("nobody answers, so nobody lives",
                      "All machines silent at the same time: what is more likely, that all died in one second, or that "
                      "something is wrong with the checks? An empty list loses everything for sure.",
                      lambda checks: [n for n, answers in enumerate(checks) if any(answers[-2:])],
                      lambda values: _failed(values)[3] > MOST_FAILED_PERCENT),
        Misconception("better wait a while longer",
                      "Each second in which a dead machine is believed to be alive costs a third of the requests. Two "
                      "or three checks in a row are enough.",
                      lambda checks: [n for n, answers in enumerate(checks) if any(answers[-6:])] or _everybody(
                          checks),
                      lambda values: _failed(values)[1] > MOST_FAILED_PERCENT and _failed(values)[3] == 0),
    ),
    hints=("answers[-2:] are the last two. When do you believe that a machine is dead, and when that it is back?",
           "Keep a machine while any(answers[-2:]). And what if that keeps none?"),
    solution="def machines_in_use(checks):\n"
             "    alive = [number for number, answers in enumerate(checks) if any(answers[-2:])]\n"
             "    return alive or list(range(len(checks)))",
    because="Two checks in a row, as many balancers do it, and back at the first answer. With none left, use all: AWS "
            "calls that fail open. NGINX does the same: when all of its servers count as failed, it tries them anyway.",
)


def _enough(availability, count, needed):
    """How often at least `needed` of `count` are there."""
    return sum(comb(count, there) * availability**there * (1 - availability)**(count - there)
               for there in range(needed, count + 1))


def _path_open(layers, layer=_enough):
    share = 1.0
    for one in layers:
        share *= layer(*one)
    return share


def _path(label, *layers):
    return Scenario(f"{label}: {', '.join(f'{count} of {a:g}, {needed} needed' for a, count, needed in layers)}",
                    lambda answered: number(answered([*layers])), near(_path_open(layers), tolerance=1e-4))


HARD = Exercise(
    key="15-hard", title="how often is the path open?",
    ask="Write answered(layers): the share of the time in which a request finds its way through all layers. layers: a "
        "list of (availability, count, needed): so many boxes of that availability stand in this layer, and so many of "
        "them must be there to carry the load. Boxes fail independently of each other.",
    starter="def answered(layers):\n    ...", answer="answered",
    wants="a function answered(layers) that returns a number from 0 to 1",
    scenarios=(_path("a shop", (0.99, 1, 1), (0.99, 2, 1), (0.95, 3, 2)),
               _path("all in pairs", (0.9, 2, 1), (0.8, 2, 1), (0.9, 2, 1)),
               _path("no spare", (0.95, 3, 3), (0.99, 2, 2)),
               _path("a large group", (0.99, 2, 1), (0.9, 10, 7))),
    misconceptions=(
        Misconception("the path is as good as its weakest layer",
                      "The weakest layer says the most. But the others are away at other times, and that adds up.",
                      lambda layers: min(_enough(*one) for one in layers)),
        Misconception("one of them is always enough",
                      "Where two of three must be there, it does not help that one is.",
                      lambda layers: _path_open(layers, lambda a, count, needed: 1 - (1 - a)**count)),
        Misconception("all of them are needed",
                      "That is a row of boxes without any spare: each box more makes it worse. Where one may be "
                      "missing, count the cases in which it is.",
                      lambda layers: _path_open(layers, lambda a, count, needed: a**count)),
        Misconception("one case for each number",
                      "Exactly two of three can be there in three ways: each of the three may be the missing one.",
                      lambda layers: _path_open(layers, lambda a, count, needed: sum(
                          a**there * (1 - a)**(count - there) for there in range(needed, count + 1)))),
    ),
    hints=("One layer first: it is open when needed, needed + 1, ... or all count boxes are there. Add these up.",
           "Exactly k of n are there with math.comb(n, k) * a**k * (1 - a)**(n - k). A request needs every layer: "
           "multiply."),
    solution="from math import comb\n\n"
             "def answered(layers):\n"
             "    share = 1\n"
             "    for a, count, needed in layers:\n"
             "        share *= sum(comb(count, k) * a**k * (1 - a)**(count - k)\n"
             "                     for k in range(needed, count + 1))\n"
             "    return share",
    because="A layer with a spare is the binomial distribution's upper end, and layers one behind another multiply. "
            "With one needed it is 1 - (1 - a)^n. \"Independently\" is the assumption that breaks first: two balancers "
            "with the same wrong configuration die in the same second.",
)


QUIZ = (
    Question("Three machines, of which two are enough, behind one balancer. Each machine is away 1 % of the time, the "
             "balancer 0.1 %. How often is the service away, about?", (
                 Choice("0.0003 %: two machines must fail at once, and that is rare.",
                        "It is rare, about 0.03 % of the time. But the balancer alone takes all of them with it."),
                 Choice("0.13 %: the balancer's time, and a little for the machines.",
                        "0.1 % for the balancer and 3 x 1 % x 1 % for two machines at once. The best box of all "
                        "decides, because there is one of it.", True),
                 Choice("3.1 %: each box that fails is felt.",
                        "A machine that fails is not felt: the balancer takes it out, and two are enough."),
             )),
    Question("A service has two balancers, and each of them is 70 % busy. One dies. What happens?", (
        Choice("The other one takes over: that is what two are for.",
               "It gets 140 % of what it can do. Two that are both needed are no pair."),
        Choice("Half of the requests wait until it is back.",
               "The callers notice, and send all of them to the other one."),
        Choice("The other one is overloaded, and soon everybody waits.",
               "A spare is one that is not needed while all are well. With two, each may be half busy at most.", True),
    )),
    Question("Who hands out the requests among a service's machines?", (
        Choice("one pair of balancers for all services",
               "Right when the shop is small: two boxes to look after. The price: a slow service holds connections "
               "that the others need, and a wrong setting for one is felt by all.", None),
        Choice("a pair for each service",
               "Right when services belong to different teams and one of them may have a bad day alone. The price: two "
               "boxes for each service, and somebody must look after them.", None),
        Choice("nobody: each caller has the machines' addresses",
               "Right when there are very many calls between services: no hop, and no box that can die. The price: "
               "each caller must keep the list, check the machines and pick well, in every language that is used.",
               None),
    )),
)


MOST_P99_MS = 60


def _machines(settings):
    return "1 machine" if settings["machines"] == 1 else f"{settings['machines']} machines"


def _waits_as_long_as_it_works(run, settings):
    if settings["machines"] != 1 or settings["balancers"] != 1:
        return "Take one machine and one balancer for each service."
    waits_ms, works_ms = (sum(part) for part in zip(*layers_ms(run, SERVICE).values(), strict=True))
    if 0.8 * works_ms <= waits_ms <= 1.25 * works_ms:
        return True
    return f"A request to product waits {waits_ms:,.1f} ms and is worked on for {works_ms:,.1f} ms."


def _largest_pair(run, settings):
    if settings["balancers"] != 2:
        return "Take two balancers for each service."
    together = sum(run.stations["utilization"][name] for name in (f"{SERVICE} balancer 1", f"{SERVICE} balancer 2"))
    if together > 1:
        return f"While one is away, the other would be {100 * together:.0f} % busy."
    if together < 0.85:
        return f"While one is away, the other would be {100 * together:.0f} % busy, so it could carry more."
    return True


def _fewest_machines(run, settings):
    if settings["users"] != 100_000 or settings["balancers"] != 2:
        return "Keep 100,000 users and two balancers."
    p99_ms = figure(run, "p99_ms")
    if not p99_ms <= MOST_P99_MS:
        return f"With {_machines(settings)} the p99 is {p99_ms:,.0f} ms; {MOST_P99_MS} ms are asked for."
    return True if settings["machines"] <= FEWEST_MACHINES else f"{_machines(settings)}: it can be done with fewer."


FEWEST_MACHINES = 14
GOALS = (
    Goal("One machine and one balancer for each service. Find the crowd with which a request to product waits as long "
         "on its way as it is worked on. Within a fifth is near enough. In which layer does it wait?",
         _waits_as_long_as_it_works, (r"crowd of (6,[6-9]|7,[0-2])\d\d\b",)),
    Goal("Two balancers for each service. Find the largest crowd with which one of product's two could carry all of "
         "product's requests alone: it would be 85 to 100 % busy. The chart shows the busier one of both at work, "
         "so little more than half of that. How many machines do you need to see it?",
         _largest_pair, (r"\b3[2-7]\d,\d00 users",)),
    Goal("100,000 users, two balancers. Find the fewest machines per service with which the p99 is 60 ms at most. "
         "With which policies can it be done?", _fewest_machines,
         (r"\b(14|fourteen) machines (per|for each) service",)),
)


def layered():
    """The shop with a pair of balancers for each service."""
    return shop(15), Clients(users=12_000, routes=PAGES)


LESSON = Lesson("15", "Gateway and balancers", (ONE, TWO), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("a pair of balancers a service", layered),))
