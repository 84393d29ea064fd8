"""Lesson 09: the synchronous e-mail. Payment waits for the mail, and so does the customer."""

import math

from sdlib.components.clients import Clients
from sdlib.lessons.giving_up import FEWEST_MAILS, LONGEST_P99_MS, MOST_ASKED, Day, serve
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.shop import ROUTES, shop
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import whole
from sdlib.theory import erlang_c

USERS, CHECKOUT = 12_000, "/payment"
PER_MINUTE = 4 * ROUTES[CHECKOUT]    # checkouts per user


def checkouts(users=USERS):
    """Of what users send the checkouts alone: 3 in 100 requests."""
    return Clients(users=users, requests_per_minute=PER_MINUTE, routes={CHECKOUT: 1})


P99 = Prediction(
    key="09-p99", about="tails", rises=True,
    ask="A quick mail provider: a mail takes 100 ms on average, and 99 of 100 mails take less than 460 ms. Without a "
        "mail, 99 of 100 checkouts take less than about 180 ms. Now payment waits for the mail. Nothing queues. Within "
        "how many ms are 99 of 100 checkouts done (the p99)?",
    choices=(
        Choice("under 490 ms: about the mail's own p99",
               "The slower part has the larger say, but the rest of the checkout takes its time, too, before each "
               "mail."),
        Choice("490 to 590 ms", "In this run it was another time."),
        Choice("590 to 690 ms: the two p99 added up",
               "460 + 180 = 640 ms would need a checkout that is among the slowest in 100 with its payment and, by "
               "chance, with its mail as well. That is one in 10,000."),
        Choice("over 690 ms",
               "It would take a queue somewhere: for a thread, for a core, or at the provider. Nobody queues here."),
    ),
    right=lambda run: band(figure(run, "p99_ms"), (490, 590, 690)),
    result=lambda run: f"In this run 99 of 100 checkouts were done within {figure(run, 'p99_ms'):.0f} ms.",
    because="Means add up: 65 + 100 ms. The slowest do not: a slow mail mostly meets an ordinary payment, and a slow "
            "payment an ordinary mail. So the p99 lies above the larger of the two, and below their sum.",
    answer_shown_as=(r"within 5[0-8]\d ms", r"a slow mail mostly meets an ordinary payment",
                     r"100 ms\s+100\s+16\d\s+53\d"),
)


LIMIT = Prediction(
    key="09-limit", about="losses", rises=True,
    ask="A sale: 20,000 users, 40 checkouts a second. Payment could do 133 a second. The mail provider takes 30 mails "
        "a second from this shop, with 300 ms each. What share of the checkouts fails?",
    choices=(
        Choice("next to none, under 1 %",
               "They would have to wait somewhere. But nobody keeps the mails that are too many: the provider answers "
               "429, and a checkout without its mail has failed."),
        Choice("few, 1 to 15 %",
               "Some mails pass at once, for a moment: the burst of the provider's bucket. Over a minute that is next "
               "to nothing."),
        Choice("about a quarter, 15 to 40 %", "In this run it was another share."),
        Choice("nearly all, over 40 %",
               "So it would be if those refused used up the limit as well. They take no token: 30 a second still "
               "pass."),
    ),
    right=lambda run: band(figure(run, "error_percent"), (1, 15, 40)),
    result=lambda run: f"In this run {figure(run, 'error_percent'):.0f} % of the checkouts failed.",
    because="30 of 40 mails pass, and with them their checkouts. The limit of somebody else's service has become the "
            "shop's own, and more machines of ours would not move it. All who failed have paid.",
    answer_shown_as=(r"\b2[4-7](\.\d)? ?% of the checkouts", r"30 of 40 mails pass"),
)


EASY = Exercise(
    key="09-easy", title="what did Ben buy?",
    ask="Ben has paid. The order is written down. Then the mail provider does not answer, and payment gives up. What "
        "should Ben see? A: an error page, for the checkout did not work. B: nothing yet, payment goes on trying. "
        "C: the success page.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("C", {
        "A": "Ben believes it, and pays again.",
        "B": "Ben looks at a page that turns. After some seconds he goes back, and pays again, or leaves."})),),
    misconceptions=(
        Misconception("one part failed, so all of it failed",
                      "What Ben wants to know is whether his order stands. It does. The mail is news about it, not a "
                      "part of it.", "A"),
        Misconception("the mail must be out before he may go",
                      "Somebody must see to the mail later. It need not be Ben, in front of his screen.", "B"),
    ),
    hints=("Which of the three things that happen is Ben's purchase: the money, the order, the mail?",
           "What will Ben do next, in each case? What does the shop have to repair then?"),
    solution='answer = "C"',
    because="The page must tell the truth about the purchase. A mail that is late can be sent an hour later; a second "
            "payment has to be found, explained and given back.",
)


