"""Lesson 12: many channels. A queue for each listener, and a payment that has to tell them all."""

import math
from dataclasses import replace
from functools import partial

from sdlib.charts.told import half_told
from sdlib.components.clients import Clients
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.resending import GIVES_UP_S, LATEST_S, MOST_TWICE_PERCENT, Night, serve
from sdlib.lessons.shop import ROUTES, shop
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

USERS = 6_000
LONGEST_P99_MS = 500
MOST_HALF_TOLD = 40


HALF = Prediction(
    key="12-half", about="counts", rises=True,
    ask="The three queues again: 12 payments a second, 100 ms for a send, one after another. On a bad night payment's "
        "machine crashes 40 times, and is back half a second later each time. The queues keep every message that they "
        "got. How many customers end up half told, with one or two of their three messages?",
    choices=(
        Choice("hardly any, up to 20",
               "A queue loses nothing that was sent. These messages were never sent: payment died before it came to "
               "them."),
        Choice("about 50, 21 to 70",
               "That is one send of 100 ms: 40 crashes x 12 a second x 0.1 s. Between the first message and the last "
               "there are two."),
        Choice("about 100, 71 to 120",
               "So it is on average. In this run chance made it another number."),
        Choice("about 150, 121 and more",
               "Whoever is caught in the first send, or before it, is told nothing at all. That is bad as well, but it "
               "is not half told."),
    ),
    right=lambda run: band(half_told(run), (20, 70, 120)),
    result=lambda run: f"In this run {half_told(run)} customers were half told.",
    because="Half told is whoever is caught after the first send and before the end of the last: two sends, 0.2 s. At "
            "any moment 12 x 0.2 = 2.4 customers are there (Little's law), and each crash catches those: 96 in 40 "
            "crashes.",
    answer_shown_as=(r"\b(8|9|10|11)\d customers were half told", r"96 in 40 crashes"),
)


TOGETHER = Prediction(
    key="12-together", about="averages", rises=True,
    ask="One after another, three sends of 100 ms and 30 ms of computing make a checkout of 330 ms on average. Now "
        "payment begins all three sends at the same time, and answers when the last of them is done. Each still takes "
        "100 ms on average, some far less, some far more. How long is a checkout on average?",
    choices=(
        Choice("about 130 ms, as with one send (up to 145)",
               "It would be if all sends took the same time. They do not, and payment waits for the one that takes "
               "longest."),
        Choice("about 165 ms (146 to 185)",
               "Two sends at the same time come near that, with 180. A third can only make it longer."),
        Choice("about 215 ms (186 to 270)",
               "So it is on average. In this run it was another figure."),
        Choice("about 330 ms, as before (over 270)",
               "The three waits overlap: while the longest goes on, the others are done. Their times no longer add "
               "up."),
    ),
    right=lambda run: band(figure(run, "mean_ms"), (145, 185, 270)),
    result=lambda run: f"In this run a checkout takes {figure(run, 'mean_ms'):,.0f} ms on average.",
    because="The first of three is done after 1/3 of the mean, the next 1/2 of it later, the last a whole mean after "
            "that: 1.83 x 100 ms, and 30 ms of computing. Who waits for all waits for the slowest, and with each "
            "further one the slowest is slower.",
    answer_shown_as=(r"checkout takes 2[0-3]\d ms", r"1\.83 x 100 ms"),
)


EASY = Exercise(
    key="12-easy", title="in which order?",
    ask="A send to the mail queue takes 20 ms, to WhatsApp's 50 ms, to that of the SMS 400 ms. Payment sends one after "
        "another, and crashes now and then. In which order are the fewest customers half told? A: the fastest first. "
        "B: the slowest first. C: all orders are equal.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "After 20 ms each customer has a mail, and for 450 ms more is half told.",
        "C": "All orders take 470 ms. But half told is nobody before the first send is done."})),),
    misconceptions=(
        Misconception("something soon is better than all late",
                      "Soon something is what half told means. The less time passes from the first message to the "
                      "last, the fewer are caught in between.", "A"),
        Misconception("the sum is the same, so all is the same",
                      "The checkout takes as long in any order. Half told is only the stretch after the first send.",
                      "C"),
    ),
    hints=("When does a customer begin to be half told, and when does it end?",
           "Add up all sends but the first one: which order makes that sum small?"),
    solution='answer = "B"',
    because="With the SMS first 70 ms lie between the first message and the last, instead of 450. It costs nothing: "
            "the checkout takes 470 ms either way. The order does not make it go away.",
)


