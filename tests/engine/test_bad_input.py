"""Bad input: a ValueError that names parameter, value, what is allowed and an example, before anything runs."""

import itertools
import math

import numpy as np
import pytest
from compare import assert_same

import sdlib as sd
from sdlib.engine import compiled, memory, reference, room
from sdlib.results import simulate

nan, inf = math.nan, math.inf
SERVER, CROWD, DATABASE = sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100), sd.Database()
CYCLE = sd.Server(cpus=1, ram_gb=1, name="shop", calls=[sd.Cache(DATABASE)])
object.__setattr__(CYCLE.calls[0], "target", CYCLE)


def build(users=100):
    return SERVER, sd.Clients(users=users)


CASES = [
    (lambda run: sd.Clients(users=0),
     "Clients(users=0): users must be a whole number from 1 to 1,000,000,000 (users); for example users=100."),
    (lambda run: sd.Clients(users=-1),
     "Clients(users=-1): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=1.5),
     "Clients(users=1.5): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=nan),
     "Clients(users=nan): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=inf),
     "Clients(users=inf): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=1_000_000_001),
     "Clients(users=1000000001): users must be a whole number from 1 to 1,000,000,000 (users); for "
     "example users=100."),
    (lambda run: sd.Clients(users='100'),
     "Clients(users='100'): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=True),
     "Clients(users=True): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=None),
     "Clients(users=None): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=[100]),
     "Clients(users=[100]): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.Clients(users=1, requests_per_minute=0),
     "Clients(requests_per_minute=0): requests_per_minute must be a number from 1e-06 to 1,000,000.0 "
     "(requests per minute); for example requests_per_minute=4.0."),
    (lambda run: sd.Clients(users=1, requests_per_minute=-inf),
     "Clients(requests_per_minute=-inf): requests_per_minute must be a number from 1e-06 to "
     "1,000,000.0 (requests per minute); for example requests_per_minute=4.0."),
    (lambda run: sd.Clients(users=1, timeout_s=0),
     "Clients(timeout_s=0): timeout_s must be a number from 0.001 to 86,400 (s); for example timeout_s=5."),
    (lambda run: sd.Clients(users=1, timeout_s='5'),
     "Clients(timeout_s='5'): timeout_s must be a number from 0.001 to 86,400 (s); for example timeout_s=5."),
    (lambda run: sd.Retry(-1),
     "Retry(times=-1): times must be a whole number from 0 to 100 (retries); for example times=3."),
    (lambda run: sd.Retry(2.5),
     "Retry(times=2.5): times must be a whole number from 0 to 100 (retries); for example times=3."),
    (lambda run: sd.Retry(101),
     "Retry(times=101): times must be a whole number from 0 to 100 (retries); for example times=3."),
    (lambda run: sd.Retry(1, backoff='linear'),
     "Retry(backoff='linear'): backoff must be a function, or one of 'none', 'constant', 'exponential', "
     "'zero, then exponential'; for example backoff='exponential'."),
    (lambda run: sd.Retry(1, backoff=2),
     "Retry(backoff=2): backoff must be a function, or one of 'none', 'constant', 'exponential', "
     "'zero, then exponential'; for example backoff='exponential'."),
    (lambda run: sd.Retry(1, jitter='half'),
     "Retry(jitter='half'): jitter must be one of 'none', 'full', 'equal', 'decorrelated'; for "
     "example jitter='none'."),
    (lambda run: sd.Retry(1, first_s=-1),
     "Retry(first_s=-1): first_s must be a number from 0.0 to 86,400 (s); for example "
     "first_s=1.0."),
    (lambda run: sd.Retry(1, most_s=nan),
     "Retry(most_s=nan): most_s must be a number from 0.0 to 86,400 (s); for example "
     "most_s=60.0."),
    (lambda run: sd.Clients(users=1, objects=0),
     "Clients(objects=0): objects must be a whole number from 1 to 10,000,000 (objects); for example "
     "objects=10000."),
    (lambda run: sd.Clients(users=1, skew=-0.1),
     "Clients(skew=-0.1): skew must be a number from 0.0 to 10.0; for example skew=0.8."),
    (lambda run: sd.Clients(users=1, skew=11),
     "Clients(skew=11): skew must be a number from 0.0 to 10.0; for example skew=0.8."),
    (lambda run: sd.Clients(users=1, name=''),
     "Clients(name=''): name must be a text that is not empty; for example name='shop'."),
    (lambda run: sd.Clients(users=1, name=5),
     "Clients(name=5): name must be a text that is not empty; for example name='shop'."),
    (lambda run: sd.Clients(users=1, profile=5),
     "Clients(profile=5): profile must be a list of (start_s, factor) steps, start_s from 0 on and "
     "ascending, factor from 0 to 1,000,000; for example profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile='busy'),
     "Clients(profile='busy'): profile must be a list of (start_s, factor) steps, start_s from 0 on "
     "and ascending, factor from 0 to 1,000,000; for example profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(0, 1, 2)]),
     "Clients(profile=[(0, 1, 2)]): profile must be a list of (start_s, factor) steps, start_s from 0 "
     "on and ascending, factor from 0 to 1,000,000; for example profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(0, -1)]),
     "Clients(profile=[(0, -1)]): profile must be a list of (start_s, factor) steps, start_s from 0 "
     "on and ascending, factor from 0 to 1,000,000, not all of them 0; for example profile=((0, "
     "1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(0, nan)]),
     "Clients(profile=[(0, nan)]): profile must be a list of (start_s, factor) steps, start_s from 0 "
     "on and ascending, factor from 0 to 1,000,000, not all of them 0; for example profile=((0, "
     "1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(5, 1), (5, 2)]),
     "Clients(profile=[(5, 1), (5, 2)]): profile must be a list of (start_s, factor) steps, start_s "
     "from 0 on and ascending, factor from 0 to 1,000,000, not all of them 0; for example "
     "profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(5, 1), (2, 2)]),
     "Clients(profile=[(5, 1), (2, 2)]): profile must be a list of (start_s, factor) steps, start_s "
     "from 0 on and ascending, factor from 0 to 1,000,000, not all of them 0; for example "
     "profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(-1, 1)]),
     "Clients(profile=[(-1, 1)]): profile must be a list of (start_s, factor) steps, start_s from 0 "
     "on and ascending, factor from 0 to 1,000,000, not all of them 0; for example profile=((0, "
     "1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(0, 0)]),
     "Clients(profile=[(0, 0)]): profile must be a list of (start_s, factor) steps, start_s from 0 on "
     "and ascending, factor from 0 to 1,000,000, not all of them 0; for example profile=((0, "
     "1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=None),
     "Clients(profile=None): profile must be a list of (start_s, factor) steps, start_s from 0 on and "
     "ascending, factor from 0 to 1,000,000; for example profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, arrivals_s=[]),
     "Clients(arrivals_s=[]): arrivals_s must be a list of at least one finite time, not negative, in "
     "ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s=[2, 1]),
     "Clients(arrivals_s=[2, 1]): arrivals_s must be a list of at least one finite time, not "
     "negative, in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s=[-1]),
     "Clients(arrivals_s=[-1]): arrivals_s must be a list of at least one finite time, not negative, "
     "in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s=[nan]),
     "Clients(arrivals_s=[nan]): arrivals_s must be a list of at least one finite time, not negative, "
     "in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s=[[1]]),
     "Clients(arrivals_s=[[1]]): arrivals_s must be a list of at least one finite time, not negative, "
     "in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s='log'),
     "Clients(arrivals_s='log'): arrivals_s must be a list of at least one finite time, not negative, "
     "in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s=3),
     "Clients(arrivals_s=3): arrivals_s must be a list of at least one finite time, not negative, in "
     "ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Server(cpus=0, ram_gb=4),
     "Server(cpus=0): cpus must be a whole number from 1 to 100,000 (cores); for example cpus=4."),
    (lambda run: sd.Server(cpus=2.5, ram_gb=4),
     "Server(cpus=2.5): cpus must be a whole number from 1 to 100,000 (cores); for example cpus=4."),
    (lambda run: sd.Server(cpus=100_001, ram_gb=4),
     "Server(cpus=100001): cpus must be a whole number from 1 to 100,000 (cores); for example cpus=4."),
    (lambda run: sd.Server(cpus='4', ram_gb=4),
     "Server(cpus='4'): cpus must be a whole number from 1 to 100,000 (cores); for example cpus=4."),
    (lambda run: sd.Server(cpus=4, ram_gb=0),
     "Server(ram_gb=0): ram_gb must be a number from 0.01 to 100,000 (GB); for example ram_gb=4."),
    (lambda run: sd.Server(cpus=4, ram_gb=nan),
     "Server(ram_gb=nan): ram_gb must be a number from 0.01 to 100,000 (GB); for example ram_gb=4."),
    (lambda run: sd.Server(cpus=4, ram_gb=100_001),
     "Server(ram_gb=100001): ram_gb must be a number from 0.01 to 100,000 (GB); for example ram_gb=4."),
    (lambda run: sd.Server(cpus=4, ram_gb=False),
     "Server(ram_gb=False): ram_gb must be a number from 0.01 to 100,000 (GB); for example ram_gb=4."),
    (lambda run: sd.Server(cpus=4, ram_gb=0.01, memory_mb=11),
     "Server(ram_gb=0.01): ram_gb must be enough for one request of 11 MB; for example ram_gb=4."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, memory_mb=0),
     "Server(memory_mb=0): memory_mb must be a number from 0.001 to 1,000,000 (MB); for example "
     "memory_mb=8.0."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, service_ms=-1),
     "Server(service_ms=-1): service_ms must be a number from 0.0 to 3,600,000 (ms); for example "
     "service_ms=10.0."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, restart_s=-1),
     "Server(restart_s=-1): restart_s must be a number from 0.0 to 86,400 (s); for example restart_s=30.0."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, distribution='normal'),
     "Server(distribution='normal'): distribution must be one of 'constant', 'erlang-4', "
     "'exponential', 'hyperexponential-4'; for example distribution='exponential'."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=5),
     "Server(down=5): down must be a list of (start_s, end_s) pairs of numbers with 0 <= start_s < "
     "end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=(60, 120)),
     "Server(down=(60, 120)): down must be a list of (start_s, end_s) pairs of numbers with 0 <= "
     "start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=[(2, 1)]),
     "Server(down=[(2, 1)]): down must be a list of (start_s, end_s) pairs of numbers with 0 <= "
     "start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=[(1, 3), (2, 4)]),
     "Server(down=[(1, 3), (2, 4)]): down must be a list of (start_s, end_s) pairs of numbers with 0 "
     "<= start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=[(-1, 2)]),
     "Server(down=[(-1, 2)]): down must be a list of (start_s, end_s) pairs of numbers with 0 <= "
     "start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=[(1, inf)]),
     "Server(down=[(1, inf)]): down must be a list of (start_s, end_s) pairs of numbers with 0 <= "
     "start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, down=[(1, nan)]),
     "Server(down=[(1, nan)]): down must be a list of (start_s, end_s) pairs of numbers with 0 <= "
     "start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, calls=5),
     "Server(calls=5): calls must be a list of components, of sd.Call or of lists of those; "
     "for example calls=[sd.Database()]."),
    (lambda run: sd.Server(cpus=4, ram_gb=4, calls=['db']),
     "Server(calls=['db']): calls must be a list of components, of sd.Call or of lists of those; "
     "for example calls=[sd.Database()]."),
    (lambda run: sd.Database(connections=0),
     "Database(connections=0): connections must be a whole number from 1 to 100,000 (connections); "
     "for example connections=16."),
    (lambda run: sd.Database(query_ms=inf),
     "Database(query_ms=inf): query_ms must be a number from 0.0 to 3,600,000 (ms); for example "
     "query_ms=1.0."),
    (lambda run: sd.Database(distribution=None),
     "Database(distribution=None): distribution must be one of 'constant', 'erlang-4', 'exponential', "
     "'hyperexponential-4'; for example distribution='exponential'."),
    (lambda run: sd.Cache(target=None),
     "Cache(target=None): target must be a component of a system; for example target=sd.Database()."),
    (lambda run: sd.Cache(target=DATABASE, capacity=0),
     "Cache(capacity=0): capacity must be a whole number from 1 to 10,000,000 (objects); for example "
     "capacity=1000."),
    (lambda run: sd.Cache(target=DATABASE, capacity=1e9),
     "Cache(capacity=1000000000.0): capacity must be a whole number from 1 to 10,000,000 (objects); "
     "for example capacity=1000."),
    (lambda run: sd.Cache(target=DATABASE, ttl_s=0),
     "Cache(ttl_s=0): ttl_s must be a number from 0.001 to 31,536,000 (s); for example ttl_s=60."),
    (lambda run: sd.Cache(target=DATABASE, lookup_ms='1'),
     "Cache(lookup_ms='1'): lookup_ms must be a number from 0.0 to 60,000 (ms); for example lookup_ms=0.5."),
    (lambda run: sd.Queue(worker=None),
     "Queue(worker=None): worker must be a component of a system; for example worker=sd.Worker(count=2)."),
    (lambda run: sd.Queue(worker=DATABASE),
     "Queue(worker=<Database>): worker must be a sd.Worker; for example worker=sd.Worker(count=2)."),
    (lambda run: sd.Queue(worker=sd.Worker(), visibility_timeout_s=0),
     "Queue(visibility_timeout_s=0): visibility_timeout_s must be a number from 0.001 to 43,200 (s); "
     "for example visibility_timeout_s=30.0."),
    (lambda run: sd.Queue(worker=sd.Worker(), max_receives=0),
     "Queue(max_receives=0): max_receives must be a whole number from 1 to 1,000 (receives); for "
     "example max_receives=11."),
    (lambda run: sd.Worker(count=0),
     "Worker(count=0): count must be a whole number from 1 to 10,000 (workers); for example count=1."),
    (lambda run: sd.Worker(count=10_001),
     "Worker(count=10001): count must be a whole number from 1 to 10,000 (workers); for example count=1."),
    (lambda run: sd.Worker(work_ms=nan),
     "Worker(work_ms=nan): work_ms must be a number from 0.0 to 3,600,000 (ms); for example work_ms=100.0."),
    (lambda run: sd.Worker(failure_rate=1.1),
     "Worker(failure_rate=1.1): failure_rate must be a number from 0.0 to 1.0; for example failure_rate=0.1."),
    (lambda run: sd.Worker(failure_rate=-0.1),
     "Worker(failure_rate=-0.1): failure_rate must be a number from 0.0 to 1.0; for example "
     "failure_rate=0.1."),
    (lambda run: sd.LoadBalancer(targets=[]),
     "LoadBalancer(targets=[]): targets must be a list of at least one component; for example "
     "targets=[sd.Server(cpus=4, ram_gb=4)] * 5."),
    (lambda run: sd.LoadBalancer(targets=SERVER),
     "LoadBalancer(targets=<Server>): targets "
     "must be a list of at least one component; for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5."),
    (lambda run: sd.LoadBalancer(targets=[SERVER, 5]),
     "LoadBalancer(targets=[<Server>, 5]): targets "
     "must be a list of at least one component; for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5."),
    (lambda run: sd.LoadBalancer(targets=[SERVER], policy='fastest'),
     "LoadBalancer(policy='fastest'): policy must be a function, or one of 'round_robin', 'weighted_round_robin', "
     "'random', 'least_connections', 'two_choices', 'ip_hash', 'consistent_hash', 'bounded_consistent_hash', "
     "'pooled_queue'; "
     "for example policy='round_robin'."),
    (lambda run: sd.LoadBalancer(targets=[sd.Cache(DATABASE)], policy='pooled_queue'),
     "LoadBalancer(policy='pooled_queue'): targets must all have cores, which it counts; "
     "for example targets=[sd.Server(cpus=4, ram_gb=4)] * 5."),
    (lambda run: sd.simulate(5, CROWD),
     "system=5: system must be a component such as a server, and clients are passed separately; for "
     "example sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.simulate(None, CROWD),
     "system=None: system must be a component such as a server, and clients are passed separately; "
     "for example sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.simulate(CROWD, CROWD),
     "system=<Clients>: system must be a component "
     "such as a server, and clients are passed separately; for example sd.simulate(sd.Server(cpus=4, "
     "ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.simulate([], CROWD),
     "system=[]: system must be a component such as a server, and clients are passed separately; for "
     "example sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.simulate(CYCLE, CROWD),
     "system: shop calls itself through shop -> cache; a request would never return. Let each "
     "component call only what stands behind it; for example sd.Server(cpus=4, ram_gb=4, "
     "calls=[sd.Database()])."),
    (lambda run: sd.simulate(SERVER, 100),
     "simulate(clients=100): clients must be sd.Clients; for example clients=sd.Clients(users=100)."),
    (lambda run: sd.simulate(SERVER, None),
     "simulate(clients=None): clients must be sd.Clients; for example clients=sd.Clients(users=100)."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds=0),
     "simulate(seconds=0): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds=-1),
     "simulate(seconds=-1): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds=nan),
     "simulate(seconds=nan): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example "
     "seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds=inf),
     "simulate(seconds=inf): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example "
     "seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds='60'),
     "simulate(seconds='60'): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example "
     "seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds=True),
     "simulate(seconds=True): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example "
     "seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seconds=4e7),
     "simulate(seconds=40000000.0): seconds must be a number from 1e-06 to 31,622,400.0 (s); for "
     "example seconds=60."),
    (lambda run: sd.simulate(SERVER, CROWD, seed=-1),
     "simulate(seed=-1): seed must be a whole number from 0 to 9,223,372,036,854,775,807; for example "
     "seed=1."),
    (lambda run: sd.simulate(SERVER, CROWD, seed=1.5),
     "simulate(seed=1.5): seed must be a whole number from 0 to 9,223,372,036,854,775,807; for "
     "example seed=1."),
    (lambda run: sd.simulate(SERVER, CROWD, seed=2**63),
     "simulate(seed=9223372036854775808): seed must be a whole number from 0 to "
     "9,223,372,036,854,775,807; for example seed=1."),
    (lambda run: sd.simulate(SERVER, CROWD, seed=None),
     "simulate(seed=None): seed must be a whole number from 0 to 9,223,372,036,854,775,807; for "
     "example seed=1."),
    (lambda run: sd.simulate(SERVER, CROWD, engine='fast'),
     "simulate(engine='fast'): engine must be one of 'compiled', 'reference'; for example engine='compiled'."),
    (lambda run: sd.simulate(SERVER, CROWD, engine=None),
     "simulate(engine=None): engine must be one of 'compiled', 'reference'; for example engine='compiled'."),
    (lambda run: sd.replicate(build, seeds=1),
     "replicate(seeds=1): seeds must be a whole number from 2 to 100,000; for example seeds=20."),
    (lambda run: sd.replicate(build, seeds=2.5),
     "replicate(seeds=2.5): seeds must be a whole number from 2 to 100,000; for example seeds=20."),
    (lambda run: sd.replicate(build, seeds='20'),
     "replicate(seeds='20'): seeds must be a whole number from 2 to 100,000; for example seeds=20."),
    (lambda run: sd.replicate(5),
     "replicate(build=5): build must be a function that returns (system, clients); for example "
     "build=lambda: (sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.replicate(build, seconds=0),
     "simulate(seconds=0): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example seconds=60."),
    (lambda run: sd.replicate(lambda cpus: build()),
     "replicate(build): build does not take these settings: missing a required argument: 'cpus'; for "
     "example def build(): ... return system, clients."),
    (lambda run: sd.replicate(build, first_seed=-1),
     "replicate(first_seed=-1): first_seed must be a whole number from 0 to 4,611,686,018,427,387,904; "
     "for example first_seed=0."),
    (lambda run: sd.sweep(build, {'users': []}),
     "sweep(grid={'users': []}): the list of users is empty, it must have at least one value; for "
     "example users=[1, 2]."),
    (lambda run: sd.sweep(build, {'users': 100}),
     "sweep(grid={'users': 100}): grid must be a dict of names to lists of values; for example "
     "grid={\"users\": [100, 1_000], \"cpus\": [4, 8]}."),
    (lambda run: sd.sweep(build, {'users': '100'}),
     "sweep(grid={'users': '100'}): grid must be a dict of names to lists of values; for example "
     "grid={\"users\": [100, 1_000], \"cpus\": [4, 8]}."),
    (lambda run: sd.sweep(build, [1, 2]),
     'sweep(grid=[1, 2]): grid must be a dict of names to lists of values; for example grid={"users": '
     '[100, 1_000], "cpus": [4, 8]}.'),
    (lambda run: sd.sweep(build, {'cpus': [1, 2]}),
     "sweep(build): build does not take these settings: got an unexpected keyword argument 'cpus'; "
     "for example def build(cpus): ... return system, clients."),
    (lambda run: sd.sweep(build, {'users': [100]}, seeds=0),
     "sweep(seeds=0): seeds must be a whole number from 1 to 100,000; for example seeds=20."),
    (lambda run: sd.sweep(build, {'users': [0]}),
     "Clients(users=0): users must be a whole number from 1 to 1,000,000,000 (users); for example users=100."),
    (lambda run: sd.sweep(build, {}, engine='fast'),
     "simulate(engine='fast'): engine must be one of 'compiled', 'reference'; for example engine='compiled'."),
    (lambda run: sd.sweep(None, {}),
     "sweep(build=None): build must be a function that returns (system, clients); for example "
     "build=lambda: (sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.sweep(build, {}, seconds=nan),
     "simulate(seconds=nan): seconds must be a number from 1e-06 to 31,622,400.0 (s); for example "
     "seconds=60."),
    (lambda run: run.timeline(0),
     "timeline(every_s=0): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.timeline(-1),
     "timeline(every_s=-1): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.timeline(nan),
     "timeline(every_s=nan): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.timeline(11),
     "timeline(every_s=11): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.timeline(1e-9),
     "timeline(every_s=1e-09): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.timeline('1'),
     "timeline(every_s='1'): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.timeline(True),
     "timeline(every_s=True): every_s must be a number from 0.0001 to 10.0 (s); for example every_s=1.0."),
    (lambda run: run.summary(-1),
     "summary(after_s=-1): after_s must be a number from 0 to 10.0 (s); for example after_s=10."),
    (lambda run: run.summary(11),
     "summary(after_s=11): after_s must be a number from 0 to 10.0 (s); for example after_s=10."),
    (lambda run: run.summary(nan),
     "summary(after_s=nan): after_s must be a number from 0 to 10.0 (s); for example after_s=10."),
    (lambda run: run.summary('0'),
     "summary(after_s='0'): after_s must be a number from 0 to 10.0 (s); for example after_s=10."),
    (lambda run: run.summary(None),
     "summary(after_s=None): after_s must be a number from 0 to 10.0 (s); for example after_s=10."),
    (lambda run: sd.simulate(sd.Worker(), CROWD),
     "system: a worker takes messages, so it must stand behind a queue; for example "
     "sd.Queue(sd.Worker(count=2))."),
    (lambda run: sd.simulate(sd.Server(cpus=1, ram_gb=1, calls=[sd.Worker()]), CROWD),
     "system: a worker takes messages, so it must stand behind a queue; for example "
     "sd.Queue(sd.Worker(count=2))."),
    (lambda run: sd.simulate(sd.Server(cpus=1, ram_gb=1, calls=[CROWD]), CROWD),
     "system: clients must not stand inside it; pass them separately, for example "
     "sd.simulate(sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100))."),
    (lambda run: sd.Clients(users=10**400),
     "Clients(users=100000000000000000000000000000000000000000000000000000000...): users must be a "
     "whole number from 1 to 1,000,000,000 (users); for example users=100."),
    (lambda run: sd.Clients(users=1, profile=[('1', '2')]),
     "Clients(profile=[('1', '2')]): profile must be a list of (start_s, factor) steps, start_s from 0"
     " on and ascending, factor from 0 to 1,000,000; for example profile=((0, 1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, profile=[(0, 1e300)]),
     "Clients(profile=[(0, 1e+300)]): profile must be a list of (start_s, factor) steps, start_s from "
     "0 on and ascending, factor from 0 to 1,000,000, not all of them 0; for example profile=((0, "
     "1.0), (30, 5.0))."),
    (lambda run: sd.Clients(users=1, arrivals_s=['1', '2']),
     "Clients(arrivals_s=['1', '2']): arrivals_s must be a list of at least one finite time, not "
     "negative, in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Clients(users=1, arrivals_s=[True]),
     "Clients(arrivals_s=[True]): arrivals_s must be a list of at least one finite time, not negative,"
     " in ascending order; for example arrivals_s=[0.5, 1.2]."),
    (lambda run: sd.Server(cpus=1, ram_gb=1, down=[('1', '2')]),
     "Server(down=[('1', '2')]): down must be a list of (start_s, end_s) pairs of numbers with 0 <= "
     "start_s < end_s, in order, not overlapping; for example down=((60, 120),)."),
    (lambda run: sd.spike(-1, 10, 5),
     "spike(at_s=-1): at_s must be a number from 0 to 1,000,000,000.0 (s); for example at_s=20."),
    (lambda run: sd.spike(20, 0, 5),
     "spike(seconds=0): seconds must be a number from 0.001 to 1,000,000,000.0 (s); for example "
     "seconds=10."),
    (lambda run: sd.spike(20, 10, 'many'),
     "spike(times='many'): times must be a number from 0 to 1,000,000; for example times=5."),
    (lambda run: sd.replicate(build, level=2),
     "replicate(level=2): level must be a number from 0.5 to 0.9999; for example level=0.95."),
    (lambda run: sd.replicate(build, first_seed='a'),
     "replicate(first_seed='a'): first_seed must be a whole number from 0 to "
     "4,611,686,018,427,387,904; for example first_seed=0."),
    (lambda run: sd.replicate(build, measure=3),
     "replicate(measure=3): measure must be a function of a run that returns a dict of names to "
     "numbers; for example measure=lambda run: {'sent': len(run.requests)}."),
    (lambda run: sd.replicate(lambda: SERVER),
     "build gave <Server>: it must return "
     "(system, clients); for example return sd.Server(cpus=4, ram_gb=4), sd.Clients(users=100)."),
    (lambda run: sd.sweep(lambda users: (SERVER, sd.Clients(users=users)), {'users': [100, 0]}),
     "Clients(users=0): users must be a whole number from 1 to 1,000,000,000 (users); for example "
     "users=100."),
    (lambda run: sd.sweep(build, {3: [1]}),
     "sweep(grid={3: [1]}): 3 must be the name of a setting of build, and not \"seed\", which `seeds` "
     "counts; for example grid={\"users\": [100, 1_000]}, seeds=20."),
    (lambda run: sd.sweep(build, {'seed': [1]}),
     "sweep(grid={'seed': [1]}): 'seed' must be the name of a setting of build, and not \"seed\", which "
     "`seeds` counts; for example grid={\"users\": [100, 1_000]}, seeds=20."),
]


