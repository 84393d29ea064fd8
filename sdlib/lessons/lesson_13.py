"""Lesson 13: fan-out. One publish, and whoever subscribed hears of it."""

from dataclasses import replace

from sdlib.charts.fanned import mean_by_sends_ms, outcomes_by_channel
from sdlib.components.clients import Clients
from sdlib.lessons.measures import band, figure, is_letter, letter
from sdlib.lessons.routing import Evening, deliver
from sdlib.lessons.shop import ROUTES, shop
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number

MOST_WAITING = 60
SLOW_MS = 500


TIME = Prediction(
    key="13-time", about="averages", rises=True,
    ask="Payment computes for 30 ms and publishes once, which takes 100 ms on average, as a send to a queue did. From "
        "the topic to each queue it takes a message 20 ms. Three queues have subscribed, and now three more do: six. "
        "With six sends in turn a checkout took 630 ms on average. How long does it take now?",
    choices=(
        Choice("about 130 ms",
               "So it is on average. In this run chance made it more."),
        Choice("about 150 ms",
               "That counts the way from the topic to a queue. Payment is not there any more: the topic has taken the "
               "event, and answered."),
        Choice("about 180 ms: the slowest of six deliveries counts",
               "It would count if payment waited for all six. It waits for none of them."),
        Choice("about 250 ms: each subscriber adds its 20 ms",
               "Somebody does that work for each subscriber, and it is the topic, after it has answered payment."),
    ),
    right=lambda run: band(figure(run, "mean_ms"), (140, 165, 215)),
    result=lambda run: f"In this run a checkout takes {figure(run, 'mean_ms'):,.0f} ms on average.",
    because="30 + 100 ms: payment computes, and hands over one event. How many listen is the topic's business.",
    answer_shown_as=(r"takes 1[23]\d ms on average",),
)


def told_nothing(run):
    """Customers whose payment a crash caught, and of whom no queue has heard."""
    lost = run.requests.index[(run.requests["status"] == "lost").to_numpy()]
    return int((~lost.isin(run.messages["request"])).sum())


SILENT = Prediction(
    key="13-silent", about="counts", rises=True,
    ask="Payment's machine crashes 40 times again, now with one publish in place of three sends: 12 payments a second, "
        "30 ms of computing, 100 ms for the publish. With three sends 158 customers were caught on average, and 96 of "
        "them were half told. How many customers do the 40 crashes catch now who are told nothing at all?",
    choices=(
        Choice("hardly any, up to 30",
               "A topic loses nothing that was published. These events were not published yet: payment died before."),
        Choice("about 60, 31 to 80",
               "So it is on average. In this run chance made it another number."),
        Choice("about 100, 81 to 125: those who were half told before",
               "They were caught between the first send and the last. There is no between any more."),
        Choice("about 160, 126 and more: whoever was caught before",
               "A checkout took 330 ms then, and takes 130 ms now. A crash catches those who are in it."),
    ),
    right=lambda run: band(told_nothing(run), (30, 80, 125)),
    result=lambda run: f"In this run {told_nothing(run)} caught customers are told nothing.",
    because="Whoever is caught is in the checkout: 12 x 0.13 = 1.56 customers at any moment (Little's law), 62 in 40 "
            "crashes. Nobody is half told: the event was published, and then all queues get it, or it was not.",
    answer_shown_as=(r"\b\d\d caught customers are told nothing", r"62 in 40 crashes"),
)


EASY = Exercise(
    key="13-easy", title="this morning's payments",
    ask="The books subscribe a queue to the topic at noon. They want this morning's payments as well. What do they do? "
        "A: nothing, the topic delivers to a new queue what it has not got yet. B: get them from payment's own "
        "database, because the topic does not have them. C: copy them out of the mail queue.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "A topic hands on and forgets. What was published before a queue subscribed is not there any more.",
        "C": "The mails have gone out, and their messages were deleted with that."})),),
    misconceptions=(
        Misconception("a topic is an archive",
                      "Some systems do keep what was published, Kafka for one. SNS does not, unless somebody orders an "
                      "archive: it hands an event to those who are subscribed now.", "A"),
        Misconception("a queue is an archive",
                      "A queue keeps a message until its work is done. A queue where the morning's messages still lie "
                      "is one that does not keep up.", "C"),
    ),
    hints=("Where is a message after it was delivered to every queue?",
           "A topic has no list of messages that wait. Who still knows what was paid?"),
    solution='answer = "B"',
    because="A topic spreads news and keeps none. What must be looked up later is kept by the one to whom it belongs.",
)


