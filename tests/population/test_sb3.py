"""Stable-Baselines3's algorithms behind the seam."""

# ruff: noqa: NPY002  # the process-wide generator is what is tested
from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import autorl
from autorl.environment import Environment
from autorl.environment.evaluation import evaluate
from autorl.errors import InvalidInput, UnknownName
from autorl.population import OneAgentPopulation, Population, algorithm_reference, resolve_algorithm
from autorl.population.sb3 import NETWORKS, library_classes
from autorl.records import Agent
from autorl.seeds import integer_seed

SMALL: dict[str, dict[str, Any]] = {
    "A2C": {"n_steps": 8},
    "PPO": {"n_steps": 32, "n_envs": 2, "batch_size": 16, "n_epochs": 2},
    "DQN": {"learning_starts": 50, "buffer_size": 200, "exploration_fraction": 0.9},
    "SAC": {"learning_starts": 50, "buffer_size": 200, "width": 16, "depth": 1, "batch_size": 16},
    "TD3": {"learning_starts": 50, "buffer_size": 200, "width": 16, "depth": 1, "batch_size": 16},
    "DDPG": {"learning_starts": 50, "buffer_size": 200, "width": 16, "depth": 1, "batch_size": 16},
}
CONTINUOUS = ("SAC", "TD3", "DDPG")


def environment_of(name: str) -> Environment:
    return Environment("Pendulum-v1" if name in CONTINUOUS else "CartPole-v1", max_episode_steps=50)


def start(name: str, seeds: list[int], horizon: int = 128, **values: Any) -> OneAgentPopulation:
    made = resolve_algorithm(f"sb3:{name}")
    configuration = {**made.defaults(), **SMALL[name], **values}
    population = made.population([Agent(configuration, seed) for seed in seeds], environment_of(name), horizon)
    assert isinstance(population, OneAgentPopulation)
    return population


def curve(population: Population, name: str, marks: tuple[int, ...] = (70, 128)) -> npt.NDArray[Any]:
    points = []
    for mark in marks:
        population.advance(mark)
        points.append(population.evaluate(environment_of(name), 2, 1.0)[0])
    return np.stack(points)


def test_hyperparameters_and_defaults_are_the_library_s() -> None:
    defaults = resolve_algorithm("sb3:PPO").defaults()
    assert defaults == {
        "learning_rate": 3e-4, "n_steps": 2048, "batch_size": 64, "n_epochs": 10, "gamma": 0.99, "gae_lambda": 0.95,
        "clip_range": 0.2, "clip_range_vf": None, "normalize_advantage": True, "ent_coef": 0.0, "vf_coef": 0.5,
        "max_grad_norm": 0.5, "use_sde": False, "sde_sample_freq": -1, "target_kl": None,
        "n_envs": 1, "width": 64, "depth": 2, "activation": "tanh",
        "anneal_learning_rate": False,
    }  # fmt: skip
    assert resolve_algorithm("sb3:SAC").defaults()["ent_coef"] == "auto"


@pytest.mark.parametrize("name", sorted(SMALL))
def test_the_default_network_is_the_library_s_own(name: str) -> None:
    made = resolve_algorithm(f"sb3:{name}")
    environment = environment_of(name).make()
    small = {"buffer_size": 1} if "buffer_size" in made.defaults() else {}
    ours = made.configure(small).build(environment, 0, "cpu")  # type: ignore[attr-defined]  # an inner part
    library = library_classes()[name]("MlpPolicy", environment, seed=0, device="cpu", **small)
    assert str(ours.policy) == str(library.policy)
    assert name in NETWORKS or made.defaults()["width"] is None
    for weights, others in zip(ours.policy.parameters(), library.policy.parameters(), strict=True):
        assert torch.equal(weights, others)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_company_changes_no_bit_and_the_process_is_left_as_it_was(name: str, own_threads: Callable[[], int]) -> None:
    library_classes()  # importing the library, once a process, draws from `random`
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]  # the legacy state is a tuple
    alone = start(name, [5])
    expected = curve(alone, name)
    crowd = start(name, [4, 5])
    np.testing.assert_array_equal(curve(crowd, name)[:, 1], expected[:, 0])
    assert crowd.costs()[1] == alone.costs()[0]
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]  # the legacy state is a tuple
    assert after == before
    for population in (alone, crowd):
        population.close()
    assert own_threads() == 0


def test_where_training_is_held_changes_no_bit_and_marks_are_never_exceeded() -> None:
    often = start("PPO", [1])
    steps = []
    for mark in range(10, 129, 10):
        often.advance(mark)
        steps.append(often.costs()[0].env_steps)
        assert steps[-1] <= mark
    assert sorted({*steps}) == [0, 64]
    once = start("PPO", [1])
    np.testing.assert_array_equal(curve(often, "PPO", (128,)), curve(once, "PPO", (128,)))
    assert once.costs()[0].env_steps == 128
    assert once.costs()[0].gradient_updates == 2 * 2 * 4  # rollouts x epochs x minibatches of 64 / 16
    assert once.costs()[0].parameters == 4 * 64 + 64 + 64 * 64 + 64 + 64 * 2 + 2


