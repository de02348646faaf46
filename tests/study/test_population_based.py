"""Population based training in a study: copies go on from weights, the result is a schedule, and bits stay equal."""

from __future__ import annotations

import json
import shutil
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.execution import Done
from autorl.execution.local import Local
from autorl.objective import Group
from autorl.records import Agent, Trial
from autorl.study import Study
from autorl.study.progress import Progress
from autorl.study.result import Result
from autorl.study.running import open_result
from tests.study.comparing import numbers

PBT = {
    "name": "population",
    "algorithm": "ppo",
    "environment": {"id": "CartPole-v1", "max_episode_steps": 75},
    "space": {
        "learning_rate": {"float": [1e-4, 1e-1], "log": True, "default": 1e-3},
        "gamma": {"float": [0.9, 0.999], "reverse_log": True, "default": 0.99},
        "normalize_advantage": {"choice": [True, False], "default": True},
    },
    "fixed": {"n_envs": 2, "n_steps": 16, "batch_size": 32, "n_epochs": 2, "width": 8},
    "objectives": ["return"],
    "tuner": "random",
    "schedule": {"name": "pbt", "population": 4, "interval": 300, "quantile": 0.5},
    "budget": {"trials": 4, "env_steps": 1200},
    "seeds": {"tuning": 2, "test": 2},
    "evaluation": {"episodes": 3, "curve_episodes": 2, "checkpoints": 4},
}


def run(directory: Path, jobs: int = 1, **changes: Any) -> Result:
    return Study.load({**PBT, **changes}).run(directory, jobs=jobs)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, list[int]]:
    """A study, and how many states lay on the disk whenever a group was trained."""
    directory, seen = tmp_path_factory.mktemp("grown"), list[int]()

    def count(progress: Progress) -> None:
        if progress.phase == "tuning":
            seen.append(len(list((directory / "checkpoints").glob("*.safetensors"))))

    return Study.load(PBT).run(directory, on_progress=count), seen


@pytest.fixture(scope="module")
def grown(watched: tuple[Result, list[int]]) -> Result:
    return watched[0]


def winner(result: Result) -> Trial:
    assert result.best is not None
    return result.trials[result.best.trial or 0]


def test_the_winner_is_a_schedule_of_hyperparameters(grown: Result) -> None:
    trial = winner(grown)
    assert len(trial.schedule) > 1, "the study is made so that a copy wins"
    assert grown.best is not None
    assert list(grown.best.schedule) == list(trial.schedule)
    assert [begin for begin, _ in trial.schedule] == [0, *(stretch.until for stretch in trial.earlier)]
    assert dict(trial.schedule[-1][1]) == dict(grown.best.config)
    written = json.loads((grown.directory / "results.json").read_text("utf-8"))
    assert written["best"]["schedule"] == [
        {"from_env_steps": begin, "config": dict(settings)} for begin, settings in trial.schedule
    ]
    assert written["baseline"]["schedule"] == []


def test_the_winners_tuning_score_is_that_of_its_schedule_carried_out_from_zero(tmp_path: Path, grown: Result) -> None:
    trial, (objective,) = winner(grown), grown.objectives
    full, past = grown.study.full(trial.configuration), grown.study.past(trial.earlier)
    agents = tuple(Agent(full, seed, trial.lineage, past) for seed in grown.study.seeds.tuning)
    with Local(1, tmp_path) as executor:  # a worker, with the numerics of one, and without any state
        (done,) = executor.run(objective, deque([Group(agents, 0, objective.horizon)]), 600.0)
    assert isinstance(done, Done)
    for segments, run_ in zip(done.segments, trial.runs, strict=True):
        scores = [one.returns[:, :2].tolist() for segment in segments for one in segment.evaluations]
        assert scores == run_.curve.tolist()
        assert segments[-1].evaluations[-1].returns.tolist() == run_.final.tolist()


def test_every_copy_lived_as_the_one_it_copied_up_to_the_rung(grown: Result) -> None:
    copies = [trial for trial in grown.trials if trial.earlier]
    assert copies
    for trial in copies:
        until, first = trial.earlier[-1].until, trial.earlier[0].configuration
        source = next(one for one in grown.trials if one.number != trial.number and one.schedule[0][1] == first)
        place = next(place for place, mark in enumerate(trial.runs[0].checkpoints) if mark == trial.earlier[0].until)
        for own, other in zip(trial.runs, source.runs, strict=True):
            assert own.seed == other.seed
            assert own.curve[: place + 1].tolist() == other.curve[: place + 1].tolist()
        assert trial.lineage == f"{trial.number}@{until}"


def test_copies_are_charged_for_what_they_train_themselves(grown: Result) -> None:
    # 37 iterations of 32 steps fit below 1200; 4 members of 2 seeds.
    assert grown.content.phases["tuning"].training == 4 * 2 * 37 * 32