NIGHTS = (
    Night("crashes now and then", ("mail", "whatsapp", "sms"), 0.2, (9.0, 21.0, 33.0, 47.0), 1),
    Night("sends of a second, and no crash", ("mail", "whatsapp", "sms"), 1.0, (), 2),
    Night("sends of a second, and crashes", ("sms", "mail", "whatsapp"), 1.0, (14.5, 44.0), 3),
    Night("a crash every four seconds, five channels", ("mail", "whatsapp", "sms", "order", "push"), 0.1,
          tuple(range(4, 60, 4)), 4),
)


def _night(night):
    def fault(outcome):
        if outcome.silent:
            return f"{outcome.silent} of {outcome.customers} customers paid and were told nothing."
        if outcome.partly:
            return f"{outcome.partly} of {outcome.customers} customers never got some of their messages."
        if outcome.late:
            return f"{outcome.late} of {outcome.customers} customers were not told on every channel within 30 s."
        if 100 * outcome.twice > MOST_TWICE_PERCENT * outcome.messages:
            return f"{outcome.twice} of {outcome.messages:,} messages were sent twice."
        return ""
    return Scenario(night.label, lambda policy: serve(policy, night), fault)


def _many_twice(outcomes):
    """In which nights too many messages went out twice; everybody was told in time in all of them."""
    if any(outcome.late for outcome in outcomes):
        return []
    return [100 * outcome.twice > MOST_TWICE_PERCENT * outcome.messages for outcome in outcomes]


MEDIUM = Exercise(
    key="12-medium", title="what is still to be sent?",
    ask="Payment now writes a note beside each payment, and marks in it every send that is done. A helper looks at all "
        "unfinished notes once a second. Write what_to_send(sent, channels, age_s): a list of the channels to which "
        "the helper sends now. sent: the channels that are marked. channels: all of them. age_s: seconds since the "
        "payment. A payment that is not through after 10 s gives up by itself. What the helper sends is marked at "
        "once. The goal, among crashes that you have not seen: all customers are told on all channels within 30 s, and "
        "at most one message in 100 goes out twice.",
    starter="def what_to_send(sent, channels, age_s):\n    ...", answer="what_to_send",
    wants="a function what_to_send(sent, channels, age_s) that returns a list of channels, which may be empty",
    scenarios=tuple(map(_night, NIGHTS)),
    misconceptions=(
        Misconception("everything once more",
                      "Nobody is left half told, and who was half told hears the first messages again. What is marked "
                      "has been sent.",
                      lambda sent, channels, age_s: list(channels) if age_s >= GIVES_UP_S else [],
                      lambda outcomes: _many_twice(outcomes)[1:] == [False, True, True]),
        Misconception("not marked means not coming",
                      "While payment is alive it is still at it, and will send what you send as well. How old must a "
                      "note be for you to know that nobody works on it?",
                      lambda sent, channels, age_s: [name for name in channels if name not in sent],
                      lambda outcomes: _many_twice(outcomes)[1:3] == [True, True]),
        Misconception("only who has heard nothing",
                      "Those get all their messages now. The half told stay half told: an unfinished note with a mark "
                      "in it is unfinished, too.",
                      lambda sent, channels, age_s: list(channels) if not sent and age_s >= GIVES_UP_S else [],
                      lambda outcomes: any(outcome.partly for outcome in outcomes)
                      and not any(outcome.silent for outcome in outcomes)),
        Misconception("better wait longer",
                      "Nothing goes out twice, and it goes out too late. After 10 s payment has given up: waiting "
                      "longer makes nothing surer.",
                      lambda sent, channels, age_s: [name for name in channels
                                                     if name not in sent and age_s > LATEST_S],
                      lambda outcomes: any(outcome.late for outcome in outcomes)
                      and not any(outcome.partly or outcome.silent for outcome in outcomes)),
    ),
    hints=("Two questions: what is missing, and is somebody still at work on it? age_s answers the second one.",
           "Nothing at all while age_s is under 10. From then on the channels that are not in sent."),
    solution="def what_to_send(sent, channels, age_s):\n"
             "    if age_s < 10:\n"
             "        return []\n"
             "    return [name for name in channels if name not in sent]",
    because="The note is written in the same database, together with the payment: both are there or neither is. This "
            "is called an outbox. A few messages still go out twice, when payment died after a send and before its "
            "mark; nobody can tell those from sends that failed. So the receiver must bear a message that comes "
            "twice (lesson 11).",
)


