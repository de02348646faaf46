"""Makes `toy_environments` importable by its bare name, as a user's own module is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import toy_environments  # type: ignore[import-not-found]  # noqa: F401  # by its bare name; registers environments
