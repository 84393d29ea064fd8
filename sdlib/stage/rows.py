"""Where the stage gets its events from: the one place that asks the engine for a trace."""

from sdlib.stage import codes


def rows_of(run, until_s):
    """TRACE rows of a run from 0 to until_s, in the order in which things happened."""
    from sdlib.results import trace_rows
    rows = trace_rows.rows_of(run, until_s)
    return rows if rows.dtype == codes.TRACE else rows.astype(codes.TRACE)
