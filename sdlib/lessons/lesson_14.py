"""Lesson 14: a reverse proxy. It balances, keeps what may be kept, and hides the servers."""

from dataclasses import replace

from sdlib.charts.in_front import left_per_s
from sdlib.components.clients import Clients
from sdlib.lessons.caching import Shop, keep, may_keep_s
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.shop import PAGES, shop
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

CALM_P99_MS = 100


LOAD = Prediction(
    key="14-load", about="loads", rises=True,
    ask="2,000 requests a second, 60 % of them for pictures. There are 10,000 pictures, asked for by Zipf's "
        "law; the proxy can keep 1,000 answers, and drops the one that was asked for longest ago. How many requests a "
        "second still reach the servers?",
    choices=(
        Choice("about 800: all but the pictures",
               "That is the end of the road, with room for all pictures. Nine of ten do not fit."),
        Choice("about 1,150",
               "It would take room for about a third of the pictures."),
        Choice("about 1,480",
               "A tenth of the pictures, and more than four of ten of the requests for one."),
        Choice("about 1,880: a tenth of the pictures, a tenth of their requests",
               "It would be so if all pictures were asked for equally often. A few are asked for all the time."),
    ),
    right=lambda run: band(left_per_s(run), (950, 1_300, 1_700)),
    result=lambda run: f"In this run {left_per_s(run):,.0f} requests a second reach the servers.",
    because="Popularity: with Zipf's law and its exponent of 0.8, Che's formula gives a hit ratio of 44 % to a cache "
            "that holds the tenth that was asked for last. 2,000 x (1 - 0.6 x 0.44) = 1,476.",
    answer_shown_as=(r"1,4[5-9]\d requests a second reach", r"hit ratio of 4[34]"),
)


def leaks(run):
    """Answers that were somebody else's."""
    return int(run.stations["leaks"].sum())


def _leaked_percent(run):
    return 100 * leaks(run) / max(figure(run, "answered"), 1)


LEAK = Prediction(
    key="14-leak", about="counts", rises=True,
    ask="\"User details\" stand in the document's list of what NGINX may keep. So somebody does it: /user is kept for "
        "a minute. 1,000 customers, logged in, look at their details at /user, four times a minute each. How many of "
        "the 4,000 answers of one minute show somebody else's details?",
    choices=(
        Choice("none: each customer has a token of their own",
               "The proxy does not look at the token. It stores an answer under its address, and the address is the "
               "same for all."),
        Choice("a few: those who come in the same instant",
               "Not the instant counts. The answer is kept for a minute."),
        Choice("about half",
               "Who gets their own? Only the one whose answer is kept, when they ask again."),
        Choice("nearly all",
               "One fetch, and for a minute everybody gets what was fetched."),
    ),
    right=lambda run: band(_leaked_percent(run), (0, 10, 75)),
    result=lambda run: f"In this run {leaks(run):,} of {figure(run, 'answered'):,.0f} answers are somebody else's.",
    because="A shared cache knows an answer by its address. What depends on who asks must say so itself, in a header, "
            "and the cache must respect it.",
    answer_shown_as=(r"[34],\d\d\d of [34],\d\d\d answers are somebody else's",),
)


EASY = Exercise(
    key="14-easy", title="the new logo",
    ask="/static/logo.png is kept for a year, by the proxy and by the customers' own browsers. The shop has a new logo "
        "and wants to show it today. What does it do? A: put the new picture under the same name and wait. B: empty "
        "the "
        "proxy. C: give the new picture a new name, logo-2.png, and change the pages that show it.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("C", {
        "A": "Then the last customers see the old one in a year.",
        "B": "The proxy is yours. The browsers that keep the old picture are not."})),),
    misconceptions=(
        Misconception("what changed is noticed",
                      "A cache that may keep an answer for a year does not ask in between. That is the whole point of "
                      "it.", "A"),
        Misconception("there is one cache",
                      "An answer passes several on its way, and the last one stands in the customer's browser.", "B"),
    ),
    hints=("How many caches does an answer pass, from the server to the eye?",
           "You cannot reach into a browser. What can you change that the browser asks for anew at each visit?"),
    solution='answer = "C"',
    because="What is kept for long must never change. A new content gets a new name; the page that names it is kept "
            "for a short time, or not at all.",
)


