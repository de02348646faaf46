"""Bundled schedules on agents that go on from saved states: stopped between any two groups, and with any jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.study import Progress, Study
from autorl.study.planning import plan_study
from tests.study.comparing import numbers
from tests.study.test_promotion import PPO

HALVING = {"name": "halving", "configurations": 4, "eta": 2, "min_env_steps": 128, "seeds": [1, 1, 2]}
SCHEDULES: dict[str, dict[str, Any]] = {
    "racing": {"name": "racing", "first_seeds": 1},
    "halving": HALVING,
    "rolling_halving": {"name": "rolling_halving", "eta": 2, "min_env_steps": 128},
    "hyperband": {"name": "hyperband", "eta": 2, "min_env_steps": 128},
}


class Stop(Exception):
    pass


def content(schedule: dict[str, Any]) -> dict[str, Any]:
    environment = {"id": "CartPole-v1", "max_episode_steps": 20}
    return {**PPO, "environment": environment, "budget": {"trials": 7, "env_steps": 512}, "schedule": schedule}


@pytest.mark.parametrize("name", SCHEDULES)
def test_stopped_anywhere_it_ends_the_same_with_any_jobs(tmp_path: Path, name: str) -> None:
    groups: list[Progress] = []
    Study.load(content(SCHEDULES[name])).run(tmp_path / "whole", on_progress=groups.append)
    tuning = sum(one.phase == "tuning" for one in groups)
    assert tuning > 2
    for stopped in (1, tuning // 2):
        left = [stopped]

        def stop(progress: Progress, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise Stop

        where = tmp_path / str(stopped)
        with pytest.raises(Stop):
            Study.load(content(SCHEDULES[name])).run(where, on_progress=stop)
        Study.load(content(SCHEDULES[name])).run(where, jobs=3)
        assert numbers(where) == numbers(tmp_path / "whole")


def test_states_of_who_was_passed_over_go_when_the_next_rung_begins(tmp_path: Path) -> None:
    seen: list[int] = []

    def count(progress: Progress) -> None:
        if progress.phase == "tuning":
            seen.append(len(list((tmp_path / "checkpoints").glob("*.safetensors"))))

    made = Study.load({**content(HALVING), "budget": {"trials": 4, "env_steps": 512}})
    made.run(tmp_path, on_progress=count)
    assert max(seen) == 4, "all of the first rung"
    # Two go on; of them one trains to the end, from its states on one seed, while nobody else has any.
    assert seen[-1] <= 1
    plan = plan_study(made.resolved)
    assert plan.disk_bytes is not None
    assert made.resolved.memory_bytes is not None
    assert max(seen) * made.resolved.memory_bytes <= plan.disk_bytes
