"""Lesson 18: a CDN. What its edges keep is near; what they may not keep, and what they have forgotten, is far."""

import math

from sdlib import data
from sdlib.charts.edges import answered_at_the_edge_percent, asked_per_s, mean_latency_ms
from sdlib.components.clients import Clients
from sdlib.lessons.measures import band, is_letter, letter
from sdlib.lessons.placing import Market, place
from sdlib.lessons.shop import PAGES, shop
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

FAR = "US"


def pages_p95_ms(run, country=FAR):
    """p95 of the answered pages, which no edge keeps, of a country."""
    rows = run.requests
    pages = rows[(rows["country"] == country) & (rows["route"] != "/static") & (rows["status"] == "ok")]
    return float(pages["latency_ms"].quantile(0.95))


def hit_percent(run):
    """Of all requests for what the edges may keep, those that found it there."""
    hits, misses = run.stations["hits"].sum(), run.stations["misses"].sum()
    return 100 * float(hits / (hits + misses)) if hits + misses else float("nan")


PAGES_TRAVEL = Prediction(
    key="18-pages", about="tails", rises=True,
    ask="An edge stands near New York. Pages (/product, /user, /order, /payment) are different for each customer, or "
        "change all the time: no edge may keep them, and it hands each on to Mumbai, over a connection that it keeps "
        "open. Without the CDN 95 % of the American pages took 648 ms at most. What will it be with it?",
    choices=(
        Choice("about 10 ms",
               "So quick is what the edge has itself. A page that it may not keep comes from Mumbai, and the way is as "
               "long as before."),
        Choice("about 260 ms",
               "So it is on average. In this run it was another number."),
        Choice("about 430 ms",
               "One round trip fewer of three. Count again which of them still go all the way: TCP, TLS, the request."),
        Choice("about 650 ms, as before",
               "The page travels as before. What travelled with it? One request in five opens a connection first, and "
               "the p95 is one of those."),
    ),
    right=lambda run: band(pages_p95_ms(run), (100, 340, 540)),
    result=lambda run: f"In this run the p95 of the American pages was {pages_p95_ms(run):,.0f} ms.",
    because="A new connection took three round trips to Mumbai: TCP, TLS, the request itself. Now the first two end at "
            "the edge, 3 ms away, and only the request travels. The half of the pages that was quicker gained nothing. "
            "India's lost a little: its edge and the shop both stand in Mumbai, and from one to the other is one hop "
            "more, a round trip of 3 ms.",
    answer_shown_as=(r"American pages was 2[4-8]\d ms", r"with it, 2[4-8]\d ms"),
)

COLD = Prediction(
    key="18-cold", about="counts", rises=True,
    ask="12,000 users all over the world, 1,000 pictures, and each is kept for 10 s. Five edges answer 71 % of the "
        "requests from their own stores. Now there are 43, near to everybody. Same crowd, same pictures. What share do "
        "all edges together answer now?",
    choices=(
        Choice("about 8 %",
               "An edge has a ninth of the crowd now, on average. But not a ninth of the hits: a popular picture is "
               "asked for often enough even there."),
        Choice("about 50 %",
               "So it is on average. In this run it was another share."),
        Choice("about 71 %: the same crowd asks for the same pictures",
               "It asks the same, but 43 stores, and none of them knows what the others have fetched."),
        Choice("over 80 %: there is more room",
               "Room was never short: each store has room for all 1,000 pictures. It lacks customers who asked "
               "before."),
    ),
    right=lambda run: band(hit_percent(run), (25, 61, 76)),
    result=lambda run: f"In this run the edges answered {hit_percent(run):.0f} % of the requests themselves.",
    because="Each edge has to fetch each picture itself, once in 10 s. The fewer customers it has, the fewer of them "
            "come after that fetch and before the end of the 10 s.",
    answer_shown_as=(r"edges answered (4[7-9]|5[0-2]) % of the requests",),
)


EASY = Exercise(
    key="18-easy", title="an edge for Brazil",
    ask="A shop sells pictures of birds; 20,000 different ones, each kept for 60 s. Nearly all customers are in India. "
        "In Brazil a request comes every two seconds, and 5 % of them find their picture at the edge in São Paulo. A "
        "picture never changes under its name. How do the customers in Brazil wait less? A: two more edges in Brazil. "
        "B: a TTL of a year. C: a larger store at the edge.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "Three edges with a third of the customers each: they find even less.",
        "C": "In 60 s an edge fetches 30 pictures at most. There was room for them."})),),
    misconceptions=(
        Misconception("more edges are always better",
                      "The edge was near enough. It was cold: too few requests for the same picture within the time "
                      "that it is kept. More edges make that worse.", "A"),
        Misconception("a miss means that the store is too small",
                      "There are two reasons to have forgotten an answer: no room, and no time. Count how many there "
                      "can be at once.", "C"),
    ),
    hints=("How many pictures lie in that store at any time?",
           "Count requests for one picture within the time that it is kept. Which of the three makes that number "
           "larger?"),
    solution='answer = "B"',
    because="What counts is the number of requests for an object within its TTL, at one edge. A year is possible "
            "because a picture never changes under its name: a new picture gets a new name.",
)