def _dead(failure_rate, retries, more=1):
    """The share of a channel's messages that are given up."""
    return failure_rate ** (retries + more)


def _half(failure_rates, retries, more=1, none=True):
    dead = [_dead(rate, retries, more) for rate in failure_rates]
    all_told = math.prod(1 - share for share in dead)
    return 1 - all_told - (math.prod(dead) if none else 0.0)


def _sum(failure_rates, retries):
    return sum(_dead(rate, retries) for rate in failure_rates)


def _average(failure_rates, retries):
    mean = sum(failure_rates) / len(failure_rates)
    return _half([mean] * len(failure_rates), retries)


def _channels(failure_rates, retries):
    return Scenario(f"failure rates {', '.join(f'{rate:g}' for rate in failure_rates)}; {retries} retries",
                    lambda half: number(half(list(failure_rates), retries)), near(_half(failure_rates, retries)))


HARD = Exercise(
    key="12-hard", title="half told without any crash",
    ask="Payment is well and sends to all queues. But a queue gives a message up when its last retry has failed. Write "
        "half_told(failure_rates, retries): the share of the customers who get some of their messages and not all. "
        "failure_rates: a list, for each channel the share of attempts that fail, independently of each other. "
        "retries: attempts after the first one, the same for all channels.",
    starter="def half_told(failure_rates, retries):\n    ...", answer="half_told",
    wants="a function half_told(failure_rates, retries) that returns a share from 0 to 1",
    scenarios=(_channels((0.5, 0.5), 0), _channels((0.3, 0.3, 0.3), 1), _channels((0.6, 0.2, 0.05), 1),
               _channels((0.9, 0.8, 0.7, 0.6), 2), _channels((0.5, 0.5, 0.5), 10)),
    misconceptions=(
        Misconception("whoever is not told fully is half told",
                      "Some of them got no message at all. Those are untold, not half told.",
                      partial(_half, none=False)),
        Misconception("the shares are added up",
                      "Who misses two messages is counted twice then. Ask for the share of those who miss none.",
                      _sum),
        Misconception("the first attempt is forgotten",
                      "With no retry at all there is still one attempt: a message is given up after 1 + retries.",
                      partial(_half, more=0)),
        Misconception("one average channel",
                      "Two channels, one sound and one broken, are not two mediocre ones. Take each with its own "
                      "rate.", _average),
    ),
    hints=("A message is given up when all its attempts fail. What is the share of that, for one channel?",
           "From all customers take away those who got everything, and those who got nothing. Both are products over "
           "the channels."),
    solution="def half_told(failure_rates, retries):\n"
             "    everything, nothing = 1, 1\n"
             "    for rate in failure_rates:\n"
             "        given_up = rate ** (1 + retries)\n"
             "        everything *= 1 - given_up\n"
             "        nothing *= given_up\n"
             "    return 1 - everything - nothing",
    because="Each further channel makes \"everything\" rarer. With ten retries the share is small even for providers "
            "that fail every second time; and the dead letters can still be sent by hand, which a message that "
            "payment never sent cannot.",
)