@pytest.fixture(scope="module")
def run():
    return sd.simulate(SERVER, CROWD, seconds=10)


@pytest.fixture
def no_engine(monkeypatch):
    """Neither engine may be reached, nor any crowd be made."""
    def fail(*_arguments, **_knobs):
        raise AssertionError("something ran")
    monkeypatch.setattr(compiled, "run", fail)
    monkeypatch.setattr(reference, "run", fail)
    monkeypatch.setattr(simulate, "arrival_times", fail)


def test_the_trap_works(no_engine):
    with pytest.raises(AssertionError, match="something ran"):
        sd.simulate(SERVER, CROWD)


@pytest.mark.parametrize("wrong, message", CASES, ids=[message[:60] for _, message in CASES])
def test_bad_input(wrong, message, run, no_engine):
    with pytest.raises(ValueError) as problem:
        wrong(run)
    assert str(problem.value) == message


@pytest.mark.parametrize("message", [message for _, message in CASES])
def test_every_message_says_what_to_do(message):
    """It shows what was given, and ends with an example or an allowed form that can be copied."""
    beginning, _, example = message.rpartition("for example ")
    assert beginning and example.endswith((".", ")."))
    assert " must " in message or "does not take" in message or "calls itself" in message


def test_there_are_enough_cases():
    assert len(CASES) >= 60


