"""Lesson 19: the whole shop. What is full first, who failed first, and a design that holds on days nobody has seen."""

from math import ceil

from sdlib import data
from sdlib.charts.fullest import fullness
from sdlib.components.clients import Clients
from sdlib.lessons.incidents import FAULTS, many_wait, night
from sdlib.lessons.measures import figure, is_letter, letter, word
from sdlib.lessons.shop import PAGES, shop
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import WrongKind, shown, whole

MACHINES, BALANCERS, DATABASES, CHANNELS = "product", "product balancer", "product database", "mail worker"
FIRST_CHOICES = (MACHINES, BALANCERS, DATABASES, CHANNELS)


def fullest(run):
    """Which of the four is the fullest, and how full it is."""
    shares = fullness(run)
    part = max(FIRST_CHOICES, key=lambda part: shares.get(part, 0.0))
    return part, shares.get(part, 0.0)


FIRST = Prediction(
    key="19-first", about="loads",
    ask="A million users are served. The crowd grows by half. Which of these is asked for more than it can do, and "
        "first? Six product machines of 64 cores, 10 ms of work on a page; two balancers of 2 cores in front of them, "
        "0.1 ms; the product database, 100 queries at a time, 5 ms each, behind a Redis that keeps answers for a "
        "minute; the mail worker, which sends 900 a second, one for each payment.",
    choices=(
        Choice("the product machines",
               "They have the most work, and they are next: a million and a half fill them almost. Something else had "
               "less room."),
        Choice("the product balancers",
               "They stand beside the machines: a few percent less full, and a tenth of a millisecond each time."),
        Choice("the product database",
               "With the Redis in front of it hardly a query comes. Without it, it would have been the first."),
        Choice("the mail worker",
               "Its share was 89 % before anybody came: 800 of 900 a second."),
    ),
    right=lambda run: FIRST_CHOICES.index(fullest(run)[0]),
    result=lambda run: f"In this run the fullest of the four is: {fullest(run)[0]}, {100 * fullest(run)[1]:.0f} % of "
                       "what it can do.",
    because="Requests a second x share x work / what it has: 1,200 payments a second for 900 mails, and 36,000 product "
            "pages for 38,400. Nobody notices: payments are answered, and a queue grows.",
    answer_shown_as=(r"fullest of the four is: mail", r"1,200 payments a second for 900"),
)


def failed_routes(run):
    """The paths of which at least one in a hundred requests failed."""
    requests = run.requests
    ended = requests[requests["status"] != "in flight"]
    failed = 100 * (ended["status"] != "ok").groupby(ended["route"], observed=True).mean()
    return set(failed.index[failed >= 1])


ROUTE_SETS = (set(), {"/product"}, {"/order", "/payment"}, {"/product", "/order", "/payment", "/user"})

REDIS = Prediction(
    key="19-redis", about="losses", rises=True,
    ask="A million users, all is well, all that is asked for often is in Redis. At second 3 product's Redis dies. The "
        "product service now asks its database, which can do 20,000 queries a second; 24,000 come. An order asks "
        "product, a payment asks order, and each of them waits a second for an answer. Customers wait as long as they "
        "must. Which requests fail in the ten seconds after?",
    choices=(
        Choice("none: the database answers, only later",
               "So it is for everybody who is patient. Who gives up after a second?"),
        Choice("those to /product",
               "They wait, in a line that grows by 4,000 a second, and all that ended were answered."),
        Choice("those to /order and /payment", "It was otherwise in this run."),
        Choice("all but the pictures",
               "/user needs nothing of product: its own machines, its own Redis, its own database."),
    ),
    right=lambda run: ROUTE_SETS.index(failed_routes(run)) if failed_routes(run) in ROUTE_SETS else 3,
    result=lambda run: "In this run at least one in a hundred failed of the requests to: "
                       f"{', '.join(sorted(failed_routes(run))) or 'no path'}.",
    because="A timeout turns slow into failed. Product pages are slow; orders and payments, which have a timeout on "
            "what they call, fail. The cache had become a part without which the shop cannot stand.",
    answer_shown_as=(r"failed of the requests to: /order, /payment",),
)


