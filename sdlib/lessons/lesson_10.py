"""Lesson 10: a worker in the background. Checkout no longer waits; what waits now stands in memory."""

import math

from sdlib.components.clients import Clients
from sdlib.lessons.hiring import FEWEST_SOON, OWN_MS, Stream, serve
from sdlib.lessons.measures import band, is_letter, letter
from sdlib.lessons.shop import ROUTES, shop
from sdlib.results.mails import accepted_percent, lost, mean_in_memory
from sdlib.results.simulate import simulate
from sdlib.teach.content import Choice, Exercise, Goal, Lesson, Misconception, Prediction, Question, Scenario, Stage
from sdlib.teach.kinds import near, number
from sdlib.theory import mmc

USERS = 12_000
DOWN_FROM_S = 30                 # when the panel's mail provider goes down
SOON_S, MOST_LOST, MOST_IN_MEMORY = 4, 200, 20


def crowd(users=USERS):
    """Users who send 4 requests a minute each; 3 of 100 requests are checkouts."""
    return Clients(users=users, routes=ROUTES)


DOWN = Prediction(
    key="10-down", about="losses", rises=True,
    ask="A slow evening: a mail takes 600 ms. 24 come each second, and the 8 workers can send 13 a second, so the list "
        "grows: after 40 s over 400 mails are in memory. Then the mail provider is down for ten seconds, and each "
        "attempt fails at once. How many mails are lost?",
    choices=(
        Choice("none, or nearly so",
               "It would need a worker that puts a failed mail back, or that waits until the provider is up again. "
               "This one takes a mail off the list, tries once, and goes on to the next."),
        Choice("about 130",
               "13 a second for ten seconds: what the workers would have sent. But a failure is quicker than a mail, "
               "and so they get through many more."),
        Choice("about 240",
               "24 a second for ten seconds: what comes in while the server is down. So it is with an empty list. This "
               "one was not empty."),
        Choice("about 670",
               "What comes in those ten seconds, and what stood in the list before."),
    ),
    right=lambda run: band(lost(run), (50, 185, 450)),
    result=lambda run: f"In this run {lost(run):,} of {len(run.messages):,} mails were lost.",
    because="Each attempt fails at once, so 8 workers try hundreds of mails a second: the whole list is gone within "
            "the first second, and then each mail as it comes. A worker that fails fast empties the list fast.",
    answer_shown_as=(r"\b6[0-9]\d of 1,[34]\d\d mails", r"the whole list is gone"),
)


RESTART = Prediction(
    key="10-restart", about="losses", rises=True,
    ask="A good evening: a mail takes 300 ms, and 8 workers keep up with the 24 a second. Then somebody brings out a "
        "new version of the program: the process of the workers is ended, and ten seconds later it runs again. All "
        "checkouts go well meanwhile. How many mails are lost?",
    choices=(
        Choice("none",
               "It would need the mails to stand somewhere outside of the process that ended."),
        Choice("about 8",
               "The ones that were being sent. But others were waiting for them to end, and in ten seconds more come."),
        Choice("about 15",
               "All that were in memory at that moment, sent or waiting. And who takes what comes in the next ten "
               "seconds?"),
        Choice("over 200",
               "The 15 or so in memory, and 24 a second for ten seconds that nobody takes."),
    ),
    right=lambda run: band(lost(run), (0, 11, 100)),
    result=lambda run: f"In this run {lost(run):,} mails were lost.",
    because="What was in memory is gone with the process. What comes while there is none is handed over to nobody. The "
            "list was short; the restart was long.",
    answer_shown_as=(r"\b2[2-7]\d mails were lost", r"handed over to nobody"),
)


EASY = Exercise(
    key="10-easy", title="what may the page say?",
    ask="Payment has the money, and has handed the mail over to the worker. What should the success page say? "
        "A: \"We have sent you a mail.\" B: \"Your order number is 4711. A mail will follow.\" C: nothing yet; the "
        "page is shown when the mail is sent.",
    starter="answer = ...", answer="answer", wants='"A", "B" or "C", with the quotes',
    scenarios=(Scenario("", letter("ABC"), is_letter("B", {
        "A": "At that moment the mail stands in a list, and it may never be sent.",
        "C": "So the customer waits for the mail again, and without it gets no page."})),),
    misconceptions=(
        Misconception("handed over is done",
                      "Nobody knows yet whether it will be. The page may promise only what the shop can keep.", "A"),
        Misconception("the page must wait for everything",
                      "The payment is done, and that is what the page is about. That was lesson 9's system.", "C"),
    ),
    hints=("Which of the three is true at that moment, whatever becomes of the mail?",
           "What does the customer need if the mail never comes?"),
    solution='answer = "B"',
    because="Asynchronous means that the answer comes before the work is done. So the answer may only tell what has "
            "happened, and it should hold what the customer needs without the mail.",
)