MOST_MEAN_MS = 35
PEOPLE = data.crowd()
EUROPE = {country: PEOPLE[country] for country in ("DE", "FR", "GB", "ES", "IT", "PL", "NL", "UA", "TR", "RU", "SE")}
AMERICAS = {country: PEOPLE[country] for country in ("US", "CA", "MX", "BR", "AR", "CO", "CL")}
MARKETS = (
    Market("the whole world, five edges", PEOPLE, 5),
    Market("Europe, and something of Brazil and Australia, three edges", EUROPE | {"BR": 25, "AU": 20}, 3),
    Market("Europe and the Americas, three edges", EUROPE | AMERICAS, 3),
    Market("the Americas, three edges", {"US": 90, "BR": 60, "MX": 50, "CA": 40, "AR": 30, "CO": 30, "CL": 15}, 3),
)


def _market(market):
    def fault(outcome):
        if not 0 < len(outcome.chosen) <= market.budget:
            return f"You chose {len(outcome.chosen)} edges; 1 to {market.budget} are allowed."
        if outcome.mean_ms <= MOST_MEAN_MS:
            return ""
        return (f"With {', '.join(outcome.chosen)} a picture takes {outcome.mean_ms:.0f} ms on average; "
                f"{MOST_MEAN_MS} ms are allowed.")
    return Scenario(market.label, lambda choose_edges: place(choose_edges, market), fault)


def _nearest(rtt_ms, country):
    return min(rtt_ms, key=lambda city: rtt_ms[city][country])


def _largest_first(rtt_ms, users, budget):
    largest = sorted(users, key=users.get, reverse=True)
    return list(dict.fromkeys(_nearest(rtt_ms, country) for country in largest))[:budget]


def _worst_first(rtt_ms, users, budget):
    chosen = [_nearest(rtt_ms, max(users, key=users.get))]
    while len(chosen) < budget:
        worst = max(users, key=lambda country: min(rtt_ms[city][country] for city in chosen))
        chosen.append(_nearest(rtt_ms, worst))
    return chosen


def _in_the_middle(rtt_ms, users, budget):
    return sorted(rtt_ms, key=lambda city: sum(users[country] * rtt_ms[city][country] for country in users))[:budget]


MEDIUM = Exercise(
    key="18-medium", title="where do the edges stand?",
    ask="A CDN asks for money for each edge. Write choose_edges(rtt_ms, users, budget): the list of the cities that "
        "get one, budget of them at most. rtt_ms: a dict of each city to a dict of each country to the round-trip "
        "time between them; users: a dict of each country to its customers in millions. Each country goes to the "
        "nearest of the edges that you chose. The goal, for customers that you have not seen: a picture takes 35 ms "
        "at most on average. The edges are warm.",
    starter="def choose_edges(rtt_ms, users, budget):\n    ...", answer="choose_edges",
    wants="a function choose_edges(rtt_ms, users, budget) that returns a list of cities in rtt_ms",
    scenarios=tuple(map(_market, MARKETS)),
    misconceptions=(
        Misconception("the largest countries, one after another",
                      "Two large neighbours do not need an edge each: the second of them gains little. Ask of each "
                      "city what it brings beside those that you have.", _largest_first),
        Misconception("whoever waits longest comes next",
                      "That is fair to each country, and not to each customer: a small country far away gets the edge "
                      "that a hundred times as many people could use.", _worst_first),
        Misconception("the cities that are near to everybody",
                      "Each of them is good alone. Beside each other they are near to the same people. What does a "
                      "city bring beside those that you have?", _in_the_middle),
        Misconception("the budget does not matter",
                      "You chose more edges than there is money for.", lambda rtt_ms, users, budget: list(rtt_ms),
                      lambda outcomes: any(math.isnan(outcome.mean_ms) and outcome.chosen for outcome in outcomes)),
    ),
    hints=("With some edges chosen, a country waits min(rtt_ms[city][country] for city in chosen). What is the mean of "
           "that over all customers?",
           "Begin with none. Add the city with which the mean becomes smallest; again, until the budget is spent."),
    solution="def choose_edges(rtt_ms, users, budget):\n"
             "    chosen = []\n"
             "    while len(chosen) < budget:\n"
             "        def waits(city):\n"
             "            edges = chosen + [city]\n"
             "            return sum(count * min(rtt_ms[edge][country] for edge in edges)\n"
             "                       for country, count in users.items())\n"
             "        chosen.append(min(rtt_ms, key=waits))\n"
             "    return chosen",
    because="This is a greedy search for the k-median of the customers: each step takes what helps most beside what is "
            "there. It does not always find the very best set, and is never far from it.",
)