DAYS = (
    Day("one mail in five fails", failure_rate=0.2),
    Day("addresses with typing errors", unknown_share=0.2),
    Day("a slow provider", mail_ms=1_500.0),
    Day("a provider that is down for 10 s", down=((10.0, 20.0),)),
)


def _evening(day):
    def fault(evening):
        if evening.error_pages:
            return f"{evening.error_pages:,} customers who had paid saw an error page."
        if evening.p99_ms > LONGEST_P99_MS:
            return f"The p99 of the checkouts was {evening.p99_ms:,.0f} ms."
        if evening.asked > MOST_ASKED:
            return f"The provider was asked {evening.asked:.1f} times for each checkout."
        if day.unknown_share and evening.asked > 1.02:
            return (f"The provider was asked {evening.asked:.2f} times for each checkout, though a wrong address stays "
                    "wrong.")
        if day.failure_rate and evening.mails_percent < FEWEST_MAILS:
            return f"{evening.mails_percent:.1f} % of the mails were accepted."
        return ""
    return Scenario(day.label, lambda what_now: serve(what_now, day), fault)


def _asked_twice(evenings):
    """Whether wrong addresses were tried again, and nothing else is wrong."""
    return (not any(evening.error_pages for evening in evenings) and evenings[1].asked > 1.02
            and all(evening.asked <= MOST_ASKED and evening.p99_ms <= LONGEST_P99_MS for evening in evenings))


MEDIUM = Exercise(
    key="09-medium", title="paid, and the mail is not out",
    ask="The money is taken, and the mail was not accepted. Write what_now(status, attempt, spent_ms), which returns "
        "\"again\" (ask the provider once more, at once), \"success page\" or \"error page\". status: \"failed\" "
        "(another attempt may go well), \"timed out\" (no answer within 400 ms), \"refused\" (the provider is down) or "
        "\"not found\" (there is no such address). attempt: how many were made. spent_ms: how long this checkout has "
        "taken so far. The goal, on days that you have not seen: whoever has paid sees the success page; the p99 of "
        "the checkouts is 1,000 ms at most; when one mail in five fails, 98 % of the mails are accepted; the provider "
        "is asked at most twice per checkout on average, and once for an address that does not exist.",
    starter="def what_now(status, attempt, spent_ms):\n    ...", answer="what_now",
    wants="a function what_now(status, attempt, spent_ms) that returns \"again\", \"success page\" or \"error page\"",
    scenarios=tuple(map(_evening, DAYS)),
    misconceptions=(
        Misconception("no mail, no success page",
                      "They have paid. Who sees an error page pays again, and the shop has two orders to sort out. The "
                      "page tells of the purchase, not of the mail.",
                      lambda status, attempt, spent_ms: "again" if attempt < 3 else "error page",
                      lambda evenings: any(evening.error_pages for evening in evenings)),
        Misconception("the mail must go out, whatever it takes",
                      "While the provider is down each answer comes at once, and each is the same. Asked without end, "
                      "it will not come back sooner, and the customer waits.",
                      lambda status, attempt, spent_ms: "again",
                      lambda evenings: evenings[3].asked > MOST_ASKED),
        Misconception("one attempt is enough",
                      "Of the mails that fail by chance, most go well at the second attempt, and it costs a few "
                      "milliseconds. Which status says that it was chance?",
                      lambda status, attempt, spent_ms: "success page",
                      lambda evenings: evenings[0].mails_percent < FEWEST_MAILS
                      and all(evening.asked < 1.02 for evening in evenings)),
        Misconception("attempts are counted, time is not",
                      "Four quick failures take less than a second. Four timeouts of 400 ms do not: count what the "
                      "customer counts, spent_ms.",
                      lambda status, attempt, spent_ms: "again" if status in ("failed", "timed out") and attempt < 5
                      else "success page",
                      lambda evenings: evenings[2].p99_ms > LONGEST_P99_MS and evenings[3].asked <= MOST_ASKED),
        Misconception("a wrong address may be right the next time",
                      "An address that does not exist does not exist at the second attempt either. Of which status can "
                      "you hope that it changes?",
                      lambda status, attempt, spent_ms: "again" if attempt < 3 and spent_ms < 500 else "success page",
                      _asked_twice),
    ),
    hints=("Go through the four statuses: for which can another attempt, a moment later, end differently?",
           "One more attempt may take 400 ms. How much may have been spent before it, if all is to be done within "
           "1,000?"),
    solution="def what_now(status, attempt, spent_ms):\n"
             "    if status == \"failed\" and attempt < 4 and spent_ms < 500:\n"
             "        return \"again\"\n"
             "    return \"success page\"",
    because="What is tried again depends on why it failed, and how long on what is left of the customer's second: a "
            "deadline for the whole, not a timeout for each part. After a timeout nobody knows whether the mail went "
            "out; trying again may send it twice. And a mail that is given up here is lost: somebody has to keep it.",
)