STREAMS = (
    Stream("24 mails a second, 300 ms, within 2 s", 24, 300, 2, 900, 1),
    Stream("20 a second, 2,000 ms, within 10 s", 20, 2_000, 10, 900, 1),
    Stream("0.5 a second, 300 ms, within 2 s", 0.5, 300, 2, 4_000, 1),
    Stream("150 a second, 120 ms, within 1 s", 150, 120, 1, 200, 1),
    Stream("10 a second, 5,000 ms, within 25 s", 10, 5_000, 25, 2_000, 1),
)


def _stream(stream):
    def fault(shift):
        if shift.soon_percent < FEWEST_SOON:
            return (f"With {shift.workers:,} workers {shift.soon_percent:.1f} % of the mails were accepted in time; "
                    f"{FEWEST_SOON:.0f} % are asked for.")
        if shift.fewer_soon_percent >= FEWEST_SOON:
            return f"{shift.workers:,} workers are too many: {shift.fewer:,} do it, too."
        return ""
    return Scenario(stream.label, lambda policy: serve(policy, stream), fault)


def _each(says):
    """Whether it holds for each scenario: says(shift, stream)."""
    return lambda shifts: all(says(shift, stream) for shift, stream in zip(shifts, STREAMS, strict=True))


def _work(stream):
    """Workers that are busy on average."""
    return stream.mails_per_s * (stream.mail_ms + OWN_MS) / 1000


MEDIUM = Exercise(
    key="10-medium", title="how many workers?",
    ask="Write how_many_workers(mails_per_s, mail_ms, within_s): how many workers to start. mails_per_s mails come "
        "each second, at random moments. A worker needs 5 ms of its own for each, and then waits for the provider, "
        "mail_ms on average, sometimes longer, sometimes shorter. The goal, for mails that you have not seen: 95 of "
        "100 are accepted within within_s seconds after the checkout, and with a fifth fewer workers they would not "
        "be.",
    starter="def how_many_workers(mails_per_s, mail_ms, within_s):\n    ...", answer="how_many_workers",
    wants="a function how_many_workers(mails_per_s, mail_ms, within_s) that returns a whole number, from 1 to 10,000",
    scenarios=tuple(map(_stream, STREAMS)),
    misconceptions=(
        Misconception("one worker for each mail per second",
                      "How long is a worker busy with one mail? In a second it can send several short ones, or not "
                      "even one that is long.",
                      lambda mails_per_s, mail_ms, within_s: math.ceil(mails_per_s),
                      _each(lambda shift, stream: shift.workers in (round(stream.mails_per_s),
                                                                    math.ceil(stream.mails_per_s)))),
        Misconception("as many as are busy on average, and none to spare",
                      "Rate times time is the work that comes. Workers who are busy all the time never catch up: the "
                      "list grows with each crowd of mails. How many more are needed?",
                      lambda mails_per_s, mail_ms, within_s: max(1, round(mails_per_s * mail_ms / 1000)),
                      _each(lambda shift, stream: abs(shift.workers - _work(stream)) <= 1)),
        Misconception("twice as many, to be safe",
                      "In a large crowd chance evens out: the more mails there are, the smaller the share of workers "
                      "that has to be spare.",
                      lambda mails_per_s, mail_ms, within_s: math.ceil(2 * mails_per_s * mail_ms / 1000),
                      _each(lambda shift, stream: abs(shift.workers - 2 * _work(stream)) <= 1 + 0.1 * _work(stream))),
        Misconception("the time allowed is the time at work",
                      "within_s is how late a mail may be. A worker is busy with it for mail_ms and its own 5 ms.",
                      lambda mails_per_s, mail_ms, within_s: math.ceil(mails_per_s * within_s),
                      _each(lambda shift, stream: abs(shift.workers - stream.mails_per_s * stream.within_s) <= 1)),
    ),
    hints=("How many workers are busy on average? Rate times time, with the time in seconds. With exactly so many the "
           "list has no end; so start there, and add some. How many more, when mails are long, or must be quick?",
           "sd.theory.mmc(mails_per_s, mail_ms + 5, workers).latency_quantile_ms(0.95) is the delay in ms that 95 of "
           "100 mails keep. Try 1, 2, 3, ... workers."),
    solution="import sdlib as sd\n\n"
             "def how_many_workers(mails_per_s, mail_ms, within_s):\n"
             "    workers = 1\n"
             "    while sd.theory.mmc(mails_per_s, mail_ms + 5, workers).latency_quantile_ms(0.95) > 1000 * within_s:\n"
             "        workers += 1\n"
             "    return workers",
    because="The work that comes is rate x (work + mail), and a worker can do one second of it each second. What is "
            "over that decides how fast a list that chance has made melts again.",
)


