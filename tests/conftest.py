"""On a learner's machine a test skips when Chromium, NGINX or Redis is missing. Where CI=true, a skipped test fails."""

import pytest
from skips import fail_if_skipped


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return fail_if_skipped((yield))
