"""What `morl_speed` trains: three algorithms of morl-baselines and ours beside them, at equal settings.

Add a row to `ROWS`, or an algorithm to `PEERS` here and in `morl_peer_child`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autorl.records import Value

__all__ = ["PEERS", "ROWS", "Peer", "Row"]


@dataclass(frozen=True)
class Peer:
    """An algorithm of morl-baselines beside ours.

    Attributes:
        title: What the table calls both.
        algorithm: Ours.
        wanted: How many times as many env steps a CPU second ten agents of ours are to take as one of theirs.
        passes: Of a drawn transition through a network in a gradient step, ours and theirs; backward counts twice.
        note: What is alike, and what differs between the two.
    """

    title: str
    algorithm: str
    wanted: float
    passes: tuple[int, int]
    note: str


PEERS = {
    "envelope": Peer(
        "mo_dqn, Envelope", "mo_dqn", 20, (20, 44),
        "Both under 4 weight vectors, envelope target, no homotopy, one gradient step an env step. Of 44 passes there, "
        "32 value the next observation of every transition under every pair of vectors; ours do so under every vector.",
    ),
    "pcn": Peer(
        "pcn, PCN", "pcn", 5, (3, 3),
        "Both at the library's defaults, which are 50 gradient steps after every ten episodes. How long episodes are "
        "depends on what was learned, so that ours take as many gradient steps an env step as theirs took in the same "
        "round; in one environment as theirs do, or in 16 at once where the row says so. Commands are drawn anew for "
        "every episode of ours and for every ten of theirs.",
    ),
    "morld": Peer(
        "morld, MORL/D", "morld", 10, (5, 14),
        "Both of 10 policies with a shared replay, one environment a policy, as many gradient steps of a policy as the "
        "row says, and exchanges every 100 env steps. The library has no Q-learning here: its policies are discrete "
        "soft actor-critics, of an actor and two critics, so that a gradient step is another one and the last column "
        "is the fairer one. Weight vectors are adapted by ours at every exchange; theirs does so by evaluations, which "
        "are left out, and so finds nothing to move them by. No update passes besides.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One setting, the same on both sides.

    Attributes:
        peer: A key of `PEERS`.
        title: What the table calls the network and the batch.
        ours: Hyperparameters other than the algorithm's defaults.
        made: What theirs is built with.
        trained: What its training is told besides.
        steps: Env steps per agent on the clock.
        warm: Env steps per agent before.
        environment: A Gymnasium id.
        follows: Our hyperparameter that says how many gradient steps an iteration has, if they are to be as many an env
            step as theirs take, which the lengths of their episodes decide.
    """

    peer: str
    title: str
    ours: Mapping[str, Value]
    made: Mapping[str, Any]
    trained: Mapping[str, Any]
    steps: int
    warm: int = 200
    environment: str = "deep-sea-treasure-v0"
    follows: str | None = None


def _envelope(width: int, depth: int, per: bool, steps: int) -> Row:
    alike: dict[str, Any] = {
        "learning_rate": 3e-4, "gamma": 0.99, "initial_epsilon": 0.05, "final_epsilon": 0.05, "learning_starts": 100,
        "buffer_size": 50_000, "batch_size": 32, "num_sample_w": 4, "gradient_updates": 1, "tau": 1.0,
        "target_net_update_freq": 200, "max_grad_norm": 1.0,
    }  # fmt: skip
    network = {"width": width, "depth": depth}
    return Row(
        "envelope",
        f"{[width] * depth}, batch 32{', prioritised' if per else ''}",
        {**alike, **network, "prioritized_replay": per, "n_envs": 1, "n_steps": 1, "homotopy": False},
        {**alike, "net_arch": [width] * depth, "per": per, "initial_homotopy_lambda": 0.0},
        {"num_eval_weights_for_front": 2},  # builds that many vectors to evaluate under, which nobody does
        steps,
    )


def _pcn(title: str, environments: int, env_steps: int) -> Row:
    alike: dict[str, Any] = {"learning_rate": 1e-3, "gamma": 1.0, "batch_size": 256}
    memory = {"num_er_episodes": 20, "max_buffer_size": 100}
    return Row(
        "pcn",
        title,
        {**alike, **memory, "n_envs": environments, "n_steps": env_steps // environments, "width": 64, "depth": 1},
        {**alike, "hidden_dim": 64, "scaling_factor": [0.1, 0.1, 0.01]},
        {**memory, "num_step_episodes": 10, "num_model_updates": 50},
        steps=6 * env_steps,
        warm=2 * env_steps,
        follows="num_model_updates",
    )


def _morld(width: int, batch: int, every: int, steps: int) -> Row:
    alike: dict[str, Any] = {"gamma": 0.99, "pop_size": 10, "exchange_every": 100, "shared_buffer": True}
    policy: dict[str, Any] = {"batch_size": batch, "learning_starts": 100, "buffer_size": 50_000, "tau": 1.0}
    return Row(
        "morld",
        f"{[width] * 2}, batch {batch}, every {every} env steps" if every > 1 else f"{[width] * 2}, batch {batch}",
        {
            **alike, **policy, "width": width, "learning_rate": 3e-4, "n_envs": 1, "n_steps": 1, "train_freq": every,
            "gradient_updates": 1, "target_net_update_freq": 200,
        },
        {
            **alike, "policy_name": "MOSACDiscrete", "update_passes": 0, "weight_adaptation_method": "PSA",
            "policy_args": {
                **policy, "net_arch": [width] * 2, "policy_lr": 3e-4, "q_lr": 3e-4, "update_frequency": every,
                "target_net_freq": 200,
            },
        },
        {"checkpoints": False},
        steps,
    )  # fmt: skip


ROWS = {
    "envelope": _envelope(64, 2, False, 600),
    "envelope_per": _envelope(64, 2, True, 600),
    "envelope_wide": _envelope(256, 4, True, 100),
    "pcn": _pcn("[64, 64], batch 256", 1, 200),
    "pcn_16": _pcn("[64, 64], batch 256, 16 environments", 16, 256),
    "morld": _morld(64, 32, 1, 1000),
    "morld_wide": _morld(256, 128, 4, 1000),
}
