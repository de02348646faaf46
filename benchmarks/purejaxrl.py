"""Whether ten PPO agents are trained sooner than by PureJaxRL, which compiles each new shape before it trains.

Run it as `python -m benchmarks.purejaxrl FOLDER --python PYTHON`: a checkout of PureJaxRL (github.com/luchris429), and
the interpreter of an environment with jax, flax, optax, distrax and gymnax before 1.0. Both train ten agents side by
side on CartPole-v1, 8 environments x 32 steps, 20 epochs of one minibatch, at equal hyperparameters, on one core; ours
step Gymnasium's environment as a batch, theirs Gymnax's, in the compiled program. CPU time of building, compiling and
training; loading libraries and evaluation are left out on both sides, which run in turn: theirs in a new process each
time, without JAX's cache of compiled programs on disk, ours in this one.

    --rounds N  repetitions (3)

Exit code 1 if ours take longer than theirs with compilation.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from autorl.environment import Environment
from autorl.population import resolve_algorithm
from autorl.records import Agent
from benchmarks.children import in_child, table, write_result
from benchmarks.peers import run_peer

AGENTS, ENV_STEPS, N_ENVS, N_STEPS, N_EPOCHS = 10, 20_480, 8, 32, 20
RATE, GAMMA, GAE_LAMBDA, CLIP, VF_COEF, NORM = 1e-3, 0.98, 0.8, 0.2, 0.5, 0.5


def ours() -> float:
    """CPU seconds of our training."""
    algorithm = resolve_algorithm("ppo")
    configuration = {
        **algorithm.defaults(), "learning_rate": RATE, "n_envs": N_ENVS, "n_steps": N_STEPS, "n_epochs": N_EPOCHS,
        "batch_size": N_ENVS * N_STEPS, "gamma": GAMMA, "gae_lambda": GAE_LAMBDA, "clip_range": CLIP,
        "clip_range_vf": CLIP, "ent_coef": 0.0, "vf_coef": VF_COEF, "max_grad_norm": NORM, "adam_eps": 1e-5,
    }  # fmt: skip
    begun = time.process_time()
    agents = [Agent(configuration, seed) for seed in range(AGENTS)]
    population = algorithm.population(agents, Environment("CartPole-v1"), ENV_STEPS)
    population.restart(0)
    population.advance(ENV_STEPS)
    population.close()
    return time.process_time() - begun


def theirs(folder: Path, python: Path) -> tuple[float, float]:
    """CPU seconds of their compilation and of their training."""
    config = {
        "ENV_NAME": "CartPole-v1", "LR": RATE, "NUM_ENVS": N_ENVS, "NUM_STEPS": N_STEPS, "TOTAL_TIMESTEPS": ENV_STEPS,
        "UPDATE_EPOCHS": N_EPOCHS, "NUM_MINIBATCHES": 1, "GAMMA": GAMMA, "GAE_LAMBDA": GAE_LAMBDA, "CLIP_EPS": CLIP,
        "ENT_COEF": 0.0, "VF_COEF": VF_COEF, "MAX_GRAD_NORM": NORM, "ACTIVATION": "tanh", "ANNEAL_LR": False,
    }  # fmt: skip
    told = {"folder": str(folder.resolve()), "agents": AGENTS, "config": config}
    answer = run_peer(python, "purejaxrl_child.py", told)
    return answer["compiling"], answer["training"]


def main(arguments: Sequence[str]) -> int:
    """Measures and prints the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.purejaxrl")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    rounds = [(ours(), *theirs(given.folder, given.python)) for _ in range(given.rounds)]
    mine, compiling, training = map(statistics.median, zip(*rounds, strict=True))
    whole = AGENTS * ENV_STEPS
    ratio = statistics.median((theirs + after) / own for own, theirs, after in rounds)
    rows = [
        ["ours", "-", f"{mine:.1f}", f"{whole / mine:,.0f}", f"{whole / mine:,.0f}"],
        [
            "PureJaxRL", f"{compiling:.1f}", f"{training:.1f}", f"{whole / training:,.0f}",
            f"{whole / (compiling + training):,.0f}",
        ],
    ]  # fmt: skip
    apart = mine - training
    even = f"after {ENV_STEPS * compiling / apart:,.0f} env steps an agent" if apart > 0 else "never"
    header = ["", "CPU s compiling", "CPU s training", "env steps a CPU s, training", "with compilation"]
    write_result(
        "purejaxrl",
        f"# {AGENTS} PPO agents on CartPole-v1 beside PureJaxRL's, {ENV_STEPS:,} env steps each, one core\n\n"
        f"{table(header, rows)}\n\n"
        f"With compilation counted ours are {ratio:.1f} times as fast at this length, and theirs catch up {even} of "
        f"one shape. {N_ENVS} environments x {N_STEPS} steps, {N_EPOCHS} epochs of one minibatch, 64 x 64 tanh. Every "
        f"shape of networks, rollouts or minibatches, and every number of agents, is compiled anew. Medians of "
        f"{given.rounds} rounds, both sides in turn; loading libraries and evaluation left out on both. Theirs step "
        f"Gymnax's environment in the compiled program, ours Gymnasium's as a batch. One compiled program serves all "
        f"configurations of a shape; a cache of them on disk, which JAX can keep, was not used.",
    )
    return int(ratio < 1)


if __name__ == "__main__" and in_child():
    raise SystemExit(main(sys.argv[1:]))
