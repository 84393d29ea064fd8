"""Lesson 11: queue, retry, dead letters. What cannot be sent now is kept, tried again, and at last laid aside."""

import numpy as np

from sdlib.components.clients import Clients
from sdlib.components.providers import MailProvider
from sdlib.components.queue import Queue
from sdlib.components.retry import Retry
from sdlib.components.service import Service
from sdlib.components.worker import Worker
from sdlib.engine.schedule import at
from sdlib.lessons.measures import band, is_letter, letter
from sdlib.lessons.retrying import MOST_ATTEMPTS, SLACK_S, Trouble, judge, outlive
from sdlib.lessons.shop import ROUTES, shop
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage

USERS = 5_000                    # 10 payments a second
OUTAGE = ((60, 300),)
OFF_S = (60, 120)                # the herd's workers
QUEUE, WORKER, PROVIDER, DEAD = "mail queue", "mail worker", "mail provider", "mail queue dead letters"
FEW = 30                         # mails inside while all is well: those in work
REDRIVE_S, PANEL_S = 900, 1_200


def crowd(users=USERS):
    """The shop's users, each with 4 requests a minute."""
    return Clients(users=users, routes=ROUTES)


def mails(retries=10, failure_rate=0.1, send_per_s=25, outage_s=240, redrive=True):
    """The panel's: payment and what stands behind it, ten payments a second; redrive: after 15 minutes."""
    mail = MailProvider(failure_rate=failure_rate, per_s=30, down=((60, 60 + outage_s),) if outage_s else (),
                        name=PROVIDER)
    worker = Worker(20, 5, calls=[mail], per_s=send_per_s, name=WORKER)
    queue = Queue(worker, retry=Retry(retries, "zero, then exponential", most_s=900), name=QUEUE)
    payment = Service(4, 8, 30, calls=[queue], name="payment")
    return payment, Clients(users=USERS, requests_per_minute=0.12), [at(REDRIVE_S, "redrive", queue)] * redrive


def empty_after_s(run, ends_s=OUTAGE[0][1]):
    """How long after the outage until no more mails are inside than while all is well; NaN: not within the run."""
    backlog = run.backlog()
    seconds = backlog["second"][(backlog["second"] > ends_s) & (backlog["visible"] + backlog["hidden"] <= FEW)]
    return float(seconds.iloc[0] - ends_s) if len(seconds) else np.nan


def dead_percent(run, from_s=0.0, until_s=np.inf):
    """Of the mails sent then, the share that lies among the dead letters."""
    messages = run.messages
    outcome = messages.loc[(messages["sent_s"] >= from_s) & (messages["sent_s"] < until_s), "outcome"]
    return 100 * float((outcome == "dead-lettered").mean())


def herd_percent(run):
    """Of the mails that waited for the workers to come back, the share that lies among the dead letters."""
    return dead_percent(run, *OFF_S)


DRAIN = Prediction(
    key="11-drain", about="loads", rises=True,
    ask="Now with the queue. There are 10 payments a second, and the mail provider is down for 4 minutes: 2,400 mails "
        "cannot go out. Then it is well again. The worker sends 25 mails a second. How long after the outage until no "
        "more mails wait than usual?",
    choices=(
        Choice("under 80 s",
               "The worker sends no faster than 25 a second, and 2,400 mails wait."),
        Choice("80 to 130 s",
               "2,400 / 25 is 96 s, if nobody paid in the meantime. But people go on paying, and their mails stand in "
               "the same queue."),
        Choice("130 to 200 s",
               "In this run it took another time."),
        Choice("over 200 s",
               "A mail whose turn comes in 4 minutes could keep it that long. But most mails stood in the queue and "
               "had few attempts: 25 a second is the limit for attempts too."),
    ),
    right=lambda run: band(empty_after_s(run), (80, 130, 200)),
    result=lambda run: f"In this run it took {empty_after_s(run):.0f} s. Of the mails sent until the provider was well "
                       f"again {dead_percent(run, until_s=OUTAGE[0][1]):.0f} % are dead letters.",
    because="25 a second go out and 10 a second come in, so the queue shrinks by 15 a second: 2,400 / 15 = 160 s. What "
            "a queue costs is time after the trouble; how much, the spare capacity says.",
    answer_shown_as=(r"it took 1[56]\d s", r"2,400 / 15"),
)


