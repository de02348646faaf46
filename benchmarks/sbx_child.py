"""Trains one agent of SBX, Stable-Baselines3's algorithms in JAX, and prints CPU seconds; `population_speed` runs it.

It imports nothing of ours, since SBX lives in an environment of its own. One core, one thread of XLA's. The first
`warm` env steps hold all compilation.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"


def main(row: dict[str, Any]) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    begun = time.process_time()
    import gymnasium
    import jax  # type: ignore[import-not-found]  # not in our environment
    import sbx  # type: ignore[import-not-found]  # not in our environment
    from flax import linen  # type: ignore[import-not-found]  # not in our environment
    from stable_baselines3.common.vec_env import DummyVecEnv

    setting = dict(row["setting"])
    vector = DummyVecEnv([lambda: gymnasium.make(row["environment"])] * setting.pop("n_envs"))
    network = {"net_arch": [row["width"]] * 2, "activation_fn": getattr(linen, row["activation"])}
    model = getattr(sbx, row["algorithm"].upper())("MlpPolicy", vector, policy_kwargs=network, seed=0, **setting)
    model.learn(row["warm"], log_interval=None)
    started = time.process_time()
    model.learn(row["steps"], log_interval=None, reset_num_timesteps=False)
    seconds = time.process_time() - started
    versions = f"SBX {sbx.__version__}, JAX {jax.__version__}"
    print(json.dumps({"seconds": seconds, "before": started - begun, "versions": versions}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
