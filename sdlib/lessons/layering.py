"""What stands in front of a service's machines: balancers on machines of their own, and a list of their addresses."""

from sdlib.components.load_balancer import LoadBalancer
from sdlib.components.server import Server

WORK_MS, CORES = 0.1, 2  # of a balancer's machine
MACHINE_CHECK_S = 5.0
CONNECTION_MB = 0.1      # what it keeps of a request that is under way


def in_front(name, machine, machines, *, balancers, policy, check_s, tries, machine_tries=1):
    """A service behind its own balancers: who calls it has their addresses, and each of them knows all machines.

    check_s, tries: how often a caller looks at each balancer, and at how many it tries a request. One that failed rests
    until the next look. machine_tries: at how many machines a balancer tries a request; with more than one, a machine
    that failed rests until the next look, too.
    """
    group = LoadBalancer([machine] * machines, policy=policy, health_check_s=MACHINE_CHECK_S,
                         max_fails=1 if machine_tries > 1 else None, fail_timeout_s=MACHINE_CHECK_S,
                         tries=machine_tries, is_list=True, name=f"{name} machines")
    balancer = Server(CORES, 4, WORK_MS, memory_mb=CONNECTION_MB, distribution="constant", calls=[group],
                      name=f"{name} balancer")
    return balancer if balancers == 1 else LoadBalancer(
        [balancer] * balancers, health_check_s=check_s, max_fails=1, fail_timeout_s=check_s, tries=tries,
        is_list=True, name=f"{name} addresses")