@pytest.mark.parametrize("users, seconds", [(1_000_000_000, 366 * 86_400), (1_000_000_000, 86_400)])
def test_a_run_larger_than_memory_is_refused_with_its_size(users, seconds, no_engine, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 8 * 2**30)
    with pytest.raises(ValueError) as problem:
        sd.simulate(SERVER, sd.Clients(users=users), seconds=seconds)
    requests = users * 4 / 60 * seconds
    assert str(problem.value).startswith(
        f"simulate(seconds={seconds:g}) with 1,000,000,000 users would make about {requests:,.0f} requests, which take "
        f"{requests * 130 / 2**30:,.1f} GB of memory; 8.0 GB are free. Simulate at most ")
    advised_s = float(str(problem.value).rpartition("for example seconds=")[2].rstrip("."))
    assert 0 < advised_s * users * 4 / 60 * 130 < 0.8 * 8 * 2**30, "the advice must fit"


def test_a_run_just_within_memory_is_not_refused(monkeypatch):
    monkeypatch.setattr(room, "check_growth", lambda new_bytes, now_s: None)  # only the requests count here
    monkeypatch.setattr(memory, "free_memory", lambda: (400 * 130 + memory.BYTES_PER_NODE) / 0.8 + 1)
    assert len(sd.simulate(SERVER, CROWD, seconds=60).requests) > 300
    with pytest.raises(ValueError, match="of memory"):
        sd.simulate(SERVER, CROWD, seconds=61)


