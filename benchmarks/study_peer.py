"""A study as one writes it with Optuna and Stable-Baselines3, in two processes; `benchmarks.study` runs and times it.

It uses nothing of ours. Told as JSON are the space (as in our space files), the defaults of both sides, seeds, env
steps and episodes; printed is what the winner returns on the test seeds. TPE, the default configuration first, a mean
over tuning seeds; then the winner, the space's default and the library's defaults train on every test seed. An agent
trains whole rollouts within its env steps, as ours do: the library alone would begin one more.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import optuna
from joblib import Parallel, delayed
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend


def suggest(trial: optuna.Trial, space: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A configuration, with a minibatch that fits into a rollout."""
    found: dict[str, Any] = {}
    for name, entry in space.items():
        if "constant" in entry:
            found[name] = entry["constant"]
        elif "choice" in entry:
            found[name] = trial.suggest_categorical(name, entry["choice"])
        elif "int" in entry:  # powers of two
            low, high = (value.bit_length() - 1 for value in entry["int"])
            found[name] = 2 ** trial.suggest_int(name, low, high)
        else:
            found[name] = trial.suggest_float(name, *entry["float"], log=entry.get("log", False))
    return {**found, "batch_size": min(found["batch_size"], found["n_steps"] * found["n_envs"])}


def encoded(space: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The default configuration as `suggest` would have it proposed."""
    defaults = {name: entry["default"] for name, entry in space.items() if "default" in entry}
    return {name: value.bit_length() - 1 if "int" in space[name] else value for name, value in defaults.items()}


def train(configuration: Mapping[str, Any], seed: int, told: Mapping[str, Any]) -> float:
    """Mean return of an agent after training; nan if it diverged."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(1)
    arguments = dict(configuration)
    environment = DummyVecEnv([lambda: gymnasium.make(told["environment"])] * arguments.pop("n_envs", 1))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You have specified a mini-batch size")
        warnings.filterwarnings("ignore", "Evaluation environment is not wrapped")
        model = PPO("MlpPolicy", environment, seed=seed, device="cpu", **arguments)
        rollout = model.n_steps * model.n_envs
        try:
            model.learn(told["env_steps"] // rollout * rollout)
        except ValueError as error:
            if "nan" not in str(error):  # of its distribution
                raise
            return float("nan")
        returns, _ = evaluate_policy(model, environment, n_eval_episodes=told["episodes"])
    return float(returns)


def work(journal: str, sampler_seed: int, told: Mapping[str, Any]) -> None:
    """Runs trials until all are given out, whichever process is free."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage, sampler = JournalStorage(JournalFileBackend(journal)), optuna.samplers.TPESampler(seed=sampler_seed)
    study = optuna.load_study(study_name="peer", storage=storage, sampler=sampler)

    while (trial := study.ask()).number < told["trials"]:
        configuration = suggest(trial, told["space"])
        trial.set_user_attr("configuration", configuration)
        returns = [train(configuration, seed, told) for seed in told["tuning_seeds"]]
        if np.isnan(returns).any():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, float(np.mean(returns)))


def main(told: Mapping[str, Any]) -> None:
    """Runs the study and prints the winner's returns on the test seeds."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, Parallel(n_jobs=told["processes"]) as processes:
        journal = str(Path(folder) / "journal.log")
        study = optuna.create_study(
            study_name="peer", storage=JournalStorage(JournalFileBackend(journal)), direction="maximize"
        )
        study.enqueue_trial(encoded(told["space"]))
        processes(delayed(work)(journal, 100 * told["seed"] + turn, told) for turn in range(told["processes"]))
        best, default = study.best_trial.user_attrs["configuration"], study.trials[0].user_attrs["configuration"]
        wanted: list[tuple[dict[str, Any], int]] = [({}, seed) for seed in told["tuning_seeds"]]
        judged: list[dict[str, Any]] = [best, *([default] if default != best else []), {}]
        wanted += [(one, seed) for one in judged for seed in told["test_seeds"]]
        returns = processes(delayed(train)(one, seed, told) for one, seed in wanted)
        first = len(told["tuning_seeds"])
        print(json.dumps({"test": returns[first : first + len(told["test_seeds"])], "tuning": study.best_value}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