def _per_s(rates, ttl_s, purges_per_s):
    return sum(1 / (1 / rate + _kept_s(ttl_s, purges_per_s)) for rate in rates)


def _kept_s(ttl_s, purges_per_s):
    return (1 - math.exp(-purges_per_s * ttl_s)) / purges_per_s if purges_per_s else ttl_s


def _price(label, rates, ttl_s, purges_per_s):
    return Scenario(f"{label}: {rates} a second, kept for {ttl_s} s, {purges_per_s:g} invalidations a second",
                    lambda origin_per_s: number(origin_per_s(list(rates), ttl_s, purges_per_s)),
                    near(_per_s(rates, ttl_s, purges_per_s)))


HARD = Exercise(
    key="18-hard", title="how often is the origin asked?",
    ask="One price, kept by every edge for ttl_s, and fetched when somebody asks for it and it is not there. Whenever "
        "it changes, all edges are told to forget it: purges_per_s times a second on average, at random moments "
        "(a Poisson process). Requests come to each edge at random, too; rates: how many a second, a list with one "
        "number per edge. A fetch takes no time. Write origin_per_s(rates, ttl_s, purges_per_s): how often per second "
        "the origin is asked, on average over a long time. purges_per_s may be 0.",
    starter="def origin_per_s(rates, ttl_s, purges_per_s):\n    ...", answer="origin_per_s",
    wants="a function origin_per_s(rates, ttl_s, purges_per_s) that returns a number",
    scenarios=(_price("three edges, a minute", (20, 1, 0.05), 60, 0), _price("told often", (5, 0.5, 0.5), 60, 0.1),
               _price("a short time", (2, 0.2), 3, 0.02), _price("rare, far away", (0.01, 0.02, 0.01), 30, 0.5)),
    misconceptions=(
        Misconception("a fetch for each edge and invalidation, beside those of the TTL",
                      "After an invalidation the TTL begins anew, so the two do not add up. And an edge fetches only "
                      "when somebody asks.",
                      lambda rates, ttl_s, purges: sum(1 / (1 / rate + ttl_s) + purges for rate in rates)),
        Misconception("an edge fetches as soon as it may",
                      "It waits for somebody to ask: 1 / rate on average. At an edge with few customers that is most "
                      "of the time.",
                      lambda rates, ttl_s, purges: sum(1 / _kept_s(ttl_s, purges) for _ in rates)),
        Misconception("all edges are one store",
                      "Each fetches for itself. Add up the fetches of the edges, not the requests.",
                      lambda rates, ttl_s, purges: _per_s([sum(rates)], ttl_s, purges)),
        Misconception("whichever comes first, taken as an average",
                      "The mean of the shorter of two times is less than the shorter of the two means. An invalidation "
                      "may come early even if it comes rarely.",
                      lambda rates, ttl_s, purges: _per_s(rates, min(ttl_s, 1 / purges if purges else ttl_s), 0)),
    ),
    hints=("One edge: it has nothing, somebody asks, it has the price, it forgets it; again. How long is such a round?",
           "A round is 1 / rate and the time that the price stays. It stays until the TTL ends or an invalidation "
           "comes: (1 - exp(-purges_per_s * ttl_s)) / purges_per_s on average."),
    solution="from math import exp\n\n"
             "def origin_per_s(rates, ttl_s, purges_per_s):\n"
             "    stays_s = ttl_s\n"
             "    if purges_per_s:\n"
             "        stays_s = (1 - exp(-purges_per_s * ttl_s)) / purges_per_s\n"
             "    return sum(1 / (1 / rate + stays_s) for rate in rates)",
    because="A round has one fetch, so fetches per second are 1 / (mean length of a round), and edges add up. An edge "
            "with many customers asks once per stay, whatever they are; an edge with few asks nearly each time.",
)