@pytest.mark.parametrize("number", [np.int64(4), np.int32(4), np.float64(4), np.uint8(4), 4.0])
def test_numbers_of_numpy_are_numbers(number):
    server = sd.Server(cpus=number, ram_gb=number, service_ms=number)
    assert type(server.cpus) is int and type(server.ram_gb) is float
    run = sd.simulate(server, sd.Clients(users=number), seconds=number, seed=number)
    plain = sd.simulate(sd.Server(cpus=4, ram_gb=4, service_ms=4), sd.Clients(users=4), seconds=4, seed=4)
    assert_same(run.records, plain.records)


def test_arrays_are_lists_too():
    clients = sd.Clients(users=1, arrivals_s=np.array([1, 2]), profile=np.array([[0, 1], [5, 2]]))
    assert clients.profile == ((0.0, 1.0), (5.0, 2.0))
    assert sd.Server(cpus=1, ram_gb=1, down=np.array([[1, 2]])).down == ((1.0, 2.0),)


def test_an_interrupt_leaves_everything_usable():
    """KeyboardInterrupt in the middle of a long run: the next one works, and gives the same table."""
    shop = sd.LoadBalancer([sd.Server(cpus=4, ram_gb=100, calls=[sd.Cache(DATABASE)])] * 3)
    crowd = sd.Clients(users=20_000)
    before = sd.simulate(shop, crowd, seconds=5, seed=2)
    shares = []

    def interrupt(share):
        shares.append(share)
        if share > 0.05:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sd.simulate(shop, crowd, seconds=3_000, seed=2, on_progress=interrupt)
    assert 0.05 < shares[-1] < 0.95, "it must stop in the middle"
    assert_same(sd.simulate(shop, crowd, seconds=5, seed=2).records, before.records)


