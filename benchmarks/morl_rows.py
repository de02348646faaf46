"""What `morl_fronts` trains: environments, and a row for every algorithm with the hyperparameters found for it.

Hyperparameters were found by random search on seeds 100 and up, and looked at once more on seeds 10000 and up; they are
measured on seeds 20000 and up. Add a row to `ROWS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autorl.environment import Environment
from autorl.records import Value

__all__ = ["ROWS", "TASKS", "Row", "Task"]


@dataclass(frozen=True)
class Task:
    """Where fronts are sought, and how they are judged.

    Attributes:
        environment: What is trained and evaluated in.
        discount: Of the evaluation.
        reference: The reference point of the hypervolume, in rewards.
        weights: Weight vectors evaluated, the smallest lattice of at least so many.
        episodes: Episodes per weight vector.
        wanted: Share of the true hypervolume, mean over seeds.
        seconds: CPU seconds of all seeds together, training and evaluation.
        title: What the table calls it.
    """

    environment: Environment
    discount: float
    reference: Sequence[float]
    weights: int
    episodes: int
    wanted: float
    seconds: float
    title: str


ONE_HOT = "autorl.environment.one_hot:OneHot"
TASKS = {
    "dst": Task(Environment("deep-sea-treasure-v0"), 0.99, (0, -50), 20, 1, 0.97, 60, "Deep Sea Treasure, convex"),
    "concave": Task(
        Environment("deep-sea-treasure-concave-v0"), 0.99, (0, -50), 20, 1, 0.95, 60, "Deep Sea Treasure, concave"
    ),
    "resource": Task(
        Environment("resource-gathering-v0"), 0.98, (-1, -1, -2), 36, 100, 0.95, 60, "Resource Gathering"
    ),
    "fruit": Task(
        Environment("fruit-tree-v0", max_episode_steps=6, wrappers=[ONE_HOT]), 0.99, (0,) * 6, 792, 1, 0.85, 60,
        "Fruit Tree, one-hot",
    ),
    "minecart": Task(
        Environment("minecart-deterministic-v0"), 0.98, (-1, -1, -200), 36, 1, 0.6, 240, "Minecart, deterministic"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One algorithm on one task.

    Attributes:
        task: A key of `TASKS`.
        algorithm: A bundled name.
        env_steps: Per seed.
        values: Hyperparameters other than the algorithm's defaults, besides gamma, which is the task's discount.
    """

    task: str
    algorithm: str
    env_steps: int
    values: Mapping[str, Value] = field(default_factory=dict)


CONSTANT_LAMBDA = {"initial_homotopy_lambda": 0.75, "final_homotopy_lambda": 0.75}
MINECART: dict[str, Value] = {
    "learning_rate": 4.4e-4, "gradient_updates": 6, "target_net_update_freq": 287, "epsilon_decay_steps": 24_000,
    "learning_starts": 2000, "reward_scale": "1 1 0.05", **CONSTANT_LAMBDA,
}  # fmt: skip
ROWS = [
    Row("dst", "mo_ppo", 40_000),
    Row("dst", "mo_dqn", 20_000),
    Row("dst", "morld", 20_000),
    Row("concave", "pcn", 40_000),
    Row("concave", "pareto_q", 40_000),
    Row("resource", "mo_ppo", 100_000),
    Row("resource", "pareto_q", 40_000),
    Row("resource", "mo_dqn", 40_000, {
        "target": "scalarized", "learning_rate": 1.33e-3, "batch_size": 128, "num_sample_w": 2, "gradient_updates": 3,
        "target_net_update_freq": 1000, "epsilon_decay_steps": 24_000, "n_steps": 4, "learning_starts": 500,
        "reward_scale": 3.0, **CONSTANT_LAMBDA,
    }),
    Row("fruit", "mo_dqn", 30_000, {
        "learning_rate": 2e-3, "n_envs": 32, "batch_size": 128, "target_net_update_freq": 250, "n_steps": 1,
        "initial_homotopy_lambda": 0.5, "final_homotopy_lambda": 0.5, "weight_concentration": 1.0, "reward_scale": 0.2,
    }),
    Row("minecart", "mo_dqn", 80_000, MINECART),
    Row("minecart", "mo_dqn", 50_000, MINECART),
]  # fmt: skip
