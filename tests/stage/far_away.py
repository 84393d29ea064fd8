"""A toy with places on the earth: three edges, and the shop behind them in Mumbai. The browser test runs it, too."""

from dataclasses import dataclass

import sdlib as sd
from sdlib.components.base import Component
from sdlib.components.checks import knob
from sdlib.kernel.statuses import OK


@dataclass(frozen=True, eq=False)
class Far(Component):
    """Somewhere on the earth: so long there, then what stands behind, then as long back."""

    target: Component = knob(None, doc="what stands behind", kind="component", optional=True)
    place: tuple = knob(None, doc="longitude and latitude", kind="other", optional=True)
    one_way_ms: float = knob(50.0, doc="network time there", unit="ms", low=0.0, high=10_000)

    def behind(self):
        return () if self.target is None else (self.target,)

    def process(self, here, request):
        yield here.work(request, self.one_way_ms)
        status = OK
        if self.target is not None:
            status = yield from here.call(request)
        yield here.work(request, self.one_way_ms)
        return status

    def program(self, write):
        write.work(self.one_way_ms)
        if self.target is not None:
            write.call()
        write.work(self.one_way_ms)
        write.back(OK)


MUMBAI, FRANKFURT, VIRGINIA, SAO_PAULO = (72.9, 19.1), (8.7, 50.1), (-77.5, 38.9), (-46.6, -23.5)


def far_run(users=20_000, seconds=4, seed=1):
    shop = sd.Server(cpus=16, ram_gb=16, calls=[sd.Database()], name="shop")
    origin = Far(shop, MUMBAI, 60.0, name="Mumbai")
    edges = [Far(origin, place, 5.0, name=name) for name, place in
             (("Frankfurt", FRANKFURT), ("Virginia", VIRGINIA), ("Sao Paulo", SAO_PAULO))]
    crowd = sd.Clients(users=users, countries={"DE": 0.4, "US": 0.3, "BR": 0.2, "NG": 0.1})
    return sd.simulate(sd.LoadBalancer(edges, policy="random"), crowd, seconds=seconds, seed=seed)