def fewest_threads(checkouts_per_s, payment_ms, mail_ms, share):
    """With how many threads at most this share of the checkouts has to wait for one."""
    held = checkouts_per_s * (payment_ms + mail_ms) / 1000
    threads = math.floor(held) + 1
    while erlang_c(threads, held) > share:
        threads += 1
    return threads


def _mean_alone(checkouts_per_s, payment_ms, mail_ms, share):
    return math.ceil(checkouts_per_s * (payment_ms + mail_ms) / 1000)


def _mail_alone(checkouts_per_s, payment_ms, mail_ms, share):
    return fewest_threads(checkouts_per_s, 0, mail_ms, share)


def _all_slow(checkouts_per_s, payment_ms, mail_ms, share):
    return math.ceil(checkouts_per_s * (payment_ms + mail_ms) / 1000 * math.log(1 / share))


def _budget(label, *figures):
    right = fewest_threads(*figures)

    def fault(value):
        return "" if value == right else f"You gave {value:,}. That is too {'many' if value > right else 'few'}."
    return Scenario(label, lambda threads: whole(threads(*figures)), fault)


HARD = Exercise(
    key="09-hard", title="a budget of threads",
    ask="Write threads(checkouts_per_s, payment_ms, mail_ms, share): the fewest threads with which at most this share "
        "of the checkouts (0.01 is one in a hundred) has to wait for one. A checkout holds its thread for payment_ms "
        "and then for mail_ms, on average, and checkouts come at random moments. sd.theory.erlang_c(servers, "
        "offered_load) is at your disposal. It is tried on shops that you have not seen.",
    starter="def threads(checkouts_per_s, payment_ms, mail_ms, share):\n    ...", answer="threads",
    wants="a function threads(checkouts_per_s, payment_ms, mail_ms, share) that returns a whole number",
    scenarios=(_budget("24 a second, a mail of 0.3 s", 24, 65, 300, 0.01),
               _budget("24 a second, a mail of 3 s", 24, 65, 3_000, 0.01),
               _budget("100 a second, a slow payment", 100, 400, 150, 0.001),
               _budget("2 a second, one in twenty may wait", 2, 100, 150, 0.05),
               _budget("29 a second, a mail of 8 s", 29, 65, 8_000, 0.01)),
    misconceptions=(
        Misconception("the mean is enough",
                      "Rate x time says how many are held on average. Half of the time it is more, and then somebody "
                      "waits. How much more must be there?", _mean_alone),
        Misconception("only the mail holds the thread",
                      "The thread is held from the first work of payment to the answer: payment's own time counts, "
                      "too.", _mail_alone),
        Misconception("as if every checkout were a slow one",
                      "One in a hundred is so slow, not all of them at once. Many threads even each other out; this "
                      "many would lie idle.", _all_slow),
    ),
    hints=("First Little's law: how many threads are held on average? That is the offered load, in busy threads.",
           "erlang_c(servers, offered_load) is the share that has to wait. Begin with one thread more than the load, "
           "and add one while the share is too large."),
    solution="import sdlib as sd\n\n"
             "def threads(checkouts_per_s, payment_ms, mail_ms, share):\n"
             "    held = checkouts_per_s * (payment_ms + mail_ms) / 1000\n"
             "    count = int(held) + 1\n"
             "    while sd.theory.erlang_c(count, held) > share:\n"
             "        count += 1\n"
             "    return count",
    because="The mean, and some for the ups and downs: about the square root of the mean, two or three times. So ten "
            "times the mail's time needs about ten times the threads, to do the same work.",
)


