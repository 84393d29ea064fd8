"""The lab of lesson 9: a real shop that sends the mail inside the checkout, to a real mail server."""

from sdlib.components.checks import check_number
from sdlib.labs.mailing import MOST_PER_S, median_ms, shop_with_mail, successes
from sdlib.labs.recordings import recorded
from sdlib.labs.tally import Tally, TallyResult
from sdlib.whole import whole

PLAIN, INSIDE, DOWN, UP, RUSH = "no mail", "with the mail", "mail server down", "up again", "twice the limit"
PER_S = 15                         # half of what the mail server takes
RUSH_PER_S = 2 * MOST_PER_S
LEAST_SHARE = 0.25                 # of the rush: half fails, and half does not


class MailInside(TallyResult):
    """The share of the checkouts that failed."""

    axis_title = "checkouts that failed (%)"

    def counts(self):
        return {self._name(label): 100 * load.ends["failed"] / load.sent for label, load in self.loads.items()}

    def simulated(self):
        with whole():
            from sdlib.labs.models import checkouts_failed
        plain_ms, inside_ms = (self.loads[label].seen["p50_ms"] for label in (PLAIN, INSIDE))
        mail_ms, sent = max(inside_ms - plain_ms, 0.0), self.loads[PLAIN].sent
        failed = {PLAIN: checkouts_failed(sent, PER_S, None, False), DOWN: checkouts_failed(sent, PER_S, mail_ms, True)}
        failed |= dict.fromkeys((INSIDE, UP), checkouts_failed(sent, PER_S, mail_ms, False))
        return {self._name(label): 100 * count / sent for label, count in failed.items()}

    def _name(self, label):
        return f"{label}: {self.loads[label].sent} checkouts"

    def _about(self):
        plain_ms, inside_ms = (self.loads[label].seen["p50_ms"] for label in (PLAIN, INSIDE))
        return (f"Half of the checkouts took less than {plain_ms:.0f} ms without the mail, and less than "
                f"{inside_ms:.0f} ms with it. The mail server takes {MOST_PER_S} mails a second; in the last crowd "
                f"{RUSH_PER_S} customers a second came. {MOST_PER_S} pass in each second that has begun, so of a short "
                "crowd fewer than half fail. That one is not simulated: this mail server counts the mails of the last "
                "second, a simulated one fills a bucket of tokens.")


@recorded("aiosmtpd", result=MailInside)
def sync_mail(mail_ms=150.0, checkouts=24):
    """Lesson 9: a real checkout that waits for a real mail server: at rest, down, up again, and past its limit.

    mail_ms: what the mail server needs for a mail, 100 to 1,000 ms. checkouts: of each crowd, 10 to 60; four times as
    many in the last. Returns a LabResult.
    """
    mail_ms = check_number("lab.sync_mail", "mail_ms", mail_ms, low=100, high=1000, example=150, unit="ms")
    checkouts = check_number("lab.sync_mail", "checkouts", checkouts, low=10, high=60, example=24, whole=True)
    with shop_with_mail(mail_ms) as shop:
        answers = {PLAIN: shop.check_out("plain", PLAIN, checkouts, PER_S),
                   INSIDE: shop.check_out("inside", INSIDE, checkouts, PER_S)}
        shop.stop_mail()
        answers[DOWN] = shop.check_out("inside", DOWN, checkouts, PER_S)
        shop.start_mail()
        answers[UP] = shop.check_out("inside", UP, checkouts, PER_S)
        answers[RUSH] = shop.check_out("inside", RUSH, 4 * checkouts, RUSH_PER_S)
        tallies = {label: _tally(told, shop.taken(label)) for label, told in answers.items()}
    return MailInside(tallies, _claims(tallies, answers, mail_ms), _sentence(checkouts), axis="the checkouts")


def _tally(answers, mails):
    success = successes(answers)
    return Tally(len(answers), {"success page": success, "failed": len(answers) - success},
                 {"mails taken": mails, "p50_ms": median_ms(answers)})


def _claims(tallies, answers, mail_ms):
    succeeded = {label: tally.ends["success page"] for label, tally in tallies.items()}
    rush = tallies[RUSH]
    return [("every checkout is accounted for", all(tally.conserved() for tally in tallies.values())),
            *((f"{label}: all came to the success page", succeeded[label] == tallies[label].sent)
              for label in (PLAIN, INSIDE, UP)),
            ("no checkout with the mail took less than the mail", min(answers[INSIDE])[0] >= mail_ms),
            ("half of those without one took less", tallies[PLAIN].seen["p50_ms"] < mail_ms),
            ("with the mail server down all failed", succeeded[DOWN] == 0),
            ("past the mail server's limit more than a quarter failed, and more than a quarter did not",
             LEAST_SHARE < rush.ends["failed"] / rush.sent < 1 - LEAST_SHARE),
            ("the mail server took one mail for each success page", all(
                tally.seen["mails taken"] == succeeded[label] for label, tally in tallies.items() if label != PLAIN))]


def _sentence(checkouts):
    return (f"All {checkouts} real checkouts came to the success page without a mail, and all {checkouts} with one, "
            f"but none before the mail server had taken it. With the mail server down all {checkouts} failed; with it "
            f"up again none did. When {RUSH_PER_S} customers a second came and the mail server took {MOST_PER_S}, more "
            f"than a quarter of the {4 * checkouts} failed, though shop and mail server were well.")