EASY = Exercise(
    key="19-easy", title="what to mend first",
    ask="Three weak points of a shop, and money for one. A: the only reverse proxy is away for four hours a year; all "
        "that no edge keeps goes through it, 40 of 100 requests. B: an edge in one city is away for 60 hours a year; "
        "its customers, 5 of 100 requests, go to the next edge, 30 ms farther. C: the only order database is away for "
        "ten hours a year; 4 of 100 requests need it. Which one costs the most answers?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("A", {
        "B": "Who asks there gets an answer all the same, 30 ms later.",
        "C": "Ten hours for 4 of 100 requests are less than four hours for 40 of 100."})),),
    misconceptions=(
        Misconception("the longest outage is the worst",
                      "An outage that something else takes over loses nothing. Ask first whether anybody goes without "
                      "an answer.", "B"),
        Misconception("the database is the heart",
                      "Perhaps, but count: rate x share x time. C loses 4 x 10, another one 40 x 4.", "C"),
    ),
    hints=("For each of them: how many requests get no answer at all, and for how long?",
           "Multiply share and hours. And what does B multiply?"),
    solution='answer = "A"',
    because="Lost answers are rate x share x time: 40 x 4 = 160 for A, 4 x 10 = 40 for C, and none for B. That an "
            "order is worth more than a picture may turn it round; say so before you count.",
)


NIGHTS = (("something in the back answers nothing", "mail provider"), ("a service is gone", "user machines"),
          ("slow, and nothing is down", "product database"), ("a city's customers complain", "edge Mumbai"),
          ("a great deal comes", "product machines"), ("the database drowns", "product Redis"))
NIGHT_SEED = 3


def _night(label, part):
    fault = next(fault for fault in FAULTS if fault.part == part)

    def play(first_to_fail):
        seen = night(fault, NIGHT_SEED)
        return _part(first_to_fail({name: dict(figures) for name, figures in seen.parts.items()},
                                   {name: list(behind) for name, behind in seen.behind.items()}), seen.parts)
    return Scenario(label, play, lambda said: "" if said == part else f"You said {said}, and it was {part}.")


def _part(answer, parts):
    return word(parts, str)(answer)


def _is_ill(seen):
    return seen["failed"][1] > seen["failed"][0] + 5 or many_wait(seen)


def _worst(parts, behind):
    return max(parts, key=lambda part: parts[part]["failed"][1] + parts[part]["waiting"][1])


def _first_ill(parts, behind):
    return next(part for part in parts if _is_ill(parts[part]))


def _last_ill(parts, behind):
    ill = [part for part in parts if _is_ill(parts[part])]
    return next(part for part in ill if not set(ill) & set(behind[part]))


def _silent(parts, behind):
    return min(parts, key=lambda part: parts[part]["answered"][1] / max(parts[part]["answered"][0], 1))


MEDIUM = Exercise(
    key="19-medium", title="the part that failed first",
    ask="Write first_to_fail(parts, behind): the name of the part that failed first. parts: a dict of a part's name to "
        'its figures, {"answered": (normally, now), "waiting": (normally, now), "failed": (normally, now)}, as in the '
        "incident above; behind: a dict of a part's name to the list of all parts that a request may go on to from "
        "there. A few failures a second and a short line are normal. Six nights that you have not seen.",
    starter="def first_to_fail(parts, behind):\n    ...", answer="first_to_fail",
    wants="a function first_to_fail(parts, behind) that returns the name of a part",
    scenarios=tuple(_night(*one) for one in NIGHTS),
    misconceptions=(
        Misconception("the worst figure is the cause",
                      "In front all failures of all that is behind come together, so the front looks worst. Who is "
                      "ill although everything behind it is well?", _worst),
        Misconception("the first that is ill",
                      "From the front on, everything is ill that waits for the cause. Go on until nothing behind is "
                      "ill.", _first_ill),
        Misconception("who answers the least",
                      "What stands behind a dead part answers nothing either: nobody asks it. It does not fail.",
                      _silent),
        Misconception("the last that is ill, always",
                      "On one night the last part that is ill does more than ever: the work that another part used to "
                      "keep from it. Look in front of it for one that answers almost nothing now.", _last_ill),
    ),
    hints=("Call a part ill when much more fails or waits there than normally. In front of a cause everything is ill. "
           "What about the parts behind it?",
           "Take the ill part with no ill part behind it. Then one more question: does it answer far more than "
           "normally, and is there a part in front of it that answers almost nothing?"),
    solution="def first_to_fail(parts, behind):\n"
             "    def is_ill(part):\n"
             "        (failed_before, failed), (waited, waits) = parts[part][\"failed\"], parts[part][\"waiting\"]\n"
             "        return failed > failed_before + 5 or waits > 2 * waited + 20\n\n"
             "    ill = [part for part in parts if is_ill(part)]\n"
             "    last = next(part for part in ill if not set(ill) & set(behind[part]))\n"
             "    before, now = parts[last][\"answered\"]\n"
             "    for part, figures in parts.items():\n"
             "        usual, answers = figures[\"answered\"]\n"
             "        if last in behind[part] and now > 1.5 * before and answers < usual / 10:\n"
             "            return part\n"
             "    return last",
    because="Failures and waits travel to the front, so the cause is the last ill part on the way. A cache is the "
            "exception: when it dies, it is the part behind it that suffers.",
)


