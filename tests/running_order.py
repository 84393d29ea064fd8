"""What takes longest begins first: two workers that begin a long file last wait for it, one of them idle.

The browser comes before all: its lessons are handed out one by one, and each worker starts JupyterLab and Chromium
once.
"""

from xdist.scheduler import LoadFileScheduling

ONE_BY_ONE = "tests/browser/test_lessons_in_browser.py"
FIRST = (ONE_BY_ONE, "tests/browser/", "notebooks/", "tests/labs/", "tests/test_bench.py",
         "tests/test_notebooks_build.py", "tests/engine/", "tests/test_lesson_")


def place(nodeid):
    """The smaller, the earlier. Tests of one file have the same, and keep their order."""
    return next((rank for rank, start in enumerate(FIRST) if nodeid.startswith(start)), len(FIRST))


class LongestFirst(LoadFileScheduling):
    """xdist's loadfile, with each lesson in the browser as a file of its own."""

    def _split_scope(self, nodeid):
        return nodeid if nodeid.startswith(ONE_BY_ONE) else super()._split_scope(nodeid)
