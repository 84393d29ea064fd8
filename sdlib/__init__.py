"""A small library behind a course on system design; everything public is a name of this module."""

from importlib import import_module

from sdlib.whole import whole

_HOMES = {
    "sdlib.components.cache": ["Cache"],
    "sdlib.components.cdn": ["CDN"],
    "sdlib.components.clients": ["Clients", "spike"],
    "sdlib.components.database": ["Database"],
    "sdlib.components.gateway": ["Gateway"],
    "sdlib.components.load_balancer": ["LoadBalancer"],
    "sdlib.components.providers": ["MailProvider", "SmsProvider", "WhatsAppProvider"],
    "sdlib.components.queue": ["Queue"],
    "sdlib.components.region": ["Region"],
    "sdlib.components.reverse_proxy": ["ReverseProxy"],
    "sdlib.components.server": ["Server"],
    "sdlib.components.service": ["Service"],
    "sdlib.components.topic": ["Subscription", "Topic"],
    "sdlib.components.worker": ["Worker"],
    "sdlib.components.calls": ["Call"],
    "sdlib.components.retry": ["Retry"],
    "sdlib.engine.schedule": ["at"],
    "sdlib.results.simulate": ["simulate"],
    "sdlib.results.run": ["Run"],
    "sdlib.results.experiments": ["compare", "replicate", "sweep"],
    "sdlib.results.certainty": ["batch_means"],
    "sdlib.results.bill": ["cost"],
    "sdlib.results.senders": ["senders"],
    "sdlib.charts.table": ["table"],
    "sdlib.lessons.checking": ["beside_formula"],
    "sdlib.lessons.contest": ["contest"],
    "sdlib.lessons.ledger": ["ledger"],
    "sdlib.lessons.oncall": ["incident"],
    "sdlib.lessons.shop": ["shop"],
    "sdlib.stage.widget": ["watch"],
    "sdlib.teach.calibration": ["calibration"],
    "sdlib.teach.both": ["explore_both"],
    "sdlib.teach.explore": ["explore"],
    "sdlib.teach.predict": ["predict"],
    "sdlib.teach.exercise": ["exercise"],
    "sdlib.teach.quiz": ["quiz"],
    "sdlib.teach.goals": ["goals"],
    "sdlib.teach.progress": ["progress"],
    "sdlib.warm_up": ["ready"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {"charts": "sdlib.charts", "data": "sdlib.data", "lab": "sdlib.labs", "theory": "sdlib.theory"}
__all__ = sorted([*_HOME_OF, *_MODULES])


def __getattr__(name):
    """Import what is used when it is used: a script that simulates does not wait for Plotly."""
    if name in _MODULES:
        with whole():
            return import_module(_MODULES[name])
    if name in _HOME_OF:
        with whole():
            return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"sdlib has no {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return __all__
