"""The whole shop of the last lesson, and random ones like it: both engines agree, and nothing is lost unseen."""

from compare import examples, run_both
from hypothesis import given
from hypothesis import strategies as st

import sdlib as sd
from sdlib.lessons.shop import PAGES

CITIES = ("Mumbai", "Shanghai", "Newark", "Singapore", "Frankfurt am Main")
MACHINES = st.fixed_dictionaries({name: st.integers(1, 3) for name in ("user", "product", "order", "payment")})
KNOBS = st.fixed_dictionaries({}, optional={
    "cpus": st.integers(1, 4), "machines": MACHINES, "machine_tries": st.integers(1, 3), "balancers": st.integers(1, 2),
    "threads": st.sampled_from([2, 20, 200]), "tries": st.integers(1, 2), "check_s": st.sampled_from([0.5, 1.0]),
    "policy": st.sampled_from(["least_connections", "round_robin", "two_choices", "random"]),
    "stores": st.sampled_from([(), ("product",), ("user", "product", "order")]), "coalesce": st.booleans(),
    "redis_objects": st.sampled_from([1, 50, 1_000]), "redis_s": st.sampled_from([0.2, 5.0]),
    "redis_down": st.sampled_from([(), ((1.0, 2.0),)]), "edges": st.lists(st.sampled_from(CITIES), min_size=1,
                                                                          unique=True),
    "edge_objects": st.sampled_from([1, 30, 1_000]), "page_s": st.sampled_from([None, 0.5, 30.0]),
    "tls": st.sampled_from(["1.2", "1.3"]), "new_connections": st.sampled_from([0.0, 0.3, 1.0]),
    "retries": st.integers(0, 3), "failure_rate": st.sampled_from([0.0, 0.5]), "per_s": st.sampled_from([2.0, 100.0]),
    "pace_per_s": st.sampled_from([1.0, 25.0]), "workers": st.integers(1, 20),
    "product_connections": st.integers(1, 20),
    "product_query_ms": st.sampled_from([1.0, 20.0]), "timeout_s": st.sampled_from([0.05, 1.0]),
    "channels": st.sampled_from([("mail",), ("mail", "sms")])})
CROWDS = st.builds(
    sd.Clients, users=st.sampled_from([60, 600, 2_000]), routes=st.just(PAGES), objects=st.sampled_from([5, 200]),
    countries=st.sampled_from([{"IN": 1}, {"IN": 2, "US": 1, "CN": 1, "DE": 1, "BR": 1}]),
    timeout_s=st.sampled_from([None, 0.2, 2.0]), retry=st.sampled_from([sd.Retry(0), sd.Retry(2)]))
EVENTS = st.lists(st.tuples(st.sampled_from(["product 1", "mail provider", "user balancer", "reverse proxy", "edge"]),
                            st.sampled_from([0.5, 1.5]), st.sampled_from([0.5, 5.0])), max_size=3)


def schedule_of(system, events):
    """Kills of those of the named parts that the system has."""
    names = {node.name for node in sd.simulate(system, sd.Clients(users=10), seconds=0.01).nodes}
    found = [(next((name for name in sorted(names) if name.startswith(part)), None), at_s, for_s)
             for part, at_s, for_s in events]
    return [sd.at(at_s, "kill", name, for_s=for_s) for name, at_s, for_s in found if name]


def test_the_whole_shop_is_the_same_on_both_engines():
    crowd = sd.Clients(users=20_000, routes=PAGES, countries=sd.data.crowd())
    run = run_both(sd.shop(19), crowd, 3, seed=1,
                   schedule=[sd.at(1, "kill", "edge Shanghai", for_s=1), sd.at(1, "kill", "product Redis"),
                             sd.at(1.5, "kill", "product 1"), sd.at(2, "kill", "mail provider", for_s=0.5)])
    assert run.conservation()["balanced"].all() and len(run.requests) > 3_900


@examples(40)
@given(knobs=KNOBS, crowd=CROWDS, seed=st.integers(0, 1_000), events=EVENTS)
def test_random_whole_shops(knobs, crowd, seed, events):
    system = sd.shop(19, **knobs)
    run = run_both(system, crowd, 3, seed, schedule_of(system, events))
    assert run.conservation()["balanced"].all()
