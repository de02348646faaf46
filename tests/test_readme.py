"""The README's Python blocks marked `<!-- runnable -->` run as scripts, with budgets cut to seconds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"<!-- runnable -->\n```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

SMALLER = (
    (r"(\"?)\btrials\1([=:] ?)\d+", r"\1trials\1\g<2>2"),
    (r"budget\.trials\": \d+", 'budget.trials": 2, "budget.env_steps": 2048, "seeds.test": 2'),
    (r"(\"?)\benv_steps\1([=:] ?)[\d_]+", r"\1env_steps\1\g<2>2048"),
    (r"tuning_seeds=\d+", "tuning_seeds=2"),
    (r"test_seeds=\d+", "test_seeds=2"),
)
"""Patterns of budgets, and what the test puts in their place."""


def smaller(block: str) -> str:
    for pattern, replacement in SMALLER:
        block = re.sub(pattern, replacement, block)
    return block


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 5
    assert all("import autorl" in block for block in BLOCKS)


def test_budgets_become_small() -> None:
    assert smaller("f(trials=16, env_steps=30_000, test_seeds=9)") == "f(trials=2, env_steps=2048, test_seeds=2)"
    assert smaller('{"trials": 8, "env_steps": 30_000}') == '{"trials": 2, "env_steps": 2048}'
    assert smaller("    while used < env_steps:") == "    while used < env_steps:"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_runs_as_a_script(number: int, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(smaller(BLOCKS[number]), encoding="utf-8")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
