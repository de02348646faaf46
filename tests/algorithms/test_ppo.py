"""PPO's targets on an environment with known answers, its checks, its plan, and that it learns."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.spaces import Box, Discrete

from autorl.agents.optimiser import Adam
from autorl.agents.rollout import Batch
from autorl.algorithms.ppo import PPO, PPOPopulation
from autorl.environment import Environment, Spaces
from autorl.errors import InvalidInput, UnknownName
from autorl.records import Agent


class Stairs(gymnasium.Env[npt.NDArray[np.float32], Any]):
    """Observes the step within the episode; the reward is 10 times the step reached; ends at `length`."""

    def __init__(self, length: int = 10**9) -> None:
        self.observation_space = Box(0, np.inf, (1,), np.float32)
        self.action_space = Discrete(2)
        self.length, self.step_number = length, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.step_number = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.step_number += 1
        return (
            np.full(1, self.step_number, np.float32),
            10.0 * self.step_number,
            self.step_number >= self.length,
            False,
            {},
        )


if "ppo/Stairs-v0" not in gymnasium.registry:
    gymnasium.register("ppo/Stairs-v0", lambda **kwargs: Stairs(**kwargs), max_episode_steps=4)


class Spy(PPOPopulation):
    """Keeps what it was to learn from."""

    def learn(self, data: Batch) -> None:
        self.data = data


GAMMA, MIXING, SLOPE = 0.9, 0.8, 3.0


def targets(length: int, steps: int = 10) -> npt.NDArray[np.float32]:
    """Value targets of an agent whose value is SLOPE times the observation."""
    configuration = PPO(n_steps=steps, n_envs=2, batch_size=2, depth=0, gamma=GAMMA, gae_lambda=MIXING)
    environment = Environment("ppo/Stairs-v0", {"length": length})
    agents = [Agent({**PPO.defaults(), "depth": 0}, seed) for seed in range(2)]
    population = Spy([configuration, configuration], agents, environment, 100, "cpu")
    # One network a row: the second one's last output is the value.
    population.shape.layout.weights(population.network.parameters[:, 1])[0][:, 0, 2] = SLOPE
    population.restart(0)
    population.advance(2 * steps)
    made: npt.NDArray[np.float32] = population.data.returns.view(2, steps, 2).numpy()
    assert (made[0] == made[1]).all()
    return made[0, :, 0]


def by_hand(bootstrap: bool, steps: int = 10, cut: int = 4) -> list[float]:
    """lambda-returns step by step: G = r + gamma ((1 - lambda) V' + lambda G'), from the last step backwards."""
    found: list[float] = []
    for step in range(steps - 1, -1, -1):
        place = step % cut
        value_there, last = SLOPE * (place + 1), place == cut - 1
        if last:
            future = value_there if bootstrap else 0.0
        elif step == steps - 1:
            future = value_there
        else:
            future = (1 - MIXING) * value_there + MIXING * found[-1]
        found.append(10.0 * (place + 1) + GAMMA * future)
    return found[::-1]


def test_a_truncated_episode_is_bootstrapped_from_its_final_observation() -> None:
    # The time limit cuts at 4, so that the final observation is 4 and the next episode starts at 0.
    np.testing.assert_allclose(targets(length=10**9), by_hand(bootstrap=True), rtol=1e-5)


def test_a_terminated_episode_is_not_and_no_step_counts_across_a_reset() -> None:
    found = targets(length=4)
    np.testing.assert_allclose(found, by_hand(bootstrap=False), rtol=1e-5)
    assert found[3] == 40, "the last step of an episode has its reward and nothing of the next episode"
    assert not np.allclose(found, by_hand(bootstrap=True))


@pytest.mark.parametrize(
    "values, message",
    [
        ({"batch_size": 65, "n_steps": 32, "n_envs": 2}, "batch_size: 65 exceeds the rollout of .* 32 \\* 2 = 64"),
        ({"gamma": 1.5}, "gamma: 1.5 must be at least 0 and at most 1"),
        ({"gae_lambda": -0.1}, "gae_lambda: -0.1 must be"),
        ({"clip_range": 0}, "clip_range: 0 must be above 0"),
        ({"clip_range_vf": 0.0}, "clip_range_vf: 0.0 must be above 0"),
        ({"learning_rate": float("nan")}, "learning_rate: nan must be at least 0"),
        ({"ent_coef": float("inf")}, "ent_coef: inf must be at least 0 and finite"),
        ({"learning_rate": "1e-3"}, "learning_rate: '1e-3' is no number"),
        ({"learning_rate": True}, "learning_rate: True is no number"),
        ({"adam_eps": 0.0}, "adam_eps: 0.0 must be at least 1.17"),
        ({"adam_eps": 1e-50}, "adam_eps: 1e-50 must be at least 1.17"),
        ({"batch_size": 1}, "batch_size: 1 leaves no deviation to normalise advantages by"),
        ({"depth": 4}, "depth: 4 must be at least 0 and at most 3"),
        ({"width": 0}, "width: 0 must be at least 1"),
        ({"n_steps": 2.5}, "n_steps: 2.5 is no whole number"),
        ({"activation": "gelu"}, "activation: 'gelu' is none of tanh, relu"),
        ({"share_trunk": 1}, "share_trunk: 1 is neither true nor false"),
    ],
)
def test_a_value_it_cannot_run_is_refused_with_the_rule(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        PPO.configure(values)


def test_an_unknown_hyperparameter_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'learning_rate'"):
        PPO.configure({"learning_rat": 0.1})


def test_parameters_of_the_acting_network_are_counted_by_hand() -> None:
    cartpole, pendulum = Environment("CartPole-v1").spaces(), Environment("Pendulum-v1").spaces()
    two_layers = 4 * 64 + 64 + 64 * 64 + 64 + 64 * 2 + 2
    assert PPO().plan(cartpole, 1).parameters == two_layers
    assert PPO(share_trunk=True).plan(cartpole, 1).parameters == two_layers
    assert PPO(depth=0).plan(cartpole, 1).parameters == 4 * 2 + 2
    # The log standard deviation acts too.
    assert PPO(depth=1, width=5).plan(pendulum, 1).parameters == 3 * 5 + 5 + 5 * 1 + 1 + 1


def test_the_plan_counts_whole_iterations_and_short_minibatches() -> None:
    plan = PPO(n_steps=10, n_envs=3, batch_size=8, n_epochs=5).plan(Environment("CartPole-v1").spaces(), 100)
    assert plan.iteration_env_steps == 30
    assert plan.gradient_updates == 3 * 5 * 4  # minibatches of 8, 8, 8 and 6
    weights = 4 * 64 + 64 + 64 * 64 + 64
    acting, value = weights + 64 * 2 + 2, weights + 64 + 1
    assert plan.flops == 2 * 90 * (acting + acting + value) + 6 * 90 * 5 * (acting + value)
    assert plan.memory_bytes is not None
    assert plan.memory_bytes > 4 * 4 * (acting + value)


def test_spaces_it_cannot_handle_are_refused() -> None:
    box = Box(-1, 1, (3,))
    with pytest.raises(InvalidInput, match="PPO acts in discrete spaces"):
        PPO().plan(Spaces(box, Box(0, 5, (2,), np.int64), 1, 10), 100)
    with pytest.raises(InvalidInput, match="one reward, not a vector of 2"):
        PPO().plan(Spaces(box, Discrete(2), 2, 10), 100)


def test_training_without_environments_is_refused() -> None:
    population = PPO.population([Agent(PPO.defaults(), 0)], Environment("CartPole-v1"), 4096)
    with pytest.raises(InvalidInput, match="call restart"):
        population.advance(2048)
    with pytest.raises(InvalidInput, match="0 agents"):
        PPO.population([], Environment("CartPole-v1"), 4096)


def test_the_first_iteration_has_the_full_learning_rate_and_annealing_ends_above_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = {**PPO.defaults(), "n_steps": 8, "batch_size": 8, "n_epochs": 1}
    rates: list[float] = []
    annealed = [Agent({**small, "anneal_learning_rate": True}, 0), Agent(small, 0)]
    population = PPO.population(annealed, Environment("CartPole-v1"), 32)
    optimiser = population.optimiser

    def noted(gradients: Any, learning_rates: npt.NDArray[np.float64], *others: Any) -> None:
        rates.append(learning_rates[0])
        assert learning_rates[1] == 3e-4
        Adam.step(optimiser, gradients, learning_rates, *others)

    monkeypatch.setattr(optimiser, "step", noted)
    population.restart(0)
    population.advance(32)
    np.testing.assert_allclose(rates, 3e-4 * np.array([1, 0.75, 0.5, 0.25]))


def test_a_policy_that_moves_too_far_stops_while_the_others_go_on() -> None:
    small = {**PPO.defaults(), "n_steps": 64, "batch_size": 16, "n_epochs": 10, "learning_rate": 0.05}
    agents = [Agent({**small, "target_kl": target}, 0) for target in (1e-4, None)]
    population = PPO.population(agents, Environment("CartPole-v1"), 64)
    population.restart(0)
    population.advance(64)
    stopped, free = population.costs()
    assert 1 <= stopped.gradient_updates < free.gradient_updates == 40
    assert stopped.flops < free.flops


def test_a_sound_state_taken_up_where_an_agent_diverged_trains_as_anywhere() -> None:
    small = {**PPO.defaults(), "n_steps": 32, "batch_size": 16, "n_epochs": 2}
    fresh, used = (PPO.population([Agent(small, 0)], Environment("CartPole-v1"), 128) for _ in range(2))
    sound = used.state_dict()
    used.network.parameters[...] = float("nan")
    for population in (used, fresh):
        population.restart(0)
        population.advance(64)
    assert used.diverged.all()
    used.load_state_dict(sound)
    used.restart(0)
    used.advance(64)
    assert not used.diverged.any()
    assert used.state_dict()["weights"].tobytes() == fresh.state_dict()["weights"].tobytes()


def test_a_learning_rate_that_blows_up_freezes_its_agent_alone() -> None:
    small = {**PPO.defaults(), "n_steps": 32, "batch_size": 16, "n_epochs": 2}
    agents = [Agent({**small, "learning_rate": rate}, 0) for rate in (1e-3, 1e39, 1e-3)]
    environment = Environment("Pendulum-v1")
    population = PPO.population(agents, environment, 128)
    population.restart(0)
    population.advance(32)
    assert population.diverged.tolist() == [False, True, False]
    frozen = population.state_dict()["weights"][1].tobytes()
    population.advance(128)
    assert [cost.env_steps for cost in population.costs()] == [128, 32, 128]
    assert population.state_dict()["weights"][1].tobytes() == frozen
    assert not population.act(np.ones((3, 1, 2, 3), np.float32))[1].any()
    again = population.select([1, 2])
    assert again.diverged.tolist() == [True, False]
    assert np.isfinite(population.state_dict()["weights"][[0, 2]]).all()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_learns_cartpole() -> None:
    fast = {"n_envs": 8, "n_steps": 32, "n_epochs": 20, "batch_size": 256, "learning_rate": 1e-3}
    configuration = {**PPO.defaults(), **fast, "gamma": 0.98, "gae_lambda": 0.8}
    environment = Environment("CartPole-v1")
    population = PPO.population([Agent(configuration, seed) for seed in range(5)], environment, 40_000)
    population.restart(0)
    population.advance(40_000)
    returns, _ = population.evaluate(environment, 20, 1.0)
    assert returns.mean() > 400, returns.mean(axis=(1, 2, 3))
    assert not population.diverged.any()
