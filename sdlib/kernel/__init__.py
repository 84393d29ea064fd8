"""What both engines are made of; it knows no component."""

import os

# One cache for every node of a Binder cluster: without this Numba keys it by the exact CPU model. Measured: no slower.
# It stands here because Numba reads it once, when it is imported.
os.environ.setdefault("NUMBA_CPU_NAME", "generic")
