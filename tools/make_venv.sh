#!/bin/sh
# Usage: [PYTHON=...] make_venv.sh FOLDER EXTRA... Finds a Python, and lets set_up.py make FOLDER ready with it.
set -eu

works() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if [ -n "${PYTHON:-}" ]; then
    works "$PYTHON" || { echo "PYTHON=$PYTHON is not a Python 3.11 or newer." >&2; exit 1; }
else
    for PYTHON in python3.11 python3.12 python3.13 python3 python "$1/bin/python" none; do
        if works "$PYTHON"; then break; fi
    done
fi
if [ "$PYTHON" = none ]; then
    echo "No Python 3.11 or newer was found. Install one, or name it: make lab PYTHON=/path/to/python3" >&2
    exit 1
fi
exec "$PYTHON" "$(dirname "$0")/set_up.py" "$@"