HERD = Prediction(
    key="11-herd", about="losses", rises=True,
    ask="Another night. For a minute the workers are off: 600 mails wait, and the provider is well. Then 1,000 workers "
        "come back, as small functions in a cloud do, and nobody limits how often they send. The provider takes 30 "
        "a second, and 30 at once at most. What it turns away is tried again after 0, 1, 2, 4, ..., 256 s. What share "
        "of these 600 mails ends among the dead letters?",
    choices=(
        Choice("none, under 1 %",
               "In 511 s the provider could take 15,000 mails. But it is asked at ten moments only."),
        Choice("few, 1 to 20 %",
               "It would need mails that come back at moments of their own. All were turned away in the same moment, "
               "and all wait equally long."),
        Choice("about half, 20 to 70 %",
               "In this run it was another share."),
        Choice("most, over 70 %",
               "So few would pass if they came back only three or four times."),
    ),
    right=lambda run: band(herd_percent(run), (1, 20, 70)),
    result=lambda run: f"In this run {herd_percent(run):.0f} % of these mails are dead letters.",
    because="They come back like one crowd. The first wait is 0 s, so eleven attempts are ten moments, and each time "
            "some 30 pass: about 300 of 600. The others have used up their receives, before a provider that was idle "
            "most of the time. Waiting longer each time is not enough: they must not wait equally long.",
    answer_shown_as=(r"\b(4[4-9]|5[0-4]) % of these mails", r"about 300 of 600"),
)


EASY = Exercise(
    key="11-easy", title="two mails for one payment",
    ask="The provider is slow this week: some mails take 45 s. The visibility timeout is 30 s. Some customers get the "
        "same mail twice. What do you change? A: hide a message for a shorter time, so that it comes back before the "
        "customer notices. B: delete each message as soon as a worker has received it. C: hide it for longer than the "
        "longest work, and let the worker look up whether this payment's mail is out already.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("C", {
        "A": "Then it comes back while still more workers are at it: more mails go out twice.",
        "B": "Nothing is sent twice then. But when a worker dies after that, its mail is gone for good."})),),
    misconceptions=(
        Misconception("hidden is waiting",
                      "While a message is hidden, somebody works on it. When it appears again, that says: the worker "
                      "is dead, somebody else please. After 30 s this was not true.", "A"),
        Misconception("exactly once for the asking",
                      "Delete before the work: at most once. After the work: at least once. In between there is only "
                      "a worker that remembers what it did.", "B"),
    ),
    hints=("Two workers had the same message. What did the queue believe about the first one, after 30 s?",
           "A worker may die after the mail is out and before the message is deleted. Then no timeout helps. What "
           "does?"),
    solution='answer = "C"',
    because="The timeout keeps duplicates rare; it cannot end them, because a worker may die between sending and "
            "deleting. Work that may be done twice without harm is called idempotent, and with a queue that delivers "
            "at least once it has to be.",
)


OUTAGES_S = {"an outage of 3 s": 3, "an outage of 2 minutes": 120, "an outage of 25 minutes": 1_500,
             "an outage of 2 hours": 7_200}


def _outage(label, outage_s):
    def fault(outage):
        if outage.dead:
            return f"{outage.dead:,} of {outage.sent:,} mails used up their retries before it was over."
        if outage.late_s > outage.allowed_s:
            when = f"{outage.late_s:,.0f} s after its end" if outage.late_s < np.inf else "not in time"
            return f"The last mail went out {when}; {outage.allowed_s:,.0f} s are allowed."
        return ""
    return Scenario(label, lambda next_delay_s: outlive(next_delay_s, outage_s), fault)


def _are_dead(outages):
    return [outage.dead > 0 for outage in outages]


def _are_late(outages):
    return [outage.dead == 0 and outage.late_s > outage.allowed_s for outage in outages]


