"""What predictions and goals read off a run."""


def figure(run, name):
    """One number of a run's summary."""
    return run.summary()[name].iloc[0]


def band(value, edges):
    """How many of the ascending edges lie below the value: which choice of a prediction it belongs to."""
    return sum(value > edge for edge in edges)
