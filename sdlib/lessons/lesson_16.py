"""Lesson 16: Redis as a cache in front of the database, and what happens when it forgets, or is away."""

from dataclasses import replace

from sdlib.charts.hits import database_busy_percent, settled_hits_percent
from sdlib.components.clients import Clients
from sdlib.lessons.evicting import Day, new_fashion, serve, steady, with_a_robot
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.shop import PAGES, shop
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number


def hit_percent(run):
    """Of all look-ups of the run, those that found the answer."""
    hits, misses = (float(run.stations[what].sum()) for what in ("hits", "misses"))
    return 100 * hits / max(hits + misses, 1)


def queries(run):
    """Queries that the database has answered."""
    return int(run.stations["served"]["database"])


TIME = Prediction(
    key="16-time", about="loads", rises=True,
    ask="This Redis has room for all 2,000 products. But prices change, so an answer is kept for 2 seconds only. 800 "
        "requests a second, a few products far more popular than most. What share of the requests finds its answer in "
        "Redis?",
    choices=(
        Choice("about 95 %: all of them fit",
               "Room is not the limit here. Each answer is thrown away after 2 seconds, and must be fetched again."),
        Choice("about 60 %",
               "So it is on average. In this run it was another share."),
        Choice("about 45 %: in 2 seconds 0.8 requests come for each of the 2,000 products",
               "That is what all products would hit if they were equally popular: 0.8 / 1.8. They are not."),
        Choice("about 20 %",
               "That few would find it if each answer were thrown away after a tenth of a second."),
    ),
    right=lambda run: 3 - band(hit_percent(run), (32, 52, 78)),
    result=lambda run: f"In this run {hit_percent(run):.1f} % of the requests found their answer in Redis.",
    because="The most popular product is asked for dozens of times a second: it misses once in 2 seconds, and hits all "
            "the time in between. A rare one is asked for once in ten seconds, and nearly always misses. Most of the "
            "requests are for popular ones.",
    answer_shown_as=(r"\b5[5-9]\.\d % of the requests found", r"about 6\d % (are )?hits"),
)

RUSH = Prediction(
    key="16-rush", about="counts", rises=True,
    ask="One product is on the front page: 400 requests a second want it, and nothing else is asked for. Redis keeps "
        "its answer for 10 seconds; the database needs 100 ms for it. How many queries reach the database in a minute?",
    choices=(
        Choice("6: one each time that it is not there",
               "It takes 100 ms until the first one is back. Who comes meanwhile finds nothing either, and goes to the "
               "database as well."),
        Choice("about 60",
               "That is one for each second. What counts is how many come while the first one is on its way."),
        Choice("about 240",
               "So it is on average. In this run it was another number."),
        Choice("about 2,400: a tenth of all",
               "For a tenth of a second in every ten there is nothing in Redis. That is a hundredth of the time."),
    ),
    right=lambda run: band(queries(run), (20, 120, 800)),
    result=lambda run: f"In this run {queries(run):,} queries reached the database.",
    because="400 a second x 0.1 s = 40 come while the first one fetches: 41 queries, and that six times in the minute. "
            "All of them ask for the same thing.",
    answer_shown_as=(r"\b2[2-7]\d queries reached", r"= 40 come"),
)


EASY = Exercise(
    key="16-easy", title="which query?",
    ask="One Redis is to be placed in front of one query; a look-up takes 0.5 ms. A: a customer's name by number, 0.1 "
        "ms in the database, 5,000 times a second, 90 % would be hits. B: \"others also bought\", 100 ms, 50 times a "
        "second, 60 % hits. C: a free search, 200 ms, 30 times a second; hardly two customers type the same, 2 % hits. "
        "Where does it help the database most, without making its customers wait longer on average?",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "The most requests and the most hits. But each of them now waits 0.5 ms, to save 0.1.",
        "C": "The longest query of all, and nearly each of them is made all the same."})),),
    misconceptions=(
        Misconception("the most hits are the most help",
                      "A hit is worth what it saves. Compare a look-up with the query that it replaces: a query by "
                      "primary key may be quicker than the cache.", "A"),
        Misconception("the slowest query needs the cache",
                      "A cache only helps with what is asked for again. Hardly any search is.", "C"),
    ),
    hints=("What does one hit save the database, and how many hits are there in a second?",
           "Then look at the customer: a look-up more on each request, a query less on each hit."),
    solution='answer = "B"',
    because="Saved are rate x share of hits x query: 50 x 0.6 x 100 ms are 3 s of queries in each second. In A it is "
            "0.45 s, and all customers wait longer; in C 0.12 s. A cache pays where a query is expensive and asked for "
            "again.",
)