def _lost(mails_per_s, mail_s, workers, every_s, down_s, waiting=True, grows=True, meanwhile=True):
    """Mails that a restart costs on average; told otherwise, a part of them is forgotten."""
    work = mails_per_s * mail_s
    if work < workers:
        inside = mmc(mails_per_s, 1000 * mail_s, workers).mean_in_system if waiting else work
    else:
        more_per_s = mails_per_s - workers / mail_s
        inside = workers + (more_per_s * (every_s - down_s) if grows and waiting else 0)
    return inside + (mails_per_s * down_s if meanwhile else 0)


def _restarts(label, *numbers):
    return Scenario(label, lambda lost_mails: number(lost_mails(*numbers)),
                    near(_lost(*numbers), tolerance=0.03))


HARD = Exercise(
    key="10-hard", title="what a restart costs",
    ask="Write lost_mails(mails_per_s, mail_s, workers, every_s, down_s): how many mails a restart of the workers "
        "loses, on average. mails_per_s mails come each second, at random moments; a worker is busy with one for "
        "mail_s seconds on average (exponential). The process of the workers is ended every every_s seconds, and is "
        "up again down_s seconds later, with an empty list. It is tried on workers that keep up, and on workers that "
        "do not. Within 3 % is near enough.",
    starter="def lost_mails(mails_per_s, mail_s, workers, every_s, down_s):\n    ...", answer="lost_mails",
    wants="a function lost_mails(mails_per_s, mail_s, workers, every_s, down_s) that returns a number",
    scenarios=(_restarts("24 a second, plenty of workers, back at once", 24, 0.3, 20, 3_600, 0),
               _restarts("24 a second, 8 workers, 10 s", 24, 0.3, 8, 3_600, 10),
               _restarts("30 a second, 10 workers, back within half a second", 30, 0.32, 10, 86_400, 0.5),
               _restarts("24 a second, 7 workers, each hour, 10 s", 24, 0.3, 7, 3_600, 10),
               _restarts("5 a second, 2 workers, each day, a minute", 5, 0.6, 2, 86_400, 60)),
    misconceptions=(
        Misconception("only what is being sent is lost",
                      "The list is in the memory of the same process. Who waits there is gone, too.",
                      lambda *numbers: _lost(*numbers, waiting=False)),
        Misconception("nothing comes while nobody is there",
                      "Checkouts go on during the restart, and each hands its mail over to nobody.",
                      lambda *numbers: _lost(*numbers, meanwhile=False)),
        Misconception("the list of too few workers is short, too",
                      "Workers who do not keep up leave something over each second, from one restart to the next. How "
                      "much is that until the next restart?",
                      lambda *numbers: _lost(*numbers, grows=False)),
    ),
    hints=("Three parts: those being sent, those waiting, and those that come during the restart. Which of them "
           "depends on whether the workers keep up?",
           "Workers who keep up: sd.theory.mmc(mails_per_s, 1000 * mail_s, workers).mean_in_system is all in memory. "
           "Else the list grows by mails_per_s - workers / mail_s each second that they are up."),
    solution="import sdlib as sd\n\n"
             "def lost_mails(mails_per_s, mail_s, workers, every_s, down_s):\n"
             "    more_per_s = mails_per_s - workers / mail_s\n"
             "    if more_per_s < 0:\n"
             "        inside = sd.theory.mmc(mails_per_s, 1000 * mail_s, workers).mean_in_system\n"
             "    else:\n"
             "        inside = workers + more_per_s * (every_s - down_s)\n"
             "    return inside + mails_per_s * down_s",
    because="Few workers cost nothing at checkout, and so nobody sees that the list grows. The restart shows it: it "
            "throws away all that was put off.",
)


