#!/bin/sh
# Usage: [PYTHON=...] make_venv.sh FOLDER. Makes a virtual environment there, unless a working one stands there.
set -eu
folder=$1

works() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if works "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    works "$PYTHON" || { echo "PYTHON=$PYTHON is not a Python 3.11 or newer." >&2; exit 1; }
else
    for PYTHON in python3.11 python3.12 python3.13 python3 python none; do
        if works "$PYTHON"; then break; fi
    done
fi
if [ "$PYTHON" = none ]; then
    echo "No Python 3.11 or newer was found. Install one, or name it: make lab PYTHON=/path/to/python3" >&2
    exit 1
fi

if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
    version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$PYTHON cannot make virtual environments. On Debian and Ubuntu: sudo apt install python$version-venv" >&2
    exit 1
fi
echo "Setting up $folder with $("$PYTHON" --version) (once; it takes a minute)"
"$PYTHON" -m venv --clear "$folder"
