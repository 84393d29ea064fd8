"""Lesson 07: microservices. One shop in five parts: what that keeps apart, what it costs, and what still ties them."""

import math

from sdlib.components.calls import Call
from sdlib.components.clients import Clients
from sdlib.components.service import Service
from sdlib.lessons.measures import band, crashes, figure, is_letter, letter, times
from sdlib.lessons.shop import ROUTES, shop
from sdlib.lessons.waiting import FEWEST_PAYMENTS, FEWEST_QUICK, Website, serve
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import WrongKind, number

THREADS, SLOW_MS = 64, 2000
QUICK_MS = 100           # the goals' p99


def website(services, timeout_s=None):
    """The program that makes the pages: it has few threads, and asks the services for everything."""
    return Service(cpus=4, ram_gb=8, service_ms=1, threads=THREADS, calls=[Call(services, timeout_s)], name="website")


def crowd(users, product_share=0.8):
    """So many users; the other pages share what the product pages leave, as they do in the course's shop."""
    others = {page: share for page, share in ROUTES.items() if page != "/product"}
    factor = (1 - product_share) / sum(others.values())
    return Clients(users=users, routes={"/product": product_share} | {
        page: factor * share for page, share in others.items()})


def page_percent(run, page="/product"):
    """The share of the requests for a page that was answered, of those sent."""
    requests = run.requests
    return 100 * float((requests.loc[requests["route"] == page, "status"] == "ok").mean())


def page_p99_ms(run, page="/product"):
    """Of the answered requests for a page."""
    requests = run.requests
    return float(requests.loc[(requests["route"] == page) & (requests["status"] == "ok"), "latency_ms"].quantile(0.99))


def _answered_percent(run):
    return 100 * figure(run, "answered") / figure(run, "sent")


SPLIT = Prediction(
    key="07-split", about="losses", rises=True,
    ask="Now each part of the shop is a service with machines of its own. The same crowd comes, and the same slow "
        "payment: 12 payments a second, 2 s of computing each, on 4 cores. A payment also asks order, and order asks "
        "user and product. What share of all requests is answered within this minute?",
    choices=(
        Choice("all, over 99 %",
               "It was only moved. Payment has 4 cores, and 12 x 2 s of work arrive in every second: most payments "
               "are still waiting when the minute is over."),
        Choice("all but most payments, 95 to 99 %",
               "In this run it was another share."),
        Choice("about half to nine tenths, 50 to 95 %",
               "That would need orders to suffer as well. Payment asks order, not the other way round: who asks for a "
               "slow service waits, who is asked does not."),
        Choice("as few as before, under 50 %",
               "Before, payments sat on the cores that made all the other pages. Now these cores belong to others."),
    ),
    right=lambda run: 3 - band(_answered_percent(run), (50, 95, 99)),
    result=lambda run: f"In this run {_answered_percent(run):.1f} % of the requests were answered.",
    because="Three requests in a hundred are payments, and most of them wait. No other page needs payment's cores, so "
            "no other page is slower than it was. What fails or is slow stays in its own part.",
    answer_shown_as=(r"97\.\d ?% of the requests were answered", r"all but most payments, 95 to 99 %\."),
)


THREADS_HELD = Prediction(
    key="07-threads", about="losses", rises=True,
    ask="Somebody has to put the page together. In front of the services now stands a website: one program, which asks "
        "the right service for each page. It has 4 cores and 64 threads, and each page holds one of the threads until "
        "its service has answered. A page takes 14 ms, so the 400 pages a second need 6 of them. Payment is as slow as "
        "before, and three requests in a hundred need it. What share of all requests is answered?",
    choices=(
        Choice("nearly all, over 95 %",
               "A product page needs nothing from payment. But it needs a thread, and payments held them all."),
        Choice("most, 70 to 95 %",
               "Threads do not run out a little. Twelve payments a second come, two are finished, so ten more threads "
               "are gone every second, until there are none."),
        Choice("about half, 40 to 70 %",
               "The website has a queue, then its memory fills. Crash and restart take away more than that."),
        Choice("few, under 40 %", "In this run it was not that bad."),
    ),
    right=lambda run: 3 - band(_answered_percent(run), (40, 70, 95)),
    result=lambda run: f"In this run {_answered_percent(run):.0f} % of the requests were answered. The website crashed "
                       f"{times(crashes(run))}; its cores had next to nothing to do.",
    because="Payment finishes two of twelve in a second. The other ten keep their threads, so 64 threads last for "
            "about five seconds. Then every page waits for a thread, the website's memory fills with them, and within "
            "seconds it crashes. One slow service has taken down pages that never ask for it.",
    answer_shown_as=(r"(?<![\d.])2\d ?% of the requests were answered", r"\bhad next to nothing to do\b"),
)


