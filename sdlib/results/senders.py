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
    clients, users = run.clients, np.zeros(len(run.requests), np.int64)
    _fill_users(users, run.seed, clients.users, clients.greedy_share)
    is_greedy = (users == 0) & (clients.greedy_share > 0)
    codes = np.where(_has_bad_token(run), SENDERS.index(BAD_TOKEN), is_greedy)
    return pd.Series(pd.Categorical.from_codes(codes, SENDERS), name="sender")


def _has_bad_token(run):
    kinds = [kind for kind, _ in run.clients.tokens]
    if set(kinds) == {GOOD}:
        return np.zeros(len(run.requests), bool)
    drawn = run.plan.attributes.column("tokens", run.seed, len(run.requests))
    return np.array([kind != GOOD for kind in kinds])[drawn]


@jit(entry=True)
def _fill_users(column, seed, users, greedy_share):
    for request in range(len(column)):
        column[request] = user_from(seed, request, users, greedy_share)
