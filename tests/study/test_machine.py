"""What a machine must have before a study trains: the device, and memory for its largest group."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from autorl.cli.check import check
from autorl.errors import InvalidInput
from autorl.storage.truth import StoredStudy, Truth, database_url
from autorl.study import machine
from autorl.study.loading import dump_document, load_description
from autorl.study.machine import check_machine, machine_memory
from autorl.study.planning import plan_study
from autorl.study.resolved import ResolvedStudy, resolve
from autorl.study.running import _objectives, run_study

SMALL: dict[str, Any] = {
    "algorithm": "dqn",
    "environment": "CartPole-v1",
    "budget": {"trials": 2, "env_steps": 1000},
    "seeds": {"tuning": 2, "test": 3},
}


def study(**changes: object) -> ResolvedStudy:
    return resolve(load_description({**SMALL, **changes}))


def refusal(of: ResolvedStudy, jobs: int = 1) -> str:
    with pytest.raises(InvalidInput) as caught:
        check_machine(of, jobs)
    return str(caught.value)


def test_a_study_that_fits_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    one = study()
    needed = plan_study(one).memory_bytes
    assert needed is not None
    monkeypatch.setattr(machine, "machine_memory", lambda: needed)
    check_machine(one)
    check_machine(one, jobs=7)  # everybody fits into one group
    monkeypatch.setattr(machine, "machine_memory", lambda: None)
    check_machine(one)


def test_one_that_does_not_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    one = study(budget={"trials": 2, "env_steps": 10_000_000}, fixed={"buffer_size": 10_000_000})
    plan = plan_study(one)
    assert plan.memory_bytes is not None
    monkeypatch.setattr(machine, "machine_memory", lambda: plan.memory_bytes - 1)
    needed = plan.memory_bytes / 2**30
    assert needed > 1
    assert refusal(one) == (
        f"study: up to 9 agents train at the same time and need up to {needed:,.1f} GiB, and this machine has "
        f"{(plan.memory_bytes - 1) / 2**30:,.1f} GiB; lower buffer_size, batch, the number of seeds or of jobs"
    )


def test_workers_hold_a_group_each(monkeypatch: pytest.MonkeyPatch) -> None:
    one = study(budget={"trials": 2, "env_steps": 1_000_000}, seeds={"tuning": 2, "test": 50})
    alone, both = (plan_study(one, jobs) for jobs in (1, 2))
    assert (alone.group_agents, both.group_agents) == (
        64,
        128,
    )  # of 150: baseline, default and winner on the test seeds
    monkeypatch.setattr(machine, "machine_memory", lambda: alone.memory_bytes)
    check_machine(one)
    assert "up to 128 agents train at the same time" in refusal(one, jobs=2)


def test_check_and_run_refuse_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "machine_memory", lambda: 1000)
    one = study()
    with pytest.raises(InvalidInput, match="this machine has"):
        run_study(one, tmp_path / "run", jobs=1, on_progress=None, on_trial=None, accept_new_numerics=False)
    assert not (tmp_path / "run").exists()
    file = tmp_path / "small.yaml"
    file.write_text(dump_document(one.description.resolved()))
    with pytest.raises(InvalidInput, match=r"this machine has 0\.0 GiB"):
        check(str(file))


def test_a_capacity_beyond_the_env_steps_costs_nothing() -> None:
    both = [plan_study(study(fixed={"buffer_size": size})).memory_bytes for size in (1000, 1_000_000)]
    assert both[0] == both[1]


def test_the_machine_says_how_much_memory_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "CGROUP_LIMIT", limit)
    whole = machine_memory()
    assert whole is not None
    assert whole > 2**28
    for text, wanted in (("max\n", whole), ("4096\n", 4096)):
        limit.write_text(text)
        assert machine_memory() == wanted


def test_a_device_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert re.fullmatch(
        r"study: device: 'cuda:1' is not here \(torch \S+ finds 0 CUDA devices\); take cpu",
        refusal(study(device="cuda:1")),
    )


def test_a_device_trains_one_population_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "device_memory", lambda device, where: 2**40)
    one = study(device="cuda")
    check_machine(one)
    assert refusal(one, jobs=2).startswith("jobs: 2 with device: cuda")
    monkeypatch.setattr(machine, "device_memory", lambda device, where: 1000)
    assert "and device cuda has 0.0 GiB" in refusal(one)


def test_a_device_is_cpu_or_one_of_cudas() -> None:
    with pytest.raises(InvalidInput, match="'gpu' is neither cpu nor cuda nor such as cuda:1"):
        study(device="gpu")


def test_the_device_reaches_the_objective(tmp_path: Path) -> None:
    truth = Truth(database_url("sqlite", tmp_path), "small")
    for device in ("cpu", "cuda"):
        (objective,) = _objectives(study(device=device), StoredStudy({}, {}, 0.0), truth)
        assert objective.device == device
    truth.close()