REQUESTS = 3_000
DAYS = (
    Day("the usual customers", steady(REQUESTS, 1), 40),
    Day("the usual customers, and a robot that reads every page of the shop once", with_a_robot(2_000, 1), 26),
    Day("from noon on other products are popular", new_fashion(REQUESTS, 1), 40),
    Day("as many requests of the robot as of customers", with_a_robot(1_500, 3, every=1), 16),
)


def _day(day):
    def fault(percent):
        wanted = day.fewest_hits_percent
        return "" if percent >= wanted else f"{percent:.1f} % hits in the second half; {wanted} % are asked for."
    return Scenario(day.label, lambda evict: serve(evict, day), fault)


MEDIUM = Exercise(
    key="16-medium", title="who makes room?",
    ask="A cache has room for 40 of some hundred products, and it is full. Write evict(stored, now): the product that "
        "leaves, so that the new one fits. stored: a dict of each product in the cache to the list of the moments at "
        "which it was asked for since it came in, the newest last. now: this moment; requests are counted 0, 1, 2, "
        "... through the day. The goal, on four days that you have not seen: enough hits in the second half of the "
        "day. Enough is what a good rule can find there: 16 % of the requests on the hardest day, 40 % on the easiest.",
    starter="def evict(stored, now):\n    ...", answer="evict",
    wants="a function evict(stored, now) that returns one of the products in stored",
    scenarios=tuple(map(_day, DAYS)),
    misconceptions=(
        Misconception("who came first goes first",
                      "Then the most popular product leaves when its turn comes, and is fetched again at once. Look at "
                      "when it was asked for, not at when it came in.",
                      lambda stored, now: min(stored, key=lambda product: stored[product][0])),
        Misconception("asked for last is worth most",
                      "This is LRU, and many caches do it. A robot that reads each page once fills such a cache with "
                      "what nobody wants again. How would you tell its pages from popular ones?",
                      lambda stored, now: min(stored, key=lambda product: stored[product][-1])),
        Misconception("asked for most is worth most",
                      "This is LFU. The robot does not harm it; but what was popular in the morning has so many uses "
                      "that it never leaves. Count only the uses of late.",
                      lambda stored, now: min(stored, key=lambda product: len(stored[product])),
                      lambda values: values[2] < 25 and values[1] >= DAYS[1].fewest_hits_percent),
        Misconception("the newest leaves",
                      "What came a moment ago may be the most popular product of all. With this rule the cache keeps "
                      "the first 39 products of the day.",
                      lambda stored, now: max(stored, key=lambda product: stored[product][-1])),
    ),
    hints=("What tells a popular product from a page that a robot read once? And from one that was popular this "
           "morning?",
           "Judge a product by how often it was asked for of late: within some hundred requests. And of several that "
           "are equal?"),
    solution="def evict(stored, now):\n"
             "    def worth(product):\n"
             "        lately = [moment for moment in stored[product] if moment > now - 500]\n"
             "        return len(lately), stored[product][-1]\n"
             "    return min(stored, key=worth)",
    because="Uses of late, then the last use: frequency that fades. Redis has both of the simple rules (allkeys-lru "
            "and allkeys-lfu); its LFU counts down with time, for the same reason.",
)


def _hits(rates_per_s, kept_s, of_one=lambda uses: uses / (1 + uses)):
    """The share of hits where all fit: each product by itself, weighted by how often it is asked for."""
    return sum(rate * of_one(rate * kept_s) for rate in rates_per_s) / sum(rates_per_s)