PAYMENTS = {"/payment": 0.5, "/order": 0.3, "/refund": 0.2}
PLACES = {"IN": 0.6, "US": 0.3, "DE": 0.1}
EVENINGS = (
    Evening("three channels, filters by route",
            {"mail": {"route": ["/payment", "/refund"]}, "sms": {"route": ["/payment"]}, "warehouse": {
                "route": ["/order"]}}, PAYMENTS, PLACES, 1),
    Evening("a subscriber without a filter", {"sms": {"route": ["/payment"]}, "books": {}}, PAYMENTS, PLACES, 2),
    Evening("filters by route and country",
            {"sms": {"route": ["/payment"], "country": ["IN"]}, "mail": {"country": ["US", "DE"]}, "books": {}},
            PAYMENTS, PLACES, 3),
    Evening("a kind of event that is new", {"books": {}, "mail": {"route": ["/payment"]}, "lawyers": {
        "country": ["DE"]}}, PAYMENTS | {"/gift": 0.4}, PLACES, 4),
)


def _evening(evening):
    def fault(outcome):
        if outcome.missed:
            return f"{outcome.missed:,} messages that a filter asks for did not come, from {outcome.events:,} events."
        if outcome.unwanted:
            return f"{outcome.unwanted:,} messages came that no filter asks for, from {outcome.events:,} events."
        return ""
    return Scenario(evening.label, lambda policy: deliver(policy, evening), fault)


def _passes(event, wants):
    return [event[attribute] in values for attribute, values in wants.items()]


MEDIUM = Exercise(
    key="13-medium", title="who gets this event?",
    ask="Write the topic's own rule, route(event, subscriptions): the list of the names that get this event. event: "
        "a dict such as {\"route\": \"/payment\", \"country\": \"IN\"}. subscriptions: a dict of each name to its "
        "filter; a filter is a dict of an attribute to the list of its good values, such as {\"country\": [\"IN\", "
        "\"DE\"]}. An event passes if each attribute that the filter names has one of its values. A filter may be "
        "empty. The goal, for events and filters that you have not seen: each queue gets all that its filter asks "
        "for, and nothing else.",
    starter="def route(event, subscriptions):\n    ...", answer="route",
    wants="a function route(event, subscriptions) that returns a list of names, which may be empty",
    scenarios=tuple(map(_evening, EVENINGS)),
    misconceptions=(
        Misconception("everybody gets everything",
                      "Nothing is missed, and each queue is full of what its worker must throw away. Look at the "
                      "filters.",
                      lambda event, subscriptions: list(subscriptions)),
        Misconception("only the first one",
                      "That is how a queue does it: one of them gets it. A topic gives it to all whose filter it "
                      "passes.",
                      lambda event, subscriptions: [name for name, wants in subscriptions.items()
                                                    if all(_passes(event, wants))][:1]),
        Misconception("what nobody named goes to nobody",
                      "A filter that names nothing asks for everything, also for kinds of events that are new.",
                      lambda event, subscriptions: [name for name, wants in subscriptions.items()
                                                    if wants and all(_passes(event, wants))]),
        Misconception("one good attribute is enough",
                      "A filter by route and country asks for both. One of several is enough among the values of one "
                      "attribute, not among attributes.",
                      lambda event, subscriptions: [name for name, wants in subscriptions.items()
                                                    if not wants or any(_passes(event, wants))]),
    ),
    hints=("Go through subscriptions.items(). For each filter: is there an attribute whose value is not among the good "
           "ones?",
           "all(...) over the filter's attributes says yes for an empty filter, too."),
    solution="def route(event, subscriptions):\n"
             "    return [name for name, wants in subscriptions.items()\n"
             "            if all(event[attribute] in values for attribute, values in wants.items())]",
    because="These are the rules of a filter policy of SNS: \"and\" between attributes, \"or\" among the values of "
            "one; no policy asks for everything.",
)


