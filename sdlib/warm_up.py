"""Load beforehand what a lesson uses: `sd.ready()` in a notebook, `python -m sdlib.warm_up` after an installation."""

import time
from importlib import import_module

from sdlib.teach.view import WIDGET_MIME, in_notebook, widgets
from sdlib.whole import whole


def ready():
    """Load all that a lesson uses: the event machine, tables, charts, panel and labs. Says "ready".

    While it works, a line says how far it is; nothing of it is saved. It can be interrupted, and run again: what was
    loaded stays loaded. Compiling the machine (20 to 60 s, once after an installation) cannot be interrupted.
    """
    say = _line() if in_notebook() else None
    for number, (what, load) in enumerate(_STEPS.items(), start=1):
        if say:
            say(f"getting ready: {what} ({number} of {len(_STEPS)})")
        with whole():
            load()
    say("ready") if say else print("ready")


def _line():
    """A line below the cell, saved as the text "ready"; returns the function that changes it meanwhile."""
    from IPython.display import display
    label = widgets().Label("getting ready")
    display({"text/plain": "ready", WIDGET_MIME: label._repr_mimebundle_()[WIDGET_MIME]}, raw=True)
    return lambda text: setattr(label, "value", text)


def _machine():
    import sdlib as sd
    shop = sd.LoadBalancer([sd.Server(cpus=4, ram_gb=4, calls=[sd.Cache(sd.Database())])])
    sd.simulate(shop, sd.Clients(users=100), seconds=1).trace(0)  # traced, it is another machine


def _tables():
    import pandas as pd
    pd.DataFrame({"ready": [True]})._repr_html_()


def _charts():
    import sdlib as sd
    sd.charts.diagram(sd.Database())._repr_mimebundle_()
    if in_notebook():
        import_module("sdlib.charts.picture").dress_the_page()


def _panel():
    for name in ("explore", "both", "predict", "exercise", "quiz", "goals", "progress", "calibration"):
        import_module(f"sdlib.teach.{name}")


def _labs():
    lab = import_module("sdlib.labs")
    for name in lab.__all__:
        getattr(lab, name)


_STEPS = {"tables": _tables, "the simulation": _machine, "charts": _charts, "the panel": _panel, "the labs": _labs}


def main():
    """Simulate one small system with and without a trace, which compiles both machines or loads them from the cache."""
    begin = time.perf_counter()
    _machine()
    print(f"The event machine is ready ({time.perf_counter() - begin:.1f} s).")


if __name__ == "__main__":
    main()
