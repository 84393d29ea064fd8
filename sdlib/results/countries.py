"""What each country saw of a run."""

import numpy as np
import pandas as pd

from sdlib.kernel.statuses import IN_FLIGHT, OK


def country_table(run):
    """As `Run.by_country` says."""
    rows, codes = run.records.requests, run.requests["country"].cat.codes.to_numpy()
    latency_ms = 1000 * (rows["finished_s"] - rows["arrived_s"])
    return pd.DataFrame([{"country": country, **_seen(rows["status"][codes == place], latency_ms[codes == place])}
                         for place, (country, _) in enumerate(run.clients.countries)])


def _seen(status, latency_ms):
    answered, ended = latency_ms[status == OK], (status != IN_FLIGHT).sum()
    p50_ms, p95_ms = np.percentile(answered, (50, 95)) if len(answered) else (np.nan, np.nan)
    return {"requests": len(status), "answered_percent": 100 * len(answered) / ended if ended else np.nan,
            "p50_ms": p50_ms, "p95_ms": p95_ms}