def _needed(routes, visits, work_ms, cpus, most_busy, spare=1, visits_of=None):
    visits_of = visits_of or (lambda path: visits[path])
    found = {}
    for service, ms in work_ms.items():
        per_s = sum(rate * visits_of(path).get(service, 0) for path, rate in routes.items())
        found[service] = ceil(round(per_s * ms / 1000 / (cpus * most_busy), 9)) + spare
    return found


def _plan(label, *case):
    right = _needed(*case)

    def play(machines):
        answer = machines(*case)
        if not isinstance(answer, dict) or set(answer) != set(right):
            raise WrongKind(f"You gave {shown(answer)}.")
        return {service: whole(count) for service, count in answer.items()}

    def fault(answer):
        wrong = [f"{service}: you gave {answer[service]}, and {right[service]} are needed" for service in right
                 if answer[service] != right[service]]
        return f"{label}: {'; '.join(wrong)}." if wrong else ""
    return Scenario(label, play, fault)


_VISITS = {"/user": {"user": 1}, "/product": {"product": 1}, "/order": {"order": 1, "user": 1, "product": 1},
           "/payment": {"payment": 1, "order": 1, "user": 1, "product": 1}}
_WORK_MS = {"user": 5.0, "product": 10.0, "order": 15.0, "payment": 30.0}
PLANS = (
    _plan("the shop", {"/user": 2_667, "/product": 21_333, "/order": 1_867, "/payment": 800}, _VISITS, _WORK_MS, 32,
          0.7),
    _plan("a day of orders", {"/user": 500, "/product": 4_000, "/order": 6_000, "/payment": 3_000}, _VISITS, _WORK_MS,
          16, 0.6),
    _plan("many small ones", {"/a": 900, "/b": 100}, {"/a": {"one": 1}, "/b": {"one": 3, "two": 2}},
          {"one": 20.0, "two": 50.0}, 4, 0.5),
)


def _whole_only(routes, visits, work_ms, cpus, most_busy):
    return {service: max(count - 1, 1) for service, count in
            _needed(routes, visits, work_ms, cpus, most_busy).items()}


HARD = Exercise(
    key="19-hard", title="how many machines?",
    ask="Write machines(routes, visits, work_ms, cpus, most_busy): a dict of each service to its number of machines. "
        "routes: requests a second of each path. visits: for each path how often a request visits each service, on its "
        "whole way. work_ms: the work of one visit. Each machine has cpus cores. When one machine of each service is "
        "dead, the others are at most most_busy busy.",
    starter="def machines(routes, visits, work_ms, cpus, most_busy):\n    ...", answer="machines",
    wants="a function machines(routes, visits, work_ms, cpus, most_busy) that returns a dict of whole numbers",
    scenarios=PLANS,
    misconceptions=(
        Misconception("nobody dies", "When a machine is dead, the others have its work. There must be one more.",
                      _whole_only),
        Misconception("only who is asked from outside",
                      "A payment visits order, user and product as well. Add up a service's visits over all paths.",
                      lambda *case: _needed(*case, visits_of=lambda path: {path[1:]: 1})),
        Misconception("all cores, all the time",
                      "At 100 % the line grows without end. most_busy leaves room.",
                      lambda routes, visits, work_ms, cpus, most_busy: _needed(routes, visits, work_ms, cpus, 1.0)),
    ),
    hints=("For one service: visits a second x work in seconds = the cores that are busy.",
           "Divide by cpus x most_busy, round up, and add the one that may be dead."),
    solution="from math import ceil\n\n"
             "def machines(routes, visits, work_ms, cpus, most_busy):\n"
             "    found = {}\n"
             "    for service, ms in work_ms.items():\n"
             "        per_s = sum(rate * visits[path].get(service, 0) for path, rate in routes.items())\n"
             "        found[service] = ceil(per_s * ms / 1000 / (cpus * most_busy)) + 1\n"
             "    return found",
    because="Rate x visits x work is the law behind every plan of capacity: it holds whatever the distributions are. "
            "What it does not say is how long the lines are; that is why nobody plans for 100 %.",
)