def _products(label, kept_s, *rates_per_s):
    return Scenario(f"{label}: {', '.join(f'{rate:g}' for rate in rates_per_s)} a second, kept for {kept_s:g} s",
                    lambda hits: number(hits([*rates_per_s], kept_s)), near(_hits(rates_per_s, kept_s), tolerance=1e-4))


HARD = Exercise(
    key="16-hard", title="how many hits does the time allow?",
    ask="Redis has room for all products, and keeps an answer for kept_s seconds from when it was fetched; a hit does "
        "not make it last longer. Write hits(rates_per_s, kept_s): the share of all requests that are hits, 0 to 1. "
        "rates_per_s: how often each product is asked for, per second, at random moments. A fetch takes no time.",
    starter="def hits(rates_per_s, kept_s):\n    ...", answer="hits",
    wants="a function hits(rates_per_s, kept_s) that returns a number from 0 to 1",
    scenarios=(_products("one product", 2, 3.0), _products("a popular and a rare one", 10, 5.0, 0.1),
               _products("four products", 0.5, 8.0, 4.0, 2.0, 1.0), _products("all rare", 5, 0.01, 0.02, 0.05)),
    misconceptions=(
        Misconception("each hit makes it last longer",
                      "1 - e^(-rate x time) is right where the time begins anew with each hit. Here it begins with the "
                      "fetch.", lambda rates, kept_s: _hits(rates, kept_s, lambda uses: 1 - 2.718281828459045**-uses)),
        Misconception("all that come meanwhile are hits, and nobody misses",
                      "For each fetch there is one who waited for it: that one missed.",
                      lambda rates, kept_s: _hits(rates, kept_s, lambda uses: min(uses, 1))),
        Misconception("all products count the same",
                      "Of the requests, most are for popular products. Weigh each product by its rate.",
                      lambda rates, kept_s: sum(r * kept_s / (1 + r * kept_s) for r in rates) / len(rates)),
        Misconception("one product of the mean rate",
                      "Popular ones hit more and are asked for more often. An average product knows nothing of that.",
                      lambda rates, kept_s: _hits([sum(rates) / len(rates)], kept_s)),
    ),
    hints=("One product first: a request misses and fetches it. How many come, on average, until it expires? And then?",
           "Each round begins with one miss. Which share of the round's requests are hits? Then weigh the products."),
    solution="def hits(rates_per_s, kept_s):\n"
             "    found = 0\n"
             "    for rate in rates_per_s:\n"
             "        found += rate * (rate * kept_s) / (1 + rate * kept_s)\n"
             "    return found / sum(rates_per_s)",
    because="One miss and rate x time hits in each round: n / (1 + n). It is the level line on the panel, "
            "sd.theory.ttl_hit_ratio. The larger the crowd, the larger the share of hits.",
)


QUIZ = (
    Question("95 of 100 look-ups are hits, and the database is 30 % busy with the rest. Redis goes away; connections "
             "to it are refused at once. What happens?", (
                 Choice("A page takes as long as a miss did, and no longer.",
                        "So it would be if the database had room for all. It gets 20 times as many queries as before."),
                 Choice("The database gets 20 times the queries, and the shop stands still.",
                        "30 % x 20 = 600 % of what it can do. A cache that takes most of the load is no accelerator "
                        "any more: the shop depends on it.", True),
                 Choice("Five of 100 pages are slower.",
                        "Those five did not find their answer before, either. The other 95 do not find it now."),
             )),
    Question("A price changes. The code writes it to the database, and then deletes the product's key in Redis. Can "
             "somebody still get the old price from Redis afterwards?", (
                 Choice("No: what is deleted is gone.",
                        "It may come back: someone may have read the old price from the database just before it was "
                        "written, and put it into Redis just after the key was deleted."),
                 Choice("Yes, rarely: from one who read before the change and stored after it.",
                        "Therefore a key gets a time to live even where the code deletes it: then such a mistake ends "
                        "by itself.", True),
                 Choice("Yes, each time, until the key's time to live ends.",
                        "Not each time. The next one finds no key, and reads the new price."),
             )),
    Question("Where do the kept answers stand?", (
        Choice("in the memory of each machine of a service",
               "Right when the data is small, read all the time, and hardly ever changes: no hop, and one machine's "
               "death is no other's. The price: each machine fetches for itself, and the copies differ.", None),
        Choice("one Redis for each service",
               "Right when services belong to different teams: nobody's keys push out another's, and one that is away "
               "is missed by one service only. The price: more machines, each with room that another would need.",
               None),
        Choice("one Redis for all services",
               "Right when the shop is small: one machine to look after, and the room goes to what is asked for most. "
               "The price: when it is away, all services miss it at once.", None),
    )),
)


