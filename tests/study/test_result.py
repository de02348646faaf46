"""What a result offers: configurations, frames, policies that act as they were trained."""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autorl.environment.evaluation import evaluate
from autorl.errors import InvalidInput
from autorl.metrics import criteria
from autorl.report import Member
from autorl.statistics import difference, estimate, iqm
from autorl.study import Result, Study
from autorl.study.reporting import _apart
from tests.study.toys import study

PPO: dict[str, Any] = {
    "space": {"learning_rate": {"float": [1e-4, 1e-2], "log": True, "default": 1e-3}},
    "fixed": {"n_envs": 2, "n_steps": 64, "batch_size": 64, "n_epochs": 2, "width": 8},
    "budget": {"trials": 3, "env_steps": 512},
    "evaluation": {"checkpoints": 2, "episodes": 4},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autorl.study.result.write_report", lambda content, directory: directory)
        return Study.load(study("quick", **PPO) | {"algorithm": "ppo"}).run(tmp_path_factory.mktemp("ppo"))


def test_a_policy_scores_what_its_run_scored(trained: Result) -> None:
    assert trained.best is not None
    per_seed = trained.best.test["return"].per_seed
    for seed, expected in zip(trained.study.seeds.test, per_seed, strict=True):
        policy = trained.best.policy(seed)

        def act(observations: Any, policy: Any = policy) -> Any:
            return policy(observations.reshape(-1, 4)).reshape(observations.shape[:3])

        returns, _ = evaluate(act, trained.study.environment, [seed], 4)
        assert returns.mean() == expected


def test_a_policy_whose_state_is_lost_is_trained_again(trained: Result) -> None:
    assert trained.best is not None
    before = trained.best.policy()
    for path in (trained.directory / "checkpoints").iterdir():
        path.unlink()
    again = trained.best.policy()
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert (before(observations) == again(observations)).all()


def test_a_policy_takes_one_observation_or_a_batch(trained: Result) -> None:
    assert trained.default is not None
    policy = trained.default.policy()
    assert policy(np.zeros(4)).shape == ()
    assert policy(np.zeros((3, 4))).shape == (3,)
    assert policy.predict(np.zeros(4))[1] is None
    with pytest.raises(InvalidInput, match=r"observation of shape \(5,\)"):
        policy(np.zeros(5))
    with pytest.raises(InvalidInput, match="deterministic=False"):
        policy.predict(np.zeros(4), deterministic=False)


def test_a_seed_that_was_not_tested_has_no_policy(trained: Result) -> None:
    assert trained.best is not None
    with pytest.raises(InvalidInput, match="seed 0 is no test seed"):
        trained.best.policy(0)


def test_an_algorithm_without_checkpoints_has_no_policy(tmp_path: Path) -> None:
    result = Study.load(study("quick")).run(tmp_path)
    assert result.best is not None
    with pytest.raises(InvalidInput, match="cannot be saved"):
        result.best.policy()


def test_only_states_of_what_is_reported_are_kept(tmp_path: Path) -> None:
    short = Study.load(study("quick", **PPO) | {"algorithm": "ppo"}).run(tmp_path)
    (tmp_path / "checkpoints" / "old.safetensors").write_bytes(b"of an earlier choice")
    Study.load(study("quick", **PPO) | {"algorithm": "ppo"}).run(tmp_path)
    reported = {str(one.full_config) for one in (short.baseline, short.default, short.best) if one is not None}
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3 * len(reported)


def test_a_frame_has_a_row_a_trial_and_the_result_a_short_name(trained: Result) -> None:
    frame = trained.to_frame()
    assert list(frame["trial"]) == [0, 1, 2]
    assert frame["status"].tolist() == ["complete"] * 3
    assert len(repr(trained)) < 200
    assert len(repr(trained.best)) < 200


def test_equal_configurations_are_two_trials_and_one_evaluation(tmp_path: Path) -> None:
    same = {"x": 0.5, "y": "a"}
    made = Study.load(study("quick", start_from=[same, same], budget={"trials": 3, "env_steps": 1000}))
    result = made.run(tmp_path)
    assert [trial.losses for trial in result.trials] == [result.trials[0].losses] * 3
    assert result.content.phases["tuning"].training == 2 * 1000


def test_what_was_chosen_is_compared_with_the_baseline_on_the_test_seeds(tmp_path: Path) -> None:
    made = Study.load(study("quick", start_from=[{"x": 0.2, "y": "b"}], budget={"trials": 2, "env_steps": 1000}))
    result = made.run(tmp_path)
    assert result.best is not None
    assert result.baseline is not None
    assert result.default is not None
    apart = result.best.minus_baseline["return"]
    assert apart.mean == pytest.approx(0.3**2 + 0.1)  # the default has x = 0.5 and y = "a"
    assert apart.n == (len(result.study.seeds.test),) * 2
    ours, theirs = (entry.test["return"].per_seed for entry in (result.best, result.baseline))
    assert apart == difference(ours, theirs, seed=result.study.description.tuner_seed)
    assert apart.low < apart.mean < apart.high
    assert not result.baseline.minus_baseline
    assert not result.default.minus_baseline  # it shares the baseline's runs
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["best"]["minus_baseline"]["return"]["mean"] == apart.mean


def test_an_aggregate_is_compared_as_itself(tmp_path: Path) -> None:
    content = study("quick", objectives=["return_iqm"], start_from=[{"x": 0.2, "y": "b"}])
    result = Study.load(content | {"budget": {"trials": 2, "env_steps": 1000}}).run(tmp_path)
    assert result.best is not None
    assert result.baseline is not None
    ours, theirs = (entry.test["return_iqm"].per_seed for entry in (result.best, result.baseline))
    wanted = difference(ours, theirs, iqm, seed=result.study.description.tuner_seed)
    assert result.best.minus_baseline["return_iqm"] == wanted
    assert "bootstrap" in wanted.method


def test_members_of_a_front_and_finalists_are_compared_too(tmp_path: Path) -> None:
    content = study("quick", objectives=["return", "return_std"], start_from=[{"x": 0.2, "y": "b"}])
    content |= {"seeds": {"tuning": 2, "validation": 2, "test": 3}, "budget": {"trials": 4, "env_steps": 1000}}
    result = Study.load(content).run(tmp_path)
    assert result.baseline is not None
    others = [entry for entry in result.front if entry.test["return"] != result.baseline.test["return"]]
    assert others
    for entry in others:
        assert entry.minus_baseline.keys() == entry.test.keys()
    compared = {member.trial for member in result.content.finalists if member.minus_baseline}
    assert compared == {entry.trial for entry in others}


def test_a_score_with_a_lost_run_is_not_compared() -> None:
    def member(*values: float, missing: tuple[int, ...] = ()) -> Member:
        one = estimate(values, statistics.fmean, is_mean=True, seed=0)
        return Member(1, {}, {}, {"return": one}, missing_test_seeds=missing)

    metrics = criteria(["return"])
    assert _apart(member(2.0, 3.0), member(1.0, 1.5), metrics, 0)["return"].mean == 1.25
    assert _apart(member(2.0, missing=(7,)), member(1.0, 1.5), metrics, 0) == {}
    assert _apart(member(2.0, 3.0), member(1.0, missing=(7,)), metrics, 0) == {}
    assert _apart(member(2.0, 3.0), member(2.0, 3.0), metrics, 0) == {}
    assert _apart(member(2.0, math.nan), member(2.0, math.nan), metrics, 0) == {}
