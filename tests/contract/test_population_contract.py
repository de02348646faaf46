"""The contract of every population, over everything registered, with a deliberately broken one for each property.

Checks run in child processes started as workers are, since the matrix library reads its mode when it is loaded.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autorl.numerics import worker_environment
from tests.contract.contract_algorithms import DEFECTS, VARIANTS, references
from tests.contract.contract_checks import CHECKS, LONG_CHECKS

pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).parents[2]


@functools.cache
def child(*jobs: tuple[str, str], strict: bool = True, hash_seed: str = "0") -> list[dict[str, Any]]:
    """Runs (reference, check) pairs in one process; an entry each."""
    environment = {**os.environ, **worker_environment(), "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    if not strict:
        del environment["MKL_CBWR"]
    command = [sys.executable, "-m", "tests.contract.contract_child", json.dumps(jobs)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def jobs_of(reference: str) -> tuple[tuple[str, str], ...]:
    return tuple((reference, check) for check in [*CHECKS, "digest"])


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("reference", references())
def test_contract(reference: str, check: str) -> None:
    answers = child(*jobs_of(reference))
    failure = answers[list(CHECKS).index(check)]["failure"]
    assert failure is None, failure


VARIANT_CHECKS = ("company", "stop_and_continue", "divergence")


@pytest.mark.parametrize("check", VARIANT_CHECKS)
@pytest.mark.parametrize("reference", VARIANTS)
def test_contract_under_other_settings(reference: str, check: str) -> None:
    failure = child(*((reference, one) for one in VARIANT_CHECKS))[VARIANT_CHECKS.index(check)]["failure"]
    assert failure is None, failure


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("check", LONG_CHECKS)
@pytest.mark.parametrize("reference", references())
def test_contract_at_length(reference: str, check: str) -> None:
    (answer,) = child((reference, check))
    assert answer["failure"] is None, answer["failure"]


@pytest.mark.parametrize("reference", references())
def test_another_process_and_hash_seed_give_the_same_bits(reference: str) -> None:
    everybody = references()
    other = child(*((one, "digest") for one in everybody), hash_seed="123")[everybody.index(reference)]
    assert other["failure"] is None, other["failure"]
    assert other["answer"] == child(*jobs_of(reference))[-1]["answer"]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_broken_population_is_found_out(name: str) -> None:
    jobs = tuple((f"tests.contract.contract_algorithms:{broken}", check) for broken, check in DEFECTS.items())
    failure = child(*jobs)[list(DEFECTS).index(name)]["failure"]
    assert failure is not None
    assert "AssertionError" in failure


def test_without_the_strict_mode_company_changes_bits() -> None:
    (probe,) = child(("ppo", "products"), strict=False)
    assert probe["failure"] is None, probe["failure"]
    if not probe["answer"]:
        pytest.skip("this machine's products do not depend on company, strict or not")
    (control,) = child(("ppo", "company"), strict=False)
    assert control["failure"] is not None
    assert "differ in row" in control["failure"]
    (strict,) = child(("ppo", "products"))
    assert not strict["answer"], strict