EASY = Exercise(
    key="07-easy", title="where does the next machine go?",
    ask="Orders take seconds. In the order service 11 % of the cores are busy, and 198 of its 200 threads are held. In "
        "the payment service, which order asks, 99 % of the cores are busy. In the product service, 70 %. You may "
        "start one more machine. A: for order. B: for payment. C: for product. Which one makes orders quick?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "It brings 200 more threads, and soon they wait for payment, too.",
        "C": "Its cores still have room. Product pages get a little quicker, orders do not."})),),
    misconceptions=(
        Misconception("the full one is the cause",
                      "Order's threads are full and its cores idle: it waits for somebody. More threads are more "
                      "waiters.", "A"),
        Misconception("the one with most visitors is hot",
                      "Most requests do not mean most load. At 70 % busy nobody waits long.", "C"),
    ),
    hints=("A service whose threads are held while its cores are idle is waiting. For whom?",
           "Go from the slow page along the calls to the first service whose own cores are busy."),
    solution='answer = "B"',
    because="Held threads say who waits, busy cores say for whom. Follow the calls until the cores are busy.",
)


WEBSITES = (
    Website("64 threads, 12 payments a second", 64, 200, 12, 0.5, seed=1),
    Website("20 threads, 10 payments a second", 20, 100, 10, 0.4, seed=2),
    Website("200 threads, 2 payments a second, a slow bank", 200, 150, 2, 6, seed=3),
    Website("40 threads, 8 payments a second", 40, 120, 8, 2, seed=4),
)


def _two_days(site):
    def fault(days):
        if days.payments_percent < FEWEST_PAYMENTS:
            return (f"With a timeout of {days.timeout_s:.3g} s, on a good day {days.payments_percent:.1f} % of the "
                    f"payments were answered. The objective is {FEWEST_PAYMENTS:.0f} %.")
        if days.quick_percent < FEWEST_QUICK:
            return (f"With a timeout of {days.timeout_s:.3g} s, while payment hung {days.quick_percent:.0f} % of the "
                    f"other pages came within 0.2 s. The objective is {FEWEST_QUICK:.0f} %.")
        return ""
    return Scenario(site.label, lambda timeout_s: serve(timeout_s, site), fault)


def _cut_off(days):
    return [day.payments_percent < FEWEST_PAYMENTS for day in days]


def _stuck(days):
    return [day.quick_percent < FEWEST_QUICK for day in days]


MEDIUM = Exercise(
    key="07-medium", title="how long to wait?",
    ask="Write timeout_s(threads, payments_per_s, usual_p99_s): how many seconds a website waits for payment. threads: "
        "how many it has, for all pages; the others need about five of them. payments_per_s: how many of its pages a "
        "second ask payment. usual_p99_s: within so long 99 of 100 payments are answered on a good day. On a bad day "
        "payment hangs and answers nobody. They are websites that you have not seen. The goal: on a good day 98 % of "
        "the payments are answered; on a bad day 99 % of the other pages within 0.2 s.",
    starter="def timeout_s(threads, payments_per_s, usual_p99_s):\n    ...", answer="timeout_s",
    wants="a function timeout_s(threads, payments_per_s, usual_p99_s) that returns a number of seconds",
    scenarios=tuple(map(_two_days, WEBSITES)),
    misconceptions=(
        Misconception("better too long than too short",
                      "30 s is what many programs have when nobody chooses. On a bad day each payment holds its thread "
                      "for all of it. How many threads is that?", lambda threads, payments_per_s, usual_p99_s: 30,
                      lambda days: not any(_cut_off(days)) and _stuck(days) == [True, True, False, True]),
        Misconception("one number for all",
                      "A second is long for one service and short for another. A good day's p99 says how long an "
                      "answer may take.", lambda threads, payments_per_s, usual_p99_s: 1,
                      lambda days: len({day.timeout_s for day in days}) == 1 and any(_cut_off(days))),
        Misconception("the usual time is enough",
                      "Cut off at what is usual, and you cut off whoever is a little slower, on every good day.",
                      lambda threads, payments_per_s, usual_p99_s: usual_p99_s / 4,
                      lambda days: all(_cut_off(days)) and not any(_stuck(days))),
        Misconception("all threads are for payment",
                      "Rate x timeout is the number of threads that wait for payment. When that is all of them, none "
                      "is left for the other pages.",
                      lambda threads, payments_per_s, usual_p99_s: threads / payments_per_s,
                      lambda days: not any(_cut_off(days)) and all(_stuck(days))),
    ),
    hints=("On a bad day every payment holds its thread for the whole timeout. How many are held at the same time? "
           "Little's law again: rate x time.",
           "The timeout has two walls: not below usual_p99_s, and payments_per_s * timeout well below threads. "
           "What about half of them?"),
    solution="def timeout_s(threads, payments_per_s, usual_p99_s):\n    return max(usual_p99_s, 0.5 * threads / "
             "payments_per_s)",
    because="A timeout is a promise about threads: rate x timeout of them at most wait for this service. Where the two "
            "walls cross, no timeout is right; then payment needs threads of its own (a bulkhead), so that the others "
            "cannot lose theirs.",
)


