"""Trains agents of PureJaxRL's PPO side by side and prints CPU seconds; `purejaxrl` runs it.

It imports nothing of ours, since JAX lives in an environment of its own. One core, one thread of XLA's.
"""

from __future__ import annotations

import json
import os
import sys
import time
import types
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["OMP_NUM_THREADS"] = "1"


def main(told: dict[str, Any]) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sys.path.insert(0, told["folder"])
    try:
        import brax  # type: ignore[import-not-found]  # noqa: F401  # not in our environment
    except ImportError:  # only wrappers that are not used here need it
        sys.modules["brax"] = types.ModuleType("brax")
        vars(sys.modules["brax"])["envs"] = None
    import jax  # type: ignore[import-not-found]  # not in our environment
    from purejaxrl.ppo import make_train  # type: ignore[import-not-found]  # not in our environment

    keys = jax.random.split(jax.random.PRNGKey(0), told["agents"])
    begun = time.process_time()
    compiled = jax.jit(jax.vmap(make_train(told["config"]))).lower(keys).compile()
    made = time.process_time()
    jax.block_until_ready(compiled(keys))
    print(json.dumps({"compiling": made - begun, "training": time.process_time() - made}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
