"""A line that says how far a cell is: a widget in a notebook, nothing elsewhere, never compared output."""

import time

from sdlib.whole import whole


class StatusLine:
    """Use as `with StatusLine("what runs") as status:` and call `status.show("what it does")`.

    saved: the text that a notebook keeps of it. ends: what it says when all went well.
    """

    def __init__(self, what, saved="(status of the lab while it runs)", ends="done, and cleaned up"):
        self._what, self._label, self._began = what, None, time.monotonic()
        self._saved, self._ends = saved, ends

    def __enter__(self):
        if _in_notebook():
            self._label = _label(f"{self._what}: starting", self._saved)
        return self

    def __exit__(self, kind, error, trace):
        self.show("stopped" if kind else self._ends)

    def show(self, doing):
        """Replace the line by this text and the seconds since the start."""
        if self._label is not None:
            self._label.value = f"{self._what}: {doing} ({time.monotonic() - self._began:.0f} s)"


def _in_notebook():
    from IPython import get_ipython
    return hasattr(get_ipython(), "kernel")


def _label(text, saved):
    with whole():
        import ipywidgets
        from IPython.display import display

    class Line(ipywidgets.Label):
        def _repr_mimebundle_(self, **options):
            return {**super()._repr_mimebundle_(**options), "text/plain": saved}

    label = Line(value=text)
    display(label)
    return label
