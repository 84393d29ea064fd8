"""The tables from which requests draw what they are about."""

import pytest

import sdlib as sd
from sdlib.kernel.attributes import Attributes

WANTED = ("keys", "tokens")


@pytest.mark.parametrize("first", WANTED)
def test_keys_and_shares_of_the_same_numbers_are_different_tables(first):
    """One key with Zipf's exponent 2, and two kinds of tokens as 1 to 2: the tables are kept, and must not be mixed."""
    crowd = sd.Clients(users=1, objects=1, skew=2.0, tokens={"valid": 1, "expired": 2})
    Attributes(crowd, (first,))
    made = Attributes(crowd, WANTED)
    assert (made.count["keys"], made.count["tokens"]) == (1, 2)
    assert len(made.cells) == sum(made.count.values())
