"""A training loop behind the decorator: what it is given, when it is held, and what counts."""

# ruff: noqa: NPY002  # the process-wide generator is what is tested
from __future__ import annotations

import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autorl
from autorl.environment import Environment
from autorl.environment.evaluation import evaluate
from autorl.errors import InvalidInput, UnknownName
from autorl.population import OneAgentPopulation
from autorl.records import Agent
from tests.population import population_examples as examples

SPACE = {"learning_rate": {"float": [0.0, 1.0], "default": 0.5}}
Loop = Callable[[Any, Environment, int, int, Any], object]


def start(loop: Loop, environment: Environment, horizon: int = 100, **values: Any) -> OneAgentPopulation:
    made = autorl.algorithm(space=SPACE)(loop)
    return made.population([Agent({**made.defaults(), **values}, 7)], environment, horizon)


def pushing(environment: Environment, seed: int, action: int, episodes: int = 3) -> list[float]:
    """The returns of always pushing one way."""

    def act(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.full(observations.shape[:3], action)

    return [float(value) for value in evaluate(act, environment, [seed], episodes)[0].ravel()]


def test_the_space_gives_the_fields_and_their_defaults() -> None:
    made = examples.reporting
    assert made.defaults() == {"learning_rate": 1e-3, "steps_between_reports": 100}
    assert made.name == "reporting"
    assert made.summary == "Reports a policy every few steps and returns another."
    assert made.checkpoints == "none"
    assert not made.rounds_down
    assert made.static_names() == frozenset()
    configured: Any = made.configure({"learning_rate": 0.01})
    assert configured.learning_rate == 0.01
    with pytest.raises(UnknownName, match="did you mean 'learning_rate'"):
        made.configure({"learning_rat": 0.01})
    assert autorl.SearchSpace.load(made.default_space()).names == ("learning_rate", "steps_between_reports")


def test_the_loop_is_given_configuration_environment_seed_and_budget(cartpole: Environment) -> None:
    given: list[Any] = []

    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> float:
        given.extend([config, environment, seed, env_steps])
        return 1.0

    start(loop, cartpole, learning_rate=0.25).advance(100)
    config, *rest = given
    assert rest == [cartpole, 7, 100]
    assert (config.learning_rate, config["learning_rate"], dict(config)) == (0.25, 0.25, {"learning_rate": 0.25})
    assert pickle.loads(pickle.dumps(config)).learning_rate == 0.25  # noqa: S301  # pickled just before
    with pytest.raises(AttributeError, match="'gamma' is no hyperparameter; there are: learning_rate"):
        _ = config.gamma


def test_a_point_is_what_is_owned_at_the_first_report_at_or_beyond_the_mark(
    cartpole: Environment, own_threads: Callable[[], int]
) -> None:
    scores = {30: 1.0, 40: 2.0, 75: 3.0, 90: 4.0}
    reached: list[int] = []

    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> float:
        for env_steps_done, score in scores.items():
            report(env_steps_done, score)
            reached.append(env_steps_done)
        return 5.0

    made = start(loop, cartpole)
    curve = []
    for mark in (10, 30, 40, 50, 60, 100):
        made.advance(mark)
        curve.append((mark, made.evaluate(cartpole, 1, 1.0)[0].item(), made.costs()[0].env_steps, list(reached)))
    assert curve == [
        (10, 1.0, 30, []),
        (30, 1.0, 30, []),
        (40, 2.0, 40, [30]),
        (50, 3.0, 75, [30, 40]),
        (60, 3.0, 75, [30, 40]),
        (100, 5.0, 100, [30, 40, 75, 90]),  # the full budget: run to the end, and what it returns counts
    ]
    assert own_threads() == 0


def test_without_reports_every_point_is_what_is_returned_and_the_first_costs_everything(cartpole: Environment) -> None:
    made = examples.silent.population([Agent(examples.silent.defaults(), 7)], cartpole, 100)
    made.advance(10)
    first = made.evaluate(cartpole, 2, 1.0)
    assert made.costs()[0].env_steps == 100
    made.advance(100)
    np.testing.assert_array_equal(made.evaluate(cartpole, 2, 1.0)[0], first[0])
    single = cartpole.make(7)
    total = np.abs(single.reset()[0]).sum()
    # The seed was given to `make`, so the loop's reset is the second one of that stream, like this one.
    assert first[0].ravel().tolist() == pytest.approx([total + 1e-3 + 7 + 100] * 2, rel=1e-12)


def test_returning_nothing_leaves_what_was_reported_last(cartpole: Environment) -> None:
    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> None:
        report(120, 3.0)

    made = start(loop, cartpole)
    made.advance(100)
    assert made.evaluate(cartpole, 1, 1.0)[0].item() == 3.0
    assert made.costs()[0].env_steps == 120


class Predicting:
    def predict(self, observations: npt.NDArray[Any], deterministic: bool = False) -> tuple[npt.NDArray[Any], None]:
        assert deterministic
        return np.full(len(observations), 1), None


class PredictingPlainly:
    def predict(self, observations: npt.NDArray[Any]) -> list[int]:
        return [1] * len(observations)


@pytest.mark.parametrize(
    "policy", [Predicting(), PredictingPlainly(), examples.Constant(1), lambda observation: np.int64(1)]
)
def test_every_form_of_policy_is_played(policy: object, cartpole: Environment) -> None:
    made = start(lambda *given: policy, cartpole)
    made.advance(100)
    returns, steps = made.evaluate(cartpole, 3, 1.0)
    assert returns.ravel().tolist() == pushing(cartpole, 7, 1)
    assert steps[0] == returns.sum()


def test_a_policy_that_learns_in_place_is_judged_as_it_stood_at_the_report(cartpole: Environment) -> None:
    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
        policy = examples.Constant(0)
        report(50, policy)
        policy.action = 1
        return policy

    made = start(loop, cartpole)
    for mark, action in ((50, 0), (100, 1)):
        made.advance(mark)
        assert made.evaluate(cartpole, 3, 1.0)[0].ravel().tolist() == pushing(cartpole, 7, action)
    assert pushing(cartpole, 7, 0) != pushing(cartpole, 7, 1)


def test_a_score_cannot_stand_for_several_rewards() -> None:
    treasure = Environment("deep-sea-treasure-v0")

    def train(config: Any, environment: Any, seed: int, env_steps: int, report: Any) -> float:
        return 3.0

    made = start(train, treasure)
    made.advance(100)
    with pytest.raises(InvalidInput, match=r"the score 3\.0, but environment 'deep-sea-treasure-v0' gives 2 rewards"):
        made.evaluate(treasure, 2, 1.0)


@pytest.mark.parametrize("score", [math.nan, math.inf, np.float32("nan")])
def test_a_score_that_is_not_finite_has_diverged(score: float, cartpole: Environment) -> None:
    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> float:
        report(50, 1.0)
        return score

    made = start(loop, cartpole)
    made.advance(50)
    assert made.diverged.tolist() == [False]
    made.advance(100)
    assert made.diverged.tolist() == [True]
    made.advance(200)
    assert made.act(np.zeros((1, 1, 2, 4))).tolist() == [[[0, 0]]]


def test_an_exception_of_the_loop_arrives_with_its_traceback(cartpole: Environment) -> None:
    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> float:
        report(20, 1.0)
        raise ZeroDivisionError("in the loop")

    made = start(loop, cartpole)
    made.advance(20)
    with pytest.raises(ZeroDivisionError, match="in the loop") as caught:
        made.advance(40)
    assert "loop" in [entry.name for entry in caught.traceback]


@pytest.mark.parametrize(
    ("reports", "returned", "message"),
    [
        ([(10.5, 1.0)], 1.0, "reported env_steps=10.5, which is no whole number"),
        ([(True, 1.0)], 1.0, "reported env_steps=True, which is no whole number"),
        ([(20, 1.0), (10, 1.0)], 1.0, "reported env_steps=10 after 20; they never go back"),
        ([(20, "good")], 1.0, "reported or returned 'good', which is neither a policy"),
        ([], None, "reported or returned None, which is neither a policy"),
        ([], [1.0], r"reported or returned \[1.0\], which is neither a policy"),
    ],
)
def test_a_wrong_report_is_explained(
    reports: list[tuple[Any, Any]], returned: object, message: str, cartpole: Environment
) -> None:
    def loop(config: Any, environment: Environment, seed: int, env_steps: int, report: Any) -> object:
        for env_steps_done, owned in reports:
            report(env_steps_done, owned)
        return returned

    with pytest.raises(InvalidInput, match=message):
        start(loop, cartpole).advance(100)


def test_acting_without_a_policy_is_refused(cartpole: Environment) -> None:
    made = start(lambda *given: 3.0, cartpole)
    with pytest.raises(InvalidInput, match="owns nothing yet; there is no policy to act with"):
        made.act(np.zeros((1, 1, 1, 4)))
    made.advance(100)
    with pytest.raises(InvalidInput, match=r"owns the score 3\.0; there is no policy"):
        made.act(np.zeros((1, 1, 1, 4)))


def test_company_changes_no_bit_where_the_loop_draws_from_the_process(cartpole: Environment) -> None:
    made = examples.drawing

    def scores(seeds: list[int]) -> npt.NDArray[Any]:
        population = made.population([Agent(made.defaults(), seed) for seed in seeds], cartpole, 500)
        found = []
        for mark in (100, 300, 500):
            population.advance(mark)
            found.append(population.evaluate(cartpole, 1, 1.0)[0][:, 0, 0, 0])
        return np.stack(found)

    alone = scores([3])
    np.random.rand()  # what the process draws meanwhile must not matter either
    crowd = scores([1, 3, 2])
    np.testing.assert_array_equal(crowd[:, 1], alone[:, 0])
    assert len({*crowd.ravel().tolist()}) == 9


def test_an_abandoned_loop_ends_with_its_population(cartpole: Environment, own_threads: Callable[[], int]) -> None:
    made = examples.reporting.population(
        [Agent(examples.reporting.defaults(), seed) for seed in (0, 1)], cartpole, 1000
    )
    made.advance(200)
    assert own_threads() == 2
    made.close()
    assert own_threads() == 0


def test_what_was_decorated_can_still_be_called(cartpole: Environment) -> None:
    class Config:
        steps_between_reports = 50

    seen: list[int] = []
    called: Any = examples.reporting
    policy = called(Config(), cartpole, 0, 100, lambda env_steps, owned: seen.append(env_steps))
    assert isinstance(policy, examples.Constant)
    assert seen == [50, 100]


def test_what_cannot_be_an_algorithm_is_refused() -> None:
    def loop(config: Any, environment: Environment) -> float:
        return 0.0

    with pytest.raises(InvalidInput, match=r"'loop' must take \(config, environment, seed, env_steps, report\)"):
        autorl.algorithm(space=SPACE)(loop)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InvalidInput, match="the hyperparameter 'plan' is named like a part of every algorithm"):
        autorl.algorithm(space={"plan": {"float": [0, 1], "default": 0.5}})(examples.undecorated)
    with pytest.raises(InvalidInput, match="space of the algorithm 'undecorated'"):
        autorl.algorithm(space={"x": {"float": [1, 0], "default": 0.5}})(examples.undecorated)