QUIZ = (
    Question("There are too few workers for the mails. What does a customer notice at checkout?", (
        Choice("Checkout slows down, a little more each minute.",
               "It would if checkout waited for the list. It only adds to it."),
        Choice("Nothing; but the mail comes later and later.",
               "That is the danger: nobody at checkout sees it. Measure the age of the oldest mail.", True),
        Choice("Some checkouts fail.",
               "They do when the memory is full, which may take days. Until then each is answered."),
    )),
    Question("The process of the workers is restarted three times a day. What keeps each mail?", (
        Choice("twice as many workers",
               "The list is shorter then. What is being sent, and what comes during the restart, is lost as before."),
        Choice("restarting at night",
               "Fewer mails are lost, because fewer come. And a crash does not wait for the night."),
        Choice("keeping each mail outside of the process until it is sent",
               "Then a process may end at any moment. The next lesson does that.", True),
    )),
    Question("Where should the work after a payment be done?", (
        Choice("in the request",
               "Right when the answer depends on it, as on the payment itself. The price: the customer waits for it, "
               "and fails with it.", None),
        Choice("in the background, from memory",
               "Right when it may be lost now and then, such as counting visits. It costs no further part. The price: "
               "it is lost without a word.", None),
        Choice("in the background, from a place that outlives the process",
               "Right when it must be done, sooner or later. The price: one more part to run, and work that may be "
               "done twice.", None),
    )),
)


def _run(users, workers, mail_ms, down_s, seconds, seed):
    down = [(DOWN_FROM_S, DOWN_FROM_S + down_s)] if down_s else []
    return simulate(shop(10, workers=workers, mail_ms=mail_ms, per_s=None, down=down), crowd(users), seconds=seconds,
                    seed=seed)


def _changed(run, settings, **changed):
    """The same run with other settings."""
    return _run(**(settings | changed), seconds=run.seconds, seed=run.seed)


def _fewest_workers(run, settings):
    if settings["users"] != USERS or settings["mail_ms"] != 600 or settings["down_s"]:
        return "Keep 12,000 users, mails of 600 ms, and no outage."
    soon = accepted_percent(run, SOON_S)
    if soon < 99:
        return f"{soon:.1f} % of the mails are accepted within {SOON_S} s; 99 % are asked for."
    workers = settings["workers"]
    if workers > 1 and accepted_percent(_changed(run, settings, workers=workers - 1), SOON_S) >= 99:
        return "One worker fewer does it, too."
    return True


def _largest_crowd(run, settings):
    if settings["down_s"] != 20:
        return "The mail provider must be down for 20 s."
    if lost(run) > MOST_LOST:
        return f"{lost(run):,} mails are lost; {MOST_LOST} at most are asked for."
    more = _changed(run, settings, users=round(1.1 * settings["users"]), workers=100)
    return True if lost(more) > MOST_LOST else "A crowd a tenth larger loses no more than that, either."


def _longest_mail(run, settings):
    if settings["users"] != USERS or settings["down_s"]:
        return "Keep 12,000 users, and no outage."
    inside = mean_in_memory(run)
    if inside > MOST_IN_MEMORY:
        return f"{inside:.1f} mails are in memory on average; {MOST_IN_MEMORY} at most are asked for."
    longer = _changed(run, settings, mail_ms=1.1 * settings["mail_ms"], workers=100)
    return True if mean_in_memory(longer) > MOST_IN_MEMORY else "Mails that take a tenth longer do it, too."


GOALS = (
    Goal("A slow evening: 12,000 users, a mail takes 600 ms, no outage. Find the fewest workers with which 99 of 100 "
         "mails are accepted within 4 s.", _fewest_workers, (r"\b1[4-7] workers",)),
    Goal("The mail provider is down for 20 s. Find the largest crowd of which at most 200 mails are lost. Within a "
         "tenth is near enough.", _largest_crowd, (r"\b(4,[5-9]|5,[0-4])\d\d users",)),
    Goal("12,000 users, no outage, as many workers as you like. At most 20 mails may be in memory on average. Find the "
         "longest mail time. Within a tenth is near enough.", _longest_mail,
         (r"\b(7[89]\d|8[0-5]\d) ms",)),
)


def after():
    """The shop that answers first, and sends later."""
    return shop(10, per_s=None), crowd()


LESSON = Lesson("10", "A worker in the background", (DOWN, RESTART), (EASY, MEDIUM, HARD), QUIZ, GOALS,
                (Stage("a worker in the background", after),))
