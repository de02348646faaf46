"""A spy proves that no test seed is trained, nor a validation seed, before the tuning is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autorl.pareto import non_dominated
from autorl.records import Trial
from autorl.study import Study
from autorl.study.trainer import Trainer, Wanted
from tests.study.toys import study


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, ...], int]]:
    """Every request for training, as (phase, seeds, trials told by then)."""
    seen: list[tuple[str, tuple[int, ...], int]] = []
    train = Trainer.train

    def spy(self: Trainer, wanted: Any, *callbacks: Any) -> Any:
        seen.extend((one.phase, one.seeds, len(self.truth.tells())) for one in wanted if isinstance(one, Wanted))
        return train(self, wanted, *callbacks)

    monkeypatch.setattr(Trainer, "train", spy)
    return seen


def test_test_seeds_are_opened_after_the_last_trial_is_told(
    tmp_path: Path, spied: list[tuple[str, tuple[int, ...], int]]
) -> None:
    told: list[Trial] = []
    made = Study.load(study("quick", seeds={"tuning": [1, 2], "validation": [3, 4], "test": [5, 6]}, finalists=3))
    result = made.run(tmp_path, on_trial=told.append)
    assert [trial.number for trial in told] == list(range(8))
    first = next(index for index, (_, seeds, _) in enumerate(spied) if set(seeds) & {3, 4, 5, 6})
    assert all(seeds == (1, 2) for _, seeds, _ in spied[:first])
    assert all(count == 8 for _, _, count in spied[first:])
    validated = [seeds for phase, seeds, _ in spied if phase == "validation"]
    assert validated == [(3, 4)] * 3
    assert result.best is not None
    assert result.best.test["return"].n == 2
    # The validation's order decides among the finalists.
    finalists = [member.validation["return"].mean for member in result.content.finalists]
    assert finalists == sorted(finalists, reverse=True)
    assert result.content.finalists[0].trial == result.best.trial


def test_baseline_is_no_trial_and_charged_apart(tmp_path: Path) -> None:
    result = Study.load(study("quick", fixed={"y": "b"})).run(tmp_path)
    assert result.baseline is not None
    assert result.default is not None
    assert result.baseline.trial is None
    assert result.default.trial == 0
    assert result.baseline.full_config == {"x": 0.5, "y": "b"}
    phases = result.content.phases
    # Baseline and default are the same configuration here: what they share is charged once, to tuning.
    assert phases["tuning"].training == 8 * 2 * 1000
    assert phases["baseline"].training == 3 * 1000
    assert phases["test"].training == 3 * 1000


def test_with_several_objectives_the_front_is_of_the_validation_seeds(
    tmp_path: Path, spied: list[tuple[str, tuple[int, ...], int]]
) -> None:
    seeds = {"tuning": [1, 2], "validation": [3, 4, 5], "test": [6, 7]}
    content = study(
        "quick", objectives=["return", "worst_return"], seeds=seeds, budget={"trials": 12, "env_steps": 1000}
    )
    result = Study.load(content).run(tmp_path)
    finalists = result.content.finalists
    losses = [[-member.validation[name].mean for name in ("return", "worst_return")] for member in finalists]
    best = [member.trial for member, kept in zip(finalists, non_dominated(losses), strict=True) if kept]
    assert {member.trial for member in result.content.front} == set(best)
    assert [seeds for phase, seeds, _ in spied if phase == "validation"] == [(3, 4, 5)] * len(finalists)