QUIZ = (
    Question("The warehouse wants to know of payments as well. It lets its program receive from the mail queue. What "
             "happens?", (
        Choice("Both get every message.",
               "A queue hides a message from all others as soon as one has received it, and drops it when that one is "
               "done."),
        Choice("Some customers get no mail, and some parcels are not packed.",
               "Each message goes to one of the two. Nothing fails, and no dead letter tells of it.", True),
        Choice("The queue refuses a second consumer.",
               "Any number may receive; that is how more workers share the work. The queue does not know that these "
               "two do different things."),
    )),
    Question("WhatsApp's provider is down for an hour. What do the customers notice?", (
        Choice("Checkouts are slow: payment waits for WhatsApp.",
               "Payment waits for the queue to take the message, and the queue is well."),
        Choice("All three messages come late, as WhatsApp stands between mail and SMS.",
               "It does so only in the order of the sends. Each queue has workers of its own."),
        Choice("The WhatsApp message comes late, all else as usual.",
               "It waits in its own queue until the provider is back.", True),
    )),
    Question("Three queues have to be told. How should payment do it?", (
        Choice("one send after another",
               "Right when sends are quick and seldom fail, and a missing message can be borne. The price: the times "
               "add up, and a crash leaves some half told.", None),
        Choice("three sends at the same time",
               "Right when the checkout must be quick: it waits for the slowest send only. The price: when one of them "
               "fails and payment dies before it tries again, somebody is half told.", None),
        Choice("a note in its own database, from which a helper sends",
               "Right when no message may be missing. The price: a helper to run and to watch, a little delay, and a "
               "few messages twice.", None),
    )),
)


def _with_sends(run, factor):
    """The same run, with each send so many times as long."""
    payment = run.system
    queues = [replace(queue, send_ms=factor * queue.send_ms) for queue in payment.calls]
    return simulate(replace(payment, calls=queues), run.clients, seconds=run.seconds, seed=run.seed)


def _longest_send(run, settings):
    if settings["listeners"] != 5 or settings["users"] < USERS:
        return "Keep five listeners, and 6,000 users or more."
    p99_ms = figure(run, "p99_ms")
    if p99_ms > LONGEST_P99_MS:
        return f"The p99 is {p99_ms:,.0f} ms; {LONGEST_P99_MS} ms are asked for."
    longer_ms = figure(_with_sends(run, 1.1), "p99_ms")
    return True if longer_ms > LONGEST_P99_MS else "A send a tenth longer does it, too."


def _fewest_half_told(run, settings):
    if settings["listeners"] != 4 or settings["users"] != 30_000:
        return "Keep 30,000 users and four listeners."
    count = half_told(run)
    if count > MOST_HALF_TOLD:
        return f"{count} customers are half told; at most {MOST_HALF_TOLD} are asked for."
    return True if half_told(_with_sends(run, 1.5)) > MOST_HALF_TOLD else "A send half as long again does it, too."


def arrived_percent(run, channel):
    """Of a channel's messages the share that was delivered in the run."""
    of_channel = run.messages[run.messages["channel"] == f"{channel} queue"]
    return 100 * float((of_channel["outcome"] == "delivered").mean())


def _mail_alone(run, settings):
    if settings["listeners"] < 3 or settings["users"] != USERS:
        return "Keep 6,000 users, and three listeners or more."
    mails = arrived_percent(run, "mail")
    if mails >= 50:
        return f"{mails:.0f} % of the mails arrive within the minute; fewer than half are asked for."
    mail, *others = run.system.calls
    (call,) = mail.worker.calls
    sounder = replace(mail, worker=replace(mail.worker, calls=[replace(call, failure_rate=max(
        0.0, call.failure_rate - 0.1))]))
    again = simulate(replace(run.system, calls=[sounder, *others]), run.clients, seconds=run.seconds, seed=run.seed)
    return True if arrived_percent(again, "mail") >= 50 else "A tenth fewer failures do it, too."


GOALS = (
    Goal("Five listeners, 6,000 users. Find the longest send with which the p99 of a checkout is 500 ms at most. "
         "Within a tenth is near enough.", _longest_send, (r"sends? of 3[5-9](\.\d)? ms",)),
    Goal("Four listeners, 30,000 users. Find the longest send with which the crashes leave 40 customers half told "
         "at most. Within half as long again is near enough.", _fewest_half_told,
         (r"sends? of (1[5-9]|2[0-5])(\.\d)? ms",)),
    Goal("Three listeners, 6,000 users. Find the smallest share of failing mails with which fewer than half of "
         "them arrive within the minute. Within a tenth is near enough. What do WhatsApp and SMS notice?", _mail_alone,
         (r"\b0\.[789]\d* of (all|the) mails",)),
)


def after():
    """The shop with three queues behind payment."""
    return shop(12), Clients(users=12_000, routes=ROUTES)


LESSON = Lesson("12", "Many channels", (HALF, TOGETHER), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("3 channels, a queue each", after),))