MEDIUM = Exercise(
    key="11-medium", title="how long until the next try?",
    ask="Write next_delay_s(attempt): for how many seconds a mail stays hidden when its attempt number 1, 2, 3, ... "
        "has failed. A mail may be tried again 20 times and no more: that is how the provider is spared. Nobody knows "
        "how long an outage will last; yours are between 3 s and 2 hours. The goal: no mail becomes a dead letter, and "
        f"all are out soon after the outage: if it lasted 60 s, within 60 s of its end, and {SLACK_S:.0f} s more.",
    starter="def next_delay_s(attempt):\n    ...", answer="next_delay_s",
    wants="a function next_delay_s(attempt) that returns seconds, from 0 to 43,200",
    scenarios=tuple(_outage(*item) for item in OUTAGES_S.items()),
    misconceptions=(
        Misconception("as soon as possible",
                      "Twenty tries are used up within seconds, and most outages last longer. What has failed twice in "
                      "a second will fail a third time.",
                      lambda attempt: 1, lambda outages: _are_dead(outages)[1:] == [True] * 3),
        Misconception("a limit that is too low",
                      "Growing waits, and then always the same short one: the retries do not reach that far. Add up "
                      "your 20 waits, and compare them with 2 hours.",
                      lambda attempt: min(2**attempt, 60),
                      lambda outages: _are_dead(outages)[2:] == [True] * 2 and not any(_are_late(outages))),
        Misconception("a little longer each time",
                      "Waits that grow by the same amount add up slowly: twenty of them do not last for 2 hours. They "
                      "have to grow by a factor.",
                      lambda attempt: 10 * attempt,
                      lambda outages: _are_dead(outages) == [False] * 3 + [True] and not any(_are_late(outages))),
        Misconception("one wait for all outages",
                      "It lasts long enough; but who was hit by a hiccup of 3 s waits just as long. The first waits "
                      "must be short.",
                      lambda attempt: 600,
                      lambda outages: not any(_are_dead(outages)) and _are_late(outages)[0]),
        Misconception("a factor that is too large",
                      "The waits outgrow the outage: when it is over, the mails still sleep. Each wait should be about "
                      "as long as all waits before it.",
                      lambda attempt: min(10**attempt, 43_200),
                      lambda outages: not any(_are_dead(outages)) and not _are_late(outages)[0]
                      and any(_are_late(outages))),
    ),
    hints=("You do not know how long it lasts, but you know how long it has lasted: as long as all waits so far. What "
           "is a fair next wait?",
           "If each wait is as long as all waits before it, it doubles. Do 20 of them stay below 43,200 s, and do they "
           "need to grow for ever?"),
    solution="def next_delay_s(attempt):\n"
             "    return min(2 ** attempt, 900)",
    because="Doubling needs no forecast: an outage of any length is outlived with few tries, and the wait after its "
            "end is no longer than the outage was. The limit of 900 s keeps a mail from sleeping for hours.",
)


TROUBLES = (
    Trouble("one address in five does not exist", unknown_share=0.2),
    Trouble("the provider is down for 5 minutes", outage_s=300.0),
    Trouble("four attempts in ten fail", failure_rate=0.4),
    Trouble("a worker with a bug: everything fails", worker_fails=True),
    Trouble("sent twice as fast as allowed", pace_per_s=60.0),
)
FEW_DEAD = 0.005   # share


def _trouble(trouble):
    def fault(evening):
        if (trouble.unknown_share or trouble.worker_fails) and evening.most_attempts > (
                most := 2 if trouble.unknown_share else MOST_ATTEMPTS):
            return f"A mail that can never go out was tried {evening.most_attempts} times; {most} are allowed."
        if not (trouble.unknown_share or trouble.worker_fails) and evening.dead > FEW_DEAD * evening.sent:
            return f"{evening.dead:,} of {evening.sent:,} mails became dead letters. They could have gone out later."
        return ""
    return Scenario(trouble.label, lambda should_dead_letter: judge(should_dead_letter, trouble), fault)


