"""Where CI=true, a skipped test is a failure: nobody would notice that Chromium, NGINX or Redis is missing."""

import os

ON_CI = os.environ.get("CI", "").lower() == "true"


def fail_if_skipped(report, on_ci=ON_CI):
    """The report; a skip (not an expected failure) becomes a failure where CI=true."""
    if on_ci and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, and nothing may be skipped where CI=true: {reason}"
    return report