@pytest.mark.workers
@pytest.mark.parametrize(("kept", "jobs"), [(True, 2), (False, 1)], ids=["states", "no states"])
def test_a_study_killed_within_an_interval_ends_the_same_with_any_jobs(
    tmp_path: Path, grown: Result, kept: bool, jobs: int
) -> None:
    class Stop(Exception):
        pass

    groups = 0

    def stop(progress: Progress) -> None:
        nonlocal groups
        groups += 1
        if groups == 5:  # two groups an interval: in the middle of the third one
            raise Stop

    with pytest.raises(Stop):
        Study.load(PBT).run(tmp_path, jobs=2, on_progress=stop)
    if not kept:
        shutil.rmtree(tmp_path / "checkpoints")
    run(tmp_path, jobs)
    assert numbers(tmp_path) == numbers(grown.directory)


VARIANTS: dict[str, dict[str, Any]] = {
    "pb2": {"schedule": {"name": "pb2", "population": 4, "interval": 300, "quantile": 0.5}},
    "mo_pbt": {
        "schedule": {"name": "mo_pbt", "population": 4, "interval": 300},
        "objectives": ["return", "worst_return"],
        "space": {"learning_rate": {"float": [1e-4, 1e-1], "log": True, "default": 1e-3}},
    },
    "sac": {
        "algorithm": "sac",
        "environment": {"id": "Pendulum-v1", "max_episode_steps": 40},
        "space": {"ent_coef": {"choice": ["auto", 0.01, 0.2], "default": "auto"}},
        "fixed": {"learning_starts": 20, "batch_size": 16, "width": 8},
        "schedule": {"name": "pbt", "population": 4, "interval": 100, "quantile": 0.5},
        "budget": {"trials": 4, "env_steps": 300},
    },
}


@pytest.mark.parametrize("name", VARIANTS)
def test_other_populations_end_the_same_after_a_stop_without_states_and_live_as_their_replay(
    tmp_path: Path, name: str
) -> None:
    whole = run(tmp_path / "whole", **VARIANTS[name])
    assert any(trial.earlier for trial in whole.trials), "somebody copied"
    seen: list[Progress] = []

    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 2:  # in the second interval
            raise Stop

    with pytest.raises(Stop):
        Study.load({**PBT, **VARIANTS[name]}).run(tmp_path / "stopped", on_progress=stop)
    shutil.rmtree(tmp_path / "stopped" / "checkpoints")  # so that every past is lived through again
    run(tmp_path / "stopped", 3, **VARIANTS[name])
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "whole")


def test_disk_is_bounded_by_the_population(watched: tuple[Result, list[int]]) -> None:
    result, seen = watched
    assert len(seen) >= 4
    assert 4 * 2 <= max(seen) <= 2 * 4 * 2, "a rung's states and, while it is reached, those of the rung before"
    reported = [one for one in (result.baseline, result.default, result.best) if one is not None]
    assert len(list((result.directory / "checkpoints").iterdir())) <= 2 * len(reported)


def test_the_policy_is_that_of_the_schedule(tmp_path: Path, grown: Result) -> None:
    best = grown.best
    assert best is not None
    rule, (objective,) = grown.study.description.evaluation, grown.objectives
    for seed, tested in zip(grown.study.seeds.test, best.test["return"].per_seed, strict=True):
        policy = best.policy(seed)
        returns, _ = policy._population.evaluate(objective.environment, rule.episodes, rule.discount)
        assert float(returns.mean()) == tested
    bare = tmp_path / "bare"
    shutil.copytree(grown.directory, bare)
    shutil.rmtree(bare / "checkpoints")
    again = open_result(bare).best
    assert again is not None
    before = np.linspace(-0.1, 0.1, 40).reshape(10, 4)
    assert again.policy()(before).tolist() == best.policy()(before).tolist()


def test_members_that_diverge_are_replaced_and_never_win(tmp_path: Path) -> None:
    """A step size of 1e30 leaves no finite number behind."""
    space = {"learning_rate": {"choice": [1e30, 1e-3], "default": 1e30}}
    result = run(tmp_path, space=space, schedule={**PBT["schedule"], "resample": 0.0})  # type: ignore[dict-item]  # a mapping
    assert {trial.status.value for trial in result.trials} == {"complete"}
    assert result.trials[0].schedule == ((0, {"learning_rate": 1e-3}),), "of its own first interval nothing is left"
    assert result.trials[0].earlier
    assert winner(result).configuration["learning_rate"] == 1e-3
    assert result.default is None, "trial 0 is the default no more"
    assert result.baseline is not None


def test_two_objectives_are_trained_along_the_front(tmp_path: Path) -> None:
    schedule = {**PBT["schedule"], "name": "mo_pbt"}  # type: ignore[dict-item]  # a mapping
    result = run(tmp_path, objectives=["return", "return_std"], schedule=schedule)
    assert any(trial.earlier for trial in result.trials)
    assert result.front


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": "ppo", "fixed": {}}, r"schedule: .*'n_steps', 'batch_size' cannot change .*fixed: \{n_steps: 128"),
        ({"algorithm": "tests.study.toys:quick", "space": None, "fixed": {}}, "schedule: .*checkpoints 'none'"),
        ({"objectives": ["return", "auc"], "schedule": "pb2"}, "schedule: .*take 'mo_pbt'"),
        ({"budget": {"trials": 4, "env_steps": 1300}}, "interval: 300 divides budget.env_steps, 1300"),
    ],
)
def test_what_does_not_fit_is_refused_at_load(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        _ = Study.load({**PBT, **changes}).resolved
