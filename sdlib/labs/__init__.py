"""Real software on 127.0.0.1, beside the simulation: start it, load it, watch it, and leave nothing behind."""

from importlib import import_module

from sdlib.whole import whole

_LABS = ("background_worker", "balanced", "bigger_machine", "distance", "edge", "fan_out", "gateway_checks",
         "hockey_stick", "layers", "one_of_five", "one_server", "planned_restart", "proxy_cache", "queue",
         "redis_cache", "slow_service", "sync_mail", "three_queues")
_HOMES = dict.fromkeys(_LABS, "lessons") | {
    "check": "inventory", "ready": "inventory", "LabResult": "result", "LabError": "faults", "LoadResult": "web",
    "WebServer": "web", "web_server": "web"}
__all__ = sorted(_HOMES)


def __getattr__(name):
    """Import on first use: the servers start as modules of this package, and must not wait for pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with whole():
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