MOST_P99_MS, MOST_BUSY_PERCENT = 600, 60


def _again(run, users=None, times=1, **knobs):
    """The same run with another crowd or another Redis, so many times as long."""
    clients = run.clients if users is None else replace(run.clients, users=users)
    store = replace(run.system.calls[0], **knobs)
    return simulate(replace(run.system, calls=[store]), clients, seconds=times * run.seconds, seed=run.seed)


def _limited_by_time(run, settings):
    if settings["users"] != 12_000 or settings["skew"] != 0.8:
        return "Keep 12,000 users, and a skew of 0.8."
    now = settled_hits_percent(run)
    if now < 80:
        return f"{now:.1f} % are hits; 80 % are asked for."
    room = settled_hits_percent(_again(run, capacity=2 * settings["capacity"])) - now
    if room >= 1:
        return f"Twice the room would bring {room:.1f} points more."
    time = settled_hits_percent(_again(run, times=2, ttl_s=2 * settings["ttl_s"])) - now
    return True if time >= 5 else f"Twice the time would bring only {max(time, 0):.1f} points more."


def _crowd_at_two_seconds(run, settings):
    if settings["ttl_s"] != 2 or settings["capacity"] != 2_000 or settings["skew"] != 0.8:
        return "Keep an answer for 2 s, with room for 2,000, and a skew of 0.8."
    busy = database_busy_percent(run)
    if busy > MOST_BUSY_PERCENT:
        return f"The database is {busy:.1f} % busy; {MOST_BUSY_PERCENT} % are allowed."
    if database_busy_percent(_again(run, users=round(1.1 * settings["users"]))) <= MOST_BUSY_PERCENT:
        return "A crowd that is a tenth larger is served as well."
    return True


def _is_calm_without(run, users=None):
    """The p99 in the same time with Redis away from the start; infinite where requests failed."""
    away = _again(run, users, down=[(0, run.seconds)])
    return float("inf") if figure(away, "failed") else figure(away, "p99_ms")


def _safe_crowd(run, settings):
    p99_ms = _is_calm_without(run)
    if p99_ms > MOST_P99_MS:
        found = "requests fail" if p99_ms == float("inf") else f"the p99 is {p99_ms:,.0f} ms"
        return f"With Redis away {found}; {MOST_P99_MS} ms are allowed."
    if _is_calm_without(run, users=round(1.1 * settings["users"])) <= MOST_P99_MS:
        return "A crowd that is a tenth larger could do without Redis as well."
    return True


GOALS = (
    Goal("12,000 users, a skew of 0.8. Find a Redis with 80 % hits or more that is limited by its time and not by its "
         "room: twice the room would bring less than one point more, twice the time five or more.",
         _limited_by_time, (r"kept for (8|9|1[0-8])(\.\d)? s.{0,40}limited by (its )?time",)),
    Goal("An answer may be 2 seconds old. With room for all 2,000 products, find the largest crowd with which the "
         "database is 60 % busy at most, within a tenth. Does half of that crowd make half of the queries?",
         _crowd_at_two_seconds, (r"\b1[45],\d00 users",)),
    Goal("Find the largest crowd, within a tenth, that would still have a p99 of 600 ms at most if Redis were away. "
         "Press try: it runs the same without Redis. Which of the other sliders help?", _safe_crowd,
         (r"\b9,[0-7]\d\d users",)),
)


def remembered():
    """The shop with a Redis in front of two of its databases."""
    return shop(16), Clients(users=12_000, routes=PAGES)


LESSON = Lesson("16", "Redis as a cache", (TIME, RUSH), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("a Redis for user and product", remembered),))