def right_available(part):
    """Availability of a part of a call graph: what the hard exercise looks for."""
    if not isinstance(part, tuple):
        return part
    how, parts = part
    if how == "or":
        return 1 - math.prod(1 - right_available(one) for one in parts)
    return math.prod(right_available(one) for one in parts)


def _graph(label, part):
    right = right_available(part)

    def fault(value):
        if math.isclose(1 - value, 1 - right, rel_tol=0.01):
            return ""
        return f"You gave {value:.6f}. That is too {'high' if value > right else 'low'}."
    return Scenario(label, lambda available: _share(available(part)), fault)


def _share(value):
    share = number(value)
    if not 0 <= share <= 1:
        raise WrongKind(f"You gave {share:g}. An availability is from 0 to 1.")
    return share


def _all_the_same(combine):
    """An answer that joins the parts always in this way."""
    def available(part):
        return combine([available(one) for one in part[1]]) if isinstance(part, tuple) else part
    return available


def _weakest_of_parallel(part):
    if not isinstance(part, tuple):
        return part
    found = [_weakest_of_parallel(one) for one in part[1]]
    if part[0] == "or":
        return 1 - math.prod(1 - one for one in found)
    return min(found) if part[0] == "together" else math.prod(found)


def _better_of_two(part):
    if not isinstance(part, tuple):
        return part
    found = [_better_of_two(one) for one in part[1]]
    return max(found) if part[0] == "or" else math.prod(found)


ORDER = ("then", [0.99, ("together", [0.98, 0.97]), 0.995])
HARD = Exercise(
    key="07-hard", title="how often is the page there?",
    ask="Write available(part): which share of the calls to a part of a shop is answered. A part is a number, the "
        "availability of a single service, or a pair (how, parts): \"then\", parts that are asked one after another, "
        "and all are needed; \"together\", parts that are asked at the same time, and all are needed; \"or\", where "
        "the next is asked when the one before has failed, and one is enough (a fallback). parts is a list, and may "
        "hold pairs again. Services fail independently. It is tried on call graphs that you have not seen.",
    starter="def available(part):\n    ...", answer="available",
    wants="a function available(part) that returns a number from 0 to 1",
    scenarios=(_graph("one service", 0.97), _graph("three, one after another", ("then", [0.99, 0.98, 0.995])),
               _graph("twenty at the same time", ("together", [0.995] * 20)),
               _graph("with a fallback", ("or", [0.95, 0.9])), _graph("an order", ORDER),
               _graph("a page with a fallback inside", ("then", [0.999, ("or", [ORDER, 0.9]), 0.99]))),
    misconceptions=(
        Misconception("as good as the weakest part",
                      "The weakest is a limit, not the answer: when it is up, another may be down. Each part takes its "
                      "share away.", _all_the_same(min)),
        Misconception("what happens at the same time counts once",
                      "Asking at the same time saves time. The answer still needs all of them.", _weakest_of_parallel),
        Misconception("a fallback is as good as the better of the two",
                      "It is better: both must fail at once. How often does that happen?", _better_of_two),
        Misconception("a fallback counts as one more part",
                      "Multiplied in, a fallback makes the page worse. But it is asked only when the first has failed.",
                      _all_the_same(math.prod)),
    ),
    hints=("A part may hold parts: let available call itself for each of them. What does it give for a number?",
           "All are needed: multiply the availabilities. One is enough: multiply how often each is away, and take "
           "that from one."),
    solution="def available(part):\n"
             "    if not isinstance(part, tuple):\n"
             "        return part\n"
             "    how, parts = part\n"
             "    needed, away = 1, 1\n"
             "    for one in parts:\n"
             "        needed *= available(one)\n"
             "        away *= 1 - available(one)\n"
             "    return 1 - away if how == \"or\" else needed",
    because="Every service that a page needs takes a little of its availability, in a row or at the same time. A "
            "fallback, such as yesterday's list of products, gives it back. The cheapest part is one not asked.",
)


