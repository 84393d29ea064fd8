"""The lab of lesson 10: a real shop whose worker sends the mails in the background, from a queue in memory."""

import time

from sdlib.components.checks import check_number
from sdlib.labs.mailing import median_ms, shop_with_mail, successes
from sdlib.labs.recordings import recorded
from sdlib.labs.tally import Tally, TallyResult
from sdlib.whole import whole

INSIDE, WORKER, KILLED, DOWN = "mail inside", "worker", "worker, killed", "worker, mail down"
PER_S = 20
KILLED_PER_S = 60
LEAST_GONE = 0.5                   # of the mails of the shop that is killed; of six that come the worker sends one


class MailBehind(TallyResult):
    """The mails that never arrived."""

    axis_title = "mails that never arrived"

    def counts(self):
        return {self._name(label): load.ends["mail gone"] for label, load in self.loads.items()}

    def simulated(self):
        with whole():
            from sdlib.labs.models import mails_gone
        inside_ms, worker_ms = (self.loads[label].seen["p50_ms"] for label in (INSIDE, WORKER))
        sent, mail_ms, killed = self.loads[WORKER].sent, max(inside_ms - worker_ms, 0.0), self.loads[KILLED]
        return {self._name(WORKER): mails_gone(sent, PER_S, mail_ms),
                self._name(DOWN): mails_gone(sent, PER_S, mail_ms, is_down=True),
                self._name(KILLED): mails_gone(killed.sent, KILLED_PER_S, mail_ms,
                                               killed_after_s=killed.seen["killed_after_s"])}

    def _name(self, label):
        return f"{label}: of {self.loads[label].sent}"

    def _about(self):
        inside_ms, worker_ms = (self.loads[label].seen["p50_ms"] for label in (INSIDE, WORKER))
        return (f"Each customer saw the success page. Half of the checkouts took less than {inside_ms:.0f} ms with the "
                f"mail inside, and less than {worker_ms:.0f} ms with a worker. The simulated worker needs the "
                "difference for a mail.")


@recorded("aiosmtpd", result=MailBehind)
def background_worker(mail_ms=100.0, checkouts=20):
    """Lesson 10: a real checkout that leaves the mail to a worker, which fails: mail server down, shop killed.

    mail_ms: what the mail server needs for a mail, 80 to 200 ms. checkouts: of each crowd, 10 to 40; three times as
    many before the shop is killed (kill -9). Returns a LabResult.
    """
    mail_ms = check_number("lab.background_worker", "mail_ms", mail_ms, low=80, high=200, example=100, unit="ms")
    checkouts = check_number("lab.background_worker", "checkouts", checkouts, low=10, high=40, example=20, whole=True)
    with shop_with_mail(mail_ms) as shop:
        answers = {INSIDE: shop.check_out("inside", INSIDE, checkouts, PER_S),
                   WORKER: shop.check_out("behind", WORKER, checkouts, PER_S)}
        shop.wait_until_sent()
        shop.stop_mail()
        answers[DOWN] = shop.check_out("behind", DOWN, checkouts, PER_S)
        shop.wait_until_sent()
        shop.start_mail()                                     # and nobody sends those mails again
        answers[KILLED] = shop.check_out("behind", KILLED, 3 * checkouts, KILLED_PER_S)
        shop.kill()
        time.sleep(0.3 + mail_ms / 1000)                      # the mail on its way arrives
        tallies = {label: _tally(told, shop.taken(label)) for label, told in answers.items()}
        last_s = (3 * checkouts - 1) / KILLED_PER_S
        tallies[KILLED].seen["killed_after_s"] = last_s + answers[KILLED][-1][0] / 1000    # when the last one ended
    return MailBehind(tallies, _claims(tallies), _sentence(checkouts), axis="the checkouts")


def _tally(answers, mails):
    return Tally(len(answers), {"mail arrived": mails, "mail gone": len(answers) - mails},
                 {"success page": successes(answers), "p50_ms": median_ms(answers)})


def _claims(tallies):
    inside, worker = (tallies[label].seen["p50_ms"] for label in (INSIDE, WORKER))
    gone = {label: tally.ends["mail gone"] for label, tally in tallies.items()}
    killed = tallies[KILLED]
    return [("every mail is accounted for", all(tally.conserved() for tally in tallies.values())),
            ("every customer saw the success page",
             all(tally.seen["success page"] == tally.sent for tally in tallies.values())),
            ("with a worker half of the checkouts took less than half as long", worker < inside / 2),
            ("with both at work every mail arrived", gone[INSIDE] == gone[WORKER] == 0),
            ("with the mail server down not one mail arrived, also when it was up again",
             gone[DOWN] == tallies[DOWN].sent),
            ("of the shop that was killed more than half of the mails were gone",
             gone[KILLED] > LEAST_GONE * killed.sent)]


def _sentence(checkouts):
    return (f"With a worker in the background the {checkouts} real checkouts no longer waited for the mail, and all "
            f"{checkouts} mails arrived. With the mail server down all {checkouts} customers saw the success page, and "
            f"not one mail arrived, then or later. The shop was killed after {3 * checkouts} checkouts: more than half "
            "of their mails were still in its memory, and are gone.")
