"""How large a system may be: counted without building it, and refused in a sentence before anything is built."""

import time

import pytest
from hypothesis import given, settings
from systems import ANY, systems

import sdlib as sd
from sdlib.engine import blueprint as module
from sdlib.engine.blueprint import DEEPEST, MOST_NODES, blueprint

SERVER = sd.Server(cpus=1, ram_gb=1)


def nested(depth, width=2, part=SERVER):
    for _ in range(depth):
        part = sd.LoadBalancer([part] * width)
    return part


def counted(system):
    innermost_first = []
    module._height(system, (), {}, innermost_first)
    return module._count(reversed(innermost_first), system)


@pytest.mark.parametrize("make", [lambda: nested(30), lambda: sd.LoadBalancer([SERVER] * 10**6),
                                  lambda: nested(90, 1_000), lambda: nested(14)],
                         ids=["30 nested balancers", "a million targets", "10^270 machines", "32,767 machines"])
def test_a_huge_system_is_refused_at_once(make):
    assert sd.simulate, "its import does not count"
    begun_s = time.perf_counter()
    with pytest.raises(ValueError, match="it has .* components; it must have at most 10,000 .*for example sd.Load"):
        sd.simulate(make(), sd.Clients(users=100))
    assert time.perf_counter() - begun_s < 2


def test_the_limit_itself_is_allowed():
    assert len(blueprint(sd.LoadBalancer([SERVER] * (MOST_NODES - 1)))) == MOST_NODES
    with pytest.raises(ValueError, match="it has 10,001 components"):
        blueprint(sd.LoadBalancer([SERVER] * MOST_NODES))


@given(systems(ANY))
@settings(max_examples=200, deadline=None)
def test_the_count_is_that_of_the_built_system(system):
    assert counted(system) == len(blueprint(system))


def test_shared_and_copied_parts_are_counted_as_they_are_built():
    database = sd.Database()
    server = sd.Server(cpus=1, ram_gb=1, calls=[database, sd.Cache(database)])
    both = sd.LoadBalancer([server, server, sd.LoadBalancer([server] * 3), database])
    system = sd.Server(cpus=1, ram_gb=1, calls=[both, database, both, server])
    assert counted(system) == len(blueprint(system)) == 12


def test_depth_is_found_along_the_longest_way():
    """A part that is reached first by a short way, and then by one that is too long."""
    def chain(count, part):
        for _ in range(count):
            part = sd.Cache(part)
        return part
    deep = chain(60, sd.Database())
    with pytest.raises(ValueError, match=f"it must be at most {DEEPEST}"):
        blueprint(sd.Server(cpus=1, ram_gb=1, calls=[deep, chain(50, deep)]))
    assert len(blueprint(sd.Server(cpus=1, ram_gb=1, calls=[deep, chain(30, deep)]))) == 92
    with pytest.raises(ValueError, match="stands behind 101 others"):
        blueprint(chain(101, sd.Database()))
    assert len(blueprint(chain(100, sd.Database()))) == 101


def test_what_is_wrong_inside_a_huge_system_is_still_said():
    loop = sd.Server(cpus=1, ram_gb=1, calls=[sd.Cache(SERVER)])
    object.__setattr__(loop.calls[0], "target", loop)
    with pytest.raises(ValueError, match="calls itself through"):
        blueprint(nested(30, part=loop))
