"""Makes the contract's own modules importable, as a user's modules are, in this process and its children."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
