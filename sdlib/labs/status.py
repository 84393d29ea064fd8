"""A line that says what a lab is doing: a widget in a notebook, nothing elsewhere, never compared output."""

import time

from sdlib.whole import whole


class StatusLine:
    """Use as `with StatusLine("what runs") as status:` and call `status.show("what it does")`."""

    def __init__(self, what):
        self._what, self._label, self._began = what, None, time.monotonic()

    def __enter__(self):
        if _in_notebook():
            self._label = _label(f"{self._what}: starting")
        return self

    def __exit__(self, kind, error, trace):
        self.show("stopped" if kind else "done, and cleaned up")

    def show(self, doing):
        """Replace the line by this text and the seconds since the start."""
        if self._label is not None:
            self._label.value = f"{self._what}: {doing} ({time.monotonic() - self._began:.0f} s)"


def _in_notebook():
    from IPython import get_ipython
    return hasattr(get_ipython(), "kernel")


def _label(text):
    with whole():
        import ipywidgets
        from IPython.display import display

    class Line(ipywidgets.Label):
        def _repr_mimebundle_(self, **options):
            return {**super()._repr_mimebundle_(**options), "text/plain": "(status of the lab while it runs)"}

    label = Line(value=text)
    display(label)
    return label