SHOPS = (
    Shop("a shop with pictures, products and user details",
         {"/static": {"max-age": 86_400}, "/product": {"max-age": 20}, "/user": {"private": True, "max-age": 600}},
         {"/static": 0.5, "/product": 0.4, "/user": 0.1}, 1),
    Shop("a page that must not be stored, and one that says nothing",
         {"/static": {"max-age": 3_600}, "/order": {"no-store": True, "max-age": 60}, "/about": {}},
         {"/static": 0.4, "/order": 0.3, "/about": 0.3}, 2),
    Shop("answers that set a cookie",
         {"/product": {"max-age": 30}, "/login": {"max-age": 30, "set-cookie": True}},
         {"/product": 0.7, "/login": 0.3}, 3),
    Shop("a time for caches that serve everybody, beside one for browsers",
         {"/news": {"max-age": 300, "s-maxage": 5}, "/search": {"max-age": 0, "s-maxage": 30}},
         {"/news": 0.5, "/search": 0.5}, 4),
)


def _shop(shop):
    def fault(evening):
        if evening.leaks:
            return f"{evening.leaks:,} answers were somebody else's."
        if evening.too_long:
            path, (kept, allowed) = next(iter(evening.too_long.items()))
            return f"{path} was kept for {kept:,.0f} s; its answers allow {allowed:,.0f} s."
        if evening.fetches > evening.fewest:
            return f"The servers had to answer {evening.fetches:,} requests; {evening.fewest:,} would do."
        return ""
    return Scenario(shop.label, lambda rule: keep(rule, shop), fault)


def _without(name):
    """The right rule that overlooks one header."""
    return lambda headers: may_keep_s({key: value for key, value in headers.items() if key != name})


MEDIUM = Exercise(
    key="14-medium", title="for how long may it be kept?",
    ask="Write the proxy's rule, keep_s(headers): for how many seconds it keeps an answer; 0 for not at all. headers: "
        "a "
        "dict of what the answer says of itself, with those that it has: \"max-age\" (seconds for which it is good), "
        "\"s-maxage\" (the same for caches that serve everybody, and stronger there), \"private\": True (for the "
        "customer who asked), \"no-store\": True (not to be kept anywhere), \"set-cookie\": True (it logs a customer "
        "in). An answer that says nothing is not kept. The goal, for shops that you have not seen: no answer is "
        "somebody else's, none is older than it allows, and the servers have as little to do as they can.",
    starter="def keep_s(headers):\n    ...", answer="keep_s",
    wants="a function keep_s(headers) that returns a number of seconds, 0 or more",
    scenarios=tuple(map(_shop, SHOPS)),
    misconceptions=(
        Misconception("all is kept",
                      "A minute for everything: also for what belongs to one customer. Ask the headers first.",
                      lambda headers: 60),
        Misconception("nothing is kept",
                      "Nobody sees what is not theirs, and the servers work as if there were no proxy.",
                      lambda headers: 0),
        Misconception("private is overlooked",
                      "\"private\" says: made for the one who asked. The time beside it is for that customer's own "
                      "browser.", _without("private")),
        Misconception("the cookie is overlooked",
                      "An answer that sets a cookie logs somebody in. Kept, it logs in the next one as the same "
                      "customer.", _without("set-cookie")),
        Misconception("no-store is overlooked",
                      "\"no-store\" is the strongest word: not kept, whatever time stands beside it.",
                      _without("no-store")),
        Misconception("s-maxage is overlooked",
                      "This proxy serves everybody. For such a cache \"s-maxage\" takes the place of \"max-age\".",
                      _without("s-maxage")),
    ),
    hints=("Which of the headers forbid, and which say how long? Look at those that forbid first.",
           "headers.get(\"max-age\", 0) gives 0 where there is none. Two headers say how long: which one is stronger "
           "here?"),
    solution="def keep_s(headers):\n"
             "    if any(name in headers for name in (\"private\", \"no-store\", \"set-cookie\")):\n"
             "        return 0\n"
             "    return headers.get(\"s-maxage\", headers.get(\"max-age\", 0))",
    because="These are the rules of HTTP for a shared cache (RFC 9111), and what NGINX does of itself: it keeps no "
            "answer that is private or sets a cookie, unless somebody tells it to ignore those headers.",
)


