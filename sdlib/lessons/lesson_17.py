"""Lesson 17: clients in many countries, and a shop that stands in one place."""

from itertools import combinations

from sdlib import data
from sdlib.components.clients import Clients
from sdlib.components.geography import MUMBAI
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.settling import Market, settle
from sdlib.lessons.shop import PAGES, shop
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number


def seen_by(run, country, column="p95_ms"):
    """What a country saw of the run: a column of `Run.by_country`."""
    return float(run.by_country().set_index("country").loc[country, column])


FASTER = Prediction(
    key="17-faster", about="tails", rises=False,
    ask="One machine in Mumbai stands for the whole shop, half busy; clients of 48 countries use it. A request needs "
        "10 ms of CPU. The p50 of everybody is 99 ms, the p95 is 386 ms. The owner buys cores ten times as fast: 1 ms. "
        "What is the p95 then?",
    choices=(
        Choice("about 380 ms, 350 or more",
               "The slowest twentieth live far away, and nearly all of their wait is the way. The work is the small "
               "part of it."),
        Choice("about 340 ms, 270 to 350",
               "An eighth less: so much the p50 falls, from 99 to 87 ms. In the middle stand those who are not far. "
               "The p95 belongs to others."),
        Choice("about 200 ms, 100 to 270",
               "The work is a tenth now. For that, half of the wait would have to be work, or a wait for a core."),
        Choice("about 40 ms, under 100",
               "A tenth of everything: so it is for a customer next door, whose whole wait is work."),
    ),
    right=lambda run: band(-figure(run, "p95_ms"), (-350, -270, -100)),
    result=lambda run: f"In this run the p95 of everybody was {figure(run, 'p95_ms'):,.0f} ms.",
    because="Nine milliseconds of work are gone, and the way stays. Light in fibre needs its time, and no server is "
            "asked about it.",
    answer_shown_as=(r"everybody was 3[5-9]\d ms", r"from 99 to 87 ms"),
)

US = Prediction(
    key="17-us", about="tails", rises=True,
    ask="From New York to Mumbai and back it takes 209 ms, the work 10 ms. One request in five opens a new connection "
        "first, encrypted with TLS 1.3; the others use one that is open already. What is the p95 of the United States?",
    choices=(
        Choice("about 230 ms, up to 320",
               "So long wait the four of five whose connection is open. The p95 looks at the slowest one in twenty, "
               "and one in five is more than that."),
        Choice("about 430 ms, 320 to 530",
               "One round trip to open the connection, one for the request. TLS wants a word, too."),
        Choice("about 640 ms, 530 to 740",
               "Three round trips and the work: TCP, TLS, request."),
        Choice("about 850 ms, over 740",
               "That is the older TLS 1.2, which greets twice. TLS 1.3 does it in one round trip."),
    ),
    right=lambda run: band(seen_by(run, "US"), (320, 530, 740)),
    result=lambda run: f"In this run the p95 of the United States was {seen_by(run, 'US'):,.0f} ms.",
    because="A new connection: one round trip for TCP, one for TLS 1.3, one for the request. 3 x 209 ms and the work. "
            "One request in five has it, so it is what the p95 sees.",
    answer_shown_as=(r"United States was 6\d\d ms", r"3 x 209 ms"),
)


EASY = Exercise(
    key="17-easy", title="six questions from Chile",
    ask="An app opens a connection to Mumbai with TLS 1.3 and asks for six things, one after another: each time it "
        "waits for the answer before it asks the next. From Chile a round trip takes 267 ms, and so the app's page "
        "needs over 2 s. It shall come within 1 s. Which change does it? A: servers ten times as fast. B: one request "
        "that brings all six. C: no TLS.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "There are still eight round trips, and they alone take 2.1 s.",
        "C": "That leaves seven round trips, 1.9 s, and no secrets."})),),
    misconceptions=(
        Misconception("slow is the server",
                      "Count the round trips. How many of them does the server's speed remove?", "A"),
        Misconception("encryption is what costs",
                      "TLS costs one round trip, once. What costs one each time?", "C"),
    ),
    hints=("How many round trips are there, from the first packet to the last answer?",
           "TCP, TLS, and one for each request that waits for the one before. Which change removes five of them?"),
    solution='answer = "B"',
    because="2 + 6 round trips become 2 + 1: 0.8 s. Far away, the number of questions in a row counts, not how fast "
            "each is answered. Six questions at the same time would do as well.",
)


