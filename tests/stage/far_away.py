"""Places on the earth: lines to three regions, and the shop behind them in Mumbai. The browser test runs it, too."""

import sdlib as sd
from sdlib.components.region import Line

MUMBAI, FRANKFURT, VIRGINIA, SAO_PAULO = "ap-south-1", "eu-central-1", "us-east-1", "sa-east-1"


def far_run(users=20_000, seconds=4, seed=1):
    shop = sd.Server(cpus=16, ram_gb=16, calls=[sd.Database()], name="shop")
    origin = Line(shop, 120.0, MUMBAI, name="Mumbai")
    edges = [Line(origin, 10.0, home, name=name) for home, name in
             ((FRANKFURT, "Frankfurt"), (VIRGINIA, "Virginia"), (SAO_PAULO, "São Paulo"))]
    crowd = sd.Clients(users=users, countries={"DE": 0.4, "US": 0.3, "BR": 0.2, "NG": 0.1})
    return sd.simulate(sd.LoadBalancer(edges, policy="random"), crowd, seconds=seconds, seed=seed)
