"""Skips, and the order of the tests.

On a learner's machine a test skips when Chromium, NGINX or Redis is missing. Where CI=true, a skipped test fails.
"""

import pytest
from running_order import LongestFirst, place
from skips import fail_if_skipped


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return fail_if_skipped((yield))


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False    # xdist's own order is that of the number of tests
    return LongestFirst(config, log)