def test_progress_rises_to_the_end():
    shares = []
    sd.simulate(SERVER, sd.Clients(users=20_000), seconds=3_000, on_progress=shares.append)
    assert shares == sorted(shares) and len(shares) > 1 and shares[0] > 0 and shares[-1] <= 1


def test_parts_that_would_not_fit_are_refused(no_engine, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2**26)
    with pytest.raises(ValueError, match="9,001 components, .* must fit into memory"):
        sd.simulate(sd.LoadBalancer([SERVER] * 9_000), CROWD)
    with pytest.raises(ValueError, match="each of 10,000,000 objects, must fit into memory"):
        sd.simulate(sd.LoadBalancer([sd.Cache(DATABASE)] * 10), sd.Clients(users=1, objects=10_000_000))


def test_memory_that_another_program_took_for_a_moment_refuses_nothing(monkeypatch):
    readings = itertools.chain([1_000], itertools.repeat(8 * 2**30))
    monkeypatch.setattr(memory, "free_memory", lambda: next(readings))
    assert len(sd.simulate(SERVER, CROWD, seconds=1).requests) > 0


def test_what_is_pending_may_not_outgrow_memory(monkeypatch):
    """It cannot be known before the run, so it ends the run with words, and the next run works."""
    endless = sd.Database(connections=1, query_ms=3_600_000)
    with monkeypatch.context() as little:
        little.setattr(memory, "free_memory", lambda: 3_000_000)
        with pytest.raises(MemoryError, match="simulated seconds too much is pending: 4 MB more are needed"):
            sd.simulate(endless, sd.Clients(users=10_000), seconds=20)
    assert len(sd.simulate(endless, sd.Clients(users=10_000), seconds=20).requests) > 10_000


