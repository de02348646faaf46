"""What is loaded when little is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "optuna", "smac", "pymoo", "stable_baselines3", "envpool", "matplotlib", "plotly", "pandas"}
HELP = """
import sys
sys.argv = ["autorl", "--help"]
from autorl.cli import main
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
"""


def loaded(code: str) -> set[str]:
    """The heavy libraries a fresh process has loaded after some code."""
    report = "\nimport sys\nsys.stderr.write('loaded:' + ' '.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return HEAVY & set(run.stderr.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("code", ["import autorl", "import autorl; dir(autorl)", HELP], ids=["import", "dir", "help"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded(code) == set()


def test_a_search_space_needs_no_library_that_trains_or_tunes() -> None:
    assert loaded("import autorl; autorl.SearchSpace") == set()


def test_negative_control() -> None:
    assert "pandas" in loaded("import pandas")