QUIZ = (
    Question("Checkouts take 12 s. Payment's cores are 20 % busy, all its threads are held. What do you look at?", (
        Choice("At payment's cores: they need help.",
               "They have next to nothing to do. Who holds a thread and does not compute, waits."),
        Choice("At what payment waits for.",
               "Threads are held for the time of the slowest thing in the call. Here a mail that used to take 0.3 s.",
               True),
        Choice("At the gateway: it sends too much.",
               "The rate is as on any other day. What has grown is the time, and threads held are rate x time."),
    )),
    Question("Payment is up 99.9 % of the time, the mail provider 99 %. Payment waits for the mail. How often does a "
             "checkout work?", (
                 Choice("99.9 %: payment takes the money.",
                        "The money, yes. The customer sees an error whenever the mail fails, and that is what counts."),
                 Choice("98.9 %",
                        "Both are needed, so they multiply: 0.999 x 0.99. A service that you do not run has become "
                        "the weaker half of the checkout.", True),
                 Choice("99.45 %, between the two",
                        "A mean would be right if each checkout needed one of them. It needs both."),
             )),
    Question("The mail provider is slow today. How long should payment wait for it?", (
        Choice("as long as it takes",
               "Right when the next step needs the answer, such as a bank's yes or no. The price: its bad day is "
               "yours, thread by thread.", None),
        Choice("half a second, then without",
               "Right when the customer matters more than the mail. The price: mails are lost unless somebody keeps "
               "them, and one that timed out may have been sent.", None),
        Choice("not at all",
               "Right when somebody else sees to the mail. The price: a new part, which may forget it (the next "
               "lesson).", None),
    )),
)


def again(run, settings, **change):
    """The same panel run at other settings."""
    wanted = {**settings, **change}
    system = shop(9, mail_ms=wanted["mail_ms"], failure_rate=wanted["failing"])
    return simulate(system, checkouts(wanted["users"]), seconds=run.seconds, seed=run.seed)


def _too_slow(run):
    p99_ms = figure(run, "p99_ms")
    return "" if p99_ms <= LONGEST_P99_MS else f"The p99 of the checkouts is {p99_ms:,.0f} ms; 1,000 ms are asked for."


def _slowest_mail(run, settings):
    if settings["users"] != USERS or settings["failing"]:
        return "Keep 12,000 users, and no mail that fails."
    if why := _too_slow(run):
        return why
    slower = again(run, settings, mail_ms=1.1 * settings["mail_ms"])
    return True if _too_slow(slower) else "A mail that takes a tenth longer does it, too."


def _waited(run):
    most = int(run.stations.loc["payment threads", "max_queue"])
    return f"Up to {most:,} checkouts waited for a thread." if most else ""


def _crowd_without_a_wait(run, settings):
    if settings["mail_ms"] != 8_000 or settings["failing"]:
        return "This one is about a mail of 8,000 ms, and none that fails."
    if why := _waited(run):
        return why
    more = again(run, settings, users=round(1.15 * settings["users"]))
    return True if _waited(more) else "A crowd larger by 15 % does not wait either."


def _too_few(run):
    percent = 100 - figure(run, "error_percent")
    return "" if percent >= 90 else f"{percent:.1f} % of the checkouts succeeded; 90 % are asked for."


def _largest_crowd(run, settings):
    if settings["failing"] != 0.05 or settings["mail_ms"] != 300:
        return "Let 0.05 of the mails fail, with 300 ms each."
    if why := _too_few(run):
        return why
    more = again(run, settings, users=round(1.1 * settings["users"]))
    return True if _too_few(more) else "A crowd a tenth larger does it, too."


GOALS = (
    Goal("12,000 users, no mail fails. Find the slowest mail with which the p99 of the checkouts is 1,000 ms at most. "
         "Within a tenth is near enough.", _slowest_mail, (r"\bmail of (19|20|21)\d ms",)),
    Goal("The provider has a bad day: each mail takes 8,000 ms, and none fails. Find the largest crowd of which nobody "
         "has to wait for a thread. Within 15 % is near enough.", _crowd_without_a_wait, (r"\b1[01],\d\d\d users",)),
    Goal("A mail takes 300 ms, and one in twenty (0.05) fails. Find the largest crowd of which 90 % get their success "
         "page. Within a tenth is near enough.", _largest_crowd, (r"\b16,\d\d\d users",)),
)


def waits():
    """The whole shop's crowd; payment waits for the mail."""
    return shop(9), Clients(users=USERS, routes=ROUTES)


def mail_down():
    """The same; the mail provider is down for a third of the minute."""
    return shop(9, down=((20.0, 40.0),)), Clients(users=USERS, routes=ROUTES)


LESSON = Lesson("09", "Synchronous e-mail", (P99, LIMIT), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("payment waits for the mail", waits), Stage("mail provider down for 20 s", mail_down)))
