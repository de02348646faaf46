"""The study of `study_peer`, as one writes it with this package; `benchmarks.study` runs and times it.

It is told the same JSON and prints the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import autorl


def main(told: Mapping[str, Any]) -> None:
    """Runs the study and prints the winner's returns on the test seeds."""
    with tempfile.TemporaryDirectory() as folder:
        result = autorl.tune(
            "ppo", told["environment"], trials=told["trials"], env_steps=told["env_steps"], tuner="tpe",
            tuner_seed=told["seed"], tuning_seeds=told["tuning_seeds"], test_seeds=told["test_seeds"],
            evaluation={"episodes": told["episodes"], "checkpoints": 2, "curve_episodes": 1}, jobs=told["processes"],
            out=Path(folder) / "run",
        )  # fmt: skip
        best = result.best
        assert best is not None  # the default configuration learns
        print(json.dumps({"test": best.test["return"].per_seed, "tuning": best.tuning["return"].mean}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