def _fetches(per_s, fetch_s, way):
    """How many requests go to the servers when one popular answer is not there."""
    return 1 if way in ("absent, lock", "expired, updating") else 1 + per_s * fetch_s


WAYS = ("absent", "absent, lock", "expired, lock", "expired, updating")


def _rush(per_s, fetch_s, way):
    return Scenario(f"{per_s:,} a second, {fetch_s:g} s for a fetch, {way}",
                    lambda fetches: number(fetches(per_s, fetch_s, way)), near(_fetches(per_s, fetch_s, way)))


HARD = Exercise(
    key="14-hard", title="the rush for one picture",
    ask="One picture is asked for per_s times a second, and a fetch from the servers takes fetch_s seconds. Now it is "
        "not there. Write fetches(per_s, fetch_s, way): how many requests go to the servers on average until it is "
        "there again. way is \"absent\" (never fetched, no lock), \"absent, lock\" (NGINX's proxy_cache_lock), "
        "\"expired, lock\", or \"expired, updating\" (the old picture is given while one request fetches the new). "
        "NGINX's lock holds only for what is not in its cache at all; an expired answer is.",
    starter="def fetches(per_s, fetch_s, way):\n    ...", answer="fetches",
    wants="a function fetches(per_s, fetch_s, way) that returns a number",
    scenarios=(_rush(50, 0.2, "absent"), _rush(500, 0.2, "absent, lock"), _rush(2_000, 0.5, "expired, lock"),
               _rush(2_000, 0.5, "expired, updating")),
    misconceptions=(
        Misconception("the lock always holds",
                      "In NGINX it holds for what is absent. Requests for an expired answer all go through, unless it "
                      "may be given while it is updated.",
                      lambda per_s, fetch_s, way: 1 if way != "absent" else 1 + per_s * fetch_s),
        Misconception("the first one is forgotten",
                      "per_s x fetch_s come while the first one is on its way. It is one more.",
                      lambda per_s, fetch_s, way: 1 if _fetches(per_s, fetch_s, way) == 1 else per_s * fetch_s),
        Misconception("one fetch is enough by itself",
                      "Without a lock nobody knows that another one is fetching already.",
                      lambda per_s, fetch_s, way: 1),
    ),
    hints=("The first request sets off. Who else comes before the answer is there, and what keeps them?",
           "While a fetch is on its way, per_s x fetch_s more come. Two of the ways hold them back."),
    solution="def fetches(per_s, fetch_s, way):\n"
             "    if way in (\"absent, lock\", \"expired, updating\"):\n"
             "        return 1\n"
             "    return 1 + per_s * fetch_s",
    because="Such a rush is a stampede. 500 a second and 0.2 s make 101 fetches for one picture. A proxy that gives "
            "the "
            "old picture while it fetches the new one makes one fetch, and nobody waits.",
)


QUIZ = (
    Question("All servers behind the proxy are down. Who still gets an answer?", (
        Choice("nobody: the proxy has no answers of its own",
               "It has those that it keeps."),
        Choice("who asks for what is kept, for as long as it may be given",
               "That is why a proxy may give an expired answer when the servers fail: an old picture is better than "
               "none.", True),
        Choice("everybody, with older answers",
               "Orders and payments are never kept. Nobody can buy from old answers."),
    )),
    Question("Customers know the proxy's address, and not the servers'. What is that good for?", (
        Choice("A request is answered faster.",
               "It takes a little longer: there is one more machine on the way."),
        Choice("Servers can come, go and move, and nobody can call past what the proxy checks.",
               "Addresses that nobody knows can change, and need not be open to the world.", True),
        Choice("The servers are safe from every attack.",
               "What the proxy passes on reaches them, the bad requests too."),
    )),
    Question("For how long may the page of a product be kept? Its price changes now and then.", (
        Choice("for an hour",
               "Right when an old price for an hour harms nobody, and the servers are at their limit. The price: a "
               "customer sees one price and pays another.", None),
        Choice("for 10 seconds",
               "Right when the page is asked for many times a second: it is fetched once in ten seconds all the same. "
               "The price: rarely seen products are fetched each time.", None),
        Choice("for ever, until somebody tells the proxy that it changed",
               "Right when one place in the code changes prices and can tell all proxies. The price: who forgets to "
               "tell shows the old one for ever.", None),
    )),
)


