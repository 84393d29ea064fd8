"""Run the labs with real software and save each run in data/recordings: python -m tools.record_labs [lab ...]"""

import sys

from sdlib.labs import lessons, recordings


def main(names=()):
    """Record the labs of these names, or all."""
    for name in names or recordings.LABS:
        lab, needs = getattr(lessons, name), recordings.LABS[name][1]
        missing = recordings.what_is_missing(needs)
        if missing:
            sys.exit(f"lab.{name} needs {missing}")
        recordings.save(name, lab())
        print(f"{name}: recorded", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