LIMIT_MS, WANTED_PERCENT = 100, 90
PEOPLE = data.crowd()


def _of(*countries):
    return {country: PEOPLE[country] for country in countries}


AMERICAS = ("US", "CA", "MX", "BR", "AR", "CO", "CL")
EUROPE = ("DE", "FR", "GB", "IT", "ES", "PL", "NL", "SE", "CH", "UA", "RU", "TR", "IL")
MARKETS = (
    Market("the whole world, three regions", PEOPLE, 3),
    Market("Europe and the Americas, two regions", _of(*AMERICAS, *EUROPE), 2),
    Market("the Gulf and Africa, two regions",
           _of("SA", "AE", "QA", "OM", "IR", "IL", "EG", "TR", "KE", "ET", "ZA", "NG"), 2),
    Market("around the Pacific, two regions", _of("JP", "KR", "AU", "NZ", "US", "CL", "PH", "ID", "TW"), 2),
)


def _market(market):
    def fault(settled):
        if settled.in_time_percent >= WANTED_PERCENT:
            return ""
        return (f"{settled.in_time_percent:.1f} % of the requests were answered within {LIMIT_MS} ms, with a mean of "
                f"{settled.mean_ms:.0f} ms; {WANTED_PERCENT} % are asked for.")
    return Scenario(market.label, lambda choose_regions: settle(choose_regions, market, LIMIT_MS), fault)


def _best_group(worth):
    """A rule: of all groups of so many regions the one for which worth(people, ways) is largest.

    ways: {country: ms to the nearest of the group}.
    """
    def choose_regions(people, rtt_ms, count):
        def of(group):
            return worth(people, {country: min(rtt_ms[region][country] for region in group) for country in people})
        return max(combinations(rtt_ms, count), key=of)
    return choose_regions


def _best_alone(people, rtt_ms, count):
    return sorted(rtt_ms, key=lambda region: sum(people[country] * rtt_ms[region][country] for country in people))[
        :count]


def _where_most_are(people, rtt_ms, count):
    largest = sorted(people, key=people.get, reverse=True)[:count]
    return {min(rtt_ms, key=lambda region: rtt_ms[region][country]) for country in largest}


MEDIUM = Exercise(
    key="17-medium", title="where to settle",
    ask="The shop may stand in several regions, and each country is sent to the nearest of them. Write "
        "choose_regions(people, rtt_ms, count): a list of region codes, count at most. people: {country: people "
        "online}. rtt_ms: {region: {country: ms there and back}}. Connections are kept open, the work is 5 ms. The "
        "goal, for markets that you have not seen: 90 % of the requests are answered within 100 ms.",
    starter="def choose_regions(people, rtt_ms, count):\n    ...", answer="choose_regions",
    wants="a function choose_regions(people, rtt_ms, count) that returns a list of region codes, count at most",
    scenarios=tuple(map(_market, MARKETS)),
    misconceptions=(
        Misconception("the best ones, one by one",
                      "The second best region stands beside the best one and serves the same people. What is wanted "
                      "is a group whose members serve different ones.", _best_alone),
        Misconception("go where most people are",
                      "The largest countries are served, and the many small ones between them are not. A region "
                      "between several countries may be near enough to all.", _where_most_are),
        Misconception("a small mean is a good service",
                      "Your mean is the best that there is. But it is made by people next door who save 30 ms more, "
                      "and the goal counts those who are within 100 ms.",
                      _best_group(lambda people, ways: -sum(people[c] * ways[c] for c in people))),
        Misconception("each country counts the same",
                      "Requests come from people. A country of 300 million sends more of them than one of 5.",
                      _best_group(lambda people, ways: sum(ways[c] < 95 for c in people))),
        Misconception("nobody may be far",
                      "Who cares for the farthest country puts a region there, and the many pay for the few. One "
                      "request in ten may take longer.",
                      _best_group(lambda people, ways: -max(ways.values()))),
    ),
    hints=("For a group of regions: how many people have at least one of them within 95 ms? That number is what the "
           "goal is about.",
           "itertools.combinations(rtt_ms, count) lists all groups; max(..., key=...) takes the best one."),
    solution="from itertools import combinations\n\n"
             "def choose_regions(people, rtt_ms, count):\n"
             "    def near(group):\n"
             "        return sum(people[country] for country in people\n"
             "                   if min(rtt_ms[region][country] for region in group) < 95)\n"
             "    return max(combinations(rtt_ms, count), key=near)",
    because="Optimise what was promised: here the share within 100 ms, not the mean and not the farthest. A few "
            "thousand groups can all be tried. Where there are too many, take the region that adds the most people, "
            "again and again.",
)


