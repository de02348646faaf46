"""A study whose reward is a vector: what is evaluated, what is refused before training, and a whole run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autorl.errors import InvalidInput
from autorl.objective import EvaluationSettings, Group, Objective
from autorl.records import Agent
from autorl.simplex import lattice_at_least, simplex_weights
from autorl.study import Study
from autorl.study.planning import plan_study

VIEW = {"id": "deep-sea-treasure-v0", "wrappers": [{"name": "LinearReward", "kwargs": {"weight": [0.5, 0.5]}}]}
BASE: dict[str, object] = {
    "name": "diving",
    "algorithm": "tests.population.weighted_toys:Diving",
    "environment": "deep-sea-treasure-v0",
    "objectives": [{"hypervolume": {"reference_point": [0, -50]}}],
    "budget": {"trials": 4, "env_steps": 400},
    "seeds": {"tuning": 2, "test": 2},
    "evaluation": {"discount": 0.99, "checkpoints": 2, "episodes": 2, "curve_episodes": 1, "weights": 10},
    "tuner": "random",
}
PPO = {"algorithm": "ppo", "fixed": {"n_steps": 32, "batch_size": 32}, "space": {"learning_rate": {"float": [1e-4, 1]}}}


def study(**changes: object) -> Study:
    return Study.load({**BASE, **changes})


def evaluation(weights: object) -> dict[str, object]:
    return {"discount": 0.99, "checkpoints": 2, "weights": weights}


def test_the_plan_counts_an_evaluation_for_every_vector() -> None:
    tuning = plan_study(study().resolved).phases[0]
    assert tuning.evaluation_steps == 4 * 2 * 10 * (1 + 2) * 100  # trials, seeds, vectors, episodes, longest


class TestWeights:
    def test_a_number_of_vectors(self) -> None:
        np.testing.assert_array_equal(study().resolved.weights, simplex_weights(10, 2))
        np.testing.assert_array_equal(study(evaluation=evaluation("1e1")).resolved.weights, simplex_weights(10, 2))

    def test_the_smallest_lattice_of_at_least_20_if_nothing_is_said(self) -> None:
        np.testing.assert_array_equal(study(evaluation=evaluation(None)).resolved.weights, lattice_at_least(20, 2))

    def test_the_vectors_themselves(self) -> None:
        found = study(evaluation=evaluation([[1, 3], [1, 0]]))
        assert found.resolved.weights == ((0.25, 0.75), (1.0, 0.0))
        assert Study.load(found.description.resolved()).resolved.weights == found.resolved.weights

    @pytest.mark.parametrize(
        "weights, message",
        [
            ([[0.5, -0.5]], r"study: evaluation.weights\[0\]: -0.5 in .* is negative"),
            ([[0.5, 0.5], [0.5, float("nan")]], r"weights\[1\]: nan in .* is no finite number"),
            ([[1, 1, 1]], "evaluation.weights: .* has 3 numbers for a reward of 2"),
            (1, "evaluation.weights: 1 weight vectors for 2 rewards"),
            (0, "evaluation.weights: 0 weight vectors"),
            (2.5, "evaluation.weights: 2.5 is neither a number"),
            (True, "evaluation.weights: True is neither"),
            ({"a": 1}, "is neither a number of weight vectors nor a list"),
        ],
    )
    def test_wrong_ones_are_refused(self, weights: object, message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            _ = study(evaluation=evaluation(weights)).resolved

    def test_a_scalar_reward_has_none(self) -> None:
        with pytest.raises(InvalidInput, match=r"evaluation\.weights: 10 given, but the environment's reward is one"):
            _ = study(**PPO, environment=VIEW, objectives=["return"]).resolved


class TestRefusalsBeforeTraining:
    @pytest.mark.parametrize(
        "changes, message",
        [
            (PPO, r"study: algorithm: PPO maximises one reward, not a vector of 2; .* LinearReward"),
            ({"environment": VIEW}, "study: algorithm: Diving trades several rewards off"),
            ({"environment": "CartPole-v1"}, "study: algorithm: Diving trades several rewards off"),
            ({"objectives": ["return"]}, r"study: objectives\[0\]: metric 'return' measures the return of one reward"),
            (
                {**PPO, "environment": VIEW, "evaluation": {}},
                r"objectives\[0\]: metric 'hypervolume.* measures what a front of several rewards",
            ),
            (
                {"objectives": [{"hypervolume": {"reference_point": [0, -50, 1]}}]},
                r"objectives\[0\]: .* has 3 numbers",
            ),
            (
                {"objectives": ["cardinality", {"hypervolume": {"reference_point": [2, -50]}}]},
                r"objectives\[1\]: .* must be dominated by every point",
            ),
            (
                {"constraints": [{"igd": {"front": [[1, 2, 3]]}, "at_most": 1}]},
                r"constraints\[0\]: .* points of 3 numbers for a reward of 2",
            ),
        ],
    )
    def test_what_does_not_fit(self, changes: dict[str, object], message: str) -> None:
        with pytest.raises(InvalidInput, match=message):
            _ = study(**changes).resolved

    def test_what_misleads_alone_is_said(self) -> None:
        (warning,) = study(objectives=["sparsity"]).resolved.warnings
        assert warning == "objectives: 'sparsity' alone misleads: a front of a single point has the best value, 0"
        assert study(objectives=["sparsity", "cardinality"]).resolved.warnings == ()

    def test_a_scalarised_view_is_taken(self) -> None:
        assert study(**PPO, environment=VIEW, objectives=["return"], evaluation={}).resolved.weights == ()


def objective(weights: tuple[tuple[float, ...], ...], discount: float = 0.99) -> Objective:
    found = study().resolved
    settings = EvaluationSettings(3, 1, discount, weights)
    return Objective(found.algorithm, found.environment, 400, (400,), (200, 400), settings, "stamp")


class TestEvaluation:
    def test_every_policy_is_evaluated_and_its_steps_are_counted(self) -> None:
        agent = Agent({"reach": 9.0}, 3)
        ((segment,),) = objective(((1.0, 0.0), (0.0, 1.0))).train(Group((agent,), 0, 400))
        first, last = segment.evaluations
        assert (first.returns.shape, last.returns.shape) == ((2, 1, 2), (2, 3, 2))
        np.testing.assert_allclose(last.returns[1], [[0.7, -1]] * 3, rtol=1e-6)
        assert last.env_steps == 3 * (19 + 1)

    def test_keys_depend_on_the_vectors(self) -> None:
        """Training does not, and without vectors nothing is added to a key."""
        keys = {
            vectors: objective(vectors).evaluation_keys("segment", 0, 400)
            for vectors in ((), ((1.0, 0.0),), ((0.5, 0.5),), ((1.0, 0.0), (0.5, 0.5)))
        }
        assert len(set(keys.values())) == 4
        agent = Agent({"reach": 9.0}, 3)
        assert objective(()).chain(agent, 400) == objective(((1.0, 0.0),)).chain(agent, 400)


def test_a_whole_study(tmp_path: Path) -> None:
    result = study().run(tmp_path / "run", jobs=1)
    assert result.best is not None
    (label,) = [criterion.label for criterion in result.study.criteria]
    assert result.best.member.test[label].mean == pytest.approx(854.8504, abs=1e-4)
    tested = {name.partition("(")[0]: estimate.mean for name, estimate in result.best.member.test.items()}
    assert {"cardinality", "expected_utility", "igd", "igd_plus", "epsilon", "max_utility_loss"} <= set(tested)
    shares = [estimate.mean for name, estimate in result.best.member.test.items() if name.startswith("hypervolume_sh")]
    assert shares == pytest.approx([1.0, 1.0])  # from zero, and from what doing nothing gives
    assert "return" not in result.best.member.test
    (trial, *_) = result.trials
    assert [run.final.shape for run in trial.runs] == [(10, 2, 2)] * 2
    assert [run.curve.shape for run in trial.runs] == [(2, 10, 1, 2)] * 2
    policy = result.best.policy()
    assert int(policy(np.array([0, 0]), policy=0)) == 1, "no weight on treasure: down at once"
    assert int(policy(np.array([0, 0]), policy=9)) == 3, "all weight on treasure: out to the far end"