@pytest.mark.parametrize("wrong, message", [
    (lambda: sd.Clients(users=10**5000), "a number of thousands of digits"),
    (lambda: sd.Clients(users=1, profile=np.array(5)), "profile must be a list"),
    (lambda: sd.Clients(users=1, profile=[(0, 10**400)]), "profile must be a list"),
    (lambda: sd.Server(cpus=1, ram_gb=1, down=[(0, 10**400)]), "down must be a list"),
    (lambda: sd.Server(cpus=1, ram_gb=1, calls=[DATABASE] * 1_009), "calls must be a list of at most 1,008"),
    (lambda: sd.LoadBalancer([sd.Server(cpus=100_000, ram_gb=1000)] * 22_000, policy="pooled_queue"), "2,147,483,647"),
    (lambda: sd.sweep(build, {"users": np.array(5)}), "grid must be a dict"),
    (lambda: sd.sweep(lambda: (SERVER, CROWD), {}, measure=lambda run: 5), "must return a dict"),
    (lambda: sd.simulate(deep(150), CROWD), "it must be at most 100")])
def test_no_traceback_from_inside(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def deep(count):
    part = DATABASE
    for _ in range(count):
        part = sd.Cache(part)
    return part


def test_a_name_that_somebody_gave_is_not_given_again():
    shop = sd.Server(cpus=1, ram_gb=1, name="database 1", calls=[sd.Database(), sd.Database()])
    run = sd.simulate(shop, CROWD, seconds=5)
    assert list(run.stations.index) == ["database 1", "database 2", "database 3"]
    assert set(run.requests["served_by"]) == {"database 1"}
