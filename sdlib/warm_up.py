"""`python -m sdlib.warm_up`: compile the event machine once, so that the first lesson starts at once."""

import time

import sdlib as sd


def main():
    """Simulate one small system, which compiles all of the machine or loads it from the cache."""
    begin = time.perf_counter()
    shop = sd.LoadBalancer([sd.Server(cpus=4, ram_gb=4, calls=[sd.Cache(sd.Database())])])
    sd.simulate(shop, sd.Clients(users=100), seconds=1)
    print(f"The event machine is ready ({time.perf_counter() - begin:.1f} s).")


if __name__ == "__main__":
    main()