def _percentile_ms(countries, new, handshakes, work_ms, share=0.95):
    waits = sorted((rtt_ms * (1 + trips) + work_ms, part * odds) for part, rtt_ms in countries
                   for trips, odds in ((0, 1 - new), (handshakes, new)))
    seen = 0.0
    for latency_ms, part in waits:
        seen += part
        if seen >= share:
            return latency_ms
    return waits[-1][0]


def _crowd(label, *case):
    return Scenario(label, lambda p95_ms: number(p95_ms([*case[0]], *case[1:])), near(_percentile_ms(*case), "ms"))


NEAR_AND_FAR = ((0.5, 10), (0.3, 100), (0.2, 300))
HARD = Exercise(
    key="17-hard", title="the p95 of the world",
    ask="Write p95_ms(countries, new, handshakes, work_ms): the time within which 95 % of all requests are answered. "
        "countries: a list of (share of the requests, round trip in ms). A share new of the requests of each country "
        "opens a connection first, which takes so many round trips (handshakes) before that of the request. The work "
        "takes work_ms each time.",
    starter="def p95_ms(countries, new, handshakes, work_ms):\n    ...", answer="p95_ms",
    wants="a function p95_ms(countries, new, handshakes, work_ms) that returns a number of milliseconds",
    scenarios=(_crowd("near and far", NEAR_AND_FAR, 0.2, 2, 10),
               _crowd("hardly any new connection", NEAR_AND_FAR, 0.01, 2, 5),
               _crowd("most live near", ((0.97, 20), (0.03, 250)), 0.1, 3, 10),
               _crowd("all connections are new", ((0.6, 40), (0.4, 200)), 1.0, 2, 1)),
    misconceptions=(
        Misconception("the mean of the countries' p95",
                      "Percentiles have no mean. The world's p95 is one request's time in the row of all requests.",
                      lambda countries, new, handshakes, work_ms: sum(
                          part * _percentile_ms([(1, rtt_ms)], new, handshakes, work_ms)
                          for part, rtt_ms in countries)),
        Misconception("the p95 is always a new connection",
                      "Only if there are enough of them. With one in a hundred, others are among the slowest "
                      "twentieth: those who live far away.",
                      lambda countries, new, handshakes, work_ms: _percentile_ms(countries, 1.0, handshakes, work_ms)),
        Misconception("nobody opens a connection",
                      "A share of the requests waits for handshakes first, and they are all near the slow end.",
                      lambda countries, new, handshakes, work_ms: _percentile_ms(countries, 0.0, handshakes, work_ms)),
        Misconception("a country is a country",
                      "Half of the requests come from next door: they fill half of the row.",
                      lambda countries, new, handshakes, work_ms: _percentile_ms(
                          [(1 / len(countries), rtt_ms) for _, rtt_ms in countries], new, handshakes, work_ms)),
    ),
    hints=("Each country has two kinds of requests. Write down (time, share) for all of them.",
           "Sort them by time and add up the shares. The time at which the sum reaches 0.95 is the answer."),
    solution="def p95_ms(countries, new, handshakes, work_ms):\n"
             "    waits = []\n"
             "    for share, rtt_ms in countries:\n"
             "        waits.append((rtt_ms + work_ms, share * (1 - new)))\n"
             "        waits.append((rtt_ms * (1 + handshakes) + work_ms, share * new))\n"
             "    seen = 0\n"
             "    for latency_ms, share in sorted(waits):\n"
             "        seen += share\n"
             "        if seen >= 0.95:\n"
             "            return latency_ms",
    because="A percentile is a place in a row: sort by time, and walk until 95 % have passed. It can be the p95 of no "
            "country at all. So dashboards must keep the counts by time, not the percentiles of each country.",
)


