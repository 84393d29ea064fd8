"""A learner's own policy: the same in both engines, compiled where Numba can, and kind to what is wrong with it."""

import pickle
import warnings

import pytest
from compare import run_both

import sdlib as sd
from sdlib.components.own_policy import OwnPolicy

FARM = [sd.Server(cpus=2, ram_gb=4)] * 3
CROWD = sd.Clients(users=400, requests_per_minute=60)


def least_busy(machines, draw):
    best = int(draw * len(machines))
    for number in range(len(machines)):
        if machines[number].in_flight < machines[best].in_flight:
            best = number
    return best


def by_turn_and_user(machines, in_use, turn, draw, user):
    return (turn + user) % len(machines)


def with_a_generator(machines):
    return min(range(len(machines)), key=lambda number: machines[number].in_flight)


@pytest.mark.parametrize("policy", [least_busy, by_turn_and_user])
def test_it_runs_compiled_and_bit_for_bit_as_on_simpy(policy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = run_both(sd.LoadBalancer(FARM, policy=policy, tries=2), CROWD, 20,
                       schedule=[sd.at(5, "kill", "server 2", for_s=5)])
    assert run.engine == "compiled" and run.stations["served"].iloc[1:].min() > 1_000


def test_what_numba_cannot_compile_runs_on_simpy_and_says_so():
    with pytest.warns(UserWarning, match="cannot be compiled .* done by the reference engine"):
        run = sd.simulate(sd.LoadBalancer(FARM, policy=with_a_generator), CROWD, seconds=5)
    assert run.engine == "reference" and len(run.requests) > 1_000
    with pytest.raises(ValueError, match="trace: the policy of the load balancer runs on the reference engine only"):
        run.trace(0)


def test_a_machine_that_is_out_is_never_chosen():
    shop = sd.LoadBalancer(FARM, policy=lambda machines: 1)
    few = sd.Clients(users=100, requests_per_minute=60)
    served = run_both(shop, few, 5, schedule=[sd.at(0, "remove", shop, target=1)]).stations["served"].iloc[1:]
    assert served.tolist()[:2] == [0, 0] and served.iloc[2] > 400


@pytest.mark.parametrize("policy, message", [
    (lambda machines: 3, "it returned 3; it must return the number of a machine, from 0 to 2"),
    (lambda machines: -1, "it returned -1; it must"),
    (lambda machines: machines[9].in_flight, "it raised IndexError: list index out of range"),
    (lambda machines, turn: (7 // (50 - turn)) % 3, "it raised ZeroDivisionError"),
    (lambda machines: "a", "it returned 'a'; it must return the number of a machine")])
@pytest.mark.filterwarnings("ignore:The policy")
def test_what_is_wrong_with_it_is_said_in_one_sentence(policy, message):
    for engine in ("compiled", "reference"):
        with pytest.raises(ValueError, match=message):
            sd.simulate(sd.LoadBalancer(FARM, policy=policy), CROWD, seconds=5, engine=engine)
    assert len(sd.simulate(sd.LoadBalancer(FARM), CROWD, seconds=5).requests) > 1_000


@pytest.mark.parametrize("policy", [5, "best", len, lambda: 0, lambda servers: 0, print])
def test_what_is_no_policy_is_refused_at_once(policy):
    with pytest.raises(ValueError, match=r"LoadBalancer\(policy=.*\): policy must be .* for example"):
        sd.LoadBalancer(FARM, policy=policy)


def test_it_travels_to_other_processes():
    policy = OwnPolicy("LoadBalancer", least_busy)
    assert policy.address
    assert pickle.loads(pickle.dumps(policy)).function is least_busy