def test_it_trains_as_the_library_does_alone() -> None:
    """The same model by hand, with nothing of ours but the seeds."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv

    environment = environment_of("PPO")
    vector = DummyVecEnv([environment.make] * 2)
    model = PPO(
        "MlpPolicy", vector, seed=integer_seed(3, "library"), device="cpu", n_steps=32, batch_size=16, n_epochs=2
    )
    vector._seeds = [integer_seed(3, "environment", index=index) for index in range(2)]
    model.learn(128)

    def act(observations: npt.NDArray[Any]) -> npt.NDArray[Any]:
        actions, _ = model.predict(observations[0, 0], deterministic=True)
        return np.asarray(actions)[None, None]

    expected = evaluate(act, environment, [3], 2)[0]
    np.testing.assert_array_equal(curve(start("PPO", [3]), "PPO")[-1], expected)


def test_every_hyperparameter_reaches_the_library() -> None:
    made = resolve_algorithm("sb3:PPO")
    changed = {
        "learning_rate": 1e-2, "n_steps": 16, "batch_size": 8, "n_epochs": 3, "gamma": 0.5, "gae_lambda": 0.5,
        "clip_range": 0.01, "clip_range_vf": 0.01, "normalize_advantage": False, "ent_coef": 0.5, "vf_coef": 0.01,
        "max_grad_norm": 0.01, "target_kl": 1e-9, "n_envs": 3, "width": 8, "depth": 1, "activation": "relu",
        "anneal_learning_rate": True,
    }  # fmt: skip

    def weights(**values: Any) -> list[Any]:
        environment = environment_of("PPO")
        population = made.population([Agent({**made.defaults(), **SMALL["PPO"], **values}, 0)], environment, 128)
        population.advance(128)
        policy = population._trainers[0]._model.policy  # type: ignore[attr-defined]  # an inner part
        return [entry.tolist() for entry in policy.parameters()]

    usual = weights()
    for name, value in changed.items():
        assert weights(**{name: value}) != usual, name


def test_a_diverged_agent_freezes_and_its_neighbour_goes_on() -> None:
    made = resolve_algorithm("sb3:PPO")
    usual = {**made.defaults(), **SMALL["PPO"]}
    agents = [Agent({**usual, "learning_rate": float("inf")}, 0), Agent(usual, 5)]
    population = made.population(agents, environment_of("PPO"), 128)
    points = curve(population, "PPO")
    assert population.diverged.tolist() == [True, False]
    np.testing.assert_array_equal(points[:, 1], curve(start("PPO", [5]), "PPO")[:, 0])
    assert not population.act(np.ones((2, 1, 3, 4), dtype=np.float32))[0].any()


def test_a_plan_builds_and_checks() -> None:
    cartpole, pendulum = environment_of("PPO").spaces(), environment_of("SAC").spaces()
    plan = resolve_algorithm("sb3:PPO").configure({"n_envs": 4, "width": 3, "depth": 1}).plan(cartpole, 100)
    assert plan.iteration_env_steps == 4 * 2048
    assert plan.parameters == 4 * 3 + 3 + 3 * 2 + 2
    assert resolve_algorithm("sb3:DQN").configure({}).plan(cartpole, 100).iteration_env_steps == 4
    with pytest.raises(InvalidInput, match=r"sb3:DQN: The algorithm only supports .*Box"):
        resolve_algorithm("sb3:DQN").configure({}).plan(pendulum, 100)
    with pytest.raises(InvalidInput, match=r"width=None and depth=2 must both be given or neither"):
        resolve_algorithm("sb3:PPO").configure({"width": None})
    with pytest.raises(UnknownName, match="unknown activation 'rellu'; did you mean 'relu'"):
        resolve_algorithm("sb3:PPO").configure({"activation": "rellu"})
    with pytest.raises(InvalidInput, match=r"batch_size=64 exceeds the rollout of n_steps \* n_envs = 4 \* 2 = 8 rows"):
        resolve_algorithm("sb3:PPO").configure({"n_steps": 4, "n_envs": 2})
    with pytest.raises(InvalidInput, match="n_envs=0 is below 1"):
        resolve_algorithm("sb3:PPO").configure({"n_envs": 0})


def test_names_read_back_and_classes_travel() -> None:
    made = resolve_algorithm("sb3:PPO")
    assert resolve_algorithm({"sb3": "PPO"}) is made
    assert algorithm_reference(made) == "sb3:PPO"
    assert pickle.loads(pickle.dumps(made)) is made  # noqa: S301  # pickled just before
    with pytest.raises(UnknownName, match="unknown Stable-Baselines3 algorithm 'PPOO'; did you mean 'PPO'"):
        resolve_algorithm("sb3:PPOO")


def test_default_spaces_load_with_the_library_s_defaults() -> None:
    made = resolve_algorithm("sb3:PPO")
    source = made.default_space()
    assert isinstance(source, dict)
    space = autorl.SearchSpace.load(source, defaults=made.defaults())
    assert {"learning_rate", "n_steps", "ent_coef"} <= set(space.names) <= set(made.defaults())


def test_without_the_library_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['stable_baselines3'] = None\n"
        "from autorl.population import resolve_algorithm\n"
        "try: resolve_algorithm('sb3:PPO')\nexcept Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingExtra stable_baselines3")
    assert "pip install 'autorl[sb3]'" in done.stdout