def _lost(outage_s, per_s, waits_s):
    return per_s * max(0.0, outage_s - sum(waits_s))


def _with_a_wait_more(outage_s, per_s, waits_s):
    return _lost(outage_s, per_s, [*waits_s, *waits_s[-1:]])


def _outage(outage_s, per_s, waits_s):
    return Scenario(f"away for {outage_s:,} s, {per_s} events a second, waits {', '.join(map(str, waits_s)) or 'none'}",
                    lambda lost: number(lost(outage_s, per_s, list(waits_s))), near(_lost(outage_s, per_s, waits_s)))


HARD = Exercise(
    key="13-hard", title="a topic without queues",
    ask="A topic can also deliver straight to a service, over HTTP. When the service is away, the topic tries again "
        "after each of the waits in a list, and then throws the message away. Write lost(outage_s, per_s, waits_s): "
        "how many events are lost on average by an outage of so many seconds. per_s: events a second. waits_s: the "
        "seconds between one attempt and the next. An attempt takes no time.",
    starter="def lost(outage_s, per_s, waits_s):\n    ...", answer="lost",
    wants="a function lost(outage_s, per_s, waits_s) that returns a number of events",
    scenarios=(_outage(120, 12, (20, 20, 20)), _outage(600, 5, (1, 2, 4, 8, 16)), _outage(45, 12, (20, 20, 20)),
               _outage(3_600, 24, ())),
    misconceptions=(
        Misconception("lost is what came while it was away",
                      "An event of the outage's last seconds is tried again when the service is back. How old may it "
                      "be at its last attempt?",
                      lambda outage_s, per_s, waits_s: per_s * outage_s),
        Misconception("one wait counts",
                      "The waits come one after another: the last attempt is as late as all of them together.",
                      lambda outage_s, per_s, waits_s: per_s * max(0.0, outage_s - max(waits_s, default=0.0))),
        Misconception("a wait too many",
                      "Three waits make four attempts: the first one is at once.",
                      _with_a_wait_more),
        Misconception("less than nothing is lost",
                      "An outage that is shorter than all waits together loses none.",
                      lambda outage_s, per_s, waits_s: per_s * (outage_s - sum(waits_s))),
    ),
    hints=("Take one event, published when the outage has begun. When is its last attempt?",
           "Lost is who is published so early that the last attempt still falls into the outage."),
    solution="def lost(outage_s, per_s, waits_s):\n"
             "    return per_s * max(0, outage_s - sum(waits_s))",
    because="For an address on HTTP, SNS waits three times for 20 s unless told otherwise: an outage of two minutes "
            "loses the events of its first one. That is why a queue subscribes, and not the service: to a queue "
            "the topic delivers at once, and the queue keeps the message until the service is back.",
)


QUIZ = (
    Question("The SMS provider is down for an hour. The topic has three queues. What happens?", (
        Choice("The topic holds back all messages until SMS can take them.",
               "The topic delivers to queues, and the SMS queue is well. It does not know the provider."),
        Choice("The SMS wait in their queue, all else is as usual.",
               "Each subscriber has a queue of its own, with its own retries and its own dead letters.", True),
        Choice("Payment's publish fails, and the customer sees an error.",
               "Payment's part is over when the topic has the event."),
    )),
    Question("Marketing wants to hear of payments. What has to change?", (
        Choice("payment: a line that sends to marketing's queue",
               "That was lesson 12. Payment publishes, and has no list of listeners."),
        Choice("the mail worker: it hands each message on",
               "Then marketing hears nothing when the mail worker is broken, and the mail worker knows marketing."),
        Choice("nothing but a new queue that subscribes",
               "Nobody is asked, nothing is released. The price: nobody sees in payment's code who listens.", True),
    )),
    Question("SMS shall go out for large orders only. Where is that decided?", (
        Choice("in a filter at the topic",
               "Right when the event carries what decides, as an attribute. What is filtered costs the SMS workers "
               "nothing. The price: a rule outside of the code, which few people look at.", None),
        Choice("in the SMS worker, which throws the others away",
               "Right when it takes a look into a database to decide. The price: each message is delivered, received "
               "and deleted for nothing.", None),
        Choice("in payment, which publishes to a second topic",
               "Right when two kinds of events have nothing to do with each other. The price: payment decides for its "
               "listeners again.", None),
    )),
)


