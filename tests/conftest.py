"""One thread a process, as workers have: test processes side by side would only stand in each other's way.

Studies that these tests train in their own process took more than twice as long otherwise.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # read when the libraries are loaded, which no plugin of pytest's does