QUIZ = (
    Question("Two cities are both 4,000 km away from the server. From one a round trip takes 64 ms, from the other "
             "135 ms. What is the likely reason?", (
                 Choice("The second city has slower computers.",
                        "A round trip has hardly any computing in it: the packet is only carried."),
                 Choice("The way is another one: packets follow cables and contracts.",
                        "The great circle is what a bird needs. A cable may lead around a continent, and the network "
                        "hands packets over where it has an agreement.", True),
                 Choice("One of the two was measured wrong: the distance is the same.",
                        "The distance is a lower limit: nothing is faster than light in fibre. Nothing keeps a way "
                        "from being three times as long."),
             )),
    Question("A shop has customers everywhere, as many as people are online. It moves its only region from Mumbai to "
             "Frankfurt. What happens to the mean latency over all requests?", (
                 Choice("It falls: Frankfurt is in the middle of the map.",
                        "It is in the middle of the map, and not in the middle of the people."),
                 Choice("It stays: somebody gains what somebody else loses.",
                        "Each one gains or loses, but not as many on either side."),
                 Choice("It rises: more people live near Mumbai than near Frankfurt.",
                        "More than half of the people online live in Asia. A mean over requests counts people, not "
                        "countries.", True),
             )),
    Question("Half of the customers are in India, half in the United States. Where does the shop stand?", (
        Choice("in one region, near one half",
               "Right when the shop is small or its page needs few round trips: one database, one truth, one team. "
               "The price: the other half waits, and an outage of the region is an outage of the shop.", None),
        Choice("in two regions; all writes go to one of them",
               "Right when most requests only read, as in a shop. The price: a copy of the data is a moment behind, "
               "and who pays from far away still waits for the long way.", None),
        Choice("in two regions, and both may write",
               "Right when writes must be fast everywhere and rarely meet, such as carts. The price: two databases "
               "that disagree for a moment. The last piece can be sold twice, and somebody must decide whose order "
               "counts.", None),
    )),
)


FEWEST_NEW, ONE_TRIP, A_TENTH = 0.03, 1.5, 0.12
SLOWED, TOO_SLOW = 1.2, 1.8


def _is_everybody(run):
    return len(run.clients.countries) == len(PEOPLE) and len({share for _, share in run.clients.countries}) > 1


def _one_round_trip(run, settings):
    if run.system.home != MUMBAI or not _is_everybody(run):
        return "Take Mumbai and everyone online."
    p95_ms, rtt_ms = seen_by(run, "US"), run.system.rtt_ms("US")
    if not p95_ms < ONE_TRIP * rtt_ms:
        return f"The p95 of the United States is {p95_ms:,.0f} ms: {p95_ms / rtt_ms:.1f} round trips."
    is_most = settings["new_connections"] >= FEWEST_NEW
    return True if is_most else "It is one round trip, and a larger share would do, too."


def _alike(run, settings):
    if {country for country, _ in run.clients.countries} != {"IN", "US"}:
        return "Take half India, half US."
    india_ms, us_ms = (seen_by(run, country, "p50_ms") for country in ("IN", "US"))
    if abs(india_ms / us_ms - 1) <= A_TENTH:
        return True
    return f"Half of India's requests take longer than {india_ms:,.0f} ms, half of those of the US {us_ms:,.0f} ms."


def _machine_matters(run, settings):
    if run.system.home != MUMBAI or not _is_everybody(run):
        return "Take Mumbai and everyone online."
    p50_ms, quiet_ms = seen_by(run, "US", "p50_ms"), run.system.rtt_ms("US") + run.system.target.service_ms
    if not p50_ms >= SLOWED * quiet_ms:
        return f"The p50 of the US is {p50_ms:,.0f} ms: the way takes nearly all of it."
    return True if p50_ms <= TOO_SLOW * quiet_ms else f"The p50 of the US is {p50_ms:,.0f} ms: that crowd is too large."


GOALS = (
    Goal("Mumbai, everyone online. Find the largest share of new connections with which the p95 of the United States "
         "is one round trip and the work, under 1.5 round trips.",
         _one_round_trip, (r"share of (0\.0[3-5]|[345] %)", r"\b[345] % of new connections")),
    Goal("Half India, half US. Find the home with which both have the same p50, within an eighth; press try to read "
         "it. Compare the mean wait of the two with Mumbai's: who gains?",
         _alike, (r"\bParis (is|treats|has)\b", r"home=.?Paris")),
    Goal("Mumbai, everyone online. Find a crowd with which a better machine would help the United States: its p50 is "
         "20 to 80 % above a round trip and the work. Press try to read it.",
         _machine_matters, (r"\b24,[3-9]00 users",)),
)


def in_mumbai():
    """The last lesson's shop, and people from all countries."""
    return shop(17), Clients(users=12_000, routes=PAGES, countries=PEOPLE)


LESSON = Lesson("17", "Regions", (FASTER, US), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("the same for 48 countries", in_mumbai),))