QUIZ = (
    Question("Mumbai is unreachable for ten minutes. The CDN keeps pictures for an hour. What does a customer in "
             "Brazil see?", (
                 Choice("Nothing: the shop is down.",
                        "The edge in São Paulo is up, and answers what it has without asking anybody."),
                 Choice("The pictures that are kept there. Pages fail.",
                        "What an edge has it gives, and with stale answers allowed even past its time. What it has to "
                        "fetch fails.", True),
                 Choice("Everything: that is what a CDN is for.",
                        "A page is made in Mumbai for each request. No edge has it."),
             )),
    Question("A price is kept at the edges for 60 s. It changes in the shop. Who sees the old one?", (
        Choice("Everybody, for exactly 60 s.",
               "Each edge fetched it at another moment, so each forgets it at another."),
        Choice("Only those who have seen it before.",
               "The edge gives what it has to everybody who asks, for the first time or not."),
        Choice("Whoever asks an edge that has it, for up to 60 s, and each edge in its own time.",
               "For a minute two customers may see two prices. Where that does harm, it must not be kept, or be "
               "checked at the checkout.", True),
    )),
    Question("A picture on the page changes. How do customers get the new one?", (
        Choice("a new name: bird-2.png, and the page says so",
               "Right when a page names it: no edge and no browser has the new name, and the old one may be kept for a "
               "year. The price: a build step that makes the names, and the page itself must not be kept for long.",
               None),
        Choice("an invalidation: the CDN is told to forget it",
               "Right when the name must stay, as with a page itself, or when something must go at once. The price: "
               "all edges fetch again, it takes a while to reach them, and browsers are not told.", None),
        Choice("a short TTL: it is forgotten soon anyway",
               "Right when it changes often and a little delay does no harm. The price: edges with few customers stay "
               "cold, and the origin is asked for what has not changed.", None),
    )),
)


FEWEST_EDGES, MOST_GOAL_MS, MOST_ORIGIN_PER_S = 6, 70, 250


def _fewest_edges(run, settings):
    if (settings["users"], settings["objects"], settings["ttl_s"]) != (12_000, 1_000, 10):
        return "Keep 12,000 users, 1,000 pictures and a TTL of 10 s."
    mean_ms = mean_latency_ms(run)
    if not mean_ms <= MOST_GOAL_MS:
        return f"With {settings['edges']} edges a picture takes {mean_ms:.1f} ms; {MOST_GOAL_MS} ms are asked for."
    return True if settings["edges"] <= FEWEST_EDGES else f"{settings['edges']} edges: it can be done with fewer."


def _shortest_ttl(run, settings):
    if (settings["edges"], settings["users"], settings["objects"]) != (43, 12_000, 100):
        return "Take 43 edges, 12,000 users and 100 pictures."
    per_s = asked_per_s(run)
    if per_s > MOST_ORIGIN_PER_S:
        return f"The origin gets {per_s:,.0f} requests a second."
    if per_s < 0.9 * MOST_ORIGIN_PER_S:
        return f"The origin gets {per_s:,.0f} requests a second: a shorter TTL would do."
    return True


def _half(run, settings):
    if (settings["edges"], settings["objects"]) != (43, 1_000) or settings["ttl_s"] > 4:
        return "Take 43 edges, 1,000 pictures and a TTL of 4 s at most."
    percent = answered_at_the_edge_percent(run)
    return True if 48.5 <= percent <= 51.5 else f"The edges answer {percent:.1f} % of the requests themselves."


GOALS = (
    Goal("12,000 users, 1,000 pictures, 10 s. Find the fewest edges with which a picture takes 70 ms at most on "
         "average. And what do twice as many bring?", _fewest_edges, (r"\b(6|six) edges\b",)),
    Goal("43 edges, 12,000 users, 100 pictures. Find the shortest TTL with which the origin gets 250 requests a second "
         "at most; within a tenth is near enough.", _shortest_ttl, (r"TTL of (4\.[5-9]|5(\.\d)?) s\b",)),
    Goal("43 edges, 1,000 pictures, a TTL of 4 s at most. Find a crowd of whose requests the edges answer half "
         "themselves, within 1.5 points. You know one such pair with 10 s: what must stay the same?", _half,
         (r"users times (the )?TTL",)),
)


def at_the_edges():
    """The shop with a CDN in front, for customers in 48 countries."""
    return shop(18), Clients(users=12_000, routes=PAGES, countries=data.crowd())


LESSON = Lesson("18", "A CDN", (PAGES_TRAVEL, COLD), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("a CDN with 43 edges", at_the_edges),))