def _again(run, users=None, static=None, capacity=None):
    """The same run with another crowd, another share of pictures or another proxy."""
    clients = run.clients if users is None else replace(run.clients, users=users)
    clients = clients if static is None else replace(clients, routes=pages(static))
    system = run.system if capacity is None else replace(run.system, capacity=capacity)
    return simulate(system, clients, seconds=run.seconds, seed=run.seed)


def pages(static):
    """What is asked for, if this share of it are pictures."""
    rest = {"/product": 0.75 * (1 - static), "/user": 0.25 * (1 - static)}
    return rest | {"/static": static} if static else rest


def _is_calm(run):
    return figure(run, "failed") == 0 and figure(run, "p99_ms") <= CALM_P99_MS


def _why_not(run):
    if figure(run, "failed"):
        return f"{figure(run, 'failed'):,.0f} requests failed; none should."
    return f"p99 is {figure(run, 'p99_ms'):,.0f} ms; at most {CALM_P99_MS} are asked for."


def _smallest_store(run, settings):
    if settings["users"] != 30_000 or abs(settings["static"] - 0.6) > 0.001:
        return "Keep 30,000 users, and 60 % of pictures."
    if not _is_calm(run):
        return _why_not(run)
    if _is_calm(_again(run, capacity=max(1, round(settings["capacity"] / 1.5)))):
        return "Two thirds of that room do it, too."
    return True


def _smallest_share(run, settings):
    if settings["users"] != 40_000 or settings["capacity"] != 10_000:
        return "Keep 40,000 users, and room for 10,000 answers."
    if figure(run, "failed"):
        return f"{figure(run, 'failed'):,.0f} requests failed; none should."
    share = settings["static"] - 0.05
    if share >= 0 and not figure(_again(run, static=share), "failed"):
        return "A share of pictures that is smaller by 0.05 does it, too."
    return True


def _largest_crowd(run, settings):
    if settings["capacity"] != 1_000 or abs(settings["static"] - 0.6) > 0.001:
        return "Keep room for 1,000 answers, and 60 % of pictures."
    if not _is_calm(run):
        return _why_not(run)
    if _is_calm(_again(run, users=round(1.1 * settings["users"]))):
        return "A crowd larger by 10 % is served as well."
    return True


GOALS = (
    Goal("30,000 users, a share of 0.6 for pictures. Find the smallest proxy with which no request fails and p99 is at "
         "most 100 ms. Within a third is near enough. How large a part of the pictures fits?", _smallest_store,
         (r"room for [5-9]\d\d answers",)),
    Goal("40,000 users, and a proxy with room for all 10,000 pictures. Find the smallest share of pictures with which "
         "no request fails, within 0.05. The cache begins empty: when is it hardest for the servers?", _smallest_share,
         (r"a share of 0\.5\d* (is|does)",)),
    Goal("Room for 1,000 answers, a share of 0.6. Find the largest crowd, within 10 %, with which no request fails and "
         "p99 is at most 100 ms. What would it be without a proxy?", _largest_crowd, (r"crowd of 3[0-9],\d00",)),
)


def after():
    """The shop with a proxy in front, which keeps the pictures."""
    return shop(14), Clients(users=12_000, routes=PAGES)


LESSON = Lesson("14", "A reverse proxy", (LOAD, LEAK), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("a reverse proxy in front", after),))