HARD_SCENARIOS = tuple(map(_trouble, TROUBLES))


def _wrong(evenings):
    return [bool(scenario.fault(evening)) for scenario, evening in zip(HARD_SCENARIOS, evenings, strict=True)]


HARD = Exercise(
    key="11-hard", title="which message is hopeless?",
    ask="Write should_dead_letter(receives, error): whether a message goes to the dead letters now. receives: how "
        'often a worker has received it. error: why the last attempt failed: "not found" (no such address), "refused" '
        '(the provider is down), "too many requests", or "failed" (anything else). While it says no, the message comes '
        "back after 0, 1, 2, 4, ... s, and every 64 s in the end. The goal, in five kinds of trouble: mails to "
        f"addresses that do not exist are tried twice at most, and no mail more than {MOST_ATTEMPTS} times if all "
        "attempts fail; of the mails that could go out later, 99.5 % do.",
    starter="def should_dead_letter(receives, error):\n    ...", answer="should_dead_letter",
    wants="a function should_dead_letter(receives, error) that returns True or False",
    scenarios=HARD_SCENARIOS,
    misconceptions=(
        Misconception("whatever fails is hopeless",
                      "Then the queue keeps nothing: an outage, or one unlucky attempt, and the mail is laid aside.",
                      lambda receives, error: True, lambda evenings: _wrong(evenings)[1:4:2] == [True, False]
                      and _wrong(evenings)[2] and not _wrong(evenings)[0]),
        Misconception("nothing is hopeless",
                      "A mail to nobody comes back for ever, and so does one that hits a bug. Each try costs a place "
                      "among the 25 a second.",
                      lambda receives, error: False,
                      lambda evenings: _wrong(evenings) == [True, False, False, True, False]),
        Misconception("all errors count alike",
                      "A count of receives cannot tell a wrong address from an outage: the one needs no second try, "
                      "the other as many as it takes. The error says which it is.",
                      lambda receives, error: receives >= 11, lambda evenings: _wrong(evenings)[:2] == [True, True]),
        Misconception("only a wrong address is hopeless",
                      "A bug fails at every attempt, too, and it says no more than \"failed\". How many in a row would "
                      "you believe to be chance?",
                      lambda receives, error: error == "not found",
                      lambda evenings: _wrong(evenings) == [False, False, False, True, False]),
    ),
    hints=("Whose fault is each of the four errors: the message's, the provider's, ours, or nobody knows?",
           'One of them is hopeless at once, two are never the message\'s fault, and for "failed" count: if four in '
           "ten fail by chance, how many in a row are fewer than 1 in 1,000?"),
    solution="def should_dead_letter(receives, error):\n"
             '    if error == "not found":\n'
             "        return True\n"
             '    return error == "failed" and receives >= 11',
    because="Errors that stay (no such address) and errors that pass (down, too many) need different answers; for the "
            "unknown ones a count has to do, and 0.4 to the power of 11 is 1 in 24,000. SQS itself only counts "
            "receives: a worker that knows more sends the message to the dead-letter queue itself.",
)


QUIZ = (
    Question("A dead letter's address has a typing error. Somebody presses redrive. What happens?", (
        Choice("The mail goes out now.",
               "Redrive puts the same message back into the queue. The address is as wrong as it was."),
        Choice("It takes all its receives again, and comes back.",
               "A redrive starts the count anew and mends nothing. Look why it died, mend that, then redrive.", True),
        Choice("The queue refuses it, since it had its retries.",
               "For the queue it is a message like any other: it was put in, so it is delivered."),
    )),
    Question("Which number tells first that the worker no longer keeps up?", (
        Choice("how many dead letters there are",
               "These count what failed too often. A worker that is too slow fails at nothing."),
        Choice("the share of payments that were answered",
               "Payment only puts a message into the queue. It answers as well as ever, for days."),
        Choice("how old the oldest waiting message is",
               "It grows second by second as soon as more comes in than goes out, whatever the rates are.", True),
    )),
    Question("For how long should a mail be tried again?", (
        Choice("some seconds",
               "Right when it is a code to log in, which nobody needs a minute later. The price: each hiccup of it "
               "loses mails.", None),
        Choice("about ten minutes",
               "The document's ten retries. Right when a customer waits for it. The price: an outage of an hour fills "
               "the dead letters, and somebody has to redrive them.", None),
        Choice("some days",
               "Right when it is an invoice: no outage is that long. The price: an error that stays is found out late, "
               "and what arrives may be out of date.", None),
    )),
)


