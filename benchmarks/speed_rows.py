"""What `population_speed` trains: six settings, and one run of each side on them.

Time is the process's CPU time, one torch thread. Left out on both sides: building models and environments, the first
`warm` env steps, and evaluation. Both step Gymnasium's environments: theirs one by one in Python, without a `Monitor`;
ours likewise on Pendulum-v1, and on CartPole-v1 as a batch that is the same bit for bit (`environment_stepping` has the
difference).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autorl.environment import Environment
from autorl.population import Population, resolve_algorithm
from autorl.records import Agent, Value

__all__ = ["ROWS", "Row", "Timed", "library", "population", "train"]


@dataclass(frozen=True)
class Row:
    """One setting, the same on both sides.

    Attributes:
        title: What the table calls it.
        algorithm: Ours; Stable-Baselines3 has it in capitals.
        environment: A Gymnasium id.
        setting: Hyperparameters besides the network, by Stable-Baselines3's names; `n_envs` among them.
        width: Units of both hidden layers.
        activation: "tanh" or "relu".
        warm: Env steps per agent before the clock starts.
        steps: Env steps per agent on the clock.
        wanted: How many times faster ten agents in one population must be.
    """

    title: str
    algorithm: str
    environment: str
    setting: Mapping[str, Value]
    width: int
    activation: str
    warm: int
    steps: int
    wanted: float


# Exploration is constant, so that both sides ask their network for the same share of actions.
DQN: dict[str, Value] = {
    "n_envs": 1, "batch_size": 64, "train_freq": 4, "learning_starts": 100, "buffer_size": 50_000,
    "target_update_interval": 500, "exploration_initial_eps": 0.05, "exploration_final_eps": 0.05,
}  # fmt: skip
SAC: dict[str, Value] = {"n_envs": 1, "train_freq": 1, "learning_starts": 100, "buffer_size": 50_000}
SHORT: dict[str, Value] = {
    "n_envs": 8, "n_steps": 32, "n_epochs": 20, "batch_size": 256, "learning_rate": 1e-3, "gamma": 0.98,
    "gae_lambda": 0.8,
}  # fmt: skip

ROWS = {
    "ppo": Row("PPO CartPole-v1, 1 x 2048", "ppo", "CartPole-v1", {"n_envs": 1}, 64, "tanh", 2048, 2048, 20),
    "ppo_short": Row("PPO CartPole-v1, 8 x 32", "ppo", "CartPole-v1", SHORT, 64, "tanh", 256, 2560, 8),
    "dqn": Row("DQN CartPole-v1, batch 64", "dqn", "CartPole-v1", DQN, 64, "relu", 200, 1200, 10),
    "sac_64": Row(
        "SAC Pendulum-v1, 64x64, batch 64", "sac", "Pendulum-v1", {**SAC, "batch_size": 64}, 64, "relu", 150, 200, 6
    ),
    "sac_256": Row(
        "SAC Pendulum-v1, 64x64, batch 256", "sac", "Pendulum-v1", {**SAC, "batch_size": 256}, 64, "relu", 150, 100, 2.5
    ),
    "sac_wide": Row(
        "SAC Pendulum-v1, 256x256, batch 256", "sac", "Pendulum-v1", {**SAC, "batch_size": 256}, 256, "relu", 120, 30,
        1.3,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """What a run took.

    Attributes:
        seconds: CPU seconds on the clock.
        steps: Env steps of all agents on the clock.
        flops: Floating-point operations of all agents on the clock, as planned; nan of a library.
    """

    seconds: float
    steps: int
    flops: float = float("nan")

    @property
    def speed(self) -> float:
        """Env steps of all agents a CPU second."""
        return self.steps / self.seconds


def population(row: Row, agents: int) -> Population:
    """Our agents, not trained yet."""
    algorithm = resolve_algorithm(row.algorithm)
    chosen = {**row.setting, "width": row.width, "depth": 2, "activation": row.activation}
    configuration = {**algorithm.defaults(), **chosen}
    horizon = row.warm + row.steps
    made = [Agent(configuration, seed) for seed in range(agents)]
    return algorithm.population(made, Environment(row.environment), horizon)


def train(row: Row, agents: int) -> Timed:
    """Trains our agents in one population."""
    made = population(row, agents)
    made.restart(0)
    made.advance(row.warm)
    before, begun = made.costs(), time.process_time()
    made.advance(row.warm + row.steps)
    seconds, after = time.process_time() - begun, made.costs()
    made.close()
    assert [entry.env_steps for entry in after] == [row.warm + row.steps] * agents
    spent = sum(late.flops - early.flops for early, late in zip(before, after, strict=True))
    return Timed(seconds, row.steps * agents, spent)


def library(row: Row) -> Timed:
    """Trains one agent of Stable-Baselines3."""
    import stable_baselines3
    from stable_baselines3.common.vec_env import DummyVecEnv
    from torch import nn

    setting: dict[str, Any] = dict(row.setting)
    vector = DummyVecEnv([Environment(row.environment).make] * setting.pop("n_envs"))
    network = {"net_arch": [row.width] * 2, "activation_fn": nn.Tanh if row.activation == "tanh" else nn.ReLU}
    made = getattr(stable_baselines3, row.algorithm.upper())
    model = made("MlpPolicy", vector, policy_kwargs=network, seed=0, device="cpu", **setting)
    model.learn(row.warm, log_interval=None)
    begun = time.process_time()
    model.learn(row.steps, log_interval=None, reset_num_timesteps=False)
    seconds = time.process_time() - begun
    vector.close()
    assert model.num_timesteps == row.warm + row.steps
    return Timed(seconds, row.steps)