def waiting_by_channel(run):
    """For each channel how many messages are neither delivered nor dead at the end."""
    return outcomes_by_channel(run)[:, 1].tolist()


def _sms(run):
    """The SMS subscription, and the other ones."""
    first, *others = run.system.calls[0].subscriptions
    return first, others


def _again(run, users=None, share=None):
    """The same run with another crowd, or another share of events for the SMS."""
    first, others = _sms(run)
    topic = replace(run.system.calls[0], subscriptions=[replace(first, share=share or first.share), *others])
    crowd = replace(run.clients, users=users or run.clients.users)
    return simulate(replace(run.system, calls=[topic]), crowd, seconds=run.seconds, seed=run.seed)


def _largest_share(run, settings):
    if settings["users"] != 12_000 or settings["sms_fails"] < 0.5:
        return "Keep 12,000 users, and an SMS provider that fails half of the attempts or more."
    waiting = waiting_by_channel(run)[0]
    if waiting > MOST_WAITING:
        return f"{waiting} SMS wait at the end; at most {MOST_WAITING} are asked for."
    more = settings["sms_share"] * 1.25
    if more > 1 or waiting_by_channel(_again(run, share=more))[0] <= MOST_WAITING:
        return "A quarter more of the events does it, too."
    return True


def _fewest_subscribers(run, settings):
    count, by_sends_ms = settings["subscribers"], mean_by_sends_ms(run)
    if by_sends_ms <= SLOW_MS:
        return f"With {count} sends in turn a checkout takes {by_sends_ms:,.0f} ms; more than {SLOW_MS} are asked for."
    if by_sends_ms - run.system.calls[0].publish_ms > SLOW_MS:
        return "One subscriber less does it, too."
    return True


def _largest_crowd(run, settings):
    if settings["subscribers"] != 6 or settings["sms_share"] < 1:
        return "Keep six subscribers, and all events for the SMS."
    if settings["sms_fails"] > 0:
        return "Keep an SMS provider that never fails."
    waiting = max(waiting_by_channel(run))
    if waiting > MOST_WAITING:
        return f"In one channel {waiting} messages wait at the end; at most {MOST_WAITING} are asked for."
    if max(waiting_by_channel(_again(run, users=round(1.15 * settings["users"])))) <= MOST_WAITING:
        return "A crowd larger by 15 % is served as well."
    return True


GOALS = (
    Goal("12,000 users, and an SMS provider of whose attempts half fail. Find the largest share of the events for SMS "
         "with which 60 SMS at most wait at the end. Within a quarter is near enough. What do the others notice?",
         _largest_share, (r"a share of 0\.4\d* for SMS",)),
    Goal("Find the smallest number of subscribers with which a send to each of them, one after another, would make a "
         "checkout longer than 500 ms on average. How long is it with one publish?", _fewest_subscribers,
         (r"(five|5) subscribers (would|make)",)),
    Goal("Six subscribers, a sound SMS provider, all events for the SMS. Find the largest crowd with which no channel "
         "has more than 60 messages waiting at the end. Within 15 % is near enough. Which channel is the first to stay "
         "behind, and why that one?", _largest_crowd, (r"crowd of 1[012],\d00",)),
)


def after():
    """The shop with a topic behind payment."""
    return shop(13), Clients(users=12_000, routes=ROUTES)


LESSON = Lesson("13", "Fan-out", (TIME, SILENT), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("a topic, 3 queues behind it", after),))