SCRIPT = """
import autorl
from joblib import Parallel, delayed
from autorl.environment import Environment
from autorl.records import Agent

FACTOR = 2.0

def helper(value):
    return FACTOR * value

@autorl.algorithm(space={"x": {"float": [0.0, 1.0], "default": 0.5}})
def mine(config, environment, seed, env_steps, report):
    report(10, lambda observation: 0)
    return helper(config.x) + seed

def score(made, seed):
    population = made.population([Agent(made.defaults(), seed)], Environment("CartPole-v1"), 20)
    population.advance(10)
    population.advance(20)
    return population.evaluate(Environment("CartPole-v1"), 1, 1.0)[0].item()

if __name__ == "__main__":
    from autorl.population import algorithm_reference, source_digest
    print(Parallel(n_jobs=2)(delayed(score)(mine, seed) for seed in (3, 4)))
    print(algorithm_reference(mine), source_digest(mine))
"""


def run_script(path: Path, text: str) -> list[str]:
    path.write_text(text)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_a_script_s_own_function_travels_to_other_processes(tmp_path: Path) -> None:
    scores, reference = run_script(tmp_path / "script.py", SCRIPT)
    assert scores == "[4.0, 5.0]"
    assert reference.startswith("None ")
    alone = SCRIPT.replace("    print(Parallel(n_jobs=2)(delayed(score)(mine, seed) for seed in (3, 4)))\n", "")
    elsewhere = run_script(tmp_path / "other.py", "# a comment\n" + alone)
    assert elsewhere == [reference]  # what the rest of the script does is no part of the algorithm
    for change in (("FACTOR = 2.0", "FACTOR = 2.5"), ("FACTOR * value", "value * FACTOR")):
        assert run_script(tmp_path / "changed.py", alone.replace(*change)) != [reference]
