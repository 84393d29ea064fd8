"""Lesson 9's chart: how long the slowest checkouts take, by how long the mail takes, and where the threads run out."""

import math
from functools import lru_cache

import numpy as np

from sdlib.charts.parts import kept
from sdlib.charts.theme import BLUE, GREEN, INK, Plot, above, duration_axis, line, note, runs_so_far, this_run
from sdlib.charts.words import duration, number
from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.providers import MailProvider
from sdlib.results.run import check_run
from sdlib.theory import quantile_of_sum

MAILS_MS = np.logspace(1, 4.5, 36)
LOWEST_MS, HIGHEST_MS = 30, 300_000
DRAWS, SEED = 5_000, 9
PAYMENT, PROVIDER = "payment", "mail provider"
MANY_INSIDE = 0.05  # of all that were sent: then the p99 of those answered is too low


def checkout_against_mail(run, settings, trail=None):
    """p99 of the checkouts against the mean time of a mail: of payment and order alone, and with the mail.

    settings: mail_ms, failing and users, as the panel has them. trail: a list that keeps the points of runs that
    differ in the mail's time alone. A line stands where the mails hold all threads of payment. Where many are still
    inside at the end, the words say of how many answered the p99 is.
    """
    check_run("checkout_against_mail", run)
    mail_ms, p99_ms = settings["mail_ms"], run.measures()["p99_ms"]
    same = tuple(settings[name] for name in ("failing", "users"))
    points = kept([] if trail is None else trail, same, (mail_ms, p99_ms))
    own_ms = own_times_ms(run)
    own_p99_ms = float(np.quantile(own_ms, 0.99))
    ends_ms = [MAILS_MS[0], MAILS_MS[-1]]
    traces = [line("payment and order alone", ends_ms, [own_p99_ms] * 2, GREEN),
              line("with the mail", MAILS_MS, _with_mail_ms(tuple(own_ms)), BLUE, "solid")]
    full_ms = all_held_from_ms(run, own_ms.mean())
    if ends_ms[0] < full_ms < ends_ms[1]:
        traces.append(line("all threads held", [full_ms] * 2, [LOWEST_MS, HIGHEST_MS], INK, "dot"))
    held = f"{number(threads_held(run))} of {threads(run)} threads held on average"
    said, whose = f"mail {duration(mail_ms)}, p99 {duration(p99_ms)}", _of_whom(run.measures())
    star = "this run, those answered" if whose else "this run"
    return Plot([*traces, runs_so_far(points), this_run(mail_ms, p99_ms, star)],
                f"p99 of the checkouts against the mean time of a mail: {said}{whose and f' {whose}'}, {held}.",
                duration_axis("mean time of a mail", range=[1, 4.5]),
                duration_axis("p99 of the checkouts", range=[math.log10(LOWEST_MS), math.log10(HIGHEST_MS)]),
                notes=[above(f"<b>you are here:</b> {said}{f'<br>{whose}' if whose else f',<br>{held}'}"),
                       note("formulas without a queue", 0.99, 0.02, xref="x domain", yref="y domain", xanchor="right",
                            yanchor="bottom")])


def _of_whom(measures):
    """Whose p99 it is, where those still inside would make it longer."""
    if measures["in_flight"] <= MANY_INSIDE * measures["sent"]:
        return ""
    return f"of {number(measures['answered'])} answered, {number(measures['in_flight'])} still inside"


@lru_cache(maxsize=4)
def _with_mail_ms(own_ms):
    """The p99 with each of MAILS_MS. Kept: no slider of the panel moves the own times, and it takes 0.1 s."""
    return [quantile_of_sum(own_ms, mean_ms) for mean_ms in MAILS_MS]


def own_times_ms(run):
    """float64[DRAWS]: what a checkout takes without a mail where nothing waits, drawn from the system's own knobs."""
    random = np.random.default_rng(SEED)
    return _time_ms(run.system.services[f"/{PAYMENT}"], random) + run.system.check_ms


def _time_ms(component, random):
    """Its own work, then each group of calls, as long as the slowest of the group."""
    if isinstance(component, MailProvider):
        return np.zeros(DRAWS)
    if isinstance(component, LoadBalancer):
        return _time_ms(component.targets[0], random) + component.work_ms
    spent_ms = random.exponential(1.0, DRAWS) * component.service[0]
    for group in component.groups:
        spent_ms = spent_ms + np.max([_time_ms(call.target, random) for call in group], axis=0)
    return spent_ms


def threads(run):
    """How many threads payment has."""
    return int(run.stations.loc[f"{PAYMENT} threads", "capacity"])


def threads_held(run):
    """How many of them are held, on average over the run."""
    return float(run.stations.loc[f"{PAYMENT} threads", "utilization"] * threads(run))


def all_held_from_ms(run, own_mean_ms):
    """The mean time of a mail at which payment needs all its threads: rate x (payment + mail), by Little's law.

    A checkout whose mail is turned away at once, past the provider's limit, holds its thread for its own time alone.
    0 where payment's cores cannot keep up: then all threads are held whatever the mail takes.
    """
    rate_per_s, payment = run.clients.requests_per_second, run.system.services[f"/{PAYMENT}"]
    if rate_per_s * payment.service_ms / 1000 >= payment.cpus:
        return 0.0
    limit_per_s = next(node.component for node in run.nodes if node.name == PROVIDER).per_s
    mails_per_s = rate_per_s if limit_per_s is None else min(rate_per_s, limit_per_s)
    return 1000 * (threads(run) - rate_per_s * own_mean_ms / 1000) / mails_per_s