QUIZ = (
    Question("A product page asks ten services at the same time. Each of them is quick in 99 of 100 calls. How many of "
             "the pages are quick?", (
                 Choice("99 of 100, since they are asked at the same time.",
                        "The page waits for the slowest of the ten. Ten chances to meet a slow one are more than one."),
                 Choice("About 90 of 100.",
                        "0.99 multiplied ten times. What is rare in one service is common on a page that asks many.",
                        True),
                 Choice("About 10 of 100.",
                        "So few it would be with some 230 services. Each takes one hundredth away, not nine tenths."),
             )),
    Question("The recommendations are down for an hour, and with them the whole shop. What was wrong with the shop?", (
        Choice("It has too many services.",
               "One program that holds the recommendations as well would be down, too. What counts is who needs them."),
        Choice("The product page cannot do without them.",
               "A page that shows its product and leaves the recommendations away stays up. Decide for each call what "
               "happens when it fails.", True),
        Choice("The recommendations need a second machine.",
               "That helps against one kind of failure. A faulty new version is on both machines."),
    )),
    Question("A shop is one program, written by eight people, and it is busy. Somebody proposes five services. What do "
             "you say?", (
                 Choice("Split it now.",
                        "Right when its parts need different machines, or when one part's faults keep hurting the "
                        "others. The price: machines, hops, and somebody to watch every call.", None),
                 Choice("Keep it in one piece.",
                        "Right when eight people can work on it without getting in each other's way. The price: all of "
                        "it is restarted for every change, and one fault is everybody's.", None),
                 Choice("Split off one part.",
                        "Right when one part is hot or dangerous, such as payment. The price: two ways of doing "
                        "things, and the timeouts of its callers are now your business.", None),
             )),
)


def _only_payments_suffer(run, others=("/product", "/user", "/order")):
    """"" where no other page fails and product pages are quick; else what is wrong."""
    requests = run.requests
    failed = int((requests["route"].isin(others) & ~requests["status"].isin(["ok", "in flight"])).sum())
    if failed:
        return f"{failed:,} requests for other pages than payment failed."
    p99_ms = page_p99_ms(run)
    return f"Product pages have a p99 of {p99_ms:.0f} ms." if p99_ms > QUICK_MS else ""


def again(run, settings, **change):
    """The same panel run at other settings."""
    wanted = {**settings, **change}
    services = shop(7, cpus=wanted["cpus"], payment_ms=SLOW_MS)
    return simulate(website(services, wanted["timeout_s"]), crowd(wanted["users"], wanted["product"]),
                    seconds=run.seconds, seed=run.seed)


def _longest_timeout(run, settings):
    wrong = _keep(settings, users=12_000, product=0.9, cpus=4)
    if wrong:
        return wrong
    if settings["timeout_s"] % 1:
        return "Whole seconds: type the number into the field."
    wrong = _only_payments_suffer(run)
    if wrong:
        return wrong
    longer_s = settings["timeout_s"] + 1
    return True if _only_payments_suffer(again(run, settings, timeout_s=longer_s)) else f"{longer_s:g} s would do, too."


def _fewest_cores(run, settings):
    wrong = _keep(settings, users=30_000, product=0.95, timeout_s=1) or _only_payments_suffer(run)
    if wrong:
        return wrong
    fewer = settings["cpus"] - 1
    return True if _only_payments_suffer(again(run, settings, cpus=fewer)) else f"{fewer} cores would do, too."


def _all_answered(run, settings):
    wrong = _keep(settings, users=6_000, product=0.8) or _only_payments_suffer(run) or _payments_failed(run)
    if wrong:
        return wrong
    fewer = settings["cpus"] - 4
    less = again(run, settings, cpus=fewer)
    works = not (_only_payments_suffer(less) or _payments_failed(less))
    return f"{fewer} cores would do, too." if works else True


def _payments_failed(run):
    percent = page_percent(run, "/payment")
    return "" if percent >= 90 else f"{percent:.0f} % of the payments were answered."


NAMES = {"users": "users", "product": "product share", "cpus": "cores", "timeout_s": "s of timeout"}


def _keep(settings, **fixed):
    wrong = [f"{value:,g} {NAMES[name]}" for name, value in fixed.items()
             if not math.isclose(settings[name], value, rel_tol=1e-6)]
    return f"This one is about {', '.join(wrong)}." if wrong else ""


GOALS = (
    Goal("A sale: 12,000 users, a product share of 0.9, 4 cores per service. Find the longest timeout, in whole "
         "seconds, with which no page but payments fails and product pages have a p99 of 100 ms at most.",
         _longest_timeout, (r"\btimeout(?: of|:)? 3 s(?:econds)?\b",)),
    Goal("30,000 users, a product share of 0.95, a timeout of 1 s. Find the fewest cores per service with which the "
         "same holds.", _fewest_cores, (r"\b7 cores",)),
    Goal("6,000 users, a product share of 0.8. Payments, too: 90 % of them are to be answered, and the rest as before. "
         "Find the fewest cores, to within 4, and look at the busy tile: which service needed them?",
         _all_answered, (r"\b2[3-8] cores",)),
)


def split_shop():
    """The split shop on a day on which all is well."""
    return shop(7), Clients(users=10_000, routes=ROUTES)


LESSON = Lesson("07", "Microservices", (SPLIT, THREADS_HELD), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("5 services, 7 machines", split_shop),))