QUIZ = (
    Question("A team doubles the machines of the fullest service. The shop answers hardly more requests than before. "
             "What is the likeliest reason?", (
                 Choice("The balancer does not know the new machines.",
                        "Then they would be idle. That is seen at once."),
                 Choice("The next part is full now.",
                        "A system does what its narrowest part can do. When that is mended, another one is the "
                        "narrowest.", True),
                 Choice("More machines answer no faster.",
                        "Right for one request, but the number of answers was asked for."),
             )),
    Question("The Redis of a shop was never down, and its hit ratio is 99 %. What should be tried on a quiet night?", (
        Choice("Make it larger, before it is full.",
               "At 99 % there is hardly anything left to gain."),
        Choice("Nothing: what works is left alone.",
               "Until the night on which it dies by itself, with the crowd of the day."),
        Choice("Switch it off for a minute.",
               "Whether the database can do the work alone is known only when it must. Better at a time of one's own "
               "choice, with a way back.", True),
    )),
    Question("How far should a design go for days that nobody has seen?", (
        Choice("As far as the promise: it is kept on the days that were thought of.",
               "Right when a promise is written down and its price is known. The price: a day that nobody thought of.",
               None),
        Choice("A spare of everything, everywhere.",
               "Right when an hour of outage costs more than a year of spares. The price: most of it never does any "
               "work, and every part is one more that can be set wrongly.", None),
        Choice("Fail small: each part may fail, and takes as little with it as possible.",
               "Right when changes are many and surprises are sure. The price: timeouts, limits and fallbacks must be "
               "built and tried, and a few customers notice.", None),
    )),
)


FEWEST_PRODUCT, MOST_P95_MS, HALF_MS, FEWEST_EDGES, LEAST_OBJECTS = 4, 245, 30, 15, 50


def _fewest_machines(run, settings):
    if settings["users"] != 1_000_000:
        return "Keep a million users."
    p95_ms = figure(run, "p95_ms")
    if figure(run, "failed") or not p95_ms <= MOST_P95_MS:
        return f"{figure(run, 'failed'):,} requests failed, and 95 % came within {p95_ms:,.0f} ms."
    if settings["machines"] > FEWEST_PRODUCT:
        return f"{settings['machines']} machines: it can be done with fewer."
    return True


def _database_is_fullest(run, settings):
    shares = fullness(run)
    if settings["users"] != 1_000_000 or settings["redis"] < LEAST_OBJECTS:
        return f"Keep a million users, and room for {LEAST_OBJECTS} objects or more in Redis."
    others = max(share for part, share in shares.items() if part != DATABASES)
    if shares[DATABASES] > others:
        return True
    return f"The database is {100 * shares[DATABASES]:.0f} % full, another part {100 * others:.0f} %."


def _fewest_edges(run, settings):
    if settings["users"] != 1_000_000:
        return "Keep a million users."
    half_ms = figure(run, "p50_ms")
    if not half_ms <= HALF_MS:
        return f"With {settings['edges']} edges half of the answers took {half_ms:,.0f} ms or more."
    return True if settings["edges"] <= FEWEST_EDGES else f"{settings['edges']} edges: it can be done with fewer."


GOALS = (
    Goal(f"A million users. Find the fewest product machines with which nothing fails and 95 % of the answers come "
         f"within {MOST_P95_MS} ms.", _fewest_machines),
    Goal(f"A million users, and a Redis for {LEAST_OBJECTS} objects or more. Make the product database the fullest "
         "part of the whole shop.", _database_is_fullest),
    Goal(f"A million users. Find the fewest edges with which half of all answers come within {HALF_MS} ms.",
         _fewest_edges),
)


def everything():
    """The whole shop under its whole crowd."""
    return shop(19), Clients(users=1_000_000, routes=PAGES, countries=data.crowd())


LESSON = Lesson("19", "The whole system", (FIRST, REDIS), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("the whole shop for a million users", everything),))
