"""Who sent each request of a run: the one greedy client, somebody with a bad token, or everybody else."""

import numpy as np
import pandas as pd

from sdlib.kernel.attributes import user_from
from sdlib.kernel.jit import jit
from sdlib.results.run import check_run

EVERYBODY_ELSE, GREEDY, BAD_TOKEN = SENDERS = ("everybody else", "greedy client", "bad token")
GOOD = "valid"


def senders(run):
    """A Series, a text for each request of the run in their order: "everybody else", "greedy client", "bad token".

    A token is bad unless it is of the kind "valid". The greedy client is the user who sends `greedy_share` besides.
    """
    check_run("senders", run)
    return who_sent(run)


def who_sent(run):
    """The same, of whatever has a run's requests, clients and seed."""
    return pd.Series(pd.Categorical.from_codes(sender_codes(run, len(run.requests)), SENDERS), name="sender")


def sender_codes(run, requests):
    """A place in `SENDERS` for each of a run's so many requests."""
    clients, users = run.clients, np.zeros(requests, np.int64)
    _fill_users(users, run.seed, clients.users, clients.greedy_share)
    is_greedy = (users == 0) & (clients.greedy_share > 0)
    return np.where(_has_bad_token(run, requests), SENDERS.index(BAD_TOKEN), is_greedy)


def _has_bad_token(run, requests):
    kinds = [kind for kind, _ in run.clients.tokens]
    if set(kinds) == {GOOD}:
        return np.zeros(requests, bool)
    drawn = run.plan.attributes.column("tokens", run.seed, requests)
    return np.array([kind != GOOD for kind in kinds])[drawn]


@jit(entry=True)
def _fill_users(column, seed, users, greedy_share):
    for request in range(len(column)):
        column[request] = user_from(seed, request, users, greedy_share)