def _most_dead(run):
    return int(run.stations.loc[DEAD, "max_queue"])


def _left(run):
    """Mails that are neither out nor dead at the end."""
    return int(run.messages["outcome"].isin(["waiting", "in progress"]).sum())


def _again(run, settings, **changed):
    system, clients, schedule = mails(**{**settings, **changed})
    return simulate(system, clients, seconds=run.seconds, seed=run.seed, schedule=schedule)


def _kept(settings, **wanted):
    """"" when these settings are as the goal wants them."""
    words = {"outage_s": "an outage of {} s", "failure_rate": "a failure rate of {}", "send_per_s": "{} mails a second",
             "retries": "{} retries"}
    wrong = [words[name].format(value) for name, value in wanted.items() if settings[name] != value]
    return f"Keep {' and '.join(wrong)}." if wrong else ""


def _fewest_retries(run, settings):
    if why := _kept(settings, outage_s=240, failure_rate=0.1, send_per_s=25):
        return why
    if (dead := _most_dead(run)) > 10:
        return f"{dead:,} mails lay among the dead letters; ten are allowed."
    fewer = settings["retries"] - 1
    return "One retry less does it, too." if fewer >= 0 and _most_dead(_again(run, settings, retries=fewer)) <= 10 \
        else True


def _highest_failure_rate(run, settings):
    if why := _kept(settings, outage_s=0, retries=10, send_per_s=25):
        return why
    if (left := _left(run)) > 150:
        return f"{left:,} mails wait at the end; 150 are allowed."
    more = min(1.0, settings["failure_rate"] + 0.05)
    return "A failure rate 0.05 higher does it, too." if _left(_again(run, settings, failure_rate=more)) <= 150 \
        else True


def _lowest_rate(run, settings):
    if why := _kept(settings, outage_s=600, retries=10, failure_rate=0.25):
        return why
    left, dead = _left(run), dead_percent(run)
    if left > 50 or dead > 1:
        return f"At the end {left:,} mails wait, and {dead:.1f} % are dead letters; 50 and 1 % are allowed."
    slower = _again(run, settings, send_per_s=0.9 * settings["send_per_s"])
    return True if _left(slower) > 50 or dead_percent(slower) > 1 else "A rate a tenth lower does it, too."


GOALS = (
    Goal("An outage of 240 s, a failure rate of 0.1, 25 mails a second. Find the fewest retries with which at no time "
         "more than ten mails lie among the dead letters.", _fewest_retries, (r"\b(9|nine) retries",)),
    Goal("No outage, ten retries, 25 mails a second. Find the highest failure rate at which no more than 150 mails "
         "wait at the end. Within 0.05 is near enough.", _highest_failure_rate,
         (r"failure rate of (0\.)?(5[6-9]|60?|61)\b",)),
    Goal("An outage of 600 s, ten retries, and a quarter of the attempts fail (0.25). When the 20 minutes are over, at "
         "most 50 mails may wait and 1 % may be dead letters. Find the lowest send rate that does it. Within a tenth "
         "is near enough.", _lowest_rate, (r"\b(28|29|28\.\d+) (mails )?(a second|per second)",)),
)


def before():
    """The worker in the background, whose mail provider is down for 20 s."""
    return shop(10, down=((20, 40),)), crowd()


def after():
    """The same with a queue."""
    return shop(11, down=((20, 40),)), crowd()


LESSON = Lesson("11", "Queue, retry, dead letters", (DRAIN, HERD), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("mail worker, provider down 20 s: mails lost", before),
                 Stage("a queue before the worker: none lost", after)))
